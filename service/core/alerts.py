"""The life of an alert. Rule 1: everything that changes an alert's state is in this file."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from service.core.events import AlertEventKind, AlertState, Severity
from service.core.rules import RANK, Handover, Rule, Verdict


class Input(StrEnum):
    """What can happen to an alert."""

    BREACH = "breach"
    CLEAR = "clear"
    CLEAR_LATCHING = "clear_latching"  # a clear under a rule that latches
    UNKNOWN = "unknown"
    WORSE = "worse"  # the breach got worse in kind: a growth upon the growth, a higher severity
    ACKNOWLEDGE = "acknowledge"
    RESET = "reset"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"  # by a person, or because the time is over
    SUPPRESS = "suppress"  # a breach while something goes on that explains it
    RELEASE = "release"  # that is over
    REMOVE = "remove"  # out of service
    RETURN = "return"  # to service


class Wait(StrEnum):
    """What must have lasted before a transition is taken."""

    NOTHING = "nothing"
    HOLD = "hold"  # the breach, for the rule's `hold_s`
    FADE = "fade"  # no breach within the rule's `hold_within_s`
    KEEP = "keep"  # the clear, for the rule's `keep_firing_s`


@dataclass(frozen=True, slots=True)
class Transition:
    """Where an input leads, what is announced and what must have lasted before.

    `at_rest` is where it leads instead where no breach stands.
    """

    to: AlertState
    event: AlertEventKind | None = None
    wait: Wait = Wait.NOTHING
    at_rest: AlertState | None = None


S, E, In = AlertState, AlertEventKind, Input

# What is told here of a state holds for the inputs named; every other one changes nothing.
_EFFECTS: Final[dict[AlertState, dict[Input, Transition]]] = {
    S.NORMAL: {
        In.BREACH: Transition(S.PENDING, E.PENDING),
        In.SUPPRESS: Transition(S.SUPPRESSED, E.SUPPRESSED),
        In.REMOVE: Transition(S.OUT_OF_SERVICE, E.OUT_OF_SERVICE),
    },
    S.PENDING: {
        In.BREACH: Transition(S.UNACKNOWLEDGED, E.RAISED, Wait.HOLD),
        In.CLEAR: Transition(S.NORMAL, E.CLEARED, Wait.FADE),
        In.CLEAR_LATCHING: Transition(S.NORMAL, E.CLEARED, Wait.FADE),
        In.SUPPRESS: Transition(S.SUPPRESSED, E.SUPPRESSED),
        In.REMOVE: Transition(S.OUT_OF_SERVICE, E.OUT_OF_SERVICE),
    },
    S.UNACKNOWLEDGED: {
        In.CLEAR: Transition(S.RETURNED_UNACKNOWLEDGED, E.RETURNED, Wait.KEEP),
        In.CLEAR_LATCHING: Transition(S.RETURNED_UNACKNOWLEDGED, E.RETURNED, Wait.KEEP),
        In.WORSE: Transition(S.UNACKNOWLEDGED, E.ESCALATED),
        In.ACKNOWLEDGE: Transition(S.ACKNOWLEDGED, E.ACKNOWLEDGED),
        In.SHELVE: Transition(S.SHELVED, E.SHELVED),
        In.REMOVE: Transition(S.OUT_OF_SERVICE, E.OUT_OF_SERVICE),
    },
    S.ACKNOWLEDGED: {
        In.CLEAR: Transition(S.NORMAL, E.CLEARED, Wait.KEEP),
        In.CLEAR_LATCHING: Transition(S.LATCHED, E.LATCHED, Wait.KEEP),
        In.WORSE: Transition(S.UNACKNOWLEDGED, E.ESCALATED),
        In.SHELVE: Transition(S.SHELVED, E.SHELVED),
        In.REMOVE: Transition(S.OUT_OF_SERVICE, E.OUT_OF_SERVICE),
    },
    S.RETURNED_UNACKNOWLEDGED: {
        In.BREACH: Transition(S.UNACKNOWLEDGED, E.RAISED, Wait.HOLD),
        In.ACKNOWLEDGE: Transition(S.NORMAL, E.ACKNOWLEDGED),
        In.SHELVE: Transition(S.SHELVED, E.SHELVED),
        In.REMOVE: Transition(S.OUT_OF_SERVICE, E.OUT_OF_SERVICE),
    },
    S.LATCHED: {
        In.BREACH: Transition(S.UNACKNOWLEDGED, E.RAISED, Wait.HOLD),
        In.RESET: Transition(S.NORMAL, E.CLEARED),
        In.SHELVE: Transition(S.SHELVED, E.SHELVED),
        In.REMOVE: Transition(S.OUT_OF_SERVICE, E.OUT_OF_SERVICE),
    },
    S.SHELVED: {
        In.WORSE: Transition(S.UNACKNOWLEDGED, E.ESCALATED),
        In.UNSHELVE: Transition(S.UNACKNOWLEDGED, E.UNSHELVED, at_rest=S.NORMAL),
        In.REMOVE: Transition(S.OUT_OF_SERVICE, E.OUT_OF_SERVICE),
    },
    S.SUPPRESSED: {
        In.CLEAR: Transition(S.NORMAL, E.CLEARED, Wait.KEEP),
        In.CLEAR_LATCHING: Transition(S.NORMAL, E.CLEARED, Wait.KEEP),
        In.RELEASE: Transition(S.UNACKNOWLEDGED, E.RELEASED, at_rest=S.NORMAL),
        In.REMOVE: Transition(S.OUT_OF_SERVICE, E.OUT_OF_SERVICE),
    },
    S.OUT_OF_SERVICE: {
        In.RETURN: Transition(S.UNACKNOWLEDGED, E.IN_SERVICE, at_rest=S.NORMAL),
    },
}
TRANSITIONS: Final[dict[tuple[AlertState, Input], Transition]] = {
    (state, what): _EFFECTS[state].get(what, Transition(state))
    for state in AlertState
    for what in Input
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One rule's alert on one atmosphere.

    Attributes
    ----------
    alert_id : str
        Given when the breach begins and kept until the alert is normal again; empty before.
    severity : Severity or None
        The worst since the breach began; None where there was none yet.
    verdict, since_s
        The newest verdict and since when it has been the same.
    judged_s : float or None
        When that verdict was given.
    breaches : tuple of (float, float)
        When it was breached within the rule's `hold_within_s`, oldest first; empty where the rule
        asks for an unbroken breach.
    stands : bool
        Whether the breach has lasted for the hold and has not been clear since for as long as a
        clear needs to be believed; what is unknown changes nothing.
    changed_s : float
        When the state last changed.
    subjects : frozenset of str
        What the breach was about, as far as it has been told.
    told_s : float
        When something joined the subjects last.
    asked_s : float or None
        When it last asked for attention; None = it has not since it left rest.
    handed : int
        How many steps it has been handed on since.
    notifications : tuple of str
        The classes of those who were told of it, first that of the rule.
    shelved_until_s : float or None
        When a shelved alert comes back by itself.
    """

    state: AlertState = AlertState.NORMAL
    alert_id: str = ""
    severity: Severity | None = None
    verdict: Verdict = Verdict.UNKNOWN
    since_s: float = 0.0
    judged_s: float | None = None
    breaches: tuple[tuple[float, float], ...] = ()
    stands: bool = False
    changed_s: float = 0.0
    shelved_until_s: float | None = None
    subjects: frozenset[str] = frozenset()
    told_s: float = 0.0
    asked_s: float | None = None
    handed: int = 0
    notifications: tuple[str, ...] = ()


