"""Knows how warm it is at every thermometer, also at those that are silent.

Modules differ by some kelvin, so the mean of the thermometers that are heard would jump when one falls
silent or comes back. One that is silent is taken to have moved as the others of its air have since.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from service.core.tables import Table


class Thermometers(Table):
    """Where every thermometer stands, by itself or with the others; a row a channel.

    Attributes
    ----------
    level_k, heard : ndarray, shape (n,)
        The temperature, and 1 where it was told in the last step.
    """

    COLUMNS: ClassVar = {"level_k": ((), np.nan), "heard": ((), 0.0)}
    level_k: NDArray[np.float64]
    heard: NDArray[np.float64]

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
        before_k = self.level_k[thermometers]
        told_k = (levels_k - before_k)[is_heard & np.isfinite(before_k)]
        steps_k = (levels_k - before_k)[is_heard & (self.heard[thermometers] > 0.0)]
        moves_k = steps_k if len(steps_k) else told_k
        moved_k = float(moves_k.mean()) if len(moves_k) else 0.0
        level_k = np.where(is_heard, levels_k, before_k + moved_k)
        self.level_k[thermometers], self.heard[thermometers] = level_k, is_heard
        return level_k
