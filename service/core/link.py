"""Tells since when something has been heard without a break, of whatever channel."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

BREAK_S: Final = 300.0  # nothing heard for so long: what changed meanwhile was missed


class Link:
    """The link to the station.

    Attributes
    ----------
    heard_s, unbroken_s, before_s : float
        When anything was heard last, since when without a break, and last before that; Unix UTC.
    """

    def __init__(self) -> None:
        self.heard_s = self.unbroken_s = self.before_s = -np.inf

    def listen(self, times_s: NDArray[np.float64]) -> None:
        """Note when something was heard."""
        for time_s in (float(times_s.min()), float(times_s.max())) if len(times_s) else ():
            if time_s - self.heard_s > BREAK_S:
                self.before_s, self.unbroken_s = self.heard_s, time_s
            self.heard_s = max(self.heard_s, time_s)

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        names = ("heard_s", "unbroken_s", "before_s")
        return {name: getattr(self, name) for name in names}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        for name, value in state.items():
            setattr(self, name, value)
