"""The command `hullwatch score`: how well leaks are found, over many cases whose truth is known."""

import os
from collections import defaultdict
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from service.scoring.judging import judge
from service.scoring.running import run_cases
from service.scoring.suites import cases_of, read_suite
from service.scoring.tables import shown
from service.scoring.tallies import Scored, row_of

EXAMPLE: Final = """\b
Examples:
  hullwatch score config/suites/growth.yaml --seeds 30 --out scores
  hullwatch score config/suites/growth.yaml --seeds 8 --family station_step --out scores
"""


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
    cases = cases_of(read_suite(suite), seeds, families)
    groups = defaultdict(list)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("scoring", total=len(cases))
        for result in run_cases(cases, out, jobs or os.cpu_count() or 1):
            groups[result.family, result.level].append(
                Scored(
                    judgement=judge(result.watched),
                    checks=result.watched.checks,
                    reference_s=result.reference_s[-1] if result.reference_s else (),
                )
            )
            progress.advance(task)
    order = list(dict.fromkeys((case.family, case.level) for case in cases))
    rows = {key: row_of(groups[key]) for key in order}
    everything = row_of([judged for key in order for judged in groups[key]])
    Console(width=None if Console().is_terminal else 200).print(shown(rows, everything))
