"""Hand-made truths and alert events of a station whose ring leaks; times are in hours."""

from service.core.events import AlertEvent, AlertEventKind, AlertState, RuleKind, Severity
from service.scoring.truths import Change, ChangeKind, Truth
from service.scoring.watching import Watched

H = 3600.0
STATE = {
    AlertEventKind.RAISED: AlertState.UNACKNOWLEDGED,
    AlertEventKind.ESCALATED: AlertState.UNACKNOWLEDGED,
    AlertEventKind.UPDATED: AlertState.UNACKNOWLEDGED,
    AlertEventKind.PENDING: AlertState.PENDING,
    AlertEventKind.RETURNED: AlertState.RETURNED_UNACKNOWLEDGED,
    AlertEventKind.CLEARED: AlertState.NORMAL,
}


def alert(
    at_h: float,
    event: str = "raised",
    kind: str = "leak_growth",
    severity: str = "caution",
    *,
    sections: tuple[str, ...] = ("core", "ring"),
    suspects: dict[str, float] | None = None,
    onset_h: tuple[float, float, float] | None = None,
) -> AlertEvent:
    """Give an event of the one alert of its rule."""
    low, onset, high = (None, None, None) if onset_h is None else (h * H for h in onset_h)
    return AlertEvent(
        time_s=at_h * H,
        alert_id=kind,
        rule=kind,
        kind=RuleKind(kind),
        severity=Severity(severity),
        event=AlertEventKind(event),
        state=STATE[AlertEventKind(event)],
        atmosphere=sections[0],
        sections=sections,
        suspects=suspects or {},
        reason="",
        text="",
        onset_time_s=onset,
        onset_low_s=low,
        onset_high_s=high,
    )


def growth(at_h: float, size: float = 0.5, *, until_h: float | None = None) -> Change:
    """Let the ring leak more."""
    return Change(
        kind=ChangeKind.GROWTH,
        time_s=at_h * H,
        until_s=(at_h if until_h is None else until_h) * H,
        sections=("ring",),
        before_kg_per_day=0.1,
        after_kg_per_day=0.1 + size,
    )


def repair(at_h: float) -> Change:
    """Mend the ring."""
    return Change(
        kind=ChangeKind.REPAIR,
        time_s=at_h * H,
        until_s=at_h * H,
        sections=("ring",),
        before_kg_per_day=0.6,
        after_kg_per_day=0.0,
    )


def case(changes: list[Change], alerts: list[AlertEvent], end_h: float = 500.0) -> Watched:
    """Put what was true and what was said together."""
    truth = Truth(start_s=0.0, end_s=end_h * H, changes=tuple(changes))
    return Watched(truth=truth, alerts=tuple(alerts), checks=())
