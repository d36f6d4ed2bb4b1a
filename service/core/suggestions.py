"""Chooses the hatch whose closing tells most about where a leak is for the time that it takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erf, log2, pi, sqrt
from typing import Final

import numpy as np

from service.core.noise import (
    BRIEF_S,
    DAILY_S,
    HOURLY_S,
    IMBALANCE_S,
    ORBIT_S,
    REMOVAL_CYCLE_S,
    NoiseModel,
)
from service.core.station import Group
from service.core.units import PA_PER_MMHG, S_PER_DAY

RIGHT: Final = 0.95  # a closure is decisive once its answer is right so often
APART: Final = 3.29  # standard errors between two answers for that, of a normal distribution
HANDLING_S: Final = 2 * 3600.0  # closing, reopening and settling, by estimate
LEAST_S: Final = 2 * 3600.0  # an account of a closed section is believed after one
MOST_S: Final = 4 * 86400.0  # the longest closure so far; August 2020
FAST_PA_PER_S: Final = 0.1 * PA_PER_MMHG / 3600.0  # a fifth of what was allowed of MS-09 in 2018
REOPEN_PA: Final = 0.5 * PA_PER_MMHG  # half of 1 mmHg, so that a hatch can be opened again


@dataclass(frozen=True, slots=True, kw_only=True)
class Wander:
    """How the balance of one side wanders without a leak, in kg.

    `thermal_kg` is how wrong its mass may become because its temperature is not known.
    """

    noise: NoiseModel
    spacing_s: float
    thermal_kg: float

    def rate_error(self, span_s: float) -> float:
        """Return the standard error of a leak rate after so long, kg/s.

        A slope under white noise has 12 var spacing / T^3, under a random walk var / T, under
        noise that lasts for a while that of its ends or that of white noise as strong, whichever
        is less, and under a cycle that of its ends or the steepest of its own.
        """
        noise = self.noise
        lasting = sum(
            var * min(2.0 / span_s**2, 24.0 * memory_s / span_s**3)
            for var, memory_s in (
                (noise.brief_var, BRIEF_S),
                (noise.hourly_var, HOURLY_S),
                (noise.daily_var, DAILY_S),
            )
        )
        cycling = sum(
            var * min(2.0 / span_s**2, (2.0 * pi / period_s) ** 2)
            for var, period_s in (
                (noise.day_var, S_PER_DAY),
                (noise.half_day_var, S_PER_DAY / 2.0),
                (noise.cycle_var, REMOVAL_CYCLE_S),
                (noise.orbit_var, ORBIT_S),
            )
        )
        variance = (
            12.0 * noise.white_var * self.spacing_s / span_s**3
            + noise.walk_var_per_s / span_s
            + lasting
            + cycling
            + noise.imbalance_var * min(2.0 * IMBALANCE_S / span_s, 1.0)
            + 2.0 * (self.thermal_kg / span_s) ** 2
        )
        return sqrt(variance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """An open hatch and what it would part, the smaller side first.

    A side that nothing measures has no `Wander`.
    """

    hatch: str
    sides: tuple[Group, Group]
    wander: tuple[Wander | None, Wander | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """The closure to try next.

    Attributes
    ----------
    hours : float
        How long it should last.
    probability : float
        That it then says rightly on which side the leak is.
    sections : tuple of int
        The smaller side.
    bits : float
        How much it is expected to tell of where the leak is.
    """

    hatch: str
    hours: float
    probability: float
    sections: Group
    bits: float


def suggest(
    doors: Sequence[Door],
    suspects: Mapping[int, float],
    size_kg_per_s: float,
    fall_pa_per_s: float = 0.0,
) -> Suggestion | None:
    """Return the closure that tells most per hour, its handling included; None if none tells any.

    Parameters
    ----------
    suspects : mapping of int to float
        Probability of each section.
    size_kg_per_s : float
        The leak that is looked for.
    fall_pa_per_s : float
        How fast the pressure falls now. While it falls fast, no hatch is kept shut for longer
        than half the time of 1 mmHg (ISS practice, so that it can be opened again).
    """
    longest_s = MOST_S
    if fall_pa_per_s > FAST_PA_PER_S:
        longest_s = REOPEN_PA / fall_pa_per_s
    tried = [_tried(door, suspects, size_kg_per_s, longest_s) for door in doors]
    useful = [s for s in tried if s is not None]
    if not useful:
        return None
    return max(useful, key=lambda s: (s.bits / (s.hours + HANDLING_S / 3600.0), s.hatch))


def _tried(
    door: Door, suspects: Mapping[int, float], size: float, longest_s: float
) -> Suggestion | None:
    shares = [sum(suspects.get(section, 0.0) for section in side) for side in door.sides]
    total = sum(shares)
    if size <= 0.0 or total <= 0.0 or door.wander == (None, None):
        return None
    spans = np.geomspace(min(LEAST_S, longest_s), longest_s, 60).tolist()
    span_s = next((s for s in spans if _apart(door, size, s) >= APART), longest_s)
    right = 0.5 * (1.0 + erf(_apart(door, size, span_s) / sqrt(8.0)))
    bits = total * _entropy(shares[0] / total) * (1.0 - _entropy(right))
    if bits <= 0.0:
        return None
    return Suggestion(
        hatch=door.hatch,
        hours=span_s / 3600.0,
        probability=right,
        sections=door.sides[0],
        bits=bits,
    )


def _apart(door: Door, size: float, span_s: float) -> float:
    """Return how many standard errors the two answers are apart after so long."""
    return sqrt(sum((size / w.rate_error(span_s)) ** 2 for w in door.wander if w is not None))


def _entropy(probability: float) -> float:
    """Return the entropy of a yes or no, bit."""
    if not 0.0 < probability < 1.0:
        return 0.0
    return -probability * log2(probability) - (1.0 - probability) * log2(1.0 - probability)
