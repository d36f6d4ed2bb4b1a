"""Tells what each atmosphere has lost since the hatches last moved, by nothing known before.

An account goes on with what it knew of the rate when its sections last were on their own. As its
filter is linear, what the new balances alone say is what it knows now less what it knew before,
by weight of information, and what it knew before counts for less as leaks creep. Where the account has found that the rate changed, it has let go of what
it knew, and what it says now is new.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Self

import numpy as np

from service.core.accounts import Ledger
from service.core.air_reading import AirReading
from service.core.doors import DoorPlan
from service.core.estimators import CREEP_VAR_PER_S
from service.core.isolation import Side
from service.core.memory import Key
from service.core.station import Group
from service.core.units import PA_PER_MMHG
from service.core.views import Balance

BELOW_PA: Final = 10.0 * PA_PER_MMHG  # well beyond the offsets between gauges (0.5 to 3 mmHg)

Air = Mapping[Group, AirReading]
Pairs = Sequence[tuple[int, int]]


@dataclass(slots=True, kw_only=True)
class Spell:
    """A time in which the atmospheres stay the same.

    Attributes
    ----------
    since_s, looked_s : float or None
        The first and the last look; None until the first.
    before : dict
        What each account knew of its rate at first, as far as it still holds; None once it has let
        go of that.
    rates : dict
        What each account that can be trusted knew at the last look.
    changes : dict
        How many changes of its rate each account had entered at first.
    first_pa : dict
        The pressures at the first look.
    """

    groups: tuple[Group, ...]
    since_s: float | None = None
    looked_s: float | None = None
    before: dict[Key, tuple[float, float] | None] = field(default_factory=dict)
    rates: dict[Key, tuple[float, float]] = field(default_factory=dict)
    changes: dict[Key, int] = field(default_factory=dict)
    first_pa: dict[Group, float] = field(default_factory=dict)

    def copy(self) -> Self:
        """Return the same spell apart from this one."""
        return replace(
            self,
            before=dict(self.before),
            rates=dict(self.rates),
            changes=dict(self.changes),
            first_pa=dict(self.first_pa),
        )

    def look(self, ledger: Ledger, air: Air, at_s: float) -> None:
        """Take note of the pressures and of what the accounts know."""
        if self.since_s is None:
            self.since_s = at_s
        crept = CREEP_VAR_PER_S * (0.0 if self.looked_s is None else at_s - self.looked_s)
        self.looked_s = at_s
        for group, reading in air.items():
            if reading.pressure_pa is not None and reading.pressure_pa > 0.0:
                self.first_pa.setdefault(group, reading.pressure_pa)
        for row, account in enumerate(ledger.accounts):
            key, now = account.key, ledger.filter.rate(row)
            changes = self.changes.setdefault(key, account.changes)
            if not account.is_armed:
                self.before[key] = account.belief  # it starts from there once more when armed
                continue
            before = self.before.setdefault(key, now)
            if account.changes > changes:
                self.before[key] = None
            elif before is not None and key in self.rates:
                self.before[key] = before[0], float(np.hypot(before[1], np.sqrt(crept)))
            self.rates[key] = now

    def loss(self, group: Group) -> tuple[float, float] | None:
        """Return what an atmosphere has lost since the beginning and the standard error, kg/s.

        The balance that says it best, the bare pressure only where there is no other; None before
        one says anything.
        """
        keys = [key for key in self.rates if key[0] == group]
        warm = [key for key in keys if key[1] is not Balance.PRESSURE]
        told = [_without(self.rates[key], self.before[key]) for key in warm or keys]
        return min((loss for loss in told if loss is not None), key=_error, default=None)

    def has_changed(self, group: Group) -> bool:
        """Say whether an account of an atmosphere has found its rate to change in this time."""
        return any(known is None for key, known in self.before.items() if key[0] == group)

    def driven(self, group: Group, air: Air) -> float:
        """Return the pressure of an atmosphere over that at the beginning, 1 if not known."""
        first, now = self.first_pa.get(group), _pressure(air, group)
        return 1.0 if first is None or now is None else max(now / first, 0.0)

    def sides(
        self,
        plan: DoorPlan,
        neighbours: Pairs,
        air: Air,
        whole_pa: float | None,
        at_s: float,
    ) -> list[Side]:
        """Return what each atmosphere that can be read has shown."""
        span_s = at_s - (at_s if self.since_s is None else self.since_s)
        sides: list[Side] = []
        place: dict[int, int] = {}
        for number, group in enumerate(self.groups):
            loss = self.loss(group)
            if loss is None or span_s <= 0.0:
                continue
            thermal = np.sqrt(2.0) * plan.thermal_kg(group, at_s) / span_s
            first = self.first_pa.get(group)
            mean = None if first is None else 0.5 * first * (1.0 + self.driven(group, air))
            place[number] = len(sides)
            sides.append(
                Side(
                    sections=group,
                    rate_kg_per_s=loss[0],
                    error=float(np.hypot(loss[1], thermal)),
                    share=plan.share(group),
                    driven=1.0 if mean is None or not whole_pa else mean / whole_pa,
                )
            )
        for low, high in lower_neighbours(self.groups, neighbours, air):
            if low in place and high in place:
                sides[place[low]] = replace(sides[place[low]], fed_by=place[high])
        return sides


def lower_neighbours(groups: Sequence[Group], neighbours: Pairs, air: Air) -> list[tuple[int, int]]:
    """Return the pairs of which the first has a clearly lower pressure than the second."""
    found = []
    for one, other in (*neighbours, *((b, a) for a, b in neighbours)):
        low, high = _pressure(air, groups[one]), _pressure(air, groups[other])
        if low is not None and high is not None and high - low > BELOW_PA:
            found.append((one, other))
    return found


def _pressure(air: Air, group: Group) -> float | None:
    return air[group].pressure_pa if group in air else None


def _error(loss: tuple[float, float]) -> float:
    return loss[1]


def _without(
    now: tuple[float, float], before: tuple[float, float] | None
) -> tuple[float, float] | None:
    """Return what is new in a rate and its error, None if nothing is."""
    if before is None:
        return now
    gained = now[1] ** -2 - before[1] ** -2
    if gained <= 0.0:
        return None
    rate = (now[0] * now[1] ** -2 - before[0] * before[1] ** -2) / gained
    return rate, float(gained**-0.5)
