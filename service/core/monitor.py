"""Joins the stages: samples in, alert events and estimates out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from service.core.air import Readings
from service.core.alertbook import AlertBook
from service.core.closures import JUDGE_EVERY_S, ClosureBook
from service.core.commands import Command
from service.core.conditions import Conditions
from service.core.events import (
    ActivityNoted,
    AlertState,
    CommandTaken,
    Event,
    Order,
    RuleKind,
    Severity,
)
from service.core.falls import FallWatch
from service.core.faults import Faults
from service.core.figures import Figures, Situation
from service.core.hatches import UnknownHatches
from service.core.health import Health, HealthBook
from service.core.incidents import IncidentBook
from service.core.intake import ClockMode, Screen, Screened
from service.core.laws import LawBook
from service.core.leaks import LeakBook
from service.core.loops import Loops
from service.core.minutes import Minutes
from service.core.reported import Reports
from service.core.rules import Handover, Rule
from service.core.samples import Activity, SampleBatch
from service.core.silences import Silences
from service.core.station import Station
from service.core.stillness import Stillness, by_tick
from service.core.ticks import FAST_S, SLOW_S, Bins, bin_samples
from service.core.transfers import Transfers
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.core.views import (
    AtmosphereView,
    Insight,
    IsolationView,
    MonitorView,
    Outcome,
    SectionView,
    SensorView,
)
from service.core.volumes import FreeVolumes

FAST_KINDS: Final = frozenset({RuleKind.PRESSURE_RATE})
FAST_PER_SLOW: Final = round(SLOW_S / FAST_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the monitor works, apart from what the station is.

    Attributes
    ----------
    clock : ClockMode
        Whether readings arrive by the wall clock or by their own event time.
    false_alarm_interval_s : float
        Mean time between false growth alerts of the whole station.
    floors_pa : mapping of str to float
        Named pressures that reserve times count to; `evacuation` is always among them.
    past_s, ahead_s : float
        Event times further than this behind or ahead of the clock are not believed.
    stale_s : float
        A channel silent for longer is unknown.
    estimate_every_s : float
        Spacing of the estimate rows of an `Outcome`.
    single_sensor_emergency : bool
        Whether one sensor alone may raise an emergency.
    keeps_insights : bool
        Whether an `Outcome` also tells what the detector saw.
    modes : tuple of str
        The modes that the station can be in, first that of the start; empty = it has none.
    chains : mapping of Severity to tuple of Handover
        Who is told, one after the other, when nobody acknowledges an alert.
    """

    rules: tuple[Rule, ...]
    clock: ClockMode = ClockMode.WALL
    false_alarm_interval_s: float = 90 * S_PER_DAY
    floors_pa: dict[str, float] = field(default_factory=lambda: {"evacuation": 490 * PA_PER_MMHG})
    past_s: float = 31 * S_PER_DAY
    ahead_s: float = 300.0
    stale_s: float = 7800.0
    estimate_every_s: float = 600.0
    single_sensor_emergency: bool = False
    keeps_insights: bool = False
    modes: tuple[str, ...] = ()
    chains: dict[Severity, tuple[Handover, ...]] = field(default_factory=dict)


