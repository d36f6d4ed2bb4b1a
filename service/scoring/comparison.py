"""Detectors to compare with: each gives a figure over time for every atmosphere.

They are what is built first and what monitoring systems have ready: a fixed limit, the slope of
the raw pressure (`deriv` of Prometheus), and a CUSUM on the mass of air compensated for temperature,
oxygen and crew. They work minute by minute.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.events import AlertEvent, AlertEventKind, AlertState, RuleKind, Severity
from service.core.station import ChannelKind
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.scoring.knowing import MMHG_M3_PER_KG
from service.scoring.recordings import Recording
from service.scoring.truths import phases_of

Floats = NDArray[np.float64]

MINUTE_S: Final = 60.0
STALE_MIN: Final = 130  # a reading holds so long; on-change senders are silent for two hours
ENOUGH_MIN: Final = 60  # of readings, before a slope is given
CUSUM_MIN: Final = 10  # step of the CUSUM
REFERENCE_KG_PER_DAY: Final = 0.25  # half of the growth that the CUSUM is made for
BASELINE_DAYS: Final = 5.0  # over which the CUSUM learns the slope of before
BREATH_KG_PER_DAY: Final = 0.84  # of oxygen a person and day (Wieland, NASA RP-1324)
BLANK_MIN: Final = 60  # after a message of moving gas the CUSUM waits

# Level of an alarm, from much too low to much too high, for each detector in its own unit.
LEVELS: Final[dict[str, Floats]] = {
    "limit": np.linspace(-760.0, -640.0, 61),  # mmHg, negative
    "deriv 6 h": np.geomspace(0.3, 100.0, 60),  # mmHg/day
    "deriv 24 h": np.geomspace(0.1, 30.0, 60),
    "CUSUM": np.geomspace(0.03, 100.0, 80),  # mmHg
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A figure over time, NaN = unknown, for an atmosphere."""

    sections: tuple[str, ...]
    times_s: Floats
    figure: Floats


def traces(recording: Recording) -> dict[str, list[Trace]]:
    """Return the figures of each detector."""
    minutes = _Minutes(recording)
    found: dict[str, list[Trace]] = {name: [] for name in LEVELS}
    for begin, end, sections in minutes.phases():
        times_s: Floats = minutes.times_s[begin:end]
        pressures = minutes.of(ChannelKind.PRESSURE, sections)[begin:end] / PA_PER_MMHG
        if not pressures.size:
            continue
        slopes = {
            name: _steepest(pressures, hours)
            for name, hours in (("deriv 6 h", 6), ("deriv 24 h", 24))
        }
        figures = {"limit": -_least(pressures), **slopes}
        figures["CUSUM"] = _cusum(minutes, sections, begin, end)
        for name, figure in figures.items():
            found[name].append(Trace(sections=sections, times_s=times_s, figure=figure))
    return found


def alarms(name: str, trace: Trace, level: float) -> Iterator[AlertEvent]:
    """Yield an event whenever a figure comes to the level from below."""
    above = np.nan_to_num(trace.figure, nan=-np.inf) >= level
    rises = np.flatnonzero(above & ~np.concatenate(([False], above[:-1])))
    for row in rises.tolist():
        yield AlertEvent(
            time_s=float(trace.times_s[row]),
            alert_id=name,
            rule=name,
            kind=RuleKind.LEAK_GROWTH,
            severity=Severity.CAUTION,
            event=AlertEventKind.RAISED,
            state=AlertState.UNACKNOWLEDGED,
            atmosphere=trace.sections[0],
            sections=trace.sections,
            reason="",
            text="",
        )


