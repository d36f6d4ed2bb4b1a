"""The command `hullwatch simulate`: telemetry of a scenario with its ground truth."""

import textwrap
from datetime import UTC, datetime
from shutil import get_terminal_size
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from simulators.publish import FULL_SPEED, PublishError, run_simulate
from simulators.scenario import ScenarioError, load, names
from simulators.tables import TableError

WIDEST: Final = 92  # columns; longer lines read badly
EXAMPLES = """
\b
Examples:
  hullwatch simulate --list
  hullwatch simulate demo_2024_02 --out demo.csv --activities demo.jsonl --config demo.yaml
  hullwatch simulate zvezda_2024_02 --mqtt localhost:1883 --speed 3600
"""


def _speed(_context: click.Context, _parameter: click.Parameter, text: str) -> float:
    """Read a speed: real, full, or how many times faster than real."""
    words = {"real": 1.0, "full": FULL_SPEED}
    try:
        factor = words[text] if text in words else float(text)
    except ValueError:
        factor = 0.0
    if not factor > 0:
        raise click.BadParameter(f"{text!r}; use real, full or a factor like 3600")
    return factor


def _broker(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> tuple[str, int] | None:
    """Read HOST:PORT."""
    if text is None:
        return None
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isdecimal() and 0 < int(port) < 65536):
        raise click.BadParameter(f"{text!r}; use HOST:PORT, as in localhost:1883")
    return host, int(port)


def _moment(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> datetime | None:
    """Read a time in UTC unless it names its zone."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r}; use a date or time like 2024-02-08 or 2024-02-08T06:00Z"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@click.command(name="simulate", epilog=EXAMPLES)
@click.argument("scenario", required=False)
@click.option(
    "--list", "list_them", is_flag=True, help="Tell the scenarios and their stories, and stop."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--out",
    metavar="FILE",
    help="Telemetry: .csv, .jsonl, .lp (Influx line protocol), each also .gz or .zst, .parquet, "
    "or - for JSON lines here.",
)
@click.option("--activities", metavar="FILE", help="Activity messages: the same, but .lp.")
@click.option("--truth", metavar="FILE", help="What really happened, as JSON.")
@click.option("--config", metavar="FILE", help="A Hullwatch configuration of the station.")
@click.option("--mqtt", metavar="HOST:PORT", callback=_broker, help="Publish to this broker.")
@click.option(
    "--speed",
    metavar="real|full|FACTOR",
    default="full",
    show_default=True,
    callback=_speed,
    help="How fast to publish.",
)
@click.option("--start", metavar="TIME", callback=_moment, help="Show nothing before this time.")
@click.option("--end", metavar="TIME", callback=_moment, help="Stop at this time.")
def simulate(
    scenario: str | None,
    *,
    list_them: bool,
    seed: int,
    out: str | None,
    activities: str | None,
    truth: str | None,
    config: str | None,
    mqtt: tuple[str, int] | None,
    speed: float,
    start: datetime | None,
    end: datetime | None,
) -> None:
    """Simulate the telemetry of SCENARIO, by name or file, together with its ground truth."""
    if list_them:
        for name in names():
            told = load(name)
            width = min(get_terminal_size().columns, WIDEST)
            for text, indent in ((f"{name}: {told.title}", ""), (told.story, "  ")):
                click.echo(
                    textwrap.fill(text, width, initial_indent=indent, subsequent_indent="  ")
                )
        return
    if scenario is None:
        raise click.UsageError("name a SCENARIO; --list shows what there is")
    if not (out or activities or truth or config or mqtt):
        raise click.UsageError("say where to: --out FILE, --out - or --mqtt HOST:PORT")
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    try:
        with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as bar:
            task = bar.add_task(f"simulating {scenario}", total=1.0)
            run_simulate(
                scenario=scenario,
                seed=seed,
                out=out,
                activities=activities,
                truth=truth,
                config=config,
                mqtt=mqtt,
                speed=speed,
                start=start,
                end=end,
                progress=lambda share: bar.update(task, completed=share),
            )
    except (ScenarioError, TableError) as exc:
        raise click.UsageError(str(exc)) from exc
    except (PublishError, OSError) as exc:
        raise click.ClickException(str(exc)) from exc
