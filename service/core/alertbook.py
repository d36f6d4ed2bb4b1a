"""Keeps the alerts of all rules on all atmospheres, and words what happens to them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from service.core.accounts import Group
from service.core.alerts import AT_REST, Alert, step, worsen
from service.core.events import ACTIVE_STATES, AlertEvent, AlertEventKind, AlertState, RuleKind
from service.core.figures import Figures, Situation
from service.core.rules import Figure, Rule, Verdict, evaluate
from service.core.units import S_PER_DAY
from service.core.views import AlertView
from service.core.wording import headline

Key = tuple[str, Group]


class AlertBook:
    """One alert for each rule and atmosphere that is not at rest."""

    def __init__(self, rules: Sequence[Rule], figures: Figures) -> None:
        self._rules = {rule.name: rule for rule in rules}
        self._figures = figures
        self._alerts: dict[Key, Alert] = {}
        self._texts: dict[Key, str] = {}

    def any_of(self, rules: Iterable[Rule]) -> bool:
        """Say whether an alert of one of the rules is not at rest."""
        names = {rule.name for rule in rules}
        return any(name in names for name, _ in self._alerts)

    def judge(
        self, rules: Iterable[Rule], groups: Iterable[Group], now: Situation, at_s: float
    ) -> Iterable[AlertEvent]:
        """Judge every atmosphere by the rules; yield what is to be announced."""
        for rule in rules:
            for group in groups:
                if not self._figures.is_judged(rule, group):
                    continue
                figure = self._figures.of(rule, group, now, at_s)
                verdict, severity = evaluate(rule, figure)
                before = self._alerts.get((rule.name, group))
                if before is None and verdict is not Verdict.BREACH:
                    continue
                after, announced = step(before or AT_REST, rule, verdict, severity, at_s)
                if not after.alert_id:
                    name = self._figures.name(group)
                    after = replace(after, alert_id=f"{rule.name}-{name}-{round(at_s)}")
                self._alerts[rule.name, group] = after
                for kind in announced:
                    yield self._event(rule, group, after, kind, figure, now, at_s)
                if after.state is AlertState.NORMAL:
                    del self._alerts[rule.name, group]
                    self._texts.pop((rule.name, group), None)

    def worsen(self, group: Group, now: Situation, at_s: float) -> list[AlertEvent]:
        """Announce that a leak with an alert has grown again."""
        events = []
        for (name, place), alert in list(self._alerts.items()):
            rule = self._rules[name]
            if rule.kind is not RuleKind.LEAK_GROWTH or place != group:
                continue
            after, kind = worsen(alert, rule, at_s)
            self._alerts[name, place] = after
            if kind is not None:
                figure = self._figures.of(rule, place, now, at_s)
                events.append(self._event(rule, place, after, kind, figure, now, at_s))
        return events

    def regroup(self, groups: Sequence[Group]) -> None:
        """Move each alert to the atmosphere its section is in now; where two meet, the older active one stays.

        A leak stays with its likeliest section, any other alert with the largest.
        """
        moved: dict[Key, Alert] = {}
        texts: dict[Key, str] = {}
        for (name, group), alert in self._alerts.items():
            home = self._figures.home(self._rules[name], group)
            new = next(g for g in groups if home in g)
            rival = moved.get((name, new))
            if rival is None or _precedence(alert) < _precedence(rival):
                moved[name, new] = alert
                texts[name, new] = self._texts.get((name, group), "")
        self._alerts, self._texts = moved, texts

    def views(self) -> tuple[AlertView, ...]:
        """Show the alerts that are not at rest."""
        return tuple(
            AlertView(
                alert_id=alert.alert_id,
                rule=name,
                kind=self._rules[name].kind,
                severity=alert.severity,
                state=alert.state,
                atmosphere=self._figures.name(group),
                since_s=alert.changed_s,
                text=self._texts.get((name, group), ""),
            )
            for (name, group), alert in self._alerts.items()
            if alert.severity is not None
        )

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {"alerts": dict(self._alerts), "texts": dict(self._texts)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self._alerts = dict(state["alerts"])
        self._texts = dict(state["texts"])

    def _event(
        self,
        rule: Rule,
        group: Group,
        alert: Alert,
        kind: AlertEventKind,
        figure: Figure | None,
        now: Situation,
        at_s: float,
    ) -> AlertEvent:
        view = self._figures.atmosphere(group, now.air.get(group), at_s)
        suspects = self._figures.suspects(rule, group)
        text = headline(
            rule,
            figure,
            view,
            suspects,
            self._figures.excluded(rule, group, view),
            doubts=self._figures.doubts(rule, group),
            closure=self._figures.next_closure(rule, group, now, at_s),
        )
        self._texts[rule.name, group] = text
        leak, growth = view.leak, view.growth
        size = growth.growth_kg_per_s if growth else None
        return AlertEvent(
            time_s=at_s,
            alert_id=alert.alert_id,
            rule=rule.name,
            kind=rule.kind,
            severity=alert.severity or next(iter(rule.thresholds)),
            event=kind,
            state=alert.state,
            atmosphere=view.name,
            sections=view.sections,
            suspects=suspects,
            leak_rate_kg_per_day=leak.rate_kg_per_s * S_PER_DAY if leak else None,
            leak_rate_low=leak.low_kg_per_s * S_PER_DAY if leak else None,
            leak_rate_high=leak.high_kg_per_s * S_PER_DAY if leak else None,
            growth_kg_per_day=None if size is None else size * S_PER_DAY,
            onset_time_s=growth.onset_s if growth else None,
            onset_low_s=growth.onset_low_s if growth else None,
            onset_high_s=growth.onset_high_s if growth else None,
            reserve_time_s=view.reserve_s,
            reason=_reason(alert, figure),
            text=text,
        )


def _precedence(alert: Alert) -> tuple[bool, float]:
    return alert.state not in ACTIVE_STATES, alert.changed_s


def _reason(alert: Alert, figure: Figure | None) -> str:
    if figure is None:
        return f"verdict {alert.verdict.value}: no recent data"
    return (
        f"verdict {alert.verdict.value}: "
        f"{figure.value:.4g} within {figure.low:.4g} to {figure.high:.4g} (SI)"
    )
