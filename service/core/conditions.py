"""What people and machines are known to be doing to the air: hatches, visitors, gas moved."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from service.core.life_support import AIR_PER_CO2, CO2_PER_CREW, CO2_STAYS_S, LifeSupport
from service.core.samples import ACTIVITY_NAMES, Activity
from service.core.station import Group, HatchState, Station, atmospheres
from service.core.units import S_PER_DAY

# What a person keeps in the air: 2.3 kg of water a day (NASA BVAD) that stay for some 3 h until machines
# have taken them out, and carbon dioxide, as the mass of air that is as much of it.
VAPOUR_PER_CREW: Final = 0.4  # kg
CO2_KEPT_PER_CREW: Final = AIR_PER_CO2 * CO2_PER_CREW * CO2_STAYS_S  # kg
# Of what has gathered, taken out while the air mixes, in 2 h; SAE 951631. A machine takes it out about
# as fast as it gathered, or twice; [estimate].
UNMIXED_CO2: Final = 0.3
GATHERS_S: Final = S_PER_DAY  # carbon dioxide is let gather for a day at most; [estimate]
AIR_DENSITY: Final = 1.19  # kg/m3 at 740 mmHg and 22 degC
LONGEST_MOVE_S: Final = 12 * 3600.0  # a start without a stop counts as over after this
SETTLE_S: Final = 1800.0  # temperature after gas was moved; Columbus repressurisations of 2016
MIXING_S: Final = 6 * 3600.0  # a local oxygen sensor lags so long behind added gas; Columbus 2015

MOVES_GAS: Final = frozenset(
    {
        "repressurisation",
        "airlock_depressurisation",
        "airlock_repressurisation",
        "vestibule_pressurisation",
        "vestibule_venting",
        "eva",
        "vent",
        "valve",
        "pump",
    }
)
PUMPED_IN: Final = "pumped_in"  # what a pump that empties an airlock moves in the cabin beside it
OUTSIDE: Final = ("eva", None)  # people are, through an airlock that is not named
NO_CAUSE: Final = frozenset({"hatch", "note", "signal"})  # of a change of leak rate
REMEMBER_S: Final = 10 * S_PER_DAY  # activities this old are not weighed as causes any more
MOST: Final = 1e6  # of anything, SI; the whole station holds 1e3 kg and 1e3 m3
BEGINS: Final = frozenset({"start", "open", "on"})
ENDS: Final = frozenset({"stop", "closed", "off"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a message means for the estimates.

    Attributes
    ----------
    understood : bool
        False: kept as a note.
    regroups : bool
        Sections may now share air in other groups.
    mass_sd_kg : float
        How much gas may have come or gone at once.
    rate_sd : float
        How much more the balance of oxygen and CO2 may differ from what is booked, kg/s.
    vapour_sd_kg : float
        How much vapour may come or go within hours, until it is in balance again.
    co2_kg : float
        How much more carbon dioxide there will be within a day or two, as the mass of air that is as
        many moles.
    unmixed_co2_kg : float
        How much of that may be gone where it is taken out, and not yet where it is measured.
    """

    understood: bool = True
    reason: str = ""
    regroups: bool = False
    mass_sd_kg: float = 0.0
    rate_sd: float = 0.0
    vapour_sd_kg: float = 0.0
    co2_kg: float = 0.0
    unmixed_co2_kg: float = 0.0


