"""Writes telemetry and activities as tables, slice by slice, in the format a name asks for."""

import gzip
import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Protocol, Self

import numpy as np
import orjson
import polars as pl

from simulators.entries import FaultEntry, SignalGapEntry
from simulators.gas import Floats
from simulators.lines import line_frame
from simulators.messages import Message, arrival_s
from simulators.schema import Scenario
from simulators.station import TelemetrySlice
from simulators.truth import rfc3339

Add = Callable[[pl.DataFrame], None]


class Sink(Protocol):
    """Where bytes go."""

    def write(self, text: bytes, /) -> object:
        """Take some."""


STDOUT: Final = "-"
QUALITIES: Final = ("good", "suspect", "bad", "held")
MISDATED: Final = ("late", "duplicate", "clock")  # faults that part arrival from measurement
ACTIVITY_COLUMNS: Final = {
    "time": pl.String,
    "activity": pl.String,
    "received": pl.String,
    "section": pl.String,
    "hatch": pl.String,
    "state": pl.String,
    "value": pl.Float64,
    "unit": pl.String,
    "gas": pl.String,
}


class TableError(ValueError):
    """A file name does not say which format is wanted, or one that cannot be written."""


def telemetry_frame(scenario: Scenario, part: TelemetrySlice) -> pl.DataFrame:
    """Lay a slice out as the telemetry table; `received` is there if any sample can be late."""
    channels = pl.Series("channel", list(scenario.channels))
    units = pl.Series("unit", [channel.unit for channel in scenario.channels.values()])
    columns = [
        _written(part.time_s).alias("time"),
        channels.gather(part.channel.astype(np.uint32)),
        pl.Series("value", part.value),
        units.gather(part.channel.astype(np.uint32)),
        pl.Series("quality", QUALITIES).gather(part.quality.astype(np.uint32)),
    ]
    if _can_be_late(scenario):
        columns.append(_written(part.received_s).alias("received"))
    return pl.DataFrame(columns)


def activity_frame(messages: tuple[Message, ...]) -> pl.DataFrame:
    """Lay messages out as the activity table."""
    rows = [_with_written_times(message) for message in messages]
    return pl.DataFrame(rows, schema=ACTIVITY_COLUMNS)


def _can_be_late(scenario: Scenario) -> bool:
    gaps = scenario.signal_gaps
    if gaps is not None and gaps.buffered_fraction > 0:
        return True
    faults = [*scenario.faults]
    for channel in scenario.channels.values():
        faults += channel.faults
    for entry in scenario.timeline:
        if isinstance(entry, SignalGapEntry) and entry.buffered:
            return True
        if isinstance(entry, FaultEntry):
            faults.append(entry)
    return any(fault.fault in MISDATED for fault in faults)


def _written(times_s: Floats) -> pl.Series:
    """Write times with their zone, each distinct one once."""
    distinct, index = np.unique(times_s, return_inverse=True)
    words = pl.Series([rfc3339(float(time_s)) for time_s in distinct], dtype=pl.String)
    return words.gather(index.astype(np.uint32))


def _with_written_times(message: Message) -> Message:
    times = {key: rfc3339(message[key]) for key in ("time", "received") if key in message}
    return message | times


class Tables:
    """The files of a run, open while it lasts; both may be `-`, then they mix by arrival.

    Raises
    ------
    TableError
        If a file name has no known suffix.
    """

    def __init__(
        self, scenario: Scenario, telemetry: str | None = None, activities: str | None = None
    ) -> None:
        for name in (telemetry, activities):
            if name not in (None, STDOUT):
                _format_of(str(name))
        if activities is not None and _is_lines(activities):
            raise TableError(f"{activities}: line protocol holds telemetry; use .jsonl here")
        self._scenario = scenario
        self._telemetry_name, self._activities_name = telemetry, activities
        self._is_mixed = telemetry == STDOUT == activities
        self._add_telemetry: Add | None = None
        self._add_activities: Add | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if self._telemetry_name:
            self._add_telemetry = self._stack.enter_context(_table(self._telemetry_name))
        if self._activities_name and not self._is_mixed:
            self._add_activities = self._stack.enter_context(_table(self._activities_name))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def write(self, part: TelemetrySlice) -> None:
        """Add a slice to the files."""
        if self._add_telemetry:
            laid_out = line_frame if _is_lines(self._telemetry_name or "") else telemetry_frame
            frame = laid_out(self._scenario, part)
            if self._is_mixed:
                _mix(self._add_telemetry, frame, part)
            else:
                self._add_telemetry(frame)
        if self._add_activities:
            self._add_activities(activity_frame(part.activities))


