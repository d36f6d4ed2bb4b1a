"""Turns the newest readings of an atmosphere into its pressure and its mass balances."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import hypot, sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.air_reading import AirReading
from service.core.codes import Codes
from service.core.gases import (
    NOISE_PA,
    TYPICAL_CO2_PA,
    TYPICAL_CO2_SD_PA,
    TYPICAL_VAPOUR_PA,
    TYPICAL_VAPOUR_SD_PA,
    UNMEASURED_SD_K,
    CarriedGases,
    Term,
    reading_sd_pa,
    temperature_sd_k,
    unseen_share,
)
from service.core.link import BREAK_S, Link
from service.core.motions import Poll
from service.core.physics import R_AIR, REFERENCE_TEMPERATURE_K, saturation_pressure_pa
from service.core.smoothing import Smoothing
from service.core.station import ChannelKind, Group, Station
from service.core.thermometers import Thermometers
from service.core.votes import Votes

# What a cabin changes within hours; pressures tell of leaks, and oxygen is weighed with its noise.
SLOW: Final = (
    ChannelKind.TEMPERATURE,
    ChannelKind.HUMIDITY,
    ChannelKind.DEW_POINT,
    ChannelKind.PPCO2,
)
NITROGEN_SHARE: Final = 0.765  # of the pressure, 566 of 740 mmHg; ISS status of 11 January 2004
LONG_BREAK_S: Final = 1800.0  # of the link; in a shorter one temperatures hardly move
RESTART_S: Final = 180.0  # after that, in which thermometers are waited for


@dataclass(frozen=True, slots=True, kw_only=True)
class _Now:
    """What is asked: which air, when, and what came in since the step before."""

    sections: Group
    time_s: float
    step_s: float
    is_new: NDArray[np.bool_]


class Readings:
    """The newest believed reading of every channel, and what those of one air say together.

    Offsets between sensors are followed and gases that are not measured for a while are carried
    on, so that a sensor that falls silent or comes back does not fake a step.
    """

    def __init__(self, station: Station, stale_s: float) -> None:
        self._stale_s = stale_s
        count = len(station.channels)
        self.value = np.full(count, np.nan)
        self.time_s = np.full(count, -np.inf)
        self.votes = Votes(station)
        self._gases = CarriedGases()
        self._smoothing = Smoothing(count)
        self._thermometers = Thermometers(count)
        declared = np.array([np.nan if c.noise is None else c.noise for c in station.channels])
        self._link = Link()
        self._codes = Codes(declared, self._link)
        # Since when a pressure that was told waits for thermometers after a break of the link.
        self._waiting: dict[Group, float] = {}
        self._noise = np.where(np.isnan(declared), NOISE_PA, declared)
        self._kinds = np.array([c.kind.value for c in station.channels], dtype=object)
        self._is_slow = np.isin(self._kinds, [kind.value for kind in SLOW])
        self._is_gauge = self._kinds == ChannelKind.PRESSURE.value
        names = [s.name for s in station.volumes]
        self._section = np.array([names.index(c.section) for c in station.channels], np.intp)
        self._volume_m3 = np.array([s.volume_m3 for s in station.sections])
        self._all: dict[Group, NDArray[np.intp]] = {}
        self._members: dict[tuple[Group, ChannelKind], NDArray[np.intp]] = {}

    def channels(self, sections: Group, kind: ChannelKind) -> NDArray[np.intp]:
        """Return the channels of one kind in an atmosphere."""
        key = (sections, kind)
        if key not in self._members:
            inside = np.isin(self._section, sections) & (self._kinds == kind.value)
            self._members[key] = np.flatnonzero(inside)
        return self._members[key]

    def gauges(self, sections: Group) -> NDArray[np.intp]:
        """Return the pressure channels of an atmosphere."""
        return self.channels(sections, ChannelKind.PRESSURE)

    def of(self, sections: Group) -> NDArray[np.intp]:
        """Return the channels of an atmosphere that speak by themselves: all but states.

        A valve says something when it moves, which may be once in a year.
        """
        if sections not in self._all:
            speaks = self._kinds != ChannelKind.STATE.value
            self._all[sections] = np.flatnonzero(np.isin(self._section, sections) & speaks)
        return self._all[sections]

    def alive(self, channels: NDArray[np.intp], time_s: float) -> NDArray[np.intp]:
        """Return those of the channels that are not stale."""
        return channels[self.time_s[channels] >= time_s - self._stale_s]

    def take(
        self,
        channels: NDArray[np.intp],
        times_s: NDArray[np.float64],
        values: NDArray[np.float64],
        last: NDArray[np.float64],
        counts: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Keep the readings that are newer than what is known; return which those were.

        Each is the mean of so many, the newest of which is the last.
        """
        newer = times_s > self.time_s[channels]
        chosen = channels[newer]
        self.value[chosen] = values[newer]
        self.time_s[chosen] = times_s[newer]
        slow = newer & self._is_slow[channels]
        self._smoothing.follow(channels[slow], times_s[slow], values[slow])
        self._link.listen(times_s)
        told = newer & self._is_gauge[channels]
        self._codes.follow(channels[told], times_s[told], values[told], last[told], counts[told])
        return newer

    def heard_s(self, sections: Group, is_new: NDArray[np.bool_]) -> float | None:
        """Return when the pressure of an atmosphere was told of in this step, None = it was not.

        A gauge that tells changes only stands where it was while others are heard, until it is stale:
        it may have failed.
        """
        gauges = self.gauges(sections)
        told_s = self.spoke_s(gauges, is_new)
        if told_s is not None:
            return told_s
        others_s = self.spoke_s(self.of(sections), is_new)
        if others_s is None or sections in self._waiting:
            return others_s
        return others_s if self._codes.stands(self.alive(gauges, others_s)).any() else None

    def spoke_s(self, channels: NDArray[np.intp], is_new: NDArray[np.bool_]) -> float | None:
        """Return the mean time of those channels that spoke in this step, None = none did."""
        speaking = channels[is_new[channels]]
        return float(self.time_s[speaking].mean()) if len(speaking) else None

    def read(
        self,
        sections: Group,
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
        now = _Now(sections=sections, time_s=time_s, step_s=step_s, is_new=is_new)
        where = np.array(sections, np.intp)
        volumes = self._volume_m3[where] + added_m3[where]
        volume = float(volumes.sum())
        gauges = self.alive(self.gauges(sections), time_s)
        repeating = gauges[~is_new[gauges] & self._codes.stands(gauges)]
        self._codes.hold(repeating, time_s)
        pressure, agreeing = self._agreed(ChannelKind.PRESSURE, now)
        pressure, rounding_pa = self._rounded(pressure, gauges, is_new)
        temperatures, measured = self._section_temperatures(sections, where, time_s)
        per_kelvin = None if temperatures is None else float((volumes / temperatures).sum())
        mean_k = None if per_kelvin is None else volume / per_kelvin
        thermal = temperature_sd_k(volumes, measured) / (mean_k or REFERENCE_TEMPERATURE_K)
        bare_weight = volume / REFERENCE_TEMPERATURE_K / R_AIR
        weight = bare_weight if per_kelvin is None else per_kelvin / R_AIR
        vapour, co2 = self._vapour(now, mean_k), self._co2(now)
        air = _mass(pressure, weight, thermal)
        dry = _mass(_dried(pressure, vapour, co2), weight, thermal)
        bare = _mass(pressure, bare_weight, UNMEASURED_SD_K / REFERENCE_TEMPERATURE_K)
        found, nitrogen_new = self._nitrogen(now, pressure, vapour, co2)
        nitrogen = _mass(found, weight, thermal)
        return AirReading(
            time_s=time_s,
            volume_m3=volume,
            pressure_pa=None if pressure is None else pressure.value_pa,
            temperature_k=mean_k,
            air_mass_kg=air[0],
            air_mass_sd_kg=air[1],
            total_kg=dry[0],
            total_sd_kg=dry[1],
            is_dry=pressure is not None and (vapour.is_measured or co2.is_measured),
            bare_kg=bare[0],
            bare_sd_kg=bare[1],
            nitrogen_kg=nitrogen[0],
            nitrogen_sd_kg=nitrogen[1],
            agreeing=agreeing,
            pressure_is_new=self._is_told(gauges, now),
            nitrogen_is_new=nitrogen_new,
            rounding_pa=rounding_pa,
            sees_co2=co2.is_measured,
            unseen=unseen_share(volumes, measured),
        )

    def difference(
        self, one: Group, other: Group, time_s: float, *, corrected: bool
    ) -> float | None:
        """Return how far the gauges of two sides differ, Pa; `corrected`, less their offsets."""
        levels = []
        for side in (one, other):
            alive = self.alive(self.gauges(side), time_s)
            if not len(alive):
                return None
            offset = self.votes.offsets(alive) if corrected else 0.0
            levels.append(float(np.median(self.value[alive] - offset)))
        return abs(levels[0] - levels[1])

    def regroup(self, groups: tuple[Group, ...], at_s: float) -> None:
        """Forget what was carried on for air that is not shared any more."""
        self._gases.keep(groups)
        self._waiting.clear()
        self.votes.wait(at_s)

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
            "smoothing": self._smoothing.snapshot(),
            "thermometers": self._thermometers.snapshot(),
            "link": self._link.snapshot(),
            "waiting": dict(self._waiting),
            "codes": self._codes.snapshot(),
            "votes": self.votes.snapshot(),
            "gases": self._gases.snapshot(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self.value = state["value"].copy()
        self.time_s = state["time_s"].copy()
        self._smoothing.restore(state["smoothing"])
        self._thermometers.restore(state["thermometers"])
        self._link.restore(state["link"])
        self._waiting = dict(state["waiting"])
        self._codes.restore(state["codes"])
        self.votes.restore(state["votes"])
        self._gases.restore(state["gases"])

    def _is_told(self, gauges: NDArray[np.intp], now: _Now) -> bool:
        """Return whether there is a new pressure that temperatures of now go with.

        After a long break of the link the one comes before the others that were heard until then.
        """
        link = self._link
        is_new = bool(self._codes.tells(gauges, now.is_new[gauges]).any())
        is_told = is_new or now.sections in self._waiting
        told_s = self.time_s[self.channels(now.sections, ChannelKind.TEMPERATURE)]
        is_missed = (told_s >= link.before_s - BREAK_S) & (told_s < link.unbroken_s)
        is_long = LONG_BREAK_S < link.unbroken_s - link.before_s < np.inf
        since_s = self._waiting.pop(now.sections, now.time_s)
        is_early = link.unbroken_s <= since_s and now.time_s < since_s + RESTART_S
        if is_told and is_long and is_missed.any() and is_early:
            self._waiting[now.sections] = since_s
            return False
        return is_told

    def _rounded(
        self, pressure: Term | None, gauges: NDArray[np.intp], is_new: NDArray[np.bool_]
    ) -> tuple[Term | None, tuple[float, float]]:
        """Return the pressure within what all gauges round to what they say, and the room left."""
        gauges = gauges[~self.votes.is_doubted(gauges)]
        offsets = self.votes.offsets(gauges)
        edges = self._codes.edges(gauges, offsets, is_new[gauges])
        if pressure is None or edges is None:
            return pressure, (0.0, 0.0)
        low_pa, high_pa = edges
        value_pa = min(max(pressure.value_pa, low_pa), high_pa)
        spread_pa = (high_pa - low_pa) / sqrt(12.0)  # anywhere between is as likely
        sd_pa = hypot(pressure.sd_pa, spread_pa)
        within = replace(pressure, value_pa=value_pa, sd_pa=sd_pa)
        return within, (value_pa - low_pa, high_pa - value_pa)

    def _steady(self, channels: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the newest readings, smooth where they change slowly or in wide codes."""
        value = self.value[channels]
        value = np.where(self._is_slow[channels], self._smoothing.level[channels], value)
        return np.where(self._codes.is_coarse(channels), self._codes.level[channels], value)

    def _plain_mean(self, channels: NDArray[np.intp], time_s: float) -> float | None:
        alive = self.alive(channels, time_s)
        return float(self.value[alive].mean()) if len(alive) else None

    def _agreed(self, kind: ChannelKind, now: _Now) -> tuple[Term | None, int]:
        """Return what sensors of one gas say together, and how many stand for it."""
        channels = self.channels(now.sections, kind)
        alive = self.alive(channels, now.time_s)
        return self._together(
            alive, self._steady(alive), now, has_others=len(channels) > 1, may_doubt=True
        )

    def _together(
        self,
        alive: NDArray[np.intp],
        values: NDArray[np.float64],
        now: _Now,
        *,
        has_others: bool,
        may_doubt: bool,
    ) -> tuple[Term | None, int]:
        if not len(alive):
            return None, 0
        poll = Poll(
            sensors=alive,
            level=values,
            level_var=self._codes.variances(alive, now.time_s),
            reading=self.value[alive],
            time_s=self.time_s[alive],
            is_new=now.is_new[alive],
        )
        said = self.votes.agree(
            poll, now.time_s, now.step_s, has_others=has_others, may_doubt=may_doubt
        )
        sd_pa = reading_sd_pa(self._noise[alive], said.sd_pa, said.offset_sd_pa, said.agreeing)
        return Term(value_pa=said.value_pa, sd_pa=sd_pa, is_measured=True), said.agreeing

    def _section_temperatures(
        self, sections: Group, where: NDArray[np.intp], time_s: float
    ) -> tuple[NDArray[np.float64] | None, NDArray[np.bool_]]:
        """Return a temperature for every section, and where one is measured now."""
        thermometers = self.channels(sections, ChannelKind.TEMPERATURE)
        is_heard = self.time_s[thermometers] >= time_s - self._stale_s
        if not is_heard.any():
            return None, np.zeros(len(where), np.bool_)
        levels = self._thermometers.carried(thermometers, is_heard, self._steady(thermometers))
        place = np.searchsorted(where, self._section[thermometers])
        is_known = np.isfinite(levels)
        count = np.bincount(place[is_known], minlength=len(where))
        total = np.bincount(place[is_known], weights=levels[is_known], minlength=len(where))
        mean = total / np.maximum(count, 1)
        is_measured = np.bincount(place[is_heard], minlength=len(where)) > 0
        return np.where(count > 0, mean, mean[count > 0].mean()), is_measured

    def _nitrogen(
        self, now: _Now, pressure: Term | None, vapour: Term, co2: Term
    ) -> tuple[Term | None, bool]:
        """Return nitrogen pressure over its share of the air, and whether it is new."""
        if pressure is None:
            return None, False
        kind = ChannelKind.PPO2
        oxygen, _ = self._agreed(kind, now)
        if oxygen is not None:
            value = pressure.value_pa - oxygen.value_pa - co2.value_pa - vapour.value_pa
            sd_pa = _joint_sd(pressure, oxygen, co2, vapour)
        else:
            kind = ChannelKind.PPN2
            nitrogen, _ = self._agreed(kind, now)
            if nitrogen is None:
                return None, False
            value, sd_pa = nitrogen.value_pa, nitrogen.sd_pa
        as_air = Term(
            value_pa=value / NITROGEN_SHARE, sd_pa=sd_pa / NITROGEN_SHARE, is_measured=True
        )
        return as_air, bool(now.is_new[self.channels(now.sections, kind)].any())

    def _co2(self, now: _Now) -> Term:
        said, _ = self._agreed(ChannelKind.PPCO2, now)
        read = None if said is None else said.value_pa
        place = (now.sections, "co2")
        return self._gases.term(place, read, TYPICAL_CO2_PA, TYPICAL_CO2_SD_PA)

    def _vapour(self, now: _Now, temperature_k: float | None) -> Term:
        """Return the vapour pressure; being local, it doubts no sensor."""
        dew = self.alive(self.channels(now.sections, ChannelKind.DEW_POINT), now.time_s)
        pressures = saturation_pressure_pa(self._steady(dew))
        if not len(dew):
            dew = self.alive(self.channels(now.sections, ChannelKind.HUMIDITY), now.time_s)
            local = [
                self.temperature_of(int(s), now.time_s) or temperature_k or REFERENCE_TEMPERATURE_K
                for s in self._section[dew]
            ]
            pressures = self._steady(dew) * saturation_pressure_pa(np.array(local))
        said, _ = self._together(dew, pressures, now, has_others=True, may_doubt=False)
        read = None if said is None else said.value_pa
        place = (now.sections, "vapour")
        return self._gases.term(place, read, TYPICAL_VAPOUR_PA, TYPICAL_VAPOUR_SD_PA)


def _dried(pressure: Term | None, vapour: Term, co2: Term) -> Term | None:
    """Return the pressure with vapour and CO2 as usual, as far as they are known."""
    if pressure is None:
        return None
    excess = vapour.value_pa + co2.value_pa - TYPICAL_VAPOUR_PA - TYPICAL_CO2_PA
    measured = [term for term in (vapour, co2) if term.is_measured]
    return Term(
        value_pa=pressure.value_pa - excess,
        sd_pa=_joint_sd(pressure, *measured),
        is_measured=True,
    )


def _joint_sd(*terms: Term) -> float:
    return sqrt(sum(term.sd_pa**2 for term in terms))


def _mass(
    pressure: Term | None, weight: float, thermal: float
) -> tuple[float, float] | tuple[None, None]:
    """Return mass and standard error, kg; `thermal` is the relative error of the temperature."""
    if pressure is None:
        return None, None
    mass = pressure.value_pa * weight
    return mass, hypot(pressure.sd_pa * weight, mass * thermal)
