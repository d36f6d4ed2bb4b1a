"""Watches single gauges for a rapid fall of pressure, from the first seconds on."""

from collections.abc import Mapping, Sequence
from math import comb
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.station import ChannelKind, Station
from service.core.units import PA_PER_MMHG

DEPTH: Final = 300  # readings kept of each gauge, five minutes at one a second
# Three readings a second, ten seconds or a minute apart are in the first, fourth and sixth.
WINDOWS_S: Final = (2.5, 5.5, 11.0, 22.0, 45.0, 130.0, 300.0)
LEAST_POINTS: Final = 3
CONFIDENCE: Final = 4.0  # standard errors; a chance of 3e-5 a fit, and two gauges must agree
MIDDLE: Final = 0.6745  # median size of what is normally distributed, in its standard deviation
QUIET_PA: Final = 0.15 * PA_PER_MMHG  # 18 s at the slowest fall that is an emergency
# A fifth of the smallest emergency; below it the balances follow well enough.
RAPID_PA_PER_S: Final = 0.1 * PA_PER_MMHG / 60.0
FLOOR_PA: Final = 0.02 * PA_PER_MMHG  # no cabin gauge is better; Columbus 2016, 0.02 mmHg
ALIVE_S: Final = 400.0
SPAN_S: Final = WINDOWS_S[-1]  # over which a change is told


