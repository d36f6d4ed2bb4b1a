"""A monitor that is stopped amid everything goes on from its file as if it never had been."""

from dataclasses import replace

import numpy as np

from service.core.commands import Command
from service.core.events import Event, Order
from service.core.health import Health, Tally
from service.core.monitor import Monitor
from service.core.samples import Activity, SampleBatch
from service.core.station import (
    Channel,
    ChannelKind,
    Hatch,
    HatchState,
    Loop,
    Meaning,
    Medium,
    Section,
)
from service.core.units import PA_PER_MMHG
from service.storage.encoding import decode, encode
from service.storage.recovery import Memory
from service.storage.store import Store
from tests.core.conftest import (
    CABIN_M3,
    FIRST_PA,
    POLICY,
    RULES,
    STATION,
    TUNNEL_M3,
    Flight,
    series,
)

HOURS, SHUT_H, STOP_H = 36.0, 30.0, 33.0
GROWN_H, FILLED_H = 20.0, (32.5, 33.5)
PUMPED_H, PUMPED_PA = 12.0, 60.0 * PA_PER_MMHG  # out of the lock into the rest, within ten minutes
KG_PER_DAY = 0.6  # that the tunnel leaks from `GROWN_H` on
FILLED_KG, LOOP_KG_PER_H = 3.0, 0.4
LOCK = replace(
    STATION,
    sections=(*STATION.sections, Section(name="lock", volume_m3=5.0)),
    hatches=(
        *STATION.hatches,
        Hatch(name="box", between=("cabin", "lock"), state=HatchState.UNKNOWN),
    ),
    loops=(
        Loop(
            name="loop",
            floor_kg=1.0,
            accumulator_m3=0.02,
            precharge_pa=120e3,
            density_kg_per_m3=1000.0,
            expansion_per_k=2e-4,
        ),
    ),
    channels=(
        *STATION.channels,
        Channel(name="lock.pressure", section="lock", kind=ChannelKind.PRESSURE, unit="mmHg"),
        Channel(name="loop.quantity", section="loop", kind=ChannelKind.QUANTITY, unit="kg"),
        Channel(name="loop.pressure", section="loop", kind=ChannelKind.PRESSURE, unit="kPa"),
        Channel(
            name="cabin.valve",
            section="cabin",
            kind=ChannelKind.STATE,
            unit="state",
            means=Meaning(activity="valve", on=(1.0,), off=(0.0,)),
        ),
    ),
)
WET = tuple(
    replace(rule, name=f"coolant_{rule.name}", medium=Medium.LIQUID)
    for rule in RULES
    if rule.name in {"leak_growth", "reserve_time"}
)
WATCHED = replace(POLICY, rules=(*RULES, *WET))


def flight() -> Flight:
    return Flight(
        hours=HOURS,
        leak_kg_per_day=lambda hour: KG_PER_DAY if hour >= GROWN_H else 0.05,
        oxygen_kg=lambda hour: FILLED_KG * float(np.clip(hour - FILLED_H[0], 0.0, 1.0)),
        shut=((SHUT_H, HOURS),),
    )


def readings(flown: Flight) -> SampleBatch:
    """Return what all channels say: the lock is emptied, a gauge lies and sticks, the loop leaks."""
    told = flown.samples()
    stuck = (told.channel == 1) & (told.time_s > flown.start_s + 28.0 * 3600.0)
    told = replace(told, value=np.where(stuck, FIRST_PA + 20.0 * PA_PER_MMHG, told.value))
    times_s = flown.start_s + np.arange(0.0, HOURS * 3600.0, 60.0)
    hours = np.arange(len(times_s)) / 60.0
    rng = np.random.default_rng(3)
    pumped_pa = PUMPED_PA * np.clip(6.0 * (hours - PUMPED_H), 0.0, 1.0)
    gained_pa = np.interp(told.time_s, times_s, pumped_pa) * 5.0 / (CABIN_M3 + TUNNEL_M3)
    told = replace(told, value=told.value + np.where(told.channel < 3, gained_pa, 0.0))
    held_kg = 10.0 - LOOP_KG_PER_H * np.maximum(hours - 26.0, 0.0)
    held_kg += rng.normal(0.0, 0.02, len(hours))
    more = series(
        times_s,
        {
            6: FIRST_PA - pumped_pa + rng.normal(0.0, 4.0, len(hours)),
            7: held_kg,
            8: 120e3 / (1.0 - held_kg / 20.0) + rng.normal(0.0, 200.0, len(hours)),
            9: (hours % 12.0 > 11.0).astype(np.float64),
        },
    )
    joined = SampleBatch.concatenate([told, more])
    return joined[np.argsort(joined.received_s, kind="stable")]


