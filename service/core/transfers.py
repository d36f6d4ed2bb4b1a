"""Sees air flow through a closed hatch from one side to the other when no message says so.

An airlock is filled from the cabin and pumped empty into it, a module is brought to the pressure of
its neighbour: what one side loses the other gains, and nothing is lost overboard. A hatch that is
said to be open, or is unknown, may be shut without a message, too.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.air import Readings
from service.core.falls import SPAN_S, FallWatch
from service.core.samples import Activity
from service.core.station import VACUUM, Group, HatchState, Station, sides_of
from service.core.units import PA_PER_MMHG

CERTAIN: Final = 4.0  # standard errors of a change of pressure, beside `QUIET_PA`
QUIET_PA: Final = 0.15 * PA_PER_MMHG  # in five minutes; temperature and breath make less of it
# What is gained over what is lost: a pump that saves air leaves a fifth of it, and air that is
# compressed gets warm, by up to 1.4 times; [estimate].
PASSED_ON: Final = (0.5, 2.0)
TELLS_AGAIN_S: Final = 600.0  # while it goes on


class Transfers:
    """Compares how the pressures on both sides of each hatch have moved lately."""

    def __init__(self, station: Station, readings: Readings, falls: FallWatch) -> None:
        self._station = station
        self._readings = readings
        self._falls = falls
        self._volume_m3 = [section.volume_m3 for section in station.sections]
        self._told_s: dict[str, float] = {}
        self._sides: dict[str, tuple[Group, Group]] = {}
        self._sides_of: Mapping[str, HatchState] = {}  # of which states those are

    def look(
        self, states: Mapping[str, HatchState], told: AbstractSet[int | None], at_s: float
    ) -> list[Activity]:
        """Return the messages that are lacking: of hatches through which air flows unannounced.

        `told` are the sections of which it is known that gas is taken away there.
        """
        if states != self._sides_of:
            for name, state in states.items():
                if state is HatchState.OPEN and self._sides_of.get(name, state) is not state:
                    self._told_s[name] = at_s  # its opening tells of what evens out
            self._part(states)
        found: list[Activity] = []
        if not self._falls.may_have_moved(QUIET_PA, CERTAIN, at_s):
            return found
        risen_pa, error_pa = self._falls.changes(at_s)
        for name, (one, other) in self._sides.items():
            if at_s < self._told_s.get(name, at_s - TELLS_AGAIN_S) + TELLS_AGAIN_S:
                continue
            giver = self._giver((one, other), risen_pa, error_pa)
            if giver is not None and told.isdisjoint(giver):
                self._told_s[name] = at_s
                found.append(
                    Activity(
                        time_s=at_s - SPAN_S,
                        received_s=at_s,
                        name="hatch",
                        hatch=name,
                        state="equalising",
                    )
                )
        return found

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {"told_s": dict(self._told_s), "sides_of": dict(self._sides_of)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self._told_s = dict(state["told_s"])
        if state["sides_of"]:  # it has looked before
            self._part(state["sides_of"])

    def _part(self, states: Mapping[str, HatchState]) -> None:
        """Find what each hatch parts, were it shut."""
        self._sides_of, self._sides = dict(states), {}
        for hatch in self._station.hatches:
            if VACUUM in hatch.between:
                continue
            if (sides := sides_of(self._station, hatch, states)) is not None:
                self._sides[hatch.name] = sides

    def _giver(
        self,
        sides: tuple[Group, Group],
        risen_pa: NDArray[np.float64],
        error_pa: NDArray[np.float64],
    ) -> Group | None:
        """Return the side that has lost for certain about what the other has gained, if one has.

        A side has risen by the mean of its living gauges, with the error of one of them, for they
        err alike when air moves.
        """
        moved = []
        for group in sides:
            gauges = self._readings.gauges(group)
            alive = gauges[np.isfinite(risen_pa[gauges])]
            if not len(alive):
                return None
            change_pa = float(risen_pa[alive].mean())
            if not abs(change_pa) > QUIET_PA + CERTAIN * float(error_pa[alive].max()):
                return None
            moved.append((change_pa * sum(self._volume_m3[i] for i in group), group))
        (lost, giver), (gained, _) = sorted(moved)
        low, high = PASSED_ON
        return giver if lost < 0.0 and low * -lost <= gained <= high * -lost else None
