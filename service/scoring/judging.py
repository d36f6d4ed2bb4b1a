"""The rules by which alert events are held against the truth.

Rule 1: what counts as found, as false and as said too often is in this file and nowhere else.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from service.core.events import ACTIVE_STATES, AlertEvent, AlertEventKind, RuleKind, Severity
from service.core.units import S_PER_DAY
from service.scoring.truths import Change, ChangeKind, Truth
from service.scoring.watching import Watched

S_PER_H: Final = 3600.0
SLOW_KINDS: Final = frozenset({RuleKind.LEAK_GROWTH, RuleKind.LEAK_RATE})
FAST_KINDS: Final = frozenset({RuleKind.PRESSURE_RATE, RuleKind.RESERVE_TIME})
NEWS: Final = frozenset({AlertEventKind.RAISED, AlertEventKind.ESCALATED})
COUNTING: Final = frozenset({Severity.CAUTION, Severity.WARNING, Severity.EMERGENCY})
# From 5 kg/day, half a millimetre hole, a fall of pressure is an answer too.
FAST_FROM_KG_PER_DAY: Final = 5.0
ONE_ALARM_S: Final = 6 * S_PER_H  # false alerts nearer than this are one
AFTER_REPAIR_S: Final = 3 * S_PER_DAY  # an alert may still be true so long after a repair
# Who speaks of growth in the two days before a further growth is not credited with finding it.
CRYING_S: Final = 48 * S_PER_H
LIKELY: Final = 0.5  # suspects at least so likely as the first are named too


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """How one growth was found; None = it was not, or there is no such thing.

    Attributes
    ----------
    time_s : float
        How long there was to find it, until it was mended or the case ended.
    delay_s : float or None
        From the true change to the alert.
    misplaced : int
        Alerts after it, before the right one, that named other places only.
    onset_error_s : float or None
        Of the alert, positive = too late; only of a leak that grew at once.
    onset_held : bool or None
        Whether the interval of the onset holds the truth.
    """

    change: Change
    time_s: float
    delay_s: float | None
    misplaced: int = 0
    onset_error_s: float | None = None
    onset_held: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a case came to.

    Attributes
    ----------
    false_s : tuple of float
        Times of the false alerts of growth or rate.
    false_fast_s : tuple of float
        Of those of falling pressure and reserve time.
    quiet_s : float
        How long an alert would have been false.
    resolved_s : float or None
        From a repair until no alert stood any more; None = never, or nothing to resolve.
    outlived : int
        Repairs after which an alert stood to the end.
    early : int
        How often all alerts of a found leak were over while it ran.
    repeats : int
        How often one was raised again meanwhile.
    """

    findings: tuple[Finding, ...]
    false_s: tuple[float, ...]
    false_fast_s: tuple[float, ...]
    quiet_s: float
    resolved_s: float | None
    outlived: int
    early: int
    repeats: int


def judge(watched: Watched) -> Judgement:
    """Hold everything that was said against the truth."""
    truth, alerts = watched.truth, watched.alerts
    slow = news(alerts, SLOW_KINDS)
    findings = findings_of(truth, alerts)
    resolved_s, outlived = _resolved(truth, alerts)
    runs = [
        (f.change.time_s + f.delay_s, _ends_s(truth, f.change))
        for f in findings
        if f.delay_s is not None
    ]
    return Judgement(
        findings=findings,
        false_s=false_of(truth, alerts, SLOW_KINDS),
        false_fast_s=false_of(truth, alerts, FAST_KINDS),
        quiet_s=sum(until_s - since_s for since_s, until_s in quiet_spans(truth)),
        resolved_s=resolved_s,
        outlived=outlived,
        early=sum(_fell_silent(alerts, since_s, until_s) for since_s, until_s in runs),
        repeats=sum(_repeats(slow, since_s, until_s) for since_s, until_s in runs),
    )


def news(alerts: Iterable[AlertEvent], kinds: frozenset[RuleKind]) -> list[AlertEvent]:
    """Return the events that call for someone: raised or escalated, caution or worse."""
    return [e for e in alerts if e.kind in kinds and e.event in NEWS and e.severity in COUNTING]


def quiet_spans(truth: Truth) -> list[tuple[float, float]]:
    """Return when an alert is false: before any growth, and from three days after a repair on."""
    spans: list[tuple[float, float]] = []
    since_s: float | None = truth.start_s
    for change in truth.changes:
        if change.kind is ChangeKind.GROWTH:
            if since_s is not None and change.time_s > since_s:
                spans.append((since_s, change.time_s))
            since_s = None
        else:
            since_s = change.until_s + AFTER_REPAIR_S
    if since_s is not None and truth.end_s > since_s:
        spans.append((since_s, truth.end_s))
    return spans


def distinct(times_s: Iterable[float]) -> tuple[float, ...]:
    """Return the times without those nearer than six hours to the last that counted.

    Examples
    --------
    >>> distinct([0.0, 3600.0, 21600.0, 30000.0, 50000.0])
    (0.0, 21600.0, 50000.0)
    """
    kept: list[float] = []
    for time_s in sorted(times_s):
        if not kept or time_s - kept[-1] >= ONE_ALARM_S:
            kept.append(time_s)
    return tuple(kept)


