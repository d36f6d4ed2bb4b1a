"""The physics of a loop of liquid whose accumulator is pressed by gas: what it holds, and loses."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from simulators.gas import S_PER_DAY, ZERO_CELSIUS_K, Floats
from simulators.schema import Loop

LIQUID_DISCHARGE: Final = 0.61  # sharp-edged orifice; any text on fluid mechanics
DENSITY_AT_K: Final = ZERO_CELSIUS_K + 20.0


def hole_kg_per_day(loop: Loop, diameter_mm: float) -> float:
    """Give the flow of liquid through a round hole at the first pressure, Cd A sqrt(2 rho p).

    Examples
    --------
    >>> water = Loop(volume_m3=0.1, accumulator_m3=0.02, pressure_kpa=300)
    >>> round(hole_kg_per_day(water, 0.8) / 24)
    27
    """
    area_m2 = np.pi / 4 * (diameter_mm / 1000) ** 2
    speed = np.sqrt(2 * loop.density_kg_per_m3 * loop.pressure_kpa * 1000)
    return float(LIQUID_DISCHARGE * area_m2 * speed * S_PER_DAY)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopState:
    """A loop after each of n steps.

    Attributes
    ----------
    held_kg : ndarray
        Liquid in the accumulator, weighed at the density of 20 degC as its position tells it.
    pressure_pa : ndarray
        Of the gas, or of the vapour once the accumulator is empty.
    lost_kg : ndarray
        Liquid lost in each step.
    """

    held_kg: Floats
    pressure_pa: Floats
    lost_kg: Floats


class Coolant:
    """The liquid of one loop over time.

    Attributes
    ----------
    mass_kg : float
        All that is left in pipes and accumulator.
    """

    def __init__(self, loop: Loop, first_k: float) -> None:
        self._loop = loop
        self._first_k = first_k
        held_m3 = loop.fill * loop.accumulator_m3
        self.mass_kg = float((loop.volume_m3 + held_m3) * self._density(np.array([first_k]))[0])
        self._gas_m3 = loop.accumulator_m3 - held_m3

    def advance(self, temperature_k: Floats, leak_kg: Floats) -> LoopState:
        """Take steps in which the hole passes `leak_kg` each at the first pressure."""
        loop = self._loop
        density = self._density(temperature_k)
        left_kg = np.full(len(temperature_k), self.mass_kg)
        mass, first_pa = self.mass_kg, loop.pressure_kpa * 1000
        for k in np.flatnonzero(leak_kg).tolist():
            if not mass:
                break
            pressure_pa = self._pressure_pa(mass, density[k], temperature_k[k])
            mass -= min(leak_kg[k] * float(pressure_pa / first_pa) ** 0.5, mass)
            left_kg[k:] = mass
        lost_kg = -np.diff(left_kg, prepend=self.mass_kg)
        self.mass_kg = float(left_kg[-1])
        held_m3 = np.clip(left_kg / density - loop.volume_m3, 0.0, loop.accumulator_m3)
        return LoopState(
            held_kg=held_m3 * loop.density_kg_per_m3,
            pressure_pa=self._pressure_pa(left_kg, density, temperature_k),
            lost_kg=lost_kg,
        )

    def _density(self, temperature_k: Floats) -> Floats:
        expanded = self._loop.expansion_per_k * (temperature_k - DENSITY_AT_K)
        return self._loop.density_kg_per_m3 * (1.0 - expanded)

    def _pressure_pa(
        self, mass_kg: Floats | float, density: Floats, temperature_k: Floats
    ) -> Floats:
        """Give the pressure of the gas by its law; without liquid to press, that of a vapour.

        How a loop runs dry after its accumulator is empty is an estimate: with the square of
        what is left in the pipes.
        """
        loop = self._loop
        liquid_m3 = mass_kg / density
        free_m3 = loop.accumulator_m3 - np.maximum(liquid_m3 - loop.volume_m3, 0.0)
        free_m3 = np.maximum(free_m3, 0.001 * loop.accumulator_m3)
        gas_pa = loop.pressure_kpa * 1000 * self._gas_m3 / free_m3 * temperature_k / self._first_k
        pressed: Floats = gas_pa * np.minimum(liquid_m3 / loop.volume_m3, 1.0) ** 2
        return pressed
