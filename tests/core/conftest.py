"""A station of two sections, its air simulated in a dozen lines, and monitors to feed it to."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray

from service.core.events import AlertEvent, RuleKind, Severity
from service.core.monitor import Monitor, Policy
from service.core.physics import R_AIR
from service.core.rules import Rule, Side
from service.core.samples import Activity, SampleBatch
from service.core.station import Channel, ChannelKind, Hatch, HatchState, Section, Station
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.core.views import AtmosphereView, Outcome

settings.register_profile(
    "core", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("core")

START_S = 1_707_004_800.0  # 4 February 2024
CABIN_M3, TUNNEL_M3 = 100.0, 10.0
FIRST_PA = 745.0 * PA_PER_MMHG
TEMPERATURE_K = 295.0
OXYGEN_SHARE = 0.22


def _channel(name: str, kind: ChannelKind) -> Channel:
    unit = "degC" if kind is ChannelKind.TEMPERATURE else "mmHg"
    return Channel(name=name, section=name.split(".", 1)[0], kind=kind, unit=unit)


STATION = Station(
    name="small",
    sections=(
        Section(name="cabin", volume_m3=CABIN_M3),
        Section(name="tunnel", volume_m3=TUNNEL_M3),
    ),
    hatches=(
        Hatch(name="door", between=("cabin", "tunnel"), state=HatchState.OPEN),
        Hatch(name="port", between=("cabin", "vacuum"), state=HatchState.CLOSED),
    ),
    channels=(
        _channel("cabin.pressure", ChannelKind.PRESSURE),
        _channel("cabin.pressure2", ChannelKind.PRESSURE),
        _channel("tunnel.pressure", ChannelKind.PRESSURE),
        _channel("cabin.temperature", ChannelKind.TEMPERATURE),
        _channel("tunnel.temperature", ChannelKind.TEMPERATURE),
        _channel("cabin.ppo2", ChannelKind.PPO2),
    ),
    accepted_leak_kg_per_s=0.03 / S_PER_DAY,
)
SENSOR_SD = (*(0.03 * PA_PER_MMHG,) * 3, 0.02, 0.02, 0.1 * PA_PER_MMHG)
SENSOR_OFFSET = (0.0, 40.0, -60.0, 0.0, 0.1, 0.0)

RULES = (
    Rule(
        name="pressure_low",
        kind=RuleKind.LIMIT,
        side=Side.BELOW,
        thresholds={Severity.EMERGENCY: 600.0 * PA_PER_MMHG, Severity.CAUTION: 734.0 * PA_PER_MMHG},
        hold_s=600.0,
        keep_firing_s=600.0,
        clear_margin=PA_PER_MMHG,
        response="Repressurise.",
    ),
    Rule(
        name="rapid_depressurisation",
        kind=RuleKind.PRESSURE_RATE,
        thresholds={Severity.EMERGENCY: 0.5 * PA_PER_MMHG / 60.0},
        hold_s=20.0,
        keep_firing_s=60.0,
        clear_margin=0.1 * PA_PER_MMHG / 60.0,
        response="Gather the crew.",
    ),
    Rule(
        name="leak_rate_high",
        kind=RuleKind.LEAK_RATE,
        thresholds={Severity.WARNING: 1.7 / S_PER_DAY, Severity.CAUTION: 0.4 / S_PER_DAY},
        hold_s=3600.0,
        keep_firing_s=3600.0,
        clear_margin=0.05 / S_PER_DAY,
        response="Look for an open valve.",
    ),
    Rule(
        name="leak_growth",
        kind=RuleKind.LEAK_GROWTH,
        thresholds={Severity.CAUTION: 0.05 / S_PER_DAY},
        keep_firing_s=3600.0,
        response="Shut the hatch.",
    ),
    Rule(
        name="reserve_time",
        kind=RuleKind.RESERVE_TIME,
        thresholds={Severity.EMERGENCY: 24 * 3600.0, Severity.WARNING: 72 * 3600.0},
        hold_s=300.0,
        keep_firing_s=300.0,
        clear_margin=2 * 3600.0,
        response="Isolate the section.",
    ),
    Rule(
        name="silence",
        kind=RuleKind.SILENCE,
        thresholds={Severity.ADVISORY: 7200.0},
        response="Check the link.",
    ),
)
POLICY = Policy(rules=RULES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """What the sensors of the small station say while its tunnel leaks and the crew breathes.

    `leak_kg_per_day` and `oxygen_kg` are functions of the hours since the start; the hatch is
    shut within the given spans of hours.
    """

    hours: float
    leak_kg_per_day: Callable[[float], float] = lambda _: 0.1
    oxygen_kg: Callable[[float], float] = lambda _: 0.0
    shut: tuple[tuple[float, float], ...] = ()
    spacing_s: float = 60.0
    seed: int = 1
    start_s: float = START_S
    channels: int = len(STATION.channels)  # the first of them; 5 = all but the oxygen sensor

    def is_shut(self, hour: float) -> bool:
        return any(first <= hour < last for first, last in self.shut)

    def truth(self) -> NDArray[np.float64]:
        """Return time, pressure of cabin and of tunnel, and oxygen pressure, one row a step."""
        steps = round(self.hours * 3600.0 / self.spacing_s)
        per_pa = np.array([CABIN_M3, TUNNEL_M3]) / (R_AIR * TEMPERATURE_K)
        mass = FIRST_PA * per_pa
        oxygen = OXYGEN_SHARE * mass
        rows = np.empty((steps, 4))
        given_kg = 0.0
        for step in range(steps):
            hour = step * self.spacing_s / 3600.0
            kept = 1.0 - self.leak_kg_per_day(hour) * self.spacing_s / S_PER_DAY / mass[1]
            mass[1], oxygen[1] = kept * mass[1], kept * oxygen[1]
            new_kg = self.oxygen_kg(hour) - given_kg
            mass[0], oxygen[0] = mass[0] + new_kg, oxygen[0] + new_kg
            given_kg += new_kg
            if not self.is_shut(hour):
                mass, oxygen = (gas.sum() * per_pa / per_pa.sum() for gas in (mass, oxygen))
            time_s = self.start_s + step * self.spacing_s
            rows[step] = time_s, *(mass / per_pa), oxygen[0] / per_pa[0]
        return rows

    def samples(self) -> SampleBatch:
        """Return the readings of all channels, noisy, arriving a moment after they were taken."""
        rows = self.truth()
        rng = np.random.default_rng(self.seed)
        swing = 0.3 * np.sin(2.0 * np.pi * (rows[:, 0] - self.start_s) / 5400.0)
        warm = 1.0 + swing / TEMPERATURE_K
        cabin, tunnel = rows[:, 1] * warm, rows[:, 2] * warm
        thermal = TEMPERATURE_K + swing
        oxygen = rows[:, 3] * warm
        values = np.stack([cabin, cabin, tunnel, thermal, thermal, oxygen], axis=1)
        values += rng.normal(0.0, SENSOR_SD, values.shape) + np.array(SENSOR_OFFSET)
        values = values[:, : self.channels]
        count = self.channels
        time_s = np.repeat(rows[:, 0], count) + np.tile(np.arange(count) * 0.5, len(rows))
        return SampleBatch(
            channel=np.tile(np.arange(count, dtype=np.int32), len(rows)),
            time_s=time_s,
            received_s=time_s + 2.0,
            value=values.ravel(),
            quality=np.zeros(values.size, np.uint8),
        )

    def activities(self) -> list[Activity]:
        """Return the moves of the hatch as messages."""
        moves = [
            (h, s) for span in self.shut for h, s in zip(span, ("closed", "open"), strict=True)
        ]
        return [
            Activity(time_s=at_s, received_s=at_s, name="hatch", hatch="door", state=state)
            for hour, state in moves
            if (at_s := self.start_s + hour * 3600.0) < self.start_s + self.hours * 3600.0
        ]


def series(
    times_s: NDArray[np.float64], by_channel: Mapping[int, NDArray[np.float64] | float]
) -> SampleBatch:
    """Return good readings of some channels at common times, arriving at once."""
    count = len(by_channel)
    time_s = np.repeat(times_s, count)
    columns = [np.broadcast_to(v, times_s.shape) for v in by_channel.values()]
    return SampleBatch(
        channel=np.tile(np.array(list(by_channel), np.int32), len(times_s)),
        time_s=time_s,
        received_s=time_s.copy(),
        value=np.stack(columns, axis=1).ravel().astype(np.float64),
        quality=np.zeros(len(time_s), np.uint8),
    )


@dataclass(slots=True)
class Watch:
    """A monitor and all that it has said so far."""

    monitor: Monitor
    outcome: Outcome

    def feed(
        self, samples: SampleBatch, activities: Sequence[Activity] = (), every_s: float = 6 * 3600.0
    ) -> "Watch":
        """Let the monitor see samples and messages in order of arrival, and run up to the last."""
        first_s, end_s = float(samples.received_s[0]), float(samples.received_s[-1])
        cuts = np.append(np.arange(first_s + every_s, end_s, every_s), np.inf)
        row = 0
        waiting = list(activities)
        for cut in cuts.tolist():
            until = int(np.searchsorted(samples.received_s, cut, "left"))
            self.monitor.observe(samples[row:until])
            self.monitor.declare([a for a in waiting if a.received_s < cut])
            waiting = [a for a in waiting if a.received_s >= cut]
            self.advance(min(cut, end_s + 60.0))
            row = until
        return self

    def advance(self, now_s: float) -> Outcome:
        """Run up to a time and remember what came of it."""
        new = self.monitor.advance(now_s)
        self.outcome = Outcome(
            events=self.outcome.events + new.events,
            estimates=self.outcome.estimates + new.estimates,
        )
        return new

    def alerts(self, rule: str, *kinds: str) -> list[AlertEvent]:
        """Return the events of a rule's alerts, of the given kinds or of all."""
        return [
            e
            for e in self.outcome.events
            if isinstance(e, AlertEvent) and e.rule == rule and (not kinds or e.event in kinds)
        ]

    def last(self, atmosphere: str) -> AtmosphereView:
        """Return how an atmosphere stands now."""
        return next(a for a in self.monitor.view().atmospheres if a.name == atmosphere)


@pytest.fixture(scope="session")
def station() -> Station:
    return STATION


@pytest.fixture(scope="session")
def policy() -> Policy:
    return POLICY


@pytest.fixture(scope="session")
def flight() -> type[Flight]:
    return Flight


@pytest.fixture(scope="session")
def watch() -> Callable[..., Watch]:
    """Return a fresh monitor of the small station; keywords change its policy."""

    def fresh(station: Station = STATION, **changed: object) -> Watch:
        return Watch(Monitor(station, replace(POLICY, **changed)), Outcome())  # type: ignore[arg-type]

    return fresh


@pytest.fixture(scope="session")
def make_series() -> Callable[..., SampleBatch]:
    return series


@pytest.fixture(scope="session")
def blind() -> Station:
    """Return the small station without its oxygen sensor: leaks show in the total air alone."""
    return replace(STATION, channels=STATION.channels[:5])


@pytest.fixture(scope="session")
def lone() -> Station:
    """Return a station of one section with a single pressure sensor."""
    return replace(
        STATION, sections=STATION.sections[:1], hatches=(), channels=STATION.channels[:1]
    )
