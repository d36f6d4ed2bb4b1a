"""The command `hullwatch score`: how well leaks are found, over many cases whose truth is known."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from service.errors import InputError
from service.scoring.documents import write_score
from service.scoring.folders import folders_of
from service.scoring.plots import draw_delays
from service.scoring.running import AnyCase, Result, run_cases
from service.scoring.suites import cases_of, read_suite
from service.scoring.summaries import judged, summarised
from service.scoring.tables import compared, headline, shown
from service.scoring.what_ifs import AS_IT_IS, beside, varied
from service.settings.what_ifs import WhatIf, read_what_if

EXAMPLE: Final = """\b
Examples:
  hullwatch score config/suites/growth.yaml --seeds 30 --out scores
  hullwatch score config/suites/growth.yaml --seeds 8 --family station_step --out scores
  hullwatch score config/suites/growth.yaml --seeds 8 --family ramp --what-if config/what_ifs/bold.yaml --out scores
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
    "--what-if",
    "what_ifs",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Score every case also with the rule_overrides, rules or growth of this file; can be repeated.",
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
    suite: Path,
    *,
    seeds: int,
    families: tuple[str, ...],
    what_ifs: tuple[Path, ...],
    jobs: int | None,
    out: Path,
) -> None:
    """Score the rules on cases whose truth is known: how many leaks are found, how soon, how often wrong.

    SUITE is a file of scenario families, drawn anew by each seed, or a directory of recordings: folders
    with telemetry, config.yaml, truth.json and perhaps activities, at any depth.
    """
    changes = _changes(what_ifs)
    cases, title = _cases(suite, seeds, families)
    results: dict[str, list[Result]] = {"": [], **{change.name: [] for change in changes}}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task("scoring", total=len(cases) * len(results))
        for result in run_cases(cases, out, jobs or os.cpu_count() or 1, changes):
            results[result.what_if].append(result)
            progress.advance(task)
    order = list(dict.fromkeys((case.family, case.level) for case in cases))
    runs = {
        name or AS_IT_IS: judged(sorted(found, key=lambda result: result.seed))
        for name, found in results.items()
    }
    summary = summarised(runs[AS_IT_IS], order)
    variants = varied(runs, [family for family, _ in order]) if changes else {}
    draw_delays(out / "delays.png", summary, runs[AS_IT_IS])
    write_score(out / "score.json", title, summary, variants)
    console = Console() if Console().is_terminal else Console(width=PAPER)
    console.print(headline(summary), highlight=False)
    console.print(shown(summary))
    if len(summary.detectors) > 1:
        console.print(compared(summary))
    if variants:
        console.print(beside(variants))


def _changes(paths: Sequence[Path]) -> list[WhatIf]:
    """Return the what-ifs of the files, which go by the names of these."""
    changes = [read_what_if(path) for path in paths]
    names = [AS_IT_IS, *(change.name for change in changes)]
    for path, change in zip(paths, changes, strict=True):
        if names.count(change.name) > 1:
            raise InputError(str(path), f"a second one is named {change.name!r}", "rename the file")
    return changes


def _cases(suite: Path, seeds: int, families: Sequence[str]) -> tuple[Sequence[AnyCase], str]:
    """Return the cases of a suite or of a directory of recordings, and what it is called."""
    if suite.is_dir():
        return folders_of(suite, families), suite.name
    found = read_suite(suite)
    return cases_of(found, seeds, families), found.title
