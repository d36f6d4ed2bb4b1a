"""Reads CSV and Parquet tables of telemetry as columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from service.core.samples import SampleBatch
from service.errors import InputError
from service.sources.base import RejectReason
from service.sources.columns import (
    ABSENT,
    EXPLANATIONS,
    FAULT,
    QUALITY_CODES,
    UNIT_CODES,
    UNKNOWN,
    ChannelTable,
    Columns,
    Faults,
    Floats,
)
from service.sources.tallies import Tally

ROW: Final = "\x00row"  # names no file has in its header
OVERFLOW: Final = "\x00overflow"
US_PER_S: Final = 1e6


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file whose columns can be selected, and the line of its first row."""

    path: Path
    frame: pl.LazyFrame
    schema: dict[str, pl.DataType]
    first_line: int

    def row_name(self, row: int) -> str:
        """Return how people find the row."""
        return f"line {row + self.first_line}" if self.first_line > 1 else f"row {row + 1}"

    def row_texts(self, rows: Sequence[int]) -> list[str]:
        """Return what stands in the rows."""
        found = self.frame.filter(pl.col(ROW).is_in(rows)).drop(ROW).collect(engine="streaming")
        texts = []
        for row in found.iter_rows(named=True):
            excess = row.pop(OVERFLOW, None)
            cells = [*row.values(), *([] if excess is None else [excess])]
            texts.append(",".join("" if cell is None else str(cell) for cell in cells))
        return texts

    def column(self, names: Mapping[str, str], key: str) -> str:
        """Return the name of the column that holds the key.

        Raises
        ------
        InputError
            If the file has none.
        """
        name = names.get(key, key)
        if name not in self.schema:
            present = ", ".join(repr(n) for n in self.schema)
            raise InputError(
                str(self.path),
                f"has no column {name!r} for the {key}; it has {present or 'none'}",
                "rename the column, or say with the option for columns which one it is",
            )
        return name


def open_table(path: Path) -> TableFile:
    """Return the table in a CSV or Parquet file, compressed or not.

    Raises
    ------
    InputError
        If the file cannot be read at all.
    """
    try:
        if ".parquet" in path.suffixes:
            frame = pl.scan_parquet(path).with_row_index(ROW)
            schema = dict(frame.drop(ROW).collect_schema())
            return TableFile(path, frame, schema, 1)
        names = pl.read_csv(path, n_rows=0, infer_schema=False, truncate_ragged_lines=True).columns
        table = TableFile(path, _scan_csv(path, names, '"'), dict.fromkeys(names, pl.String()), 2)
        if _is_quoted_well(table):
            return table
        return TableFile(path, _scan_csv(path, names, None), table.schema, 2)
    except (pl.exceptions.PolarsError, OSError) as exc:
        raise _unreadable(path, exc) from exc


def read_long(
    table: TableFile, channels: ChannelTable, names: Mapping[str, str], tally: Tally
) -> SampleBatch:
    """Return the sound rows of a table with one reading a row."""
    time, channel, value = (table.column(names, key) for key in ("time", "channel", "value"))
    cells = {
        "time": _seconds(table, time),
        "channel": _codes(channel, channels.codes, UNKNOWN),
        "value": _number(table, value),
        "is_empty": _is_empty(table, value),
    }
    for key in ("received", "unit", "quality"):
        if (name := names.get(key, key)) not in table.schema:
            if key in names:
                table.column(names, key)
        elif key == "received":
            cells |= {key: _seconds(table, name), "no_arrival": _is_empty(table, name)}
        else:
            cells[key] = (
                _codes(name, UNIT_CODES, ABSENT)
                if key == "unit"
                else _codes(name, QUALITY_CODES, QUALITY_CODES[None])
            )
    data = _collect(table, cells)
    rows = data.height
    time_s, received_s, time_fault = _times(data)
    number, value_fault = _values(data, "value", data["is_empty"].to_numpy())
    value_fault[data[OVERFLOW].to_numpy()] = FAULT[RejectReason.MALFORMED]
    samples, faults = channels.settle(
        Columns(
            channel=data["channel"].to_numpy(),
            time_s=time_s,
            received_s=received_s,
            value=number,
            unit=data["unit"].to_numpy() if "unit" in data.columns else _constant(rows, ABSENT),
            quality=data["quality"].to_numpy() if "quality" in data.columns else _constant(rows, 0),
            time_fault=time_fault,
            value_fault=value_fault,
        )
    )
    tally.add_faults(str(table.path), faults, table.row_name, table.row_texts)
    return samples


