"""Reads recorded telemetry and activities: every good row, in order of arrival, no bad one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np

from service.core.commands import Command
from service.core.samples import Activity, SampleBatch
from service.core.station import Station
from service.errors import InputError
from service.sources.base import Rejected, RejectReason
from service.sources.columns import ChannelTable
from service.sources.frames import ROW, open_table, read_long, read_wide
from service.sources.jsonl import read_jsonl, records, take_activity
from service.sources.tallies import Tally

KEYS: Final = frozenset({"time", "channel", "value", "received", "unit", "quality"})
FORMATS: Final = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
PACKINGS: Final = frozenset({".gz", ".zst"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetryTable:
    """What files of telemetry hold.

    Attributes
    ----------
    samples : SampleBatch
        By arrival; what arrived at once stands in the order of the files and their rows. A row
        without `received` counts as having arrived at its own time.
    activities : tuple of Activity
        Those mixed among the readings, by arrival.
    commands : tuple of Command
        What people did to alerts, by arrival; only a capture has any.
    rejected : Counter
        Rows refused, by reason.
    examples : tuple of Rejected
        The first of them, with file and row.
    """

    samples: SampleBatch
    activities: tuple[Activity, ...]
    commands: tuple[Command, ...]
    rejected: Counter[RejectReason]
    examples: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityTable:
    """What a file of activities holds, by arrival, and the rows that were refused."""

    activities: tuple[Activity, ...]
    rejected: Counter[RejectReason]
    examples: tuple[Rejected, ...]


def read_telemetry(
    paths: Sequence[Path | str],
    station: Station,
    *,
    wide: bool = False,
    columns: Mapping[str, str] | None = None,
) -> TelemetryTable:
    """Return the readings of all files together.

    Parameters
    ----------
    wide : bool
        The tables have `time` and one column a channel; otherwise one reading a row.
    columns : mapping of str to str
        Names in the files of those columns that are not named as in the telemetry table, such as
        {"time": "time_utc", "channel": "pui"}.

    Raises
    ------
    InputError
        If a file cannot be read or lacks a column altogether.
    """
    names = dict(columns or {})
    if unknown := names.keys() - KEYS:
        raise InputError(
            "columns",
            f"there is no {', '.join(sorted(unknown))} in the telemetry table",
            f"name some of {', '.join(sorted(KEYS))}",
        )
    tally = Tally()
    channels = ChannelTable(station)
    batches: list[SampleBatch] = []
    activities: list[Activity] = []
    commands: list[Command] = []
    for path in map(Path, paths):
        if _format(path) == "jsonl":
            if wide:
                raise InputError(
                    str(path), "is JSONL, which is never wide", "leave the option for wide out"
                )
            samples, mixed, orders = read_jsonl(path, channels, names, tally)
            batches.append(samples)
            activities += mixed
            commands += orders
        else:
            read = read_wide if wide else read_long
            batches.append(read(open_table(path), channels, names, tally))
    return TelemetryTable(
        samples=_by_arrival(SampleBatch.concatenate(batches)),
        activities=tuple(sorted(activities, key=lambda activity: activity.received_s)),
        commands=tuple(sorted(commands, key=lambda command: command.received_s)),
        rejected=tally.counts,
        examples=tuple(tally.examples),
    )


def read_activities(path: Path | str) -> ActivityTable:
    """Return the activities of a file.

    Raises
    ------
    InputError
        If the file cannot be read or lacks a column altogether.
    """
    path = Path(path)
    tally = Tally()
    activities: list[Activity] = []
    if _format(path) == "jsonl":
        for number, text, record in records(path, tally):
            take_activity(record, f"line {number}", text, str(path), activities, tally)
    else:
        table = open_table(path)
        for key in ("time", "activity"):
            table.column({}, key)
        for row in table.frame.collect().iter_rows(named=True):
            text = ",".join("" if row[key] is None else str(row[key]) for key in table.schema)
            record = {key: _written(key, row[key]) for key in table.schema}
            where = table.row_name(row[ROW])
            take_activity(record, where, text, str(path), activities, tally)
    return ActivityTable(
        activities=tuple(sorted(activities, key=lambda activity: activity.received_s)),
        rejected=tally.counts,
        examples=tuple(tally.examples),
    )


def _format(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packed = bool(suffixes) and suffixes[-1] in PACKINGS
    found = FORMATS.get(suffixes[-2 if packed and len(suffixes) > 1 else -1]) if suffixes else None
    if found is None or (packed and found == "parquet"):
        raise InputError(
            str(path),
            "is no table by its name",
            "give .csv or .jsonl, plain or as .gz or .zst, or .parquet",
        )
    if not path.is_file():
        raise InputError(str(path), "is not there", "give the path of a file")
    return found


def _by_arrival(samples: SampleBatch) -> SampleBatch:
    if np.all(samples.received_s[1:] >= samples.received_s[:-1]):
        return samples
    return samples[np.argsort(samples.received_s, kind="stable")]


def _written(key: str, cell: object) -> object:
    """Return the cell of a typed or untyped column as it would stand in JSON."""
    if isinstance(cell, datetime):
        return cell.isoformat()
    if not isinstance(cell, str):
        return cell
    text = cell.strip()
    if key in {"time", "received", "value"} and text:
        try:
            return float(text)
        except ValueError:
            return text
    return text or None
