"""Lets the sensors of one gas vote: what they say together, and which of them is to be doubted.

Sensors of one atmosphere and kind differ by offsets that wander slowly. A sensor that leaves the
others beyond that, stands still while they move, or wanders too fast is doubted and left out. Of
two that part neither can be named, so both are doubted and the middle is taken.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.events import SensorDoubted, SensorTrusted
from service.core.motions import Motions, Poll
from service.core.station import ChannelKind, Station
from service.core.suspicions import APART, TRUSTED, Charge, Suspicions
from service.core.units import PA_PER_MMHG, S_PER_DAY

KNOWN_VAR: Final = (0.1 * PA_PER_MMHG) ** 2  # of a gauge: noise and drift of a week
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
LOOK_EVERY_S: Final = 600.0  # how often motion is looked at
SETTLED_S: Final = 3 * S_PER_DAY  # by then an offset has forgotten the reading it began with
DOUBTED_MEMORY: Final = 10.0  # a new offset that holds for weeks is a new calibration
_ARRAYS: Final = ("offset", "compared", "_gap", "_apart_s", "_learned_s", "_read", "_astray")
_TABLES: Final = ("_looked_s", "_level")


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
    """The offset of every sensor, and how far each is from the others."""

    def __init__(self, station: Station) -> None:
        channels = station.channels
        count = len(channels)
        is_pressure = np.array([c.kind is ChannelKind.PRESSURE for c in channels], np.bool_)
        self._tolerance = np.where(is_pressure, DISAGREEMENT_PA, GAS_DISAGREEMENT_PA)
        self._memory_s = np.where(is_pressure, PRESSURE_MEMORY_S, GAS_MEMORY_S)
        step = np.array([c.step or np.nan for c in channels])
        # A code as wide as the tolerance is no disagreement.
        self._tolerance += np.nan_to_num(step) / 2.0
        self._suspicions = Suspicions([channel.name for channel in channels])
        self._motions = Motions(step)
        self.offset = np.full(count, np.nan)
        self.compared = np.zeros(count, np.bool_)
        self._gap = np.zeros(count)  # lasting difference from the others
        self._apart_s = np.full(count, np.nan)
        self._learned_s = np.zeros(count)
        self._read = np.zeros(count)  # readings its offset is made of, up to LEARN_READINGS
        self._astray = np.zeros(count)  # on which side a reading was that is no offset by itself
        self._settles_s = -np.inf  # no votes before
        self._looked_s: dict[int, float] = {}  # by the first channel of a gas
        self._level: dict[int, tuple[float, float]] = {}

    def agree(
        self, poll: Poll, time_s: float, step_s: float, *, has_others: bool, may_doubt: bool
    ) -> Agreement:
        """Return what the sensors say together, let their offsets follow, and hold a vote.

        Parameters
        ----------
        step_s : float
            Time since the step before, s; how far offsets may follow.
        has_others : bool
            Whether there are more of them than those that are not stale.
        may_doubt : bool
            Whether they measure the same thing, so that one that leaves the others is at fault.
        """
        alive, values = poll.sensors, poll.level
        self._motions.hear(poll)
        if len(alive) == 1:
            # One without any other keeps no offset, so that it takes one where it joins others.
            own = float(self.offsets(alive)[0])
            if has_others:
                self.offset[alive[0]] = own
            value = float(values[0]) - own
            return Agreement(value_pa=value, sd_pa=0.0, offset_sd_pa=None, agreeing=1)
        offset = self.offset[alive]
        known = np.isfinite(offset)
        if not known.any():
            offset = values - _median(values)
            known = np.ones(len(alive), np.bool_)
        trusted = known & ~self.is_doubted(alive)
        voters = trusted if trusted.any() else known
        corrected = values - offset
        middle = _median(corrected[voters])
        used = voters & (np.abs(corrected - middle) <= DISAGREEMENT_PA)
        agreeing = int(used.sum())
        weight = KNOWN_VAR / (KNOWN_VAR + poll.level_var)
        agreed = float(corrected[used] @ weight[used] / weight[used].sum()) if agreeing else middle
        follow = min(step_s / OFFSET_MEMORY_S, 1.0) * weight
        pace = np.where(used, follow, np.where(trusted, 0.0, follow / DOUBTED_MEMORY))
        # The first reading alone, with its noise and its code, is no offset: take the mean of many.
        learning = trusted & (self._read[alive] < LEARN_READINGS)
        if learning.any():
            pace = np.where(learning, self._paces(poll, learning, corrected - agreed), pace)
        # One that is new, or read for the first time since a split, joins without a step.
        offset = np.where(known, offset + pace * (corrected - agreed), values - agreed)
        self.offset[alive] = offset
        self._learned_s[alive] += used * step_s
        if may_doubt:
            self._vote(poll, voters, time_s, agreed)
        return Agreement(
            value_pa=agreed,
            sd_pa=_rms(corrected[voters] - agreed),
            offset_sd_pa=_rms(offset - offset.sum() / len(offset)),
            agreeing=agreeing,
        )

    def offsets(self, channels: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the offsets of sensors, Pa; 0 where none is known."""
        offset = self.offset[channels]
        return np.where(np.isnan(offset), 0.0, offset)

    def wait(self, from_s: float) -> None:
        """Hold no votes on readings of before and shortly after this time: a hatch moved."""
        self._settles_s = max(self._settles_s, from_s + SETTLE_S)

    def forget_beyond(self, offset_pa: float) -> None:
        """Forget offsets larger than sensors have: they were learned from different air."""
        channels = np.flatnonzero(np.abs(self.offset) > offset_pa)
        self.offset[channels] = np.nan
        self._motions.forget(channels)
        self._learned_s[channels] = 0.0
        self._read[channels] = self._astray[channels] = 0.0
        self._gap[channels] = 0.0

    def drain(self, at_s: float) -> list[SensorDoubted | SensorTrusted]:
        """Return who lost or regained trust since the last call, as known at this time."""
        return self._suspicions.drain(at_s)

    def is_doubted(self, channels: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which of the sensors are doubted."""
        return np.asarray(self._suspicions.fault[channels] != TRUSTED)

    def doubt(self, channel: int) -> SensorDoubted | None:
        """Return why a sensor is doubted, None if it is not."""
        return self._suspicions.doubt(channel)

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        arrays = {name: getattr(self, name).copy() for name in _ARRAYS}
        tables = {name: dict(getattr(self, name)) for name in _TABLES}
        return {
            **arrays,
            **tables,
            "settles_s": self._settles_s,
            "suspicions": self._suspicions.snapshot(),
            "motions": self._motions.snapshot(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        for name in _ARRAYS:
            setattr(self, name, state[name].copy())
        for name in _TABLES:
            setattr(self, name, dict(state[name]))
        self._settles_s = state["settles_s"]
        self._suspicions.restore(state["suspicions"])
        self._motions.restore(state["motions"])

    def _paces(
        self, poll: Poll, learning: NDArray[np.bool_], strayed: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return how far each offset that is the mean of a few readings follows one more of them.

        `strayed` is by how much each reads too much beside its offset. One reading astray is a spike.
        """
        alive = poll.sensors
        read, heard = self._read[alive], learning & poll.is_new
        side = np.where(np.abs(strayed) > self._tolerance[alive], np.sign(strayed), 0.0)
        is_spike = heard & (side != 0.0) & (side != self._astray[alive])
        # The first reading was one, if the next are elsewhere and together.
        is_anew = heard & (side != 0.0) & ~is_spike & (read <= 1.0)
        self._astray[alive] = np.where(is_anew, 0.0, np.where(heard, side, self._astray[alive]))
        read = np.where(is_anew, 0.0, read)
        believed = heard & ~is_spike
        self._read[alive] = np.minimum(read + believed, LEARN_READINGS)
        return np.asarray(believed / (read + 1.0))

    # -------------------------------------------------------------------- votes

    def _vote(self, poll: Poll, voters: NDArray[np.bool_], time_s: float, agreed: float) -> None:
        alive = poll.sensors
        first = int(alive[0])
        before_s, before = self._level.get(first, (time_s, agreed))
        self._level[first] = (time_s, agreed)
        corrected = poll.level - self.offset[alive]
        fresh = poll.time_s > time_s - FRESH_S
        voters = voters & (self._read[alive] >= LEARN_READINGS)
        if time_s < self._settles_s or fresh.sum() < 2 or not voters.any():
            return
        look = time_s - self._looked_s.get(first, -np.inf) >= LOOK_EVERY_S
        middle = _median(corrected[voters])
        busy = (self._gap[alive] != 0.0).any() or self.is_doubted(alive).any()
        calm = self._tolerance[alive] / 2.0
        if not look and not busy and (np.abs(corrected - middle) <= calm).all():
            return
        self.compared[alive[fresh]] = True
        span_s = time_s - before_s
        if abs(agreed - before) <= QUIET_PA_PER_S * max(span_s, 60.0):
            parted = self._compare(
                alive, corrected, poll.is_new & fresh, fresh & voters, time_s, span_s
            )
            self._weigh(alive, fresh & voters, parted, time_s)
        if look:
            self._looked_s[first] = time_s
            moved = self._motions.look(
                poll,
                self.offset[alive],
                self._learned_s[alive] >= SETTLED_S,
                fresh & voters,
                self._suspicions.fault[alive],
                time_s,
            )
            self._weigh(alive, fresh & voters, moved, time_s)

    def _weigh(
        self,
        alive: NDArray[np.intp],
        voters: NDArray[np.bool_],
        charges: Sequence[Charge],
        time_s: float,
    ) -> None:
        for channel, away_pa in self._suspicions.weigh(alive, voters, charges, time_s):
            self.offset[channel] += away_pa
            self._gap[channel] = 0.0
            self._apart_s[channel] = np.nan

    def _compare(
        self,
        alive: NDArray[np.intp],
        corrected: NDArray[np.float64],
        judged: NDArray[np.bool_],
        voters: NDArray[np.bool_],
        time_s: float,
        span_s: float,
    ) -> list[Charge]:
        """Follow how far each is from the others, and return who is past a bound."""
        if not voters.any():
            return []
        tolerance = self._tolerance[alive]
        apart = corrected - _median(corrected[voters])
        if int(voters.sum()) == 2:
            apart = np.where(voters, 2.0 * apart, apart)  # from the other one
        follow = np.minimum(max(span_s, 1.0) / self._memory_s[alive], MOST_WEIGHT)
        seen = np.clip(apart, -MOST_APART * tolerance, MOST_APART * tolerance)
        gap, apart_s = self._gap[alive], self._apart_s[alive]
        gap += np.where(judged, follow * (seen - gap), 0.0)
        begins = judged & (np.abs(apart) > tolerance) & np.isnan(apart_s)
        over = judged & (np.abs(gap) <= tolerance / 10.0) & (np.abs(apart) <= tolerance)
        self._gap[alive] = gap = np.where(over, 0.0, gap)
        self._apart_s[alive] = apart_s = np.where(over, np.nan, np.where(begins, time_s, apart_s))
        return [
            Charge(
                fault=APART,
                guilty=judged & ~self.is_doubted(alive) & (np.abs(gap) > tolerance),
                looked_at=judged,
                agrees=np.abs(apart) <= tolerance / 2.0,
                difference_pa=apart,
                away_pa=apart,
                since_s=apart_s,
            )
        ]


def _median(values: NDArray[np.float64]) -> float:
    """Return the median; of a handful of values several times faster than NumPy's."""
    ordered = np.sort(values)
    half = len(ordered) // 2
    return float(0.5 * (ordered[half] + ordered[-half - 1]))


def _rms(values: NDArray[np.float64]) -> float:
    return sqrt(float(values @ values) / len(values))
