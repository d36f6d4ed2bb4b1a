"""Cuts the fine steps of a simulation into the longer ones that the physics of the air takes.

Nothing in the air changes faster than in minutes but where something begins or ends, so a stride
of a minute ends at every such moment, and amounts of gas are straight lines in between. Valves
that open with a hatch are the exception: for some minutes after it moved each step counts.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.gas import Floats

STRIDE_S: Final = 60.0
EVENING_S: Final = 600.0  # a valve fills a module in minutes

Rows = NDArray[np.intp]


class Strides:
    """The ends of strides on the grid of fine steps, wherever blocks are cut at whole strides.

    Parameters
    ----------
    moments_s : sequence of float
        When flows and leaks change: a stride ends just before or then.
    hatches_s : sequence of float
        When hatches move: strides of one step lead to the next state and through what follows.
    """

    def __init__(
        self,
        origin_s: float,
        step_s: float,
        moments_s: Sequence[float],
        hatches_s: Sequence[float],
    ) -> None:
        self._steps = max(1, int(STRIDE_S // step_s))
        before = np.floor((np.array(moments_s) - origin_s) / step_s)
        moved = np.ceil((np.array(hatches_s) - origin_s) / step_s)
        evening = np.arange(-1, int(EVENING_S // step_s) + 1)
        after = (moved[:, np.newaxis] + evening).ravel()
        self._special = np.unique(np.concatenate((before, after))).astype(np.intp)

    def whole(self, steps: float) -> int:
        """Round a number of steps up to whole strides."""
        return max(1, int(np.ceil(round(steps, 6) / self._steps))) * self._steps

    def ends(self, first: int, stop: int) -> Rows:
        """Give the rows of the block from step `first` to (not with) `stop` that end a stride."""
        usual = np.arange(self._steps - 1, stop - first, self._steps)
        inside = (self._special >= first) & (self._special < stop)
        return np.union1d(usual, self._special[inside] - first)

    @staticmethod
    def between(before: Floats, after: Floats, ends: Rows, lengths: Rows) -> Floats:
        """Give the amounts at every row up to the last end, from those before and at the ends."""
        if (lengths == 1).all():
            return after
        nodes = np.concatenate((before[np.newaxis], after))
        stride = np.repeat(np.arange(len(ends)), lengths)
        first = np.repeat(ends - lengths + 1, lengths)
        row = np.arange(int(ends[0] - lengths[0] + 1), int(ends[-1]) + 1)
        part = ((row - first + 1) / lengths[stride])[:, np.newaxis, np.newaxis]
        line: Floats = nodes[stride] + part * (nodes[stride + 1] - nodes[stride])
        return line