def read_wide(
    table: TableFile, channels: ChannelTable, names: Mapping[str, str], tally: Tally
) -> SampleBatch:
    """Return the sound cells of a table with one column a channel; empty cells are no readings."""
    time = table.column(names, "time")
    received = names.get("received", "received")
    of_channels = [n for n in table.schema if n not in {time, received}]
    known = [n for n in of_channels if n in channels.codes]
    if not known:
        raise InputError(
            str(table.path),
            f"has no column that is named as a configured channel; it has {', '.join(of_channels)}",
            "name the columns as the channels of the config, or read it as a long table",
        )
    cells = {"time": _seconds(table, time)}
    if received in table.schema:
        cells |= {"received": _seconds(table, received), "no_arrival": _is_empty(table, received)}
    for i, name in enumerate(known):
        cells |= {f"value{i}": _number(table, name), f"is_empty{i}": _is_empty(table, name)}
    data = _collect(table, cells)
    time_s, received_s, time_fault = _times(data)
    empty = np.stack([data[f"is_empty{i}"].to_numpy() for i in range(len(known))], axis=1)
    read = [_values(data, f"value{i}", empty[:, i]) for i in range(len(known))]
    overflow = data[OVERFLOW].to_numpy()
    filled = ~empty | overflow[:, np.newaxis]
    row, column = np.nonzero(filled)
    value_fault = np.stack([fault for _, fault in read], axis=1)
    value_fault[overflow] = FAULT[RejectReason.MALFORMED]
    samples, faults = channels.settle(
        Columns(
            channel=np.array([channels.codes[n] for n in known], np.int32)[column],
            time_s=time_s[row],
            received_s=received_s[row],
            value=np.stack([value for value, _ in read], axis=1)[filled],
            unit=_constant(len(row), ABSENT),
            quality=_constant(len(row), 0),
            time_fault=time_fault[row],
            value_fault=value_fault[filled],
        )
    )
    place = str(table.path)
    tally.add_faults(
        place,
        faults,
        lambda i: f"{table.row_name(int(row[i]))}, column {known[column[i]]!r}",
        lambda cells: [table.row_texts([int(row[i])])[0] for i in cells],
    )
    for name in of_channels:
        if name not in known and data.height:
            reason = RejectReason.UNKNOWN_CHANNEL
            tally.add(place, reason, f"column {name!r}: {EXPLANATIONS[reason]}", name, data.height)
    return samples


def _scan_csv(path: Path, names: Sequence[str], quote: str | None) -> pl.LazyFrame:
    """Return all cells as texts; what goes beyond the header comes into a column of its own."""
    frame = pl.scan_csv(
        path,
        has_header=False,
        skip_rows=1,
        schema=dict.fromkeys([*names, OVERFLOW], pl.String()),
        quote_char=quote,
        encoding="utf8-lossy",
        row_index_name=ROW,
        missing_columns="insert",
        extra_columns="ignore",
        truncate_ragged_lines=True,
        raise_if_empty=False,
    )
    return frame if quote else frame.with_columns(pl.col(pl.String).str.strip_chars('"'))


def _is_quoted_well(table: TableFile) -> bool:
    """Tell whether every quote is closed; a file with a stray one is read without any quoting."""
    try:
        table.frame.select(pl.all().count()).collect(engine="streaming")
    except pl.exceptions.ComputeError:
        return False
    return True


def _unreadable(path: Path, exc: Exception) -> InputError:
    problem = str(exc).strip().partition("\n")[0]
    return InputError(str(path), f"cannot be read: {problem}", "give a whole, readable table")


def _collect(table: TableFile, cells: Mapping[str, pl.Expr]) -> pl.DataFrame:
    overflow = (
        pl.col(OVERFLOW).is_not_null() if table.first_line > 1 else pl.lit(value=False)
    ).alias(OVERFLOW)
    try:
        return table.frame.select(
            pl.col(ROW), overflow, *(cell.alias(key) for key, cell in cells.items())
        ).collect(engine="streaming")
    except pl.exceptions.PolarsError as exc:
        raise _unreadable(table.path, exc) from exc


def _text(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String).str.strip_chars()


def _is_empty(table: TableFile, name: str) -> pl.Expr:
    if table.schema[name] == pl.String:
        return (_text(name) == "").fill_null(value=True)
    return pl.col(name).is_null()


def _number(table: TableFile, name: str) -> pl.Expr:
    if table.schema[name].is_numeric():
        return pl.col(name).cast(pl.Float64)
    return _text(name).cast(pl.Float64, strict=False)


def _seconds(table: TableFile, name: str) -> pl.Expr:
    kind = table.schema[name]
    if isinstance(kind, pl.Datetime):
        if kind.time_zone is None:
            raise InputError(
                str(table.path),
                f"column {name!r} has times without a zone",
                "write it as times in UTC, or as Unix seconds",
            )
        return pl.col(name).dt.epoch("us") / US_PER_S
    if kind.is_numeric():
        return pl.col(name).cast(pl.Float64)
    moment = _text(name).str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    return pl.coalesce(moment.dt.epoch("us") / US_PER_S, _number(table, name))


def _codes(name: str, words: Mapping[str | None, int], empty: int) -> pl.Expr:
    known = {word: code for word, code in words.items() if word is not None}
    text = _text(name)
    code = text.replace_strict(
        list(known), list(known.values()), default=UNKNOWN, return_dtype=pl.Int32
    )
    return pl.when((text == "").fill_null(value=True)).then(empty).otherwise(code).cast(pl.Int32)


def _times(data: pl.DataFrame) -> tuple[Floats, Floats, Faults]:
    """Return event and arrival times; a row without an arrival came at its own time."""
    time_s = data["time"].to_numpy()
    received_s = time_s
    if "received" in data.columns:
        received_s = np.where(data["no_arrival"].to_numpy(), time_s, data["received"].to_numpy())
    is_good = np.isfinite(time_s) & np.isfinite(received_s)
    return time_s, received_s, np.where(is_good, np.uint8(0), FAULT[RejectReason.BAD_TIME])


def _values(data: pl.DataFrame, key: str, empty: NDArray[np.bool_]) -> tuple[Floats, Faults]:
    value = data[key].to_numpy()
    fault = np.where(np.isfinite(value), np.uint8(0), FAULT[RejectReason.NOT_FINITE])
    fault[data[key].is_null().to_numpy()] = FAULT[RejectReason.NOT_A_NUMBER]
    fault[empty] = FAULT[RejectReason.MISSING_VALUE]
    return value, fault


def _constant(rows: int, code: int) -> NDArray[np.int32]:
    return np.full(rows, code, np.int32)
