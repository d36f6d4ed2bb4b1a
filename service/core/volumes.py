"""Learns how much free gas volume the sections really have, from gas of known mass that came in.

What is learned scales the figures that are shown and judged: masses and rates. The accounts go on
in the volume of the config, for which a change of scale is no news: no mass jumps and no growth is
seen where only the ruler changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from service.core.air_reading import AirReading
from service.core.conditions import MOVES_GAS
from service.core.physics import MOLAR_KG, REFERENCE_TEMPERATURE_K
from service.core.samples import Activity
from service.core.station import Group, Station
from service.core.units import PA_PER_MMHG, S_PER_DAY

GAS_CONSTANT: Final = 8.314462618  # J/(mol K), CODATA 2018
# The free part of a quoted volume is 0.90 to 0.92 of it in 2004, and nobody measured it since.
SPREAD_SHARE: Final = 0.10
COMMON_SHARE: Final = 0.5  # estimate: half of that variance is one factor for all sections
MASS_SD_SHARE: Final = 0.03  # estimate: gas metered by the fall of a tank's pressure
LEVEL_S: Final = 1800.0  # of readings that make the pressure before and after
SETTLE_S: Final = 1800.0  # temperature after gas was moved; Columbus repressurisations of 2016
LONGEST_S: Final = 12 * 3600.0  # a movement longer than this says nothing
CABIN_SD_PA: Final = 0.13 * PA_PER_MMHG  # Allan deviation of a real cabin at two hours, 2022
# Other gains and losses meanwhile: healthy days of 2016 show -4.0 to +0.9 mmHg/day in Columbus.
OTHER_PA_PER_S: Final = 2.0 * PA_PER_MMHG / S_PER_DAY
CLEAR: Final = 5.0  # standard errors a rise must have for the volume to be near Gaussian
# A valve is how the gas of a repressurisation comes in, and no other gas.
SPOILS: Final = (MOVES_GAS - {"repressurisation", "valve"}) | {"docking", "undocking"}
CONTRADICTION: Final = 4.0  # standard errors from what is believed: a wrong mass, rather


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one repressurisation says of the volume of an atmosphere; the rise is that at 22 degC."""

    group: Group
    mass_kg: float
    rise_pa: float
    measured_m3: float
    measured_sd_m3: float
    free_volume_m3: float
    free_volume_sd_m3: float
    is_believed: bool


@dataclass(slots=True, kw_only=True)
class _Filling:
    """Gas of a known mass that is coming in or has come in."""

    key: tuple[str | None, str | None]
    group: Group
    started_s: float
    before: float | None  # pressure over temperature, Pa/K
    moles: float | None
    mass_kg: float | None
    stopped_s: float | None = None
    is_spoilt: bool = False


