"""Reads JSONL tables of telemetry, with activities and commands among the readings."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from service.core.commands import Command
from service.core.samples import Activity, SampleBatch
from service.errors import InputError
from service.sources.activities import read_activity
from service.sources.base import RejectReason
from service.sources.columns import (
    ABSENT,
    EXPLANATIONS,
    QUALITY_CODES,
    UNIT_CODES,
    UNKNOWN,
    ChannelTable,
    Columns,
    codes_of,
    numbers_of,
    times_of,
)
from service.sources.commands import read_command
from service.sources.decode import parse_json
from service.sources.tallies import Tally

CHUNK_LINES: Final = 50_000  # held as objects at once: some 50 MB
KEYS: Final = ("time", "received", "channel", "value", "unit", "quality")


def read_jsonl(
    path: Path, channels: ChannelTable, names: Mapping[str, str], tally: Tally
) -> tuple[SampleBatch, list[Activity], list[Command]]:
    """Return the sound readings, the activities and the commands, each in the order of the file."""
    samples: list[SampleBatch] = []
    activities: list[Activity] = []
    commands: list[Command] = []
    chunk: list[tuple[int, str, dict[str, object]]] = []
    for number, text, record in records(path, tally):
        if record.get("activity") is not None:
            take_activity(record, f"line {number}", text, str(path), activities, tally)
            continue
        if record.get("command") is not None:
            command = read_command(record)
            if isinstance(command, Command):
                commands.append(command)
            else:
                tally.add(str(path), command[0], f"line {number}: {command[1]}", text)
            continue
        chunk.append((number, text, record))
        if len(chunk) == CHUNK_LINES:
            samples.append(_read_chunk(path, chunk, channels, names, tally))
            chunk = []
    samples.append(_read_chunk(path, chunk, channels, names, tally))
    return SampleBatch.concatenate(samples), activities, commands


def records(path: Path, tally: Tally) -> Iterator[tuple[int, str, dict[str, object]]]:
    """Yield line number, text and object of each line that holds one; empty lines are none.

    Raises
    ------
    InputError
        If the file cannot be read at all.
    """
    try:
        # One column of whole lines, as the reader of CSV also takes compressed files apart.
        lines = pl.read_csv(
            path,
            has_header=False,
            separator="\x01",
            quote_char=None,
            schema={"line": pl.String},
            encoding="utf8-lossy",
            truncate_ragged_lines=True,
            raise_if_empty=False,
        )["line"]
    except (pl.exceptions.PolarsError, OSError) as exc:
        problem = str(exc).strip().partition("\n")[0]
        raise InputError(
            str(path), f"cannot be read: {problem}", "give a whole, readable table"
        ) from exc
    for number, text in enumerate(lines, start=1):
        if text is None or not text.strip():
            continue
        try:
            record = parse_json(text)
        except ValueError as exc:
            detail = f"line {number}: not JSON: {exc}"
            tally.add(str(path), RejectReason.MALFORMED, detail, text)
            continue
        if isinstance(record, dict):
            yield number, text, record
        else:
            detail = f"line {number}: {EXPLANATIONS[RejectReason.MALFORMED]}"
            tally.add(str(path), RejectReason.MALFORMED, detail, text)


def take_activity(
    record: Mapping[str, object],
    where: str,
    text: str,
    place: str,
    activities: list[Activity],
    tally: Tally,
) -> None:
    """Append the activity of a record, or count why it is none."""
    read = read_activity(record, received_s=None)
    if isinstance(read, Activity):
        activities.append(read)
    else:
        tally.add(place, read[0], f"{where}: {read[1]}", text)


def _read_chunk(
    path: Path,
    chunk: Sequence[tuple[int, str, dict[str, object]]],
    channels: ChannelTable,
    names: Mapping[str, str],
    tally: Tally,
) -> SampleBatch:
    rows = len(chunk)
    cells: dict[str, list[object]] = {
        key: [record.get(names.get(key, key)) for _, _, record in chunk] for key in KEYS
    }
    time_s, time_fault = times_of(cells["time"], np.full(rows, np.nan))
    received_s, received_fault = times_of(cells["received"], np.nan_to_num(time_s))
    value, value_fault = numbers_of(cells["value"], rows)
    channel = codes_of(cells["channel"], channels.codes, rows)
    channel[channel == ABSENT] = UNKNOWN
    samples, faults = channels.settle(
        Columns(
            channel=channel,
            time_s=time_s,
            received_s=received_s,
            value=value,
            unit=codes_of(cells["unit"], UNIT_CODES, rows),
            quality=codes_of(cells["quality"], QUALITY_CODES, rows),
            time_fault=np.maximum(time_fault, received_fault),
            value_fault=value_fault,
        )
    )
    tally.add_faults(
        str(path),
        faults,
        lambda row: f"line {chunk[row][0]}",
        lambda bad: [chunk[row][1] for row in bad],
    )
    return samples
