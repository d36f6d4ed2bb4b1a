"""Gas law, vapour pressure, flow through holes and time to a floor, as functions on arrays."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

R_AIR: Final = 287.05  # J/(kg K), dry air; ISO 2533 standard atmosphere
MOLAR_KG: Final[dict[str, float]] = {  # kg/mol, IUPAC atomic weights; air after ISO 2533
    "air": 0.0289644,
    "N2": 0.0280134,
    "O2": 0.0319988,
    "CO2": 0.0440095,
}
GAMMA: Final = 1.4  # ratio of specific heats of air
REFERENCE_TEMPERATURE_K: Final = 295.15  # a cabin at 22 degC, where no temperature is measured
CHOKED_COEFFICIENT: Final = float(
    np.sqrt(GAMMA) * (2.0 / (GAMMA + 1.0)) ** ((GAMMA + 1.0) / (2.0 * (GAMMA - 1.0)))
)  # 0.6847, any gas dynamics text, for instance Shapiro (1953), chapter 4


LIQUID_REFERENCE_K: Final = 293.15  # at which liquids are weighed; 20 degC, CRC Handbook tables
LIQUID_DISCHARGE: Final = 0.61  # sharp-edged orifice; any text on fluid mechanics


def saturation_pressure_pa(temperature_k: ArrayLike) -> NDArray[np.float64]:
    """Return the vapour pressure of water after Magnus (Alduchov and Eskridge, 1996), Pa.

    Examples
    --------
    >>> round(float(saturation_pressure_pa(293.15)))
    2333
    """
    celsius = np.asarray(temperature_k, np.float64) - 273.15
    return np.asarray(610.94 * np.exp(17.625 * celsius / (celsius + 243.04)))


def air_mass_kg(
    pressure_pa: ArrayLike, volume_m3: ArrayLike, temperature_k: ArrayLike
) -> NDArray[np.float64]:
    """Return the mass of air by the ideal gas law, kg.

    Examples
    --------
    >>> round(float(air_mass_kg(740 * 133.322, 905.0, 295.15)))
    1054
    """
    return np.asarray(
        np.asarray(pressure_pa) * np.asarray(volume_m3) / (R_AIR * np.asarray(temperature_k))
    )


def hole_diameter_m(
    leak_kg_per_s: float, pressure_pa: float, temperature_k: float, discharge: float
) -> float:
    """Return the diameter of the round hole into vacuum that would leak as much, m.

    Choked flow: leak = 0.6847 Cd A p / sqrt(R T). The leak must not be negative.

    Examples
    --------
    >>> round(1000 * hole_diameter_m(1.089 / 86400, 101325.0, 295.15, 0.6), 3)
    0.335
    """
    area = (
        leak_kg_per_s
        * np.sqrt(R_AIR * temperature_k)
        / (CHOKED_COEFFICIENT * discharge * pressure_pa)
    )
    return float(np.sqrt(4.0 * area / np.pi))


def time_to_floor_s(
    mass_kg: float,
    leak_kg_per_s: float,
    pressure_pa: float,
    floor_pa: float,
    exponent: float = 1.0,
) -> float | None:
    """Return the time until a leak brings the pressure down to the floor, s.

    The flow goes with a power of the pressure: with the pressure itself through a choked hole, so
    that p falls as exp(-t leak / mass); with more through a crack, which takes longer. None when
    nothing leaks, for then no time can be named; 0 at or below the floor.

    Examples
    --------
    >>> [round(time_to_floor_s(1050.0, 1.0, 745.0, 490.0, n)) for n in (1.0, 1.8)]
    [440, 523]
    """
    if pressure_pa <= floor_pa:
        return 0.0
    if leak_kg_per_s <= 0.0:
        return None
    ratio, over = pressure_pa / floor_pa, exponent - 1.0
    path = float(np.log(ratio)) if over == 0.0 else (ratio**over - 1.0) / over
    return mass_kg / leak_kg_per_s * path


def accumulated_kg(
    pressure_pa: float,
    temperature_k: float,
    accumulator_m3: float,
    precharge_pa: float,
    density_kg_per_m3: float,
) -> float:
    """Return the liquid in an accumulator by the pressure of its gas, kg.

    The gas fills the whole accumulator at the precharge pressure and 20 degC, and obeys the ideal
    gas law; what it leaves is liquid, none at the least.

    Examples
    --------
    >>> accumulated_kg(300e3, 293.15, 0.02, 120e3, 1000.0)
    12.0
    """
    at_reference_pa = pressure_pa * LIQUID_REFERENCE_K / temperature_k
    gas_share = precharge_pa / max(at_reference_pa, precharge_pa)
    return accumulator_m3 * (1.0 - gas_share) * density_kg_per_m3


def liquid_hole_diameter_m(
    leak_kg_per_s: float, pressure_pa: float, density_kg_per_m3: float
) -> float:
    """Return the diameter of the round hole into vacuum that would leak as much liquid, m.

    After Bernoulli: leak = Cd A sqrt(2 rho p). The leak must not be negative.

    Examples
    --------
    >>> round(1000 * liquid_hole_diameter_m(27.0 / 3600, 300e3, 998.2), 2)
    0.8
    """
    flux = LIQUID_DISCHARGE * np.sqrt(2.0 * density_kg_per_m3 * pressure_pa)
    return float(np.sqrt(4.0 * leak_kg_per_s / (np.pi * flux)))


def time_to_quantity_s(held_kg: float, leak_kg_per_s: float, floor_kg: float) -> float | None:
    """Return the time until an accumulator holds no more than the floor, s.

    Linear, for the gas keeps pressing: the flow goes with the root of its pressure (Bernoulli), and
    it can only weaken as the gas expands, so the time is never told too long. None when nothing
    leaks; 0 at or below the floor.

    Examples
    --------
    >>> time_to_quantity_s(12.0, 0.01, 2.0)
    1000.0
    """
    if held_kg <= floor_kg:
        return 0.0
    if leak_kg_per_s <= 0.0:
        return None
    return (held_kg - floor_kg) / leak_kg_per_s
