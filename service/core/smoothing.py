"""Follows what changes slowly through the white noise of its sensors.

A thermometer with steps of 0.05 K and a noise of 0.02 K makes 0.06 mmHg of a pressure that is known
to 0.02; the air itself does not change its temperature from one minute to the next. How much of what
a sensor does is noise, it shows itself: noise makes its readings differ as much after one step as
after many, true changes make them part. And a reading that stands still for an hour and then jumps by
a code tells of no jump: the truth lies about half a code from both.
"""

from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from service.core.tables import Table

APART: Final = 16  # readings over which a true change is told from noise
LEARN_APART: Final = 8  # such stretches before anything is smoothed: two hours at one a minute
MEMORY: Final = 1440.0  # readings, and a tenth as many stretches: a day at one a minute
OUTLIER: Final = 5.0  # standard deviations of the level, that a lone reading may be out of reach
NEAR: Final = 3.0  # standard deviations of white noise that are in reach, beside half a code
LONGEST_S: Final = 1200.0  # time constant: what lags longer would be taken for a leak; [estimate]
LARGEST: Final = 25.0  # times the mean square, beyond which a change is cut when it is learned


class Smoothing(Table):
    """One steady level a channel: a Kalman filter of a random walk under white noise and codes.

    The strengths are learned from the mean squares of changes over one reading and over `APART`, and
    from how often a reading changes at all. A lone outlier is left out; otherwise the level stays as
    near to the reading as code and noise allow, and follows within `LONGEST_S`.

    Attributes
    ----------
    level, level_var : ndarray, shape (n,)
        In the unit of the channel.
    last, time_s, start, start_s : ndarray, shape (n,)
        The newest reading, and the one from which a wide change is taken.
    moves, code_var, span_s : ndarray, shape (n,)
        Share of readings that differ from the one before, the mean square of these changes, and the
        time between two readings.
    wide_square, wide_span_s : ndarray, shape (n,)
        Mean square of changes over `APART` readings, and the time between these.
    doubted : ndarray, shape (n,)
        On which side the newest reading was out of reach; 0 = it was not.
    count : ndarray, shape (n,)
        Readings so far.
    """

    COLUMNS: ClassVar = dict.fromkeys(
        (
            "level",
            "level_var",
            "last",
            "time_s",
            "start",
            "start_s",
            "moves",
            "code_var",
            "span_s",
            "wide_square",
            "wide_span_s",
            "doubted",
            "count",
        ),
        ((), 0.0),
    )
    level: NDArray[np.float64]
    level_var: NDArray[np.float64]
    last: NDArray[np.float64]
    time_s: NDArray[np.float64]
    start: NDArray[np.float64]
    start_s: NDArray[np.float64]
    moves: NDArray[np.float64]
    code_var: NDArray[np.float64]
    span_s: NDArray[np.float64]
    wide_square: NDArray[np.float64]
    wide_span_s: NDArray[np.float64]
    doubted: NDArray[np.float64]
    count: NDArray[np.float64]

    def follow(
        self,
        channels: NDArray[np.intp],
        times_s: NDArray[np.float64],
        values: NDArray[np.float64],
    ) -> None:
        """Let the levels of some channels follow one new reading of each.

        Parameters
        ----------
        channels : ndarray of int, shape (n,)
            Each once.
        times_s, values : ndarray, shape (n,)
        """
        white, code, noise, walk_per_s = self._strengths(channels)
        is_known = self.count[channels] > LEARN_APART * APART
        before = np.where(is_known, self.level[channels], values)
        gap_s = np.where(is_known, times_s - self.time_s[channels], 0.0)
        var = self.level_var[channels] + walk_per_s * gap_s
        surprise = values - before
        reach = code / 2.0 + NEAR * np.sqrt(white)
        side = np.where(np.abs(surprise) > reach + OUTLIER * np.sqrt(var), np.sign(surprise), 0.0)
        is_lone = (side != 0.0) & (side != self.doubted[channels])
        gain = np.maximum(var / np.maximum(var + noise, 1e-300), 1.0 - np.exp(-gap_s / LONGEST_S))
        gain = np.where(is_lone, 0.0, gain)
        level = before + gain * surprise
        near = np.clip(level, values - reach, values + reach)
        self.level[channels] = np.where(is_lone, level, near)
        self.level_var[channels] = np.where(is_known, (1.0 - gain) * var, noise)
        self.doubted[channels] = side
        self._learn(channels, times_s, values)

    def _strengths(self, channels: NDArray[np.intp]) -> tuple[NDArray[np.float64], ...]:
        """Return the variance of white noise, the code, the variance of both, and the walk per second.

        The error of a code stays as long as the reading does, so that so many count as one.
        """
        moves = np.maximum(self.moves[channels], 1.0 / MEMORY)
        square, span_s = moves * self.code_var[channels], self.span_s[channels]
        wide, wide_s = self.wide_square[channels], self.wide_span_s[channels]
        walk_per_s = np.maximum(wide - square, 0.0) / np.maximum(wide_s - span_s, 1.0)
        white = np.maximum(square - walk_per_s * span_s, 0.0) / 2.0
        noise = white + self.code_var[channels] / (24.0 * moves)
        return white, np.sqrt(self.code_var[channels]), noise, walk_per_s

    def _learn(
        self,
        channels: NDArray[np.intp],
        times_s: NDArray[np.float64],
        values: NDArray[np.float64],
    ) -> None:
        self.count[channels] += 1.0
        count = self.count[channels]
        first = channels[count == 1.0]
        self.start[first], self.start_s[first] = values[count == 1.0], times_s[count == 1.0]
        later = count > 1.0
        known, heard = channels[later], np.minimum(count[later] - 1.0, MEMORY)
        change = np.square(values[later] - self.last[known])
        has_moved = change > 0.0
        self.moves[known] += (has_moved - self.moves[known]) / heard
        moved, often = known[has_moved], np.maximum(heard * self.moves[known], 1.0)[has_moved]
        least = np.minimum(change[has_moved], _most(self.code_var[moved], often))
        self.code_var[moved] += (least - self.code_var[moved]) / often
        span_s = times_s[later] - self.time_s[known]
        self.span_s[known] += (span_s - self.span_s[known]) / heard
        self.last[channels], self.time_s[channels] = values, times_s
        ends = later & ((count - 1.0) % APART == 0.0)
        wide, heard = channels[ends], np.minimum((count[ends] - 1.0) / APART, MEMORY / 10.0)
        change = np.square(values[ends] - self.start[wide])
        usual = np.maximum(self.wide_square[wide], self.code_var[wide])
        change = np.minimum(change, _most(usual, heard))
        self.wide_square[wide] += (change - self.wide_square[wide]) / heard
        span_s = times_s[ends] - self.start_s[wide]
        self.wide_span_s[wide] += (span_s - self.wide_span_s[wide]) / heard
        self.start[wide], self.start_s[wide] = values[ends], times_s[ends]


def _most(usual: NDArray[np.float64], heard: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return beyond what a squared change is cut, once it is known what is usual."""
    return np.where((heard > LEARN_APART) & (usual > 0.0), LARGEST * usual, np.inf)