class _Minutes:
    """The readings of a recording as means of minutes, each held until the next."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        samples = recording.samples
        self._start_s = float(np.floor(samples.time_s.min() / MINUTE_S) * MINUTE_S)
        count = int((samples.time_s.max() - self._start_s) // MINUTE_S) + 1
        self.times_s: Floats = self._start_s + MINUTE_S * np.arange(1.0, count + 1)  # their ends
        row = ((samples.time_s - self._start_s) // MINUTE_S).astype(np.intp)
        cell = samples.channel.astype(np.intp) * count + row
        channels = len(recording.station.channels)
        summed = np.bincount(cell, samples.value, channels * count)
        heard = np.bincount(cell, minlength=channels * count)
        means = np.divide(summed, heard, out=np.full(len(summed), np.nan), where=heard > 0)
        self._values = _held(means.reshape(channels, count)).T

    def of(self, kind: ChannelKind, sections: Sequence[str]) -> Floats:
        """Give the channels of a kind in these sections, shape (minutes, channels)."""
        columns = [
            i
            for i, channel in enumerate(self._recording.station.channels)
            if channel.kind is kind and channel.section in sections
        ]
        chosen: Floats = self._values[:, columns]
        return chosen

    def volume_m3(self, sections: Sequence[str]) -> float:
        """Give the volume of sections together."""
        return sum(s.volume_m3 for s in self._recording.station.sections if s.name in sections)

    def phases(self) -> Iterator[tuple[int, int, tuple[str, ...]]]:
        """Yield each atmosphere that existed: its first minute, the one after its last, its sections."""
        open_since: dict[tuple[str, ...], int] = {}
        everything = [[section.name for section in self._recording.station.sections]]
        for time_s, groups in phases_of(self._recording.truth) or [(self._start_s, everything)]:
            row = max(int((time_s - self._start_s) // MINUTE_S), 0)
            now = {tuple(group) for group in groups}
            for sections in [s for s in open_since if s not in now]:
                yield open_since.pop(sections), row, sections
            for sections in now - open_since.keys():
                open_since[sections] = row
        for sections, row in open_since.items():
            yield row, len(self.times_s), sections

    def booked_mmhg(self, sections: Sequence[str]) -> Floats:
        """Give how much pressure reported oxygen has added and reported people have taken so far."""
        rates = np.zeros(len(self.times_s))
        if self.volume_m3(sections) * 2 < self.volume_m3(
            [s.name for s in self._recording.station.sections]
        ):
            return rates  # people and machines are in the larger part
        for name, kg_per_day in (("oxygen_generation", S_PER_DAY), ("crew", -BREATH_KG_PER_DAY)):
            told = [a for a in self._recording.activities if a.name == name and a.value is not None]
            value = np.zeros(len(rates))
            for activity in sorted(told, key=lambda a: a.received_s):
                value[self._row(activity.received_s) :] = (activity.value or 0.0) * kg_per_day
            rates += value
        kg: Floats = np.cumsum(rates) * (MINUTE_S / S_PER_DAY)
        return kg * (MMHG_M3_PER_KG / self.volume_m3(sections))

    def blank(self) -> NDArray[np.bool_]:
        """Tell in which minutes gas was said to be moved."""
        found = np.zeros(len(self.times_s), np.bool_)
        for activity in self._recording.activities:
            if activity.name not in ("oxygen_generation", "crew", "signal", "note"):
                row = self._row(activity.received_s)
                found[row : row + BLANK_MIN] = True
        return found

    def _row(self, time_s: float) -> int:
        return max(int((time_s - self._start_s) // MINUTE_S), 0)


def _held(values: Floats) -> Floats:
    """Fill each gap with the value before it, for as long as that is not stale; along rows."""
    index = np.arange(values.shape[1])
    last = np.maximum.accumulate(np.where(np.isnan(values), -STALE_MIN, index), axis=1)
    held = np.take_along_axis(values, np.maximum(last, 0), axis=1)
    return np.where(index - last < STALE_MIN, held, np.nan)


def _least(columns: Floats) -> Floats:
    return np.where(
        np.isnan(columns).all(axis=1), np.nan, np.nan_to_num(columns, nan=np.inf).min(1)
    )


def _steepest(pressures: Floats, hours: int) -> Floats:
    """Give the steepest fall of any channel, mmHg/day, by least squares over a window."""
    falls = np.stack([-_slope(column, hours * 60) for column in pressures.T])
    known = ~np.isnan(falls).all(axis=0)
    return np.where(known, np.nan_to_num(falls, nan=-np.inf).max(axis=0), np.nan)


def _slope(values: Floats, window: int) -> Floats:
    """Give the slope of the last minutes, per day; NaN until an hour was heard."""
    known = ~np.isnan(values)
    first = values[known][0] if known.any() else 0.0
    y = np.where(known, values - first, 0.0)
    x = np.arange(len(values)) * (MINUTE_S / S_PER_DAY)
    n, sx, sy, sxx, sxy = (
        _windowed(np.where(known, part, 0.0), window)
        for part in (np.ones(len(x)), x, y, x * x, x * y)
    )
    spread = n * sxx - sx * sx
    enough = n >= ENOUGH_MIN
    slope: Floats = np.full(len(x), np.nan)
    np.divide(n * sxy - sx * sy, spread, out=slope, where=enough)
    return slope


def _windowed(values: Floats, window: int) -> Floats:
    summed: Floats = np.cumsum(values)
    return summed - np.concatenate((np.zeros(min(window, len(values))), summed[:-window]))


def _cusum(minutes: _Minutes, sections: tuple[str, ...], begin: int, end: int) -> Floats:
    """Give how many mmHg more are missing than the slope of before explains."""
    allowed = REFERENCE_KG_PER_DAY * MMHG_M3_PER_KG / minutes.volume_m3(sections)
    kelvin = minutes.of(ChannelKind.TEMPERATURE, sections)[begin:end]
    known = ~np.isnan(kelvin)
    warm = np.where(known, kelvin, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    scale = np.where(known.any(axis=1), 295.0 / np.maximum(warm, 1.0), 1.0)
    pressures = minutes.of(ChannelKind.PRESSURE, sections)[begin:end] / PA_PER_MMHG
    booked = minutes.booked_mmhg(sections)[begin:end, np.newaxis]
    mass = pressures * scale[:, np.newaxis] - booked
    rows = np.arange(0, len(mass) - CUSUM_MIN + 1, CUSUM_MIN)
    if len(rows) < 2:
        return np.full(end - begin, np.nan)
    means = mass[: len(rows) * CUSUM_MIN].reshape(len(rows), CUSUM_MIN, -1).mean(axis=1)
    lost = -np.diff(means, axis=0)
    heard = ~np.isnan(lost)
    step = np.where(heard, lost, 0.0).sum(axis=1) / np.maximum(heard.sum(axis=1), 1)
    blank = np.logical_or.reduceat(minutes.blank()[begin:end], rows)
    used = heard.any(axis=1) & ~blank[1:] & ~blank[:-1]
    days = CUSUM_MIN * MINUTE_S / S_PER_DAY
    forget = days / BASELINE_DAYS
    figure = np.full(end - begin, np.nan)
    slope, weight, level = 0.0, 0.0, 0.0
    for i in range(len(step)):
        if used[i]:
            if weight > 0.1:  # half a day of slope is known
                level = max(0.0, level + step[i] - (slope / weight + allowed) * days)
            weight += forget * (1 - weight)
            slope += forget * (step[i] / days - slope)
        row = rows[i + 1] + CUSUM_MIN - 1
        figure[row : row + CUSUM_MIN] = level
    return figure
