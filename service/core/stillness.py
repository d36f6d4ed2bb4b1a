"""Follows how long each channel has repeated its value, and how long is still plausible for it.

A healthy sensor moves by its own noise, so how long it can repeat one value follows from noise, step
and the time between its readings, or from how long it was ever seen to. Both must be passed.
"""

from collections.abc import Mapping
from itertools import pairwise
from math import erf, log, sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.samples import Quality, SampleBatch
from service.core.station import Station
from service.core.ticks import SLOW_S

CHANCE: Final = 1e-6  # of as many equal readings; once in 2 years of 60 s readings
HABITS: Final = 3.0  # of n stretches one is so much longer than the longest with 1 in n^3
LEARN_CHANGES: Final = 30.0  # then that is 1 in 27,000
LEARN_S: Final = 86400.0  # heat and noise of the crew's day have been seen
MEMORY_S: Final = 30 * 86400.0  # a habit of before is forgotten so
GROWS: Final = 2.0  # a stretch beyond what was plausible may be a fault: it is learned in parts
_ARRAYS: Final = (
    "value",
    "since_s",
    "_last_s",
    "_good_s",
    "_count",
    "_habit_s",
    "_changes",
    "_learned_s",
    "_step",
)


class Stillness:
    """How long each channel has stood still, by the event times of its readings."""

    def __init__(self, station: Station) -> None:
        count = len(station.channels)
        self._noise = np.array([c.noise or 0.0 for c in station.channels])
        self.value = np.full(count, np.nan)
        self.since_s = np.full(count, np.nan)  # first reading of the present value
        self._last_s = np.full(count, -np.inf)
        self._good_s = np.full(count, -np.inf)  # newest that the sender does not mark as held
        self._count = np.zeros(count)  # readings of the present value that are not held
        self._habit_s = np.zeros(count)  # longest stretch that was seen
        self._changes = np.zeros(count)
        self._learned_s = np.zeros(count)
        self._step = np.array([c.step or np.inf for c in station.channels])

    def take(self, readings: SampleBatch) -> None:
        """Follow readings sorted by channel and event time; late ones say nothing any more."""
        readings = readings[readings.time_s > self._last_s[readings.channel]]
        if not len(readings):
            return
        channel = readings.channel.astype(np.intp)
        is_held = readings.quality == Quality.HELD
        self._last_s[channel] = readings.time_s  # of equal places the last one stays
        good = readings[~is_held]
        if not len(good):
            return
        channel, time_s = good.channel.astype(np.intp), good.time_s
        first = np.append(True, np.diff(channel) != 0)
        before = np.where(first, self.value[channel], np.append(np.nan, good.value[:-1]))
        moved = ~(good.value == before)
        step = np.abs(good.value - before)
        np.fmin.at(self._step, channel[moved], step[moved])
        self._good_s[channel] = time_s
        self.value[channel] = good.value
        self._end(channel[moved], time_s[moved])
        np.add.at(self._count, channel[time_s >= self.since_s[channel]], 1.0)

    def stand(self, channels: NDArray[np.intp], least_s: float) -> NDArray[np.bool_]:
        """Return which channels have said nothing new for a time, plausible or not."""
        last_s = self._last_s[channels]
        still = last_s - self.since_s[channels] >= least_s  # false where nothing was ever heard
        return np.asarray(still | (last_s >= self._good_s[channels] + least_s) & (last_s > -np.inf))

    def still_s(self, channel: int) -> float | None:
        """Return for how long a channel has stood still beyond what is plausible, s; 0 = it has not.

        None = nothing is known of what is plausible for it.
        """
        if self.is_held(channel):
            return float(self._last_s[channel] - self._good_s[channel])
        plausible_s = self._plausible_s(channel)
        if plausible_s is None:
            return None
        still_s = float(self._last_s[channel] - self.since_s[channel])
        return still_s if still_s > plausible_s else 0.0

    def is_held(self, channel: int) -> bool:
        """Say whether the sender marks its newest reading as a repetition."""
        return bool(self._last_s[channel] > self._good_s[channel] > -np.inf)

    def stopped_s(self, channel: int) -> float:
        """Return when the channel last said something new, Unix UTC."""
        is_held = self.is_held(channel)
        return float(self._good_s[channel] if is_held else self.since_s[channel])

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {name: getattr(self, name).copy() for name in _ARRAYS}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        for name in _ARRAYS:
            setattr(self, name, state[name].copy())

    def _end(self, channel: NDArray[np.intp], time_s: NDArray[np.float64]) -> None:
        """End the stretches of channels that moved, by channel and time, and learn their length."""
        first = np.append(True, np.diff(channel) != 0) if len(channel) else np.empty(0, np.bool_)
        began_s = np.where(first, self.since_s[channel], np.append(np.nan, time_s)[: len(channel)])
        known = np.isfinite(began_s)
        ended, lasted_s = channel[known], (time_s - began_s)[known]
        self._learn_all(ended, lasted_s)
        self.since_s[channel] = time_s
        self._count[channel] = 0.0

    def _learn_all(self, channel: NDArray[np.intp], lasted_s: NDArray[np.float64]) -> None:
        """Learn stretches, sorted by channel; those of most channels are within their habit."""
        whose, place = np.unique(channel, return_inverse=True)
        nth = np.arange(len(channel)) - np.searchsorted(channel, channel)
        stretches_s = np.zeros((int(nth.max(initial=-1)) + 1, len(whose)))  # as they came; 0 = none
        stretches_s[nth, place] = lasted_s
        left = 1.0 - np.minimum(stretches_s / MEMORY_S, 1.0)
        habit_s = self._habit_s[whose]
        # What is no longer than so many times all that is left of the habit is learned as it is.
        is_usual = stretches_s.max(axis=0, initial=0.0) <= GROWS * habit_s * left.prod(axis=0)
        for one_s, kept in zip(stretches_s, left, strict=True):
            habit_s = np.maximum(habit_s * kept, one_s)
        self._habit_s[whose[is_usual]] = habit_s[is_usual]
        usual = is_usual[place]
        np.add.at(self._changes, channel[usual], 1.0)
        np.add.at(self._learned_s, channel[usual], lasted_s[usual])
        for row in np.flatnonzero(~usual).tolist():
            self._learn(int(channel[row]), float(lasted_s[row]))

    def _learn(self, channel: int, lasted_s: float) -> None:
        """Learn one stretch of a channel."""
        habit_s = float(self._habit_s[channel]) * (1.0 - min(lasted_s / MEMORY_S, 1.0))
        if lasted_s > habit_s:
            plausible_s = self._plausible_s(channel)
            if plausible_s is not None and lasted_s > plausible_s:
                lasted_s = min(lasted_s, max(GROWS * habit_s, plausible_s / HABITS))
        self._habit_s[channel] = max(habit_s, lasted_s)
        self._changes[channel] += 1.0
        self._learned_s[channel] += lasted_s

    def _plausible_s(self, channel: int) -> float | None:
        """Return how long a channel may repeat one value, None = that is not known."""
        by_noise_s = self._by_noise_s(channel)
        is_learned = self._changes[channel] >= LEARN_CHANGES and self._learned_s[channel] >= LEARN_S
        if not is_learned:
            return by_noise_s
        return max(HABITS * float(self._habit_s[channel]), by_noise_s or 0.0)

    def _by_noise_s(self, channel: int) -> float | None:
        """Return how long noise of the declared size lets a value stand, at worst; None = unknown."""
        noise, step = float(self._noise[channel]), float(self._step[channel])
        if noise == 0.0 or not np.isfinite(step):
            return None
        # In the middle of a code the noise must reach beyond half a step.
        stays = erf(step / (2.0 * sqrt(2.0) * noise))
        if stays >= 1.0:
            return None
        readings = log(CHANCE) / log(stays) if stays > 0.0 else 1.0
        span_s = float(self._good_s[channel] - self.since_s[channel])
        period_s = span_s / max(float(self._count[channel]) - 1.0, 1.0)
        return readings * period_s


def by_tick(readings: SampleBatch) -> dict[int, SampleBatch]:
    """Return readings by the slow tick after their arrival, each by channel and event time.

    A reading that arrives exactly at a tick belongs to the next one.
    """
    if not len(readings):
        return {}
    tick = np.floor(readings.received_s / SLOW_S).astype(np.int64) + 1
    order = np.lexsort((readings.time_s, readings.channel, tick))
    tick, readings = tick[order], readings[order]
    edges = np.append(np.flatnonzero(np.diff(tick, prepend=tick[0] - 1)), len(tick)).tolist()
    return {int(tick[first]): readings[first:last] for first, last in pairwise(edges)}
