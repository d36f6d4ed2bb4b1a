"""Writes the report of a replay: one page with plots and the story of every alert."""

import base64
import html
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from service.core.events import AlertEvent, AlertEventKind, Severity
from service.core.station import Station
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.core.views import AtmosphereView

COLOUR_OF_SEVERITY: Final = {
    Severity.EMERGENCY: "#b00020",
    Severity.WARNING: "#d9480f",
    Severity.CAUTION: "#c98a00",
    Severity.ADVISORY: "#3b6ea5",
}
WIDEST_KG_PER_DAY: Final = 20.0  # beyond it the axis of leak rates would hide everything usual
TELLING: Final = frozenset(
    {
        AlertEventKind.RAISED,
        AlertEventKind.ESCALATED,
        AlertEventKind.RETURNED,
        AlertEventKind.CLEARED,
    }
)
PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
  color: #1c2733; background: #fff }}
img {{ max-width: 100% }} h2 {{ margin-top: 2.5rem }}
table {{ border-collapse: collapse; width: 100% }}
td, th {{ text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0;
  border-bottom: 1px solid #d5dce4 }}
.severity {{ font-weight: 600; white-space: nowrap }}
</style></head><body>
<h1>{title}</h1><p>{summary}</p>
<h2>Alerts</h2>{alerts}
{plots}
</body></html>
"""


def write_report(
    path: Path,
    station: Station,
    alerts: Sequence[AlertEvent],
    estimates: Sequence[AtmosphereView],
) -> None:
    """Write the page; the same input gives the same bytes."""
    told = [alert for alert in alerts if alert.event in TELLING]
    names = list(dict.fromkeys(estimate.name for estimate in estimates))
    plots = "".join(
        f"<h2>Atmosphere {html.escape(name)}</h2>"
        + _picture(
            [e for e in estimates if e.name == name], [a for a in told if a.atmosphere == name]
        )
        for name in names
    )
    page = PAGE.format(
        title=f"Replay of {html.escape(station.name)}",
        summary=_summary(estimates, told),
        alerts=_alert_table(told),
        plots=plots,
    )
    path.write_text(page, encoding="utf-8")


def _summary(estimates: Sequence[AtmosphereView], alerts: Sequence[AlertEvent]) -> str:
    if not estimates:
        return "No estimate was made: there were no usable readings."
    first, last = _moment(estimates[0].time_s), _moment(estimates[-1].time_s)
    raised = sum(alert.event is AlertEventKind.RAISED for alert in alerts)
    return f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC, {raised} alerts raised."


def _alert_table(alerts: Sequence[AlertEvent]) -> str:
    if not alerts:
        return "<p>None.</p>"
    rows = "".join(
        f"<tr><td>{_moment(a.time_s):%Y-%m-%d&nbsp;%H:%M}</td>"
        f'<td class="severity" style="color:{COLOUR_OF_SEVERITY[a.severity]}">'
        f"{a.severity.value}<br>{a.event.value}</td><td>{html.escape(a.text)}</td></tr>"
        for a in alerts
    )
    return f"<table><tr><th>Time (UTC)</th><th>What</th><th>Meaning</th></tr>{rows}</table>"


def _picture(estimates: Sequence[AtmosphereView], alerts: Sequence[AlertEvent]) -> str:
    """Return pressure, leak rate with its interval and growth statistic over time, as an image."""
    times = np.array([np.datetime64(round(e.time_s * 1000), "ms") for e in estimates])
    gaps = _gaps(times)
    with mpl.rc_context({"font.size": 10, "axes.grid": True, "grid.alpha": 0.3}):
        figure = Figure(figsize=(11, 7.5), layout="constrained")
        pressure, leak, growth = figure.subplots(3, 1, sharex=True)
        _line(pressure, times, [_over(e.pressure_pa, PA_PER_MMHG) for e in estimates], gaps)
        pressure.set_ylabel("pressure, mmHg")
        _leak_band(leak, times, estimates, gaps)
        ratios = [e.growth.statistic_ratio if e.growth else np.nan for e in estimates]
        _line(growth, times, ratios, gaps)
        growth.axhline(1.0, color="#b00020", linewidth=1, linestyle="--")
        growth.set_ylabel("growth statistic\n(1 = alert)")
        for alert in alerts:
            if alert.event is AlertEventKind.RAISED:
                for axes in (pressure, leak, growth):
                    moment = np.datetime64(round(alert.time_s * 1000), "ms")
                    axes.axvline(moment, color=COLOUR_OF_SEVERITY[alert.severity], linewidth=1)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<img alt="pressure, leak rate and growth over time" src="data:image/png;base64,{data}">'
    )


def _leak_band(
    axes: Axes, times: np.ndarray, estimates: Sequence[AtmosphereView], gaps: list[int]
) -> None:
    leaks = [e.leak for e in estimates]
    rate, low, high = (
        np.array([_over(getattr(leak, name, None), 1.0 / S_PER_DAY) for leak in leaks])
        for name in ("rate_kg_per_s", "low_kg_per_s", "high_kg_per_s")
    )
    for part in np.split(np.arange(len(times)), gaps):
        axes.fill_between(
            times[part], low[part], high[part], alpha=0.25, color="#1f6fb2", linewidth=0
        )
    _line(axes, times, rate, gaps)
    axes.set_ylabel("leak, kg/day\n(95 % interval)")
    settled = np.isfinite(rate) & (high - low < WIDEST_KG_PER_DAY)
    if settled.any():
        bottom, top = float(low[settled].min()), float(high[settled].max())
        axes.set_ylim(max(bottom, -WIDEST_KG_PER_DAY), min(top, 5 * WIDEST_KG_PER_DAY))


def _line(
    axes: Axes, times: np.ndarray, values: Sequence[float] | np.ndarray, gaps: list[int]
) -> None:
    for part in np.split(np.arange(len(times)), gaps):
        axes.plot(times[part], np.asarray(values)[part], color="#1f6fb2", linewidth=1.2)


def _gaps(times: np.ndarray) -> list[int]:
    """Return where a line must break, for the atmosphere was not there meanwhile."""
    if len(times) < 3:
        return []
    spacing = np.diff(times)
    found: list[int] = (np.flatnonzero(spacing > 3 * np.median(spacing)) + 1).tolist()
    return found


def _over(value: float | None, unit: float) -> float:
    return np.nan if value is None else value / unit


def _moment(time_s: float) -> datetime:
    return datetime.fromtimestamp(time_s, UTC)
