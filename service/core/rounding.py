"""What a rounded reading says of what was rounded: that it lies within an interval."""

from math import erf, exp, pi, sqrt


def cut_normal(low: float, high: float) -> tuple[float, float]:
    """Return mean and variance of a standard normal distribution cut to an interval.

    Johnson, Kotz and Balakrishnan, Continuous Univariate Distributions (1994), section 13.10.1.

    Parameters
    ----------
    low, high : float
        Its ends; it must hold more than 1e-12 of the distribution.

    Examples
    --------
    >>> [round(figure, 4) for figure in cut_normal(-8.0, 0.0)]
    [-0.7979, 0.3634]
    """
    within = 0.5 * (erf(high / sqrt(2.0)) - erf(low / sqrt(2.0)))
    at_low = exp(-low * low / 2.0) / sqrt(2.0 * pi)
    at_high = exp(-high * high / 2.0) / sqrt(2.0 * pi)
    mean = (at_low - at_high) / within
    return mean, 1.0 + (low * at_low - high * at_high) / within - mean * mean
