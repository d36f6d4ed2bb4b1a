"""Says what an unknown hatch is taken for: open, unless the pressures on its sides show otherwise."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from service.core.air import Readings
from service.core.station import VACUUM, Hatch, HatchState, Station, sides_of
from service.core.units import PA_PER_MMHG

# Through an open hatch pressures are one within a second. Gauges of modules differ by 0.5 to 3 mmHg
# (USLAB and AIRLOCK gauges of the public feed by up to 4), so less than this may be their offset.
PARTED_PA: Final = 3.0 * PA_PER_MMHG  # beyond what the offsets were
LARGEST_OFFSET_PA: Final = 5.0 * PA_PER_MMHG
JOINED_PA: Final = 1.0 * PA_PER_MMHG
LASTING_S: Final = 600.0  # equalising through a valve takes minutes


class UnknownHatches:
    """Remembers which unknown hatches are evidently shut."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self.shut: dict[str, float] = {}  # pressure difference that showed it, Pa
        self._since_s: dict[str, float] = {}

    def taken(self, states: Mapping[str, HatchState]) -> dict[str, HatchState]:
        """Return the state that each hatch is taken for; what is known stays as it is."""
        return {
            name: HatchState.CLOSED if state is HatchState.UNKNOWN and name in self.shut else state
            for name, state in states.items()
        }

    def assumed(
        self, group: Sequence[int], states: Mapping[str, HatchState]
    ) -> dict[str, HatchState]:
        """Return what the unknown hatches of an atmosphere are taken for."""
        names = {self._station.sections[i].name for i in group}
        return {
            hatch.name: HatchState.CLOSED if hatch.name in self.shut else HatchState.OPEN
            for hatch in self._station.hatches
            if states[hatch.name] is HatchState.UNKNOWN
            and VACUUM not in hatch.between
            and names & set(hatch.between)
        }

    def look(
        self, states: Mapping[str, HatchState], readings: Readings, time_s: float
    ) -> dict[str, str]:
        """Compare the sides of each unknown hatch; return why one is now taken for another state.

        Returns
        -------
        dict of str to str
            Reason by hatch; empty while nothing changes.
        """
        reasons = {}
        for hatch in self._station.hatches:
            name = hatch.name
            if states[name] is not HatchState.UNKNOWN or VACUUM in hatch.between:
                self.shut.pop(name, None)
                self._since_s.pop(name, None)
                continue
            apart = self._apart(hatch, states, readings, time_s)
            is_news = apart is not None and (
                apart <= JOINED_PA if name in self.shut else apart > PARTED_PA
            )
            if not is_news or apart is None:
                self._since_s.pop(name, None)
                continue
            if time_s - self._since_s.setdefault(name, time_s) < LASTING_S:
                continue
            del self._since_s[name]
            if self.shut.pop(name, None) is None:
                self.shut[name] = apart
                readings.votes.forget_beyond(LARGEST_OFFSET_PA)
            found = "shut" if name in self.shut else "open"
            reasons[name] = (
                f"hatch {name} is unknown and taken as {found}: "
                f"its sides differ by {apart / PA_PER_MMHG:.1f} mmHg"
            )
        return reasons

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {"shut": dict(self.shut), "since_s": dict(self._since_s)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self.shut = dict(state["shut"])
        self._since_s = dict(state["since_s"])

    def _apart(
        self,
        hatch: Hatch,
        states: Mapping[str, HatchState],
        readings: Readings,
        time_s: float,
    ) -> float | None:
        """Return how far the sides differ for certain, None where it cannot be told."""
        sides = sides_of(self._station, hatch, self.taken(states))
        if sides is None:
            return None
        one, other = sides
        raw = readings.difference(one, other, time_s, corrected=False)
        corrected = readings.difference(one, other, time_s, corrected=True)
        if raw is None or corrected is None or hatch.name in self.shut:
            return corrected
        # An offset that was learned across a hatch already shut hides the difference.
        return max(raw - LARGEST_OFFSET_PA + PARTED_PA, min(raw, corrected))
