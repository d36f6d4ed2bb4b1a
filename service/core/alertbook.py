"""Keeps the alerts of all rules on all atmospheres, and words what happens to them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isinf
from typing import Any, Final

from service.core.alerts import (
    AT_REST,
    Alert,
    Announced,
    Input,
    hand_on,
    is_running,
    shelve,
    step,
    take,
)
from service.core.commands import Command
from service.core.conditions import Conditions
from service.core.events import (
    ACTIVE_STATES,
    AlertEvent,
    AlertEventKind,
    AlertState,
    CommandTaken,
    Event,
    Order,
    RuleKind,
    Severity,
)
from service.core.faults import DAEMON
from service.core.figures import Figures, Situation
from service.core.rules import RANK, Figure, Handover, Rule, Verdict, applied, evaluate
from service.core.station import Group
from service.core.units import S_PER_DAY
from service.core.views import AlertView
from service.core.wording import headline, span

Key = tuple[str, Group]

INPUT_OF: Final = {
    Order.ACKNOWLEDGE: Input.ACKNOWLEDGE,
    Order.RESET: Input.RESET,
    Order.UNSHELVE: Input.UNSHELVE,
    Order.OUT_OF_SERVICE: Input.REMOVE,
    Order.IN_SERVICE: Input.RETURN,
}


@dataclass(frozen=True, slots=True)
class _Scene:
    """What the book looks at when something happens, and when."""

    now: Situation
    at_s: float


class AlertBook:
    """One alert for each rule and atmosphere that is not at rest."""

    def __init__(
        self,
        rules: Sequence[Rule],
        chains: Mapping[Severity, Sequence[Handover]],
        figures: Figures,
        conditions: Conditions,
    ) -> None:
        self._rules = {rule.name: rule for rule in rules}
        self._chains = chains
        self._figures = figures
        self._conditions = conditions
        self._alerts: dict[Key, Alert] = {}
        self._texts: dict[Key, tuple[str, float]] = {}  # what was said last, and when

    def any_of(self, rules: Iterable[Rule]) -> bool:
        """Say whether an alert of one of the rules may change with every tick."""
        names = {rule.name for rule in rules}
        return any(name in names and is_running(alert) for (name, _), alert in self._alerts.items())

    def judge(
        self, rules: Iterable[Rule], groups: Iterable[Group], now: Situation, at_s: float
    ) -> Iterable[AlertEvent]:
        """Judge every atmosphere by the rules; yield what is to be announced."""
        scene = _Scene(now, at_s)
        for rule in rules:
            for group in self._figures.places(rule, groups):
                yield from self._judge((rule.name, group), scene)

    def hand_on(self, now: Situation, at_s: float) -> list[AlertEvent]:
        """Announce to the next class what nobody has acknowledged for too long."""
        events: list[AlertEvent] = []
        for key, alert in list(self._alerts.items()):
            rule = self._rule(key)
            after, announced = hand_on(alert, self._chains.get(_severity(alert, rule), ()), at_s)
            if announced:
                assert alert.asked_s is not None
                reason = f"not acknowledged for {span(at_s - alert.asked_s)}"
                events += self._settle(key, after, announced, _Scene(now, at_s), reason=reason)
        return events

    def worsen(self, group: Group, now: Situation, at_s: float) -> list[AlertEvent]:
        """Announce that a leak with an alert has grown again."""
        events: list[AlertEvent] = []
        for (name, place), alert in list(self._alerts.items()):
            rule = self._rule((name, place))
            if rule.kind is not RuleKind.LEAK_GROWTH or place != group:
                continue
            after, announced = take(alert, Input.WORSE, rule, at_s)
            events += self._settle((name, place), after, announced, _Scene(now, at_s))
        return events

    def obey(
        self, command: Command, groups: Iterable[Group], now: Situation, at_s: float
    ) -> list[Event]:
        """Do to an alert what a person wants; return that it was taken, and what came of it."""
        key = self._key(command, groups)
        before = AT_REST if key is None else self._alerts.get(key, AT_REST)
        after = before
        announced: Announced = ()
        if key is None:
            refused = "there is no such alert"
        else:
            after, announced = _done(command, before, self._rule(key), at_s)
            refused = "" if announced or command.order is Order.COMMENT else _refusal(before)
            if key not in self._alerts and not announced:
                refused = "there is no such alert"
        events: list[Event] = []
        if key is not None and announced:
            after = self._named(key, after, at_s)
            told = f"{command.order.value.replace('_', ' ')} by {command.who}: {command.why}"
            events += self._settle(key, after, announced, _Scene(now, at_s), reason=told)
        taken = CommandTaken(
            time_s=at_s,
            command_id=command.command_id,
            order=command.order,
            who=command.who,
            why=command.why,
            alert_id=after.alert_id or command.alert_id,
            rule=key[0] if key else command.rule,
            atmosphere=self._figures.name(key[1]) if key else command.atmosphere,
            old_state=before.state,
            new_state=after.state,
            refused=refused,
        )
        return [taken, *events]

    def regroup(self, groups: Sequence[Group], now: Situation, at_s: float) -> Iterable[AlertEvent]:
        """Move each alert to the atmosphere its section is in now; where two meet, the older active one stays.

        A leak stays with its likeliest section, any other alert with the largest of its rule. What
        an alert that goes was about is told by the one that stays.
        """
        moved: dict[Key, Alert] = {}
        texts: dict[Key, tuple[str, float]] = {}
        gone: list[tuple[Key, Alert, str]] = []
        for (name, group), alert in self._alerts.items():
            key = (name, group)
            if group != DAEMON:
                home = self._figures.home(self._rules[name], group)
                key = (name, next(g for g in groups if home in g))
            rival = moved.get(key)
            if rival is not None:
                stays, goes = sorted((rival, alert), key=_precedence)
                gone.append((key, goes, stays.alert_id))
                if stays is rival:
                    continue
            moved[key] = alert
            texts[key] = self._texts.get((name, group), ("", at_s))
        self._alerts, self._texts = moved, texts
        for key, alert, stays_id in gone:
            rest = replace(alert, state=AlertState.NORMAL)
            text = texts[key]
            reason = f"its air joined that of {stays_id}"
            yield self._event(key, rest, AlertEventKind.CLEARED, _Scene(now, at_s), None, reason)
            texts[key] = text

    def views(self) -> tuple[AlertView, ...]:
        """Show the alerts that are not at rest."""
        return tuple(self._view(key, alert) for key, alert in self._alerts.items())

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {"alerts": dict(self._alerts), "texts": dict(self._texts)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot, without the alerts of rules that are no more."""
        known = {key: alert for key, alert in state["alerts"].items() if key[0] in self._rules}
        self._alerts = known
        self._texts = {key: text for key, text in state["texts"].items() if key in known}

    def _judge(self, key: Key, scene: _Scene) -> Iterable[AlertEvent]:
        rule = applied(self._rules[key[0]], self._figures.sections(key[1]))
        before = self._alerts.get(key)
        figure: Figure | None = None
        severity: Severity | None = None
        if rule is None:  # what is not judged here any more is no breach here
            if before is None:
                return
            rule, verdict = self._rules[key[0]], Verdict.CLEAR
        else:
            figure = self._figures.of(rule, key[1], scene.now, scene.at_s)
            verdict, severity = evaluate(rule, figure)
        if before is None and verdict is not Verdict.BREACH:
            return
        is_explained = verdict is not Verdict.CLEAR and self._is_explained(rule, key[1], scene.at_s)
        after, announced = step(
            before or AT_REST,
            rule,
            verdict,
            severity,
            scene.at_s,
            is_explained=is_explained,
            subjects=figure.subjects if figure is not None else frozenset(),
        )
        yield from self._settle(key, after, announced, scene, figure)

    def _rule(self, key: Key) -> Rule:
        """Return the rule of an alert as it holds for its atmosphere."""
        rule = self._rules[key[0]]
        return applied(rule, self._figures.sections(key[1])) or rule

    def _key(self, command: Command, groups: Iterable[Group]) -> Key | None:
        """Return which alert a command is about, None if there is none."""
        if command.alert_id:
            named = (k for k, alert in self._alerts.items() if alert.alert_id == command.alert_id)
            return next(named, None)
        if command.rule not in self._rules:
            return None
        places = self._figures.places(self._rules[command.rule], groups)
        here = (g for g in places if self._figures.name(g) == command.atmosphere)
        group = next(here, None)
        return None if group is None else (command.rule, group)

    def _is_explained(self, rule: Rule, group: Group, at_s: float) -> bool:
        if rule.modes and self._conditions.mode not in rule.modes:
            return True
        if rule.not_alone and self._figures.is_alone(group):
            return True
        hatches = self._conditions.hatches
        asked = rule.suppressed_while.items()
        if asked and all(hatches.get(name) is state for name, state in asked):
            return True
        return bool(rule.suppressed_by) and self._conditions.goes_on(
            rule.suppressed_by, group, at_s
        )

    def _view(self, key: Key, alert: Alert) -> AlertView:
        rule, group = self._rules[key[0]], key[1]
        text, told_s = self._texts.get(key, ("", alert.changed_s))
        return AlertView(
            alert_id=alert.alert_id,
            rule=rule.name,
            kind=rule.kind,
            severity=_severity(alert, rule),
            state=alert.state,
            atmosphere=self._figures.name(group),
            sections=self._figures.sections(group),
            since_s=alert.changed_s,
            text=text,
            told_s=told_s,
            shelved_until_s=alert.shelved_until_s,
            notifications=alert.notifications,
        )

    def _named(self, key: Key, alert: Alert, at_s: float) -> Alert:
        """Return the alert with an identity, which it has until it is at rest again."""
        if alert.alert_id:
            return alert
        return replace(alert, alert_id=f"{key[0]}-{self._figures.name(key[1])}-{round(at_s)}")

    def _settle(
        self,
        key: Key,
        alert: Alert,
        announced: Announced,
        scene: _Scene,
        figure: Figure | None = None,
        reason: str = "",
    ) -> Iterable[AlertEvent]:
        """Keep the alert, or forget it where it is at rest; yield what is to be announced."""
        alert = self._named(key, alert, scene.at_s)
        before = self._alerts.get(key, AT_REST)
        self._alerts[key] = alert
        if announced and figure is None:
            figure = self._figures.of(self._rule(key), key[1], scene.now, scene.at_s)
        for kind in announced:
            event = self._event(key, alert, kind, scene, figure, reason)
            if kind is AlertEventKind.HANDED_ON:  # those who were told before know it
                chain = self._chains[event.severity][before.handed : alert.handed]
                event = replace(event, notifications=tuple(s.notification for s in chain))
            yield event
        if alert.state is AlertState.NORMAL:
            del self._alerts[key]
            self._texts.pop(key, None)

    def _event(
        self,
        key: Key,
        alert: Alert,
        kind: AlertEventKind,
        scene: _Scene,
        figure: Figure | None,
        reason: str,
    ) -> AlertEvent:
        rule, group = self._rule(key), key[1]
        now, at_s = scene.now, scene.at_s
        view = self._figures.atmosphere(group, now.air.get(group), at_s)
        suspects = self._figures.suspects(rule, group)
        hypotheses = self._figures.hypotheses(rule, group)
        closure = self._figures.next_closure(rule, group, now, at_s)
        effects = self._figures.effects(group, now, at_s) if closure is not None else []
        text = headline(
            rule,
            figure,
            view,
            suspects,
            self._figures.excluded(rule, group, view),
            hypotheses=hypotheses,
            doubts=self._figures.doubts(rule, group),
            closure=closure,
            effect=next((e for e in effects if e.hatch == closure.hatch), None)
            if closure
            else None,
        )
        self._texts[key] = text, at_s
        leak, growth = view.leak, view.growth
        size = growth.growth_kg_per_s if growth else None
        low_s, high_s = (None if isinf(s) else s for s in view.reserve_band_s or (inf, inf))
        return AlertEvent(
            time_s=at_s,
            alert_id=alert.alert_id,
            rule=rule.name,
            kind=rule.kind,
            severity=_severity(alert, rule),
            event=kind,
            state=alert.state,
            atmosphere=view.name,
            sections=view.sections,
            suspects=suspects,
            hypotheses={cause.value: round(p, 4) for cause, p in hypotheses.items()},
            leak_rate_kg_per_day=leak.rate_kg_per_s * S_PER_DAY if leak else None,
            leak_rate_low=leak.low_kg_per_s * S_PER_DAY if leak else None,
            leak_rate_high=leak.high_kg_per_s * S_PER_DAY if leak else None,
            growth_kg_per_day=None if size is None else size * S_PER_DAY,
            onset_time_s=growth.onset_s if growth else None,
            onset_low_s=growth.onset_low_s if growth else None,
            onset_high_s=growth.onset_high_s if growth else None,
            reserve_time_s=view.reserve_s,
            reserve_low_s=low_s,
            reserve_high_s=high_s,
            reason=reason or _reason(alert, figure),
            text=text,
            notifications=alert.notifications,
            has_asked=alert.asked_s is not None,
        )


def _done(command: Command, alert: Alert, rule: Rule, at_s: float) -> tuple[Alert, Announced]:
    if command.order is Order.COMMENT:
        return alert, ()
    if command.order is Order.SHELVE:
        assert command.lasting_s is not None
        return shelve(alert, rule, at_s + command.lasting_s, at_s)
    return take(alert, INPUT_OF[command.order], rule, at_s)


def _refusal(alert: Alert) -> str:
    return f"an alert that is {alert.state.value.replace('_', ' ')} cannot take it"


def _severity(alert: Alert, rule: Rule) -> Severity:
    """Return the worst since the breach began; the mildest of the rule where there was none."""
    return alert.severity or min(rule.thresholds, key=lambda severity: RANK[severity])


def _precedence(alert: Alert) -> tuple[bool, float]:
    return alert.state not in ACTIVE_STATES, alert.changed_s


def _reason(alert: Alert, figure: Figure | None) -> str:
    if figure is None:
        return f"verdict {alert.verdict.value}: no recent data"
    return (
        f"verdict {alert.verdict.value}: "
        f"{figure.value:.4g} within {figure.low:.4g} to {figure.high:.4g} (SI)"
    )
