"""Lets the sensors of one gas vote: what they say together, and which of them is to be doubted.

Sensors of one atmosphere and kind differ by offsets that wander slowly. A sensor that leaves the
others beyond that, stands still while they move, or wanders too fast is doubted and left out. Of
two that part neither can be named, so both are doubted and the middle is taken.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.events import SensorDoubted, SensorFault, SensorTrusted
from service.core.station import ChannelKind, Station
from service.core.units import PA_PER_MMHG, S_PER_DAY

OFFSET_MEMORY_S: Final = 86400.0  # sensors drift apart by 0.1 mmHg in a week; a day follows that
DISAGREEMENT_PA: Final = 0.5 * PA_PER_MMHG  # beyond noise (0.1), a code (0.4) and a day's drift
# Pressure is one through open hatches at once, so ten minutes of readings decide. Composition
# mixes in some hours (Columbus 2015: 6 h), so gas sensors may differ for as long.
PRESSURE_MEMORY_S: Final = 600.0
GAS_DISAGREEMENT_PA: Final = 1.0 * PA_PER_MMHG  # noise band of Columbus ppO2: 0.35 mmHg
GAS_MEMORY_S: Final = 6 * 3600.0
LEARN_READINGS: Final = 30.0  # then noise and code are a fifth of one reading's
# One reading, be it a spike or the first after a pause, never decides: 0.2 * 4 tolerances < 1.
MOST_WEIGHT: Final = 0.2
MOST_APART: Final = 4.0
SETTLE_S: Final = 600.0  # after a hatch moved: equalising takes seconds to minutes
FRESH_S: Final = 600.0  # readings this old are still compared with new ones
QUIET_PA_PER_S: Final = 0.25 * PA_PER_MMHG / 60.0  # in faster air readings rightly differ
BACK_S: Final = 3600.0  # a doubted sensor that agrees again for so long is believed
SAME_PA: Final = 1e-3  # a mean of equal readings may differ in its last digit
LOOK_EVERY_S: Final = 600.0  # how often motion is looked at
STUCK_LOOKS: Final = 6  # an hour without any change
COARSEST_STEP_PA: Final = 1.0 * PA_PER_MMHG  # hand gauges; taken where no step is known
SETTLED_S: Final = 3 * S_PER_DAY  # by then an offset has forgotten the reading it began with
HOME_MEMORY_S: Final = 7 * S_PER_DAY
DRIFT_PA: Final = 0.4 * PA_PER_MMHG  # in a week; a sensor drifts by 0.1
DOUBTED_MEMORY: Final = 10.0  # a new offset that holds for weeks is a new calibration


FAULTS: Final = (None, *SensorFault)
TRUSTED: Final = 0
APART, STUCK, DRIFTING = (FAULTS.index(fault) for fault in SensorFault)
_ARRAYS: Final = (
    "offset",
    "fault",
    "compared",
    "_is_named",
    "_since_s",
    "_gap",
    "_apart_s",
    "_back_s",
    "_learned_s",
    "_read",
    "_home",
    "_last",
    "_last_s",
    "_still",
    "_still_s",
    "_low",
    "_high",
    "_step",
)
_TABLES: Final = ("_looked_s", "_followed_s", "_level", "_against")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What sensors of one gas say together.

    Attributes
    ----------
    value_pa : float
    sd_pa : float
        How far their readings, less their offsets, scatter about it; 0 for a single one.
    offset_sd_pa : float or None
        How far their offsets scatter, None for a single one.
    agreeing : int
        How many sensors stand for it.
    """

    value_pa: float
    sd_pa: float
    offset_sd_pa: float | None
    agreeing: int


