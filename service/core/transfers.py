"""Sees air flow through a closed hatch from one side to the other when no message says so.

An airlock is filled from the cabin and pumped empty into it, a module is brought to the pressure of
its neighbour: what one side loses the other gains, and nothing is lost overboard.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from service.core.air import Readings
from service.core.falls import SPAN_S, FallWatch
from service.core.samples import Activity
from service.core.station import Group, Station
from service.core.units import PA_PER_MMHG

CERTAIN: Final = 4.0  # standard errors of a change of pressure, beside `QUIET_PA`
QUIET_PA: Final = 0.15 * PA_PER_MMHG  # in five minutes; temperature and breath make less of it
# What is gained over what is lost: a pump that saves air leaves a fifth of it, and air that is
# compressed gets warm, by up to 1.4 times; [estimate].
PASSED_ON: Final = (0.5, 2.0)
TELLS_AGAIN_S: Final = 600.0  # while it goes on


class Transfers:
    """Compares how the pressures on both sides of each closed hatch have moved lately."""

    def __init__(self, station: Station, readings: Readings, falls: FallWatch) -> None:
        self._volume_m3 = [section.volume_m3 for section in station.sections]
        index = {section.name: i for i, section in enumerate(station.sections)}
        self._hatches = {
            hatch.name: (index[hatch.between[0]], index[hatch.between[1]])
            for hatch in station.hatches
            if set(hatch.between) <= index.keys()
        }
        self._readings = readings
        self._falls = falls
        self._told_s: dict[str, float] = {}

    def look(
        self, groups: Sequence[Group], told: AbstractSet[int | None], at_s: float
    ) -> list[Activity]:
        """Return the messages that are lacking: of hatches through which air flows unannounced.

        `told` are the sections of which it is known that gas is taken away there.
        """
        inside = {section: group for group in groups for section in group}
        found = []
        for hatch, sides in self._hatches.items():
            one, other = (inside[section] for section in sides)
            is_known = at_s < self._told_s.get(hatch, at_s - TELLS_AGAIN_S) + TELLS_AGAIN_S
            if one == other or is_known:
                continue
            giver = self._giver(one, other, at_s)
            if giver is not None and told.isdisjoint(giver):
                self._told_s[hatch] = at_s
                found.append(
                    Activity(
                        time_s=at_s - SPAN_S,
                        received_s=at_s,
                        name="hatch",
                        hatch=hatch,
                        state="equalising",
                    )
                )
        return found

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {"told_s": dict(self._told_s)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self._told_s = dict(state["told_s"])

    def _giver(self, one: Group, other: Group, at_s: float) -> Group | None:
        """Return the side that has lost for certain about what the other has gained, if one has."""
        moved = []
        for group in (one, other):
            change_pa, error_pa = self._falls.change(self._readings.gauges(group), at_s)
            if not abs(change_pa) > QUIET_PA + CERTAIN * error_pa:
                return None
            moved.append((change_pa * sum(self._volume_m3[i] for i in group), group))
        (lost, giver), (gained, _) = sorted(moved)
        low, high = PASSED_ON
        return giver if lost < 0.0 and low * -lost <= gained <= high * -lost else None
