"""Tells the temperature of every place at any time: orbit, crew day and slow wandering."""

from typing import Final

import numpy as np

from simulators.gas import ZERO_CELSIUS_K, Floats
from simulators.schema import Climate

ORBIT_S: Final = 92.7 * 60  # period of the line in the Astro Pi cabin pressure record of 2022
DAY_S: Final = 86400.0
WARMEST_S: Final = 15 * 3600.0  # middle of the crew's working day, UTC; an estimate
# Beta angle swings within about 60 days (NASA, Operating an Outpost in the New Frontier);
# payloads and attitudes change within days, which is an estimate.
SLOW_PERIODS_S: Final = np.array([60.0, 17.0, 7.3, 2.9]) * DAY_S


class Temperatures:
    """The sensed part of the temperatures, fixed by the seed and the time alone."""

    def __init__(self, places: list[Climate], rng: np.random.Generator) -> None:
        self._mean_k = np.array([s.temperature_degc + ZERO_CELSIUS_K for s in places])
        self._orbit_k = np.array([s.orbit_k for s in places])
        self._day_k = np.array([s.day_k for s in places])
        periods = SLOW_PERIODS_S * rng.uniform(0.9, 1.1, (len(places), len(SLOW_PERIODS_S)))
        self._slow_rad_per_s = 2 * np.pi / periods
        slow_k = np.array([s.slow_k for s in places])
        # Equal terms of random phase: their sum has the wanted root mean square.
        self._slow_k = slow_k * np.sqrt(2 / len(SLOW_PERIODS_S))
        self._slow_phase = rng.uniform(0, 2 * np.pi, periods.shape)
        self._orbit_phase = rng.uniform(0, 2 * np.pi, len(places))

    def at(self, times_s: Floats) -> Floats:
        """Give the temperatures, K, shape (times, places)."""
        orbit = np.sin(2 * np.pi / ORBIT_S * times_s[:, np.newaxis] + self._orbit_phase)
        day = np.cos(2 * np.pi / DAY_S * (times_s - WARMEST_S))[:, np.newaxis]
        slow = np.zeros_like(orbit)
        for i in range(self._slow_phase.shape[1]):
            slow += np.sin(
                times_s[:, np.newaxis] * self._slow_rad_per_s[:, i] + self._slow_phase[:, i]
            )
        warmed: Floats = (
            self._mean_k + self._orbit_k * orbit + self._day_k * day + self._slow_k * slow
        )
        return warmed