class FreeVolumes:
    """The volume of each section as a joint normal distribution, conditioned on what was measured.

    The sum over an atmosphere is what a repressurisation measures; sections that took part share
    the correction by their uncertainty, and the others follow through the common part of it.
    """

    def __init__(self, station: Station) -> None:
        self._configured = np.array([section.volume_m3 for section in station.sections])
        self._index = {section.name: i for i, section in enumerate(station.sections)}
        spread = np.array(
            [
                SPREAD_SHARE * section.volume_m3
                if section.volume_sd_m3 is None
                else section.volume_sd_m3
                for section in station.sections
            ]
        )
        self._mean = self._configured.copy()
        own = np.diag(np.square(spread) * (1.0 - COMMON_SHARE))
        self._covariance = own + COMMON_SHARE * np.outer(spread, spread)
        self._sums: dict[Group, tuple[float, float, float]] = {}  # volume, its error, scale
        self._levels: dict[Group, list[tuple[float, float, float]]] = {}
        self._fillings: list[_Filling] = []

    def of(self, group: Group) -> tuple[float, float]:
        """Return free volume and its standard error, m3, without docked vehicles."""
        if group not in self._sums:
            inside = list(group)
            variance = float(self._covariance[np.ix_(inside, inside)].sum())
            self._sums[group] = (
                float(self._mean[inside].sum()),
                float(np.sqrt(max(variance, 0.0))),
                float(self._mean[inside].sum() / self._configured[inside].sum()),
            )
        return self._sums[group][:2]

    def scale(self, group: Group) -> float:
        """Return what is believed of the volume of an atmosphere over what the config says."""
        self.of(group)
        return self._sums[group][2]

    def take(self, group: Group, air: AirReading) -> None:
        """Remember the pressure of an atmosphere, over its temperature where that is measured."""
        if air.pressure_pa is None or air.temperature_k is None:
            return
        levels = self._levels.setdefault(group, [])
        docked_m3 = air.volume_m3 - float(self._configured[list(group)].sum())
        levels.append((air.time_s, air.pressure_pa / air.temperature_k, docked_m3))
        oldest_s = air.time_s - LONGEST_S - LEVEL_S
        if levels[0][0] < oldest_s - LEVEL_S:
            self._levels[group] = [level for level in levels if level[0] >= oldest_s]

    def hear(self, activity: Activity, groups: tuple[Group, ...]) -> None:
        """Take note of a message; any other gas that moves spoils what is being measured."""
        if activity.name != "repressurisation":
            if activity.name in SPOILS:
                self._spoil(activity)
            return
        key = (activity.section, activity.channel)
        going = next((f for f in self._fillings if f.key == key and f.stopped_s is None), None)
        if activity.state == "start":
            self._spoil(activity)
            self._start(activity, key, groups)
        elif activity.state == "stop" and going is not None:
            self._weigh(going, activity)
            going.stopped_s = activity.time_s
            if not going.started_s < activity.time_s <= going.started_s + LONGEST_S:
                going.is_spoilt = True

    def regroup(self, groups: tuple[Group, ...]) -> None:
        """Give up what is measured in air that is not shared any more."""
        live = set(groups)
        self._sums.clear()
        self._levels = {g: levels for g, levels in self._levels.items() if g in live}
        self._fillings = [filling for filling in self._fillings if filling.group in live]

    def settle(self, now_s: float) -> list[Measured]:
        """Return what the fillings that have settled by now say, and learn from it."""
        found = []
        for filling in list(self._fillings):
            over_s = filling.stopped_s
            if over_s is None:
                if now_s > filling.started_s + LONGEST_S:
                    self._fillings.remove(filling)
                continue
            if now_s < over_s + SETTLE_S + LEVEL_S:
                continue
            self._fillings.remove(filling)
            measured = None if filling.is_spoilt else self._measure(filling, over_s)
            if measured is not None:
                found.append(measured)
        return found

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {
            "mean": self._mean.copy(),
            "covariance": self._covariance.copy(),
            "levels": {group: list(levels) for group, levels in self._levels.items()},
            "fillings": [replace(filling) for filling in self._fillings],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self._sums.clear()
        self._mean = state["mean"].copy()
        self._covariance = state["covariance"].copy()
        self._levels = {group: list(levels) for group, levels in state["levels"].items()}
        self._fillings = [replace(filling) for filling in state["fillings"]]

    # -------------------------------------------------------------------- measuring

    def _start(
        self, activity: Activity, key: tuple[str | None, str | None], groups: tuple[Group, ...]
    ) -> None:
        place = self._index.get(activity.section) if activity.section is not None else None
        if place is None:
            place = int(np.argmax(self._configured))
        group = next(g for g in groups if place in g)
        filling = _Filling(
            key=key,
            group=group,
            started_s=activity.time_s,
            before=self._level(group, activity.time_s - LEVEL_S, activity.time_s),
            moles=None,
            mass_kg=None,
            is_spoilt=any(f.group == group for f in self._fillings),
        )
        self._weigh(filling, activity)
        self._fillings.append(filling)

    def _weigh(self, filling: _Filling, activity: Activity) -> None:
        molar = MOLAR_KG.get(activity.gas or "air")
        if activity.value is None or activity.unit not in {None, "kg"} or molar is None:
            return
        filling.mass_kg, filling.moles = activity.value, activity.value / molar

    def _spoil(self, activity: Activity) -> None:
        place = self._index.get(activity.section) if activity.section is not None else None
        for filling in self._fillings:
            if place is None or place in filling.group:
                over_s = filling.stopped_s
                after = over_s is not None and activity.time_s > over_s + SETTLE_S + LEVEL_S
                filling.is_spoilt = filling.is_spoilt or not after

    def _level(self, group: Group, from_s: float, to_s: float) -> float | None:
        known = self._levels.get(group, [])
        levels = [level for time_s, level, _ in known if from_s <= time_s <= to_s]
        return float(np.mean(levels)) if levels else None

    def _measure(self, filling: _Filling, over_s: float) -> Measured | None:
        """Return the volume by the gas law, and condition what is believed on it."""
        group, before = filling.group, filling.before
        after = self._level(group, over_s + SETTLE_S, over_s + SETTLE_S + LEVEL_S)
        if before is None or after is None or not filling.moles or filling.mass_kg is None:
            return None
        rise = after - before
        span_s = over_s - filling.started_s + SETTLE_S + LEVEL_S
        rise_sd = float(np.hypot(np.sqrt(2.0) * CABIN_SD_PA, OTHER_PA_PER_S * span_s))
        rise_sd /= REFERENCE_TEMPERATURE_K
        if rise <= CLEAR * rise_sd:
            return None
        whole = filling.moles * GAS_CONSTANT / rise
        volume = whole - self._levels[group][-1][2]
        volume_sd = whole * float(np.hypot(MASS_SD_SHARE, rise_sd / rise))
        believed, believed_sd = self.of(group)
        is_believed = abs(volume - believed) <= CONTRADICTION * float(
            np.hypot(volume_sd, believed_sd)
        )
        if is_believed:
            self._condition(group, volume, volume_sd)
        free, free_sd = self.of(group)
        return Measured(
            group=group,
            mass_kg=filling.mass_kg,
            rise_pa=rise * REFERENCE_TEMPERATURE_K,
            measured_m3=volume,
            measured_sd_m3=volume_sd,
            free_volume_m3=free,
            free_volume_sd_m3=free_sd,
            is_believed=is_believed,
        )

    def _condition(self, group: Group, volume_m3: float, sd_m3: float) -> None:
        self._sums.clear()
        inside = np.zeros(len(self._mean))
        inside[list(group)] = 1.0
        with_sum = self._covariance @ inside
        gain = with_sum / (float(inside @ with_sum) + sd_m3**2)
        self._mean = self._mean + gain * (volume_m3 - float(inside @ self._mean))
        self._covariance = self._covariance - np.outer(gain, with_sum)


def _copy(filling: _Filling) -> _Filling:
    return replace(filling)
