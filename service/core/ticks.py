"""Reduces raw readings to one value a channel for every tick in which they arrived."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.samples import Quality, SampleBatch

FAST_S: Final = 1.0  # ticks on which rapid falls are judged
SLOW_S: Final = 60.0  # ticks on which balances are entered and all rules judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """Means of the readings of one channel that arrived before one tick.

    Attributes
    ----------
    tick : ndarray of int64, shape (n,)
        Number of the tick; it stands at `tick * width`. Ascending.
    step : ndarray of int64, shape (n,)
        Minute of event time the readings belong to, counted like ticks and ascending within one;
        it is `tick` itself unless they came more than a minute late.
    channel : ndarray of intp, shape (n,)
    time_s, value : ndarray of float64, shape (n,)
        Mean event time and mean value.
    last, count : ndarray, shape (n,)
        The reading that arrived last, and how many there were.
    """

    tick: NDArray[np.int64]
    step: NDArray[np.int64]
    channel: NDArray[np.intp]
    time_s: NDArray[np.float64]
    value: NDArray[np.float64]
    last: NDArray[np.float64]
    count: NDArray[np.int64]

    def rows(self, first: int, last: int) -> slice:
        """Return where the bins of some ticks in a row stand."""
        return slice(
            int(np.searchsorted(self.tick, first, "left")),
            int(np.searchsorted(self.tick, last, "right")),
        )

    def steps(self, rows: slice) -> list[slice]:
        """Cut the rows of a tick where the step changes, oldest first."""
        step = self.step[rows]
        if len(step) and step[0] == step[-1]:
            return [rows]
        edges = [0, *(np.flatnonzero(np.diff(step)) + 1).tolist(), len(step)]
        places = [rows.start + edge for edge in edges]
        return [slice(a, b) for a, b in pairwise(places) if b > a]


def bin_samples(batch: SampleBatch, width_s: float) -> Bins:
    """Reduce the good readings of a batch, which is in order of arrival, to bins.

    A reading that arrives exactly at a tick belongs to the next one. The sums run in order of
    arrival within each bin, so they do not depend on what else is in the batch.
    """
    good = batch[batch.quality == Quality.GOOD]
    tick = np.floor(good.received_s / width_s).astype(np.int64) + 1
    step = np.floor(good.time_s / width_s).astype(np.int64) + 1
    step = np.where(step >= tick - 1, tick, step)
    order = np.lexsort((good.channel, step, tick))
    tick, step, channel = tick[order], step[order], good.channel[order]
    if not len(order):
        empty = np.empty(0)
        whole = np.empty(0, np.int64)
        return Bins(
            tick=whole,
            step=whole,
            channel=whole,
            time_s=empty,
            value=empty,
            last=empty,
            count=whole,
        )
    change = (np.diff(tick) != 0) | (np.diff(step) != 0) | (np.diff(channel) != 0)
    first = np.concatenate(([0], np.flatnonzero(change) + 1))
    count = np.diff(np.concatenate((first, [len(order)])))
    # Times are averaged from the bin's start, for they are large and close to each other.
    start_s = step * width_s
    delay = np.add.reduceat(good.time_s[order] - start_s, first) / count
    value = np.add.reduceat(good.value[order], first) / count
    return Bins(
        tick=tick[first],
        step=step[first],
        channel=channel[first].astype(np.intp),
        time_s=start_s[first] + delay,
        value=value,
        last=good.value[order][first + count - 1],
        count=count,
    )