class Votes:
    """The offset of every sensor, and who is doubted since when and why."""

    def __init__(self, station: Station) -> None:
        channels = station.channels
        count = len(channels)
        self._names = tuple(channel.name for channel in channels)
        is_pressure = np.array([c.kind is ChannelKind.PRESSURE for c in channels], np.bool_)
        self._tolerance = np.where(is_pressure, DISAGREEMENT_PA, GAS_DISAGREEMENT_PA)
        self._memory_s = np.where(is_pressure, PRESSURE_MEMORY_S, GAS_MEMORY_S)
        self._step = np.array([c.step or np.nan for c in channels])
        # A code as wide as the tolerance is no disagreement.
        self._tolerance += np.nan_to_num(self._step) / 2.0
        self.offset = np.full(count, np.nan)
        self.fault = np.zeros(count, np.int64)  # place in FAULTS
        self._is_named = np.zeros(count, np.bool_)  # whether it alone is to blame
        self._since_s = np.full(count, np.nan)  # when what is doubted began
        self.compared = np.zeros(count, np.bool_)
        self._gap = np.zeros(count)  # lasting difference from the others
        self._apart_s = np.full(count, np.nan)
        self._back_s = np.full(count, np.nan)
        self._learned_s = np.zeros(count)
        self._read = np.zeros(count)  # readings its offset is made of, up to LEARN_READINGS
        self._settles_s = -np.inf  # no votes before
        self._home = np.full(count, np.nan)
        self._last = np.full(count, np.nan)  # reading at the last look
        self._last_s = np.full(count, -np.inf)  # and when it was taken
        self._still = np.zeros(count)  # looks without a change
        self._still_s = np.full(count, np.nan)
        self._low, self._high = np.full(count, np.inf), np.full(count, -np.inf)
        self._looked_s: dict[int, float] = {}  # by the first channel of a gas
        self._followed_s: dict[int, float] = {}
        self._level: dict[int, tuple[float, float]] = {}
        self._against: dict[int, tuple[tuple[str, ...], float]] = {}
        self._events: list[SensorDoubted | SensorTrusted] = []

    def agree(
        self,
        alive: NDArray[np.intp],
        values: NDArray[np.float64],
        times_s: NDArray[np.float64],
        is_new: NDArray[np.bool_],
        time_s: float,
        step_s: float,
        *,
        has_others: bool,
        may_doubt: bool,
    ) -> Agreement:
        """Return what the sensors say together, let their offsets follow, and hold a vote.

        Parameters
        ----------
        alive : ndarray of int, shape (n,), n > 0
            The sensors of one gas that are not stale.
        values, times_s, is_new : ndarray, shape (n,)
            Their newest readings, when these were taken, and which came in this step.
        step_s : float
            Time since the step before, s; how far offsets may follow.
        has_others : bool
            Whether there are more of them than are alive.
        may_doubt : bool
            Whether they measure the same thing, so that one that leaves the others is at fault.
        """
        if len(alive) == 1:
            # One without any other keeps no offset, so that it takes one where it joins others.
            own = float(np.nan_to_num(self.offset[alive[0]]))
            if has_others:
                self.offset[alive[0]] = own
            value = float(values[0]) - own
            return Agreement(value_pa=value, sd_pa=0.0, offset_sd_pa=None, agreeing=1)
        offset = self.offset[alive]
        known = np.isfinite(offset)
        if not known.any():
            offset = values - _median(values)
            known = np.ones(len(alive), np.bool_)
        trusted = known & (self.fault[alive] == TRUSTED)
        voters = trusted if trusted.any() else known
        corrected = values - offset
        middle = _median(corrected[voters])
        used = voters & (np.abs(corrected - middle) <= DISAGREEMENT_PA)
        agreeing = int(used.sum())
        agreed = float(corrected[used].sum()) / agreeing if agreeing else middle
        follow = min(step_s / OFFSET_MEMORY_S, 1.0)
        pace = np.where(used, follow, np.where(trusted, 0.0, follow / DOUBTED_MEMORY))
        # The first reading alone, with its noise and its code, is no offset: take the mean of many.
        read = self._read[alive]
        learning = trusted & (read < LEARN_READINGS)
        if learning.any():
            pace = np.where(learning, is_new / (read + 1.0), pace)
            self._read[alive] = np.minimum(read + is_new, LEARN_READINGS)
        # One that is new, or read for the first time since a split, joins without a step.
        offset = np.where(known, offset + pace * (corrected - agreed), values - agreed)
        self.offset[alive] = offset
        self._learned_s[alive] += used * step_s
        if may_doubt:
            self._vote(alive, values, times_s, is_new, voters, time_s, agreed)
        return Agreement(
            value_pa=agreed,
            sd_pa=_rms(corrected[voters] - agreed),
            offset_sd_pa=_rms(offset - offset.sum() / len(offset)),
            agreeing=agreeing,
        )

    def wait(self, from_s: float) -> None:
        """Hold no votes on readings of before and shortly after this time: a hatch moved."""
        self._settles_s = max(self._settles_s, from_s + SETTLE_S)

    def forget_beyond(self, offset_pa: float) -> None:
        """Forget offsets larger than sensors have: they were learned from different air."""
        channels = np.flatnonzero(np.abs(self.offset) > offset_pa)
        self.offset[channels] = np.nan
        self._home[channels] = np.nan
        self._learned_s[channels] = 0.0
        self._read[channels] = 0.0
        self._gap[channels] = 0.0

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
        arrays = {name: getattr(self, name).copy() for name in _ARRAYS}
        tables = {name: dict(getattr(self, name)) for name in _TABLES}
        return arrays | tables | {"events": list(self._events), "settles_s": self._settles_s}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        for name in _ARRAYS:
            setattr(self, name, state[name].copy())
        for name in _TABLES:
            setattr(self, name, dict(state[name]))
        self._events = list(state["events"])
        self._settles_s = state["settles_s"]

    # -------------------------------------------------------------------- votes

    def _vote(
        self,
        alive: NDArray[np.intp],
        values: NDArray[np.float64],
        times_s: NDArray[np.float64],
        is_new: NDArray[np.bool_],
        voters: NDArray[np.bool_],
        time_s: float,
        agreed: float,
    ) -> None:
        first = int(alive[0])
        before_s, before = self._level.get(first, (time_s, agreed))
        self._level[first] = (time_s, agreed)
        corrected = values - self.offset[alive]
        fresh = times_s > time_s - FRESH_S
        voters = voters & (self._read[alive] >= LEARN_READINGS)
        if time_s < self._settles_s or fresh.sum() < 2 or not voters.any():
            return
        look = time_s - self._looked_s.get(first, -np.inf) >= LOOK_EVERY_S
        middle = _median(corrected[voters])
        busy = (self._gap[alive] != 0.0).any() or (self.fault[alive] != TRUSTED).any()
        calm = self._tolerance[alive] / 2.0
        if not look and not busy and (np.abs(corrected - middle) <= calm).all():
            return
        self.compared[alive[fresh]] = True
        span_s = time_s - before_s
        if abs(agreed - before) <= QUIET_PA_PER_S * max(span_s, 60.0):
            self._compare(alive, corrected, is_new & fresh, fresh & voters, time_s, span_s)
        if look:
            self._looked_s[first] = time_s
            self._look_at_motion(alive, values, times_s, fresh & voters, time_s)

    def _compare(
        self,
        alive: NDArray[np.intp],
        corrected: NDArray[np.float64],
        judged: NDArray[np.bool_],
        voters: NDArray[np.bool_],
        time_s: float,
        span_s: float,
    ) -> None:
        """Follow how far each is from the others, and doubt or trust those that are past a bound."""
        if not voters.any():
            return
        middle = _median(corrected[voters])
        pair = int(voters.sum()) == 2
        for i in np.flatnonzero(judged).tolist():
            channel = int(alive[i])
            tolerance = self._tolerance[channel]
            apart = corrected[i] - middle
            if pair and voters[i]:
                apart *= 2.0  # from the other one
            follow = min(max(span_s, 1.0) / self._memory_s[channel], MOST_WEIGHT)
            seen = float(np.clip(apart, -MOST_APART * tolerance, MOST_APART * tolerance))
            gap = self._gap[channel] + follow * (seen - self._gap[channel])
            if abs(apart) > tolerance and np.isnan(self._apart_s[channel]):
                self._apart_s[channel] = time_s
            if abs(gap) <= tolerance / 10.0 and abs(apart) <= tolerance:
                gap, self._apart_s[channel] = 0.0, np.nan
            self._gap[channel] = gap
            if self.fault[channel] == TRUSTED and abs(gap) > tolerance:
                others = self._others(alive, voters, i)
                self._doubt(channel, APART, others, apart, self._apart_s[channel])
            elif self.fault[channel] == APART:
                self._reconsider(channel, apart, time_s, agrees=abs(apart) <= tolerance / 2.0)

    def _look_at_motion(
        self,
        alive: NDArray[np.intp],
        values: NDArray[np.float64],
        times_s: NDArray[np.float64],
        voters: NDArray[np.bool_],
        time_s: float,
    ) -> None:
        """Doubt those that stand still while the others move, and those that wander fast."""
        corrected = values - self.offset[alive]
        spoke = times_s > self._last_s[alive]
        change = np.abs(values - self._last[alive])
        moved = spoke & ~(change <= SAME_PA)
        self._step[alive] = np.fmin(self._step[alive], np.where(moved, change, np.nan))
        self._last[alive] = values
        self._last_s[alive] = times_s
        weight = np.broadcast_to(voters.astype(np.float64), (len(alive), len(alive))).copy()
        np.fill_diagonal(weight, 0.0)
        count = weight.sum(axis=1)
        others = np.where(count > 0.0, weight @ corrected / np.maximum(count, 1.0), np.nan)
        heard = np.where(spoke, others, np.nan)
        self._low[alive] = np.fmin(np.where(moved, np.inf, self._low[alive]), heard)
        self._high[alive] = np.fmax(np.where(moved, -np.inf, self._high[alive]), heard)
        self._still_s[alive] = np.where(moved, time_s, self._still_s[alive])
        self._still[alive] = np.where(moved, 0.0, self._still[alive] + spoke)
        code = np.where(np.isfinite(self._step[alive]), self._step[alive], COARSEST_STEP_PA)
        swing = self._high[alive] - self._low[alive]
        stuck = (self._still[alive] >= STUCK_LOOKS) & (swing > DISAGREEMENT_PA + 2.0 * code)
        drift = self._drift(alive, time_s)
        for i in np.flatnonzero(stuck | (np.abs(drift) > DRIFT_PA) | (self.fault[alive] > APART)):
            channel, fault = int(alive[i]), self.fault[alive[i]]
            named = self._others(alive, voters, int(i))
            if stuck[i] and fault != STUCK:
                since_s = self._still_s[channel]
                self._doubt(channel, STUCK, named, corrected[i] - others[i], since_s)
            elif fault == STUCK:
                away = corrected[i] - others[i]
                self._reconsider(channel, away, time_s, agrees=not stuck[i])
            elif fault == DRIFTING:
                self._reconsider(channel, 0.0, time_s, agrees=abs(drift[i]) < DRIFT_PA / 2.0)
            elif fault == TRUSTED and voters[i] and abs(drift[i]) > DRIFT_PA + code[i] / 2.0:
                self._doubt(channel, DRIFTING, named, drift[i], time_s - HOME_MEMORY_S)

    def _drift(self, alive: NDArray[np.intp], time_s: float) -> NDArray[np.float64]:
        """Return how far offsets have wandered from where they were a week ago, 0 = unknown."""
        settled = self._learned_s[alive] >= SETTLED_S
        home = np.where(np.isfinite(self._home[alive]), self._home[alive], self.offset[alive])
        home = np.where(settled, home, np.nan)
        wandered = np.nan_to_num(self.offset[alive] - home)
        span_s = time_s - self._followed_s.get(int(alive[0]), time_s)
        self._followed_s[int(alive[0])] = time_s
        self._home[alive] = home + min(span_s / HOME_MEMORY_S, 1.0) * wandered
        return np.asarray(wandered)

    def _others(
        self, alive: NDArray[np.intp], voters: NDArray[np.bool_], one: int
    ) -> tuple[str, ...]:
        """Return the names of the voters without one."""
        chosen = alive[voters].tolist()
        return tuple(self._names[channel] for channel in chosen if channel != alive[one])

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
        self._against[channel] = (against, float(difference_pa))
        self._back_s[channel] = np.nan
        found = self.doubt(channel)
        assert found is not None
        self._events.append(found)

    def _reconsider(self, channel: int, away_pa: float, time_s: float, *, agrees: bool) -> None:
        """Believe a doubted sensor again once it has agreed for long, without a step."""
        if not agrees:
            self._back_s[channel] = np.nan
            return
        if np.isnan(self._back_s[channel]):
            self._back_s[channel] = time_s
        if time_s - self._back_s[channel] < BACK_S:
            return
        since_s = float(self._since_s[channel])
        self._events.append(
            SensorTrusted(time_s=time_s, channel=self._names[channel], since_s=since_s)
        )
        self.fault[channel] = TRUSTED
        self.offset[channel] += away_pa
        self._gap[channel] = 0.0
        self._apart_s[channel] = self._back_s[channel] = np.nan


def _median(values: NDArray[np.float64]) -> float:
    """Return the median; of a handful of values several times faster than NumPy's."""
    ordered = np.sort(values)
    half = len(ordered) // 2
    return float(0.5 * (ordered[half] + ordered[-half - 1]))


def _rms(values: NDArray[np.float64]) -> float:
    return sqrt(float(values @ values) / len(values))