class FallWatch:
    """Keeps the newest readings of every gauge and fits straight lines over several windows."""

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
        self._fall_before = np.full(count, -np.inf)  # with all but the newest reading
        self._slope = np.full(count, np.nan)

    def take(
        self,
        channels: NDArray[np.intp],
        times_s: NDArray[np.float64],
        values: NDArray[np.float64],
    ) -> None:
        """Enter the newest reading of some gauges, in Pa."""
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
        recent = self._time_s[rows] >= self._time_s[rows, -1:] - WINDOWS_S[-1]
        highest = np.where(recent, self._value[rows], -np.inf).max(axis=1)
        sigma = self._sigma(rows)
        falling = highest - self._value[rows, -1] > QUIET_PA + 2.0 * sigma
        self._fall_before[rows] = self._fall[rows]
        self._fall[rows] = -np.inf
        fitted = rows[falling]
        if len(fitted):
            self._fall[fitted], self._slope[fitted] = self._fit(fitted, sigma[falling])

    def follow(
        self,
        channels: NDArray[np.intp],
        times_s: NDArray[np.float64],
        values: NDArray[np.float64],
    ) -> None:
        """Enter readings in order of their arrival, none of which `may_show_fall`, in Pa.

        It leaves what `take` would have left, had it taken them one after the other.
        """
        if not len(channels):
            return
        rows, place = np.unique(self._row[channels], return_inverse=True)
        order = np.argsort(place, kind="stable")
        place = place[order]
        nth = np.arange(len(place)) - np.searchsorted(place, place)
        time_s = np.full((len(rows), int(nth.max()) + 1), -np.inf)
        value = np.full(time_s.shape, np.nan)
        time_s[place, nth] = times_s[order]
        value[place, nth] = values[order]
        heard_s = np.concatenate([self._time_s[rows], time_s], axis=1)
        newer = time_s > np.maximum.accumulate(heard_s[:, DEPTH - 1 : -1], axis=1)
        kept = np.concatenate([np.ones((len(rows), DEPTH), np.bool_), newer], axis=1)
        ahead = np.argsort(kept, axis=1, kind="stable")  # what is left out comes first
        heard_s = np.take_along_axis(heard_s, ahead, axis=1)
        read = np.concatenate([self._value[rows], value], axis=1)
        read = np.take_along_axis(read, ahead, axis=1)
        entered = newer.sum(axis=1)
        change = np.abs(np.diff(read[:, DEPTH - 1 :], axis=1))
        is_entered = np.arange(change.shape[1]) >= change.shape[1] - entered[:, None]
        change = np.where(is_entered & (change > 0.0), change, np.inf)
        self._quantum[rows] = np.fmin(self._quantum[rows], change.min(axis=1))
        self._time_s[rows], self._value[rows] = heard_s[:, -DEPTH:], read[:, -DEPTH:]
        once, often = rows[entered == 1], rows[entered > 1]
        self._fall_before[once], self._fall_before[often] = self._fall[once], -np.inf
        self._fall[rows[entered > 0]] = -np.inf

    def may_show_fall(
        self,
        channels: NDArray[np.intp],
        times_s: NDArray[np.float64],
        values: NDArray[np.float64],
    ) -> NDArray[np.bool_]:
        """Return which of the readings to come, in Pa, are low enough to be worth a fit, or might be.

        The others are too near the highest of the time before them.
        """
        rows = self._row[channels]
        first_s = np.full(len(self._floor), np.inf)
        np.minimum.at(first_s, rows, times_s)
        recent = self._time_s >= first_s[:, None] - WINDOWS_S[-1]
        highest = np.where(recent, self._value, -np.inf).max(axis=1)
        np.maximum.at(highest, rows, values)
        return np.asarray(highest[rows] - values > QUIET_PA + 2.0 * self._floor[rows])

    def may_fall(self) -> bool:
        """Say whether any gauge has fallen for certain at its newest reading."""
        return bool((self._fall > 0.0).any())

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

    def may_have_moved(self, by_pa: float, certain: float, now_s: float) -> bool:
        """Say whether a gauge has read otherwise by so much, and so many errors of a change, lately.

        That is within the time that `changes` may span.
        """
        recent = self._time_s > now_s - SPAN_S - ALIVE_S
        highest = np.where(recent, self._value, -np.inf).max(axis=1)
        lowest = np.where(recent, self._value, np.inf).min(axis=1)
        return bool((highest - lowest > by_pa + certain * self._change_errors()).any())

    def changes(self, now_s: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return by how much each gauge has risen within `SPAN_S`, and its error, Pa.

        One for each channel; NaN where nothing is known. Of three readings in a row the middle one
        counts, for one may be a spike.
        """
        risen, error = np.full((2, len(self._row)), np.nan)
        rows = np.flatnonzero(self._time_s[:, -1] > now_s - ALIVE_S)
        values, known = self._value[rows], np.isfinite(self._time_s[rows])
        first = DEPTH - known.sum(axis=1)
        old = (known & (self._time_s[rows] <= now_s - SPAN_S)).sum(axis=1)

        def level(place: NDArray[np.intp]) -> NDArray[np.float64]:
            three = np.clip(place, first + 1, DEPTH - 2)[:, None] + np.arange(-1, 2)
            near = np.clip(three, first[:, None], DEPTH - 1)
            return np.asarray(np.sort(np.take_along_axis(values, near, 1), axis=1)[:, 1])

        alive = np.flatnonzero(self.is_gauge)[rows]
        risen[alive] = level(np.full(len(rows), DEPTH)) - level(first + old - 1)
        error[alive] = self._change_errors()[rows]
        return risen, error

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

    def _change_errors(self) -> NDArray[np.float64]:
        return np.asarray(np.sqrt(2.0) * self._sigma(np.arange(len(self._floor))))

    def _sigma(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the least error of a reading, to which half a code belongs."""
        half_code = np.where(np.isfinite(self._quantum[rows]), self._quantum[rows] / 2.0, 0.0)
        sigma: NDArray[np.float64] = np.maximum(self._floor[rows], half_code)
        return sigma

    def _fit(
        self, rows: NDArray[np.intp], sigma: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        falls, slopes = self._steepest(rows, sigma)
        rapid = np.flatnonzero(falls >= RAPID_PA_PER_S)
        if len(rapid):
            # Of a few readings that lie on a line by chance the scatter tells too little.
            usual = usual_noise(self._value[rows[rapid]], differences=2)
            falls[rapid], slopes[rapid] = self._steepest(
                rows[rapid], np.maximum(sigma[rapid], usual)
            )
        return falls, slopes

    def _steepest(
        self, rows: NDArray[np.intp], sigma: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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
    age = (time_s[:, -1:] - time_s)[:, ::-1]
    known = np.isfinite(age)
    x = np.where(known, -age, 0.0)
    y = np.where(known, (value - value[:, -1:])[:, ::-1], 0.0)
    sums = np.stack([known, x, y, x * x, x * y, y * y]).cumsum(axis=2)
    inside = (age[:, None, :] <= np.array(windows_s)[:, None]).sum(axis=2)
    count, x1, y1, xx, xy, yy = np.take_along_axis(sums, inside[None] - 1, axis=2)
    square = np.maximum(xx - x1 * x1 / count, 1e-9)
    product = xy - x1 * y1 / count
    slope = product / square
    residual = np.maximum(yy - y1 * y1 / count - slope * product, 0.0)
    scatter = np.sqrt(residual / np.maximum(count - 2.0, 1.0))
    error = np.maximum(sigma[:, None], scatter) / np.sqrt(square)
    bound = np.where(count >= least_points, -slope - CONFIDENCE * error, -np.inf)
    best = np.argmax(bound, axis=1)[:, None]
    fall = np.where(count >= least_points, -slope, np.nan)
    return np.take_along_axis(bound, best, 1)[:, 0], np.take_along_axis(fall, best, 1)[:, 0]


def usual_noise(values: NDArray[np.float64], differences: int) -> NDArray[np.float64]:
    """Return the standard deviation of white noise as the median difference in each row tells it.

    Parameters
    ----------
    values : ndarray, shape (n, k)
        Evenly spaced; NaN where there is nothing. Each row has at least one difference.
    differences : int
        How often neighbours are subtracted; a steady fall shows in the first, but not in the second.
    """
    ascending = np.sort(np.abs(np.diff(values, n=differences, axis=1)), axis=1)  # NaN last
    count = np.isfinite(ascending).sum(axis=1)
    middle = np.stack([(count - 1) // 2, count // 2], axis=1)
    median = np.take_along_axis(ascending, middle, 1).mean(axis=1)
    noise: NDArray[np.float64] = median / (MIDDLE * comb(2 * differences, differences) ** 0.5)
    return noise
