"""Joins the stages: samples in, alert events and estimates out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.core.rules import Rule
from service.core.samples import Activity, SampleBatch
from service.core.station import Station
from service.core.views import Intake, MonitorView, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the monitor works, apart from what the station is.

    Attributes
    ----------
    false_alarm_interval_s : float
        Mean time between false growth alerts of the whole station.
    floors_pa : mapping of str to float
        Named pressures that reserve times count to; `evacuation` is always among them.
    past_s, ahead_s : float
        Event times further than this behind or ahead of the clock are not believed.
    stale_s : float
        A channel silent for longer is unknown.
    estimate_every_s : float
        Spacing of the estimate rows of an `Outcome`.
    single_sensor_emergency : bool
        Whether one sensor alone may raise an emergency.
    """

    rules: tuple[Rule, ...]
    false_alarm_interval_s: float = 90 * 86400.0
    floors_pa: dict[str, float] = field(default_factory=lambda: {"evacuation": 490 * 133.322387415})
    past_s: float = 31 * 86400.0
    ahead_s: float = 300.0
    stale_s: float = 7800.0
    estimate_every_s: float = 600.0
    single_sensor_emergency: bool = False


class Monitor:
    """Watches one station. Deterministic: the same samples give the same events, however cut."""

    def __init__(self, station: Station, policy: Policy) -> None:
        self.station = station
        self.policy = policy

    def observe(self, batch: SampleBatch) -> Intake:
        """Check the readings and keep the good ones for the next tick."""
        raise NotImplementedError

    def declare(self, activities: Sequence[Activity]) -> None:
        """Keep the activity messages for the next tick."""
        raise NotImplementedError

    def advance(self, now_s: float) -> Outcome:
        """Run every tick up to now with what had arrived before it."""
        raise NotImplementedError

    def view(self) -> MonitorView:
        """Show the state after the last tick."""
        raise NotImplementedError

    def snapshot(self) -> dict[str, Any]:
        """Return all state as plain Python values and arrays."""
        raise NotImplementedError

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot of a monitor with the same station and policy."""
        raise NotImplementedError
