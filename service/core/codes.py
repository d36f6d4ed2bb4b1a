"""Tells where within its code each coarse gauge stands.

A gauge that resolves half a millimetre says the same for hours and then jumps; the air did not jump.
While it repeats a code the pressure is somewhere within, the less known the longer ago it came in;
when it changes to the next code, the pressure is at the edge between the two, known as well as the
noise before rounding allows. So every reading is taken for the interval that it is, not for its middle.
"""

from math import pi, sqrt
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from service.core.link import Link
from service.core.rounding import cut_normal
from service.core.tables import Table
from service.core.units import PA_PER_MMHG, S_PER_DAY

# How far the pressure of a cabin wanders, beside what temperature explains (Astro Pi records of 2016
# and 2022): 0.1 mmHg in an hour.
WALK_PA2_PER_S: Final = 0.2 * PA_PER_MMHG**2 / S_PER_DAY
# Codes are so many times as wide as the noise. In finer ones noise dithers: by Bennett's expansion the
# mean of many readings is off by 0.1 of a code at most.
COARSE: Final = 4.0
# Changes alike before a width of codes is believed, and changes after that before it is used.
LEARN_CHANGES: Final = 4.0
FINER: Final = 0.75  # of a code; a change that is less is not of it
ALIKE: Final = 0.1  # by which changes of one code may differ, for they are rounded once more
MEMORY: Final = 1440.0  # readings: a day at one a minute
SOON_S: Final = 1800.0  # a gauge that tells changes only repeats itself after longer silences alone
FLICKER: Final = 2.0 / sqrt(pi)  # readings that differ from the one before, times code over noise
LEAST_NOISE: Final = 1.0 / 16.0  # of a code, before rounding; [estimate]
# A gauge that tells changes only: so many of its readings differ from the one before, and the mean
# time between two is so many times the least.
ON_CHANGE: Final = 0.8
IRREGULAR: Final = 1.5
ONE_CODE: Final = 1.5  # codes; a smaller change is to the next
# Share of the changes of a coarse gauge that are to the next code; spikes and steps are not.
MOSTLY: Final = 0.6
OUT_OF_REACH: Final = 5.0  # standard deviations


