"""Weighs, from what atmospheres did while they were shut off from each other, which section leaks.

The leak is taken to be in one section and of unknown size, beside a loss that all sections share by
volume; or there is no such section. What is lost through the one section must show in the
atmosphere that holds it and in no other. Sizes are summed over, so a closure that shows nothing
speaks against large leaks only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.estimators import FLOW_EXPONENT
from service.core.station import Group
from service.core.units import S_PER_DAY

# kg/s; a tenth of what the ISS loses anyway, to a 2 mm hole with free discharge (65 kg/day).
SIZES: Final[NDArray[np.float64]] = np.geomspace(0.03, 65.0, 48) / S_PER_DAY
SHAPE_SD: Final = 0.15  # of the flow, relative: exponent, volume and temperature of the section
FED: Final = 0.2  # belief that a seal feeds a section that is below its neighbour; June 2025
OLD: Final = 0.5  # belief that a growth is of the old leak; on the ISS all since 2019 were
MOST_ODDS: Final = 7.0  # log; one closure in a thousand is misread in a way nobody thought of
MOST_EVIDENCE: Final = 12.0  # log; so much is kept, that a new leak elsewhere can still be found


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """What the station lost before it was parted, kg/s, and the standard error."""

    rate_kg_per_s: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one atmosphere did while it was shut off.

    Attributes
    ----------
    rate_kg_per_s, error : float
        Loss seen since the closing alone, and its standard error, kg/s.
    share : float
        Its part of the volume of the station.
    driven : float
        Pressure there over that at the closing, which drives a leak.
    fed_by : int or None
        The side whose air may come in past a seal, where its pressure is higher.
    """

    sections: Group
    rate_kg_per_s: float
    error: float
    share: float
    driven: float = 1.0
    fed_by: int | None = None


def evidence(sections: int, whole: Whole, sides: Sequence[Side]) -> NDArray[np.float64]:
    """Return the log-likelihood of a leak in each section, and last that of none in particular.

    The best is 0 and none is below `-MOST_ODDS`. Sections that no side holds were not read.

    Examples
    --------
    A tunnel that loses all while the rest loses nothing is the place:

    >>> day = 86400.0
    >>> lost = Whole(rate_kg_per_s=1.0 / day, error=0.1 / day)
    >>> tunnel = Side(sections=(0,), rate_kg_per_s=0.9 / day, error=0.05 / day, share=0.01)
    >>> rest = Side(sections=(1, 2), rate_kg_per_s=0.1 / day, error=0.2 / day, share=0.99)
    >>> posterior(evidence(3, lost, [tunnel, rest])).round(2).tolist()
    [1.0, 0.0, 0.0, 0.0]
    """
    allowed = -0.5 * np.square(np.maximum(SIZES - whole.rate_kg_per_s, 0.0) / whole.error)
    allowed -= np.logaddexp.reduce(allowed)
    spread = np.maximum(whole.rate_kg_per_s - SIZES, 0.0)
    unread = float(np.logaddexp.reduce(allowed + _others(sides, spread, whole)))
    found = np.full(sections + 1, unread)
    for number, side in enumerate(sides):
        inside = _log_normal(
            side.rate_kg_per_s - side.share * spread - _flow(side),
            np.hypot(_error(side, whole), SHAPE_SD * _flow(side)),
        )
        likely = inside + _others(sides, spread, whole, but={number})
        if side.fed_by is not None:
            fed = _log_normal(side.rate_kg_per_s, _error(side, whole))
            feeder = sides[side.fed_by]
            fed = fed + _log_normal(
                feeder.rate_kg_per_s - feeder.share * spread - _flow(side), _error(feeder, whole)
            )
            fed = fed + _others(sides, spread, whole, but={number, side.fed_by})
            likely = np.logaddexp(np.log1p(-FED) + likely, np.log(FED) + fed)
        found[list(side.sections)] = np.logaddexp.reduce(allowed + likely)
    alike = np.array([max(whole.rate_kg_per_s, 0.0)])
    found[-1] = float(_others(sides, alike, whole)[0])
    return np.asarray(np.maximum(found - found.max(), -MOST_ODDS))


