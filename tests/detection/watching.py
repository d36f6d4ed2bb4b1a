"""Lets a monitor watch a simulated station from its start to its end."""

from dataclasses import dataclass
from typing import Any

from service.core.events import AlertEvent
from service.core.monitor import Monitor
from service.settings.build import policy_of, station_of
from service.settings.schema import Settings
from service.sources.simulator import SimulatedReadings
from simulators.scenario import config_of
from simulators.schema import Scenario
from simulators.station import Simulation


@dataclass(frozen=True)
class Watched:
    """What a monitor said of a scenario, and when a leak first changed in it."""

    alerts: list[AlertEvent]
    onset_s: float

    def raised(self, rule: str) -> list[AlertEvent]:
        return [alert for alert in self.alerts if alert.rule == rule and alert.event == "raised"]


def watched(scenario: Scenario, seed: int, **window: Any) -> Watched:
    settings = Settings(**config_of(scenario))
    station = station_of(settings)
    monitor = Monitor(station, policy_of(settings))
    readings = SimulatedReadings(scenario.channels, station)
    events: list[Any] = []
    for part in Simulation(scenario, seed, **window).slices(6 * 3600.0):
        monitor.observe(readings.of(part))
        events += monitor.advance(part.end_s).events
    onsets = [entry.at.timestamp() for entry in scenario.timeline if entry.what == "leak"]
    return Watched(
        [event for event in events if isinstance(event, AlertEvent)], min(onsets, default=0.0)
    )
