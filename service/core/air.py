"""Turns the newest readings of an atmosphere into its pressure and its mass balances."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.physics import R_AIR, REFERENCE_TEMPERATURE_K, saturation_pressure_pa
from service.core.station import ChannelKind, Station
from service.core.units import PA_PER_MMHG

OFFSET_MEMORY_S: Final = 86400.0  # sensors drift apart by 0.1 mmHg in a week; a day follows that
DISAGREEMENT_PA: Final = 0.5 * PA_PER_MMHG  # beyond noise (0.1), a code (0.4) and a day's drift
TYPICAL_CO2_PA: Final = 3.0 * PA_PER_MMHG  # 2 to 4 mmHg; NTRS 20100039645
NITROGEN_SHARE: Final = (
    0.765  # nitrogen over total pressure, 566 of 740 mmHg; ISS status of 11 January 2004
)
TYPICAL_VAPOUR_PA: Final = 10.0 * PA_PER_MMHG  # dew point 4.4 to 15.6 degC, SSP 41000


@dataclass(frozen=True, slots=True, kw_only=True)
class AirReading:
    """One atmosphere at one moment; None = unknown.

    Attributes
    ----------
    temperature_k : float or None
        The one temperature at which the air would weigh the same.
    total_kg : float or None
        Air mass from pressure, volumes and temperatures; these at 22 degC where not measured.
    bare_kg : float or None
        Air mass from pressure and volumes alone.
    nitrogen_kg : float or None
        Nitrogen, as the mass of air that holds so much of it now.
    pressure_is_new, nitrogen_is_new : bool
        Whether a reading behind it came in this step.
    """

    time_s: float
    volume_m3: float
    pressure_pa: float | None
    temperature_k: float | None
    total_kg: float | None
    bare_kg: float | None
    nitrogen_kg: float | None
    pressure_is_new: bool
    nitrogen_is_new: bool


class Readings:
    """The newest believed reading of every channel, and how far sensors of one gas are apart.

    Sensors of one atmosphere and kind differ by offsets that wander slowly. The offsets are
    followed, so that a sensor that falls silent or comes back does not fake a step; a sensor
    further from the median of the others than that is left out.
    """

    def __init__(self, station: Station, stale_s: float) -> None:
        self._stale_s = stale_s
        count = len(station.channels)
        self.value = np.full(count, np.nan)
        self.time_s = np.full(count, -np.inf)
        self.offset = np.full(count, np.nan)
        self._kinds = np.array([c.kind.value for c in station.channels], dtype=object)
        names = [s.name for s in station.sections]
        self._section = np.array([names.index(c.section) for c in station.channels], np.intp)
        self._volume_m3 = np.array([s.volume_m3 for s in station.sections])
        self._all: dict[tuple[int, ...], NDArray[np.intp]] = {}
        self._members: dict[tuple[tuple[int, ...], ChannelKind], NDArray[np.intp]] = {}

    def channels(self, sections: tuple[int, ...], kind: ChannelKind) -> NDArray[np.intp]:
        """Return the channels of one kind in an atmosphere."""
        key = (sections, kind)
        if key not in self._members:
            inside = np.isin(self._section, sections) & (self._kinds == kind.value)
            self._members[key] = np.flatnonzero(inside)
        return self._members[key]

    def gauges(self, sections: tuple[int, ...]) -> NDArray[np.intp]:
        """Return the pressure channels of an atmosphere."""
        return self.channels(sections, ChannelKind.PRESSURE)

    def of(self, sections: tuple[int, ...]) -> NDArray[np.intp]:
        """Return all channels of an atmosphere."""
        if sections not in self._all:
            self._all[sections] = np.flatnonzero(np.isin(self._section, sections))
        return self._all[sections]

    def alive(self, channels: NDArray[np.intp], time_s: float) -> NDArray[np.intp]:
        """Return those of the channels that are not stale."""
        return channels[self.time_s[channels] >= time_s - self._stale_s]

    def take(
        self,
        channels: NDArray[np.intp],
        times_s: NDArray[np.float64],
        values: NDArray[np.float64],
    ) -> NDArray[np.bool_]:
        """Keep the readings that are newer than what is known; return which those were."""
        newer = times_s > self.time_s[channels]
        chosen = channels[newer]
        self.value[chosen] = values[newer]
        self.time_s[chosen] = times_s[newer]
        return newer

    def read(
        self,
        sections: tuple[int, ...],
        time_s: float,
        step_s: float,
        is_new: NDArray[np.bool_],
        added_m3: NDArray[np.float64],
    ) -> AirReading:
        """Return the air of one atmosphere at a time, from what is not stale.

        Parameters
        ----------
        is_new : ndarray of bool, shape (channels,)
            Which channels spoke in this step.
        step_s : float
            Time since the step before, s; how far offsets may follow.
        added_m3 : ndarray, shape (sections,)
            Volume that docked vehicles add to each section.
        """
        where = np.array(sections, np.intp)
        volumes = self._volume_m3[where] + added_m3[where]
        volume = float(volumes.sum())
        gauges = self.channels(sections, ChannelKind.PRESSURE)
        pressure = self._agreed(gauges, time_s, step_s)
        temperatures = self._section_temperatures(sections, where, time_s)
        per_kelvin = float((volumes / temperatures).sum()) if temperatures is not None else None
        mean_k = volume / per_kelvin if per_kelvin is not None else None
        nitrogen, nitrogen_new = self._nitrogen(sections, time_s, step_s, pressure, mean_k, is_new)
        bare_weight = volume / REFERENCE_TEMPERATURE_K / R_AIR
        weight = bare_weight if per_kelvin is None else per_kelvin / R_AIR
        return AirReading(
            time_s=time_s,
            volume_m3=volume,
            pressure_pa=pressure,
            temperature_k=mean_k,
            total_kg=None if pressure is None else pressure * weight,
            bare_kg=None if pressure is None else pressure * bare_weight,
            nitrogen_kg=None if nitrogen is None else nitrogen * weight,
            pressure_is_new=bool(is_new[gauges].any()),
            nitrogen_is_new=nitrogen_new,
        )

    def pressure_of(self, section: int, time_s: float) -> float | None:
        """Return the mean of a section's own gauges, Pa."""
        return self._plain_mean(self.channels((section,), ChannelKind.PRESSURE), time_s)

    def temperature_of(self, section: int, time_s: float) -> float | None:
        """Return the mean of a section's own thermometers, K."""
        return self._plain_mean(self.channels((section,), ChannelKind.TEMPERATURE), time_s)

    def snapshot(self) -> dict[str, Any]:
        """Return the readings and offsets."""
        return {
            "value": self.value.copy(),
            "time_s": self.time_s.copy(),
            "offset": self.offset.copy(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self.value = state["value"].copy()
        self.time_s = state["time_s"].copy()
        self.offset = state["offset"].copy()

    def _plain_mean(self, channels: NDArray[np.intp], time_s: float) -> float | None:
        alive = self.alive(channels, time_s)
        return float(self.value[alive].mean()) if len(alive) else None

    def _agreed(self, channels: NDArray[np.intp], time_s: float, step_s: float) -> float | None:
        """Return what sensors of one quantity say together, and let their offsets follow."""
        alive = self.alive(channels, time_s)
        if not len(alive):
            return None
        if len(alive) == 1 and len(channels) == 1:
            return float(self.value[alive[0]])
        known = np.isfinite(self.offset[alive])
        if not known.any():
            self.offset[alive] = self.value[alive] - np.median(self.value[alive])
            return float(np.median(self.value[alive]))
        corrected = self.value[alive] - self.offset[alive]
        middle = float(np.median(corrected[known]))
        used = known & (np.abs(corrected - middle) <= DISAGREEMENT_PA)
        agreed = float(corrected[used].mean()) if used.any() else middle
        follow = min(step_s / OFFSET_MEMORY_S, 1.0)
        moved = self.offset[alive]
        moved = np.where(used, moved + follow * (corrected - agreed), moved)
        self.offset[alive] = np.where(known, moved, self.value[alive] - agreed)
        return agreed

    def _section_temperatures(
        self, sections: tuple[int, ...], where: NDArray[np.intp], time_s: float
    ) -> NDArray[np.float64] | None:
        """Return a temperature for every section; where none is measured, the mean of the rest."""
        alive = self.alive(self.channels(sections, ChannelKind.TEMPERATURE), time_s)
        if not len(alive):
            return None
        place = np.searchsorted(where, self._section[alive])
        count = np.bincount(place, minlength=len(where))
        total = np.bincount(place, weights=self.value[alive], minlength=len(where))
        mean = total / np.maximum(count, 1)
        return np.where(count > 0, mean, mean[count > 0].mean())

    def _nitrogen(
        self,
        sections: tuple[int, ...],
        time_s: float,
        step_s: float,
        pressure_pa: float | None,
        temperature_k: float | None,
        is_new: NDArray[np.bool_],
    ) -> tuple[float | None, bool]:
        """Return nitrogen pressure over its share of the air, Pa, and whether it is new."""
        oxygen_channels = self.channels(sections, ChannelKind.PPO2)
        oxygen = self._agreed(oxygen_channels, time_s, step_s)
        direct_channels = self.channels(sections, ChannelKind.PPN2)
        if pressure_pa is None:
            return None, False
        if oxygen is not None:
            co2 = self._agreed(self.channels(sections, ChannelKind.PPCO2), time_s, step_s)
            vapour = self._vapour(sections, time_s, step_s, temperature_k)
            nitrogen = (
                pressure_pa
                - oxygen
                - (TYPICAL_CO2_PA if co2 is None else co2)
                - (TYPICAL_VAPOUR_PA if vapour is None else vapour)
            )
            return nitrogen / NITROGEN_SHARE, bool(is_new[oxygen_channels].any())
        nitrogen_read = self._agreed(direct_channels, time_s, step_s)
        if nitrogen_read is None:
            return None, False
        return nitrogen_read / NITROGEN_SHARE, bool(is_new[direct_channels].any())

    def _vapour(
        self,
        sections: tuple[int, ...],
        time_s: float,
        step_s: float,
        temperature_k: float | None,
    ) -> float | None:
        dew = self._agreed(self.channels(sections, ChannelKind.DEW_POINT), time_s, step_s)
        if dew is not None:
            return float(saturation_pressure_pa(dew))
        humidity = self.alive(self.channels(sections, ChannelKind.HUMIDITY), time_s)
        if not len(humidity):
            return None
        local = [
            self.temperature_of(int(s), time_s) or temperature_k or REFERENCE_TEMPERATURE_K
            for s in self._section[humidity]
        ]
        return float((self.value[humidity] * saturation_pressure_pa(np.array(local))).mean())
