"""Keeps in one SQLite file what the daemon must know after it was killed at any moment.

Rule 1: what came in is in the journal before the monitor sees it. Rule 2: an announcement is in the
outbox before anybody outside hears of it. Rule 3: a snapshot and the journal it replaces change in
one transaction. So after a crash the snapshot and the journal give the monitor that was lost, and
what it announces again has the same identity and is in the outbox already.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson

from service.core.commands import Command
from service.core.events import (
    AlertEvent,
    AlertEventKind,
    AlertState,
    CommandTaken,
    Event,
    Order,
    RuleKind,
    Severity,
)
from service.core.health import Health
from service.core.samples import Activity, SampleBatch
from service.storage.encoding import StateError, decode, encode

FORMAT: Final = 1  # of the tables below
KEPT_EVENTS: Final = 100_000  # announcements and commands; ten years at the bar of 24 a day
COLUMNS: Final = (
    ("channel", np.dtype("<i4")),
    ("time_s", np.dtype("<f8")),
    ("received_s", np.dtype("<f8")),
    ("value", np.dtype("<f8")),
    ("quality", np.dtype("u1")),
)
TABLES: Final = """
CREATE TABLE journal (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE snapshot (
    one INTEGER PRIMARY KEY CHECK (one = 1), station TEXT NOT NULL, body BLOB NOT NULL
);
CREATE TABLE outbox (
    sequence INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, alert_id TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX outbox_by_alert ON outbox (alert_id, sequence);
CREATE TABLE cursor (reader TEXT PRIMARY KEY, sequence INTEGER NOT NULL);
CREATE TABLE audit (
    number INTEGER PRIMARY KEY, command_id TEXT NOT NULL UNIQUE, alert_id TEXT NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX audit_by_alert ON audit (alert_id, number);
"""

ANNOUNCE: Final = "INSERT OR IGNORE INTO outbox (id, alert_id, body) VALUES (?, ?, ?)"
FORGET_ANNOUNCEMENTS: Final = (
    "DELETE FROM outbox WHERE sequence <= (SELECT max(sequence) FROM outbox) - ?"
)
FORGET_COMMANDS: Final = "DELETE FROM audit WHERE number <= (SELECT max(number) FROM audit) - ?"
AUDIT: Final = "INSERT OR IGNORE INTO audit (command_id, alert_id, body) VALUES (?, ?, ?)"

Input = SampleBatch | Activity | Command | Health


@dataclass(frozen=True, slots=True)
class Announcement:
    """An alert event with its place in the outbox and an identity that a crash does not change."""

    sequence: int
    id: str
    event: AlertEvent


class Store:
    """The file of one daemon.

    Parameters
    ----------
    path : Path
        Made with its tables if it is not there. One that is damaged or of another format is kept
        beside it under `<name>.refused`, and `refused` says why.
    """

    def __init__(self, path: Path) -> None:
        self.refused = ""
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._file = self._opened()
        except (sqlite3.DatabaseError, StateError) as error:
            if isinstance(error, sqlite3.OperationalError):
                raise  # in use, no space, no right to write: nothing is wrong with the file
            self.refused = f"{error}; the file is kept as {path.name}.refused"
            path.replace(path.with_name(f"{path.name}.refused"))
            for rest in ("-wal", "-shm"):
                path.with_name(path.name + rest).unlink(missing_ok=True)
            self._file = self._opened()

    def close(self) -> None:
        """Leave the file."""
        self._file.close()

    def keep(self, inputs: Iterable[Input]) -> None:
        """Write what came in to the journal."""
        with self._transaction() as file:
            file.executemany("INSERT INTO journal (kind, body) VALUES (?, ?)", map(_row, inputs))

    def announce(self, events: Sequence[Event]) -> list[Event]:
        """Write alert events and commands down; return all facts but those that were told before."""
        new: list[Event] = []
        with self._transaction() as file:
            for event, name in _identified(events):
                if isinstance(event, AlertEvent):
                    row = (name, event.alert_id, orjson.dumps(event))
                    is_new = file.execute(ANNOUNCE, row).rowcount > 0
                elif isinstance(event, CommandTaken):
                    row = (event.command_id, event.alert_id, orjson.dumps(event))
                    is_new = file.execute(AUDIT, row).rowcount > 0
                else:
                    is_new = True
                if is_new:
                    new.append(event)
        return new

    def save(self, station: str, state: dict[str, Any]) -> None:
        """Keep a snapshot instead of the one before and of the journal since."""
        body = encode(state)
        with self._transaction() as file:
            file.execute("INSERT OR REPLACE INTO snapshot VALUES (1, ?, ?)", (station, body))
            file.execute("DELETE FROM journal")
            file.execute(FORGET_ANNOUNCEMENTS, (KEPT_EVENTS,))
            file.execute(FORGET_COMMANDS, (KEPT_EVENTS,))

    def snapshot(self, station: str) -> dict[str, Any] | None:
        """Return the snapshot, None if there is none.

        Raises
        ------
        StateError
            If it cannot be used for the station: damaged, of another version or configuration.
        """
        found = self._file.execute("SELECT station, body FROM snapshot").fetchone()
        if found is None:
            return None
        if found[0] != station:
            raise StateError("the sections, hatches or channels of the config have changed")
        state: dict[str, Any] = decode(found[1])
        return state

    def journal(self) -> Iterator[Input]:
        """Yield what came in since the snapshot, in order.

        Raises
        ------
        StateError
            If an entry is damaged or of another version.
        """
        for kind, body in self._file.execute("SELECT kind, body FROM journal ORDER BY number"):
            yield _samples(body) if kind == "samples" else decode(body)

    def forget_state(self) -> None:
        """Drop snapshot and journal; what was announced and done stays."""
        with self._transaction() as file:
            file.execute("DELETE FROM snapshot")
            file.execute("DELETE FROM journal")

    def announcements(self, after: int = 0) -> list[Announcement]:
        """Return what was announced after a place in the outbox, oldest first."""
        query = "SELECT sequence, id, body FROM outbox WHERE sequence > ? ORDER BY sequence"
        rows = self._file.execute(query, (after,))
        return [Announcement(sequence, name, _alert_event(body)) for sequence, name, body in rows]

    def history(self, alert_id: str) -> tuple[list[AlertEvent], list[CommandTaken]]:
        """Return what was announced of an alert and what people did to it, oldest first."""
        told = self._file.execute(
            "SELECT body FROM outbox WHERE alert_id = ? ORDER BY sequence", (alert_id,)
        )
        done = self._file.execute(
            "SELECT body FROM audit WHERE alert_id = ? ORDER BY number", (alert_id,)
        )
        return [_alert_event(body) for (body,) in told], [_command(body) for (body,) in done]

    def newest(self) -> int:
        """Return the last place in the outbox, 0 if nothing was announced."""
        query = "SELECT coalesce(max(sequence), 0) FROM outbox"
        return int(self._file.execute(query).fetchone()[0])

    def cursor(self, reader: str) -> int | None:
        """Return how far a reader of the outbox has come, None if it never read."""
        query = "SELECT sequence FROM cursor WHERE reader = ?"
        found = self._file.execute(query, (reader,)).fetchone()
        return None if found is None else int(found[0])

    def move_cursor(self, reader: str, sequence: int) -> None:
        """Remember how far a reader has come."""
        with self._transaction() as file:
            file.execute("INSERT OR REPLACE INTO cursor VALUES (?, ?)", (reader, sequence))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._file.execute("BEGIN IMMEDIATE")
        try:
            yield self._file
        except BaseException:
            self._file.execute("ROLLBACK")
            raise
        self._file.execute("COMMIT")

    def _opened(self) -> sqlite3.Connection:
        file = sqlite3.connect(self._path, isolation_level=None, timeout=1.0)
        try:
            file.execute("PRAGMA locking_mode = EXCLUSIVE")  # one daemon, until it is gone
            file.execute("PRAGMA journal_mode = WAL")
            file.executescript("BEGIN EXCLUSIVE; COMMIT;")
            # Survives the death of the process; a power cut may take back the last transactions.
            file.execute("PRAGMA synchronous = NORMAL")
            version = int(file.execute("PRAGMA user_version").fetchone()[0])
            if version == 0:
                file.executescript(f"BEGIN; {TABLES} PRAGMA user_version = {FORMAT}; COMMIT;")
                version = FORMAT
            _check(version, file.execute("PRAGMA quick_check(1)").fetchone()[0])
        except BaseException:
            file.close()
            raise
        return file


def _check(version: int, health: str) -> None:
    """Raise `StateError` unless the tables are of this format and sound."""
    if version != FORMAT:
        raise StateError(f"its tables are of format {version}, not {FORMAT}")
    if health != "ok":
        raise StateError(f"it is damaged: {health}")


def _identified(events: Sequence[Event]) -> Iterator[tuple[Event, str]]:
    """Yield each fact with a name that the same run of the monitor gives it again."""
    for _, same in groupby(events, key=lambda event: event.time_s):
        seen: Counter[tuple[str, str]] = Counter()
        for event in same:
            if isinstance(event, AlertEvent):
                key = (event.alert_id, event.event.value)
                seen[key] += 1
                yield event, f"{event.alert_id}/{event.time_s:.0f}/{key[1]}/{seen[key]}"
            else:
                yield event, ""


def _alert_event(body: bytes) -> AlertEvent:
    told = orjson.loads(body)
    known = {field.name: told[field.name] for field in fields(AlertEvent) if field.name in told}
    words = {"kind": RuleKind, "severity": Severity, "event": AlertEventKind, "state": AlertState}
    known |= {name: word(known[name]) for name, word in words.items()}
    columns = {name: tuple(known.get(name, ())) for name in ("sections", "notifications")}
    return AlertEvent(**known | columns)


def _command(body: bytes) -> CommandTaken:
    told = orjson.loads(body)
    known = {field.name: told[field.name] for field in fields(CommandTaken) if field.name in told}
    words = {"order": Order, "old_state": AlertState, "new_state": AlertState}
    return CommandTaken(**known | {name: word(known[name]) for name, word in words.items()})


def _row(entry: Input) -> tuple[str, bytes]:
    if not isinstance(entry, SampleBatch):
        return "message", encode(entry)
    columns = (getattr(entry, name).astype(dtype, copy=False) for name, dtype in COLUMNS)
    return "samples", b"".join(column.tobytes() for column in columns)


def _samples(body: bytes) -> SampleBatch:
    width = sum(dtype.itemsize for _, dtype in COLUMNS)
    rows, rest = divmod(len(body), width)
    if rest:
        raise StateError("an entry of the journal is damaged")
    columns: dict[str, Any] = {}
    at = 0
    for name, dtype in COLUMNS:
        size = rows * dtype.itemsize
        columns[name] = np.frombuffer(body[at : at + size], dtype).copy()
        at += size
    return replace(SampleBatch.empty(), **columns)
