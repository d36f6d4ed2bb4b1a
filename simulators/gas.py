"""Laws of the air in a station, as plain functions on arrays.

Amounts are moles in arrays of shape (4, sections), one row for each of `GASES`.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GASES: Final = ("N2", "O2", "CO2", "H2O")
N2, O2, CO2, H2O = range(4)

MOLAR_MASS_KG_PER_MOL: Final[Floats] = np.array(
    [0.0280134, 0.0319988, 0.0440095, 0.01801528]  # NIST Chemistry WebBook
)
R_J_PER_MOL_K: Final = 8.314462618  # CODATA 2018
PA_PER_MMHG: Final = 133.322387415  # NIST SP 811 appendix B.8
ZERO_CELSIUS_K: Final = 273.15
S_PER_DAY: Final = 86400.0

REFERENCE_PA: Final = 740 * PA_PER_MMHG  # leak rates of scenarios are stated at this pressure
REFERENCE_K: Final = 295.15
DRY_AIR: Final[Floats] = np.array([0.79, 0.21, 0.0, 0.0])  # mole fractions of bottled air
# Fits the PrK pressures of 14 to 30 July 2021 published by gazeta.ru to 1.2 mmHg rms, 2.2 at worst.
# In-flow across the hatch seal brings it no nearer: least squares gives it none, and an orifice
# (exponent 1) with in-flow stays 2.0 off, 4.2 at worst.
CRACK_EXPONENT: Final = 1.8
CHOKED: Final = 0.6847  # flow into vacuum for a ratio of specific heats of 1.4 (Shapiro, chapter 4)
HOLE_DISCHARGE: Final = 0.8  # short hole with a sharp rim; any text on gas dynamics gives 0.6-1


def partial_pressures_pa(amounts_mol: Floats, volume_m3: Floats, temperature_k: Floats) -> Floats:
    """Give the partial pressure of each gas by the ideal gas law; the last axis is the section."""
    return amounts_mol * (R_J_PER_MOL_K * temperature_k / volume_m3)[..., np.newaxis, :]


def amounts_mol(partial_pa: Floats, volume_m3: Floats, temperature_k: Floats) -> Floats:
    """Give the amounts that make the same partial pressures, shape (4,), in every section."""
    return partial_pa[:, np.newaxis] * (volume_m3 / (R_J_PER_MOL_K * temperature_k))


def mass_kg(amounts: Floats) -> Floats:
    """Weigh the air of each section; the gas is the last but one axis."""
    weighed: Floats = np.einsum("g,...gs->...s", MOLAR_MASS_KG_PER_MOL, amounts)
    return weighed


def power_law_flow(rate_at_reference: Floats, pressure_pa: Floats, exponent: Floats) -> Floats:
    """Give m = C (p / p_ref)^n: n is 1 for a choked hole, 1.8 for the crack, 0 for a pump.

    Examples
    --------
    >>> flow = power_law_flow(np.array([0.82]), np.array([REFERENCE_PA / 2]), np.array([1.8]))
    >>> round(float(flow[0]), 3)
    0.235
    """
    flow: Floats = rate_at_reference * (pressure_pa / REFERENCE_PA) ** exponent
    return flow


def choked_hole_kg_per_day(diameter_mm: float) -> float:
    """Give the flow of air through a round hole into vacuum at the reference state.

    Choked orifice, 0.6847 Cd A p / sqrt(R T) (Shapiro, The Dynamics and Thermodynamics of
    Compressible Fluid Flow, chapter 4).

    Examples
    --------
    >>> round(choked_hole_kg_per_day(2.0), 1)
    50.4
    """
    air_j_per_kg_k = 287.05  # US Standard Atmosphere 1976
    area_m2 = np.pi / 4 * (diameter_mm / 1000) ** 2
    flow = HOLE_DISCHARGE * area_m2 * REFERENCE_PA / np.sqrt(air_j_per_kg_k * REFERENCE_K)
    return float(CHOKED * flow * S_PER_DAY)


def outflow(ratio: float) -> float:
    """Give the flow of a nozzle for a ratio of pressures, as `CHOKED` is that for a ratio of 0.

    Saint-Venant and Wantzel's law of the nozzle for a ratio of specific heats of 1.4 (Shapiro,
    chapter 4); it is choked below a ratio of 0.5283.

    Examples
    --------
    >>> [round(outflow(ratio), 3) for ratio in (0.0, 0.5283, 0.9, 1.0)]
    [0.685, 0.685, 0.423, 0.0]
    """
    if ratio <= 0.5283:
        return CHOKED
    return float(np.sqrt(max(7.0 * (ratio ** (2 / 1.4) - ratio ** (2.4 / 1.4)), 0.0)))


def saturation_pressure_pa(temperature_k: Floats) -> Floats:
    """Give the vapour pressure over water (Buck 1981, Journal of Applied Meteorology 20, 1527)."""
    t = temperature_k - ZERO_CELSIUS_K
    saturated: Floats = 611.21 * np.exp((18.678 - t / 234.5) * (t / (257.14 + t)))
    return saturated


def dew_point_k(vapour_pa: Floats) -> Floats:
    """Give the temperature at which the vapour condenses, by the same equation without its bend."""
    ratio = np.log(vapour_pa / 611.21)
    point: Floats = ZERO_CELSIUS_K + 240.97 * ratio / (17.502 - ratio)
    return point


def mix(amounts: Floats, share: float, member: NDArray[np.intp], groups: Floats) -> Floats:
    """Bring every section a share of the way to the composition of its atmosphere.

    Each section keeps its number of moles, so every gas is conserved in each atmosphere.

    Parameters
    ----------
    member : ndarray of int, shape (sections,)
        The atmosphere of each section.
    groups : ndarray, shape (sections, atmospheres)
        The same as ones and zeros.
    """
    pooled = amounts @ groups
    fractions = (pooled / pooled.sum(axis=0))[:, member]
    mixed: Floats = (1.0 - share) * amounts + (share * amounts.sum(axis=0)) * fractions
    return mixed


def equalise(
    amounts: Floats, volume_per_kelvin: Floats, member: NDArray[np.intp], groups: Floats
) -> Floats:
    """Move gas until each atmosphere has one pressure; givers send their own composition.

    Examples
    --------
    >>> moles = np.array([[30.0, 10.0], [8.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    >>> even = equalise(moles, np.array([1.0, 1.0]), np.array([0, 0]), np.ones((2, 1)))
    >>> even.sum(axis=0), even.sum(axis=1)
    (array([24., 24.]), array([40.,  8.,  0.,  0.]))
    """
    total = amounts.sum(axis=0)
    wanted = volume_per_kelvin * ((total @ groups) / (volume_per_kelvin @ groups))[member]
    need = np.maximum(wanted - total, 0.0)
    asked = need @ groups
    # A section alone may want less than it has by a rounding error; nobody would take that.
    share = np.where(asked > 0.0, 1.0 / np.maximum(asked, 1e-300), 0.0)[member] * need
    kept = amounts * np.where(asked[member] > 0.0, np.minimum(wanted / total, 1.0), 1.0)
    evened: Floats = kept + ((amounts - kept) @ groups)[:, member] * share
    return evened
