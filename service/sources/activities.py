"""Reads one activity message from its record of the activity table."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from service.core.samples import Activity
from service.core.units import SI_UNIT, Unit, UnknownUnitError, unit_of
from service.sources.base import RejectReason
from service.sources.columns import REASONS, TIME_END_S, numbers_of, times_of

# What the value of these is counted in when the message does not say (the activity table).
USUAL_UNIT: Final[dict[str, str]] = {
    "docking": "m3",
    "undocking": "m3",
    "oxygen_generation": "kg/day",
    "crew": "count",
    "thermal_setpoint": "degC",
}
WORDS: Final = ("section", "hatch", "state", "gas")


def read_activity(
    record: object, *, received_s: float | None
) -> Activity | tuple[RejectReason, str]:
    """Return the activity, its value in SI, or the reason why the record is none and what is wrong.

    Parameters
    ----------
    record : object
        A mapping with the keys of the activity table, or whatever else was received.
    received_s : float or None
        Arrival time, which is also the event time of a message without one. None reads both
        from the record, which must then have `time`.
    """
    if not isinstance(record, Mapping):
        return RejectReason.MALFORMED, "an activity is an object with the key 'activity'"
    name = record.get("activity")
    if not isinstance(name, str) or not name:
        return RejectReason.MALFORMED, "an activity needs its name under the key 'activity'"
    for key in WORDS:
        if not isinstance(record.get(key), str | None):
            return RejectReason.MALFORMED, f"{key} of activity {name!r} is not a text"
    time_s, fault = _time(record.get("time"), np.nan if received_s is None else received_s)
    arrival_s = received_s
    if fault is None and arrival_s is None:
        arrival_s, fault = _time(record.get("received"), time_s)
    if fault is not None or arrival_s is None:
        return fault or RejectReason.BAD_TIME, (
            f"time {record.get('time')!r} of activity {name!r}: "
            "write RFC 3339 with a zone, or Unix seconds"
        )
    amount = _amount(name, record.get("value"), record.get("unit"))
    if not isinstance(amount[0], float | None):
        return amount[0], str(amount[1])
    value, unit = amount
    return Activity(
        time_s=time_s,
        received_s=arrival_s,
        name=name,
        value=value,
        unit=unit,
        **{key: record.get(key) or None for key in WORDS},
    )


def _time(cell: object, absent_s: float) -> tuple[float, RejectReason | None]:
    times, faults = times_of(cell if not isinstance(cell, list) else "", np.array([absent_s]))
    time_s = float(times[0])
    if faults[0]:
        return time_s, REASONS[faults[0]]
    return time_s, None if 0 <= time_s < TIME_END_S else RejectReason.IMPLAUSIBLE_TIME


def _amount(
    name: str, value: object, unit: object
) -> tuple[float | None, str | None] | tuple[RejectReason, str]:
    """Return value and unit in SI."""
    if value is None:
        return None, None
    numbers, faults = numbers_of([value], 1)
    if faults[0]:
        reason = REASONS[faults[0]] or RejectReason.NOT_A_NUMBER
        return reason, f"value {value!r:.80} of activity {name!r} is not a finite number"
    usual = USUAL_UNIT.get(name)
    written = usual if unit is None else unit
    if written is None:
        return float(numbers[0]), None
    try:
        known: Unit = unit_of(str(written), unit_of(usual).dimension if usual else None)
    except UnknownUnitError as exc:
        return RejectReason.WRONG_UNIT, f"activity {name!r}: {exc}"
    return float(numbers[0]) * known.scale + known.offset, SI_UNIT[known.dimension]
