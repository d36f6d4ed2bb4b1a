"""What the monitor shows of itself at one moment, for metrics, pages and tables."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from service.core.causes import Cause
from service.core.events import (
    AlertEventKind,
    AlertState,
    CauseNamed,
    Event,
    RuleKind,
    SensorDoubted,
    Severity,
)
from service.core.station import HatchState


class Balance(StrEnum):
    """Which gas account an estimate rests on, best first."""

    NITROGEN = "nitrogen"
    DRY = "dry_air"  # total less vapour and CO2, where these are measured; an account of TOTAL
    TOTAL = "total"  # total air mass, temperature compensated
    PRESSURE = "pressure"  # no temperature known
    LIQUID = "liquid"  # of a coolant loop, temperature compensated
    QUANTITY = "quantity"  # of a coolant loop, no temperature known


LOOP_FLOOR: Final = "coolant"  # name of the floor that the reserve time of a loop counts to


class EstimateQuality(StrEnum):
    """How far an estimate can be trusted."""

    GOOD = "good"
    LEARNING = "learning"  # too little history; the interval is wide and true
    STALE = "stale"  # no new data; the last values are shown


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakEstimate:
    """Leak rate with its 95 % interval, kg/s, positive = loss."""

    rate_kg_per_s: float
    low_kg_per_s: float
    high_kg_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GrowthEstimate:
    """Evidence for a change of the leak rate.

    `statistic_ratio` is the test statistic over its threshold (1 = alarm). The other fields are
    None while the ratio says nothing of interest; `growth_kg_per_s` comes with its 95 % interval
    and the onset, Unix UTC, with its own.
    """

    statistic_ratio: float
    growth_kg_per_s: float | None = None
    growth_low_kg_per_s: float | None = None
    growth_high_kg_per_s: float | None = None
    onset_s: float | None = None
    onset_low_s: float | None = None
    onset_high_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoolantView:
    """The liquid of a loop; None = unknown.

    `held_kg` is what its accumulator holds, and `mass_kg` what it would hold at 20 degC.
    """

    mass_kg: float | None
    held_kg: float | None
    density_kg_per_m3: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowLaw:
    """The power of its pressure with which an atmosphere leaks, and its 95 % interval.

    1 = a hole into vacuum, 2 = a viscous slit; the PrK crack had 1.8.
    """

    exponent: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What follows from a leak rate if it stays as it is; infinity = never, None = unknown.

    Attributes
    ----------
    reserve_low_s, reserve_high_s : dict of str to float
        95 % band of the time to each floor: by the high end of the rate through a hole, and by its
        low end through a crack, whose flow falls faster with the pressure.
    gas_kg_per_month, gas_low_kg_per_month, gas_high_kg_per_month : float or None
        Air that holding the pressure takes in 30 days, and its 95 % interval.
    hole_low_m, hole_high_m : float or None
        Diameter of the hole that would lose as much, by its discharge coefficient, 1 to 0.6.
    """

    reserve_low_s: dict[str, float]
    reserve_high_s: dict[str, float]
    gas_kg_per_month: float | None = None
    gas_low_kg_per_month: float | None = None
    gas_high_kg_per_month: float | None = None
    hole_low_m: float | None = None
    hole_high_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AtmosphereView:
    """One atmosphere: its air, its leak and how long it lasts; None = unknown.

    `reserve_time_s` maps the name of each configured floor to the time until the pressure
    reaches it. `volume_m3` is the configured one, docked vehicles included; `free_volume_m3` what
    is believed of it, to which masses and rates are scaled; their errors do not hold that of the
    volume. `assumed` maps each unknown hatch of it to what it is taken for. `law` is None
    unless the pressure has fallen far by the leak alone. A coolant
    loop is shown as an atmosphere of its own name with `coolant` in place of air, and with one
    floor, the least quantity.
    """

    time_s: float
    name: str
    sections: tuple[str, ...]
    volume_m3: float | None
    pressure_pa: float | None
    temperature_k: float | None
    air_mass_kg: float | None
    balance: Balance | None
    quality: EstimateQuality
    leak: LeakEstimate | None
    growth: GrowthEstimate | None
    reserve_time_s: dict[str, float | None]
    air_mass_sd_kg: float | None = None
    free_volume_m3: float | None = None
    free_volume_sd_m3: float | None = None
    assumed: dict[str, HatchState] = field(default_factory=dict)
    coolant: CoolantView | None = None
    outlook: Outlook | None = None
    law: FlowLaw | None = None

    @property
    def reserve_floor(self) -> str:
        """Name of the floor at which the crew must leave, or the loop is lost."""
        return "evacuation" if self.coolant is None else LOOP_FLOOR

    @property
    def reserve_band_s(self) -> tuple[float, float] | None:
        """95 % band of the reserve time."""
        if self.outlook is None:
            return None
        floor = self.reserve_floor
        return self.outlook.reserve_low_s[floor], self.outlook.reserve_high_s[floor]

    @property
    def reserve_s(self) -> float | None:
        """Time until the crew must leave, or until the loop is lost."""
        return self.reserve_time_s.get(self.reserve_floor)


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionView:
    """The newest accepted readings of one section; None = unknown or too old."""

    name: str
    pressure_pa: float | None
    temperature_k: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorView:
    """One sensor that has been compared with others, and why it is doubted, None if it is not."""

    channel: str
    doubt: SensorDoubted | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView:
    """One alert that is not at rest.

    `sections` are all of its atmosphere; `told_s` is when its text was written, whose figures are of
    then; `shelved_until_s` is None unless it is shelved; `notifications` are the classes of those who
    were told.
    """

    alert_id: str
    rule: str
    kind: RuleKind
    severity: Severity
    state: AlertState
    atmosphere: str
    sections: tuple[str, ...]
    since_s: float
    text: str
    told_s: float
    shelved_until_s: float | None = None
    notifications: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureView:
    """The hatch to shut next, for how long, and how often the answer is then right.

    `sections` are those of the smaller side.
    """

    hatch: str
    hours: float
    probability: float
    sections: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosureEffect:
    """What closing a hatch would leave; None = unknown, or of a reserve time, for ever.

    Attributes
    ----------
    sections : tuple of str
        Those of the smaller side, which it would cut off.
    probability : float or None
        That the leak is among them.
    rest_rate_kg_per_s, rest_reserve_s : float, float or None
        What the other side loses and how long it lasts, if it is.
    shut_reserve_s : float or None
        How long the smaller side lasts, if it is.
    missed_rate_kg_per_s, missed_reserve_s : float, float or None
        What the other side loses and how long it lasts, if it is not.
    """

    hatch: str
    sections: tuple[str, ...]
    probability: float | None
    rest_rate_kg_per_s: float
    rest_reserve_s: float | None
    shut_reserve_s: float | None
    missed_rate_kg_per_s: float
    missed_reserve_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolationView:
    """Where the leak is, as far as closed hatches have told.

    `suspects` maps sections to probabilities and is empty before any closure has told anything;
    what they lack to 1 is the probability of no one section. `running` names the hatches of a test
    that is under way, `doubts` says why what a closed section shows may mean something else, and
    `effects` what closing each hatch that would part an atmosphere would leave.
    """

    suspects: dict[str, float]
    running: tuple[str, ...]
    doubts: tuple[str, ...]
    suggestion: ClosureView | None
    effects: tuple[ClosureEffect, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One change of one alert of an incident."""

    time_s: float
    alert_id: str
    rule: str
    event: AlertEventKind
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """Alerts with one cause: since when, how bad at worst, what tells most of it, and its story."""

    incident_id: str
    since_s: float
    severity: Severity
    headline: str
    sections: tuple[str, ...]
    alerts: tuple[str, ...]
    timeline: tuple[TimelineEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorView:
    """All of it at one tick."""

    now_s: float | None
    sections: tuple[SectionView, ...]
    atmospheres: tuple[AtmosphereView, ...]
    hatches: dict[str, HatchState]
    alerts: tuple[AlertView, ...]
    last_sample_s: dict[str, float]  # by channel, event time; only channels that ever spoke
    isolation: IsolationView | None = None  # None before the first tick
    sensors: tuple[SensorView, ...] = ()
    incidents: tuple[IncidentView, ...] = ()  # the open ones
    causes: tuple[CauseNamed, ...] = ()  # the newest that were named, oldest first
    mode: str = ""  # of the station; empty where the config has none


@dataclass(frozen=True, slots=True, kw_only=True)
class Insight:
    """What the detector saw in the newest balance of an atmosphere.

    Attributes
    ----------
    measured_kg : float
        Mass by the readings.
    model_kg, model_sd_kg : float
        Gas that is there by all that was seen, without what only the sensors show.
    oxygen_kg : float
        Of it, oxygen that came or went beyond what a leak took.
    surprise, oxygen_surprise : float or None
        Measured less predicted, in standard deviations of that; None = not measured.
    log_odds : dict of Cause to float
        See `Weighing`; empty until the detector is armed.
    """

    time_s: float
    atmosphere: str
    sections: tuple[str, ...]
    balance: Balance
    measured_kg: float
    model_kg: float
    model_sd_kg: float
    oxygen_kg: float
    surprise: float | None
    oxygen_surprise: float | None
    log_odds: dict[Cause, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one call of the monitor brought: events in order, and table rows of estimates.

    Insights stand beside the estimates where the policy asks for them.
    """

    events: tuple[Event, ...] = ()
    estimates: tuple[AtmosphereView, ...] = ()
    insights: tuple[Insight, ...] = ()
