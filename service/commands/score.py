"""The command `hullwatch score`: how well leaks are found, over many cases whose truth is known."""

import os
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from service.scoring.documents import write_score
from service.scoring.running import run_cases
from service.scoring.suites import cases_of, read_suite
from service.scoring.summaries import summarised
from service.scoring.tables import compared, headline, shown

EXAMPLE: Final = """\b
Examples:
  hullwatch score config/suites/growth.yaml --seeds 30 --out scores
  hullwatch score config/suites/growth.yaml --seeds 8 --family station_step --out scores
"""
PAPER: Final = 190  # columns of the table where there is no terminal


@click.command(epilog=EXAMPLE)
@click.argument("suite", metavar="SUITE", type=click.Path(path_type=Path))
@click.option("--seeds", type=click.IntRange(min=1), default=10, show_default=True)
@click.option(
    "--family", "families", multiple=True, metavar="NAME", help="Only this one; can be repeated."
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Cases at once; absent = as many as there are processors.",
)
@click.option(
    "--out",
    required=True,
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory for cases.jsonl and score.json. Cases that are in it are not run again.",
)
def score(
    suite: Path, *, seeds: int, families: tuple[str, ...], jobs: int | None, out: Path
) -> None:
    """Score the rules on the cases of SUITE: found, how soon, and how often wrong."""
    found = read_suite(suite)
    cases = cases_of(found, seeds, families)
    results = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("scoring", total=len(cases))
        for result in run_cases(cases, out, jobs or os.cpu_count() or 1):
            results.append(result)
            progress.advance(task)
    order = list(dict.fromkeys((case.family, case.level) for case in cases))
    summary = summarised(results, order)
    write_score(out / "score.json", found.title, seeds, summary)
    console = Console() if Console().is_terminal else Console(width=PAPER)
    console.print(shown(summary))
    if len(summary.detectors) > 1:
        console.print(compared(summary))
    console.print(headline(summary), highlight=False)
