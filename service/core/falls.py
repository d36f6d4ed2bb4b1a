"""Watches single gauges for a rapid fall of pressure, from the first seconds on."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.station import ChannelKind, Station
from service.core.units import PA_PER_MMHG

DEPTH: Final = 64  # bins kept of each gauge
WINDOWS_S: Final = (15.0, 30.0, 60.0, 120.0, 300.0)
LEAST_POINTS: Final = 3
CONFIDENCE: Final = 4.0  # standard errors; a chance of 3e-5 a fit, and two gauges must agree
QUIET_PA: Final = 0.25 * PA_PER_MMHG  # half a minute at the slowest fall that is an emergency
FLOOR_PA: Final = 0.02 * PA_PER_MMHG  # no cabin gauge is better; Columbus 2016, 0.02 mmHg
ALIVE_S: Final = 400.0


class FallWatch:
    """Keeps the newest bins of every gauge and fits straight lines over several windows."""

    def __init__(self, station: Station) -> None:
        cabin = {section.name for section in station.sections}
        pressure = [c.kind is ChannelKind.PRESSURE and c.section in cabin for c in station.channels]
        self.is_gauge = np.array(pressure, np.bool_)
        self._row = np.cumsum(self.is_gauge) - 1
        count = sum(pressure)
        self._time_s = np.full((count, DEPTH), -np.inf)
        self._value = np.full((count, DEPTH), np.nan)
        self._quantum = np.full(count, np.inf)
        hints = [
            max(c.noise or 0.0, (c.step or 0.0) / 2.0, FLOOR_PA)
            for c, is_gauge in zip(station.channels, pressure, strict=True)
            if is_gauge
        ]
        self._floor = np.array(hints)
        self._fall = np.full(count, -np.inf)
        self._fall_before = np.full(count, -np.inf)  # with all but the newest bin
        self._slope = np.full(count, np.nan)

    def take(
        self,
        channels: NDArray[np.intp],
        times_s: NDArray[np.float64],
        values: NDArray[np.float64],
    ) -> None:
        """Enter the newest bin of some gauges, in Pa."""
        if not len(channels):
            return
        rows = self._row[channels]
        newer = times_s > self._time_s[rows, -1]
        rows = rows[newer]
        if not len(rows):
            return
        change = np.abs(values[newer] - self._value[rows, -1])
        change = np.where(change > 0.0, change, np.inf)
        self._quantum[rows] = np.fmin(self._quantum[rows], change)
        self._time_s[rows, :-1] = self._time_s[rows, 1:]
        self._value[rows, :-1] = self._value[rows, 1:]
        self._time_s[rows, -1] = times_s[newer]
        self._value[rows, -1] = values[newer]
        recent = self._value[rows, -6:]
        falling = (
            np.fmax.reduce(recent, axis=1) - recent[:, -1] > QUIET_PA + 2.0 * self._floor[rows]
        )
        self._fall_before[rows] = self._fall[rows]
        self._fall[rows] = -np.inf
        fitted = rows[falling]
        if len(fitted):
            self._fall[fitted], self._slope[fitted] = self._fit(fitted)

    def falls(
        self, channels: NDArray[np.intp], now_s: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return how fast each living gauge falls at least and likeliest, Pa/s, steepest first.

        The lower bound is minus infinity where a gauge does not fall for certain, and where there is
        no other and it did not fall a reading ago: one may be a spike.
        """
        rows = self._row[channels]
        alive = rows[self._time_s[rows, -1] > now_s - ALIVE_S]
        if len(alive) == 1:
            return np.minimum(self._fall[alive], self._fall_before[alive]), self._slope[alive]
        order = np.argsort(-self._fall[alive], kind="stable")
        return self._fall[alive][order], self._slope[alive][order]

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {
            "time_s": self._time_s.copy(),
            "value": self._value.copy(),
            "quantum": self._quantum.copy(),
            "fall": self._fall.copy(),
            "fall_before": self._fall_before.copy(),
            "slope": self._slope.copy(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self._time_s = state["time_s"].copy()
        self._value = state["value"].copy()
        self._quantum = state["quantum"].copy()
        self._fall = state["fall"].copy()
        self._fall_before = state["fall_before"].copy()
        self._slope = state["slope"].copy()

    def _fit(self, rows: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        half_code = np.where(np.isfinite(self._quantum[rows]), self._quantum[rows] / 2.0, 0.0)
        sigma = np.maximum(self._floor[rows], half_code)
        return steepest_falls(self._time_s[rows], self._value[rows], sigma, WINDOWS_S, LEAST_POINTS)


def steepest_falls(
    time_s: NDArray[np.float64],
    value: NDArray[np.float64],
    sigma: NDArray[np.float64],
    windows_s: Sequence[float],
    least_points: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the largest lower confidence bound of the fall over all windows, and its fall.

    Parameters
    ----------
    time_s, value : ndarray, shape (n, k)
        Newest last; minus infinity and NaN where there is nothing.
    sigma : ndarray, shape (n,)
        The least error of a value.
    """
    age = time_s[:, -1:] - time_s
    best = np.full(len(time_s), -np.inf)
    fall = np.full(len(time_s), np.nan)
    for window_s in windows_s:
        inside = age <= window_s
        count = inside.sum(axis=1)
        points = np.maximum(count, 1)
        x = np.where(inside, -age, 0.0)
        y = np.where(inside, value - value[:, -1:], 0.0)
        x_mean = x.sum(axis=1) / points
        y_mean = y.sum(axis=1) / points
        dx = np.where(inside, x - x_mean[:, None], 0.0)
        dy = np.where(inside, y - y_mean[:, None], 0.0)
        square = np.maximum(np.square(dx).sum(axis=1), 1e-9)
        slope = (dx * dy).sum(axis=1) / square
        residual = np.square(dy - slope[:, None] * dx).sum(axis=1)
        scatter = np.sqrt(residual / np.maximum(count - 2, 1))
        error = np.maximum(sigma, scatter) / np.sqrt(square)
        bound = -slope - CONFIDENCE * error
        better = (count >= least_points) & (bound > best)
        best = np.where(better, bound, best)
        fall = np.where(better, -slope, fall)
    return best, fall
