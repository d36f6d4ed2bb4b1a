"""Turns one reading of the service into Prometheus metric families."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import nan
from typing import Final, Protocol

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from service.core.events import ACTIVE_STATES, AlertState, Severity
from service.core.station import HatchState
from service.core.units import ZERO_CELSIUS_K
from service.core.views import AtmosphereView, Balance, EstimateQuality, MonitorView
from service.outputs.base import OutputStatus

G_PER_KG: Final = 1000.0
HATCH_VALUE: Final = {HatchState.OPEN: 1.0, HatchState.CLOSED: 0.0, HatchState.UNKNOWN: nan}


class SourceStatus(Protocol):
    """How the link of a source stands."""

    @property
    def up(self) -> bool:
        """Whether it delivers now."""
        ...

    @property
    def reconnects(self) -> int:
        """How often it came back."""
        ...

    @property
    def sessions_lost(self) -> int:
        """How often it came back without the messages of the time between."""
        ...


class ObservedSource(Protocol):
    """What the metrics need to see of a source."""

    @property
    def name(self) -> str:
        """The value of the label `source`."""
        ...

    @property
    def status(self) -> SourceStatus:
        """The link, live."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkReading:
    """A source at one moment."""

    name: str
    up: bool
    reconnects: int
    sessions_lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Everything the metrics show, taken at one moment; nobody changes it afterwards."""

    version: str
    view: MonitorView
    samples: Mapping[tuple[str, str], int]
    alert_events: Mapping[tuple[str, str], int]
    sources: tuple[LinkReading, ...]
    outputs: Mapping[str, OutputStatus]
    annunciations: int = 0
    causes: Mapping[str, int] = field(default_factory=dict)


def families(reading: Reading) -> Iterator[Metric]:
    """Yield every metric of the service; what is not known has no series."""
    yield _gauge(
        "build_info", "Version of the service; always 1.", ["version"], [((reading.version,), 1)]
    )
    yield from _station(reading.view)
    for atmosphere_family in _ATMOSPHERE_GAUGES:
        yield atmosphere_family.render(reading.view.atmospheres)
    yield from _atmosphere_tables(reading.view.atmospheres)
    yield from _alerts(reading)
    yield from _causes(reading)
    yield from _intake(reading)
    yield from _outputs(reading.outputs)


@dataclass(frozen=True, slots=True)
class _AtmosphereGauge:
    """A figure that an atmosphere has once."""

    name: str
    text: str
    attribute: str
    part: str | None = None
    scale: float = 1.0

    def render(self, atmospheres: Iterable[AtmosphereView]) -> Metric:
        return _gauge(
            self.name,
            self.text,
            ["atmosphere"],
            [((atmosphere.name,), self._value(atmosphere)) for atmosphere in atmospheres],
        )

    def _value(self, atmosphere: AtmosphereView) -> float | None:
        owner = atmosphere if self.part is None else getattr(atmosphere, self.part)
        value: float | None = None if owner is None else getattr(owner, self.attribute)
        return None if value is None else value * self.scale


_ATMOSPHERE_GAUGES: Final = (
    _AtmosphereGauge("air_mass_grams", "Mass of air.", "air_mass_kg", None, G_PER_KG),
    _AtmosphereGauge(
        "air_mass_standard_error_grams",
        "Standard error of the mass of air, without that of the volume.",
        "air_mass_sd_kg",
        None,
        G_PER_KG,
    ),
    _AtmosphereGauge(
        "free_volume_cubic_meters",
        "Free gas volume as repressurisations of known mass show it.",
        "free_volume_m3",
    ),
    _AtmosphereGauge(
        "free_volume_standard_error_cubic_meters",
        "Standard error of the free gas volume.",
        "free_volume_sd_m3",
    ),
    _AtmosphereGauge(
        "leak_rate_grams_per_second",
        "Air (or coolant of a loop) lost, positive = loss.",
        "rate_kg_per_s",
        "leak",
        G_PER_KG,
    ),
    _AtmosphereGauge(
        "leak_rate_lower_bound_grams_per_second",
        "Lower bound of the leak rate, 95 % interval.",
        "low_kg_per_s",
        "leak",
        G_PER_KG,
    ),
    _AtmosphereGauge(
        "leak_rate_upper_bound_grams_per_second",
        "Upper bound of the leak rate, 95 % interval.",
        "high_kg_per_s",
        "leak",
        G_PER_KG,
    ),
    _AtmosphereGauge(
        "equivalent_hole_lower_bound_meters",
        "Diameter of the hole that would lose as much at a discharge coefficient of 1.",
        "hole_low_m",
        "outlook",
    ),
    _AtmosphereGauge(
        "equivalent_hole_upper_bound_meters",
        "The same at a discharge coefficient of 0.6; of a liquid both are at 0.61.",
        "hole_high_m",
        "outlook",
    ),
    _AtmosphereGauge(
        "leak_flow_exponent",
        "Power of the pressure with which a closed atmosphere leaks; none until it has emptied far.",
        "exponent",
        "law",
    ),
    _AtmosphereGauge(
        "leak_growth_statistic_ratio",
        "Evidence that the leak grows, over the alarm threshold (1 = alarm).",
        "statistic_ratio",
        "growth",
    ),
    _AtmosphereGauge(
        "leak_growth_grams_per_second",
        "By how much the leak rate has grown since the onset.",
        "growth_kg_per_s",
        "growth",
        G_PER_KG,
    ),
    _AtmosphereGauge(
        "leak_growth_onset_timestamp_seconds",
        "Since when the leak grows, Unix time.",
        "onset_s",
        "growth",
    ),
)


def _station(view: MonitorView) -> Iterator[Metric]:
    yield _gauge(
        "pressure_pascals",
        "Newest accepted pressure.",
        ["section"],
        [((section.name,), section.pressure_pa) for section in view.sections],
    )
    yield _gauge(
        "temperature_celsius",
        "Newest accepted air temperature.",
        ["section"],
        [
            ((section.name,), None if kelvin is None else kelvin - ZERO_CELSIUS_K)
            for section in view.sections
            for kelvin in [section.temperature_k]
        ],
    )
    yield _gauge(
        "hatch_open",
        "1 = open, 0 = closed, NaN = unknown.",
        ["hatch"],
        [((hatch,), HATCH_VALUE[state]) for hatch, state in view.hatches.items()],
    )
    suspects = view.isolation.suspects if view.isolation is not None else {}
    yield _gauge(
        "leak_suspect_probability_ratio",
        "Probability that the leak is in the section, by the closures so far.",
        ["section"],
        [((section,), probability) for section, probability in suspects.items()],
    )
    isolation = view.isolation
    yield _gauge(
        "isolation_test_running",
        "1 while a closed hatch is watched as a test of where the leak is.",
        [],
        [((), None if isolation is None else bool(isolation.running))],
    )
    yield _gauge(
        "isolation_doubts",
        "Closed sections of which what they show may have another explanation.",
        [],
        [((), None if isolation is None else len(isolation.doubts))],
    )
    yield _gauge(
        "sensor_trusted",
        "1 = agrees with the other sensors of its gas, 0 = doubted; none where there are no others.",
        ["channel"],
        [((sensor.channel,), sensor.doubt is None) for sensor in view.sensors],
    )
    yield _gauge(
        "last_tick_timestamp_seconds",
        "Time of the last evaluation on the clock of the engine, Unix time.",
        [],
        [((), view.now_s)],
    )
    yield _gauge(
        "last_sample_timestamp_seconds",
        "Event time of the newest accepted sample, Unix time.",
        ["channel"],
        [((channel,), time_s) for channel, time_s in view.last_sample_s.items()],
    )


def _atmosphere_tables(atmospheres: Iterable[AtmosphereView]) -> Iterator[Metric]:
    yield _gauge(
        "coolant_mass_grams",
        "Coolant in the accumulator of a loop, its expansion taken out.",
        ["loop"],
        [
            ((atmosphere.name,), None if coolant.mass_kg is None else coolant.mass_kg * G_PER_KG)
            for atmosphere in atmospheres
            if (coolant := atmosphere.coolant) is not None
        ],
    )
    yield _gauge(
        "reserve_time_seconds",
        "Time until the pressure (or quantity) reaches the named floor at the present leak rate.",
        ["atmosphere", "floor"],
        [
            ((atmosphere.name, floor), seconds)
            for atmosphere in atmospheres
            for floor, seconds in atmosphere.reserve_time_s.items()
        ],
    )
    for bound, name in (("lower", "reserve_low_s"), ("upper", "reserve_high_s")):
        yield _gauge(
            f"reserve_time_{bound}_bound_seconds",
            f"{bound.capitalize()} bound of the reserve time, 95 % band; infinite = never.",
            ["atmosphere", "floor"],
            [
                ((atmosphere.name, floor), seconds)
                for atmosphere in atmospheres
                if atmosphere.outlook is not None
                for floor, seconds in getattr(atmosphere.outlook, name).items()
            ],
        )
    yield _gauge(
        "estimate_balance",
        "Which gas balance the estimate rests on: 1 for that, 0 for the others.",
        ["atmosphere", "balance"],
        [
            ((atmosphere.name, balance.value), float(balance is atmosphere.balance))
            for atmosphere in atmospheres
            for balance in Balance
        ],
    )
    yield _gauge(
        "estimate_quality",
        "How far the estimate can be trusted: 1 for the quality it has, 0 for the others.",
        ["atmosphere", "quality"],
        [
            ((atmosphere.name, quality.value), float(quality is atmosphere.quality))
            for atmosphere in atmospheres
            for quality in EstimateQuality
        ],
    )


def _alerts(reading: Reading) -> Iterator[Metric]:
    alerts = reading.view.alerts
    yield _gauge(
        "alert_active",
        "1 while the alert is unacknowledged or acknowledged.",
        ["rule", "atmosphere", "severity"],
        [
            ((alert.rule, alert.atmosphere, alert.severity.value), alert.state in ACTIVE_STATES)
            for alert in alerts
        ],
    )
    yield _gauge(
        "alert_state",
        "1 for the state an alert is in, 0 for the others; alerts at rest have no series.",
        ["rule", "atmosphere", "state"],
        [
            ((alert.rule, alert.atmosphere, state.value), state is alert.state)
            for alert in alerts
            for state in AlertState
        ],
    )
    yield _gauge(
        "incidents_open",
        "Incidents that are open: alerts with one cause count once.",
        ["severity"],
        [
            (
                (severity.value,),
                sum(incident.severity is severity for incident in reading.view.incidents),
            )
            for severity in Severity
        ],
    )
    yield _gauge(
        "annunciations_recent",
        "Times that an alert asked for attention in the last ten minutes; ten are a flood.",
        [],
        [((), reading.annunciations)],
    )
    yield _gauge(
        "station_mode",
        "1 for the mode that the station is in, where the config has modes.",
        ["mode"],
        [((reading.view.mode,), 1.0)] if reading.view.mode else [],
    )
    yield _counter(
        "alert_events", "Changes of alerts.", ["rule", "event"], reading.alert_events.items()
    )


def _causes(reading: Reading) -> Iterator[Metric]:
    yield _counter(
        "causes_named",
        "Times that what changed the air was recognised, a leak or not, a lying sensor among it.",
        ["cause"],
        [((cause,), count) for cause, count in reading.causes.items()],
    )


def _intake(reading: Reading) -> Iterator[Metric]:
    yield _counter(
        "samples",
        "Samples that came in, by what became of them: accepted, or the reason of refusal.",
        ["source", "outcome"],
        reading.samples.items(),
    )
    links = reading.sources
    yield _gauge(
        "source_up",
        "1 while the source delivers.",
        ["source"],
        [((link.name,), link.up) for link in links],
    )
    yield _counter(
        "source_reconnects",
        "Times a source came back after a loss.",
        ["source"],
        [((link.name,), link.reconnects) for link in links],
    )
    yield _counter(
        "source_sessions_lost",
        "Times a source came back without its session: messages of the gap are missing.",
        ["source"],
        [((link.name,), link.sessions_lost) for link in links],
    )


def _outputs(outputs: Mapping[str, OutputStatus]) -> Iterator[Metric]:
    yield _counter(
        "output_writes",
        "Write attempts of an output; failed ones are tried again.",
        ["output", "outcome"],
        [
            ((name, outcome), count)
            for name, status in outputs.items()
            for outcome, count in (("written", status.written), ("failed", status.failed))
        ],
    )
    yield _gauge(
        "output_queue_length",
        "Records that wait for an output.",
        ["output"],
        [((name,), status.queued) for name, status in outputs.items()],
    )
    yield _counter(
        "output_dropped",
        "Records an output gave up for good.",
        ["output"],
        [((name,), status.dropped) for name, status in outputs.items()],
    )


def _gauge(
    name: str,
    text: str,
    labels: list[str],
    values: Iterable[tuple[tuple[str, ...], float | None]],
) -> Metric:
    family = GaugeMetricFamily(f"hullwatch_{name}", text, labels=labels)
    for label_values, value in values:
        if value is not None:
            family.add_metric(label_values, float(value))
    return family


def _counter(
    name: str, text: str, labels: list[str], counts: Iterable[tuple[tuple[str, ...], int]]
) -> Metric:
    family = CounterMetricFamily(f"hullwatch_{name}", text, labels=labels)
    for label_values, count in counts:
        family.add_metric(label_values, count)
    return family
