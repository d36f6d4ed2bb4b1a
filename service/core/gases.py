"""What is known of the partial pressures and temperatures behind a mass of air, and how well."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import hypot, sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.station import Group
from service.core.units import PA_PER_MMHG

Place = tuple[Group, str]  # sections that share air, and which gas

TYPICAL_CO2_PA: Final = 3.0 * PA_PER_MMHG  # 2 to 4 mmHg; NTRS 20100039645
TYPICAL_CO2_SD_PA: Final = 0.6 * PA_PER_MMHG  # that range, taken as even
TYPICAL_VAPOUR_PA: Final = 10.0 * PA_PER_MMHG  # dew point 4.4 to 15.6 degC, SSP 41000
TYPICAL_VAPOUR_SD_PA: Final = 2.0 * PA_PER_MMHG  # that range is 6 to 13 mmHg, taken as even
LOCAL_SD_PA: Final = 0.5 * PA_PER_MMHG  # estimate: one place stands for a station that mixes slowly
NOISE_PA: Final = 0.1 * PA_PER_MMHG  # Columbus-like gauge, where a config gives no noise
OFFSET_SD_PA: Final = 1.0 * PA_PER_MMHG  # of a lone gauge; modules differ by 0.5 to 3 mmHg
THERMOMETER_SD_K: Final = 0.3  # estimate, of one place for its section
ELSEWHERE_SD_K: Final = 1.0  # of a section without a thermometer; typical 22 to 24 degC
UNMEASURED_SD_K: Final = 2.6  # 18 to 27 degC by specification, taken as even


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One partial pressure of a balance and its standard error, Pa."""

    value_pa: float
    sd_pa: float
    is_measured: bool


class CarriedGases:
    """Keeps the terms of a balance from jumping when the sensor behind them comes or goes.

    What a sensor said last is carried on while it is silent. When it speaks again, or for the
    first time after a usual value was taken, its readings count from there: the difference stays
    as an offset, and as an error of the term.
    """

    def __init__(self) -> None:
        self._terms: dict[Place, tuple[float, float, bool]] = {}  # taken, offset, heard now

    def term(
        self, place: Place, measured_pa: float | None, usual_pa: float, usual_sd_pa: float
    ) -> Term:
        """Return the term that a reading, or None for none, makes.

        Examples
        --------
        >>> gases = CarriedGases()
        >>> [gases.term(((0,), "co2"), read, 400.0, 80.0).value_pa for read in (None, 350.0, 340.0)]
        [400.0, 400.0, 390.0]
        """
        before = self._terms.get(place)
        if measured_pa is None:
            taken, offset, _ = before or (usual_pa, 0.0, False)
            self._terms[place] = (taken, offset, False)
            return Term(value_pa=taken, sd_pa=usual_sd_pa, is_measured=False)
        if before is None:
            offset = 0.0
        else:
            taken, offset, was_heard = before
            offset = offset if was_heard else taken - measured_pa
        self._terms[place] = (measured_pa + offset, offset, True)
        return Term(
            value_pa=measured_pa + offset,
            sd_pa=hypot(LOCAL_SD_PA, offset),
            is_measured=True,
        )

    def keep(self, groups: tuple[Group, ...]) -> None:
        """Forget the terms of sections that do not share their air any more."""
        live = set(groups)
        self._terms = {place: term for place, term in self._terms.items() if place[0] in live}

    def snapshot(self) -> dict[str, Any]:
        """Return all terms."""
        return {"terms": dict(self._terms)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self._terms = dict(state["terms"])


def reading_sd_pa(
    noise_pa: NDArray[np.float64], scatter_pa: float, offset_sd_pa: float | None, agreeing: int
) -> float:
    """Return the standard error of what sensors say together, Pa.

    Parameters
    ----------
    noise_pa : ndarray
        Noise that the config gives for the sensors, or `NOISE_PA`.
    scatter_pa : float
        How far their readings scatter now; sensors that part make it large.
    offset_sd_pa : float or None
        How far their offsets scatter, None for a single sensor.

    Examples
    --------
    >>> round(reading_sd_pa(np.full(4, 30.0), 0.0, 80.0, 4), 1)
    42.7
    """
    noise = float(noise_pa.sum()) / len(noise_pa)
    count = max(agreeing, 1)
    offset = OFFSET_SD_PA if offset_sd_pa is None else max(offset_sd_pa, noise)
    parted = scatter_pa if agreeing < 2 else 0.0
    return sqrt((max(noise, scatter_pa) ** 2 + offset**2) / count + parted**2)


def unseen_share(volumes_m3: NDArray[np.float64], has_thermometer: NDArray[np.bool_]) -> float:
    """Return the share of one section that wanders as much as all together that have no thermometer.

    Each goes its own way, so that their shares add by squares.

    Examples
    --------
    >>> volumes = np.array([40.0, 30.0, 30.0])
    >>> round(unseen_share(volumes, np.array([True, False, False])), 3)
    0.424
    """
    unseen = volumes_m3[~has_thermometer] / volumes_m3.sum()
    return sqrt(float(unseen @ unseen))


def temperature_sd_k(volumes_m3: NDArray[np.float64], has_thermometer: NDArray[np.bool_]) -> float:
    """Return the standard error of the one temperature at which the air would weigh the same, K.

    Examples
    --------
    >>> volumes = np.array([90.0, 10.0])
    >>> round(temperature_sd_k(volumes, np.array([True, False])), 3)
    0.288
    >>> temperature_sd_k(volumes, np.array([False, False]))
    2.6
    """
    if not has_thermometer.any():
        return UNMEASURED_SD_K
    share = volumes_m3 / volumes_m3.sum()
    each = np.where(has_thermometer, THERMOMETER_SD_K, ELSEWHERE_SD_K)
    spread = share * each
    return sqrt(float(spread @ spread))
