"""Tells what is known of a change that was found: of a growth, until it is over, and of any other."""

from dataclasses import dataclass, field, replace
from math import erfc, sqrt
from typing import Final, Self

import numpy as np

from service.core.causes import Cause, Weighing
from service.core.estimators import FLOW_EXPONENT
from service.core.memory import Key
from service.core.station import Group

# Log-odds at which a growth is taken to be over, though no repair was noticed.
ENDED: Final = float(np.log(30.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """A growth that has been found and has not gone away.

    `suspects` gives each section of the group its probability of being the one. While the rate of
    the account it was found in, which has changed `changes` times, is not found to change again,
    the size follows it. It was `found` to be so large, with that error, and `surely` so large: a
    repair that is not noticed shrinks the size.
    """

    key: Key
    changes: int
    found_s: float
    pressure_pa: float
    base_rate: float
    base_sd: float
    size: float
    size_sd: float
    found: tuple[float, float]
    surely: float
    onset_s: float
    onset_low_s: float
    onset_high_s: float
    statistic: float
    suspects: dict[int, float]
    before: dict[Group, tuple[float, float]]  # rate and error of parts before it was found
    weighing: Weighing  # of what else it might have been, when it was found
    evidence: dict[Group, float] = field(default_factory=dict)  # log-odds of each part shut off

    @property
    def group(self) -> Group:
        """The sections that shared their air when it was found."""
        return self.key[0]

    def driven(self, pressure_pa: float) -> float:
        """Return how strong the leak is by the pressure that is left, 1 as when it was found.

        A closed section empties, and its leak gets weaker without being repaired.
        """
        if self.pressure_pa <= 0.0:
            return 1.0
        return float(max(pressure_pa / self.pressure_pa, 0.01) ** FLOW_EXPONENT)

    def refined(self, rate: float, error: float) -> Self:
        """Return it with the size that a rate, and its error, give it where that is better known.

        The rate is what it would be at the pressure at which it was found, kg/s.
        """
        size = rate - self.base_rate
        if size <= 0.0 or error >= self.size_sd:
            return self
        return replace(self, size=size, size_sd=error, surely=max(self.surely, size - 2.0 * error))

    def has_ended(self, rate: float, error: float) -> bool:
        """Say whether a rate, at the pressure at which it was found, is that without it, kg/s."""
        return self._log_odds_of_end(rate, error) >= ENDED

    def _log_odds_of_end(self, rate: float, error: float) -> float:
        """Return by how much likelier a rate is if it is over than if it leaks on.

        If it leaks on, it has grown by what was found, within its error, but at least by what it
        surely grew.
        """
        more, (size, size_sd) = rate - self.base_rate, self.found
        var, size_var = error**2 + self.base_sd**2, size_sd**2
        both = var + size_var
        apart = 0.5 * (np.square(more - size) / both - np.square(more) / var)
        size_then = (more * size_var + size * var) / both
        sd_then = float(np.sqrt(var * size_var / both))
        at_least = _upper_tail((self.surely - size_then) / sd_then)
        at_first = _upper_tail((self.surely - size) / size_sd)
        return float(apart + 0.5 * np.log(both / var) + np.log(at_first) - np.log(at_least))


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What explains a change of mass best, once that is sure, and what else it might have been.

    Attributes
    ----------
    size, size_sd : float
        Gas gained, kg, of a cause that is over; of one that goes on, the change of what is lost,
        kg/s.
    lasts_s : float or None
        How long the gas was moved; None = it goes on.
    onsets : tuple of (float, float)
        See `Change`; empty where one moment alone is likely.
    """

    group: Group
    cause: Cause
    since_s: float
    since_low_s: float
    since_high_s: float
    size: float
    size_sd: float
    lasts_s: float | None
    weighing: Weighing
    onsets: tuple[tuple[float, float], ...] = ()


def _upper_tail(z: float) -> float:
    """Return the share of a normal distribution above z standard deviations."""
    return max(0.5 * erfc(z / sqrt(2.0)), 1e-300)
