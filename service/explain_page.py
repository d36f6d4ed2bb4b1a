"""Writes the page that shows what the detector saw about one alert."""

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from service.core.causes import Cause
from service.core.events import Severity
from service.core.units import PA_PER_MMHG, S_PER_DAY, ZERO_CELSIUS_K
from service.core.wording import CAUSE_WORDS, utc
from service.evidence import Columns
from service.explaining import Explanation, fit_line, onset_words, share, warming
from service.pictures import (
    BLUE,
    COLOUR_OF_SEVERITY,
    HEAD,
    LIMIT,
    Stamps,
    embedded,
    line,
    parts,
    sheet,
    stamps,
)

FOLDER: Final = "explain"
ORANGE: Final = "#d9480f"
GREY: Final = "#5b6673"
DRAWN_ODDS: Final = 12.0  # log-odds either side of even that are drawn
FAINT: Final = 0.01  # likelihood of an onset, over the highest, from which on it is worth a place
TWO_SIDED_95: Final = 1.959964  # standard errors, of a normal distribution
COLOURS: Final = {
    Cause.LEAK_GROWTH: "#b00020",
    Cause.LEAK_DECREASE: "#2b8a3e",
    Cause.GAS_AT_ONCE: "#1f6fb2",
    Cause.GAS_10_MIN: "#74a9d8",
    Cause.GAS_30_MIN: "#4b8bc4",
    Cause.GAS_90_MIN: "#12508a",
    Cause.OXYGEN_AT_ONCE: "#e0a100",
    Cause.OXYGEN_BALANCE: "#d9480f",
}
PAGE: Final = (
    HEAD
    + """
<h1>{title}</h1><p class="severity" style="color:{colour}">{claim}</p><p>{text}</p>
<h2>What it might have been</h2>{hypotheses}
<h2>What was seen</h2>{seen}
<h2>When it began</h2>{onset}
<h2>Known, and allowed for</h2>{known}
<h2>How well the model fits</h2><p>{fit}</p>
<h2>The story of the alert</h2>{story}
</body></html>
"""
)


def page_of(directory: Path, alert_id: str) -> Path:
    """Return where the page of an alert stands."""
    return directory / FOLDER / f"{quote(alert_id, safe='')}.html"


def write_page(path: Path, explanation: Explanation) -> None:
    """Write the page; the same evidence gives the same bytes."""
    alert = explanation.alert
    path.parent.mkdir(parents=True, exist_ok=True)
    page = PAGE.format(
        title=html.escape(f"{alert['rule']} in {alert['atmosphere']}"),
        colour=COLOUR_OF_SEVERITY[Severity(alert["severity"])],
        claim=f"{alert['severity']}, {alert['event']} {utc(explanation.raised_s)}",
        text=html.escape(alert["text"]),
        hypotheses=_hypotheses(explanation),
        seen=_seen(explanation),
        onset=_onset(explanation),
        known=_known(explanation),
        fit="Too little was seen before it."
        if explanation.fit is None
        else fit_line(explanation.fit),
        story=_story(explanation.exhibit.events),
    )
    path.write_text(page, encoding="utf-8")


def _hypotheses(explanation: Explanation) -> str:
    if not explanation.hypotheses or explanation.weighed_s is None:
        return "<p>Nothing was weighed: the rule looks at a figure, not at what is behind it.</p>"
    rows = [
        [CAUSE_WORDS[h.cause], share(h.probability), f"{h.log_odds:.1f}"]
        for h in explanation.hypotheses
    ]
    return (
        f"<p>Weighed at {utc(explanation.weighed_s)}, over all moments at which each may have begun, "
        "and by how often such things happen. Log-odds are against no change at all.</p>"
        + _table(["Cause", "Probability", "Log-odds"], rows)
    )


def _known(explanation: Explanation) -> str:
    rows = [
        [str(number), utc(known.time_s), known.name, known.allowed]
        for number, known in enumerate(explanation.known, 1)
    ]
    listed = (
        _table(["", "Time", "What", "Allowed for"], rows) if rows else "<p>Nothing declared.</p>"
    )
    warm = warming(explanation)
    return listed + (f"<p>{warm[0].upper()}{warm[1:]}.</p>" if warm else "")


