"""The detector that knows everything but the time: what no other can beat by much.

It is told the rates before and after a change, the intensity of the drift and the noise of the
sensors, and sees air whose temperature, gases and activities are perfectly accounted for. What it then
sees is a random walk under white noise, in which it runs the exact likelihood-ratio CUSUM: the
largest likelihood ratio over all times at which the known change could have begun.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RUNS: Final = 60  # draws for each change; the threshold is then right to about a tenth
STEPS_TO_FIND: Final = 60  # steps that the expected delay is cut into at most
BEFORE: Final = 0.5  # of the expected delay, run before the change
HORIZON: Final = 8.0  # expected delays, after which it counts as not found


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A change to be found: mmHg and days.

    Attributes
    ----------
    slope : float
        By how much faster the pressure falls afterwards, mmHg/day.
    ramp : float
        Over how many days it comes to that.
    drift : float
        Intensity of the random walk, mmHg2/day.
    white : float
        Standard deviation of all sensors together at one time, mmHg.
    period : float
        Between two such readings, days.
    interval : float
        Mean time between false alarms, days.
    """

    slope: float
    drift: float
    white: float
    period: float
    interval: float
    ramp: float = 0.0


def delays(task: Task, rng: np.random.Generator) -> list[float | None]:
    """Return how long after the change it was found in each draw, days; None = not at all."""
    guess = max(_expected(task), task.ramp / 2)
    stride = max(1, int(guess / STEPS_TO_FIND / task.period))
    step = stride * task.period
    whitened = _Whitened(task, step, stride)
    begin = max(8, int(BEFORE * guess / step))
    length = begin + math.ceil(HORIZON * guess / step)
    level = _threshold(whitened, task, step, begin, length, rng)
    found: list[float | None] = []
    for _ in range(RUNS):
        phase = float(rng.uniform())  # of the change between two readings
        seen = whitened.innovations(begin, length, task.ramp / step, phase, rng)
        passed = np.flatnonzero(whitened.likelihoods(seen).max(axis=0)[begin:] >= level)
        found.append(float((passed[0] + 1 - phase) * step) if len(passed) else None)
    return found


def _expected(task: Task) -> float:
    """Return about how long it takes: by the walk alone and by the white noise alone.

    The exact delay of a CUSUM in a random walk, and the first-order one in white noise (domain of
    the theory: Moustakides 2004; Lai 1998), added for they hinder each other.
    """
    scale = 2 * task.drift / task.slope**2
    level = 1.0
    for _ in range(50):
        level = math.log(task.interval / scale + level + 1.0)
    walk = scale * (math.exp(-level) + level - 1.0)
    info = 6 * task.white**2 * task.period / task.slope**2
    white = 0.0
    for _ in range(20):
        white = (info * math.log(task.interval / max(white, task.period))) ** (1 / 3)
    return max(walk + white, task.period)


class _Whitened:
    """The steady filter of a random walk in white noise, and what a change does to what it sees."""

    def __init__(self, task: Task, step: float, stride: int) -> None:
        walk, noise = task.drift * step, task.white**2 / stride
        predicted = (walk + math.sqrt(walk**2 + 4 * walk * noise)) / 2
        self.variance = predicted + noise
        self._gain = predicted / self.variance
        self._fall = task.slope * step

    def innovations(
        self, begin: int, length: int, ramp: float, phase: float, rng: np.random.Generator
    ) -> Floats:
        """Draw what the filter does not foresee; the change begins in the step after `begin`."""
        since = np.arange(1, length - begin + 1) - phase
        share = np.minimum(since / ramp, 1.0) if ramp else np.minimum(since, 1.0)
        hidden = np.zeros(length)
        moved = 0.0
        for i, part in enumerate(share.tolist()):
            moved = (1 - self._gain) * moved + part * self._fall
            hidden[begin + i] = moved
        drawn: Floats = hidden + math.sqrt(self.variance) * rng.standard_normal(length)
        return drawn

    def likelihoods(self, seen: Floats) -> Floats:
        """Give the log likelihood ratio of a change after each step (rows) at each step."""
        count = len(seen)
        shift = self._fall * (1 - (1 - self._gain) ** np.arange(1, count + 1)) / self._gain
        lag = np.arange(count)[np.newaxis, :] - np.arange(count)[:, np.newaxis]
        expected = np.where(lag >= 0, shift[np.maximum(lag, 0)], 0.0)
        gained = expected * (seen - expected / 2) / self.variance
        summed: Floats = np.cumsum(gained, axis=1)
        return summed


def _threshold(
    whitened: _Whitened,
    task: Task,
    step: float,
    begin: int,
    length: int,
    rng: np.random.Generator,
) -> float:
    """Return the level that is passed by chance once an interval.

    By change of measure: the chance that the statistic first passes a level, for changes that might
    begin at each step, is the mean under the change of one over the sum of all likelihood ratios
    then (Siegmund, Sequential Analysis, 1985, chapter 2, for one boundary; the sum for many).
    """
    tops, sums = [], []
    for _ in range(RUNS):
        ratios = whitened.likelihoods(whitened.innovations(begin, length, 0.0, 0.0, rng))
        top = np.maximum.accumulate(ratios.max(axis=0))
        ahead = np.tril(np.full(ratios.shape, -np.inf), -1)  # changes yet to come do not count
        tops.append(top)
        sums.append(np.logaddexp.reduce(ratios + ahead, axis=0))
    levels = np.linspace(0.5, math.log(task.interval / step) + 3.0, 200)
    for level in levels.tolist():
        chances = [
            math.exp(-total[first]) if (first := int(np.searchsorted(top, level))) < length else 0.0
            for top, total in zip(tops, sums, strict=True)
        ]
        if float(np.mean(chances)) * task.interval <= step:
            return float(level)
    return float(levels[-1])
