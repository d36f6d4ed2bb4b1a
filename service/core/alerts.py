"""The life of an alert. Rule 1: everything that changes an alert's state is in this file."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from service.core.events import AlertEventKind, AlertState, Severity
from service.core.rules import RANK, Rule, Verdict


class Input(StrEnum):
    """What can happen to an alert."""

    BREACH = "breach"
    CLEAR = "clear"
    UNKNOWN = "unknown"
    WORSE = "worse"  # the breach got worse in kind: a growth upon the growth, a higher severity
    ACKNOWLEDGE = "acknowledge"


class Wait(StrEnum):
    """What must have lasted before a transition is taken."""

    NOTHING = "nothing"
    HOLD = "hold"  # the breach, for the rule's `hold_s`
    KEEP = "keep"  # the clear, for the rule's `keep_firing_s`


@dataclass(frozen=True, slots=True)
class Transition:
    """Where an input leads, what is announced and what must have lasted before."""

    to: AlertState
    event: AlertEventKind | None = None
    wait: Wait = Wait.NOTHING


S, E, In = AlertState, AlertEventKind, Input

TRANSITIONS: Final[dict[tuple[AlertState, Input], Transition]] = {
    (S.NORMAL, In.BREACH): Transition(S.PENDING, E.PENDING),
    (S.NORMAL, In.CLEAR): Transition(S.NORMAL),
    (S.NORMAL, In.UNKNOWN): Transition(S.NORMAL),
    (S.NORMAL, In.WORSE): Transition(S.NORMAL),
    (S.NORMAL, In.ACKNOWLEDGE): Transition(S.NORMAL),
    (S.PENDING, In.BREACH): Transition(S.UNACKNOWLEDGED, E.RAISED, Wait.HOLD),
    (S.PENDING, In.CLEAR): Transition(S.NORMAL, E.CLEARED),
    (S.PENDING, In.UNKNOWN): Transition(S.PENDING),
    (S.PENDING, In.WORSE): Transition(S.PENDING),
    (S.PENDING, In.ACKNOWLEDGE): Transition(S.PENDING),
    (S.UNACKNOWLEDGED, In.BREACH): Transition(S.UNACKNOWLEDGED),
    (S.UNACKNOWLEDGED, In.CLEAR): Transition(S.RETURNED_UNACKNOWLEDGED, E.RETURNED, Wait.KEEP),
    (S.UNACKNOWLEDGED, In.UNKNOWN): Transition(S.UNACKNOWLEDGED),
    (S.UNACKNOWLEDGED, In.WORSE): Transition(S.UNACKNOWLEDGED, E.ESCALATED),
    (S.UNACKNOWLEDGED, In.ACKNOWLEDGE): Transition(S.ACKNOWLEDGED, E.ACKNOWLEDGED),
    (S.ACKNOWLEDGED, In.BREACH): Transition(S.ACKNOWLEDGED),
    (S.ACKNOWLEDGED, In.CLEAR): Transition(S.NORMAL, E.CLEARED, Wait.KEEP),
    (S.ACKNOWLEDGED, In.UNKNOWN): Transition(S.ACKNOWLEDGED),
    (S.ACKNOWLEDGED, In.WORSE): Transition(S.UNACKNOWLEDGED, E.ESCALATED),
    (S.ACKNOWLEDGED, In.ACKNOWLEDGE): Transition(S.ACKNOWLEDGED),
    (S.RETURNED_UNACKNOWLEDGED, In.BREACH): Transition(S.UNACKNOWLEDGED, E.RAISED, Wait.HOLD),
    (S.RETURNED_UNACKNOWLEDGED, In.CLEAR): Transition(S.RETURNED_UNACKNOWLEDGED),
    (S.RETURNED_UNACKNOWLEDGED, In.UNKNOWN): Transition(S.RETURNED_UNACKNOWLEDGED),
    (S.RETURNED_UNACKNOWLEDGED, In.WORSE): Transition(S.RETURNED_UNACKNOWLEDGED),
    (S.RETURNED_UNACKNOWLEDGED, In.ACKNOWLEDGE): Transition(S.NORMAL, E.ACKNOWLEDGED),
}
LIVED_STATES: Final = tuple(dict.fromkeys(state for state, _ in TRANSITIONS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One rule's alert on one atmosphere.

    Attributes
    ----------
    alert_id : str
        Given when the breach begins and kept until the alert is normal again; empty before.
    severity : Severity or None
        The worst since the breach began.
    verdict, since_s
        The newest verdict and since when it has been the same.
    changed_s : float
        When the state last changed.
    """

    state: AlertState = AlertState.NORMAL
    alert_id: str = ""
    severity: Severity | None = None
    verdict: Verdict = Verdict.UNKNOWN
    since_s: float = 0.0
    changed_s: float = 0.0


AT_REST: Final = Alert()


def step(
    alert: Alert, rule: Rule, verdict: Verdict, severity: Severity | None, at_s: float
) -> tuple[Alert, tuple[AlertEventKind, ...]]:
    """Let an alert see a verdict; return it as it is now and what is to be announced, in order."""
    since_s = alert.since_s if verdict is alert.verdict else at_s
    seen = replace(alert, verdict=verdict, since_s=since_s)
    moved, event = _take(seen, Input(verdict.value), rule, at_s)
    events = [event] if event is not None else []
    if moved.state is AlertState.PENDING and event is AlertEventKind.PENDING:
        moved = replace(moved, severity=severity)
        if rule.hold_s <= 0.0:
            moved, raised = _take(moved, Input.BREACH, rule, at_s)
            events = [raised] if raised is not None else events
    elif verdict is Verdict.BREACH and severity is not None:
        worse = moved.severity is None or RANK[severity] > RANK[moved.severity]
        if event is AlertEventKind.RAISED:
            moved = replace(moved, severity=severity)
        elif worse:
            moved, escalated = _take(replace(moved, severity=severity), Input.WORSE, rule, at_s)
            events += [escalated] if escalated is not None else []
    return moved, tuple(events)


def worsen(alert: Alert, rule: Rule, at_s: float) -> tuple[Alert, AlertEventKind | None]:
    """Let an alert know that its breach got worse in kind."""
    return _take(alert, Input.WORSE, rule, at_s)


def acknowledge(alert: Alert, rule: Rule, at_s: float) -> tuple[Alert, AlertEventKind | None]:
    """Let an alert know that a person has seen it."""
    return _take(alert, Input.ACKNOWLEDGE, rule, at_s)


def _take(
    alert: Alert, what: Input, rule: Rule, at_s: float
) -> tuple[Alert, AlertEventKind | None]:
    transition = TRANSITIONS[alert.state, what]
    lasted_s = at_s - alert.since_s
    needed_s = {Wait.NOTHING: 0.0, Wait.HOLD: rule.hold_s, Wait.KEEP: rule.keep_firing_s}
    if lasted_s < needed_s[transition.wait]:
        return alert, None
    if transition.to is alert.state:
        return alert, transition.event
    return replace(alert, state=transition.to, changed_s=at_s), transition.event
