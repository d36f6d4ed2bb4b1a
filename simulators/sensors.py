"""Reads the true state through sensors: noise, steps, offsets, faults, and losses of signal."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from simulators.gas import Floats
from simulators.schema import Channel, RandomGaps
from simulators.timeline import Fault

Gap = tuple[float, float, bool]  # from, until, whether what was measured is sent afterwards


class Sensor:
    """One channel. Its draws depend on the seed and the readings so far, not on how they are cut."""

    def __init__(
        self, channel: Channel, every: int, faults: Sequence[Fault], rng: np.random.Generator
    ) -> None:
        self._channel = channel
        self._every = every  # steps of the simulation from one reading to the next
        self._faults = faults
        self._rng = rng
        self._stuck_at: dict[Fault, float] = {}
        self._last_sent = np.nan

    def read(
        self, first_step: int, times_s: Floats, true: Floats
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Give what the sensor shows at each step, and whether it says so."""
        due = (first_step + np.arange(len(times_s))) % self._every == 0
        shown = true + self._channel.offset
        shown[due] += self._channel.noise * self._rng.standard_normal(int(due.sum()))
        stuck = []
        for fault in self._faults:
            during = (times_s >= fault.start_s) & (times_s < fault.stop_s)
            if not during.any():
                continue
            if fault.kind == "silent":
                due &= ~during
            elif fault.kind == "offset":
                shown[during] += fault.size
            elif fault.kind == "drift":
                shown[during] += fault.size * (times_s[during] - fault.start_s) / 86400.0
            else:
                stuck.append((fault, during))
        for fault, during in stuck:
            shown[during] = self._stuck_at.setdefault(fault, float(shown[during][0]))
        if self._channel.step:
            shown = np.round(shown / self._channel.step) * self._channel.step
        shown = np.round(shown, 6)
        if self._channel.on_change:
            self._drop_repeats(shown, due)
        return shown, due

    def _drop_repeats(self, shown: Floats, due: NDArray[np.bool_]) -> None:
        """Leave due only the readings that differ from the one before."""
        at = np.flatnonzero(due)
        if len(at):
            before = np.concatenate(([self._last_sent], shown[at[:-1]]))
            due[at[shown[at] == before]] = False
            self._last_sent = float(shown[at[-1]])


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
