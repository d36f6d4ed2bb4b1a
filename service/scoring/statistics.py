"""Quantiles with misses, and exact intervals of counts and shares."""

import math
from collections.abc import Callable, Sequence

import numpy as np


def quantile(values: Sequence[float | None], share: float) -> float:
    """Return the smallest value that so many do not exceed; None counts as never, infinity.

    Examples
    --------
    >>> quantile([3.0, None, 1.0], 0.5), quantile([3.0, None, 1.0], 0.9)
    (3.0, inf)
    """
    found = [math.inf if value is None else value for value in values]
    if not found:
        return math.nan
    return float(np.quantile(found, share, method="inverted_cdf"))


def poisson_interval(count: int) -> tuple[float, float]:
    """Return the exact 95 % interval of the mean of a count (Garwood 1936).

    Examples
    --------
    >>> [round(bound, 2) for bound in (*poisson_interval(0), *poisson_interval(3))]
    [0.0, 3.69, 0.62, 8.77]
    """

    def at_most(k: int, mean: float) -> float:
        return math.fsum(
            math.exp(i * math.log(mean) - mean - math.lgamma(i + 1)) for i in range(k + 1)
        )

    far = 20.0 + 3.0 * count
    low = 0.0 if count == 0 else _root(lambda m: at_most(count - 1, m) - 0.975, 1e-9, far)
    return low, _root(lambda m: at_most(count, m) - 0.025, 1e-9, far)


def share_interval(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927).

    Examples
    --------
    >>> [round(bound, 2) for bound in share_interval(19, 20)]
    [0.76, 0.99]
    """
    if not count:
        return 0.0, 1.0
    z, share = 1.96, hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    spread = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count**2))
    spread /= 1 + z * z / count
    # At the ends the bounds are the ends themselves, but for rounding.
    return (middle - spread if hits else 0.0), (middle + spread if hits < count else 1.0)


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    """Return where a falling function is 0."""
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return (low + high) / 2
