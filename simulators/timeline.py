"""Turns the timeline of a scenario into schedules for the physics and messages for people."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np

from simulators import airlocks, entries, gas, loops, warming
from simulators.messages import Message, arrival_s, message_of
from simulators.plan import Change, Fault, Flow, HatchState, Plan, Schedule
from simulators.schema import Scenario


def plan_of(scenario: Scenario) -> Plan:
    """Work out everything that happens in a scenario, each list in order of time."""
    start_s = scenario.start.timestamp()
    plan = Plan()
    plan.crew.change(start_s, scenario.air.crew)
    plan.oxygen_kg_per_day.change(start_s, scenario.air.oxygen_generation_kg_per_day)
    plan.oxygen_is_cyclic.change(start_s, 0.0)
    plan.co2_removal.change(start_s, 1.0)
    for name, leak in scenario.leaks.items():
        plan.leaks_kg_per_day[name] = Schedule()
        plan.leaks_kg_per_day[name].change(start_s, leak.kg_per_day)
    plan.warming_k = {name: [] for name in (*scenario.sections, *scenario.loops)}
    plan.faults += _standing_faults(scenario)
    first = entries.CrewEntry(what="crew", at=scenario.start, count=scenario.air.crew)
    rate = scenario.air.oxygen_generation_kg_per_day
    plan.messages += [
        message_of(first, activity="crew", state="value", value=scenario.air.crew, unit="count"),
        message_of(first, activity="oxygen_generation", **_oxygen(scenario, rate)),
    ]
    for name, vehicle in scenario.vehicles.items():
        if vehicle.docked:
            plan.messages.append(message_of(first, **_joins(scenario, name)))
    for entry in sorted(scenario.timeline, key=lambda entry: entry.at):
        messages = _add(plan, scenario, entry)
        if entry.declared:
            plan.messages += messages
    plan.hatch_moves.sort(key=lambda move: move[0])
    plan.changes.sort(key=lambda change: change.time_s)
    plan.gaps.sort()
    plan.messages.sort(key=arrival_s)
    return plan


def _standing_faults(scenario: Scenario) -> Iterator[Fault]:
    """Give what is wrong with channels from the start to the end."""
    for name, channel in scenario.channels.items():
        for standing in (*scenario.faults, *channel.faults):
            yield Fault(
                channel=name,
                kind=standing.fault,
                size=standing.size,
                share=standing.share,
                start_s=scenario.start.timestamp(),
                stop_s=np.inf,
            )


def _add(plan: Plan, scenario: Scenario, entry: entries.AnyEntry) -> list[Message]:  # noqa: C901 one case for each kind of entry
    """Book one entry of the timeline in the schedules; give what is said of it."""
    match entry:
        case entries.CrewEntry() | entries.HandoverEntry() | entries.OxygenEntry():
            return _people_and_oxygen(plan, scenario, entry)
        case entries.CO2RemovalEntry():
            plan.co2_removal.change(entry.at.timestamp(), 1.0 if entry.state == "on" else 0.0)
            place = scenario.life_support.section
            return [message_of(entry, activity="co2_removal", section=place, state=entry.state)]
        case entries.HatchEntry():
            return _move(plan, entry, entry.at.timestamp(), entry.hatch, entry.state)
        case entries.HatchProgrammeEntry():
            moves = [
                _move(plan, entry, at_s, entry.hatch, "open" if is_open else "closed")
                for at_s, is_open in _programme(entry)
            ]
            return [message for told in moves for message in told]
        case entries.EvaEntry():
            moves_of_hatches, messages = airlocks.outing(scenario, entry)
            plan.hatch_moves += moves_of_hatches
            return messages
        case entries.LeakEntry() | entries.IntermittentLeakEntry() | entries.PatchEntry():
            _change_leak(plan, scenario, entry)
            return []
        case entries.GasEntry():
            return _flow(plan, entry)
        case entries.DockingEntry() | entries.UndockingEntry():
            return _traffic(plan, scenario, entry)
        case entries.ThermalEntry() | entries.BetaSwingEntry():
            return warming.warm(plan, scenario, entry)
        case entries.DryOutEntry():
            return warming.dry_out(plan, entry)
        case entries.SignalGapEntry():
            plan.gaps.append((entry.at.timestamp(), entry.until.timestamp(), entry.buffered))
            return []
        case entries.FaultEntry():
            plan.faults += _faults(entry)
            return []


def _people_and_oxygen(
    plan: Plan,
    scenario: Scenario,
    entry: entries.CrewEntry | entries.HandoverEntry | entries.OxygenEntry,
) -> list[Message]:
    at_s = entry.at.timestamp()
    if isinstance(entry, entries.OxygenEntry):
        plan.oxygen_kg_per_day.change(at_s, entry.kg_per_day)
        plan.oxygen_is_cyclic.change(at_s, 1.0 if entry.mode == "cyclic" else 0.0)
        told = _oxygen(scenario, entry.kg_per_day)
        return [message_of(entry, activity="oxygen_generation", **told)]
    if isinstance(entry, entries.CrewEntry):
        counts = [(at_s, entry.count)]
    else:
        both = round(plan.crew.values[-1]) + entry.arriving
        counts = [(at_s, both), (entry.until.timestamp(), both - entry.leaving)]
    for moment_s, count in counts:
        plan.crew.change(moment_s, count)
    about: Message = {"activity": "crew", "state": "value", "unit": "count"}
    return [message_of(entry, moment_s, **about, value=count) for moment_s, count in counts]


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
    plan: Plan, entry: entries.Entry, at_s: float, hatch: str, state: HatchState
) -> list[Message]:
    plan.hatch_moves.append((at_s, hatch, state))
    return [message_of(entry, at_s, activity="hatch", hatch=hatch, state=state)]


def _programme(entry: entries.HatchProgrammeEntry) -> Iterator[tuple[float, bool]]:
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


def _change_leak(
    plan: Plan,
    scenario: Scenario,
    entry: entries.LeakEntry | entries.IntermittentLeakEntry | entries.PatchEntry,
) -> None:
    """Book the new sizes of a leak with the ramps that lead to them."""
    at_s = entry.at.timestamp()
    schedule = plan.leaks_kg_per_day[entry.leak]
    if isinstance(entry, entries.IntermittentLeakEntry):
        until_s, moment_s = entry.until.timestamp(), at_s
        while moment_s < until_s:
            _resize(plan, entry.leak, moment_s, entry.kg_per_day)
            closes_s = min(moment_s + entry.on_h * 3600, until_s)
            _resize(plan, entry.leak, closes_s, entry.rest_kg_per_day)
            moment_s += (entry.on_h + entry.off_h) * 3600
        return
    ramp_s = entry.over_h * 3600
    if isinstance(entry, entries.PatchEntry):
        left = entry.factor * float(schedule.at(np.array([at_s]))[0])
        _resize(plan, entry.leak, at_s, left, ramp_s, kind="patch")
        return
    size = entry.kg_per_day
    if entry.kg_per_h is not None:
        size = entry.kg_per_h * 24
    if entry.hole_mm is not None:
        place = scenario.leaks[entry.leak].section
        if isinstance(place, str) and place in scenario.loops:
            size = loops.hole_kg_per_day(scenario.loops[place], entry.hole_mm)
        else:
            size = gas.choked_hole_kg_per_day(entry.hole_mm)
    _resize(plan, entry.leak, at_s, size or 0.0, ramp_s)


def _resize(
    plan: Plan, leak: str, at_s: float, size: float, over_s: float = 0.0, kind: str = ""
) -> None:
    schedule = plan.leaks_kg_per_day[leak]
    plan.changes.append(
        Change(
            time_s=at_s,
            until_s=at_s + over_s,
            kind=kind or ("ramp" if over_s else "step"),
            leak=leak,
            before_kg_per_day=float(schedule.at(np.array([at_s]))[0]),
            after_kg_per_day=size,
        )
    )
    schedule.change(at_s, size, over_s)


def _flow(plan: Plan, entry: entries.GasEntry) -> list[Message]:
    """Book gas that comes or goes; its amount is told once, at the start."""
    at_s = entry.at.timestamp()
    stop_s = at_s + entry.over_h * 3600
    inward = entry.what in ("repressurisation", "airlock_repressurisation")
    kg = entry.kg if inward else -entry.kg
    plan.flows.append(
        Flow(start_s=at_s, stop_s=stop_s, section=entry.section, kg=kg, gas=entry.gas)
    )
    about: Message = {"activity": entry.what, "section": entry.section, "gas": entry.gas}
    return [
        message_of(entry, **about, state="start", value=entry.kg, unit="kg"),
        message_of(entry, stop_s, **about, state="stop"),
    ]


def _traffic(
    plan: Plan, scenario: Scenario, entry: entries.DockingEntry | entries.UndockingEntry
) -> list[Message]:
    """Book a vehicle's coming or going, and its hatch if that is used."""
    joins = _joins(scenario, entry.vehicle)
    port = joins["section"]
    if isinstance(entry, entries.DockingEntry):
        messages = [message_of(entry, activity="docking", section=port, state="start")]
        if entry.opens is not None:
            opens_s = entry.opens.timestamp()
            plan.hatch_moves.append((opens_s, entry.vehicle, "open"))
            messages.append(message_of(entry, opens_s, **joins))
        return messages
    messages = [message_of(entry, activity="undocking", section=port, state="stop")]
    if entry.closes is not None:
        closes_s = entry.closes.timestamp()
        plan.hatch_moves.append((closes_s, entry.vehicle, "closed"))
        leaves = joins | {"activity": "undocking", "state": "closed"}
        messages.append(message_of(entry, closes_s, **leaves))
    return messages


def _faults(entry: entries.FaultEntry) -> Iterator[Fault]:
    channels = [entry.channel] if isinstance(entry.channel, str) else entry.channel
    for channel in channels:
        yield Fault(
            channel=channel,
            kind=entry.fault,
            size=entry.size,
            share=entry.share,
            start_s=entry.at.timestamp(),
            stop_s=entry.until.timestamp() if entry.until else np.inf,
        )