def names(event: AlertEvent, sections: Sequence[str]) -> bool:
    """Tell whether an alert is about one of these sections."""
    best = max(event.suspects.values(), default=0.0)
    likely = {name for name, p in event.suspects.items() if p > 0.0 and p >= LIKELY * best}
    return bool(set(sections) & (set(event.sections) | likely))


def false_of(
    truth: Truth, alerts: Iterable[AlertEvent], kinds: frozenset[RuleKind]
) -> tuple[float, ...]:
    """Return the times of false alerts of these kinds, those near each other once."""
    quiet = quiet_spans(truth)
    return distinct(e.time_s for e in news(alerts, kinds) if _inside(e.time_s, quiet))


def findings_of(truth: Truth, alerts: Sequence[AlertEvent]) -> tuple[Finding, ...]:
    """Return how each growth was found by alerts in order of time."""
    findings: list[Finding] = []
    credited: list[AlertEvent] = []
    for change in truth.changes:
        if change.kind is not ChangeKind.GROWTH:
            continue
        kinds = SLOW_KINDS
        if change.size_kg_per_day >= FAST_FROM_KG_PER_DAY:
            kinds = SLOW_KINDS | FAST_KINDS
        told = news(alerts, kinds)
        crying = {
            e.rule
            for e in told
            if findings and -CRYING_S <= e.time_s - change.time_s < 0 and e not in credited
        }
        until_s = _repaired_s(truth, change)
        since = [e for e in told if change.time_s <= e.time_s < until_s]
        right = [e for e in since if names(e, change.sections) and e.rule not in crying]
        if not right:
            wrong = sum(not names(e, change.sections) for e in since)
            time_s = until_s - change.time_s
            findings.append(Finding(change=change, time_s=time_s, delay_s=None, misplaced=wrong))
            continue
        found = right[0]
        credited.append(found)
        wrong = sum(not names(e, change.sections) for e in since if e.time_s < found.time_s)
        findings.append(_finding(change, until_s - change.time_s, found, wrong))
    return tuple(findings)


def _finding(change: Change, time_s: float, found: AlertEvent, misplaced: int) -> Finding:
    error_s, held = None, None
    is_step = change.until_s == change.time_s
    if is_step and found.onset_time_s is not None:
        error_s = found.onset_time_s - change.time_s
        if found.onset_low_s is not None and found.onset_high_s is not None:
            held = found.onset_low_s <= change.time_s <= found.onset_high_s
    return Finding(
        change=change,
        time_s=time_s,
        delay_s=found.time_s - change.time_s,
        misplaced=misplaced,
        onset_error_s=error_s,
        onset_held=held,
    )


def _repaired_s(truth: Truth, change: Change) -> float:
    """Return when an alert is too late for a growth: three days after its repair, or at the end."""
    repairs = [
        c.until_s + AFTER_REPAIR_S
        for c in truth.changes
        if c.kind is ChangeKind.REPAIR and c.time_s >= change.time_s
    ]
    return min([*repairs, truth.end_s])


def _ends_s(truth: Truth, change: Change) -> float:
    """Return when a leak next changes, or the case ends."""
    return min([c.time_s for c in truth.changes if c.time_s > change.time_s] + [truth.end_s])


def _resolved(truth: Truth, alerts: Sequence[AlertEvent]) -> tuple[float | None, int]:
    """Return how long after the last repair an alert stood, and whether one did to the end."""
    repairs = [c for c in truth.changes if c.kind is ChangeKind.REPAIR]
    if not repairs:
        return None, 0
    at_s = repairs[-1].time_s
    if not _standing(alerts, at_s):
        return None, 0
    for event in alerts:
        if event.time_s > at_s and not _standing(alerts, event.time_s):
            return event.time_s - at_s, 0
    return None, 1


def _standing(alerts: Sequence[AlertEvent], at_s: float) -> set[str]:
    """Return the alerts of growth or rate that are active at a time, what happens then included."""
    active: set[str] = set()
    for event in alerts:
        if event.time_s > at_s:
            break
        if event.kind in SLOW_KINDS:
            if event.state in ACTIVE_STATES:
                active.add(event.alert_id)
            else:
                active.discard(event.alert_id)
    return active


def _fell_silent(alerts: Sequence[AlertEvent], since_s: float, until_s: float) -> int:
    """Return 1 if all alerts that stood were over at some time in a span."""
    stood = bool(_standing(alerts, since_s))
    moments = [e.time_s for e in alerts if since_s < e.time_s < until_s]
    return int(stood and any(not _standing(alerts, time_s) for time_s in moments))


def _repeats(slow: Sequence[AlertEvent], since_s: float, until_s: float) -> int:
    """Return how many alerts were raised in a span beyond the first of each rule."""
    raised = [
        e.rule for e in slow if e.event is AlertEventKind.RAISED and since_s <= e.time_s < until_s
    ]
    return len(raised) - len(set(raised))


def _inside(time_s: float, spans: Sequence[tuple[float, float]]) -> bool:
    return any(since_s <= time_s < until_s for since_s, until_s in spans)
