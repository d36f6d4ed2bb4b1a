"""Writes the report of a replay: one page with plots and the story of every alert."""

import html
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes

from service.core.events import AlertEvent, AlertEventKind
from service.core.station import Station
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.core.views import AtmosphereView
from service.pictures import (
    BLUE,
    COLOUR_OF_SEVERITY,
    HEAD,
    LIMIT,
    embedded,
    line,
    moment,
    parts,
    sheet,
    stamps,
)

WIDEST_KG_PER_DAY: Final = 20.0  # beyond it the axis of leak rates would hide everything usual
TELLING: Final = frozenset(
    {
        AlertEventKind.RAISED,
        AlertEventKind.ESCALATED,
        AlertEventKind.RETURNED,
        AlertEventKind.CLEARED,
    }
)
PAGE: Final = (
    HEAD
    + """
<h1>{title}</h1><p>{summary}</p>
<h2>Alerts</h2>{alerts}
{plots}
</body></html>
"""
)


def write_report(
    path: Path,
    station: Station,
    alerts: Sequence[AlertEvent],
    estimates: Sequence[AtmosphereView],
    explained: Mapping[str, str],
) -> None:
    """Write the page; the same input gives the same bytes.

    Parameters
    ----------
    explained : mapping of str to str
        The page that explains an alert, by its identity, relative to this one.
    """
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
        alerts=_alert_table(told, explained),
        plots=plots,
    )
    path.write_text(page, encoding="utf-8")


def _summary(estimates: Sequence[AtmosphereView], alerts: Sequence[AlertEvent]) -> str:
    if not estimates:
        return "No estimate was made: there were no usable readings."
    first, last = moment(estimates[0].time_s), moment(estimates[-1].time_s)
    raised = sum(alert.event is AlertEventKind.RAISED for alert in alerts)
    return f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC, {raised} alerts raised."


def _alert_table(alerts: Sequence[AlertEvent], explained: Mapping[str, str]) -> str:
    if not alerts:
        return "<p>None.</p>"
    rows = "".join(
        f"<tr><td>{moment(a.time_s):%Y-%m-%d&nbsp;%H:%M}</td>"
        f'<td class="severity" style="color:{COLOUR_OF_SEVERITY[a.severity]}">'
        f"{a.severity.value}<br>{a.event.value}</td>"
        f"<td>{html.escape(a.text)}{_link(a, explained)}</td></tr>"
        for a in alerts
    )
    return f"<table><tr><th>Time (UTC)</th><th>What</th><th>Meaning</th></tr>{rows}</table>"


def _link(alert: AlertEvent, explained: Mapping[str, str]) -> str:
    page = explained.get(alert.alert_id)
    return f' <a href="{html.escape(page)}">What the detector saw</a>' if page else ""


def _picture(estimates: Sequence[AtmosphereView], alerts: Sequence[AlertEvent]) -> str:
    """Return pressure, leak rate with its interval and growth statistic over time, as an image."""
    times = stamps([e.time_s for e in estimates])
    with sheet(3, height=7.5) as (figure, (pressure, leak, growth)):
        line(pressure, times, [_over(e.pressure_pa, PA_PER_MMHG) for e in estimates])
        pressure.set_ylabel("pressure, mmHg")
        _leak_band(leak, times, estimates)
        ratios = [e.growth.statistic_ratio if e.growth else np.nan for e in estimates]
        line(growth, times, ratios)
        growth.axhline(1.0, color=LIMIT, linewidth=1, linestyle="--")
        growth.set_ylabel("growth statistic\n(1 = alert)")
        for alert in alerts:
            if alert.event is AlertEventKind.RAISED:
                for axes in (pressure, leak, growth):
                    at = stamps([alert.time_s])[0]
                    axes.axvline(at, color=COLOUR_OF_SEVERITY[alert.severity], linewidth=1)
        return embedded(figure, "pressure, leak rate and growth over time")


def _leak_band(axes: Axes, times: np.ndarray, estimates: Sequence[AtmosphereView]) -> None:
    leaks = [e.leak for e in estimates]
    rate, low, high = (
        np.array([_over(getattr(leak, name, None), 1.0 / S_PER_DAY) for leak in leaks])
        for name in ("rate_kg_per_s", "low_kg_per_s", "high_kg_per_s")
    )
    for part in parts(times):
        axes.fill_between(times[part], low[part], high[part], alpha=0.25, color=BLUE, linewidth=0)
    line(axes, times, rate)
    axes.set_ylabel("leak, kg/day\n(95 % interval)")
    settled = np.isfinite(rate) & (high - low < WIDEST_KG_PER_DAY)
    if settled.any():
        bottom, top = float(low[settled].min()), float(high[settled].max())
        axes.set_ylim(max(bottom, -WIDEST_KG_PER_DAY), min(top, 5 * WIDEST_KG_PER_DAY))


def _over(value: float | None, unit: float) -> float:
    return np.nan if value is None else value / unit
