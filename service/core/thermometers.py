"""Knows how warm it is at every thermometer, also at those that are silent.

Modules differ by some kelvin, so the mean of the thermometers that are heard would jump when one falls
silent or comes back. One that is silent is taken to have moved as the others of its air have since.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Thermometers:
    """What every thermometer said when all of its air were last heard.

    Parameters
    ----------
    count : int
        Channels of the station; those that are no thermometers are never asked for.
    """

    def __init__(self, count: int) -> None:
        self._together_k = np.full(count, np.nan)

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
        together_k = self._together_k[thermometers]
        is_known = np.isfinite(together_k)
        both = is_heard & is_known
        moved_k = float((levels_k - together_k)[both].mean()) if both.any() else 0.0
        if (is_known & ~is_heard).any():
            first = is_heard & ~is_known
            self._together_k[thermometers[first]] = levels_k[first] - moved_k
        else:
            self._together_k[thermometers[is_heard]] = levels_k[is_heard]
        return np.where(is_heard, levels_k, together_k + moved_k)

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {"together_k": self._together_k.copy()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self._together_k = state["together_k"].copy()
