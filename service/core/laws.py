"""Learns by which power of its pressure a closed atmosphere leaks, where it has emptied far enough.

Through a hole into vacuum the flow goes with the pressure, through a crack with more than that: the
PrK from 473 to 154 mmHg in July 2021 with its power 1.8. Gas that creeps in past the seal of a hatch
makes it seem more. What a volume loses while its pressure hardly changes says nothing of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.air_reading import AirReading
from service.core.station import Group
from service.core.views import FlowLaw

FIRST_SPACING_S: Final = 1800.0  # a mean of so long is one point, until there are too many
POINTS: Final = 256
LEAST_POINTS: Final = 12
LEAST_RANGE: Final = 1.25  # first pressure over last; 0.2 of a power is then 4 % of the flow
WIDEST: Final = 1.0  # interval of the power that is still worth telling: it parts hole and slit
POWERS: Final = np.linspace(0.4, 3.2, 57)  # from below a hole to beyond a viscous slit
LEAST_SD: Final = 1e-4  # of the mass; no thermometer of 0.03 K is better


@dataclass(slots=True, kw_only=True)
class _Decay:
    """Means of an atmosphere's mass since its leak began to be watched, and the one under way."""

    spacing_s: float = FIRST_SPACING_S
    times_s: list[float] = field(default_factory=list)
    masses_kg: list[float] = field(default_factory=list)
    since_s: float | None = None
    time_sum_s: float = 0.0
    mass_sum_kg: float = 0.0
    count: int = 0


class LawBook:
    """The decay of each atmosphere for as long as nothing but its leak moves its air."""

    def __init__(self) -> None:
        self._decays: dict[Group, _Decay] = {}
        self._found: dict[Group, FlowLaw | None] = {}  # since the newest point, as far as asked

    def regroup(self, groups: Sequence[Group]) -> None:
        """Forget the atmospheres that are no more."""
        self._decays = {g: decay for g, decay in self._decays.items() if g in groups}
        self._found.clear()

    def disturb(self, groups: Sequence[Group]) -> None:
        """Begin anew, for gas was moved or the leak itself has changed."""
        for group in groups:
            self._decays.pop(group, None)
            self._found.pop(group, None)

    def take(self, group: Group, air: AirReading) -> None:
        """Enter a reading of a whole atmosphere."""
        if air.air_mass_kg is None or air.temperature_k is None or not air.pressure_is_new:
            return
        decay = self._decays.setdefault(group, _Decay())
        if decay.since_s is not None and air.time_s - decay.since_s >= decay.spacing_s:
            self._close(group, decay)
        if decay.since_s is None:
            decay.since_s = air.time_s
        decay.time_sum_s += air.time_s - decay.since_s
        decay.mass_sum_kg += air.air_mass_kg
        decay.count += 1

    def law(self, group: Group) -> FlowLaw | None:
        """Return by which power of its pressure an atmosphere leaks, None while that is not known."""
        if group not in self._found:
            decay = self._decays.get(group, _Decay())
            times, masses = np.array(decay.times_s), np.array(decay.masses_kg)
            self._found[group] = fit_law(times, masses)
        return self._found[group]

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {"decays": {group: _copy(decay) for group, decay in self._decays.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self._decays = {group: _copy(decay) for group, decay in state["decays"].items()}
        self._found.clear()

    def _close(self, group: Group, decay: _Decay) -> None:
        """Make a point of what was read, and pairs of the points where they are too many."""
        assert decay.since_s is not None
        decay.times_s.append(decay.since_s + decay.time_sum_s / decay.count)
        decay.masses_kg.append(decay.mass_sum_kg / decay.count)
        decay.since_s, decay.time_sum_s, decay.mass_sum_kg, decay.count = None, 0.0, 0.0, 0
        if len(decay.times_s) >= POINTS:
            decay.spacing_s *= 2.0
            decay.times_s = _paired(decay.times_s)
            decay.masses_kg = _paired(decay.masses_kg)
        self._found.pop(group, None)


def fit_law(times_s: NDArray[np.float64], masses_kg: NDArray[np.float64]) -> FlowLaw | None:
    """Return by which power of the mass it falls, with its 95 % interval; None if that is not told.

    For each power n the mass to the power 1 - n is a straight line in time (its logarithm for
    n = 1). How far the masses are from the best of these lines tells the likelihood of n; points that
    hang together count for as many fewer as their residuals say.

    Examples
    --------
    >>> times = np.linspace(0.0, 10.0, 40)
    >>> wobble = 0.001 * np.cos(7.0 * np.arange(40))
    >>> law = fit_law(times, 5.0 * np.exp(-times / 12.0) + wobble)
    >>> round(law.exponent, 1)
    1.0
    """
    if len(times_s) < LEAST_POINTS or masses_kg.min() <= 0.0:
        return None
    if masses_kg[0] < LEAST_RANGE * masses_kg[-1]:
        return None
    time = (times_s - times_s[0]) / (times_s[-1] - times_s[0])
    mass = masses_kg / masses_kg.mean()
    residuals = np.stack([_apart(time, mass, power) for power in POWERS])
    square = np.square(residuals).sum(axis=1)
    best = residuals[int(np.argmin(square))]
    variance = max(float(best @ best) / (len(time) - 3), LEAST_SD**2)
    alike = float(best[1:] @ best[:-1]) / max(float(best @ best), 1e-300)
    fewer = (1.0 + max(alike, 0.0)) / (1.0 - min(max(alike, 0.0), 0.95))
    weight = np.exp(-0.5 * (square - square.min()) / (variance * fewer))
    total = np.concatenate(([0.0], np.cumsum(0.5 * (weight[1:] + weight[:-1]))))
    low, middle, high = np.interp(np.array([0.025, 0.5, 0.975]) * total[-1], total, POWERS)
    if high - low > WIDEST:
        return None
    return FlowLaw(exponent=float(middle), low=float(low), high=float(high))


def _apart(
    time: NDArray[np.float64], mass: NDArray[np.float64], power: float
) -> NDArray[np.float64]:
    """Return how far the masses are from the best decay with this power."""
    over = 1.0 - power
    is_log = abs(over) < 1e-9
    level = np.log(mass) if is_log else mass**over
    steep = 1.0 / mass if is_log else np.abs(over) * mass ** (over - 1.0)  # of level, by mass
    weight = 1.0 / np.square(steep)
    middle_t, middle_l = (float(weight @ v) / float(weight.sum()) for v in (time, level))
    slope = float(weight @ ((time - middle_t) * (level - middle_l)))
    slope /= float(weight @ np.square(time - middle_t))
    return (level - middle_l - slope * (time - middle_t)) / steep


def _paired(values: Sequence[float]) -> list[float]:
    even = np.array(values[: len(values) // 2 * 2]).reshape(-1, 2).mean(axis=1).tolist()
    return [*even, *values[len(values) // 2 * 2 :]]


def _copy(decay: _Decay) -> _Decay:
    return replace(decay, times_s=list(decay.times_s), masses_kg=list(decay.masses_kg))
