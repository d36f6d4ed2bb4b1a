"""Gathers alerts with one cause into one incident.

Alerts have one cause if they are of one family of rules and share a section while the incident is
open. An incident is open while one of its alerts is not at rest.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from service.core.events import (
    AlertEvent,
    AlertState,
    Event,
    IncidentChange,
    IncidentChanged,
    RuleKind,
    Severity,
)
from service.core.rules import RANK
from service.core.views import IncidentView, TimelineEntry

# What tells most of a cause, first: a growth says since when and where, a limit only how much.
TELLING: Final = (
    RuleKind.LEAK_GROWTH,
    RuleKind.PRESSURE_RATE,
    RuleKind.RESERVE_TIME,
    RuleKind.LEAK_RATE,
    RuleKind.LIMIT,
)
AIR: Final = frozenset(TELLING)  # loss of air; every other kind is a cause of its own
TIMELINE: Final = 200  # entries of one incident; the first and the newest are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One alert of an incident as it was last announced."""

    state: AlertState
    severity: Severity
    kind: RuleKind
    text: str


class IncidentBook:
    """The open incidents, from alert events in order."""

    def __init__(self) -> None:
        self._open: dict[str, IncidentView] = {}
        self._parts: dict[str, dict[str, _Part]] = {}  # by incident and alert

    def follow(self, events: Iterable[Event]) -> list[Event]:
        """Return the facts with what each of them means for the incidents behind it."""
        told: list[Event] = []
        for event in events:
            told.append(event)
            if isinstance(event, AlertEvent):
                told += self._take(event)
        return told

    def views(self) -> tuple[IncidentView, ...]:
        """Show the open incidents, oldest first."""
        return tuple(self._open.values())

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        parts = {incident: dict(alerts) for incident, alerts in self._parts.items()}
        return {"open": dict(self._open), "parts": parts}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self._open = dict(state["open"])
        self._parts = {incident: dict(alerts) for incident, alerts in state["parts"].items()}

    def _take(self, event: AlertEvent) -> list[IncidentChanged]:
        incident = self._incident_of(event)
        change = IncidentChange.JOINED
        if incident is None:
            if not event.asks_for_attention:
                return []
            incident = IncidentView(
                incident_id=f"incident-{event.alert_id}",
                since_s=event.time_s,
                severity=event.severity,
                headline=event.text,
                sections=(),
                alerts=(),
                timeline=(),
            )
            change = IncidentChange.OPENED
        is_new = event.alert_id not in incident.alerts
        parts = self._parts.setdefault(incident.incident_id, {})
        parts[event.alert_id] = _Part(
            state=event.state, severity=event.severity, kind=event.kind, text=event.text
        )
        entry = TimelineEntry(
            time_s=event.time_s,
            alert_id=event.alert_id,
            rule=event.rule,
            event=event.event,
            severity=event.severity,
        )
        is_worse = RANK[event.severity] > RANK[incident.severity]
        line = incident.timeline
        after = replace(
            incident,
            severity=event.severity if is_worse else incident.severity,
            headline=_headline(parts) or incident.headline,
            sections=tuple(dict.fromkeys((*incident.sections, *event.sections))),
            alerts=(*incident.alerts, event.alert_id) if is_new else incident.alerts,
            timeline=(*line, entry) if len(line) < TIMELINE else (line[0], *line[2:], entry),
        )
        self._open[incident.incident_id] = after
        if all(part.state is AlertState.NORMAL for part in parts.values()):
            del self._open[incident.incident_id], self._parts[incident.incident_id]
            return [_changed(after, IncidentChange.CLOSED, event.time_s)]
        if is_new:
            return [_changed(after, change, event.time_s)]
        return [_changed(after, IncidentChange.WORSENED, event.time_s)] if is_worse else []

    def _incident_of(self, event: AlertEvent) -> IncidentView | None:
        for incident in self._open.values():
            if event.alert_id in incident.alerts:
                return incident
        if not event.asks_for_attention or event.kind not in AIR:
            return None
        for incident in self._open.values():
            parts = self._parts[incident.incident_id].values()
            is_air = all(part.kind in AIR for part in parts)
            if is_air and not set(event.sections).isdisjoint(incident.sections):
                return incident
        return None


def _headline(parts: Mapping[str, _Part]) -> str:
    """Return the text of the alert that is worst, and of those the one that tells most."""

    def telling(part: _Part) -> tuple[int, int]:
        place = TELLING.index(part.kind) if part.kind in AIR else len(TELLING)
        return -RANK[part.severity], place

    standing = [part for part in parts.values() if part.state is not AlertState.NORMAL]
    return min(standing, key=telling).text if standing else ""


def _changed(incident: IncidentView, change: IncidentChange, at_s: float) -> IncidentChanged:
    return IncidentChanged(
        time_s=at_s,
        incident_id=incident.incident_id,
        change=change,
        severity=incident.severity,
        headline=incident.headline,
        sections=incident.sections,
        alerts=incident.alerts,
    )
