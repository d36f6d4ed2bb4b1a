"""Turns the timeline of a scenario into schedules for the physics and messages for people."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np

from simulators import gas, schema
from simulators.gas import Floats
from simulators.messages import Message, arrival_s
from simulators.schema import Scenario


@dataclass(slots=True, kw_only=True)
class Schedule:
    """A figure over time: straight between its knots, a jump where two share a time."""

    times_s: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def change(self, at_s: float, value: float, over_s: float = 0.0) -> None:
        """Reach a value at the end of a ramp that begins now and ends any ramp under way."""
        before = float(self.at(np.array([at_s]))[0]) if self.times_s else value
        while self.times_s and self.times_s[-1] > at_s:
            self.times_s.pop()
            self.values.pop()
        self.times_s += [at_s, at_s + over_s]
        self.values += [before, value]

    def at(self, times_s: Floats) -> Floats:
        """Read the figure at each time; at a jump itself the new value holds."""
        knots_s, values = np.array(self.times_s), np.array(self.values)
        after = np.searchsorted(knots_s, times_s, side="right")
        read: Floats = np.interp(times_s, knots_s, values)
        at_knot = (after > 0) & (knots_s[after - 1] == times_s)
        read[at_knot] = values[after[at_knot] - 1]
        return read


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The true size of a leak moves, in kg/day at the reference pressure."""

    time_s: float
    until_s: float
    leak: str
    before_kg_per_day: float
    after_kg_per_day: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Gas that enters (or leaves, where `kg` is negative) a section evenly over a time."""

    start_s: float
    stop_s: float
    section: str
    kg: float
    gas: str

    def kg_between(self, until_s: Floats, step_s: float) -> Floats:
        """Give what passes in the step before each time."""
        inside = np.minimum(until_s, self.stop_s) - np.maximum(until_s - step_s, self.start_s)
        passed: Floats = self.kg * np.maximum(inside, 0.0) / (self.stop_s - self.start_s)
        return passed


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A sensor that does not tell the truth from one time to another."""

    channel: str
    kind: str
    size: float
    start_s: float
    stop_s: float


@dataclass(slots=True, kw_only=True)
class Plan:
    """All that happens, by what it acts on; hatch moves as (time, hatch, is open)."""

    crew: Schedule = field(default_factory=Schedule)
    oxygen_kg_per_day: Schedule = field(default_factory=Schedule)
    leaks_kg_per_day: dict[str, Schedule] = field(default_factory=dict)
    warming_k: dict[str, Schedule] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    hatch_moves: list[tuple[float, str, bool]] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    gaps: list[tuple[float, float, bool]] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)


def plan_of(scenario: Scenario) -> Plan:
    """Work out everything that happens in a scenario, each list in order of time."""
    start_s = scenario.start.timestamp()
    plan = Plan()
    plan.crew.change(start_s, scenario.air.crew)
    plan.oxygen_kg_per_day.change(start_s, scenario.air.oxygen_generation_kg_per_day)
    for name, leak in scenario.leaks.items():
        plan.leaks_kg_per_day[name] = Schedule()
        plan.leaks_kg_per_day[name].change(start_s, leak.kg_per_day)
    for name in scenario.sections:
        plan.warming_k[name] = Schedule()
        plan.warming_k[name].change(start_s, 0.0)
    first = schema.CrewEntry(what="crew", at=scenario.start, count=scenario.air.crew)
    rate = scenario.air.oxygen_generation_kg_per_day
    plan.messages += [
        _message(first, activity="crew", state="value", value=scenario.air.crew, unit="count"),
        _message(first, activity="oxygen_generation", **_oxygen(scenario, rate)),
    ]
    for name, vehicle in scenario.vehicles.items():
        if vehicle.docked:
            plan.messages.append(_message(first, **_joins(scenario, name)))
    for entry in sorted(scenario.timeline, key=lambda entry: entry.at):
        _add(plan, scenario, entry)
    plan.hatch_moves.sort(key=lambda move: move[0])
    plan.gaps.sort()
    plan.messages.sort(key=arrival_s)
    return plan


def _add(plan: Plan, scenario: Scenario, entry: schema.AnyEntry) -> None:  # noqa: C901, PLR0912 one case for each kind of entry
    """Book one entry of the timeline in the schedules and among the messages."""
    at_s = entry.at.timestamp()
    messages: list[Message] = []
    match entry:
        case schema.CrewEntry():
            plan.crew.change(at_s, entry.count)
            messages.append(
                _message(entry, activity="crew", state="value", value=entry.count, unit="count")
            )
        case schema.OxygenEntry():
            plan.oxygen_kg_per_day.change(at_s, entry.kg_per_day)
            told = _oxygen(scenario, entry.kg_per_day)
            messages.append(_message(entry, activity="oxygen_generation", **told))
        case schema.HatchEntry():
            messages += _move(plan, entry, at_s, entry.hatch, is_open=entry.state == "open")
        case schema.HatchProgrammeEntry():
            for moment, is_open in _programme(entry):
                messages += _move(plan, entry, moment, entry.hatch, is_open=is_open)
        case schema.LeakEntry():
            _change_leak(plan, entry)
        case schema.GasEntry():
            messages += _flow(plan, entry)
        case schema.DockingEntry() | schema.UndockingEntry():
            messages += _traffic(plan, scenario, entry)
        case schema.ThermalEntry():
            for section in entry.sections:
                schedule = plan.warming_k[section]
                schedule.change(at_s, schedule.values[-1] + entry.change_k, entry.over_h * 3600)
                mean = scenario.sections[section].temperature_degc + schedule.values[-1]
                messages.append(
                    _message(
                        entry,
                        activity="thermal_setpoint",
                        section=section,
                        state="value",
                        value=round(mean, 3),
                        unit="degC",
                    )
                )
        case schema.SignalGapEntry():
            plan.gaps.append((at_s, entry.until.timestamp(), entry.buffered))
        case schema.FaultEntry():
            stop_s = entry.until.timestamp() if entry.until else np.inf
            plan.faults.append(
                Fault(
                    channel=entry.channel,
                    kind=entry.fault,
                    size=entry.size,
                    start_s=at_s,
                    stop_s=stop_s,
                )
            )
    if entry.declared:
        plan.messages += messages