def messages(flown: Flight) -> list[Activity]:
    filling = [
        Activity(
            time_s=at_s,
            received_s=at_s,
            name="repressurisation",
            section="cabin",
            gas="O2",
            state=state,
            value=value,
        )
        for hour, state, value in zip(FILLED_H, ("start", "stop"), (None, FILLED_KG), strict=True)
        if (at_s := flown.start_s + hour * 3600.0)
    ]
    waiting_s = flown.start_s + STOP_H * 3600.0 - 1.0  # for the stop
    waits = Activity(time_s=waiting_s, received_s=waiting_s, name="note")
    return sorted([*flown.activities(), *filling, waits], key=lambda a: a.received_s)


def orders(flown: Flight) -> list[Command]:
    """Return a word on an alert that is there, and one that is still waiting at the stop."""
    times_s = (flown.start_s + 29.0 * 3600.0, flown.start_s + STOP_H * 3600.0 - 1.0)
    return [
        Command(
            received_s=at_s,
            command_id=str(i),
            order=Order.SHELVE,
            who="kim",
            why="seen",
            rule="silence",
            atmosphere="cabin",
            lasting_s=3600.0,
        )
        for i, at_s in enumerate(times_s)
    ]


def reports(flown: Flight) -> list[Health]:
    """Return how the daemon is every half minute, with a source that is away for the last hour."""
    end_s = flown.start_s + HOURS * 3600.0
    times_s = np.arange(flown.start_s + 1.0, end_s, 30.0).tolist()
    away_s = flown.start_s + (STOP_H - 1.0) * 3600.0
    tally = Tally(written=1, failed=0, dropped=0)
    return [
        Health(
            received_s=at_s,
            sources={"mqtt": at_s < away_s},
            outputs={"log": tally},
            accepted=i,
            refused=0,
        )
        for i, at_s in enumerate(times_s)
    ]


def go(monitor: Monitor, flown: Flight, from_s: float, to_s: float, until_s: float) -> list[Event]:
    """Let a monitor have what arrives within a span, and return what it says by a moment."""
    told = readings(flown)
    monitor.observe(told[(told.received_s >= from_s) & (told.received_s < to_s)])
    monitor.declare([a for a in messages(flown) if from_s <= a.received_s < to_s])
    monitor.command([c for c in orders(flown) if from_s <= c.received_s < to_s])
    for report in reports(flown):
        if from_s <= report.received_s < to_s:
            monitor.report(report)
    return list(monitor.advance(until_s).events)


def test_a_monitor_in_full_flight_goes_on_from_its_file(tmp_path):
    """Every part of the state differs from that of a fresh monitor, so none goes untried."""
    flown = flight()
    start_s, end_s = flown.start_s, flown.start_s + HOURS * 3600.0
    stop_s = start_s + STOP_H * 3600.0
    first = Monitor(LOCK, WATCHED)
    memory = Memory(Store(tmp_path / "state.db"), first)
    go(first, flown, start_s, stop_s, stop_s - 90.0)
    state, fresh = first.snapshot(), Monitor(LOCK, WATCHED).snapshot()
    assert [part for part in state if encode(state[part]) == encode(fresh[part])] == []
    assert encode(decode(encode(state))) == encode(state)

    memory.save()
    memory.close()
    second = Monitor(LOCK, WATCHED)
    kept = Memory(Store(tmp_path / "state.db"), second)
    assert kept.recover() == ""
    kept.close()
    assert second.view() == first.view()
    after = go(second, flown, stop_s, end_s, end_s)
    assert after
    assert after == go(first, flown, stop_s, end_s, end_s)
    assert second.view() == first.view()
