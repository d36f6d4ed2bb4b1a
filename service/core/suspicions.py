"""Keeps whom to believe: which sensor is doubted, since when, why and against whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.events import SensorDoubted, SensorFault, SensorTrusted

BACK_S: Final = 3600.0  # a doubted sensor that agrees again for so long is believed
FAULTS: Final = (None, *SensorFault)
TRUSTED: Final = 0
APART, STUCK, DRIFTING = (FAULTS.index(fault) for fault in SensorFault)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What speaks for and against the sensors of one gas, in one respect.

    Attributes
    ----------
    fault : int
        The place in `FAULTS` of what they may be guilty of.
    guilty : ndarray of bool, shape (n,)
        Whom to doubt.
    looked_at : ndarray of bool, shape (n,)
        Of which of those that are doubted for it already this tells anything.
    agrees : ndarray of bool, shape (n,)
        Whether they show nothing of it now.
    difference_pa : ndarray, shape (n,)
        How far they are from what they should say.
    away_pa : ndarray, shape (n,)
        By how much the offset of one that is believed again changes.
    since_s : ndarray, shape (n,)
        When it began.
    """

    fault: int
    guilty: NDArray[np.bool_]
    looked_at: NDArray[np.bool_]
    agrees: NDArray[np.bool_]
    difference_pa: NDArray[np.float64]
    away_pa: NDArray[np.float64]
    since_s: NDArray[np.float64]


class Suspicions:
    """Who is doubted since when and why, of all sensors."""

    def __init__(self, names: Sequence[str]) -> None:
        count = len(names)
        self._names = tuple(names)
        self.fault = np.zeros(count, np.int64)  # place in FAULTS
        self._is_named = np.zeros(count, np.bool_)  # whether it alone is to blame
        self._since_s = np.full(count, np.nan)  # when what is doubted began
        self._back_s = np.full(count, np.nan)
        self._against: dict[int, tuple[tuple[str, ...], float]] = {}
        self._events: list[SensorDoubted | SensorTrusted] = []

    def weigh(
        self,
        sensors: NDArray[np.intp],
        voters: NDArray[np.bool_],
        charges: Sequence[Charge],
        time_s: float,
    ) -> list[tuple[int, float]]:
        """Doubt whom the charges find guilty, and believe again whom they have cleared for long.

        Returns
        -------
        list of (int, float)
            Who is believed again, and by how much its offset changes, so that it joins without a
            step, Pa.
        """
        before = self.fault[sensors].copy()
        believed: list[tuple[int, float]] = []
        for charge in charges:
            for i in np.flatnonzero(charge.guilty).tolist():
                against = tuple(
                    self._names[one] for one in sensors[voters].tolist() if one != sensors[i]
                )
                found = float(charge.difference_pa[i]), float(charge.since_s[i])
                self._doubt(int(sensors[i]), charge.fault, against, *found)
            accused = np.flatnonzero(charge.looked_at & (before == charge.fault)).tolist()
            believed += [
                (int(sensors[i]), float(charge.away_pa[i]))
                for i in accused
                if self._is_cleared(int(sensors[i]), time_s, agrees=bool(charge.agrees[i]))
            ]
        return believed

    def drain(self, at_s: float) -> list[SensorDoubted | SensorTrusted]:
        """Return who lost or regained trust since the last call, as known at this time."""
        events, self._events = self._events, []
        return [replace(event, time_s=at_s) for event in events]

    def doubt(self, channel: int) -> SensorDoubted | None:
        """Return why a sensor is doubted, None if it is not."""
        fault = FAULTS[self.fault[channel]]
        if fault is None:
            return None
        against, difference_pa = self._against[channel]
        return SensorDoubted(
            time_s=float(self._since_s[channel]),
            channel=self._names[channel],
            fault=fault,
            is_named=bool(self._is_named[channel]),
            against=against,
            difference_pa=difference_pa,
            since_s=float(self._since_s[channel]),
        )

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {
            "fault": self.fault.copy(),
            "is_named": self._is_named.copy(),
            "since_s": self._since_s.copy(),
            "back_s": self._back_s.copy(),
            "against": dict(self._against),
            "events": list(self._events),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self.fault = state["fault"].copy()
        self._is_named = state["is_named"].copy()
        self._since_s = state["since_s"].copy()
        self._back_s = state["back_s"].copy()
        self._against = dict(state["against"])
        self._events = list(state["events"])

    def _doubt(
        self,
        channel: int,
        fault: int,
        against: tuple[str, ...],
        difference_pa: float,
        since_s: float,
    ) -> None:
        self.fault[channel] = fault
        # One that stands still is the liar even where it has but one witness.
        self._is_named[channel] = fault == STUCK or len(against) > 1
        self._since_s[channel] = since_s
        self._against[channel] = (against, difference_pa)
        self._back_s[channel] = np.nan
        found = self.doubt(channel)
        assert found is not None
        self._events.append(found)

    def _is_cleared(self, channel: int, time_s: float, *, agrees: bool) -> bool:
        """Return whether a doubted sensor is believed again, for it has agreed for long."""
        if not agrees:
            self._back_s[channel] = np.nan
            return False
        if np.isnan(self._back_s[channel]):
            self._back_s[channel] = time_s
        if time_s - self._back_s[channel] < BACK_S:
            return False
        since_s = float(self._since_s[channel])
        self._events.append(
            SensorTrusted(time_s=time_s, channel=self._names[channel], since_s=since_s)
        )
        self.fault[channel] = TRUSTED
        self._back_s[channel] = np.nan
        return True
