"""Adds the results of all cases up to one summary, families and levels in the order of the suite."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from service.scoring.comparing import Compared, Tuned, at_tuned_levels
from service.scoring.comparison import LEVELS
from service.scoring.judging import S_PER_H, Judgement, judge
from service.scoring.running import Result
from service.scoring.statistics import quantile
from service.scoring.tallies import Frequency, Row, Scored, Share, mean_ratio, row_of

INTERVAL_DAYS: Final = 90.0  # between false alarms, at which the comparison detectors are tuned

Group = tuple[str, str]  # family, level


@dataclass(frozen=True, slots=True, kw_only=True)
class Sooner:
    """How a detector finds what a family holds: its median delay, None = never."""

    found: Share
    median_h: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """How a detector does over all; `false_without_growth` counts families in which nothing grows."""

    families: Mapping[str, Sooner]
    ratio: float
    false: Frequency
    false_without_growth: Frequency


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The figures of every family and level, of all cases, and of the detectors compared."""

    rows: Mapping[Group, Row]
    everything: Row
    ratio: float
    detectors: Mapping[str, Detector]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A result with its judgement."""

    result: Result
    judgement: Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A case as one detector did it."""

    group: Group
    grows: bool
    delay_s: float | None
    false: int
    quiet_s: float


def judged(results: Iterable[Result]) -> list[Run]:
    """Hold every result against its truth."""
    return [Run(result=result, judgement=judge(result.watched)) for result in results]


def summarised(runs: Sequence[Run], order: Sequence[Group]) -> Summary:
    """Add all runs up."""
    scored: dict[Group, list[Scored]] = {group: [] for group in order}
    for run in runs:
        scored[run.result.family, run.result.level].append(_scored(run))
    rows = {group: row_of(cases) for group, cases in scored.items() if cases}
    lines = {"hullwatch": [_our_line(run) for run in runs]}
    for name in LEVELS:
        cases = [
            Compared(
                seed=run.result.seed,
                quiet_s=run.judgement.quiet_s,
                curves=run.result.compared,
            )
            for run in runs
        ]
        if (tuned := at_tuned_levels(cases, name, INTERVAL_DAYS)) is not None:
            lines[name] = [_line(run, at) for run, at in zip(runs, tuned, strict=True)]
    return Summary(
        rows=rows,
        everything=row_of([case for cases in scored.values() for case in cases]),
        ratio=mean_ratio(row.ratio for row in rows.values()),
        detectors={name: _detector(found, rows) for name, found in lines.items()},
    )


def _scored(run: Run) -> Scored:
    reference_s = run.result.reference_s
    return Scored(
        judgement=run.judgement,
        checks=run.result.watched.checks,
        reference_s=reference_s[-1] if reference_s else (),
    )


def _our_line(run: Run) -> _Line:
    findings = run.judgement.findings
    return _line(
        run,
        Tuned(
            delay_s=findings[-1].delay_s if findings else None,
            false=len(run.judgement.false_s),
            quiet_s=run.judgement.quiet_s,
        ),
    )


def _line(run: Run, at: Tuned) -> _Line:
    return _Line(
        group=(run.result.family, run.result.level),
        grows=bool(run.judgement.findings),
        delay_s=at.delay_s,
        false=at.false,
        quiet_s=at.quiet_s,
    )


def _detector(lines: Sequence[_Line], rows: Mapping[Group, Row]) -> Detector:
    growing = [line for line in lines if line.grows]
    families: dict[str, list[float | None]] = {family: [] for family, _ in rows}
    groups: dict[Group, list[float | None]] = {group: [] for group in rows}
    for line in growing:
        families[line.group[0]].append(line.delay_s)
        groups[line.group].append(line.delay_s)
    return Detector(
        families={
            family: Sooner(
                found=Share.of(delay is not None for delay in delays),
                median_h=quantile(delays, 0.5) / S_PER_H,
            )
            for family, delays in families.items()
            if delays
        },
        ratio=mean_ratio(_ratio(delays, rows[group]) for group, delays in groups.items()),
        false=_frequency(lines),
        false_without_growth=_frequency(line for line in lines if not line.grows),
    )


def _ratio(delays_s: Sequence[float | None], row: Row) -> float:
    if not delays_s:
        return math.nan
    return min(quantile(delays_s, 0.5) / S_PER_H, row.time_median_h) / row.reference_median_h


def _frequency(lines: Iterable[_Line]) -> Frequency:
    found = list(lines)
    return Frequency.of(sum(line.false for line in found), sum(line.quiet_s for line in found))