class Conditions:
    """The present state of hatches, docked volumes, life support and gas being moved."""

    def __init__(self, station: Station, modes: Sequence[str] = ()) -> None:
        self._station = station
        self._modes = tuple(modes)
        self.mode = self._modes[0] if self._modes else ""
        self._index = {s.name: i for i, s in enumerate(station.sections)}
        self._beside = [_beside(station, section.name) for section in station.sections]
        self._largest = station.largest(tuple(range(len(station.sections))))
        self.hatches = {hatch.name: hatch.state for hatch in station.hatches}
        self.live_in(atmospheres(station, self.hatches))
        self.added_m3 = np.zeros(len(station.sections))
        self.life_support = LifeSupport()
        self._co2_since_s: float | None = None  # since when nothing takes it out
        self.recent: list[Activity] = []
        self._moving: dict[tuple[str, int | None], tuple[float, float | None]] = {}

    def set_mode(self, mode: str) -> str:
        """Let the station be in a mode; return why it cannot be, empty if it can."""
        if mode not in self._modes:
            known = f"use one of {', '.join(self._modes)}" if self._modes else "the config has none"
            return f"there is no mode {mode!r}; {known}"
        self.mode = mode
        return ""

    def place(self, activity: Activity) -> int | None:
        """Return the section an activity happens in, None = the whole station."""
        return self._index.get(activity.section) if activity.section is not None else None

    def places(self, activity: Activity) -> list[int | None]:
        """Return the sections whose air an activity moves: both sides of a hatch; None = all."""
        if activity.hatch is None:
            return [self.place(activity)]
        between = next((h.between for h in self._station.hatches if h.name == activity.hatch), ())
        return [self._index[name] for name in between if name in self._index]

    def apply(self, activity: Activity) -> Effect:
        """Take note of a message and say what it means."""
        effect = self._effect(activity)
        if effect.understood and activity.name not in NO_CAUSE:
            oldest_s = activity.received_s - REMEMBER_S
            self.recent = [a for a in self.recent if a.received_s > oldest_s] + [activity]
        return effect

    def declared_near(self, time_s: float) -> str | None:
        """Return the activity declared last within an hour of a time, None if there is none."""
        near = [a.name for a in self.recent if abs(a.time_s - time_s) < 3600.0]
        return near[-1] if near else None

    def goes_on(self, names: Collection[str], sections: Collection[int], at_s: float) -> bool:
        """Say whether one of the activities goes on, or went on half an hour ago, in the sections.

        One that was started and never stopped counts as over after `LONGEST_MOVE_S`, and one
        without a place explains nothing but in the air that people are in.
        """
        newest = {(a.name, self.place(a)): a for a in self.recent if a.name in names}
        for (_, place), activity in newest.items():
            lasts_s = LONGEST_MOVE_S if activity.state in BEGINS else SETTLE_S
            if self.reaches(place, sections) and at_s - activity.received_s <= lasts_s:
                return True
        return False

    def reaches(self, place: int | None, sections: Collection[int]) -> bool:
        """Say whether what happens at a place explains what one air does.

        Without a place it is where people are: it must not hide what happens behind closed hatches
        or in a coolant loop.
        """
        return (self.home if place is None else place) in sections

    def live_in(self, groups: Sequence[Group]) -> None:
        """Let people be in that one of these atmospheres which has the most air."""
        lived_in = max(self._station.of_air(groups), key=self._station.volume_m3)
        self.home = self._station.largest(lived_in)

    def lived_in(self, activity: Activity) -> int:
        """Return the section whose air people breathe of whom a message tells."""
        place = self.place(activity)
        return self.home if place is None else place

    def _effect(self, activity: Activity) -> Effect:
        if problem := self._problem(activity):
            return Effect(understood=False, reason=problem)
        match activity.name:
            case "hatch":
                return self._move_hatch(activity)
            case "docking" | "undocking":
                return self._join_volume(activity)
            case "crew":
                return self._count_crew(activity)
            case "oxygen_generation":
                made = 0.0 if activity.state in ENDS else activity.value
                return self._support(replace(self.life_support, oxygen_kg_per_s=made))
            case "co2_removal":
                return self._switch_co2_removal(activity)
            case name if name in MOVES_GAS:
                return self._move_gas(activity)
            case name if name in ACTIVITY_NAMES:
                return Effect()
            case _:
                return Effect(understood=False, reason=f"{activity.name!r} is no known activity")

    def _problem(self, activity: Activity) -> str:
        """Return what makes a message useless whatever its name is, empty if nothing does."""
        if activity.section is not None and activity.section not in self._index:
            return f"no section {activity.section!r} in the config"
        if activity.value is not None and not abs(activity.value) < MOST:
            return f"{activity.value:g} is no possible amount"
        return ""

    def disturbed(self, now_s: float) -> dict[int | None, bool]:
        """Return where gas is moving or settling; True where gas is moving right now.

        Sections by index; None = anywhere. Movements that are long over are forgotten.
        """
        self._end_moves(now_s)
        found: dict[int | None, bool] = {}
        for (_, place), (_, stopped_s) in self._moving.items():
            found[place] = found.get(place, False) or _runs(stopped_s, now_s)
        return found

    def drained(self, now_s: float) -> set[int | None]:
        """Return where gas may be taken away right now.

        A pump only brings the cabin some, and people outside take none where they left from.
        """
        self._end_moves(now_s)
        return {
            place
            for (name, place), (_, stopped_s) in self._moving.items()
            if name != PUMPED_IN and (name, place) != OUTSIDE and _runs(stopped_s, now_s)
        }

    def _end_moves(self, now_s: float) -> None:
        for key, (started_s, stopped_s) in list(self._moving.items()):
            over_s = started_s + LONGEST_MOVE_S if stopped_s is None else stopped_s
            if now_s > over_s + MIXING_S:
                del self._moving[key]
            elif stopped_s is None and now_s > over_s:
                self._moving[key] = (started_s, over_s)

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {
            "hatches": dict(self.hatches),
            "added_m3": self.added_m3.copy(),
            "life_support": self.life_support,
            "co2_since_s": self._co2_since_s,
            "recent": list(self.recent),
            "moving": dict(self._moving),
            "mode": self.mode,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self.hatches = dict(state["hatches"])
        self.added_m3 = state["added_m3"].copy()
        self.life_support = state["life_support"]
        self._co2_since_s = state["co2_since_s"]
        self.recent = list(state["recent"])
        self._moving = dict(state["moving"])
        if state["mode"] in self._modes:  # the config may have other modes now
            self.mode = state["mode"]

    def _count_crew(self, activity: Activity) -> Effect:
        if activity.value is None and activity.channel is None:
            return Effect(understood=False, reason="a crew message needs a value")
        before, now = self.life_support.crew, activity.value
        more = 0.0 if before is None or now is None else now - before
        effect = self._support(replace(self.life_support, crew=now))
        return replace(
            effect, vapour_sd_kg=abs(more) * VAPOUR_PER_CREW, co2_kg=more * CO2_KEPT_PER_CREW
        )

    def _switch_co2_removal(self, activity: Activity) -> Effect:
        before, runs = self.life_support, activity.state in BEGINS
        effect = self._support(replace(before, removes_co2=runs))
        if runs and self._co2_since_s is not None:
            gathered_s = min(max(activity.time_s - self._co2_since_s, 0.0), GATHERS_S)
            gathered_kg = AIR_PER_CO2 * before.co2_left_kg_per_s * gathered_s
            effect = replace(effect, co2_kg=-gathered_kg, unmixed_co2_kg=UNMIXED_CO2 * gathered_kg)
        if runs:
            self._co2_since_s = None
        elif before.removes_co2:
            self._co2_since_s = activity.time_s
        return effect

    def _support(self, now: LifeSupport) -> Effect:
        rate_sd = self.life_support.apart_kg_per_s(now)
        self.life_support = now
        return Effect(rate_sd=rate_sd)

    def _move_hatch(self, activity: Activity) -> Effect:
        if activity.hatch not in self.hatches:
            return Effect(understood=False, reason=f"no hatch {activity.hatch!r} in the config")
        if activity.state == "equalising":
            for place in self.places(activity):
                self._moving["hatch", place] = (activity.received_s, activity.received_s)
            return Effect(mass_sd_kg=10.0)
        if activity.state not in set(HatchState):
            return Effect(understood=False, reason=f"a hatch is not {activity.state!r}")
        self.hatches[activity.hatch] = HatchState(activity.state)
        return Effect(regroups=True)

    def _join_volume(self, activity: Activity) -> Effect:
        place = self._largest if activity.section is None else self._index[activity.section]
        volume = activity.value or 0.0
        joined = {"open": volume, "closed": -volume}.get(activity.state or "", 0.0)
        self.added_m3[place] = max(self.added_m3[place] + joined, 0.0)
        # A vestibule of about 1 m3 is filled or lost even where no volume is named.
        return Effect(mass_sd_kg=AIR_DENSITY * (2.0 + volume))

    def _move_gas(self, activity: Activity) -> Effect:
        place, name = self.place(activity), activity.channel or activity.name
        # The cabin beside an airlock may fill it, and a pump may save it the air.
        in_cabin = {"airlock_repressurisation": name, "airlock_depressurisation": PUMPED_IN}
        keys = [(name, place)]
        if activity.name in in_cabin and place is not None:
            keys += [(in_cabin[activity.name], beside) for beside in self._beside[place]]
        for key in keys:
            started_s, _ = self._moving.get(key, (activity.received_s, None))
            if activity.state in BEGINS:
                self._moving[key] = (activity.received_s, None)
            else:
                self._moving[key] = (started_s, activity.received_s)
        return Effect(mass_sd_kg=20.0)


def _runs(stopped_s: float | None, now_s: float) -> bool:
    """Say whether gas is being moved, or was so lately that it settles."""
    return stopped_s is None or now_s <= stopped_s + SETTLE_S


def _beside(station: Station, section: str) -> list[int]:
    """Return the sections that a hatch connects with another."""
    names = [s.name for s in station.sections]
    pairs = [hatch.between for hatch in station.hatches if section in hatch.between]
    return [
        names.index(name) for pair in pairs for name in pair if name != section and name in names
    ]
