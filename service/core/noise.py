"""Learns how a mass balance wanders when nothing leaks more than before.

The wandering is a sum of parts, each with a span of time of its own: white noise of the sensors;
what their surroundings do for minutes, hours and a day (temperature and humidity that no sensor
sees); a random walk (the slow drift of sensors and bookkeeping); an imbalance, a gain or loss of
gas at a rate that lasts for about half a day (oxygen made against oxygen breathed); the day of the
crew, which sleeps and wakes rather than goes like a sine, so that half a day shows in it too; the
day of the heat that the crew gives off, where it is told apart from what the crew breathes; the
cycle of the carbon dioxide removal; and the orbit. Second differences of neighbouring block means do
not see a constant leak, so the leak itself is not learned as noise; a single growth enters few
differences of each block length, and large ones are cut.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.units import S_PER_DAY

BRIEF_S: Final = 1200.0  # steps of thermometers; where people live the orbit, too; [estimate]
HOURLY_S: Final = 10800.0  # air composition mixes in 2 to 3 h; SAE 951631, Columbus 2015 data
DAILY_S: Final = 64800.0  # attitude, beta angle and heat load change by the day; [estimate]
IMBALANCE_S: Final = 43200.0  # crew work and oxygen generation change by the half day
REMOVAL_CYCLE_S: Final = 8640.0  # half-cycle of the CDRA; Knox et al., ICES papers on CDRA
ORBIT_S: Final = 92.7 * 60.0  # a line of 0.06 mmHg in the Astro Pi record of 2022
DAY_MEMORY_S: Final = 6 * S_PER_DAY  # how long one day resembles the next; [estimate]
CYCLE_MEMORY_S: Final = S_PER_DAY  # likewise of the removal cycle, ten of them; Astro Pi 2016
ORBIT_MEMORY_S: Final = S_PER_DAY  # likewise of the orbit, fifteen of them; [estimate]
BREAK: Final = float("inf")  # in a record: what comes after it may stand at another level
HEARD_SHARE: Final = 0.5  # of a block, for its mean to be compared; [estimate]
OVERLAP: Final = 4  # blocks start so many times a block length
INDEPENDENT: Final = 1.6  # overlapping second differences that are worth one
# Second differences at one block length that count. The model is about right, and thousands of short
# ones would have it exact at minutes and wrong at hours, which is where leaks are found.
MOST_COUNTED: Final = 60.0
# Likewise where all parts are made stronger or weaker at once: their proportions are known to a factor
# of about two, which is what so few differences tell; [estimate].
MOST_COUNTED_TOGETHER: Final = 6.0
SWEEPS: Final = 200  # of the fixed-point fit, which more do not change


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseModel:
    """Strength of the parts, in the unit of the balance.

    Variances (unit^2), but for `walk_var_per_s`, which grows with time, and `imbalance_var`, which
    is that of a rate (unit^2/s^2).
    """

    white_var: float
    brief_var: float = 0.0
    hourly_var: float = 0.0
    daily_var: float = 0.0
    walk_var_per_s: float
    imbalance_var: float = 0.0
    day_var: float = 0.0
    half_day_var: float = 0.0
    cycle_var: float = 0.0
    heat_day_var: float = 0.0
    orbit_var: float = 0.0

    def scaled(self, factor: float) -> "NoiseModel":
        """Return the same noise in a unit `factor` times smaller."""
        square = factor * factor
        return NoiseModel(**{f.name: getattr(self, f.name) * square for f in fields(self)})

    def at_least(self, other: "NoiseModel") -> "NoiseModel":
        """Return the noise that has the stronger of both in each part."""
        return NoiseModel(
            **{f.name: max(getattr(self, f.name), getattr(other, f.name)) for f in fields(self)}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AirNoise:
    """Noise of one air measured twice: of its whole mass, and of the oxygen in it.

    Attributes
    ----------
    air : NoiseModel
        Of the whole mass; its imbalance and its day are of the oxygen, but for that of the heat.
    oxygen_walk_var_per_s : float
        Random walk of the oxygen balance, unit^2/s, beside that of the air.
    sensor : NoiseModel
        Of the oxygen measurement alone: white, hourly and walk.
    """

    air: NoiseModel
    oxygen_walk_var_per_s: float
    sensor: NoiseModel

    def parts(self) -> dict[str, float]:
        """Return the strengths by the names the filter gives them."""
        return {
            **{f.name: getattr(self.air, f.name) for f in fields(self.air)},
            "oxygen_walk_var_per_s": self.oxygen_walk_var_per_s,
            "sensor_white_var": self.sensor.white_var,
            "lag_var": self.sensor.hourly_var,
            "offset_var_per_s": self.sensor.walk_var_per_s,
        }

    def scaled(self, factor: float) -> "AirNoise":
        """Return the same noise in a unit `factor` times smaller."""
        return AirNoise(
            air=self.air.scaled(factor),
            oxygen_walk_var_per_s=self.oxygen_walk_var_per_s * factor * factor,
            sensor=self.sensor.scaled(factor),
        )

    def nitrogen(self, share: float) -> NoiseModel:
        """Return the noise of the nitrogen, as air that holds so much of it; `share` is oxygen's."""
        inert = (1.0 - share) ** 2
        return replace(
            self.air,
            white_var=(self.air.white_var + self.sensor.white_var) / inert,
            hourly_var=self.air.hourly_var + self.sensor.hourly_var / inert,
            walk_var_per_s=self.air.walk_var_per_s + self.sensor.walk_var_per_s / inert,
            imbalance_var=0.0,
            day_var=0.0,
            half_day_var=0.0,
            cycle_var=self.air.cycle_var / inert,
        )

    def total(self) -> NoiseModel:
        """Return the noise of the whole mass."""
        return replace(
            self.air,
            walk_var_per_s=self.air.walk_var_per_s + self.oxygen_walk_var_per_s,
            day_var=self.air.day_var + self.air.heat_day_var,
            heat_day_var=0.0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Values of a balance at even spaces; NaN where none came, `BREAK` where nothing is compared across."""

    values: NDArray[np.float64]
    spacing_s: float


def fit_air_noise(
    total: Record,
    nitrogen: Record,
    oxygen: Record,
    prior: AirNoise,
    *,
    prior_weight: float,
    share: float,
    rescale: bool = False,
) -> tuple[AirNoise, tuple[float, ...]]:
    """Fit the noise of one air to the records of its whole mass and of the gases in it.

    What the whole and the nitrogen show is of the air, what the whole and the oxygen show is of the
    oxygen balance, and what nitrogen and oxygen show is of the oxygen sensor. The method is that of
    `fit_noise`.

    Parameters
    ----------
    nitrogen : Record
        As air that holds so much of it.
    prior_weight : float
        As in `fit_noise`.
    share : float
        Oxygen in the air.
    rescale : bool
        As in `fit_noise`.

    Returns
    -------
    AirNoise
        The fit.
    tuple of float
        As from `fit_noise`, of the whole mass.
    """
    parts = prior.parts()
    theta = np.array([parts[name] for name in AIR_PARTS])
    shapes, observed, weights = [], [], []
    seen = [_second_differences(record.values) for record in (total, nitrogen, oxygen)]
    apart = _apart(seen[0][1])
    records = zip((total, nitrogen, oxygen), seen, _mixtures(share), strict=True)
    for record, (squares, counts), mixed in records:
        if squares:
            shapes.append(_shapes(len(squares), record.spacing_s) @ mixed)
            observed += squares
            weights += counts
    if not observed:
        return prior, apart
    joint = np.concatenate(shapes)
    if rescale:
        theta = _rescaled(joint, observed, weights, theta, AIR_PARTS)
    strengths = _fit(joint, observed, weights, theta, prior_weight)
    fitted = dict(zip(AIR_PARTS, strengths.tolist(), strict=True))
    noise = AirNoise(
        air=NoiseModel(**{f.name: fitted[f.name] for f in fields(NoiseModel)}),
        oxygen_walk_var_per_s=fitted["oxygen_walk_var_per_s"],
        sensor=NoiseModel(
            white_var=fitted["sensor_white_var"],
            hourly_var=fitted["lag_var"],
            walk_var_per_s=fitted["offset_var_per_s"],
        ),
    )
    return noise, apart


def fit_noise(
    balance: NDArray[np.float64],
    spacing_s: float,
    prior: NoiseModel,
    *,
    prior_weight: float,
    rescale: bool = False,
) -> tuple[NoiseModel, tuple[float, ...]]:
    """Fit the noise model to a record of the balance.

    Maximum likelihood for independent gamma-distributed variances at octave block lengths, by
    multiplicative updates, which keep each part positive (Fevotte, Bertin and Durrieu, 2009, for
    the Itakura-Saito case).

    Parameters
    ----------
    balance : ndarray, shape (n,)
        Evenly spaced values; NaN where none came, `BREAK` where nothing is compared across.
    spacing_s : float
        Time between them, s.
    prior : NoiseModel
        What is believed before. A part that it lacks is not looked for, and the imbalance is kept:
        a quiet week knows nothing of a busy one, and beside the crew's day it is taken for larger
        than it is.
    prior_weight : float
        Squares of each part alone that the prior counts as, above 0.
    rescale : bool
        Whether what is not white is believed to be as many times stronger or weaker in all its parts:
        a day that was not seen yet is then judged by the hours that were.

    Returns
    -------
    NoiseModel
        The fit.
    tuple of float
        How many second differences stand apart at each block length, an octave apart from one value
        up.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> walk = np.cumsum(rng.normal(0.0, 0.1, 20000)) + rng.normal(0.0, 1.0, 20000)
    >>> start = NoiseModel(white_var=0.1, hourly_var=0.01, walk_var_per_s=1e-3)
    >>> fitted, _ = fit_noise(walk, 60.0, start, prior_weight=1.0)
    >>> 0.9 < fitted.white_var < 1.1, 0.5 < fitted.walk_var_per_s / (0.01 / 60.0) < 2.0
    (True, True)
    """
    observed, counts = _second_differences(balance)
    if not observed:
        return prior, ()
    theta = np.array(astuple(prior))
    names = [f.name for f in fields(prior)]
    shapes = _shapes(len(observed), spacing_s)
    if rescale:
        theta = _rescaled(shapes, observed, counts, theta, names)
        theta[IMBALANCE_PART] = prior.imbalance_var
    fitted = _fit(shapes, observed, counts, theta, prior_weight, [IMBALANCE_PART])
    return NoiseModel(**dict(zip(names, fitted.tolist(), strict=True))), _apart(counts)


def _apart(counts: Sequence[float]) -> tuple[float, ...]:
    """Return how many independent squares so many overlapping ones are worth, as far as they count."""
    return tuple(min(count / INDEPENDENT, MOST_COUNTED) for count in counts)


def _rescaled(
    shapes: NDArray[np.float64],
    observed: Sequence[float],
    counts: Sequence[float],
    prior: NDArray[np.float64],
    names: Sequence[str],
) -> NDArray[np.float64]:
    """Return the prior with the parts of each kind as many times stronger as fits best."""
    kind = np.array([KIND_OF[name] for name in names])
    together = [shapes[:, kind == k] @ prior[kind == k] for k in range(kind.max() + 1)]
    basis = np.stack(together, axis=1)
    few = np.minimum(counts, MOST_COUNTED_TOGETHER * INDEPENDENT).tolist()
    factors = _fit(basis, observed, few, np.ones(len(together)), 1.0)
    strengths: NDArray[np.float64] = prior * factors[kind]
    return strengths


def _fit(
    shapes: NDArray[np.float64],
    observed: Sequence[float],
    counts: Sequence[float],
    prior: NDArray[np.float64],
    prior_weight: float,
    kept: Sequence[int] = (),
) -> NDArray[np.float64]:
    """Return the strengths of the parts whose `shapes`, (variances, parts), fit best together.

    The prior counts as so many squares of each part alone, so that none is driven to nothing for
    others that can stand for it. Those of `kept`, and those of which nothing was seen, stay.
    """
    believed = np.flatnonzero(prior)
    shapes = np.concatenate([shapes, np.eye(len(prior))[believed]])
    data = np.concatenate([observed, prior[believed]])
    weight = np.concatenate([_apart(counts), np.full(len(believed), prior_weight)])
    theta, fixed = prior, np.array(kept, np.intp)
    for _ in range(SWEEPS):
        model = shapes @ theta
        up = shapes.T @ (weight * data / np.square(model))
        down = shapes.T @ (weight / model)
        theta = theta * np.sqrt(np.divide(up, down, out=np.ones_like(up), where=down > 0.0))
        theta[fixed] = prior[fixed]
    return theta


IMBALANCE_PART: Final = [f.name for f in fields(NoiseModel)].index("imbalance_var")
AIR_PARTS: Final = (
    *(f.name for f in fields(NoiseModel)),
    "oxygen_walk_var_per_s",
    "sensor_white_var",
    "lag_var",
    "offset_var_per_s",
)


# Parts of one kind share a source: white noise, what the air does, and the same of the oxygen sensor.
WHITE, AIR, SENSOR_WHITE, SENSOR = range(4)
KIND_OF: Final = dict.fromkeys(AIR_PARTS, AIR) | {
    "white_var": WHITE,
    "sensor_white_var": SENSOR_WHITE,
    "lag_var": SENSOR,
    "offset_var_per_s": SENSOR,
}


def _mixtures(share: float) -> tuple[NDArray[np.float64], ...]:
    """Return how each of `AIR_PARTS` shows in whole, nitrogen and oxygen, each (11, 15)."""
    shape_of = {f.name: place for place, f in enumerate(fields(NoiseModel))}
    seen_as = {
        "oxygen_walk_var_per_s": "walk_var_per_s",
        "sensor_white_var": "white_var",
        "lag_var": "hourly_var",
        "offset_var_per_s": "walk_var_per_s",
    }
    inert = (1.0 - share) ** 2
    of_air = ("brief_var", "hourly_var", "daily_var", "walk_var_per_s", "heat_day_var", "orbit_var")
    of_oxygen = ("imbalance_var", "day_var", "half_day_var", "oxygen_walk_var_per_s")
    of_sensor = ("sensor_white_var", "lag_var", "offset_var_per_s")
    seen: tuple[dict[str, float], ...] = (
        dict.fromkeys(("white_var", *of_air, *of_oxygen, "cycle_var"), 1.0),
        dict.fromkeys(of_air, 1.0)
        | dict.fromkeys(("white_var", "cycle_var", *of_sensor), 1.0 / inert),
        dict.fromkeys(of_air, share * share) | dict.fromkeys((*of_oxygen, *of_sensor), 1.0),
    )
    mixtures = []
    for shares in seen:
        mixed = np.zeros((len(shape_of), len(AIR_PARTS)))
        for name, strength in shares.items():
            mixed[shape_of[seen_as.get(name, name)], AIR_PARTS.index(name)] = strength
        mixtures.append(mixed)
    return tuple(mixtures)


def _second_differences(balance: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """Return mean squares of second differences of block means, and how many stand apart."""
    known = np.isfinite(balance)
    start = balance[known][0] if known.any() else 0.0
    heard, sums, places, breaks = (
        np.concatenate(([0.0], np.cumsum(np.where(counted, values, 0.0))))
        for counted, values in (
            (known, 1.0),
            (known, balance - start),
            (known, np.arange(len(balance))),
            (np.isinf(balance), 1.0),
        )
    )
    observed: list[float] = []
    counts: list[float] = []
    length = 1
    while len(balance) >= 3 * length:
        stride = max(length // OVERLAP, 1)
        first = np.arange(0, len(balance) - 3 * length + 1, stride)
        edges = first + length * np.arange(4)[:, np.newaxis]
        count = np.diff(heard[edges], axis=0)
        whole = (breaks[edges[3]] == breaks[first]) & (count >= HEARD_SHARE * length).all(axis=0)
        count, edges = count[:, whole], edges[:, whole]
        means, middles = (np.diff(of[edges], axis=0) / count for of in (sums, places))
        rates = np.diff(means, axis=0) / np.diff(middles, axis=0)
        squares = np.square(length * (rates[1] - rates[0]))
        # The median of chi-squared with 1 d.o.f.
        cut = 25.0 * float(np.median(squares)) / 0.455 if len(squares) else 0.0
        observed.append(float(np.minimum(squares, cut).mean()) if cut > 0.0 else 0.0)
        counts.append(len(squares) * stride / length)
        length *= 2
    return observed, counts


@lru_cache(maxsize=64)
def _shapes(octaves: int, spacing_s: float) -> NDArray[np.float64]:
    """Return the variance of a second difference of block means per unit of each part, (k, 11)."""
    lengths = np.exp2(np.arange(octaves, dtype=np.float64))
    span_s = lengths * spacing_s
    return np.stack(
        [
            6.0 / lengths,
            _correlated_shape(span_s, BRIEF_S),
            _correlated_shape(span_s, HOURLY_S),
            _correlated_shape(span_s, DAILY_S),
            span_s,
            _imbalance_shape(span_s),
            _periodic_shape(span_s, S_PER_DAY),
            _periodic_shape(span_s, S_PER_DAY / 2.0),
            _periodic_shape(span_s, REMOVAL_CYCLE_S),
            _periodic_shape(span_s, S_PER_DAY),
            _periodic_shape(span_s, ORBIT_S),
        ],
        axis=1,
    )


def _correlated_shape(span_s: NDArray[np.float64], memory_s: float) -> NDArray[np.float64]:
    ratio = span_s / memory_s
    decay = np.exp(-ratio)
    same = 2.0 * (ratio - 1.0 + decay) / np.square(ratio)
    neighbour = np.square((1.0 - decay) / ratio)
    return 6.0 * same - 8.0 * neighbour + 2.0 * neighbour * decay


def _periodic_shape(span_s: NDArray[np.float64], period_s: float) -> NDArray[np.float64]:
    turns = span_s / period_s
    shape: NDArray[np.float64] = np.square(np.sinc(turns)) * np.square(
        2.0 - 2.0 * np.cos(2.0 * np.pi * turns)
    )
    return shape + 1e-12


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
