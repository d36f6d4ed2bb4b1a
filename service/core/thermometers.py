"""Knows how warm it is at every thermometer, also at those that are silent.

Modules differ by some kelvin, so the mean of the thermometers that are heard would jump when one falls
silent or comes back. One that is silent is taken to have moved as the others of its air have since.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Thermometers:
    """Where every thermometer stands, by itself or with the others.

    Parameters
    ----------
    count : int
        Channels of the station; those that are no thermometers are never asked for.
    """

    def __init__(self, count: int) -> None:
        self._level_k = np.full(count, np.nan)
        self._was_heard = np.zeros(count, np.bool_)

    def carried(
        self,
        thermometers: NDArray[np.intp],
        is_heard: NDArray[np.bool_],
        levels_k: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the temperature at each thermometer of an air, K; NaN where none was ever told.

        Parameters
        ----------
        thermometers : ndarray of int, shape (n,)
        is_heard : ndarray of bool, shape (n,)
        levels_k : ndarray, shape (n,)
            What they say; of those that are not heard it does not matter.
        """
        before_k = self._level_k[thermometers]
        told_k = (levels_k - before_k)[is_heard & np.isfinite(before_k)]
        steps_k = (levels_k - before_k)[is_heard & self._was_heard[thermometers]]
        moves_k = steps_k if len(steps_k) else told_k
        moved_k = float(moves_k.mean()) if len(moves_k) else 0.0
        level_k = np.where(is_heard, levels_k, before_k + moved_k)
        self._level_k[thermometers], self._was_heard[thermometers] = level_k, is_heard
        return level_k

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {"level_k": self._level_k.copy(), "was_heard": self._was_heard.copy()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self._level_k = state["level_k"].copy()
        self._was_heard = state["was_heard"].copy()