def _message(entry: schema.Entry, at_s: float | None = None, **fields: Any) -> Message:
    """Say something about an entry at its own or another time."""
    time_s = entry.at.timestamp() if at_s is None else at_s
    late = {"received": time_s + entry.message_delay_s} if entry.message_delay_s else {}
    return {"time": time_s, **late, **fields}


def _oxygen(scenario: Scenario, kg_per_day: float) -> Message:
    return {
        "section": scenario.life_support.section,
        "state": "value",
        "value": kg_per_day,
        "unit": "kg/day",
        "gas": "O2",
    }


def _joins(scenario: Scenario, vehicle: str) -> Message:
    volume = round(scenario.free_volume_m3(vehicle), 3)
    return {
        "activity": "docking",
        "section": scenario.vehicles[vehicle].port,
        "state": "open",
        "value": volume,
        "unit": "m3",
    }


def _move(
    plan: Plan, entry: schema.Entry, at_s: float, hatch: str, *, is_open: bool
) -> list[Message]:
    plan.hatch_moves.append((at_s, hatch, is_open))
    state = "open" if is_open else "closed"
    return [_message(entry, at_s, activity="hatch", hatch=hatch, state=state)]


def _programme(entry: schema.HatchProgrammeEntry) -> Iterator[tuple[float, bool]]:
    """Give the moves of a daily programme, after how the hatch stands when it begins."""
    start, until = entry.at.astimezone(UTC), entry.until.astimezone(UTC)
    day = start.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    moves: list[tuple[datetime, bool]] = []
    while day < until:
        for hour, is_open in ((entry.opens, True), (entry.closes, False)):
            moves.append((day + timedelta(hours=hour.hour, minutes=hour.minute), is_open))
        day += timedelta(days=1)
    moves.sort()
    for (moment, is_open), (following, _) in pairwise([*moves, (until, False)]):
        if following > start and moment < until:
            yield max(moment, start).timestamp(), is_open


def _change_leak(plan: Plan, entry: schema.LeakEntry) -> None:
    schedule = plan.leaks_kg_per_day[entry.leak]
    at_s = entry.at.timestamp()
    before = float(schedule.at(np.array([at_s]))[0])
    after = entry.kg_per_day
    if after is None:
        after = gas.choked_hole_kg_per_day(entry.hole_mm or 0.0)
    schedule.change(at_s, after, entry.over_h * 3600)
    plan.changes.append(
        Change(
            time_s=at_s,
            until_s=at_s + entry.over_h * 3600,
            leak=entry.leak,
            before_kg_per_day=before,
            after_kg_per_day=after,
        )
    )


def _flow(plan: Plan, entry: schema.GasEntry) -> list[Message]:
    """Book gas that comes or goes; its amount is told once, at the start."""
    at_s = entry.at.timestamp()
    stop_s = at_s + entry.over_h * 3600
    inward = entry.what in ("repressurisation", "airlock_repressurisation")
    plan.flows.append(
        Flow(
            start_s=at_s,
            stop_s=stop_s,
            section=entry.section,
            kg=entry.kg if inward else -entry.kg,
            gas=entry.gas,
        )
    )
    about: Message = {"activity": entry.what, "section": entry.section, "gas": entry.gas}
    return [
        _message(entry, **about, state="start", value=entry.kg, unit="kg"),
        _message(entry, stop_s, **about, state="stop"),
    ]


def _traffic(
    plan: Plan, scenario: Scenario, entry: schema.DockingEntry | schema.UndockingEntry
) -> list[Message]:
    """Book a vehicle's coming or going, and its hatch if that is used."""
    joins = _joins(scenario, entry.vehicle)
    port = joins["section"]
    if isinstance(entry, schema.DockingEntry):
        messages = [_message(entry, activity="docking", section=port, state="start")]
        if entry.opens is not None:
            opens_s = entry.opens.timestamp()
            plan.hatch_moves.append((opens_s, entry.vehicle, True))
            messages.append(_message(entry, opens_s, **joins))
        return messages
    messages = [_message(entry, activity="undocking", section=port, state="stop")]
    if entry.closes is not None:
        closes_s = entry.closes.timestamp()
        plan.hatch_moves.append((closes_s, entry.vehicle, False))
        leaves = joins | {"activity": "undocking", "state": "closed"}
        messages.append(_message(entry, closes_s, **leaves))
    return messages
