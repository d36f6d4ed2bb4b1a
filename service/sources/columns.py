"""Turns columns of written cells into readings in SI, or says of each row why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from service.core.samples import Quality, SampleBatch
from service.core.station import Station, dimension_of
from service.core.units import UNITS
from service.sources.base import RejectReason

Floats: TypeAlias = NDArray[np.float64]
Codes: TypeAlias = NDArray[np.int32]
Faults: TypeAlias = NDArray[np.uint8]

UNKNOWN: Final = -1  # code of a word that is not in the table
ABSENT: Final = -2  # code of an empty cell
TIME_END_S: Final = 253_402_300_800.0  # the year 10000; what lies beyond is another unit of time

REASONS: Final = (None, *RejectReason)  # by fault code; 0 is no fault
FAULT: Final = {reason: np.uint8(REASONS.index(reason)) for reason in RejectReason}

EXPLANATIONS: Final[dict[RejectReason, str]] = {
    RejectReason.TOO_LARGE: "there is more at once than one message may hold; send it in parts",
    RejectReason.MALFORMED: "the form is broken; write it as the telemetry table says",
    RejectReason.UNKNOWN_CHANNEL: "the channel is not configured; add it under channels",
    RejectReason.MISSING_VALUE: "there is no value; leave the reading out",
    RejectReason.NOT_A_NUMBER: "the value is not a number; write it bare, without unit or quotes",
    RejectReason.NOT_FINITE: "the value is not finite; leave the reading out",
    RejectReason.BAD_TIME: "the time is missing, or neither RFC 3339 with a zone nor Unix seconds",
    RejectReason.IMPLAUSIBLE_TIME: "the time is not between 1970 and 9999; is it in milliseconds?",
    RejectReason.WRONG_UNIT: "the unit is unknown or does not measure what the channel does",
    RejectReason.UNKNOWN_QUALITY: "the quality is none of good, suspect, bad, held",
}

QUALITY_CODES: Final[dict[str | None, int]] = {None: int(Quality.GOOD)}
QUALITY_CODES.update((quality.name.lower(), int(quality)) for quality in Quality)
UNIT_CODES: Final[dict[str | None, int]] = {None: ABSENT}
UNIT_CODES.update((name, code) for code, name in enumerate(UNITS))
_DIMENSIONS: Final = sorted({unit.dimension for unit in UNITS.values()})
_UNIT_SCALE: Final = np.array([unit.scale for unit in UNITS.values()])
_UNIT_OFFSET: Final = np.array([unit.offset for unit in UNITS.values()])
_UNIT_DIMENSION: Final = np.array([_DIMENSIONS.index(u.dimension) for u in UNITS.values()])


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Rows as read, before they are checked against the station.

    Attributes
    ----------
    channel, unit, quality : ndarray of int32, shape (n,)
        Codes of the words; `UNKNOWN` where there is no such word. An `ABSENT` unit is the one
        configured for the channel.
    time_s, received_s, value : ndarray of float64, shape (n,)
        The value in its unit. NaN where a fault is noted.
    time_fault, value_fault : ndarray of uint8, shape (n,)
        What was found wrong on reading the cell.
    """

    channel: Codes
    time_s: Floats
    received_s: Floats
    value: Floats
    unit: Codes
    quality: Codes
    time_fault: Faults
    value_fault: Faults


class ChannelTable:
    """The channels of a station as look-up arrays."""

    def __init__(self, station: Station) -> None:
        self.codes: dict[str | None, int] = {None: ABSENT}
        self.codes.update(station.channel_index())
        # One more row than channels, so that a station without any can be indexed too.
        self._unit = np.array([UNIT_CODES[c.unit] for c in station.channels] + [0], np.int32)
        self._dimension = np.array(
            [_DIMENSIONS.index(dimension_of(c.kind, c.unit)) for c in station.channels] + [0]
        )

    def settle(self, columns: Columns) -> tuple[SampleBatch, Faults]:
        """Return the sound rows as readings in SI, and for every row its fault code."""
        channel = np.maximum(columns.channel, UNKNOWN)
        unit = np.where(columns.unit == ABSENT, self._unit[channel], columns.unit)
        time_s, received_s = columns.time_s, columns.received_s
        # The worst fault is set last and so is the one that is told.
        fault = np.where(columns.quality < 0, FAULT[RejectReason.UNKNOWN_QUALITY], np.uint8(0))
        mismatch = (unit < 0) | (_UNIT_DIMENSION[unit] != self._dimension[channel])
        fault[mismatch] = FAULT[RejectReason.WRONG_UNIT]
        strange = ~((time_s >= 0) & (time_s < TIME_END_S))
        strange |= ~((received_s >= 0) & (received_s < TIME_END_S))
        fault[strange] = FAULT[RejectReason.IMPLAUSIBLE_TIME]
        np.copyto(fault, columns.time_fault, where=columns.time_fault > 0)
        np.copyto(fault, columns.value_fault, where=columns.value_fault > 0)
        fault[channel < 0] = FAULT[RejectReason.UNKNOWN_CHANNEL]
        batch = SampleBatch(
            channel=channel.astype(np.int32, copy=False),
            time_s=time_s,
            received_s=received_s,
            value=columns.value * _UNIT_SCALE[unit] + _UNIT_OFFSET[unit],
            quality=columns.quality.astype(np.uint8),
        )
        return (batch[fault == 0] if fault.any() else batch), fault