AT_REST: Final = Alert()
JOIN_S: Final = 600.0  # what joins an alert within it is told at once; EEMUA-191 counts by it
STANDING: Final = frozenset({S.UNACKNOWLEDGED, S.ACKNOWLEDGED, S.SHELVED})
PUT_ASIDE: Final = frozenset({S.SHELVED, S.OUT_OF_SERVICE})
GONE_BY: Final = frozenset({S.RETURNED_UNACKNOWLEDGED, S.LATCHED})
Announced = tuple[AlertEventKind, ...]


def step(
    alert: Alert,
    rule: Rule,
    verdict: Verdict,
    severity: Severity | None,
    at_s: float,
    *,
    is_explained: bool = False,
    subjects: AbstractSet[str] = frozenset(),
) -> tuple[Alert, Announced]:
    """Let an alert see a verdict; return it as it is now and what is to be announced, in order.

    Parameters
    ----------
    is_explained : bool
        Whether something goes on that the rule does not alert for.
    subjects : set of str
        What a breach is about; where more joins a breach that was announced, it got worse.
    """
    seen = _seen(alert, rule, verdict, at_s)
    moved, events = _let_go(seen, rule, at_s, is_explained=is_explained)
    what = _input_of(verdict, rule, is_explained=is_explained)
    moved, announced = take(moved, what, rule, at_s)
    if moved.state is AlertState.PENDING and announced:
        moved, raised = take(moved, Input.BREACH, rule, at_s)
        announced = raised or announced
    events += announced
    if verdict is Verdict.BREACH and severity is not None:
        is_worse = moved.severity is None or RANK[severity] > RANK[moved.severity]
        if AlertEventKind.RAISED in events or (is_worse and alert.severity is None):
            moved = replace(moved, severity=severity)
        elif is_worse:
            moved, escalated = take(replace(moved, severity=severity), Input.WORSE, rule, at_s)
            events += escalated
        moved, joined = _joined_by(moved, rule, frozenset(subjects), events, at_s)
        events += joined
    return moved, events


