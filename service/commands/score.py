"""The command `hullwatch score`: how well leaks are found, over many cases whose truth is known."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from service.scoring.documents import write_score
from service.scoring.folders import folders_of
from service.scoring.plots import draw_delays
from service.scoring.running import AnyCase, run_cases
from service.scoring.suites import cases_of, read_suite
from service.scoring.summaries import judged, summarised
from service.scoring.tables import compared, headline, shown

EXAMPLE: Final = """\b
Examples:
  hullwatch score config/suites/growth.yaml --seeds 30 --out scores
  hullwatch score config/suites/growth.yaml --seeds 8 --family station_step --out scores
  hullwatch score recordings --out scores
"""
PAPER: Final = 190  # columns of the table where there is no terminal


@click.command(epilog=EXAMPLE)
@click.argument("suite", metavar="SUITE", type=click.Path(path_type=Path))
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Cases of each family and level; a recording is one case.",
)
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
    help="Directory for cases.jsonl, score.json and delays.png. Cases that are in it are not run again.",
)
def score(
    suite: Path, *, seeds: int, families: tuple[str, ...], jobs: int | None, out: Path
) -> None:
    """Score the rules on cases whose truth is known: how many leaks are found, how soon, how often wrong.

    SUITE is a file of scenario families, drawn anew by each seed, or a directory of recordings: folders
    with telemetry, config.yaml, truth.json and perhaps activities, at any depth.
    """
    cases, title = _cases(suite, seeds, families)
    results = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("scoring", total=len(cases))
        for result in run_cases(cases, out, jobs or os.cpu_count() or 1):
            results.append(result)
            progress.advance(task)
    results.sort(key=lambda result: result.seed)
    order = list(dict.fromkeys((case.family, case.level) for case in cases))
    runs = judged(results)
    summary = summarised(runs, order)
    draw_delays(out / "delays.png", summary, runs)
    write_score(out / "score.json", title, summary)
    console = Console() if Console().is_terminal else Console(width=PAPER)
    console.print(headline(summary), highlight=False)
    console.print(shown(summary))
    if len(summary.detectors) > 1:
        console.print(compared(summary))


def _cases(suite: Path, seeds: int, families: Sequence[str]) -> tuple[Sequence[AnyCase], str]:
    """Return the cases of a suite or of a directory of recordings, and what it is called."""
    if suite.is_dir():
        return folders_of(suite, families), suite.name
    found = read_suite(suite)
    return cases_of(found, seeds, families), found.title
