"""Facts in the past tense that the monitor reports."""

from dataclasses import dataclass, field
from enum import StrEnum

from service.core.causes import Cause


class Severity(StrEnum):
    """The four caution-and-warning classes, worst first."""

    EMERGENCY = "emergency"
    WARNING = "warning"
    CAUTION = "caution"
    ADVISORY = "advisory"


class RuleKind(StrEnum):
    """What a rule looks at."""

    LIMIT = "limit"
    PRESSURE_RATE = "pressure_rate"
    LEAK_RATE = "leak_rate"
    LEAK_GROWTH = "leak_growth"
    RESERVE_TIME = "reserve_time"
    SILENCE = "silence"
    FROZEN_VALUE = "frozen_value"
    SENSOR_DISAGREEMENT = "sensor_disagreement"
    ISOLATION_RESULT = "isolation_result"
    DAEMON_HEALTH = "daemon_health"


class AlertState(StrEnum):
    """Where an alert stands in its life; the words of ISA-18.2."""

    NORMAL = "normal"
    PENDING = "pending"
    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED_UNACKNOWLEDGED = "returned_unacknowledged"
    LATCHED = "latched"
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"
    OUT_OF_SERVICE = "out_of_service"


ACTIVE_STATES = frozenset({AlertState.UNACKNOWLEDGED, AlertState.ACKNOWLEDGED})


class Order(StrEnum):
    """What a person can have done to an alert, or to the station as a whole."""

    ACKNOWLEDGE = "acknowledge"
    RESET = "reset"  # of a latched alert
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    COMMENT = "comment"
    OUT_OF_SERVICE = "out_of_service"
    IN_SERVICE = "in_service"
    SET_MODE = "set_mode"  # of the station


class AlertEventKind(StrEnum):
    """What happened to an alert."""

    PENDING = "pending"
    RAISED = "raised"
    ESCALATED = "escalated"
    HANDED_ON = "handed_on"  # nobody acknowledged it for long, so others are told
    UPDATED = "updated"
    RETURNED = "returned"
    CLEARED = "cleared"
    ACKNOWLEDGED = "acknowledged"
    LATCHED = "latched"
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    SUPPRESSED = "suppressed"
    RELEASED = "released"  # nothing explains the breach any more
    OUT_OF_SERVICE = "out_of_service"
    IN_SERVICE = "in_service"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertEvent:
    """One change of one alert; the fields are the contract of `alerts.jsonl`, times in Unix UTC.

    What is not known is None, never zero. `suspects` maps sections to probabilities, `hypotheses`
    the causes that were weighed (`Cause`), of growths and rates; it is empty where nothing was. The
    reserve time comes with its 95 % band, without an end that never comes.
    `notifications` are the classes of those whom this is for, and `has_asked` says whether the alert
    has asked for attention since it left rest; neither is part of the contract.
    """

    time_s: float
    alert_id: str
    rule: str
    kind: RuleKind
    severity: Severity
    event: AlertEventKind
    state: AlertState
    atmosphere: str
    sections: tuple[str, ...]
    reason: str
    text: str
    suspects: dict[str, float] = field(default_factory=dict)
    leak_rate_kg_per_day: float | None = None
    leak_rate_low: float | None = None
    leak_rate_high: float | None = None
    growth_kg_per_day: float | None = None
    onset_time_s: float | None = None
    onset_low_s: float | None = None
    onset_high_s: float | None = None
    reserve_time_s: float | None = None
    reserve_low_s: float | None = None
    reserve_high_s: float | None = None
    hypotheses: dict[str, float] = field(default_factory=dict)
    notifications: tuple[str, ...] = ()
    has_asked: bool = False

    @property
    def asks_for_attention(self) -> bool:
        """Whether somebody has to look now: the alert is new, worse, or back from where it was put."""
        is_news = self.event is not AlertEventKind.UPDATED
        return self.state is AlertState.UNACKNOWLEDGED and is_news


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandTaken:
    """Somebody did something to an alert, or tried to: `refused` says why nothing came of it.

    The modes are those of the station, and empty where the command was about an alert.
    """

    time_s: float
    command_id: str
    order: Order
    who: str
    why: str
    alert_id: str
    rule: str
    atmosphere: str
    old_state: AlertState
    new_state: AlertState
    refused: str = ""
    old_mode: str = ""
    new_mode: str = ""


