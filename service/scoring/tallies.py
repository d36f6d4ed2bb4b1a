"""Adds the judgements of many cases up to the figures of a table row."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from service.core.units import S_PER_DAY
from service.scoring.judging import S_PER_H, Finding, Judgement
from service.scoring.statistics import poisson_interval, quantile, share_interval
from service.scoring.watching import RateCheck

QUARTER_S: Final = 90 * S_PER_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Hits among trials, with the 95 % interval of their share."""

    hits: int
    count: int
    low: float
    high: float

    @classmethod
    def of(cls, truths: Iterable[bool]) -> "Share":
        """Count them."""
        found = list(truths)
        low, high = share_interval(sum(found), len(found))
        return cls(hits=sum(found), count=len(found), low=low, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequency:
    """How often something false was said, per 90 days of quiet, with its 95 % interval."""

    count: int
    days: float
    per_90_days: float
    low: float
    high: float

    @classmethod
    def of(cls, count: int, quiet_s: float) -> "Frequency":
        """Divide; without any quiet time nothing is known, which is infinitely wide."""
        quarters = quiet_s / QUARTER_S or float("nan")
        low, high = poisson_interval(count)
        return cls(
            count=count,
            days=quiet_s / S_PER_DAY,
            per_90_days=count / quarters,
            low=low / quarters,
            high=high / quarters,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A case with its judgement, and the delays of the reference for its last growth."""

    judgement: Judgement
    checks: Sequence[RateCheck]
    reference_s: Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The figures of a family at a level, or of all.

    Delays are those of the last growth of each case: in a family with a second step it is that.
    `ratio` is that of the median to the median of the reference; where the median is never, that of
    the median time that there was to find it.
    """

    cases: int
    found: Share
    delay_median_h: float
    delay_p90_h: float
    reference_median_h: float
    reference_p90_h: float
    time_median_h: float
    ratio: float
    false: Frequency
    false_fast: Frequency
    onset_held: Share
    onset_error_median_h: float
    rate_held_quiet: Share
    rate_held_after: Share
    rate_error_kg_per_day: float
    reserve_held: Share
    resolved_median_h: float
    outlived: int
    early: int
    repeats: int
    misplaced: int


def row_of(scored: Sequence[Scored]) -> Row:
    """Return the figures of cases."""
    judgements = [case.judgement for case in scored]
    checks = [check for case in scored for check in case.checks]
    reference_s = [delay for case in scored for delay in case.reference_s]
    last = [judgement.findings[-1] for judgement in judgements if judgement.findings]
    every = [finding for judgement in judgements for finding in judgement.findings]
    delays = [finding.delay_s for finding in last]
    quiet_s = sum(judgement.quiet_s for judgement in judgements)
    median_s, time_s = quantile(delays, 0.5), quantile([f.time_s for f in last], 0.5)
    errors = [
        abs(check.rate - check.true)
        for check in checks
        if check.rate is not None and check.after_h == 72.0
    ]
    return Row(
        cases=len(judgements),
        found=Share.of(delay is not None for delay in delays),
        delay_median_h=median_s / S_PER_H,
        delay_p90_h=quantile(delays, 0.9) / S_PER_H,
        reference_median_h=quantile(reference_s, 0.5) / S_PER_H,
        reference_p90_h=quantile(reference_s, 0.9) / S_PER_H,
        time_median_h=time_s / S_PER_H,
        ratio=min(median_s, time_s) / quantile(reference_s, 0.5),
        false=Frequency.of(sum(len(j.false_s) for j in judgements), quiet_s),
        false_fast=Frequency.of(sum(len(j.false_fast_s) for j in judgements), quiet_s),
        onset_held=Share.of(f.onset_held for f in every if f.onset_held is not None),
        onset_error_median_h=_onset_error_h(every),
        rate_held_quiet=Share.of(_held(checks, quiet=True)),
        rate_held_after=Share.of(_held(checks, quiet=False)),
        rate_error_kg_per_day=quantile(errors, 0.5),
        reserve_held=Share.of(
            check.reserve.is_held for check in checks if check.reserve is not None
        ),
        resolved_median_h=quantile(
            [j.resolved_s for j in judgements if j.resolved_s is not None or j.outlived], 0.5
        )
        / S_PER_H,
        outlived=sum(j.outlived for j in judgements),
        early=sum(j.early for j in judgements),
        repeats=sum(j.repeats for j in judgements),
        misplaced=sum(finding.misplaced for finding in every),
    )


def mean_ratio(ratios: Iterable[float]) -> float:
    """Return the geometric mean of ratios to the reference, those left out that are not known.

    Examples
    --------
    >>> mean_ratio([1.0, 4.0, math.nan])
    2.0
    """
    known = [ratio for ratio in ratios if math.isfinite(ratio)]
    return math.exp(math.fsum(map(math.log, known)) / len(known)) if known else math.nan


def _onset_error_h(findings: Iterable[Finding]) -> float:
    errors = [abs(f.onset_error_s) for f in findings if f.onset_error_s is not None]
    return quantile(errors, 0.5) / S_PER_H


def _held(checks: Iterable[RateCheck], *, quiet: bool) -> Iterable[bool]:
    for check in checks:
        if check.low is not None and check.high is not None and (check.after_h is None) is quiet:
            yield check.low <= check.true <= check.high
