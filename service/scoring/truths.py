"""Reads what was really true of a case from the truth document of a simulation or of a user."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import numpy as np

from service.core.units import S_PER_DAY
from service.errors import InputError


class ChangeKind(StrEnum):
    """Which way a leak went."""

    GROWTH = "growth"
    REPAIR = "repair"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A leak took another size, at once or until a later time, in one of these sections."""

    kind: ChangeKind
    time_s: float
    until_s: float
    sections: tuple[str, ...]
    before_kg_per_day: float
    after_kg_per_day: float

    @property
    def size_kg_per_day(self) -> float:
        """How much the rate changes, positive = more."""
        return self.after_kg_per_day - self.before_kg_per_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """When a case begins and ends, and the changes of leaks in it, in order of time."""

    start_s: float
    end_s: float
    changes: tuple[Change, ...]

    def first_growth_s(self) -> float:
        """When the first leak grows; infinity if none does."""
        times = [c.time_s for c in self.changes if c.kind is ChangeKind.GROWTH]
        return min(times, default=np.inf)


def truth_of(document: Mapping[str, Any]) -> Truth:
    """Return the changes that a truth document tells.

    Raises
    ------
    InputError
        If it lacks one of the keys that a truth has.
    """
    try:
        changes = [
            Change(
                kind=ChangeKind.GROWTH
                if row["after_kg_per_day"] > row["before_kg_per_day"]
                else ChangeKind.REPAIR,
                time_s=_seconds(row["time"]),
                until_s=_seconds(row.get("until", row["time"])),
                sections=tuple(row["sections"]),
                before_kg_per_day=row["before_kg_per_day"],
                after_kg_per_day=row["after_kg_per_day"],
            )
            for row in document["changes"]
            if row["after_kg_per_day"] != row["before_kg_per_day"]
        ]
        return Truth(
            start_s=_seconds(document["start"]),
            end_s=_seconds(document["end"]),
            changes=tuple(sorted(changes, key=lambda change: change.time_s)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            "the truth",
            f"cannot be used: {type(error).__name__}: {error}",
            "write it as `hullwatch simulate --truth FILE` does: start, end, and changes with time, "
            "sections, before_kg_per_day and after_kg_per_day",
        ) from error


class TrueRates:
    """The true leak rates of a truth document over time; they hold until the next.

    What an atmosphere loses is what its sections leak and what creeps out of it across shut hatches;
    of sections that were no atmosphere then only the leaks are known.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        table = document.get("leak_rate_kg_per_day", {})
        self._times_s = np.array(table.get("time", []), np.float64)
        self._by_section: dict[str, list[float]] = table.get("sections", {})
        self._by_atmosphere: dict[str, list[float | None]] = table.get("atmospheres", {})
        self._phases = [
            (_seconds(phase["time"]), {frozenset(s): n for n, s in phase["sections"].items()})
            for phase in document.get("atmospheres", [])
        ]

    def of(self, sections: Sequence[str], at_s: float) -> float | None:
        """Give the rate of sections together until `at_s`, kg/s; None where nothing is known.

        At the moment at which a hatch moves, that is the rate of what was one atmosphere until then.
        """
        row = int(np.searchsorted(self._times_s, at_s, "left")) - 1
        if row < 0:
            return None
        now: dict[frozenset[str], str] = {}
        for time_s, named in self._phases:
            if time_s < at_s:
                now = named
        rates = self._by_atmosphere.get(now.get(frozenset(sections), ""))
        whole = None if rates is None else rates[row]
        if whole is None:
            leaks = self._by_section
            whole = sum(leaks[name][row] for name in sections if name in leaks)
        return whole / S_PER_DAY


def _seconds(written: str | float) -> float:
    return (
        written if isinstance(written, int | float) else datetime.fromisoformat(written).timestamp()
    )


def phases_of(document: Mapping[str, Any]) -> list[tuple[float, list[list[str]]]]:
    """Return which sections shared air from when on, in order of time."""
    return [
        (_seconds(phase["time"]), list(phase["sections"].values()))
        for phase in document.get("atmospheres", [])
    ]
