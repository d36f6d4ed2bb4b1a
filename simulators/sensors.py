"""Reads the true state through sensors: noise, steps, offsets, faults, and losses of signal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.gas import S_PER_DAY, Floats
from simulators.plan import Fault
from simulators.schema import Channel, RandomGaps

Gap = tuple[float, float, bool]  # from, until, whether what was measured is sent afterwards


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What a sensor says in a block.

    Attributes
    ----------
    row : ndarray of int
        At which of the times of the block each reading is taken.
    value : ndarray
        In the unit of the channel.
    ahead_s, delay_s : ndarray or None
        How much the time it is sent with is ahead of the true one, and how long it is on its way
        without losses of signal; None = not at all, of every reading.
    """

    row: NDArray[np.intp]
    value: Floats
    ahead_s: Floats | None = None
    delay_s: Floats | None = None


class Sensor:
    """One channel. Its draws depend on the seed and the readings so far, not on how they are cut.

    Parameters
    ----------
    step_s : float
        From one time of the simulation to the next.
    """

    def __init__(
        self, channel: Channel, step_s: float, faults: Sequence[Fault], rng: np.random.Generator
    ) -> None:
        self._channel = channel
        self._step_s = step_s
        self._every = round((channel.period_s or step_s) / step_s)
        self._jitter = int(channel.jitter_s // step_s)
        self._beat = max(1, int(channel.longest_silence_s // (self._every * step_s)))
        self._rng = rng
        # Each fault and the jitter draw for themselves, or the cuts would change their turns.
        self._jitter_rng, *others = rng.spawn(1 + len(faults))
        self._faults = list(zip(faults, others, strict=True))
        self._walk_rng = rng.spawn(1)[0]
        self._walked = 0.0
        self._stuck_at: dict[Fault, float] = {}
        self._by_hand = 0  # readings by hand so far
        self._next_by_hand = abs(self._early_or_late())
        self._last_shown = np.nan
        self._repeats = 0  # readings since the last that differed

    def read(self, first_step: int, times_s: Floats, true: Floats) -> Readings:
        """Give what the sensor says of the true values at the times of a block."""
        row = self._due(first_step, len(times_s))
        at_s = times_s[row]
        shown = true[row] + self._channel.offset
        if self._channel.noise:
            shown += self._channel.noise * self._rng.standard_normal(len(row))
        if self._channel.walk_per_root_day:
            shown += self._walk(len(row))
        heard = self._distort(shown, at_s)
        if self._channel.step:
            shown = np.round(shown / self._channel.step) * self._channel.step
        shown = np.round(shown, 6)
        if not heard.all():
            row, at_s, shown = row[heard], at_s[heard], shown[heard]
        if self._channel.on_change:
            news = self._is_news(shown)
            row, at_s, shown = row[news], at_s[news], shown[news]
        return self._sent(row, at_s, shown)

    def _walk(self, count: int) -> Floats:
        """Go on with the walk of the offset; give it at each reading."""
        if not count:
            return np.empty(0)
        spread = np.sqrt(self._every * self._step_s / S_PER_DAY) * self._channel.walk_per_root_day
        steps = spread * self._walk_rng.standard_normal(count)
        path: Floats = np.add.accumulate(np.concatenate(([self._walked], steps)))[1:]
        self._walked = float(path[-1])
        return path

    def _due(self, first_step: int, count: int) -> NDArray[np.intp]:
        """Tell at which times of the block a reading is taken."""
        if not self._jitter:
            return np.arange(-first_step % self._every, count, self._every)
        found = []
        while self._next_by_hand < first_step + count:
            found.append(self._next_by_hand - first_step)
            self._by_hand += 1
            self._next_by_hand = self._by_hand * self._every + self._early_or_late()
        return np.array(found, np.intp)

    def _early_or_late(self) -> int:
        return int(self._jitter_rng.integers(-self._jitter, self._jitter + 1))

    def _distort(self, shown: Floats, at_s: Floats) -> NDArray[np.bool_]:
        """Let the faults change what is shown; tell what is said at all."""
        heard = np.ones(len(shown), np.bool_)
        stuck = []
        for fault, rng in self._faults:
            during = _during(fault, at_s)
            if not len(during):
                continue
            if fault.kind == "silent":
                heard[during] = False
            elif fault.kind == "offset":
                shown[during] += fault.size
            elif fault.kind == "drift":
                shown[during] += fault.size * (at_s[during] - fault.start_s) / S_PER_DAY
            elif fault.kind == "spikes":
                chance, sign = rng.uniform(size=(len(during), 2)).T
                spikes = np.where(sign < 0.5, -fault.size, fault.size)
                shown[during] += np.where(chance < fault.share, spikes, 0.0)
            elif fault.kind == "stuck":
                stuck.append((fault, during))
        for fault, during in stuck:
            shown[during] = self._stuck_at.setdefault(fault, float(shown[during[0]]))
        return heard

    def _is_news(self, shown: Floats) -> NDArray[np.bool_]:
        """Tell which readings differ from the one before, or end the longest silence."""
        if not len(shown):
            return np.zeros(0, np.bool_)
        changed = shown != np.concatenate(([self._last_shown], shown[:-1]))
        index = np.arange(len(shown))
        last_change = np.maximum.accumulate(np.where(changed, index, -1))
        repeats = index - np.where(last_change < 0, -1 - self._repeats, last_change)
        self._last_shown, self._repeats = float(shown[-1]), int(repeats[-1])
        news: NDArray[np.bool_] = repeats % self._beat == 0
        return news

    def _sent(self, row: NDArray[np.intp], at_s: Floats, shown: Floats) -> Readings:
        """Let a bad sender date readings wrong, keep them back or send them twice."""
        ahead, delay = np.zeros(len(row)), np.zeros(len(row))
        twice = np.zeros(len(row), np.bool_)
        is_prompt = True
        for fault, rng in self._faults:
            during = _during(fault, at_s)
            if fault.kind not in ("clock", "late", "duplicate") or not len(during):
                continue
            is_prompt = False
            if fault.kind == "clock":
                ahead[during] += fault.size
                continue
            chance, part = rng.uniform(size=(len(during), 2)).T
            if fault.kind == "late":
                delay[during] += np.where(chance < fault.share, part * fault.size, 0.0)
            else:
                twice[during] |= chance < fault.share
        if is_prompt:
            return Readings(row=row, value=shown)
        again = np.concatenate((np.arange(len(row)), np.flatnonzero(twice)))
        delay = delay[again]
        delay[len(row) :] += self._step_s
        return Readings(row=row[again], value=shown[again], ahead_s=ahead[again], delay_s=delay)


def _during(fault: Fault, at_s: Floats) -> NDArray[np.intp]:
    if not len(at_s) or at_s[-1] < fault.start_s or at_s[0] >= fault.stop_s:
        return np.empty(0, np.intp)
    return np.flatnonzero((at_s >= fault.start_s) & (at_s < fault.stop_s))


class Reception:
    """Tells when what was measured at a time arrives: at once, after a loss of signal, or never."""

    def __init__(
        self,
        start_s: float,
        planned: Sequence[Gap],
        random: RandomGaps | None,
        rng: np.random.Generator,
    ) -> None:
        self._random = _random_gaps(start_s, random, rng) if random else iter(())
        self._next = next(self._random, None)
        self._known: list[Gap] = list(planned)

    def begun_before(self, until_s: float, *, since_s: float) -> list[Gap]:
        """Give the gaps that begin before a time and are not over by another, in order."""
        while self._next is not None and self._next[0] < until_s:
            self._known.append(self._next)
            self._next = next(self._random, None)
        self._known = sorted(gap for gap in self._known if gap[1] >= since_s)
        return [gap for gap in self._known if gap[0] < until_s]

    @staticmethod
    def arrivals(times_s: Floats, gaps: Sequence[Gap]) -> Floats:
        """Give the arrival times of measurements, NaN where they are lost for good."""
        received = times_s.copy()
        for start_s, stop_s, buffered in gaps:
            inside = (received >= start_s) & (received < stop_s)
            received[inside] = stop_s if buffered else np.nan
        return received


def _random_gaps(start_s: float, law: RandomGaps, rng: np.random.Generator) -> Iterator[Gap]:
    """Draw gaps one after the other, without end."""
    at_s = start_s
    while True:
        at_s += rng.exponential(law.every_h * 3600)
        stop_s = at_s + 60 * rng.uniform(*law.minutes)
        buffered = bool(rng.uniform() < law.buffered_fraction)
        yield round(at_s), round(stop_s), buffered
        at_s = stop_s