def _mix(add: Add, frame: pl.DataFrame, part: TelemetrySlice) -> None:
    """Put each message before the samples that arrive with it or later."""
    done = 0
    for message in part.activities:
        cut = int(np.searchsorted(part.received_s, arrival_s(message), side="left"))
        add(frame[done:cut])
        add(activity_frame((message,)))
        done = cut
    add(frame[done:])


def _format_of(name: str) -> tuple[str, str]:
    """Split the end of a file name into its format and its packing."""
    plain, packing = name, ""
    for ending in (".gz", ".zst"):
        if name.endswith(ending):
            plain, packing = name.removesuffix(ending), ending
    for ending in (".csv", ".jsonl", ".lp", ".parquet"):
        if plain.endswith(ending) and not (packing and ending == ".parquet"):
            return ending, packing
    raise TableError(
        f"{name}: the name must end in .csv, .jsonl, .lp (each also with .gz or .zst) or .parquet, "
        "or be - for JSON lines on standard output"
    )


def _is_lines(name: str) -> bool:
    return name != STDOUT and bool(name) and _format_of(name)[0] == ".lp"


class _Zstd:
    """Packs what is written, each piece as a frame of its own; readers join frames."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def write(self, text: bytes) -> None:
        """Pack whole lines."""
        lines = pl.DataFrame({"line": text.decode().splitlines()}, schema={"line": pl.String})
        if len(lines):
            packed = io.BytesIO()
            lines.write_csv(packed, include_header=False, quote_style="never", compression="zstd")
            self._stream.write(packed.getvalue())


@contextmanager
def _table(name: str) -> Iterator[Add]:
    """Open a table for rows to come, in the format its name asks for."""
    if name == STDOUT:
        with _json_lines(sys.stdout.buffer) as add:
            yield add
        sys.stdout.buffer.flush()
        return
    ending, packing = _format_of(name)
    if ending == ".parquet":
        with _parquet(Path(name)) as add:
            yield add
        return
    with ExitStack() as stack:
        file: IO[bytes] = stack.enter_context(Path(name).open("wb"))
        stream: Sink = file
        if packing == ".gz":
            # Without name and time inside, so that the same run gives the same bytes.
            stream = stack.enter_context(
                gzip.GzipFile("", "wb", compresslevel=5, fileobj=file, mtime=0)
            )
        elif packing:
            stream = _Zstd(file)
        form = {".csv": _csv, ".lp": _lines, ".jsonl": _json_lines}[ending]
        yield stack.enter_context(form(stream))


@contextmanager
def _csv(stream: Sink) -> Iterator[Add]:
    needs_header = True

    def add(frame: pl.DataFrame) -> None:
        nonlocal needs_header
        stream.write(frame.write_csv(include_header=needs_header).encode())
        needs_header = False

    yield add


@contextmanager
def _lines(stream: Sink) -> Iterator[Add]:
    def add(frame: pl.DataFrame) -> None:
        stream.write(frame.write_csv(include_header=False, quote_style="never").encode())

    yield add


@contextmanager
def _json_lines(stream: Sink) -> Iterator[Add]:
    def add(frame: pl.DataFrame) -> None:
        if "activity" not in frame.columns:
            stream.write(frame.write_ndjson().encode())
            return
        for row in frame.iter_rows(named=True):
            said = {key: value for key, value in row.items() if value is not None}
            stream.write(orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE))

    yield add


@contextmanager
def _parquet(path: Path) -> Iterator[Add]:
    """Collect parts beside the file and join them in the end, without holding them in memory."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        parts: list[Path] = []

        def add(frame: pl.DataFrame) -> None:
            parts.append(Path(folder) / f"{len(parts):06}.parquet")
            frame.write_parquet(parts[-1])

        yield add
        pl.scan_parquet(parts).sink_parquet(path)