class Monitor:
    """Watches one station. Deterministic: the same samples give the same events, however cut.

    `observe`, `declare` and `command` take what arrived, in order of arrival; `advance` then runs every tick
    up to a time. A tick sees what arrived before it.
    """

    def __init__(self, station: Station, policy: Policy) -> None:
        self.station = station
        self.policy = policy
        self._screen = Screen(station, policy.clock, policy.past_s, policy.ahead_s)
        self._readings = Readings(station, policy.stale_s)
        self._loops = Loops(station, self._readings)
        self._conditions = Conditions(station, policy.modes)
        self._hatches = UnknownHatches(station)
        self._volumes = FreeVolumes(station)
        self._laws = LawBook()
        self._reports = Reports(station)
        self._falls = FallWatch(station)
        self._transfers = Transfers(station, self._readings, self._falls)
        self._stillness = Stillness(station)
        self._health = HealthBook()
        self._leaks = LeakBook(
            policy.false_alarm_interval_s,
            station.accepted_leak_kg_per_s,
            self._conditions.home,
        )
        self._closures = ClosureBook(station, self._readings, self._leaks)
        self._slow_rules = tuple(r for r in policy.rules if r.kind not in FAST_KINDS)
        self._fast_rules = tuple(r for r in policy.rules if r.kind in FAST_KINDS)
        self._pending: list[SampleBatch] = []
        self._activities: list[Activity] = []
        self._commands: list[Command] = []
        self._reported: list[Health] = []
        self._silences = Silences(len(station.channels))
        self._start_s: float | None = None
        self._fast = 0  # number of the last fast tick that was run
        self._figures = Figures(
            station=station,
            policy=policy,
            readings=self._readings,
            conditions=self._conditions,
            leaks=self._leaks,
            falls=self._falls,
            closures=self._closures,
            hatches=self._hatches,
            volumes=self._volumes,
            loops=self._loops,
            laws=self._laws,
            faults=Faults(
                station=station,
                readings=self._readings,
                closures=self._closures,
                stillness=self._stillness,
                health=self._health,
            ),
        )
        self._alerts = AlertBook(policy.rules, policy.chains, self._figures, self._conditions)
        self._minutes = Minutes(
            station=station,
            readings=self._readings,
            loops=self._loops,
            conditions=self._conditions,
            hatches=self._hatches,
            volumes=self._volumes,
            laws=self._laws,
            leaks=self._leaks,
            closures=self._closures,
            figures=self._figures,
            alerts=self._alerts,
            situation=self._situation,
        )
        self._incidents = IncidentBook()

    @property
    def now_s(self) -> float | None:
        """The newest arrival time; with the event clock it is the clock."""
        return self._screen.now_s

    def observe(self, batch: SampleBatch) -> Screened:
        """Check the readings and keep the believed ones for the next tick."""
        screened = self._screen.check(batch)
        if len(screened.accepted):
            self._pending.append(screened.accepted)
            self._enqueue(self._reports.activities(screened.accepted))
        return screened

    def declare(self, activities: Sequence[Activity]) -> None:
        """Keep the activity messages for the tick after their arrival."""
        self._enqueue(activities)

    def _enqueue(self, activities: Sequence[Activity]) -> None:
        """Keep activities in order of arrival, messages before what channels report."""
        self._activities = sorted(
            [*self._activities, *activities],
            key=lambda a: (a.received_s, a.channel is not None),
        )

    def command(self, commands: Sequence[Command]) -> None:
        """Keep what people want done to alerts for the tick after its arrival."""
        self._commands = sorted([*self._commands, *commands], key=lambda c: c.received_s)

    def report(self, health: Health) -> None:
        """Keep how the daemon is for the tick after it was told."""
        self._reported.append(health)

    def advance(self, now_s: float) -> Outcome:
        """Run every tick up to now with what had arrived before it."""
        samples = SampleBatch.concatenate(self._pending)
        self._pending = [samples] if len(samples) else []
        if self._start_s is None and not self._start(samples):
            return Outcome()
        last_fast = max(int(np.floor(now_s / FAST_S)), self._fast)
        ready = samples[: int(np.searchsorted(samples.received_s, last_fast * FAST_S, "left"))]
        fast = bin_samples(self._gauges(ready), FAST_S)
        last_slow = last_fast // FAST_PER_SLOW
        full = samples[: int(np.searchsorted(samples.received_s, last_slow * SLOW_S, "left"))]
        slow = bin_samples(full, SLOW_S)
        heard = _last_heard(full)
        repeated = by_tick(full)
        events: list[Event] = []
        estimates: list[AtmosphereView] = []
        insights: list[Insight] = []
        while (tick := self._next_tick(fast)) <= last_fast:
            before, self._fast = self._fast, tick
            at_s = tick * FAST_S
            events += self._take_activities(at_s)
            events += self._take_commands(at_s)
            self._take_reports(at_s)
            self._take_falls(fast, before, tick)
            is_slow = tick % FAST_PER_SLOW == 0
            events += self._see_transfers(at_s)
            if is_slow:
                number = tick // FAST_PER_SLOW
                events += self._minutes.enter(slow, number)
                for channel, time_s in heard.get(number, ()):
                    self._silences.hear(channel, time_s)
                if number in repeated:
                    self._stillness.take(repeated[number])
                events += self._judge(self._slow_rules, at_s)
                events += self._alerts.hand_on(self._situation(at_s), at_s)
                if at_s % JUDGE_EVERY_S == 0.0:
                    events += self._closures.judge(
                        self._minutes.taken_hatches(), self._minutes.air, at_s
                    )
                if at_s % self.policy.estimate_every_s == 0.0:
                    estimates += self._atmosphere_views(at_s)
                    insights += self._insights(at_s)
            if is_slow or self._falls.may_fall() or self._alerts.any_of(self._fast_rules):
                events += self._judge(self._fast_rules, at_s)
        self._take_falls(fast, self._fast, last_fast)
        self._fast = last_fast
        rest = samples[len(full) :]
        self._pending = [rest] if len(rest) else []
        return Outcome(
            events=tuple(self._incidents.follow(events)),
            estimates=tuple(estimates),
            insights=tuple(insights),
        )

    def view(self) -> MonitorView:
        """Show the state after the last tick."""
        now_s = self._fast * FAST_S
        known = self._start_s is not None
        return MonitorView(
            now_s=now_s if known else None,
            sections=tuple(
                SectionView(
                    name=section.name,
                    pressure_pa=self._readings.pressure_of(i, now_s),
                    temperature_k=self._readings.temperature_of(i, now_s),
                )
                for i, section in enumerate(self.station.sections)
            ),
            atmospheres=tuple(self._atmosphere_views(now_s)) if known else (),
            hatches=dict(self._conditions.hatches),
            alerts=self._alerts.views(),
            isolation=self._isolation(now_s) if known else None,
            last_sample_s={
                channel.name: float(time_s)
                for channel, time_s in zip(
                    self.station.channels, self._silences.heard_s, strict=True
                )
                if np.isfinite(time_s)
            },
            sensors=tuple(
                SensorView(
                    channel=self.station.channels[channel].name,
                    doubt=self._readings.votes.doubt(channel),
                )
                for channel in np.flatnonzero(self._readings.votes.compared).tolist()
            ),
            incidents=self._incidents.views(),
            causes=tuple(self._minutes.causes),
            mode=self._conditions.mode,
        )

    def snapshot(self) -> dict[str, Any]:
        """Return all state as plain Python values and arrays."""
        return {
            "screen": self._screen.snapshot(),
            "readings": self._readings.snapshot(),
            "loops": self._loops.snapshot(),
            "conditions": self._conditions.snapshot(),
            "hatches": self._hatches.snapshot(),
            "volumes": self._volumes.snapshot(),
            "laws": self._laws.snapshot(),
            "reports": self._reports.snapshot(),
            "falls": self._falls.snapshot(),
            "transfers": self._transfers.snapshot(),
            "stillness": self._stillness.snapshot(),
            "health": self._health.snapshot(),
            "leaks": self._leaks.snapshot(),
            "pending": list(self._pending),
            "activities": list(self._activities),
            "commands": list(self._commands),
            "reported": list(self._reported),
            "minutes": self._minutes.snapshot(),
            "closures": self._closures.snapshot(),
            "alerts": self._alerts.snapshot(),
            "incidents": self._incidents.snapshot(),
            "silences": self._silences.snapshot(),
            "start_s": self._start_s,
            "fast": self._fast,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot of a monitor with the same station and policy."""
        self._screen.restore(state["screen"])
        self._readings.restore(state["readings"])
        self._loops.restore(state["loops"])
        self._conditions.restore(state["conditions"])
        self._hatches.restore(state["hatches"])
        self._volumes.restore(state["volumes"])
        self._laws.restore(state["laws"])
        self._reports.restore(state["reports"])
        self._falls.restore(state["falls"])
        self._transfers.restore(state["transfers"])
        self._stillness.restore(state["stillness"])
        self._health.restore(state["health"])
        self._leaks.restore(state["leaks"])
        self._pending = list(state["pending"])
        self._activities = list(state["activities"])
        self._commands = list(state["commands"])
        self._reported = list(state["reported"])
        self._minutes.restore(state["minutes"])
        self._closures.restore(state["closures"])
        self._alerts.restore(state["alerts"])
        self._incidents.restore(state["incidents"])
        self._silences.restore(state["silences"])
        self._start_s = state["start_s"]
        self._fast = state["fast"]

    # -------------------------------------------------------------------- ticks

    def _start(self, samples: SampleBatch) -> bool:
        arrivals = [a.received_s for a in self._activities[:1]]
        arrivals += [h.received_s for h in self._reported[:1]]
        arrivals += [float(samples.received_s[0])] if len(samples) else []
        if not arrivals:
            return False
        first = int(np.floor(min(arrivals) / SLOW_S))
        self._start_s = first * SLOW_S
        self._fast = first * FAST_PER_SLOW
        return True

    def _gauges(self, samples: SampleBatch) -> SampleBatch:
        """Return what the fast ticks have not seen yet of readings that are not late."""
        from_s = self._fast * FAST_S
        new = samples[int(np.searchsorted(samples.received_s, from_s, "left")) :]
        prompt = new.received_s - new.time_s < SLOW_S
        return new[self._falls.is_gauge[new.channel] & prompt]

    def _next_tick(self, fast: Bins) -> int:
        """Return the next tick at which something is due: a minute, a message, or what may be a fall."""
        slow = (self._fast // FAST_PER_SLOW + 1) * FAST_PER_SLOW
        due = [slow]
        rows = fast.rows(self._fast + 1, slow)
        ticks = fast.tick[rows]
        if len(ticks) and (self._falls.may_fall() or ticks[0] == ticks[-1]):
            due.append(int(ticks[0]))
        elif len(ticks):  # of many readings only those count that are low enough
            parts = fast.channel[rows], fast.time_s[rows], fast.value[rows]
            due += ticks[self._falls.may_show_fall(*parts)][:1].tolist()
        for waiting in (self._activities, self._commands):
            if waiting:
                arrived = int(np.floor(waiting[0].received_s / FAST_S)) + 1
                due.append(max(arrived, self._fast + 1))
        if self._alerts.any_of(self._fast_rules):
            due.append(self._fast + 1)
        return min(due)

    def _take_falls(self, fast: Bins, before: int, tick: int) -> None:
        """Enter what gauges read after one tick and up to another; only the last may show a fall."""
        passed, newest = fast.rows(before + 1, tick - 1), fast.rows(max(tick, before + 1), tick)
        self._falls.follow(fast.channel[passed], fast.time_s[passed], fast.value[passed])
        for part in fast.steps(newest):
            self._falls.take(fast.channel[part], fast.time_s[part], fast.value[part])

    def _take_activities(self, at_s: float) -> list[Event]:
        events: list[Event] = []
        while self._activities and self._activities[0].received_s < at_s:
            events += self._apply(self._activities.pop(0), at_s)
        return events

    def _see_transfers(self, at_s: float) -> list[Event]:
        """Take air that flows through closed hatches for what a message would have made of it."""
        if at_s % SLOW_S and not self._falls.may_fall():
            return []
        told = self._conditions.drained(at_s)
        seen = self._transfers.look(self._minutes.taken_hatches(), told, at_s)
        reason = "what one side lost the other gained; no message told of it"
        return [event for activity in seen for event in self._apply(activity, at_s, reason)]

    def _apply(self, activity: Activity, at_s: float, reason: str = "") -> list[Event]:
        """Let a message, or what was seen for want of one, take effect."""
        effect = self._conditions.apply(activity)
        events: list[Event] = [
            ActivityNoted(
                time_s=at_s,
                name=activity.name,
                place=activity.hatch or activity.section or self.station.name,
                understood=effect.understood,
                reason=effect.reason or reason,
                state=activity.state,
                value=activity.value,
                unit=activity.unit,
                mass_sd_kg=effect.mass_sd_kg,
                rate_sd_kg_per_day=effect.rate_sd * S_PER_DAY,
            )
        ]
        if not effect.understood:
            return events
        self._volumes.hear(activity, self._minutes.groups)
        if effect.regroups:
            hatch, moved_s = str(activity.hatch), min(activity.time_s, at_s)
            reason = f"hatch {hatch} {activity.state}"
            events += self._minutes.regroup(at_s, hatch, moved_s, reason)
        touched = self._minutes.touched(*self._conditions.places(activity))
        if effect.mass_sd_kg > 0.0:
            self._laws.disturb(touched)
            since_s = min(activity.time_s, at_s)
            self._leaks.admit_gas(touched, effect.mass_sd_kg, at_s, since_s=since_s)
        if effect.vapour_sd_kg > 0.0 or effect.co2_kg != 0.0:
            lived_in = self._minutes.touched(self._conditions.lived_in(activity))
            self._leaks.admit_breath(
                lived_in, effect.vapour_sd_kg, effect.co2_kg, effect.unmixed_co2_kg
            )
        self._leaks.adapt(self._conditions.life_support)
        return events

    def _take_commands(self, at_s: float) -> list[Event]:
        events: list[Event] = []
        while self._commands and self._commands[0].received_s < at_s:
            command = self._commands.pop(0)
            if command.order is Order.SET_MODE:
                events.append(self._set_mode(command, at_s))
                continue
            events += self._alerts.obey(command, self._minutes.groups, self._situation(at_s), at_s)
        return events

    def _set_mode(self, command: Command, at_s: float) -> CommandTaken:
        before = self._conditions.mode
        refused = self._conditions.set_mode(command.mode)
        return CommandTaken(
            time_s=at_s,
            command_id=command.command_id,
            order=command.order,
            who=command.who,
            why=command.why,
            alert_id="",
            rule="",
            atmosphere="",
            old_state=AlertState.NORMAL,
            new_state=AlertState.NORMAL,
            refused=refused,
            old_mode=before,
            new_mode=self._conditions.mode,
        )

    def _take_reports(self, at_s: float) -> None:
        while self._reported and self._reported[0].received_s < at_s:
            self._health.take(self._reported.pop(0))

    def _judge(self, rules: Sequence[Rule], at_s: float) -> list[Event]:
        return list(self._alerts.judge(rules, self._minutes.groups, self._situation(at_s), at_s))

    def _situation(self, at_s: float) -> Situation:
        start_s = at_s if self._start_s is None else self._start_s
        return Situation(
            air=self._minutes.air,
            silences_s=self._silences.unusual_s(at_s, start_s),
        )

    # -------------------------------------------------------------------- views

    def _atmosphere_views(self, at_s: float) -> list[AtmosphereView]:
        return [
            self._figures.atmosphere(group, self._minutes.air.get(group), at_s)
            for group in self._minutes.groups
        ]

    def _isolation(self, at_s: float) -> IsolationView:
        now = self._situation(at_s)
        effects = [
            e for group in self._minutes.groups for e in self._figures.effects(group, now, at_s)
        ]
        view = self._closures.view(self._minutes.taken_hatches(), self._minutes.air, at_s)
        return replace(view, effects=tuple(effects))

    def _insights(self, at_s: float) -> list[Insight]:
        if not self.policy.keeps_insights:
            return []
        seen = (self._figures.insight(group, at_s) for group in self._minutes.groups)
        return [insight for insight in seen if insight is not None]


def _last_heard(samples: SampleBatch) -> dict[int, list[tuple[int, float]]]:
    """Return, for each slow tick, when each channel that spoke last spoke, event time."""
    if not len(samples):
        return {}
    tick = np.floor(samples.received_s / SLOW_S).astype(np.int64) + 1
    order = np.lexsort((samples.time_s, samples.channel, tick))
    tick, channel = tick[order], samples.channel[order]
    last = np.append((np.diff(tick) != 0) | (np.diff(channel) != 0), True)
    heard: dict[int, list[tuple[int, float]]] = {}
    for number, one, time_s in zip(
        tick[last].tolist(),
        channel[last].tolist(),
        samples.time_s[order][last].tolist(),
        strict=True,
    ):
        heard.setdefault(number, []).append((one, time_s))
    return heard
