"""Draws how soon each detector finds a leak against how often it is false, family by family."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from service.core.units import S_PER_DAY
from service.scoring.judging import S_PER_H
from service.scoring.statistics import quantile
from service.scoring.summaries import Detector, Run, Summary

COLUMNS: Final = 3
COLOURS: Final = {
    "limit": "#8c8c8c",
    "deriv 6 h": "#c98a00",
    "deriv 24 h": "#d9480f",
    "CUSUM": "#3b6ea5",
}
OURS: Final = "#b00020"
LONGEST_DAYS: Final = 1000.0  # without a false alarm at all nothing is known beyond


def draw_delays(path: Path, summary: Summary, runs: Sequence[Run]) -> None:
    """Draw one field a family: median delay over mean time between false alarms.

    A line is a detector to compare with at all its levels; the dot is Hullwatch at its setting, its bar
    as wide as the 95 % interval of how often it is false; the dashed line is the reference.
    """
    ours = summary.detectors["hullwatch"]
    families = list(ours.families)
    if not families:
        return
    rows = math.ceil(len(families) / COLUMNS)
    with mpl.rc_context({"font.size": 9, "axes.grid": True, "grid.alpha": 0.3}):
        figure = Figure(figsize=(4 * COLUMNS, 3.2 * rows), layout="constrained")
        fields = figure.subplots(rows, COLUMNS, squeeze=False).flatten()
        for axes, family in zip(fields, families, strict=False):
            _field(axes, family, ours, runs, summary)
        for axes in fields[len(families) :]:
            axes.set_axis_off()
        shown = {
            label: handle
            for axes in fields
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
        }
        figure.legend(shown.values(), shown.keys(), loc="outside lower center", ncols=len(shown))
        figure.savefig(path, dpi=110, metadata={"Software": None})


def _field(axes: Axes, family: str, ours: Detector, runs: Sequence[Run], summary: Summary) -> None:
    for name, colour in COLOURS.items():
        points = _curve(name, family, runs)
        axes.plot([p[0] for p in points], [p[1] for p in points], color=colour, label=name)
    reference = [row.reference_median_h for (f, _), row in summary.rows.items() if f == family]
    known = [hours for hours in reference if math.isfinite(hours)]
    if known:
        middle = math.exp(math.fsum(map(math.log, known)) / len(known))
        axes.axhline(middle, color="#1c2733", linestyle="--", linewidth=1, label="reference")
    found = ours.families[family]
    interval = [_days(rate) for rate in (ours.false.high, ours.false.per_90_days, ours.false.low)]
    if math.isfinite(found.median_h) and found.median_h > 0:
        axes.plot([interval[0], interval[2]], [found.median_h] * 2, color=OURS, linewidth=1.5)
        axes.plot([interval[1]], [found.median_h], "o", color=OURS, label="hullwatch")
    axes.set(xscale="log", yscale="log", title=family)
    axes.set_xlabel("days between false alarms")
    axes.set_ylabel("median delay, h")


def _curve(name: str, family: str, runs: Sequence[Run]) -> list[tuple[float, float]]:
    """Return the points of a detector at all levels: days between false alarms, delay in hours."""
    quiet_days = sum(run.judgement.quiet_s for run in runs) / S_PER_DAY
    curves = [run.result.compared[name] for run in runs]
    here = [
        run.result.compared[name]
        for run in runs
        if run.result.family == family and run.judgement.findings
    ]
    points = []
    for level in range(len(curves[0].false)):
        false = sum(curve.false[level] for curve in curves)
        delay_h = quantile([curve.delays_s[level] for curve in here], 0.5) / S_PER_H
        if math.isfinite(delay_h) and delay_h > 0:
            points.append((min(quiet_days / false if false else math.inf, LONGEST_DAYS), delay_h))
    return points


def _days(per_90_days: float) -> float:
    return min(90.0 / per_90_days if per_90_days else math.inf, LONGEST_DAYS)
