"""Keeps when each channel was heard last, and for how long it says nothing by habit.

A channel that tells changes only is silent for as long as nothing changes.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.units import S_PER_DAY

LEAST_S: Final = 600.0  # a shorter silence is none
MEMORY_S: Final = 3 * S_PER_DAY
HABITUAL: Final = 3  # times within the memory that a channel came back after so long
KEPT: Final = 8  # silences of each channel; only the longest matter
BEYOND: Final = 2.0  # of its habit; changes that come by chance are twice as far apart now and then
_ARRAYS: Final = ("heard_s", "_lasted_s", "_ended_s", "_habit_s")


class Silences:
    """How long each channel has been silent, by the event times of its readings.

    Attributes
    ----------
    heard_s : ndarray, shape (channels,)
        When it was heard last, Unix UTC; minus infinity = never.
    """

    def __init__(self, channels: int) -> None:
        self.heard_s = np.full(channels, -np.inf)
        self._lasted_s = np.zeros((channels, KEPT))
        self._ended_s = np.full((channels, KEPT), -np.inf)
        self._habit_s = np.zeros(channels)
        self._forgets_s = np.full(channels, np.inf)

    def hear(self, channel: int, time_s: float) -> None:
        """Note that a channel was heard."""
        lasted_s = time_s - float(self.heard_s[channel])
        if lasted_s <= 0.0:
            return
        self.heard_s[channel] = time_s
        if LEAST_S <= lasted_s < np.inf or time_s > self._forgets_s[channel]:
            self._learn(channel, lasted_s)

    def unusual_s(self, at_s: float, start_s: float) -> NDArray[np.float64]:
        """Return how long each channel has been silent since a start, s; 0 = no longer than it often is."""
        silent_s = at_s - np.maximum(self.heard_s, start_s)
        return np.where(silent_s > BEYOND * self._habit_s, silent_s, 0.0)

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {name: getattr(self, name).copy() for name in _ARRAYS}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        for name in _ARRAYS:
            setattr(self, name, state[name].copy())
        self._forgets_s = _forgets_s(self._lasted_s, self._ended_s)

    def _learn(self, channel: int, lasted_s: float) -> None:
        lasted, ended = self._lasted_s[channel], self._ended_s[channel]
        lasted[ended < self.heard_s[channel] - MEMORY_S] = 0.0
        shortest = int(np.argmin(lasted))
        if lasted_s >= LEAST_S and lasted_s > lasted[shortest]:
            lasted[shortest], ended[shortest] = lasted_s, self.heard_s[channel]
        self._habit_s[channel] = np.sort(lasted)[-HABITUAL]
        self._forgets_s[channel] = _forgets_s(lasted, ended)


def _forgets_s(lasted_s: NDArray[np.float64], ended_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return when the first of the silences in each row will be too long ago."""
    return np.asarray(np.where(lasted_s > 0.0, ended_s, np.inf).min(axis=-1) + MEMORY_S)
