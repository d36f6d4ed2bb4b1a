"""What a rounded reading says of what was rounded: that it lies within an interval."""

from math import erfc, exp, pi, sqrt
from typing import Final

NARROW: Final = 1e-3  # standard deviations; within so little all is as likely


def cut_normal(low: float, high: float) -> tuple[float, float]:
    """Return mean and variance of a standard normal distribution cut to an interval.

    Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions (1994), section 13.10.1.

    Parameters
    ----------
    low, high : float
        Its ends, the nearer within 30 of zero.

    Examples
    --------
    >>> [round(figure, 4) for figure in cut_normal(-8.0, 0.0)]
    [-0.7979, 0.3634]
    """
    if high - low < NARROW:
        return (low + high) / 2.0, (high - low) ** 2 / 12.0
    if high < 0.0:  # the other tail has the digits
        mean, variance = cut_normal(-high, -low)
        return -mean, variance
    within = 0.5 * (erfc(low / sqrt(2.0)) - erfc(high / sqrt(2.0)))
    at_low = exp(-low * low / 2.0) / sqrt(2.0 * pi)
    at_high = exp(-high * high / 2.0) / sqrt(2.0 * pi)
    mean = (at_low - at_high) / within
    variance = 1.0 + (low * at_low - high * at_high) / within - mean * mean
    return mean, max(variance, 0.0)
