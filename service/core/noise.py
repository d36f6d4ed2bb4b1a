"""Learns how a mass balance wanders when nothing leaks more than before.

The wandering is a sum of three parts: white noise of the sensors, a correlated part of some hours
(humidity and temperature that no sensor sees, the carbon dioxide removal), and a random walk (the
slow drift of sensors and bookkeeping). Second differences of neighbouring block means do not see
a constant leak, so the leak itself is not learned as noise; a single growth enters one difference
per block length only, and large ones are cut.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

CORRELATION_S: Final = 7200.0  # air composition mixes in about 2 h; SAE 951631, Columbus 2015 data
PRIOR_WEIGHT: Final = 4.0  # the prior counts as this many second differences at each block length
SWEEPS: Final = 60  # of the fixed-point fit; later ones change the third digit


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseModel:
    """Strength of the three parts, in the unit of the balance: white, correlated, random walk.

    `white_var` and `correlated_var` are variances (unit^2), `walk_var_per_s` grows with time.
    """

    white_var: float
    correlated_var: float
    walk_var_per_s: float

    def scaled(self, factor: float) -> "NoiseModel":
        """Return the same noise in a unit `factor` times smaller."""
        square = factor * factor
        return NoiseModel(
            white_var=self.white_var * square,
            correlated_var=self.correlated_var * square,
            walk_var_per_s=self.walk_var_per_s * square,
        )


def fit_noise(
    balance: NDArray[np.float64], spacing_s: float, prior: NoiseModel
) -> tuple[NoiseModel, int]:
    """Fit the noise model to a record of the balance.

    Maximum likelihood for independent gamma-distributed variances at octave block lengths, by
    multiplicative updates, which keep each part positive (Fevotte, Bertin and Durrieu, 2009, for
    the Itakura-Saito case).

    Parameters
    ----------
    balance : ndarray, shape (n,)
        Evenly spaced values; NaN marks a break across which nothing is compared.
    spacing_s : float
        Time between them, s.
    prior : NoiseModel
        What is believed before, worth `PRIOR_WEIGHT` second differences at each block length.

    Returns
    -------
    NoiseModel
        The fit.
    int
        Number of second differences at the shortest block length, 0 = the prior is returned.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> walk = np.cumsum(rng.normal(0.0, 0.1, 20000)) + rng.normal(0.0, 1.0, 20000)
    >>> start = NoiseModel(white_var=0.1, correlated_var=0.01, walk_var_per_s=1e-3)
    >>> fitted, _ = fit_noise(walk, 60.0, start)
    >>> 0.9 < fitted.white_var < 1.1, 0.5 < fitted.walk_var_per_s / (0.01 / 60.0) < 2.0
    (True, True)
    """
    lengths: list[int] = []
    observed: list[float] = []
    counts: list[int] = []
    length = 1
    while len(balance) >= 3 * length:
        usable = len(balance) // length * length
        means = balance[:usable].reshape(-1, length).mean(axis=1)
        second = means[2:] - 2.0 * means[1:-1] + means[:-2]
        squares = np.square(second[np.isfinite(second)])
        if len(squares) == 0:
            break
        cut = 25.0 * float(np.median(squares)) / 0.455  # the median of chi-squared with 1 d.o.f.
        lengths.append(length)
        observed.append(float(np.minimum(squares, cut).mean()) if cut > 0.0 else 0.0)
        counts.append(len(squares))
        length *= 2
    if not lengths:
        return prior, 0
    shapes = _shapes(np.array(lengths, np.float64), spacing_s)
    theta = np.array([prior.white_var, prior.correlated_var, prior.walk_var_per_s])
    believed = shapes @ theta
    # Neighbouring second differences overlap, so they are worth about half their number.
    weight = np.array(counts) / 2.0
    data = (weight * np.array(observed) + PRIOR_WEIGHT * believed) / (weight + PRIOR_WEIGHT)
    total = weight + PRIOR_WEIGHT
    for _ in range(SWEEPS):
        model = shapes @ theta
        up = shapes.T @ (total * data / np.square(model))
        down = shapes.T @ (total / model)
        theta = theta * np.sqrt(up / down)
    fitted = NoiseModel(
        white_var=float(theta[0]), correlated_var=float(theta[1]), walk_var_per_s=float(theta[2])
    )
    return fitted, counts[0]


def _shapes(lengths: NDArray[np.float64], spacing_s: float) -> NDArray[np.float64]:
    """Return the variance of a second difference of block means per unit of each part, (k, 3)."""
    span_s = lengths * spacing_s
    ratio = span_s / CORRELATION_S
    decay = np.exp(-ratio)
    same = 2.0 * (ratio - 1.0 + decay) / np.square(ratio)
    neighbour = np.square((1.0 - decay) / ratio)
    correlated = 6.0 * same - 8.0 * neighbour + 2.0 * neighbour * decay
    return np.stack([6.0 / lengths, correlated, span_s], axis=1)
