"""Works out what becomes of an atmosphere or a coolant loop if its leak stays as it is."""

from collections.abc import Mapping
from math import inf
from typing import Final

from service.core.physics import (
    hole_diameter_m,
    liquid_hole_diameter_m,
    time_to_floor_s,
    time_to_quantity_s,
)
from service.core.units import S_PER_DAY
from service.core.views import LOOP_FLOOR, LeakEstimate, Outlook

MONTH_S: Final = 30.0 * S_PER_DAY
# Flow over pressure to a power: a hole into vacuum is choked, 1; the PrK crack had 1.8 (14 to 29 July
# 2021); a slit that is all viscous has 2.
HOLE_EXPONENT: Final = 1.0
CRACK_EXPONENT: Final = 1.8
SLIT_EXPONENT: Final = 2.0
# Discharge coefficients from a rounded hole to a sharp-edged one; 0.6 to 1 in any text.
DISCHARGES: Final = (1.0, 0.6)


def outlook_of_air(
    leak: LeakEstimate,
    mass_kg: float,
    pressure_pa: float,
    temperature_k: float | None,
    floors_pa: Mapping[str, float],
) -> Outlook:
    """Return what follows from the leak rate of air, the errors of its mass left out.

    Examples
    --------
    >>> leak = LeakEstimate(rate_kg_per_s=1.0, low_kg_per_s=-0.1, high_kg_per_s=2.0)
    >>> outlook = outlook_of_air(leak, 1050.0, 745.0, 295.0, {"evacuation": 490.0})
    >>> {floor: round(s) for floor, s in outlook.reserve_low_s.items()}, outlook.reserve_high_s
    ({'evacuation': 220}, {'evacuation': inf})
    """

    def band(rate: float, exponent: float) -> dict[str, float]:
        times = {
            floor: time_to_floor_s(mass_kg, rate, pressure_pa, floor_pa, exponent)
            for floor, floor_pa in floors_pa.items()
        }
        return {floor: inf if time_s is None else time_s for floor, time_s in times.items()}

    holes: tuple[float | None, ...] = (None, None)
    if leak.rate_kg_per_s > 0.0 and pressure_pa > 0.0 and temperature_k:
        at = (leak.rate_kg_per_s, pressure_pa, temperature_k)
        holes = tuple(hole_diameter_m(*at, discharge) for discharge in DISCHARGES)
    return Outlook(
        reserve_low_s=band(leak.high_kg_per_s, HOLE_EXPONENT),
        reserve_high_s=band(leak.low_kg_per_s, SLIT_EXPONENT),
        gas_kg_per_month=leak.rate_kg_per_s * MONTH_S,
        gas_low_kg_per_month=leak.low_kg_per_s * MONTH_S,
        gas_high_kg_per_month=leak.high_kg_per_s * MONTH_S,
        hole_low_m=holes[0],
        hole_high_m=holes[1],
    )


def outlook_of_loop(
    leak: LeakEstimate,
    held_kg: float,
    floor_kg: float,
    pressure_pa: float | None,
    density_kg_per_m3: float,
) -> Outlook:
    """Return what follows from the leak rate of a coolant loop; it gets no gas."""
    soonest, latest = (
        time_to_quantity_s(held_kg, rate, floor_kg)
        for rate in (leak.high_kg_per_s, leak.low_kg_per_s)
    )
    hole_m = None
    if leak.rate_kg_per_s > 0.0 and pressure_pa is not None and pressure_pa > 0.0:
        hole_m = liquid_hole_diameter_m(leak.rate_kg_per_s, pressure_pa, density_kg_per_m3)
    return Outlook(
        reserve_low_s={LOOP_FLOOR: inf if soonest is None else soonest},
        reserve_high_s={LOOP_FLOOR: inf if latest is None else latest},
        hole_low_m=hole_m,
        hole_high_m=hole_m,
    )