def _story(events: Sequence[dict[str, Any]]) -> str:
    rows = [[e["time"][:16].replace("T", " "), e["event"], e["state"], e["reason"]] for e in events]
    return _table(["Time (UTC)", "Event", "State", "Reason"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><tr>{''.join(f'<th>{name}</th>' for name in head)}</tr>{cells}</table>"


# --------------------------------------------------------------------- plots


def _seen(explanation: Explanation) -> str:
    series = explanation.series
    if series is None:
        return "<p>Nothing was recorded of this air.</p>"
    times = stamps(series["time_s"])
    weighed = [cause for cause in COLOURS if cause.value in series]
    with sheet(6, height=15.0, heights=(2, 2, 2, 1.5, 1.5, 2)) as (figure, axes):
        _draw_air(axes[0], times, series)
        _draw_mass(axes[1], times, series)
        _draw_leaking(axes[2], times, explanation, series)
        _draw_surprise(axes[3], times, series)
        line(axes[4], times, series["ratio"])
        axes[4].axhline(1.0, color=LIMIT, linewidth=1, linestyle="--")
        axes[4].set_ylabel("growth statistic\n(1 = alert)")
        for cause in weighed:
            odds = np.clip(series[cause.value], -DRAWN_ODDS, None)
            line(axes[5], times, odds, COLOURS[cause], label=CAUSE_WORDS[cause])
        axes[5].axhline(0.0, color=GREY, linewidth=1, linestyle="--")
        axes[5].set_ylabel("log-odds against\nno change")
        if weighed:
            axes[5].legend(loc="upper left", ncols=4, fontsize=8)
        for place in axes:
            _mark(place, explanation)
        for number, known in enumerate(explanation.known, 1):
            at = stamps([known.time_s])[0]
            if not times[0] <= at <= times[-1]:
                continue  # a number beside the plot would take the room of the plot
            axes[0].annotate(
                str(number),
                (at, 1.0),
                xycoords=("data", "axes fraction"),
                ha="center",
                va="bottom",
                fontsize=8,
                color=GREY,
            )
        axes[0].set_xlim(times[0], times[-1])
        return (
            "<p>Red: the alert. Shaded: the interval of the onset, with its median. Dotted: what was "
            "declared, by its number below. Lines break while the sections do not share their air.</p>"
            + embedded(
                figure, "what was seen over time: air, mass, innovations, statistic and odds"
            )
        )


def _draw_air(axes: Axes, times: Stamps, series: Columns) -> None:
    line(axes, times, series["pressure_pa"] / PA_PER_MMHG)
    axes.set_ylabel("pressure, mmHg", color=BLUE)
    beside = axes.twinx()
    line(beside, times, series["temperature_k"] - ZERO_CELSIUS_K, ORANGE, linewidth=0.8)
    beside.set_ylabel("temperature, °C", color=ORANGE)
    beside.grid(visible=False)


def _draw_mass(axes: Axes, times: Stamps, series: Columns) -> None:
    model, reach = series["model_kg"], TWO_SIDED_95 * series["model_sd_kg"]
    axes.plot(times, series["measured_kg"], ".", color=GREY, markersize=2, label="measured")
    _band(axes, times, model, reach)
    line(axes, times, model, label="gas by the model, 95 % band")
    axes.set_ylabel("mass, kg")
    axes.legend(loc="lower left", fontsize=8)
    _fit_axis(axes, np.concatenate([series["measured_kg"], model]))


def _draw_leaking(axes: Axes, times: Stamps, explanation: Explanation, series: Columns) -> None:
    """Draw what only a leak takes, and what it would be had the leak not grown."""
    left = series["model_kg"] - series["oxygen_kg"]
    _band(axes, times, left, TWO_SIDED_95 * series["model_sd_kg"])
    line(axes, times, left, label="mass, without oxygen gained or lost")
    shown = [left]
    if explanation.onset_s is not None and explanation.alert["growth_kg_per_day"]:
        rate = explanation.alert["growth_kg_per_day"] / S_PER_DAY
        label = "had the leak not grown"
        for part in parts(times):
            since_s = max(explanation.onset_s[1], series["time_s"][part[0]])
            after = part[series["time_s"][part] >= since_s]
            lost = left[after] + rate * (series["time_s"][after] - since_s)
            if len(after):
                axes.plot(times[after], lost, color=LIMIT, linestyle="--", label=label)
                shown.append(lost)
                label = "_"
    axes.set_ylabel("what a leak\ntakes, kg")
    axes.legend(loc="lower left", fontsize=8)
    _fit_axis(axes, np.concatenate(shown))


def _draw_surprise(axes: Axes, times: Stamps, series: Columns) -> None:
    for name, colour, label in (
        ("surprise", BLUE, "mass"),
        ("oxygen_surprise", ORANGE, "oxygen in it"),
    ):
        if np.isfinite(series[name]).any():
            axes.plot(times, series[name], ".", color=colour, markersize=2.5, label=label)
    for limit in (-2.0, 2.0):
        axes.axhline(limit, color=GREY, linewidth=0.8, linestyle="--")
    axes.set_ylim(-5.5, 5.5)
    axes.set_ylabel("innovations,\nstandard deviations")
    axes.legend(loc="lower left", fontsize=8, ncols=2)


def _onset(explanation: Explanation) -> str:
    if not explanation.growths or explanation.onset_s is None:
        return "<p>The alert is about no growth, so there is no onset.</p>"
    low, middle, high = explanation.onset_s
    with sheet(1, height=3.2) as (figure, axes):
        for growth in explanation.growths:
            times_s, heights = np.array(growth["onsets"], np.float64).T
            label = f"growth found {utc(growth['time_s'])}"
            axes.plot(stamps(times_s), heights, ".-", linewidth=1.2, label=label)
        axes.axvspan(*stamps([low, high]), color=LIMIT, alpha=0.1)
        axes.axvline(stamps([middle])[0], color=LIMIT, linewidth=1)
        axes.set_ylabel("likelihood of the onset,\nhighest = 1")
        axes.set_ylim(0.0, 1.08)
        axes.set_xlim(*stamps(_likely_span(explanation)))
        axes.legend(loc="upper left", fontsize=8)
        return (
            f"<p>About {utc(middle)}, {onset_words(explanation)}; with 95 % between {utc(low)} and "
            f"{utc(high)}. Dots are the moments that are kept; they lie closer the nearer they are to "
            "the moment at which the growth was found.</p>"
            + embedded(figure, "likelihood of each onset")
        )


def _likely_span(explanation: Explanation) -> tuple[float, float]:
    """Return from when until when an onset is drawn: where it is likely, and as much again."""
    likely = [t for g in explanation.growths for t, height in g["onsets"] if height >= FAINT]
    first_s, last_s = min(likely), max([*likely, explanation.raised_s])
    return first_s - 0.5 * (last_s - first_s), last_s + 0.05 * (last_s - first_s)


def _mark(axes: Axes, explanation: Explanation) -> None:
    for known in explanation.known:
        axes.axvline(stamps([known.time_s])[0], color=GREY, linewidth=0.8, linestyle=":")
    if explanation.onset_s is not None:
        low, middle, high = stamps(explanation.onset_s)
        axes.axvspan(low, high, color=LIMIT, alpha=0.08, linewidth=0)
        axes.axvline(middle, color=GREY, linewidth=1)
    axes.axvline(stamps([explanation.raised_s])[0], color=LIMIT, linewidth=1.4)


def _band(
    axes: Axes, times: Stamps, middle: NDArray[np.float64], reach: NDArray[np.float64]
) -> None:
    for part in parts(times):
        low, high = middle[part] - reach[part], middle[part] + reach[part]
        axes.fill_between(times[part], low, high, alpha=0.25, color=BLUE, linewidth=0)


def _fit_axis(axes: Axes, values: NDArray[np.float64]) -> None:
    """Let the axis hold what is usual; the band of a model that has just begun is far wider."""
    low, high = np.nanpercentile(values, [0.5, 99.5])
    margin = 0.15 * max(high - low, 1e-3)
    axes.set_ylim(low - margin, high + margin)