def codes_of(cells: object, words: Mapping[str | None, int], rows: int) -> Codes:
    """Return the code of each cell; a cell that is not a list stands for all rows."""
    if not isinstance(cells, list):
        return np.full(rows, _code_of(cells, words), np.int32)
    if set(map(type, cells)) <= {str, type(None)}:
        return np.array([words.get(cell, UNKNOWN) for cell in cells], np.int32)
    return np.array([_code_of(cell, words) for cell in cells], np.int32)


def numbers_of(cells: object, rows: int) -> tuple[Floats, Faults]:
    """Return the number in each cell and what is wrong with it; truth values are no numbers."""
    if not isinstance(cells, list):
        number, fault = _number_of(cells)
        return np.full(rows, number), np.full(rows, fault)
    if set(map(type, cells)) <= {float, int}:
        try:
            numbers = np.array(cells, np.float64)
        except OverflowError:
            pass
        else:
            wrong = np.where(np.isfinite(numbers), np.uint8(0), FAULT[RejectReason.NOT_FINITE])
            return numbers, wrong
    return _split([_number_of(cell) for cell in cells])


def times_of(cells: object, absent_s: Floats) -> tuple[Floats, Faults]:
    """Return the time in each cell as Unix seconds, and what is wrong with it.

    Parameters
    ----------
    cells : list or one cell for all rows
        RFC 3339 with a zone, or Unix seconds.
    absent_s : ndarray of float64, shape (n,)
        What an empty cell means; NaN if it may not be empty.
    """
    empty: list[bool] = []
    if not isinstance(cells, list):
        time_s, fault = _time_of(cells)
        times, faults = np.full(len(absent_s), time_s), np.full(len(absent_s), fault)
        empty = [cells is None] * len(absent_s)
    elif set(map(type, cells)) <= {float, int}:
        times, faults = numbers_of(cells, len(cells))
    else:
        times, faults = _split([_time_of(cell) for cell in cells])
        empty = [cell is None for cell in cells]
    faults[faults > 0] = FAULT[RejectReason.BAD_TIME]
    if empty:
        np.copyto(times, absent_s, where=empty)
        np.copyto(faults, FAULT[RejectReason.BAD_TIME] * np.isnan(absent_s), where=empty)
    return times, faults


def unix_s(written: str) -> float:
    """Return an RFC 3339 time as Unix seconds, to the microsecond.

    Raises
    ------
    ValueError
        If it is not one, or has no zone.

    Examples
    --------
    >>> unix_s("2024-02-12T00:00:00.5Z")
    1707696000.5
    """
    moment = datetime.fromisoformat(written.upper())
    if moment.tzinfo is None:
        raise ValueError(f"{written!r} has no zone; write UTC times with Z")
    return moment.timestamp()


def _code_of(cell: object, words: Mapping[str | None, int]) -> int:
    return words.get(cell, UNKNOWN) if cell is None or isinstance(cell, str) else UNKNOWN


def _number_of(cell: object) -> tuple[float, np.uint8]:
    if cell is None:
        return np.nan, FAULT[RejectReason.MISSING_VALUE]
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return np.nan, FAULT[RejectReason.NOT_A_NUMBER]
    try:
        number = float(cell)
    except OverflowError:
        number = np.inf
    if not np.isfinite(number):
        return np.nan, FAULT[RejectReason.NOT_FINITE]
    return number, np.uint8(0)


def _time_of(cell: object) -> tuple[float, np.uint8]:
    if not isinstance(cell, str):
        return _number_of(cell)
    try:
        return unix_s(cell), np.uint8(0)
    except (ValueError, OverflowError):
        return np.nan, FAULT[RejectReason.BAD_TIME]


def _split(pairs: Sequence[tuple[float, np.uint8]]) -> tuple[Floats, Faults]:
    return np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs], np.uint8)
