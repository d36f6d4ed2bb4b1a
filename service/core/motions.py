"""Tells which sensors stand still while the others move, and which wander too fast."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.suspicions import DRIFTING, STUCK, TRUSTED, Charge
from service.core.units import PA_PER_MMHG, S_PER_DAY

SAME_PA: Final = 1e-3  # a mean of equal readings may differ in its last digit
STUCK_LOOKS: Final = 6  # an hour without any change
SWING_PA: Final = 0.5 * PA_PER_MMHG  # beyond noise (0.1) and a code (0.4)
COARSEST_STEP_PA: Final = 1.0 * PA_PER_MMHG  # hand gauges; taken where no step is known
HOME_MEMORY_S: Final = 7 * S_PER_DAY
DRIFT_PA: Final = 0.4 * PA_PER_MMHG  # in a week; a sensor drifts by 0.1
_ARRAYS: Final = (
    "home",
    "last",
    "spoke",
    "moved",
    "still",
    "still_s",
    "low",
    "high",
    "step",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """What the sensors of one gas say that are not stale; each shape (n,), n > 0.

    Attributes
    ----------
    sensors : ndarray of int
    level, level_var : ndarray
        Where each stands, Pa, and how well that is known beside its noise, Pa^2.
    reading, time_s, is_new : ndarray
        Its newest reading, when that was taken, and whether it came in this step.
    """

    sensors: NDArray[np.intp]
    level: NDArray[np.float64]
    level_var: NDArray[np.float64]
    reading: NDArray[np.float64]
    time_s: NDArray[np.float64]
    is_new: NDArray[np.bool_]


class Motions:
    """How every sensor moved from look to look, and where its offset was a week ago."""

    def __init__(self, step_pa: NDArray[np.float64]) -> None:
        count = len(step_pa)
        self._step = step_pa.copy()
        self._home = np.full(count, np.nan)
        self._last = np.full(count, np.nan)  # newest reading
        self._spoke, self._moved = (
            np.zeros(count, np.bool_),
            np.zeros(count, np.bool_),
        )  # since the look
        self._still = np.zeros(count)  # looks without a change
        self._still_s = np.full(count, np.nan)
        self._low, self._high = np.full(count, np.inf), np.full(count, -np.inf)
        self._followed_s: dict[int, float] = {}  # by the first channel of a gas

    def hear(self, poll: Poll) -> None:
        """Follow which sensors speak and say something else than before."""
        sensors, reading = poll.sensors[poll.is_new], poll.reading[poll.is_new]
        change = np.abs(reading - self._last[sensors])
        moved = ~(change <= SAME_PA)
        self._step[sensors] = np.fmin(self._step[sensors], np.where(moved, change, np.nan))
        self._last[sensors] = reading
        self._spoke[sensors] = True
        self._moved[sensors] |= moved

    def look(
        self,
        poll: Poll,
        offset: NDArray[np.float64],
        settled: NDArray[np.bool_],
        voters: NDArray[np.bool_],
        fault: NDArray[np.int64],
        time_s: float,
    ) -> list[Charge]:
        """Return who stands still or drifts, after a look at the sensors of one gas.

        Whoever said anything else between two looks did not stand still.

        Parameters
        ----------
        offset : ndarray, shape (n,)
            By how much each reads too much, Pa.
        settled, voters : ndarray of bool, shape (n,)
            Whose offset is known well, and who is a witness.
        fault : ndarray of int, shape (n,)
            What each is doubted for already.
        """
        sensors = poll.sensors
        corrected = poll.level - offset
        spoke, moved = self._spoke[sensors], self._moved[sensors]
        self._spoke[sensors] = self._moved[sensors] = False
        others = _median_of_others(corrected, voters)
        heard = np.where(spoke, others, np.nan)
        self._low[sensors] = np.fmin(np.where(moved, np.inf, self._low[sensors]), heard)
        self._high[sensors] = np.fmax(np.where(moved, -np.inf, self._high[sensors]), heard)
        self._still_s[sensors] = np.where(moved, time_s, self._still_s[sensors])
        self._still[sensors] = np.where(moved, 0.0, self._still[sensors] + spoke)
        step = self._step[sensors]
        code = np.where(np.isfinite(step), step, COARSEST_STEP_PA)
        swing = self._high[sensors] - self._low[sensors]
        stuck = (self._still[sensors] >= STUCK_LOOKS) & (swing > SWING_PA + 2.0 * code)
        drift = self._drift(sensors, offset, settled, time_s)
        drifts = ~stuck & voters & (np.abs(drift) > DRIFT_PA + code / 2.0)
        return [
            Charge(
                fault=STUCK,
                guilty=stuck & (fault != STUCK),
                looked_at=np.ones(len(sensors), np.bool_),
                agrees=~stuck,
                difference_pa=corrected - others,
                away_pa=corrected - others,
                since_s=self._still_s[sensors],
            ),
            Charge(
                fault=DRIFTING,
                guilty=drifts & (fault == TRUSTED),
                looked_at=~stuck,
                agrees=np.abs(drift) < DRIFT_PA / 2.0,
                difference_pa=drift,
                away_pa=np.zeros(len(sensors)),
                since_s=np.full(len(sensors), time_s - HOME_MEMORY_S),
            ),
        ]

    def forget(self, sensors: NDArray[np.intp]) -> None:
        """Forget where the offsets of these were."""
        self._home[sensors] = np.nan

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        arrays = {name: getattr(self, f"_{name}").copy() for name in _ARRAYS}
        return arrays | {"followed_s": dict(self._followed_s)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        for name in _ARRAYS:
            setattr(self, f"_{name}", state[name].copy())
        self._followed_s = dict(state["followed_s"])

    def _drift(
        self,
        sensors: NDArray[np.intp],
        offset: NDArray[np.float64],
        settled: NDArray[np.bool_],
        time_s: float,
    ) -> NDArray[np.float64]:
        """Return how far offsets have wandered from where they were a week ago, 0 = unknown."""
        home = np.where(np.isfinite(self._home[sensors]), self._home[sensors], offset)
        home = np.where(settled, home, np.nan)
        wandered = np.nan_to_num(offset - home)
        span_s = time_s - self._followed_s.get(int(sensors[0]), time_s)
        self._followed_s[int(sensors[0])] = time_s
        self._home[sensors] = home + min(span_s / HOME_MEMORY_S, 1.0) * wandered
        return np.asarray(wandered)


def _median_of_others(
    values: NDArray[np.float64], voters: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return, for each, the median of the voters without itself; nan where there is none."""
    others = np.full(len(values), np.nan)
    for i in range(len(values)):
        heard = voters.copy()
        heard[i] = False
        if heard.any():
            others[i] = np.median(values[heard])
    return others
