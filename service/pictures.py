"""Draws the plots of reports and puts them into pages that need nothing else."""

import base64
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from service.core.events import Severity

Stamps = NDArray[np.datetime64]

BLUE: Final = "#1f6fb2"
LIMIT: Final = "#b00020"
COLOUR_OF_SEVERITY: Final = {
    Severity.EMERGENCY: "#b00020",
    Severity.WARNING: "#d9480f",
    Severity.CAUTION: "#c98a00",
    Severity.ADVISORY: "#3b6ea5",
}
HEAD: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
  color: #1c2733; background: #fff }}
img {{ max-width: 100% }} h2 {{ margin-top: 2.5rem }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0;
  border-bottom: 1px solid #d5dce4 }}
.severity {{ font-weight: 600; white-space: nowrap }}
</style></head><body>"""


@contextmanager
def sheet(rows: int, height: float, heights: Sequence[float] | None = None) -> Iterator[Any]:
    """Give a figure, with plots below each other that share their times, in the style of reports."""
    with mpl.rc_context(
        {"font.size": 10, "axes.grid": True, "grid.alpha": 0.3, "date.converter": "concise"}
    ):
        figure = Figure(figsize=(11, height), layout="constrained")
        yield figure, figure.subplots(rows, 1, sharex=True, height_ratios=heights)


def embedded(figure: Figure, told: str) -> str:
    """Return the figure as an image element; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{told}" src="data:image/png;base64,{data}">'


def stamps(times_s: ArrayLike) -> Stamps:
    """Return times as the plots take them."""
    return np.array(np.round(np.asarray(times_s, np.float64) * 1000.0), "datetime64[ms]")


def line(axes: Axes, times: Stamps, values: ArrayLike, colour: str = BLUE, **style: Any) -> None:
    """Draw values over time, broken where the atmosphere was not there."""
    drawn = np.asarray(values, np.float64)
    for number, part in enumerate(parts(times)):
        named = style if number == 0 else {k: v for k, v in style.items() if k != "label"}
        axes.plot(times[part], drawn[part], **{"color": colour, "linewidth": 1.2, **named})


def parts(times: Stamps) -> list[NDArray[np.intp]]:
    """Return the stretches without a gap, for the atmosphere was not there meanwhile."""
    rows = np.arange(len(times))
    if len(times) < 3:
        return [rows]
    spacing = np.diff(times)
    return np.split(rows, np.flatnonzero(spacing > 3 * np.median(spacing)) + 1)


def moment(time_s: float) -> datetime:
    """Return a time as a date in UTC."""
    return datetime.fromtimestamp(time_s, UTC)
