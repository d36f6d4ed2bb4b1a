"""A store gives back what it was given, and a monitor that was lost at any moment."""

import sqlite3
from dataclasses import replace

import numpy as np
import pytest

from service.core.commands import Command
from service.core.events import AlertEvent, Order
from service.core.monitor import Monitor
from service.core.samples import Activity, SampleBatch
from service.core.station import Section
from service.core.units import PA_PER_MMHG
from service.storage.recovery import Memory
from service.storage.store import Store
from tests.core.conftest import POLICY, RULES, START_S, STATION, series

LOW = replace(RULES[0], hold_s=120.0, keep_firing_s=120.0)
POLICY_LOW = replace(POLICY, rules=(LOW, RULES[5]))
MINUTES = 40


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "state.db"


def minutes(seed: int) -> list[tuple[SampleBatch, Activity | None, Command | None]]:
    """Return what arrives in each of forty minutes: a pressure that goes below its limit and back."""
    random = np.random.default_rng(seed)
    found = []
    for minute in range(MINUTES):
        level = 730.0 if 8 <= minute < 20 or minute >= 30 else 740.0
        times_s = START_S + 60.0 * minute + np.array([1.0, 31.0])
        mmhg = level + random.normal(0.0, 0.05, 2)
        samples = series(times_s, {0: mmhg * PA_PER_MMHG, 1: mmhg * PA_PER_MMHG})
        at_s = float(times_s[-1])
        told = Activity(time_s=at_s, received_s=at_s, name="crew", value=4.0 + minute)
        done = Command(
            received_s=at_s,
            command_id=str(minute),
            order=Order.ACKNOWLEDGE,
            who="kim",
            why="seen",
            alert_id=f"pressure_low-cabin-{round(START_S + 9 * 60.0)}",
        )
        found.append((samples, told if minute % 7 == 3 else None, done if minute == 14 else None))
    return found


class Daemon:
    """The part of the daemon that remembers; `told` outlives it as the world outside does."""

    def __init__(self, path, told, policy=POLICY_LOW, station=STATION) -> None:
        self.store = Store(path)
        self.monitor = Monitor(station, policy)
        self.memory = Memory(self.store, self.monitor)
        self.reason = self.memory.recover()
        self.told = told
        self.publish(self.memory.unpublished())

    def publish(self, events):
        self.told += [e for e in events if isinstance(e, AlertEvent)]
        self.memory.published()

    def step(self, samples, activity, command, now_s, *, dies=None):
        """Handle one minute; `dies` names the step before which the power goes."""
        inputs = [samples, *([activity] if activity else []), *([command] if command else [])]
        if dies == "before":
            return False
        self.memory.keep(inputs)
        if dies == "kept":
            return False
        self.monitor.observe(samples)
        self.monitor.declare([activity] if activity else [])
        self.monitor.command([command] if command else [])
        events = self.memory.announce(self.monitor.advance(now_s).events)
        if dies == "announced":
            return False
        self.publish(events)
        return True

    def leave(self):
        self.memory.close()


def run(path, seed, deaths, saves):
    """Return what is told over the forty minutes by daemons that die where they are told to."""
    told: list[AlertEvent] = []
    daemon = Daemon(path, told)
    for minute, arrives in enumerate(minutes(seed)):
        now_s = START_S + 60.0 * (minute + 1)
        dies = deaths.get(minute)
        if not daemon.step(*arrives, now_s, dies=dies):
            daemon.leave()
            daemon = Daemon(path, told)
            assert daemon.reason == ""
            if dies == "before":  # what was never kept was never acknowledged: it comes again
                daemon.step(*arrives, now_s)
        if minute in saves:
            daemon.memory.save()
    end = daemon.memory.announce(daemon.monitor.advance(START_S + 60.0 * MINUTES + 300.0).events)
    daemon.publish(end)
    daemon.leave()
    return told, daemon


@pytest.mark.parametrize("seed", range(20))
def test_daemons_that_die_at_any_step_tell_what_one_that_lives_tells_once(tmp_path, seed):
    random = np.random.default_rng(seed)
    points = ["before", "kept", "announced"]
    deaths = {m: str(random.choice(points)) for m in range(MINUTES) if random.random() < 0.3}
    saves = {m for m in range(MINUTES) if random.random() < 0.2}
    whole, lived = run(tmp_path / "whole.db", seed, {}, set())
    torn, died = run(tmp_path / "torn.db", seed, deaths, saves)
    assert torn == whole
    assert died.monitor.view() == lived.monitor.view()
    kinds = [e.event.value for e in whole if e.rule == "pressure_low"]
    assert kinds == ["pending", "raised", "acknowledged", "cleared", "pending", "raised"]


