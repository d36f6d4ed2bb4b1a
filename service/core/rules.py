"""Judges one figure of an estimate against the thresholds of a rule."""

from dataclasses import dataclass, field
from enum import StrEnum

from service.core.events import RuleKind, Severity
from service.core.station import ChannelKind


class Verdict(StrEnum):
    """The answer of a rule."""

    BREACH = "breach"
    CLEAR = "clear"
    UNKNOWN = "unknown"  # too little, too old or bad data: neither raises nor clears


class Side(StrEnum):
    """On which side of a threshold the breach lies."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is watched, from where on it matters and what to do then.

    Attributes
    ----------
    thresholds : mapping of Severity to float
        From where on the figure is a breach of that severity, in SI: Pa for `limit`, Pa/s of
        fall for `pressure_rate`, kg/s above the accepted leak for `leak_rate`, kg/s for
        `leak_growth` (the smallest growth worth an alert), s for `reserve_time` and `silence`.
    side : Side
        Only for `limit`; the other kinds know theirs.
    sections : frozenset of str
        Only atmospheres with one of these sections are judged; empty = all.
    quantity : ChannelKind
        What a `limit` looks at.
    floor : str
        The pressure floor that a `reserve_time` counts to.
    hold_s, keep_firing_s : float
        How long a breach must last before it is announced, and a clear before it is believed.
    clear_margin : float
        How far back across the threshold, in its unit, a figure must come to be clear.
    response, runbook : str
        What the operator does, and where more about it stands.
    """

    name: str
    kind: RuleKind
    thresholds: dict[Severity, float]
    side: Side = Side.ABOVE
    sections: frozenset[str] = field(default_factory=frozenset)
    quantity: ChannelKind = ChannelKind.PRESSURE
    floor: str = "evacuation"
    hold_s: float = 0.0
    keep_firing_s: float = 0.0
    clear_margin: float = 0.0
    response: str
    runbook: str = ""
