"""Learns how a mass balance wanders when nothing leaks more than before.

The wandering is a sum of four parts: white noise of the sensors; a correlated part of some hours
(humidity and temperature that no sensor sees, the carbon dioxide removal); a random walk (the slow
drift of sensors and bookkeeping); and an imbalance, a gain or loss of gas at a rate that lasts for
about half a day (oxygen made against oxygen breathed). Second differences of neighbouring block
means do not see a constant leak, so the leak itself is not learned as noise; a single growth enters
one difference per block length only, and large ones are cut.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

CORRELATION_S: Final = 7200.0  # air composition mixes in about 2 h; SAE 951631, Columbus 2015 data
IMBALANCE_S: Final = 43200.0  # crew work and oxygen generation change by the half day
PRIOR_WEIGHT: Final = 4.0  # the prior counts as this many second differences at each block length
LEAST_PART: Final = 0.05  # of the nitrogen's noise that is surely the oxygen sensor's; [estimate]
SWEEPS: Final = 60  # of the fixed-point fit; later ones change the third digit


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseModel:
    """Strength of the parts, in the unit of the balance.

    `white_var` and `correlated_var` are variances (unit^2), `walk_var_per_s` grows with time, and
    `imbalance_var` is the variance of a rate (unit^2/s^2).
    """

    white_var: float
    correlated_var: float
    walk_var_per_s: float
    imbalance_var: float

    def scaled(self, factor: float) -> "NoiseModel":
        """Return the same noise in a unit `factor` times smaller."""
        square = factor * factor
        return NoiseModel(
            white_var=self.white_var * square,
            correlated_var=self.correlated_var * square,
            walk_var_per_s=self.walk_var_per_s * square,
            imbalance_var=self.imbalance_var * square,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AirNoise:
    """Noise of one air measured twice: of its whole mass, and of the oxygen in it.

    Attributes
    ----------
    air : NoiseModel
        Of the whole mass; its imbalance is one of oxygen.
    oxygen_walk_var_per_s : float
        Random walk of the oxygen balance, unit^2/s, beside that of the air.
    sensor : NoiseModel
        Of the oxygen measurement alone; it has no imbalance.
    """

    air: NoiseModel
    oxygen_walk_var_per_s: float
    sensor: NoiseModel

    def parts(self) -> dict[str, float]:
        """Return the strengths by the names the filter gives them."""
        return {
            "white_var": self.air.white_var,
            "correlated_var": self.air.correlated_var,
            "walk_var_per_s": self.air.walk_var_per_s,
            "imbalance_var": self.air.imbalance_var,
            "oxygen_walk_var_per_s": self.oxygen_walk_var_per_s,
            "sensor_white_var": self.sensor.white_var,
            "sensor_correlated_var": self.sensor.correlated_var,
            "sensor_walk_var_per_s": self.sensor.walk_var_per_s,
        }

    def nitrogen(self, share: float) -> NoiseModel:
        """Return the noise of the nitrogen, as air that holds so much of it; `share` is oxygen's."""
        inert = (1.0 - share) ** 2
        return NoiseModel(
            white_var=(self.air.white_var + self.sensor.white_var) / inert,
            correlated_var=self.air.correlated_var + self.sensor.correlated_var / inert,
            walk_var_per_s=self.air.walk_var_per_s + self.sensor.walk_var_per_s / inert,
            imbalance_var=0.0,
        )

    def total(self) -> NoiseModel:
        """Return the noise of the whole mass."""
        walk = self.air.walk_var_per_s + self.oxygen_walk_var_per_s
        return replace(self.air, walk_var_per_s=walk)


def split_noise(total: NoiseModel, nitrogen: NoiseModel, share: float) -> AirNoise:
    """Return the noise whose whole and whose nitrogen wander as the two fits say.

    What both show is of the air. What the whole shows beyond it is of the oxygen balance, and what
    the nitrogen shows beyond it is of the oxygen sensor.
    """
    inert = (1.0 - share) ** 2
    walk = min(total.walk_var_per_s, nitrogen.walk_var_per_s)
    return AirNoise(
        air=replace(total, walk_var_per_s=walk),
        oxygen_walk_var_per_s=total.walk_var_per_s - walk,
        sensor=NoiseModel(
            white_var=max(
                inert * nitrogen.white_var - total.white_var,
                LEAST_PART * inert * nitrogen.white_var,
            ),
            correlated_var=max(
                inert * (nitrogen.correlated_var - total.correlated_var),
                LEAST_PART * inert * nitrogen.correlated_var,
            ),
            walk_var_per_s=inert * (nitrogen.walk_var_per_s - walk),
            imbalance_var=0.0,
        ),
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
    >>> parts = {"white_var": 0.1, "correlated_var": 0.01, "walk_var_per_s": 1e-3}
    >>> start = NoiseModel(**parts, imbalance_var=1e-12)
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
    shapes = _shapes(len(lengths), spacing_s)
    theta = np.array(
        [prior.white_var, prior.correlated_var, prior.walk_var_per_s, prior.imbalance_var]
    )
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
        # A growth looks like an imbalance, and a quiet week knows nothing of a busy one.
        theta[3] = prior.imbalance_var
    theta = theta * _misfit(np.array(observed), shapes @ theta, weight)
    names = ("white_var", "correlated_var", "walk_var_per_s", "imbalance_var")
    fitted = NoiseModel(**dict(zip(names, theta.tolist(), strict=True)))
    return fitted, counts[0]


def _misfit(
    observed: NDArray[np.float64], model: NDArray[np.float64], weight: NDArray[np.float64]
) -> float:
    """Return by how much the variances at the worst block length surely exceed the model, >= 1."""
    chance = 1.0 + 2.0 * np.sqrt(1.0 / weight)  # two standard errors of a mean of squares
    return max(float((observed / model / chance).max()), 1.0)


@lru_cache(maxsize=64)
def _shapes(octaves: int, spacing_s: float) -> NDArray[np.float64]:
    """Return the variance of a second difference of block means per unit of each part, (k, 4)."""
    lengths = np.exp2(np.arange(octaves, dtype=np.float64))
    span_s = lengths * spacing_s
    ratio = span_s / CORRELATION_S
    decay = np.exp(-ratio)
    same = 2.0 * (ratio - 1.0 + decay) / np.square(ratio)
    neighbour = np.square((1.0 - decay) / ratio)
    correlated = 6.0 * same - 8.0 * neighbour + 2.0 * neighbour * decay
    return np.stack([6.0 / lengths, correlated, span_s, _imbalance_shape(span_s)], axis=1)


def _imbalance_shape(span_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the variance of a second difference of block means of an integrated rate, s^2.

    The difference is the rate weighted with a quadratic kernel over three blocks; its variance is
    the double sum of the kernel over the correlation of the rate.
    """
    grid = (np.arange(120) + 0.5) / 40.0  # in blocks, 0 to 3
    step = 1.0 / 40.0
    ramp = [np.clip(end - grid, 0.0, None) for end in (3.0, 2.0, 1.0)]
    half = [0.5 * np.square(r) for r in ramp]
    weight = half[0] - 3.0 * half[1] + 3.0 * half[2]
    apart = np.abs(grid[:, None] - grid[None, :])
    kernel = np.outer(weight, weight) * step * step
    return np.array(
        [
            span * span * float((kernel * np.exp(-apart * span / IMBALANCE_S)).sum())
            for span in span_s
        ]
    )