def test_what_was_told_but_not_marked_as_told_is_told_again_under_the_same_identity(path):
    first = Daemon(path, [])
    for minute, arrives in enumerate(minutes(1)[:12]):
        first.step(*arrives, START_S + 60.0 * (minute + 1), dies="announced")
    first.leave()
    again = Store(path)
    announced = again.announcements()
    assert [a.event.event for a in announced] == ["pending", "raised"]
    assert len({a.id for a in announced}) == 2
    assert [a.sequence for a in announced] == [1, 2]
    assert again.announce([a.event for a in announced]) == []
    again.close()


def test_a_file_that_is_damaged_is_set_aside_and_a_new_one_begun(path):
    Daemon(path, []).leave()
    path.write_bytes(b"SQLite format 3\0" + b"rubbish" * 1000)
    store = Store(path)
    assert "kept as state.db.refused" in store.refused
    assert path.with_name("state.db.refused").exists()
    assert store.announcements() == []
    store.close()


def test_a_snapshot_with_a_changed_byte_is_refused_and_the_announcements_stay(path):
    first = Daemon(path, [])
    for minute, arrives in enumerate(minutes(1)[:12]):
        first.step(*arrives, START_S + 60.0 * (minute + 1))
    first.memory.save()
    first.leave()
    with sqlite3.connect(path) as file:
        (body,) = file.execute("SELECT body FROM snapshot").fetchone()
        file.execute("UPDATE snapshot SET body = ?", (body[:-1] + bytes([body[-1] ^ 1]),))
    file.close()
    second = Daemon(path, [])
    assert second.reason == "it is damaged"
    assert second.monitor.view().alerts == ()
    assert len(second.store.announcements()) == 2
    second.leave()


def test_a_snapshot_of_another_station_is_refused_and_one_of_other_rules_is_not(path):
    first = Daemon(path, [])
    for minute, arrives in enumerate(minutes(1)[:12]):
        first.step(*arrives, START_S + 60.0 * (minute + 1))
    first.memory.save()
    first.leave()
    without = Daemon(path, [], policy=replace(POLICY, rules=RULES[5:]))
    assert (without.reason, without.monitor.view().alerts) == ("", ())
    assert without.monitor.view().sections[0].pressure_pa is not None
    without.leave()
    cabin = Section(name="cabin", volume_m3=9.0)
    bigger = replace(STATION, sections=(cabin, *STATION.sections[1:]))
    other = Daemon(path, [], station=bigger)
    assert other.reason == "the sections, hatches or channels of the config have changed"
    other.leave()


def test_only_one_daemon_can_use_a_file(path):
    store = Store(path)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        Store(path)
    store.close()


def test_a_disk_that_takes_nothing_stops_neither_the_watch_nor_the_telling_and_is_made_up_for(path):
    told: list[AlertEvent] = []
    daemon = Daemon(path, told)
    arrivals = minutes(1)
    for minute, arrives in enumerate(arrivals[:6]):
        daemon.step(*arrives, START_S + 60.0 * (minute + 1))
    daemon.memory.save()
    daemon.store._file.execute("PRAGMA query_only = 1")
    for minute, arrives in enumerate(arrivals[6:20], start=6):
        daemon.step(*arrives, START_S + 60.0 * (minute + 1))
    assert daemon.store.announcements() == []
    waiting = daemon.memory.announcements(0)
    assert [a.event.event for a in waiting] == ["pending", "raised", "acknowledged"]
    assert [a.sequence for a in waiting] == [1, 2, 3]
    assert [e.event for e in told] == ["pending", "raised", "acknowledged"]
    daemon.memory.save()
    assert daemon.store.announcements() == []
    daemon.store._file.execute("PRAGMA query_only = 0")
    daemon.memory.save()
    assert [a.sequence for a in daemon.store.announcements()] == [1, 2, 3]
    daemon.leave()
    again = Daemon(path, [])
    assert [a.state for a in again.monitor.view().alerts if a.rule == LOW.name] == ["acknowledged"]
    again.leave()
