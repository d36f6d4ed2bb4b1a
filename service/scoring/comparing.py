"""Judges the comparison detectors at every level by the same rules, and tunes them on other cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from service.core.units import S_PER_DAY
from service.scoring.comparison import LEVELS, alarms, traces
from service.scoring.judging import SLOW_KINDS, false_of, findings_of
from service.scoring.recordings import Recording
from service.scoring.truths import Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """What a detector does in a case at each of its levels, lowest first.

    `delays_s` are those of the last growth, None = not found or nothing to find.
    """

    delays_s: tuple[float | None, ...]
    false: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A case as the comparison detectors saw it."""

    seed: int
    quiet_s: float
    curves: Mapping[str, Curve]


HALVES: Final = 2  # cases of odd seeds are judged at levels found on those of even ones, and back


def curves_of(recording: Recording, truth: Truth) -> dict[str, Curve]:
    """Return the curve of each comparison detector."""
    found = {}
    for name, parts in traces(recording).items():
        delays_s: list[float | None] = []
        false: list[int] = []
        for level in LEVELS[name].tolist():
            events = [event for part in parts for event in alarms(name, part, level)]
            events.sort(key=lambda event: event.time_s)
            findings = findings_of(truth, events)
            delays_s.append(findings[-1].delay_s if findings else None)
            false.append(len(false_of(truth, events, SLOW_KINDS)))
        found[name] = Curve(delays_s=tuple(delays_s), false=tuple(false))
    return found


def tuned(cases: Sequence[Compared], name: str, interval_s: float) -> int | None:
    """Return the first level from which on a detector is false at most once an interval.

    None = it is false more often at all of them, or there is less than an interval of quiet to tell.
    """
    quiet_s = sum(case.quiet_s for case in cases)
    if quiet_s < interval_s:
        return None
    totals = [sum(counts) for counts in zip(*(c.curves[name].false for c in cases), strict=True)]
    level = None
    for row in reversed(range(len(totals))):
        if totals[row] * interval_s > quiet_s:
            break
        level = row
    return level


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """A case at the level that the other half of the cases gave."""

    delay_s: float | None
    false: int
    quiet_s: float


def at_tuned_levels(
    cases: Sequence[Compared], name: str, interval_days: float
) -> list[Tuned] | None:
    """Judge each case of a detector at the level tuned on the other half; None = there is none."""
    halves = [[c for c in cases if c.seed % HALVES == half] for half in range(HALVES)]
    levels = [tuned(half, name, interval_days * S_PER_DAY) for half in reversed(halves)]
    found = []
    for case in cases:
        level = levels[case.seed % HALVES]
        if level is None:
            return None
        curve = case.curves[name]
        found.append(
            Tuned(delay_s=curve.delays_s[level], false=curve.false[level], quiet_s=case.quiet_s)
        )
    return found