def is_running(alert: Alert) -> bool:
    """Say whether an alert waits for a hold or a clear to last, and so may change at any second.

    One that has gone by waits for a person or the next breach, one put aside also for its hour.
    """
    is_over = alert.state in GONE_BY and alert.verdict is not Verdict.BREACH
    return alert.state not in PUT_ASIDE and not is_over


def take(alert: Alert, what: Input, rule: Rule, at_s: float) -> tuple[Alert, Announced]:
    """Let something happen to an alert; return it as it is then and what is to be announced."""
    transition = TRANSITIONS[alert.state, what]
    if not _has_lasted(alert, transition.wait, rule, at_s):
        return alert, ()
    events = (transition.event,) if transition.event is not None else ()
    to = transition.to
    if transition.at_rest is not None and not alert.stands:
        to = transition.at_rest
    if to is AlertState.UNACKNOWLEDGED and events:
        first = (rule.notification,) if rule.notification else ()
        told = alert.notifications or first
        alert = replace(alert, asked_s=at_s, handed=0, notifications=told)
    if to is alert.state:
        return alert, events
    return replace(alert, state=to, changed_s=at_s, shelved_until_s=None), events


def hand_on(alert: Alert, chain: Sequence[Handover], at_s: float) -> tuple[Alert, Announced]:
    """Let those be told next who are due for an alert that nobody has acknowledged."""
    if alert.state is not AlertState.UNACKNOWLEDGED or alert.asked_s is None:
        return alert, ()
    due = sum(at_s - alert.asked_s >= step.after_s for step in chain)
    if due <= alert.handed:
        return alert, ()
    new = (step.notification for step in chain[alert.handed : due])
    told = tuple(dict.fromkeys((*alert.notifications, *new)))
    return replace(alert, handed=due, notifications=told), (AlertEventKind.HANDED_ON,)


