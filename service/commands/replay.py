"""The command that replays recorded telemetry."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

import click
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from service.core.events import AlertEvent, AlertEventKind, RuleKind, Severity
from service.core.units import S_PER_DAY
from service.core.views import AtmosphereView
from service.errors import InputError
from service.evidence import FILE, Recorder, write
from service.explain_page import page_of, write_page
from service.explaining import explained
from service.outputs.metrics import FLOOD_S
from service.outputs.records import ESTIMATE_COLUMNS, alert_line, estimate_row
from service.replaying import replayed
from service.report import write_report
from service.settings.build import policy_of, station_of
from service.settings.load import load
from service.sources.base import Rejected
from service.sources.tables import read_activities, read_telemetry

PAGES: Final = 12  # of alerts that are explained at once; `hullwatch explain` draws any other
LEAKS: Final = frozenset({RuleKind.LEAK_GROWTH, RuleKind.LEAK_RATE})
EXAMPLE: Final = """\b
Examples:
  hullwatch replay telemetry.csv -c station.yaml --activities activities.jsonl --out result
  hullwatch replay columbus.csv -c config/astropi.yaml --out result \\
      --column time=time_utc --column channel=pui
"""


def _columns(
    _context: click.Context, _parameter: click.Parameter, pairs: tuple[str, ...]
) -> dict[str, str]:
    """Read KEY=NAME pairs."""
    found = {}
    for pair in pairs:
        key, equals, name = pair.partition("=")
        if not (key and equals and name):
            raise click.BadParameter(f"{pair!r}; use KEY=NAME, as in time=time_utc")
        found[key] = name
    return found


@click.command(epilog=EXAMPLE)
@click.argument("data", nargs=-1, required=True, metavar="DATA...", type=click.Path(path_type=Path))
@click.option(
    "-c",
    "--config",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The config file of the station.",
)
@click.option(
    "--activities",
    "activity_file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What was being done to the air.",
)
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory for alerts.jsonl, estimates.csv, report.html and what explains its alerts.",
)
@click.option("--wide", is_flag=True, help="The tables have one column a channel.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="KEY=NAME",
    callback=_columns,
    help="The table calls the column KEY (time, channel, ...) NAME.",
)
def replay(
    data: tuple[Path, ...],
    *,
    config: Path,
    activity_file: Path | None,
    out: Path,
    wide: bool,
    columns: dict[str, str],
) -> None:
    """Send recorded telemetry through the rules: DATA is CSV, JSONL or Parquet."""
    settings = load(config)
    station, policy = station_of(settings), policy_of(settings)
    console = Console(stderr=True)
    with console.status("reading"):
        table = read_telemetry(data, station, wide=wide, columns=columns)
        activities = list(table.activities)
        rejected, examples = Counter(table.rejected), list(table.examples)
        if activity_file is not None:
            told = read_activities(activity_file)
            activities += told.activities
            rejected += told.rejected
            examples += told.examples
        activities.sort(key=lambda activity: activity.received_s)
    _show_rejected(console, examples)
    refused = Counter({reason.value: count for reason, count in rejected.items()})
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(str(out), str(error.strerror), "give a directory to write to") from error
    recorder = Recorder(station=station.name)
    policy = replace(policy, keeps_insights=True)
    alerts: list[AlertEvent] = []
    estimates: list[AtmosphereView] = []
    accepted = 0
    bars = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with (
        (out / "alerts.jsonl").open("wb") as alert_log,
        (out / "estimates.csv").open("w", encoding="utf-8", newline="") as estimate_table,
        Progress(*bars, TimeRemainingColumn(), console=console) as progress,
    ):
        rows = csv.writer(estimate_table, lineterminator="\n")
        rows.writerow(ESTIMATE_COLUMNS)
        task = progress.add_task("replaying", total=1.0)
        for stretch in replayed(station, policy, table.samples, activities, table.commands):
            accepted += len(stretch.screened.accepted)
            refused.update(reason.value for reason in stretch.screened.reasons)
            events = [e for e in stretch.outcome.events if isinstance(e, AlertEvent)]
            alert_log.writelines(alert_line(event) for event in events)
            rows.writerows(estimate_row(estimate) for estimate in stretch.outcome.estimates)
            recorder.take(stretch.outcome)
            alerts += events
            estimates += stretch.outcome.estimates
            progress.update(task, completed=stretch.share_done)
    with console.status("drawing"):
        links = _explain(recorder, out)
        write_report(out / "report.html", station, alerts, estimates, links)
    click.echo(f"{accepted} samples and {len(activities)} activities of {station.name} replayed")
    for reason, count in sorted(refused.items()):
        click.echo(f"{count} rows refused: {reason}")
    raised = [a for a in alerts if a.event is AlertEventKind.RAISED]
    for alert in raised:
        click.echo(f"{alert.severity.value}: {alert.text}")
    click.echo(f"{len(raised)} alerts raised; see {out / 'report.html'}")
    if len(table.samples):
        click.echo(_load(alerts, float(np.ptp(table.samples.received_s))))


def _load(alerts: Sequence[AlertEvent], lasted_s: float) -> str:
    """Return how often people were asked for attention, by severity, and most in ten minutes."""
    times_s = np.array([a.time_s for a in alerts if a.asks_for_attention])
    count = Counter(a.severity for a in alerts if a.asks_for_attention)
    days = max(lasted_s / S_PER_DAY, 1.0)
    per_day = ", ".join(f"{severity} {count[severity] / days:.2f}" for severity in Severity)
    within = np.searchsorted(times_s, times_s + FLOOD_S, "left") - np.arange(len(times_s))
    most = int(within.max(initial=0))
    return f"annunciations a day: {per_day}; at most {most} in ten minutes"


def _explain(recorder: Recorder, out: Path) -> dict[str, str]:
    """Keep what explains the alerts, and draw the first; return their pages as the report links them."""
    explanations = [explained(exhibit) for exhibit in recorder.exhibits()]
    write(out / FILE, (explanation.exhibit for explanation in explanations))
    links = {}
    for explanation in [e for e in explanations if e.alert["kind"] in LEAKS][:PAGES]:
        alert_id = explanation.alert["alert_id"]
        page = page_of(out, alert_id)
        write_page(page, explanation)
        links[alert_id] = quote(page.relative_to(out).as_posix())
    return links


def _show_rejected(console: Console, examples: Sequence[Rejected]) -> None:
    for example in examples[:5]:
        console.print(f"refused: {example.detail}", markup=False, highlight=False)
