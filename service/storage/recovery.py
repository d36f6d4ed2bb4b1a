"""Brings a monitor back to where it was when the daemon ended, however it ended."""

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import orjson
import structlog

from service.core.commands import Command
from service.core.events import AlertEvent, CommandTaken, Event
from service.core.health import Health
from service.core.monitor import Monitor
from service.core.samples import Activity, SampleBatch
from service.storage.encoding import StateError, encode, structure
from service.storage.store import Announcement, Input, Store

MEANING: Final = 2  # of the state; raised when a number in it comes to mean something else
PUBLISHED: Final = "published"  # the reader of the outbox that hands on to the outputs
Result = TypeVar("Result")


class Memory:
    """What a monitor of one station remembers, kept in a store.

    Parameters
    ----------
    monitor : Monitor
        Fresh; `recover` fills it.
    """

    def __init__(self, store: Store, monitor: Monitor) -> None:
        self._store = store
        self._monitor = monitor
        self._is_failing = False
        self._unwritten: list[AlertEvent] = []
        self._log = structlog.get_logger("hullwatch")
        station = monitor.station
        layout = structure(monitor.snapshot())
        told = encode((station.sections, station.loops, station.hatches, station.channels))
        key = (MEANING, hashlib.sha256(told).hexdigest(), layout)
        self._key = hashlib.sha256(orjson.dumps(key)).hexdigest()

    def recover(self) -> str:
        """Let the monitor be as it was; return why it begins anew, empty if it does not have to."""
        try:
            state = self._store.snapshot(self._key)
            inputs = list(self._store.journal())
        except StateError as error:
            self._store.forget_state()
            return str(error)
        if state is not None:
            self._monitor.restore(state)
        for entry in inputs:
            match entry:
                case SampleBatch():
                    self._monitor.observe(entry)
                case Activity():
                    self._monitor.declare([entry])
                case Command():
                    self._monitor.command([entry])
                case Health():
                    self._monitor.report(entry)
        return ""

    def keep(self, inputs: Sequence[Input]) -> None:
        """Write down what came in, before the monitor sees it."""
        if not self._is_failing:
            self._tried(lambda: self._store.keep(inputs))

    def announce(self, events: Sequence[Event]) -> Sequence[Event]:
        """Write down what is to be announced; return it without what was before a crash."""
        new: Sequence[Event] | None = None
        if not self._is_failing:
            new = self._tried(lambda: self._store.announce(events))
        if new is None:
            self._unwritten += [event for event in events if isinstance(event, AlertEvent)]
            return events
        return new

    def newest(self) -> int:
        """Return the last place in the outbox."""
        return self._store.newest() + len(self._unwritten)

    def announcements(self, after: int) -> list[Announcement]:
        """Return what was announced after a place, also what could not be written yet."""
        written = self._store.announcements(after)
        first = self._store.newest() + 1
        unwritten = [
            Announcement(first + i, f"{event.alert_id}/{event.time_s:.0f}/{event.event}/u", event)
            for i, event in enumerate(self._unwritten)
        ]
        return [*written, *(a for a in unwritten if a.sequence > after)]

    def cursor(self, reader: str) -> int | None:
        """Return how far a reader of the outbox has come, None if it never read."""
        return self._store.cursor(reader)

    def move_cursor(self, reader: str, sequence: int) -> None:
        """Remember how far a reader has come."""
        if not self._is_failing:
            self._tried(lambda: self._store.move_cursor(reader, sequence))

    def unpublished(self) -> list[AlertEvent]:
        """Return what was announced and nobody may have heard of."""
        lost = self._store.announcements(self._store.cursor(PUBLISHED) or 0)
        return [announcement.event for announcement in lost]

    def published(self) -> None:
        """Remember that all outputs were given everything that was announced."""
        if not self._is_failing:
            self._tried(lambda: self._store.move_cursor(PUBLISHED, self._store.newest()))

    def save(self) -> None:
        """Keep the state as it is now; after a failure this is what ends it."""
        state = self._monitor.snapshot()
        unwritten = self._unwritten

        def write() -> bool:
            self._store.announce(unwritten)
            self._store.save(self._key, state)
            return True

        if self._tried(write) and self._is_failing:
            self._is_failing, self._unwritten = False, []
            self._log.info("state.recovered")

    def history(self, alert_id: str) -> tuple[list[AlertEvent], list[CommandTaken]]:
        """Return what was announced of an alert and what people did to it, oldest first."""
        return self._store.history(alert_id)

    def close(self) -> None:
        """Leave the file."""
        self._store.close()

    def _tried(self, act: Callable[[], Result]) -> Result | None:
        """Do it; a full or broken disk must not stop the watch, so then the state is only in memory."""
        try:
            return act()
        except sqlite3.OperationalError as error:
            if not self._is_failing:
                self._is_failing = True
                self._log.error("state.failing", reason=str(error))
            return None
