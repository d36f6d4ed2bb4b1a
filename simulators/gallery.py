"""Draws every scenario, and the simulated beside the real wandering of the pressure, into one folder.

`python -m simulators.gallery --out DIR` writes a PNG for each and `index.html`.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import click
import numpy as np
from matplotlib import color_sequences
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from simulators import allan
from simulators.gas import S_PER_DAY, Floats
from simulators.scenario import load, names
from simulators.schema import UNITS, Scenario
from simulators.station import Simulation

BUCKETS: Final = 1500  # of one line, each drawn from its lowest to its highest value
APART_MMHG: Final = 12.0  # pressures this far outside the range of the others are drawn apart
HEALTHY, HEALTHY_CHANNEL = "quiet_month_2016", "columbus.barometer"

FEW_LINES: Final = 10  # that ten colours tell apart
MOST_IN_A_COLUMN: Final = 17  # names beside a panel of 3 inches

Moments = NDArray[np.datetime64]
Line = tuple[Moments, Floats]


def draw(scenario: Scenario, seed: int = 0) -> Figure:
    """Run a scenario and draw what its sensors show above what is true and what happens."""
    simulation = Simulation(scenario, seed)
    lines = _lines(simulation)
    truth = simulation.truth()
    panels = [panel for panel in _panels(scenario, lines) if panel[1]]
    moving = {name: moves for name, moves in truth["hatches"].items() if len(moves) > 1}
    heights = [3.0] * len(panels) + [
        2.0,
        0.4 + 0.22 * len(moving),
        0.4 + 0.22 * len(_rows(scenario)),
    ]
    figure = Figure(figsize=(13, 1.5 + sum(heights)), layout="constrained")
    figure.suptitle(scenario.title)
    axes = figure.subplots(len(heights), sharex=True, height_ratios=heights)
    for axis, (label, shown) in zip(axes, panels, strict=False):
        _colour_lines(axis, len(shown))
        for name, (when, values) in shown.items():
            axis.plot(when, values, linewidth=0.7, label=name)
        axis.set_ylabel(label)
        _name_lines(axis)
    rates, hatches, events = axes[len(panels) :]
    _draw_rates(rates, truth)
    _draw_hatches(hatches, moving, truth["end"])
    _draw_events(events, scenario)
    events.set_xlim(*_moments([simulation.start_s, simulation.end_s]))
    ticks = AutoDateLocator(maxticks=12)  # type: ignore[no-untyped-call]
    events.xaxis.set_major_locator(ticks)
    events.xaxis.set_major_formatter(ConciseDateFormatter(ticks))  # type: ignore[no-untyped-call]
    return figure


def draw_allan() -> Figure:
    """Draw the figures of the healthy month beside those of the real recordings."""
    minutes = allan.simulated_minutes(Simulation(load(HEALTHY)), HEALTHY_CHANNEL)
    drawn = allan.real_recordings() | {f"simulated, {HEALTHY}": allan.figures_of(minutes)}
    figure = Figure(figsize=(13, 5), layout="constrained")
    deviations, slopes = figure.subplots(1, 2)
    for name, found in drawn.items():
        style = "k-o" if name.startswith("simulated") else "--s"
        curve = [f for f in found if f.kind == "allan_deviation"]
        deviations.loglog([f.span_min for f in curve], [f.value for f in curve], style, label=name)
        if name.startswith("simulated"):
            spans, values = np.array([(f.span_min, f.value) for f in curve]).T
            deviations.fill_between(
                spans, values / 2, values * 2, alpha=0.15, label="factor of two"
            )
        for window in allan.WINDOWS_MIN:
            sizes = [f for f in found if f.kind == "false_slope" and f.span_min == window]
            if sizes:
                label = f"{name}, {window // 60} h"
                slopes.plot(
                    [f.percentile for f in sizes], [f.value for f in sizes], style, label=label
                )
    deviations.set(xlabel="averaging time, min", ylabel="Allan deviation, mmHg")
    slopes.set(xlabel="percentile", ylabel="size of a false slope, mmHg/day", yscale="log")
    for axis in (deviations, slopes):
        axis.grid(which="both", alpha=0.3)
        axis.legend(fontsize="small")
    return figure


def _lines(simulation: Simulation) -> dict[str, Line]:
    """Run a simulation and keep of each channel the lowest and highest value of short spans."""
    width_s = (simulation.end_s - simulation.start_s) / BUCKETS
    kept: dict[int, list[Line]] = {}
    for part in simulation.slices(max(width_s, S_PER_DAY)):
        order = np.lexsort((part.time_s, part.channel))
        channel, time_s, value = part.channel[order], part.time_s[order], part.value[order]
        bucket = (time_s - simulation.start_s) // width_s
        new = np.flatnonzero(
            (np.diff(channel, prepend=-1) != 0) | (np.diff(bucket, prepend=-1) != 0)
        )
        if not len(new):
            continue
        ends = np.array([np.minimum.reduceat(value, new), np.maximum.reduceat(value, new)])
        for index in np.unique(channel):
            rows = channel[new] == index
            when = _moments(np.repeat(time_s[new][rows], 2))
            kept.setdefault(int(index), []).append((when, ends[:, rows].T.ravel()))
    channels = list(simulation.scenario.channels)
    return {
        channels[index]: (
            np.concatenate([when for when, _ in parts]),
            np.concatenate([values for _, values in parts]),
        )
        for index, parts in sorted(kept.items())
    }


def _panels(scenario: Scenario, lines: dict[str, Line]) -> Iterator[tuple[str, dict[str, Line]]]:
    """Group the lines of the drawn kinds; pressures that part from the rest get their own panel."""
    air: dict[str, Line] = {}
    panels: dict[str, dict[str, Line]] = {}
    for name, (when, values) in lines.items():
        channel = scenario.channels[name]
        if channel.kind == "pressure" and channel.section in scenario.sections:
            factor = UNITS["pressure"][channel.unit] / UNITS["pressure"]["mmHg"]
            air[name] = (when, values * factor)
        elif channel.kind in ("pressure", "temperature", "quantity"):
            panels.setdefault(f"{channel.kind}, {channel.unit}", {})[name] = (when, values)
    middle = sorted(air.values(), key=lambda line: float(np.median(line[1])))[len(air) // 2][1]
    low, high = middle.min() - APART_MMHG, middle.max() + APART_MMHG
    apart = {n for n, (_, values) in air.items() if values.min() < low or values.max() > high}
    yield "pressure, mmHg", {name: air[name] for name in air if name not in apart}
    yield "apart, mmHg", {name: air[name] for name in air if name in apart}
    yield from panels.items()


def _draw_rates(axis: Axes, truth: dict[str, Any]) -> None:
    rates = truth["leak_rate_kg_per_day"]
    when = _moments(rates["time"])
    _colour_lines(axis, len(rates["atmospheres"]))
    for name, values in rates["atmospheres"].items():
        line = np.array(values, np.float64)
        axis.plot(when, line, linewidth=1, label=name)
    low, high = axis.get_ylim()
    axis.set_ylim(min(low, 0.0), 1.1 * high)  # a leak that never changes is no part of the frame
    axis.set_ylabel("true leak, kg/day")
    _name_lines(axis)


def _draw_hatches(axis: Axes, moving: dict[str, list[dict[str, str]]], end: str) -> None:
    """Draw a bar for each span in which a hatch that ever moves is open."""
    for row, moves in enumerate(moving.values()):
        for move, following in pairwise([*moves, {"time": end}]):
            if move["state"] == "open":
                times = [datetime.fromisoformat(at["time"]).timestamp() for at in (move, following)]
                axis.hlines(row, *_moments(times), linewidth=8, color="tab:green")
    _name_rows(axis, list(moving) or ["no hatch moves"])


def _draw_events(axis: Axes, scenario: Scenario) -> None:
    """Draw a mark for each entry of the timeline, hollow if nobody is told of it."""
    rows = _rows(scenario)
    for entry in scenario.timeline:
        row = rows.index(entry.what)
        colour = "tab:red" if entry.what in ("leak", "fault") else "tab:blue"
        face = colour if entry.declared else "none"
        times = _moments([entry.at.timestamp()])
        style: dict[str, Any] = {"color": colour, "markerfacecolor": face, "markersize": 5}
        axis.plot(times, [row], "o", clip_on=False, **style)
        until = getattr(entry, "until", None)
        if until is not None:
            axis.hlines(row, times[0], _moments([until.timestamp()])[0], color=colour)
    _name_rows(axis, rows or ["nothing happens"])


def _moments(times_s: ArrayLike) -> Moments:
    """Give Unix seconds as the times that matplotlib knows."""
    return (np.asarray(times_s) * 1000).astype("datetime64[ms]")


def _rows(scenario: Scenario) -> list[str]:
    return sorted({entry.what for entry in scenario.timeline})


def _name_rows(axis: Axes, labels: Sequence[str]) -> None:
    axis.set_yticks(range(len(labels)), labels, fontsize="x-small")
    axis.set_ylim(len(labels) - 0.4, -0.6)
    axis.grid(axis="x", alpha=0.3)


def _colour_lines(axis: Axes, count: int) -> None:
    """Let as many lines as there are be told from each other."""
    palette = "tab10" if count <= FEW_LINES else "tab20"
    axis.set_prop_cycle(color=color_sequences[palette])


def _name_lines(axis: Axes) -> None:
    axis.grid(alpha=0.3)
    if axis.lines:
        columns = 1 if len(axis.lines) <= MOST_IN_A_COLUMN else 2
        axis.legend(fontsize="x-small", ncols=columns, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def page(scenarios: dict[str, Scenario]) -> str:
    """Give the page that shows all plots with the stories and sources of the scenarios."""
    parts = ["<!doctype html><meta charset='utf-8'><title>Scenarios</title>"]
    parts.append("<style>body{font-family:sans-serif;margin:2em}img{max-width:100%}</style>")
    parts.append("<h1>Scenarios</h1><h2>Simulated and real pressure</h2><img src='allan.png'>")
    for name, scenario in scenarios.items():
        parts.append(f"<h2 id='{name}'>{escape(scenario.title)}</h2><p><code>{name}</code></p>")
        parts.append(
            f"<p>{escape(scenario.story)}</p><p><small>{escape(scenario.source)}</small></p>"
        )
        parts.append(f"<img src='{name}.png' loading='lazy'>")
    return "\n".join(parts) + "\n"


@click.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the plots.")
@click.argument("scenarios", nargs=-1)
def main(out: Path, scenarios: tuple[str, ...]) -> None:
    """Draw SCENARIOS, or all that come with the package, and the comparison with real recordings."""
    out.mkdir(parents=True, exist_ok=True)
    drawn = {name: load(name) for name in scenarios or names()}
    draw_allan().savefig(out / "allan.png", dpi=90)
    for name, scenario in drawn.items():
        click.echo(f"drawing {name}")
        draw(scenario).savefig(out / f"{name}.png", dpi=90)
    (out / "index.html").write_text(page(drawn), encoding="utf-8")


if __name__ == "__main__":
    main()