def gathered(before: NDArray[np.float64], new: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what two independent closures say together, the best at 0."""
    total = before + new
    return np.asarray(np.maximum(total - total.max(), -MOST_EVIDENCE))


def posterior(log_likelihood: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of each section and of none; before any evidence all are equal."""
    weight = np.exp(log_likelihood - log_likelihood.max())
    return np.asarray(weight / weight.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one atmosphere leaks now and leaked before a growth elsewhere was found, kg/s."""

    sections: Group
    rate_kg_per_s: float
    error: float
    before_kg_per_s: float
    before_error: float
    driven: float = 1.0  # pressure there over that at the onset


def growth_odds(part: Part, size_kg_per_s: float, size_sd: float) -> float:
    """Return the log-odds that a growth of this size happened in a part that is shut off.

    Examples
    --------
    >>> part = Part(sections=(0,), rate_kg_per_s=1.2, error=0.1, before_kg_per_s=0.2,
    ...             before_error=0.1)
    >>> growth_odds(part, 1.0, 0.1) > 5.0, growth_odds(part, -1.0, 0.1) < -5.0
    (True, True)
    """
    flow = part.driven**FLOW_EXPONENT
    size = size_kg_per_s * flow
    variance = part.error**2 + part.before_error**2 + (size_sd * flow) ** 2
    excess = part.rate_kg_per_s - part.before_kg_per_s * flow
    odds = (excess**2 - (excess - size) ** 2) / (2.0 * variance)
    return float(np.clip(odds, -MOST_EVIDENCE, MOST_EVIDENCE))


def suspects_of(sections: Group, odds: Mapping[Group, float]) -> dict[int, float]:
    """Return the probability of each section, from the log-odds of parts that were shut off.

    Examples
    --------
    >>> suspects_of((3, 5), {})
    {3: 0.5, 5: 0.5}
    """
    weight = {
        section: sum(o for part, o in odds.items() if section in part) for section in sections
    }
    shares = posterior(np.array(list(weight.values())))
    return dict(zip(sections, shares.tolist(), strict=True))


def at_old_leak(shares: Mapping[int, float], told: NDArray[np.float64]) -> dict[int, float]:
    """Return the suspects of a growth, given what closures have told of the leak before it.

    Half of the belief is that a leak that is there already has grown.

    Examples
    --------
    >>> at_old_leak({0: 0.5, 1: 0.5}, np.array([0.9, 0.1, 0.0]))
    {0: 0.7, 1: 0.3}
    """
    old = {section: float(told[section]) for section in shares}
    total = sum(old.values())
    weight = {s: p * (OLD * old[s] / total + (1.0 - OLD) / len(shares)) for s, p in shares.items()}
    return {section: round(w / sum(weight.values()), 6) for section, w in weight.items()}


def _flow(side: Side) -> NDArray[np.float64]:
    return np.asarray(SIZES * side.driven**FLOW_EXPONENT)


def _error(side: Side, whole: Whole) -> float:
    return float(np.hypot(side.error, side.share * whole.error))


def _others(
    sides: Sequence[Side],
    spread: NDArray[np.float64],
    whole: Whole,
    but: set[int] | frozenset[int] = frozenset(),
) -> NDArray[np.float64]:
    """Return the log-likelihood that sides lose their share and no more, for each size."""
    total = np.zeros(len(spread))
    for number, side in enumerate(sides):
        if number not in but:
            total += _log_normal(side.rate_kg_per_s - side.share * spread, _error(side, whole))
    return total


def _log_normal(
    off: NDArray[np.float64] | float, error: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    return np.asarray(-0.5 * np.square(off / error) - np.log(error))
