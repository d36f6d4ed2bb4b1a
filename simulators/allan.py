"""Compares how the pressure of a healthy simulated station wanders with real recordings of the ISS.

`python -m simulators.allan RECORDING.csv` prints the figures of a recording as rows of
`real_recordings.csv`, whose rows come from:

* `astropi_columbus_2016-02-29_7d`: seven days in Columbus every 35 s from 29 February 2016, in which three of six
  people leave (astro-pi/watchdog, `iss downloads/Watchdog_2016*.csv` at f443a4f).
* `isslive_2026-04-06_1h_as_received`: one hour of the public ISSLIVE feed on 6 April 2026, on change in steps of 0.1 mmHg
  (datamoritz/iss-anomaly-detection, `data/raw/telemetry_2026-04-06_*.jsonl` at d9d9f02).
* `astropi_2022-01-31_19h`: 19.5 quiet hours every 5 s from 31 January 2022, linear trend removed
  (raspberrypilearning/astro-pi-flight-data-analysis); worked out once and kept as figures.
"""

import csv
import sys
from dataclasses import astuple, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from simulators.gas import PA_PER_MMHG, Floats
from simulators.station import Simulation

TAUS_MIN: Final = (1, 10, 30, 60, 144, 288, 1440)
WINDOWS_MIN: Final = (360, 1440)
PERCENTILES: Final = (50, 80, 95)
MIN_PER_DAY: Final = 1440
SLOPE_EVERY_MIN: Final = 10  # spacing of the windows; slopes closer together are nearly the same
MMHG_PER_UNIT: Final = {  # of the pressures in the recordings
    "ASTROPI_ED.PRESSURE_HPA": 100 / PA_PER_MMHG,
    "USLAB000058": 1.0,
}
_TABLE: Final = Path(__file__).parent / "real_recordings.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number that tells how a pressure wanders.

    Attributes
    ----------
    kind : str
        `allan_deviation` in mmHg, or `false_slope` in mmHg/day.
    span_min : int
        The averaging time of the deviation, or the window of the slopes.
    percentile : int
        Of the sizes of the slopes; 0 for a deviation.
    """

    kind: str
    span_min: int
    percentile: int
    value: float


def minute_means(times_s: Floats, values: Floats) -> Floats:
    """Average readings minute by minute; a minute without any lies between its neighbours.

    Examples
    --------
    >>> minute_means(np.array([0.0, 30.0, 120.0]), np.array([1.0, 3.0, 4.0]))
    array([2., 3., 4.])
    """
    minute = ((times_s - times_s.min()) // 60).astype(np.intp)
    readings = np.bincount(minute)
    filled = np.flatnonzero(readings)
    means = np.bincount(minute, values)[filled] / readings[filled]
    whole: Floats = np.interp(np.arange(len(readings)), filled, means)
    return whole


def allan_deviation(series: Floats, span: int) -> float:
    """Give the overlapping Allan deviation of a series for averages over `span` of its steps.

    With y_i the mean of the steps i to i + span, sigma^2 = <(y_(i+span) - y_i)^2> / 2 (Riley, NIST
    Special Publication 1065, section 5.2.4, for values instead of phases).

    Examples
    --------
    >>> allan_deviation(np.array([0.0, 1.0, 0.0, 1.0, 0.0]), 1)
    0.7071067811865476
    >>> allan_deviation(np.array([0.0, 1.0, 0.0, 1.0, 0.0]), 2)
    0.0
    """
    summed = np.concatenate(([0.0], np.cumsum(series - series.mean())))
    means = (summed[span:] - summed[:-span]) / span
    steps = means[span:] - means[:-span]
    return float(np.sqrt(np.mean(steps**2) / 2))


def slopes_per_day(minutes: Floats, window_min: int) -> Floats:
    """Fit a straight line by least squares in every window and give the slopes per day.

    Examples
    --------
    >>> slopes_per_day(np.arange(100.0), 50).round(6)
    array([1440., 1440., 1440., 1440., 1440., 1440.])
    """
    windows = sliding_window_view(minutes, window_min)[::SLOPE_EVERY_MIN]
    lever = np.arange(window_min) - (window_min - 1) / 2
    slopes: Floats = windows @ (lever / (lever @ lever)) * MIN_PER_DAY
    return slopes


def figures_of(minutes: Floats) -> list[Figure]:
    """Give the Allan deviations and the percentiles of the sizes of the slopes of minute means.

    A deviation needs twice, percentiles of slopes need four times the span; what is longer is left out.
    """
    found = [
        Figure(
            kind="allan_deviation", span_min=tau, percentile=0, value=allan_deviation(minutes, tau)
        )
        for tau in TAUS_MIN
        if len(minutes) > 2 * tau
    ]
    for window in WINDOWS_MIN:
        if len(minutes) >= 4 * window:
            sizes = np.percentile(np.abs(slopes_per_day(minutes, window)), PERCENTILES)
            found += [
                Figure(
                    kind="false_slope", span_min=window, percentile=percentile, value=float(size)
                )
                for percentile, size in zip(PERCENTILES, sizes, strict=True)
            ]
    return found


def median_figures(minutes: Floats, length_min: int) -> list[Figure]:
    """Cut minute means into pieces without their linear trends and give the medians of their figures.

    That is what a single record of that length, with its trend removed, compares with.
    """
    steps = np.arange(length_min)
    pieces = minutes[: len(minutes) // length_min * length_min].reshape(-1, length_min)
    straight = np.polynomial.polynomial.polyfit(steps, pieces.T, 1)
    found = [
        figures_of(piece - (a + b * steps)) for piece, a, b in zip(pieces, *straight, strict=True)
    ]
    return [
        replace(alike[0], value=float(np.median([figure.value for figure in alike])))
        for alike in zip(*found, strict=True)
    ]


def simulated_minutes(simulation: Simulation, channel: str) -> Floats:
    """Run a simulation and give the minute means of one channel, whose unit is mmHg."""
    wanted = list(simulation.scenario.channels).index(channel)
    times_s, values = [], []
    for part in simulation.slices():
        rows = part.channel == wanted
        times_s.append(part.time_s[rows])
        values.append(part.value[rows])
    return minute_means(np.concatenate(times_s), np.concatenate(values))


def real_recordings() -> dict[str, list[Figure]]:
    """Give the figures of the real recordings by the name of the recording."""
    found: dict[str, list[Figure]] = {}
    with _TABLE.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            figure = Figure(
                kind=row["kind"],
                span_min=int(row["span_min"]),
                percentile=int(row["percentile"]),
                value=float(row["value"]),
            )
            found.setdefault(row["recording"], []).append(figure)
    return found


def recorded_minutes(path: Path) -> Floats:
    """Read the cabin pressure of a recording as minute means in mmHg; what is not sent is held."""
    readings: dict[float, float] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if row["pui"] in MMHG_PER_UNIT:
                moment = datetime.fromisoformat(row["time_utc"]).timestamp()
                readings[moment] = float(row["value"]) * MMHG_PER_UNIT[row["pui"]]
    times_s = np.array(sorted(readings))
    values = np.array([readings[moment] for moment in times_s])
    if np.median(np.diff(times_s)) < 60:
        return minute_means(times_s, values)
    seconds = np.arange(times_s[0], times_s[-1])
    return minute_means(seconds, values[np.searchsorted(times_s, seconds, side="right") - 1])


def main(paths: list[str]) -> None:
    """Print the figures of recordings as rows of the table of real recordings."""
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["recording", *(field.name for field in fields(Figure))])
    for path in map(Path, paths):
        for figure in figures_of(recorded_minutes(path)):
            *about, value = astuple(figure)
            out.writerow([path.stem, *about, f"{value:.4g}"])


if __name__ == "__main__":
    main(sys.argv[1:])
