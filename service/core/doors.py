"""Knows what each hatch parts and how well the air of each group of sections can be weighed."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.account import STEP_S
from service.core.air import Readings
from service.core.estimators import OXYGEN_SHARE
from service.core.gases import unseen_share
from service.core.physics import R_AIR, REFERENCE_TEMPERATURE_K
from service.core.priors import prior_noise
from service.core.station import VACUUM, ChannelKind, Group, HatchState, Station, atmospheres
from service.core.suggestions import Door, Wander
from service.core.units import PA_PER_MMHG
from service.core.views import Balance

USUAL_PA: Final = 740.0 * PA_PER_MMHG  # middle of the band of everyday pressures of the ISS
# How far the mean temperature of a closed section wanders off its thermometer: the pressure of the
# ISS wanders by 0.086 mmHg in 5 h (Astro Pi, 2022), which is 0.13 K in each of 15 modules on its own.
MEASURED_SD_K: Final = 0.13
UNMEASURED_SD_K: Final = 1.0  # in hours, by a dry-out or by work; Astro Pi worksheet, Columbus


class DoorPlan:
    """The sections, hatches and instruments of a station; holds no state of its own."""

    def __init__(self, station: Station, readings: Readings) -> None:
        self._station = station
        self.first_groups = station.of_air(
            atmospheres(station, {h.name: h.state for h in station.hatches})
        )
        self._readings = readings
        self._index = {section.name: i for i, section in enumerate(station.sections)}
        self._volume_m3 = np.array([section.volume_m3 for section in station.sections])

    def volume_m3(self, group: Group) -> float:
        """Return the volume of a group."""
        return float(self._volume_m3[list(group)].sum())

    def share(self, group: Group) -> float:
        """Return its part of the volume of the station."""
        return float(self._volume_m3[list(group)].sum() / self._volume_m3.sum())

    def name(self, group: Group) -> str:
        """Return the name of a group: that of its largest section."""
        return self._station.sections[self._station.largest(group)].name

    def names(self, group: Group) -> tuple[str, ...]:
        """Return the names of its sections."""
        return tuple(self._station.sections[i].name for i in group)

    def thermal_kg(self, group: Group, at_s: float) -> float:
        """Return how wrong the mass of a group may be for want of thermometers, kg."""
        volume = self._volume_m3[list(group)]
        error_k = np.where(self._has_thermometer(group, at_s), MEASURED_SD_K, UNMEASURED_SD_K)
        spread = float(np.linalg.norm(volume * error_k))
        return USUAL_PA * spread / (R_AIR * REFERENCE_TEMPERATURE_K**2)

    def wander(self, group: Group, at_s: float, *, knows_oxygen: bool) -> Wander | None:
        """Return how the balance of a group would wander, None where nothing reads its pressure.

        People are taken to be there if it has half of the air of the station.
        """
        if not self._reads(group, ChannelKind.PRESSURE, at_s):
            return None
        is_warm = self._reads(group, ChannelKind.TEMPERATURE, at_s)
        sees_oxygen = is_warm and any(
            self._reads(group, kind, at_s) for kind in (ChannelKind.PPO2, ChannelKind.PPN2)
        )
        prior = prior_noise(
            Balance.TOTAL if is_warm else Balance.PRESSURE,
            is_home=self.share(group) >= 0.5,
            knows_oxygen=knows_oxygen,
            unseen=unseen_share(self._volume_m3[list(group)], self._has_thermometer(group, at_s)),
        )
        noise = prior.nitrogen(OXYGEN_SHARE) if sees_oxygen else prior.total()
        per_mmhg_kg = PA_PER_MMHG * self.volume_m3(group) / (R_AIR * REFERENCE_TEMPERATURE_K)
        noise = noise.scaled(per_mmhg_kg)
        return Wander(noise=noise, spacing_s=STEP_S, thermal_kg=self.thermal_kg(group, at_s))

    def doors(
        self,
        group: Group,
        hatches: Mapping[str, HatchState],
        at_s: float,
        *,
        knows_oxygen: bool,
    ) -> list[Door]:
        """Return the hatches inside an atmosphere that would part it if they were closed."""
        found = []
        for hatch in self._station.hatches:
            if VACUUM in hatch.between or hatches[hatch.name] is HatchState.CLOSED:
                continue
            if self._index[hatch.between[0]] not in group:
                continue
            parted = atmospheres(self._station, {**hatches, hatch.name: HatchState.CLOSED})
            sides = sorted((g for g in parted if set(g) < set(group)), key=self.volume_m3)
            if len(sides) != 2:
                continue
            one, other = (self.wander(side, at_s, knows_oxygen=knows_oxygen) for side in sides)
            found.append(Door(hatch=hatch.name, sides=(sides[0], sides[1]), wander=(one, other)))
        return found

    def neighbours(
        self, groups: Sequence[Group], hatches: Mapping[str, HatchState]
    ) -> list[tuple[int, int]]:
        """Return the pairs of atmospheres that a closed hatch parts, as places in `groups`."""
        place = {section: number for number, group in enumerate(groups) for section in group}
        ends = [
            (place[self._index[hatch.between[0]]], place[self._index[hatch.between[1]]])
            for hatch in self._station.hatches
            if VACUUM not in hatch.between and hatches[hatch.name] is HatchState.CLOSED
        ]
        return [(a, b) for a, b in ends if a != b]

    def _has_thermometer(self, group: Group, at_s: float) -> NDArray[np.bool_]:
        """Return which sections have a thermometer that has spoken lately."""
        return np.array([self._reads((i,), ChannelKind.TEMPERATURE, at_s) for i in group])

    def _reads(self, group: Group, kind: ChannelKind, at_s: float) -> bool:
        """Say whether a channel of a kind has spoken lately."""
        return bool(len(self._readings.alive(self._readings.channels(group, kind), at_s)))
