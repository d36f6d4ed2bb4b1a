"""Ways by which air gets from one atmosphere to another, or through a hatch to vacuum.

A passage says how many moles go from its side `a` to its side `b` in a step; `b` is None where it
leads to vacuum.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from simulators import gas
from simulators.gas import MOLAR_MASS_KG_PER_MOL, R_J_PER_MOL_K, REFERENCE_K, REFERENCE_PA, Floats

DOOR_CM2: Final = 5000.0  # what an open hatch is wide: 0.5 to 1 m2 in any drawing of one
FINE_S: Final = 1.0  # a valve fills a small chamber in ten seconds or more
# Less air than this is none: it stays, so that nothing is divided by nothing.
TRACE_PA: Final = 1e-3
R_AIR: Final = 287.05  # J/(kg K), US Standard Atmosphere 1976


@dataclass(slots=True)
class Air:
    """The air in one step; passages change `amounts`, and `lost` where they lead to vacuum."""

    amounts: Floats  # mol, (4, sections)
    lost: Floats  # mol, (4,)
    pressure_pa: Floats  # at the beginning of the step
    room: Floats  # mol per Pa of each section
    member: NDArray[np.intp]
    step_s: float

    def room_of(self, section: int | None) -> float:
        """Give the moles that raise the pressure of a section's whole atmosphere by a pascal."""
        if section is None:
            return np.inf
        return float(self.room[self.member == self.member[section]].sum())

    def pressure_of(self, section: int | None) -> float:
        """Give the pressure now in a section's whole atmosphere."""
        if section is None:
            return 0.0
        together = self.member == self.member[section]
        return float(self.amounts[:, together].sum() / self.room[together].sum())

    def move(self, a: int, b: int | None, share: float) -> None:
        """Take a share of the air of a's whole atmosphere to b; pressures even out later."""
        together = np.flatnonzero(self.member == self.member[a])
        moved = self.amounts[:, together] * share
        self.amounts[:, together] -= moved
        if b is None:
            self.lost += moved.sum(axis=1)
        else:
            self.amounts[:, b] += moved.sum(axis=1)


class Passage(Protocol):
    """Anything that lets air through."""

    def let_through(self, air: Air, crept_kg: Floats) -> None:
        """Move the air of a step; what is a loss to the neighbours is booked by section."""


@dataclass(frozen=True, slots=True)
class Seal:
    """The seal of a shut hatch: it creeps in proportion to the difference of pressure."""

    a: int
    b: int | None
    kg_per_s_pa: float

    def let_through(self, air: Air, crept_kg: Floats) -> None:
        """Let air of the side with more pressure through, with the composition it has there."""
        outside = 0.0 if self.b is None else air.pressure_pa[self.b]
        kg = self.kg_per_s_pa * (air.pressure_pa[self.a] - outside) * air.step_s
        _creep(air, crept_kg, self.a, self.b, kg)


@dataclass(frozen=True, slots=True)
class InnerLeak:
    """A crack between two sections: C ((p1^2 - p2^2) / p_ref^2)^(n/2), as p^n into vacuum."""

    a: int
    b: int
    exponent: float

    def let_through(self, air: Air, crept_kg: Floats, at_reference_kg: float) -> None:
        """Let the flow of a step through, at most until both sides are even."""
        if air.member[self.a] == air.member[self.b] or not at_reference_kg:
            return
        p_a, p_b = float(air.pressure_pa[self.a]), float(air.pressure_pa[self.b])
        drive = abs(p_a**2 - p_b**2) / REFERENCE_PA**2
        kg = at_reference_kg * drive ** (self.exponent / 2)
        even_mol = abs(p_a - p_b) / (1 / air.room_of(self.a) + 1 / air.room_of(self.b))
        giver = self.a if p_a > p_b else self.b
        kg_per_mol = (MOLAR_MASS_KG_PER_MOL @ air.amounts[:, giver]) / air.amounts[:, giver].sum()
        kg = min(kg, even_mol * kg_per_mol)
        _creep(air, crept_kg, self.a, self.b, kg if p_a > p_b else -kg)


@dataclass(frozen=True, slots=True)
class Valve:
    """An equalisation valve, or an open door to vacuum: choked, or slower near the end."""

    a: int
    b: int | None
    area_m2: float

    def let_through(self, air: Air, crept_kg: Floats) -> None:  # noqa: ARG002 no leak, a hatch at work
        """Fill the side with less pressure, in fine steps; into vacuum by the exact decay."""
        speed = gas.HOLE_DISCHARGE * self.area_m2 * np.sqrt(R_AIR * REFERENCE_K)  # m3/s
        mol_per_s_pa = speed / (R_J_PER_MOL_K * REFERENCE_K)
        if self.b is None:
            share = -np.expm1(-gas.CHOKED * mol_per_s_pa / air.room_of(self.a) * air.step_s)
            share = min(share, 1.0 - TRACE_PA / max(air.pressure_of(self.a), TRACE_PA))
            air.move(self.a, None, float(share))
            return
        a, b = self.a, self.b
        if air.pressure_of(a) < air.pressure_of(b):
            a, b = b, a
        before = high = air.pressure_of(a)
        low = air.pressure_of(b)
        stiff = 1 / air.room_of(a) + 1 / air.room_of(b)
        steps = max(1, round(air.step_s / FINE_S))
        for _ in range(steps):
            mol = mol_per_s_pa * high * gas.outflow(low / high) * air.step_s / steps
            if mol * stiff >= high - low:
                mol = (high - low) / stiff
            high -= mol / air.room_of(a)
            low += mol / air.room_of(b)
            if high <= low:
                break
        air.move(a, b, 1.0 - high / before)


@dataclass(frozen=True, slots=True)
class AirlockPump:
    """A pump that empties an airlock into the cabin until its pressure is low enough."""

    airlock: int
    cabin: int
    stops_at_pa: float
    m3_per_s: float

    def let_through(self, air: Air, crept_kg: Floats) -> None:  # noqa: ARG002 no leak, a pump at work
        """Pump for a step."""
        i = self.airlock
        pressure = float(air.amounts[:, i].sum() / air.room[i])
        volume_m3 = air.room[i] * R_J_PER_MOL_K * REFERENCE_K
        kept = max(np.exp(-self.m3_per_s / volume_m3 * air.step_s), self.stops_at_pa / pressure)
        air.move(i, self.cabin, float(1.0 - min(kept, 1.0)))


def _creep(air: Air, crept_kg: Floats, a: int, b: int | None, kg: float) -> None:
    """Move a little air, from b to a where `kg` is negative, and book it."""
    giver = a if kg > 0 or b is None else b
    moved = air.amounts[:, giver] * (kg / (MOLAR_MASS_KG_PER_MOL @ air.amounts[:, giver]))
    air.amounts[:, a] -= moved
    crept_kg[a] += kg
    if b is None:
        air.lost += moved
    else:
        air.amounts[:, b] += moved
        crept_kg[b] -= kg
