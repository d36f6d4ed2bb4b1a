"""Judges one figure of an estimate against the thresholds of a rule."""

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from service.core.events import RuleKind, Severity
from service.core.station import ChannelKind, HatchState, Medium


class Verdict(StrEnum):
    """The answer of a rule."""

    BREACH = "breach"
    CLEAR = "clear"
    UNKNOWN = "unknown"  # too little, too old or bad data: neither raises nor clears


class Side(StrEnum):
    """On which side of a threshold the breach lies."""

    ABOVE = "above"
    BELOW = "below"


class Part(StrEnum):
    """Which part of the daemon a `daemon_health` looks at."""

    SOURCES = "sources"
    OUTPUTS = "outputs"
    READINGS = "readings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is watched, from where on it matters and what to do then.

    Attributes
    ----------
    thresholds : mapping of Severity to float
        From where on the figure is a breach of that severity, in SI: Pa (or kg) for `limit`, Pa/s of
        fall for `pressure_rate`, kg/s above the accepted leak for `leak_rate`, kg/s for
        `leak_growth` (the smallest growth worth an alert), s for `reserve_time`, `silence` and
        `frozen_value`, Pa for `sensor_disagreement`, a probability for `isolation_result`, and for
        `daemon_health` s, or the refused share of readings.
    side : Side
        Only for `limit`; the other kinds know theirs.
    sections : frozenset of str
        Only atmospheres with one of these sections are judged; empty = all.
    medium : Medium
        Whether the air of sections or the liquid of loops is judged.
    quantity : ChannelKind
        What a `limit` looks at.
    floor : str
        The pressure floor that a `reserve_time` counts to.
    part : Part
        What a `daemon_health` looks at.
    hold_s, keep_firing_s : float
        How long a breach must last before it is announced, and a clear before it is believed.
    hold_within_s : float
        The breach need not be unbroken: it must last `hold_s` in sum within this time; 0 = it must.
    latches : bool
        Whether an acknowledged alert that is clear again stays until a person resets it.
    suppressed_by : frozenset of str
        Activities that explain a breach while they go on and for half an hour after.
    suppressed_while : mapping of str to HatchState
        Hatches that explain a breach while all of them stand like this; empty = none does.
    modes : frozenset of str
        The modes of the station in which a breach is announced; empty = all.
    not_alone : bool
        Whether a breach in one section alone behind closed hatches is suppressed, unless it is
        the largest of the station.
    clear_margin : float
        How far back across the threshold, in its unit, a figure must come to be clear.
    response, runbook : str
        What the operator does, and where more about it stands.
    notification : str
        The class by which those who are told choose whom to tell; empty = none.
    variants : tuple of Variant
        What holds instead in some atmospheres; the first that fits.
    """

    name: str
    kind: RuleKind
    thresholds: dict[Severity, float]
    side: Side = Side.ABOVE
    sections: frozenset[str] = field(default_factory=frozenset)
    medium: Medium = Medium.AIR
    quantity: ChannelKind = ChannelKind.PRESSURE
    floor: str = "evacuation"
    part: Part = Part.SOURCES
    hold_s: float = 0.0
    hold_within_s: float = 0.0
    keep_firing_s: float = 0.0
    latches: bool = False
    suppressed_by: frozenset[str] = field(default_factory=frozenset)
    suppressed_while: dict[str, HatchState] = field(default_factory=dict)
    modes: frozenset[str] = field(default_factory=frozenset)
    not_alone: bool = False
    clear_margin: float = 0.0
    response: str
    runbook: str = ""
    notification: str = ""
    variants: tuple["Variant", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A rule for the atmospheres that hold no other sections than these; None = it judges none."""

    within: frozenset[str]
    rule: Rule | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """Who is told when nobody has acknowledged an alert for a time since it asked for attention."""

    after_s: float
    notification: str


def applied(rule: Rule, sections: Collection[str]) -> Rule | None:
    """Return the rule as it holds for an atmosphere, None if it does not judge it.

    Examples
    --------
    >>> quiet = Variant(within=frozenset({"beam"}), rule=None)
    >>> rule = Rule(
    ...     name="silence", kind=RuleKind.SILENCE, thresholds={Severity.ADVISORY: 7200.0},
    ...     response="listen", variants=(quiet,),
    ... )
    >>> applied(rule, ["beam"]), applied(rule, ["beam", "tranquility"]) is rule
    (None, True)
    """
    fits = (v.rule for v in rule.variants if v.within.issuperset(sections))
    found = next(fits, rule)
    if found is None or (found.sections and found.sections.isdisjoint(sections)):
        return None
    return found


RANK = {
    Severity.ADVISORY: 0,
    Severity.CAUTION: 1,
    Severity.WARNING: 2,
    Severity.EMERGENCY: 3,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What a rule judges: a value with the bounds within which it surely lies.

    A breach must be sure (the whole interval is past the threshold) to raise, and the value itself
    must be back to clear. `most_severe` caps the severity that this figure can carry. `subjects`
    are the channels, or parts of the daemon, that it is about, and `claim` says so in words where
    the value alone does not tell.
    """

    value: float
    low: float
    high: float
    most_severe: Severity = Severity.EMERGENCY
    subjects: frozenset[str] = frozenset()
    claim: str = ""

    @classmethod
    def exact(cls, value: float, most_severe: Severity = Severity.EMERGENCY) -> "Figure":
        """Return a figure without doubt."""
        return cls(value=value, low=value, high=value, most_severe=most_severe)


BREACH_BELOW = frozenset({RuleKind.RESERVE_TIME})


def evaluate(rule: Rule, figure: Figure | None) -> tuple[Verdict, Severity | None]:
    """Judge a figure, None = unknown, and give the worst severity that it surely breaches.

    Examples
    --------
    >>> floor = Rule(
    ...     name="floor", kind=RuleKind.LIMIT, side=Side.BELOW, response="repressurise",
    ...     thresholds={Severity.CAUTION: 97900.0, Severity.WARNING: 95900.0}, clear_margin=100.0,
    ... )
    >>> [evaluate(floor, Figure.exact(p))[0].value for p in (95000.0, 97950.0, 98100.0)]
    ['breach', 'unknown', 'clear']
    >>> evaluate(floor, Figure.exact(95000.0))[1].value, evaluate(floor, None)[0].value
    ('warning', 'unknown')
    """
    if figure is None or math.isnan(figure.value):
        return Verdict.UNKNOWN, None
    below = rule.side is Side.BELOW or rule.kind in BREACH_BELOW
    worst: Severity | None = None
    clear = True
    for severity, limit in rule.thresholds.items():
        sure = figure.high <= limit if below else figure.low >= limit
        margin = rule.clear_margin
        back = figure.value > limit + margin if below else figure.value < limit - margin
        clear = clear and back
        if sure and (worst is None or RANK[severity] > RANK[worst]):
            worst = severity
    if worst is not None:
        capped = worst if RANK[worst] <= RANK[figure.most_severe] else figure.most_severe
        return Verdict.BREACH, capped
    return (Verdict.CLEAR if clear else Verdict.UNKNOWN), None
