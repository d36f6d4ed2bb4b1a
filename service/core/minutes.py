"""Enters readings minute by minute, and knows which sections share air and what was last read of it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from service.core.accounts import MIXES_KG
from service.core.air import Readings
from service.core.air_reading import AirReading
from service.core.alertbook import AlertBook
from service.core.closures import ClosureBook
from service.core.conditions import Conditions
from service.core.events import (
    AtmospheresChanged,
    CauseNamed,
    Event,
    FreeVolumeEstimated,
    SensorDoubted,
)
from service.core.figures import Figures, Situation
from service.core.growths import Growth
from service.core.hatches import LASTING_S, UnknownHatches
from service.core.laws import LawBook
from service.core.leaks import LeakBook
from service.core.loops import Loops
from service.core.station import Group, HatchState, Station, atmospheres
from service.core.ticks import SLOW_S, Bins
from service.core.volumes import FreeVolumes

CAUSES: Final = 20  # the newest that are shown


class Minutes:
    """The atmospheres, and what each minute of readings does to all that is kept of them.

    Parameters
    ----------
    situation : callable
        Returns what was last read, for a time; alerts that get worse or move are judged by it.
    """

    def __init__(
        self,
        *,
        station: Station,
        readings: Readings,
        loops: Loops,
        conditions: Conditions,
        hatches: UnknownHatches,
        volumes: FreeVolumes,
        laws: LawBook,
        leaks: LeakBook,
        closures: ClosureBook,
        figures: Figures,
        alerts: AlertBook,
        situation: Callable[[float], Situation],
    ) -> None:
        self._station = station
        self._readings = readings
        self._loops = loops
        self._conditions = conditions
        self._hatches = hatches
        self._volumes = volumes
        self._laws = laws
        self._leaks = leaks
        self._closures = closures
        self._figures = figures
        self._alerts = alerts
        self._situation = situation
        self.groups = atmospheres(station, conditions.hatches)
        self.air: dict[Group, AirReading] = {}
        self.causes: list[CauseNamed] = []

    def enter(self, slow: Bins, number: int) -> list[Event]:
        """Enter the readings of one slow tick, minute by minute of their event time."""
        events: list[Event] = []
        self._disturb(number * SLOW_S)
        for inside in slow.steps(slow.rows(number, number)):
            newer = self._readings.take(
                slow.channel[inside],
                slow.time_s[inside],
                slow.value[inside],
                slow.last[inside],
                slow.count[inside],
            )
            channels, times = slow.channel[inside][newer], slow.time_s[inside][newer]
            if not len(channels):
                continue
            is_new = np.zeros(len(self._station.channels), np.bool_)
            is_new[channels] = True
            for group in self.groups:
                is_loop = self._station.loop_of(group) is not None
                time_s = (self._loops if is_loop else self._readings).heard_s(group, is_new)
                if time_s is None:
                    continue
                if is_loop:
                    self.air[group] = self._loops.read(group, time_s, is_new)
                    continue
                previous = self.air.get(group)
                gap_s = SLOW_S if previous is None else time_s - previous.time_s
                self.air[group] = self._readings.read(
                    group, time_s, max(gap_s, 0.0), is_new, self._conditions.added_m3
                )
                self._volumes.take(group, self.air[group])
                self._laws.take(group, self.air[group])
                self._book_metabolism(group, gap_s)
            events += self._enter_balances(number * SLOW_S, times.max())
        return events + self._draw_conclusions(number * SLOW_S)

    def regroup(self, at_s: float, hatch: str, moved_s: float, reason: str) -> list[Event]:
        """Part and join what is kept where sections share air no longer or anew; return what changed.

        The hatch is said to have moved at `moved_s`, and that becomes known now.
        """
        groups = atmospheres(self._station, self.taken_hatches())
        if groups == self.groups:
            return []
        self._readings.regroup(groups, at_s)
        self._volumes.regroup(groups)
        self._laws.regroup(groups)
        shown = self._closures.regroup(groups, at_s, hatch)
        self._leaks.regroup(groups, moved_s)
        self._live_in(groups)
        self.air = {}
        names = tuple(self._figures.sections(group) for group in groups)
        joined = self._alerts.regroup(groups, self._situation(at_s), at_s)
        return [AtmospheresChanged(time_s=at_s, atmospheres=names, reason=reason), *shown, *joined]

    def touched(self, *places: int | None) -> list[Group]:
        """Return the atmospheres that gas at some places reaches, None = all; never a loop."""
        air = self._station.of_air(self.groups)
        return [group for group in air if None in places or set(places) & set(group)]

    def taken_hatches(self) -> dict[str, HatchState]:
        """Return what each hatch is taken for."""
        return self._hatches.taken(self._conditions.hatches)

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {"groups": self.groups, "air": dict(self.air), "causes": list(self.causes)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self._live_in(state["groups"])
        self.air = dict(state["air"])
        self.causes = list(state["causes"])

    def _live_in(self, groups: tuple[Group, ...]) -> None:
        self.groups = groups
        self._conditions.live_in(groups)
        self._leaks.home = self._conditions.home

    def _draw_conclusions(self, at_s: float) -> list[Event]:
        """Say whom the sensors doubt, what unknown hatches are, and how large the station is."""
        events: list[Event] = []
        for vote in self._readings.votes.drain(at_s):
            events.append(vote)
            if isinstance(vote, SensorDoubted) and not vote.is_named:
                self._widen(vote, at_s)
        states = self._conditions.hatches
        for hatch, reason in self._hatches.look(states, self._readings, at_s).items():
            events += self.regroup(at_s, hatch, at_s - LASTING_S, reason)
        for found in self._volumes.settle(at_s):
            events.append(
                FreeVolumeEstimated(
                    time_s=at_s,
                    atmosphere=self._figures.name(found.group),
                    mass_kg=found.mass_kg,
                    rise_pa=found.rise_pa,
                    measured_m3=found.measured_m3,
                    measured_sd_m3=found.measured_sd_m3,
                    free_volume_m3=found.free_volume_m3,
                    free_volume_sd_m3=found.free_volume_sd_m3,
                    is_believed=found.is_believed,
                )
            )
        return events

    def _widen(self, doubted: SensorDoubted, at_s: float) -> None:
        """Admit that the pressure may be off by as much as two gauges differ."""
        channel = self._station.channel_index()[doubted.channel]
        for group in self.groups:
            air = self.air.get(group)
            if channel in self._readings.gauges(group) and air is not None and air.air_mass_kg:
                share = abs(doubted.difference_pa) / (air.pressure_pa or np.inf)
                self._leaks.admit_gas([group], share * air.air_mass_kg, at_s)

    def _book_metabolism(self, group: Group, gap_s: float) -> None:
        gain = self._conditions.life_support.gain_kg_per_s
        self._leaks.knows_oxygen = gain is not None
        if gain is not None and self._conditions.home in group and gap_s > 0.0:
            self._leaks.book_inflow(group, gain * gap_s)

    def _disturb(self, at_s: float) -> None:
        for place, running in self._conditions.disturbed(at_s).items():
            self._leaks.admit_gas(
                self.touched(place), 5.0 if running else 0.0, at_s, mixing_sd_kg=MIXES_KG
            )

    def _enter_balances(self, at_s: float, newest_s: float) -> list[Event]:
        events: list[Event] = []
        fresh = {group: air for group, air in self.air.items() if air.time_s <= newest_s}
        for found in self._leaks.step(fresh):
            if isinstance(found, Growth):
                situation = self._situation(at_s)
                events += self._alerts.worsen(found.group, situation, at_s)
                continue
            self._laws.disturb([found.group])
            cause = self._figures.cause(found, at_s)
            self.causes = [*self.causes, cause][-CAUSES:]
            events.append(cause)
        return events
