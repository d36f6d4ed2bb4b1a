"""Follows what changes slowly through the white noise of its sensors.

A thermometer with steps of 0.05 K and a noise of 0.02 K makes 0.06 mmHg of a pressure that is known
to 0.02; the air itself does not change its temperature from one minute to the next. How much of what
a sensor does is noise, it shows itself: noise makes its readings differ as much after one step as
after many, true changes make them part. And a reading that stands still for an hour and then jumps by
a code tells of no jump: it says that the truth lies within half a code.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

APART: Final = 16  # readings over which a true change is told from noise
LEARN_APART: Final = 8  # such stretches before anything is smoothed: two hours at one a minute
MEMORY: Final = 1440.0  # readings, and a tenth as many stretches: a day at one a minute
OUTLIER: Final = (
    5.0  # standard deviations of the level; a single reading further off is not believed
)
NEAR: Final = (
    3.0  # standard deviations of white noise, by which a reading may be off beside half a code
)
LARGEST: Final = 25.0  # times the mean square, beyond which a change is cut when it is learned
_ARRAYS: Final = (
    "level",
    "level_var",
    "time_s",
    "last",
    "start",
    "start_s",
    "square",
    "moves",
    "span_s",
    "wide_square",
    "wide_span_s",
    "doubted",
    "count",
)


class Smoothing:
    """One steady level a channel: a Kalman filter of a random walk under white noise and codes.

    The strengths are learned from the mean squares of changes over one reading and over `APART`, and
    from how often a reading changes at all. A lone outlier is left out; otherwise the level stays as
    near to the reading as code and noise allow, so that it does not fall behind.
    """

    def __init__(self, count: int) -> None:
        self._level = np.full(count, np.nan)
        self._level_var = np.zeros(count)
        self._time_s = np.full(count, np.nan)
        self._last = np.full(count, np.nan)
        self._start = np.full(count, np.nan)  # reading from which a wide change is taken, and when
        self._start_s = np.full(count, np.nan)
        self._square = np.zeros(count)
        self._moves = np.zeros(count)  # share of readings that differ from the one before
        self._span_s = np.zeros(count)
        self._wide_square = np.zeros(count)
        self._wide_span_s = np.zeros(count)
        self._doubted = np.zeros(count)
        self._count = np.zeros(count)

    def take(
        self,
        channels: NDArray[np.intp],
        times_s: NDArray[np.float64],
        values: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the levels after one new reading of each of some channels.

        Parameters
        ----------
        channels : ndarray of int, shape (n,)
            Each once.
        times_s, values : ndarray, shape (n,)
        """
        white, code, noise, walk_per_s = self._strengths(channels)
        is_known = self._count[channels] > LEARN_APART * APART
        before = np.where(is_known, self._level[channels], values)
        gap_s = np.where(is_known, times_s - self._time_s[channels], 0.0)
        var = self._level_var[channels] + walk_per_s * gap_s
        surprise = values - before
        reach = code / 2.0 + NEAR * np.sqrt(white)
        side = np.where(np.abs(surprise) > reach + OUTLIER * np.sqrt(var), np.sign(surprise), 0.0)
        is_lone = (side != 0.0) & (side != self._doubted[channels])
        gain = np.where(is_lone, 0.0, var / np.maximum(var + noise, 1e-300))
        level = before + gain * surprise
        near = np.clip(level, values - reach, values + reach)
        self._level[channels] = np.where(is_lone, level, near)
        self._level_var[channels] = np.where(is_known, (1.0 - gain) * var, noise)
        self._doubted[channels] = side
        self._learn(channels, times_s, values)
        return self._level[channels]

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {name: getattr(self, f"_{name}").copy() for name in _ARRAYS}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        for name in _ARRAYS:
            setattr(self, f"_{name}", state[name].copy())

    def _strengths(self, channels: NDArray[np.intp]) -> tuple[NDArray[np.float64], ...]:
        """Return the variance of white noise, the code, the variance of both, and the walk per second.

        The error of a code stays as long as the reading does, so that so many count as one.
        """
        square, span_s = self._square[channels], self._span_s[channels]
        wide, wide_s = self._wide_square[channels], self._wide_span_s[channels]
        walk_per_s = np.maximum(wide - square, 0.0) / np.maximum(wide_s - span_s, 1.0)
        white = np.maximum(square - walk_per_s * span_s, 0.0) / 2.0
        moves = np.maximum(self._moves[channels], 1.0 / MEMORY)
        code_var = square / moves
        return white, np.sqrt(code_var), white + code_var / (24.0 * moves), walk_per_s

    def _learn(
        self,
        channels: NDArray[np.intp],
        times_s: NDArray[np.float64],
        values: NDArray[np.float64],
    ) -> None:
        self._count[channels] += 1.0
        count = self._count[channels]
        first = channels[count == 1.0]
        self._start[first], self._start_s[first] = values[count == 1.0], times_s[count == 1.0]
        later = count > 1.0
        known, heard = channels[later], np.minimum(count[later] - 1.0, MEMORY)
        change = np.square(values[later] - self._last[known])
        self._square[known] += (
            _cut(change, self._square[known], heard) - self._square[known]
        ) / heard
        self._moves[known] += ((change > 0.0) - self._moves[known]) / heard
        span_s = times_s[later] - self._time_s[known]
        self._span_s[known] += (span_s - self._span_s[known]) / heard
        self._last[channels], self._time_s[channels] = values, times_s
        ends = (count - 1.0) % APART == 0.0
        ends &= count > 1.0
        wide, heard = channels[ends], np.minimum((count[ends] - 1.0) / APART, MEMORY / 10.0)
        change = np.square(values[ends] - self._start[wide])
        self._wide_square[wide] += (
            _cut(change, self._wide_square[wide], heard) - self._wide_square[wide]
        ) / heard
        span_s = times_s[ends] - self._start_s[wide]
        self._wide_span_s[wide] += (span_s - self._wide_span_s[wide]) / heard
        self._start[wide], self._start_s[wide] = values[ends], times_s[ends]


def _cut(
    change: NDArray[np.float64], usual: NDArray[np.float64], heard: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return squared changes, those far beyond the usual cut once that is known."""
    most = np.where((heard > LEARN_APART) & (usual > 0.0), LARGEST * usual, np.inf)
    cut: NDArray[np.float64] = np.minimum(change, most)
    return cut