def shelve(alert: Alert, rule: Rule, until_s: float, at_s: float) -> tuple[Alert, Announced]:
    """Put an alert aside until a time, where its state allows it."""
    moved, events = take(alert, Input.SHELVE, rule, at_s)
    return (replace(moved, shelved_until_s=until_s) if events else moved), events


def _joined_by(
    alert: Alert, rule: Rule, subjects: frozenset[str], events: Announced, at_s: float
) -> tuple[Alert, Announced]:
    """Let the subjects of a breach join; it got worse where they are new since it was announced."""
    if AlertEventKind.RAISED in events:
        return replace(alert, subjects=subjects, told_s=at_s), ()
    if subjects <= alert.subjects:
        return alert, ()
    joined = replace(alert, subjects=alert.subjects | subjects, told_s=at_s)
    if events or alert.state not in STANDING:
        return joined, ()
    if at_s - alert.told_s < JOIN_S:
        return alert, ()
    return take(joined, Input.WORSE, rule, at_s)


def _let_go(
    alert: Alert, rule: Rule, at_s: float, *, is_explained: bool
) -> tuple[Alert, Announced]:
    """End a shelf whose time is over, and a suppression that nothing explains any more."""
    until_s = alert.shelved_until_s
    if alert.state is AlertState.SHELVED and until_s is not None and at_s >= until_s:
        return take(alert, Input.UNSHELVE, rule, at_s)
    is_over = alert.verdict is Verdict.CLEAR  # what would be released is about to be cleared
    if alert.state is AlertState.SUPPRESSED and not is_explained and not is_over:
        return take(alert, Input.RELEASE, rule, at_s)
    return alert, ()


def _input_of(verdict: Verdict, rule: Rule, *, is_explained: bool) -> Input:
    match verdict:
        case Verdict.BREACH:
            return Input.SUPPRESS if is_explained else Input.BREACH
        case Verdict.CLEAR:
            return Input.CLEAR_LATCHING if rule.latches else Input.CLEAR
        case Verdict.UNKNOWN:
            return Input.UNKNOWN


def _seen(alert: Alert, rule: Rule, verdict: Verdict, at_s: float) -> Alert:
    """Return the alert with what a verdict adds to its memory, in the state it is in."""
    breaches = alert.breaches
    if rule.hold_within_s > 0.0:
        if alert.verdict is Verdict.BREACH and alert.judged_s is not None:
            breaches = _joined(breaches, (alert.judged_s, at_s))
        breaches = tuple(b for b in breaches if b[1] > at_s - rule.hold_within_s)
    seen = replace(
        alert,
        verdict=verdict,
        since_s=alert.since_s if verdict is alert.verdict else at_s,
        judged_s=at_s,
        breaches=breaches,
    )
    if verdict is Verdict.BREACH and _has_lasted(seen, Wait.HOLD, rule, at_s):
        return replace(seen, stands=True)
    if verdict is Verdict.CLEAR and _has_lasted(seen, Wait.KEEP, rule, at_s):
        return replace(seen, stands=False)
    return seen


def _joined(
    breaches: tuple[tuple[float, float], ...], new: tuple[float, float]
) -> tuple[tuple[float, float], ...]:
    if breaches and breaches[-1][1] == new[0]:
        return (*breaches[:-1], (breaches[-1][0], new[1]))
    return (*breaches, new)


def _has_lasted(alert: Alert, wait: Wait, rule: Rule, at_s: float) -> bool:
    lasted_s = at_s - alert.since_s
    match wait:
        case Wait.NOTHING:
            return True
        case Wait.KEEP:
            return lasted_s >= rule.keep_firing_s
        case Wait.FADE:
            return not alert.breaches
        case Wait.HOLD:
            if alert.verdict is Verdict.BREACH and lasted_s >= rule.hold_s:
                return True
            from_s = at_s - rule.hold_within_s
            within_s = sum(last - max(first, from_s) for first, last in alert.breaches)
            return bool(alert.breaches) and within_s >= rule.hold_s