class IncidentChange(StrEnum):
    """What happened to an incident."""

    OPENED = "opened"
    JOINED = "joined"  # by one more alert
    WORSENED = "worsened"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentChanged:
    """Alerts with one cause were gathered; `severity` is the worst that one of them ever had."""

    time_s: float
    incident_id: str
    change: IncidentChange
    severity: Severity
    headline: str
    sections: tuple[str, ...]
    alerts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AtmospheresChanged:
    """Hatches moved, so that sections now share air in other groups than before."""

    time_s: float
    atmospheres: tuple[tuple[str, ...], ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseNamed:
    """What changed the air of an atmosphere was recognised, a leak or not.

    Attributes
    ----------
    since_s, since_low_s, since_high_s : float
        When it began and its 95 % interval, Unix UTC.
    until_s : float or None
        When it was over; None = it goes on.
    mass_kg, mass_low_kg, mass_high_kg : float or None
        Gas gained by what is over, with its 95 % interval.
    rate_kg_per_day, rate_low, rate_high : float or None
        By how much more is lost by what goes on, likewise; of oxygen, of the oxygen alone.
    lead : float
        Log-likelihood ratio, odds of the kind included, over `rival`, the next best explanation.
    hypotheses : dict of str to float
        Probability of each cause that was weighed.
    declared_as : str or None
        The activity that was declared near; None = nobody said anything.
    onsets : tuple of (float, float)
        Onsets that are likely, Unix UTC, and how likely each is beside the likeliest.
    """

    time_s: float
    atmosphere: str
    sections: tuple[str, ...]
    cause: Cause
    since_s: float
    since_low_s: float
    since_high_s: float
    until_s: float | None
    rival: Cause
    lead: float
    hypotheses: dict[str, float]
    declared_as: str | None
    text: str
    mass_kg: float | None = None
    mass_low_kg: float | None = None
    mass_high_kg: float | None = None
    rate_kg_per_day: float | None = None
    rate_low: float | None = None
    rate_high: float | None = None
    onsets: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityNoted:
    """An activity message arrived; `understood` is False where it is kept as a plain note.

    `value` is in SI, in `unit`. `mass_sd_kg` is how much gas may have come or gone at once, and
    `rate_sd_kg_per_day` how much the oxygen balance may have changed; no more is allowed for.
    """

    time_s: float
    name: str
    place: str
    understood: bool
    reason: str
    state: str | None = None
    value: float | None = None
    unit: str | None = None
    mass_sd_kg: float = 0.0
    rate_sd_kg_per_day: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolationTestBegan:
    """A hatch closed so that an atmosphere parted in two: what they do now tells where a leak is."""

    time_s: float
    hatch: str
    atmospheres: tuple[tuple[str, ...], ...]  # all there are now, by their sections


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedSide:
    """What one atmosphere lost while it was shut off, kg/day; None = it could not be read."""

    sections: tuple[str, ...]
    leak_rate_kg_per_day: float | None = None
    leak_rate_low: float | None = None
    leak_rate_high: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolationTestJudged:
    """A closure has told in which sections the leak is, or it ended without telling.

    `suspects` maps each section to the probability that the leak is there, by all closures so far;
    what they lack to 1 is the probability of no one section.
    """

    time_s: float
    hatches: tuple[str, ...]
    hours: float
    sides: tuple[ClosedSide, ...]
    suspects: dict[str, float]
    is_conclusive: bool
    reason: str
    text: str


class Doubt(StrEnum):
    """Why what a closed section seems to do need not be so."""

    PHANTOM = "phantom"  # it seems to lose more than the whole station does
    FED = "fed"  # it holds a lower pressure than its neighbour: sealed, or fed past the seal


@dataclass(frozen=True, slots=True, kw_only=True)
class IsolationDoubted:
    """What a closed section shows has another explanation than the obvious one."""

    time_s: float
    atmosphere: str
    sections: tuple[str, ...]
    doubt: Doubt
    text: str


class SensorFault(StrEnum):
    """What a sensor does that the others of its gas do not."""

    APART = "apart"
    STUCK = "stuck"
    DRIFTING = "drifting"


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorDoubted:
    """A sensor does not agree with the others of its gas and is left out.

    `difference_pa` is how far it is from those it stands `against`. `is_named` is False where
    only two part: then both are doubted, for either may be wrong.
    """

    time_s: float
    channel: str
    fault: SensorFault
    is_named: bool
    against: tuple[str, ...]
    difference_pa: float
    since_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorTrusted:
    """A sensor that was doubted since a time agrees with the others again."""

    time_s: float
    channel: str
    since_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeVolumeEstimated:
    """A repressurisation of known mass showed how much free gas volume an atmosphere has.

    `measured_m3` is what it alone says; `free_volume_m3`, with its standard error, what is
    believed now. A measurement that contradicts what was believed by far changes nothing:
    `is_believed` is False.
    """

    time_s: float
    atmosphere: str
    mass_kg: float
    rise_pa: float
    measured_m3: float
    measured_sd_m3: float
    free_volume_m3: float
    free_volume_sd_m3: float
    is_believed: bool


Event = (
    AlertEvent
    | AtmospheresChanged
    | CauseNamed
    | ActivityNoted
    | CommandTaken
    | IncidentChanged
    | IsolationTestBegan
    | IsolationTestJudged
    | IsolationDoubted
    | SensorDoubted
    | SensorTrusted
    | FreeVolumeEstimated
)