class Codes(Table):
    """One level a gauge, known by the codes it has told: moments of a normal cut to an interval.

    The width of a code is the least change that is seen again and again, and the noise before rounding
    follows from how often codes change. A lone reading out of reach is left out; a second one on the same
    side is where the gauge stands now.

    Parameters
    ----------
    noise_pa : ndarray, shape (n,)
        Standard deviation before rounding as declared; NaN = it is learned.
    link : Link
        Who tells changes only may have missed one while it was broken.

    Attributes
    ----------
    level, level_var : ndarray, shape (n,)
        Mean and variance, Pa and Pa^2.
    last, last_s, time_s : ndarray, shape (n,)
        The newest reading and its time, and when the level was found.
    code, noise : ndarray, shape (n,)
        Width of a code, infinite = unknown, and standard deviation before rounding, Pa.
    finer, alike : ndarray, shape (n,)
        A change that is finer than the code, Pa, and how many of these in succession were alike.
    moves, span_s, least_s, count : ndarray, shape (n,)
        Of readings that came shortly after another: the share that differs from it, the mean and
        the least time between, the latter of late, and how many there were.
    single, changes : ndarray, shape (n,)
        Share of changes that are to the next code, and how many there were.
    coarse, silent : ndarray, shape (n,)
        1 where the code is wide beside the noise, and where such a gauge tells changes only.
    doubted, lone : ndarray, shape (n,)
        On which side the newest reading was out of reach, 0 = it was not; and 1 where the one before
        was not there, so that it may be a spike.
    """

    COLUMNS: ClassVar = {
        **dict.fromkeys(
            (
                "level",
                "level_var",
                "last",
                "time_s",
                "noise",
                "finer",
                "alike",
                "moves",
                "span_s",
                "single",
                "changes",
                "count",
                "coarse",
                "silent",
                "doubted",
                "lone",
            ),
            ((), 0.0),
        ),
        "last_s": ((), -np.inf),
        **dict.fromkeys(("code", "least_s"), ((), np.inf)),
    }
    level: NDArray[np.float64]
    level_var: NDArray[np.float64]
    last: NDArray[np.float64]
    last_s: NDArray[np.float64]
    time_s: NDArray[np.float64]
    code: NDArray[np.float64]
    noise: NDArray[np.float64]
    finer: NDArray[np.float64]
    alike: NDArray[np.float64]
    moves: NDArray[np.float64]
    span_s: NDArray[np.float64]
    least_s: NDArray[np.float64]
    single: NDArray[np.float64]
    changes: NDArray[np.float64]
    count: NDArray[np.float64]
    coarse: NDArray[np.float64]
    silent: NDArray[np.float64]
    doubted: NDArray[np.float64]
    lone: NDArray[np.float64]

    def __init__(self, noise_pa: NDArray[np.float64], link: Link) -> None:
        super().__init__(len(noise_pa))
        self.link = link
        self._declared_pa = noise_pa

    def follow(
        self,
        gauges: NDArray[np.intp],
        times_s: NDArray[np.float64],
        readings: NDArray[np.float64],
        last: NDArray[np.float64],
        counts: NDArray[np.int64],
    ) -> None:
        """Take in new readings of some gauges.

        Parameters
        ----------
        gauges : ndarray of int, shape (n,)
            Each once.
        times_s, readings : ndarray, shape (n,)
            Event time, and pressure in Pa.
        last, counts : ndarray, shape (n,)
            The newest of those that each is the mean of, and how many these are; the mean of
            several tells nothing of codes.
        """
        for gauge, time_s, reading, newest, count in zip(
            gauges.tolist(),
            times_s.tolist(),
            readings.tolist(),
            last.tolist(),
            counts.tolist(),
            strict=True,
        ):
            was_lone = self.lone[gauge] > 0.0
            self._take(gauge, time_s, reading)
            if count == 1 and not was_lone and self.lone[gauge] == 0.0:
                self._learn(gauge, time_s, reading)
            self.last[gauge], self.last_s[gauge] = newest, time_s

    def hold(self, gauges: NDArray[np.intp], time_s: float) -> None:
        """Let some gauges, which would have told of a change, say the same once more."""
        for gauge in gauges.tolist():
            if time_s > self.time_s[gauge]:
                self._take(gauge, time_s, float(self.last[gauge]))

    def is_coarse(self, gauges: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return of which gauges the level is to be taken, not the reading."""
        return np.asarray(self.coarse[gauges] > 0.0)

    def stands(self, gauges: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Return which gauges stand where they were, because they would have told of a change."""
        has_link = self.last_s[gauges] >= self.link.unbroken_s
        return np.asarray((self.silent[gauges] > 0.0) & has_link)

    def tells(self, gauges: NDArray[np.intp], is_new: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which gauges tell of now: those that stand, and new readings but lone ones out of reach."""
        return np.asarray((is_new | self.stands(gauges)) & (self.lone[gauges] == 0.0))

    def variances(self, gauges: NDArray[np.intp], time_s: float) -> NDArray[np.float64]:
        """Return how well the levels are known at a time, Pa^2; 0 of what is not coarse."""
        since_s = np.maximum(time_s - self.time_s[gauges], 0.0)
        var = self.level_var[gauges] + WALK_PA2_PER_S * since_s
        return np.where(self.is_coarse(gauges), var, 0.0)

    def edges(
        self,
        gauges: NDArray[np.intp],
        offsets: NDArray[np.float64],
        is_new: NDArray[np.bool_],
    ) -> tuple[float, float] | None:
        """Return between which pressures all gauges round to what they say now, Pa.

        None where one is not coarse, or none says anything now. Gauges that contradict each other
        leave nothing between the edges: both are the middle.

        Parameters
        ----------
        gauges : ndarray of int, shape (n,)
        offsets : ndarray, shape (n,)
            By how much they read too much, Pa.
        is_new : ndarray of bool, shape (n,)
            Which of them spoke in this step.
        """
        told = self.tells(gauges, is_new)
        if not told.any() or not self.is_coarse(gauges).all():
            return None
        middle = (self.last[gauges] - offsets)[told]
        half = self.code[gauges][told] / 2.0
        low, high = float((middle - half).max()), float((middle + half).min())
        return min(low, (low + high) / 2.0), max(high, (low + high) / 2.0)

    def _take(self, gauge: int, time_s: float, reading: float) -> None:
        """Let the level of a gauge follow a reading."""
        before_s = float(self.time_s[gauge])
        self.time_s[gauge] = max(time_s, before_s)
        half, noise = float(self.code[gauge]) / 2.0, float(self.noise[gauge])
        if self.coarse[gauge] == 0.0:
            self.level[gauge], self.level_var[gauge] = reading, half * half / 3.0
            self.doubted[gauge] = self.lone[gauge] = 0.0
            return
        var = float(self.level_var[gauge]) + WALK_PA2_PER_S * max(time_s - before_s, 0.0)
        sd = sqrt(var + noise * noise)
        surprise = reading - float(self.level[gauge])
        side = float(np.sign(surprise)) if abs(surprise) > half + OUT_OF_REACH * sd else 0.0
        is_lone = side != 0.0 and side != self.doubted[gauge]
        self.doubted[gauge], self.lone[gauge] = side, float(is_lone)
        if is_lone:
            self.level_var[gauge] = var
        elif side != 0.0:
            self.level[gauge], self.level_var[gauge] = reading, half * half / 3.0
        else:
            mean, left = cut_normal((surprise - half) / sd, (surprise + half) / sd)
            gain = var / sd
            self.level[gauge] += gain * mean
            self.level_var[gauge] = var - gain * gain * (1.0 - left)

    def _learn(self, gauge: int, time_s: float, reading: float) -> None:
        """Learn the code of a gauge, its noise and its habit from two readings."""
        if self.last_s[gauge] == -np.inf:
            return
        change = abs(reading - float(self.last[gauge]))
        span_s = time_s - float(self.last_s[gauge])
        if span_s <= SOON_S:
            self.count[gauge] += 1.0
            heard = min(float(self.count[gauge]), MEMORY)
            self.moves[gauge] += (float(change > 0.0) - self.moves[gauge]) / heard
            self.span_s[gauge] += (span_s - self.span_s[gauge]) / heard
            least_s = (1.0 + 1.0 / MEMORY) * float(self.least_s[gauge])
            self.least_s[gauge] = min(least_s, span_s)
        if change > 0.0:
            self._narrow(gauge, change)
        if change > 0.0 and np.isfinite(self.code[gauge]):
            self.changes[gauge] += 1.0
            more = float(change < ONE_CODE * self.code[gauge]) - self.single[gauge]
            self.single[gauge] += more / min(float(self.changes[gauge]), MEMORY)
        is_stepping = self.changes[gauge] >= LEARN_CHANGES and self.single[gauge] > MOSTLY
        is_irregular = self.span_s[gauge] > IRREGULAR * self.least_s[gauge]
        is_silent = is_stepping and is_irregular and self.moves[gauge] > ON_CHANGE
        flickers = 0.0 if is_silent else self.moves[gauge] / FLICKER
        learned_pa = max(flickers, LEAST_NOISE) * self.code[gauge]
        declared_pa = self._declared_pa[gauge]
        self.noise[gauge] = learned_pa if np.isnan(declared_pa) else declared_pa
        is_coarse = is_stepping and self.code[gauge] > COARSE * self.noise[gauge]
        self.coarse[gauge] = float(is_coarse)
        self.silent[gauge] = float(is_coarse and is_silent)

    def _narrow(self, gauge: int, change: float) -> None:
        """Take changes that are finer than the code for codes once some in succession are alike."""
        if change >= FINER * self.code[gauge]:
            return
        is_alike = abs(change - self.finer[gauge]) <= ALIKE * change
        self.alike[gauge] = self.alike[gauge] + 1.0 if is_alike else 1.0
        self.finer[gauge] = change
        if self.alike[gauge] >= LEARN_CHANGES:
            self.code[gauge] = change
            self.alike[gauge] = self.changes[gauge] = self.single[gauge] = 0.0
