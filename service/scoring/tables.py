"""Shows the figures of a score as a table."""

import math
from collections.abc import Sequence
from typing import Final

from rich.table import Table

from service.scoring.summaries import Detector, Summary
from service.scoring.tallies import Frequency, Row, Share

COLUMNS: Final = (
    "n",
    "found",
    "median",
    "p90",
    "reference",
    "ratio",
    "false/90 d",
    "rate held",
    "and after",
    "error 72 h",
    "reserve held",
    "onset held",
    "error",
    "resolved",
    "early",
    "again",
)
CAPTION: Final = (
    "Delays count from the true change; the ratio is that of the median to the reference's. False are "
    "alerts of growth or rate, with the 95 % interval; in brackets those of falling pressure. Held: "
    "how often the 95 % interval held the truth, in quiet times and 6 to 72 h after a growth, and the band of "
    "the reserve time in both, through a hole and through a crack. Early: all "
    "alerts were over while it leaked. Again: raised again meanwhile."
)

COMPARED: Final = (
    "Median delay over all levels, with the share found if that is not all. The detectors to compare with "
    "are tuned to one false alert in 90 days on the half of the seeds that they are not judged on."
)


def headline(summary: Summary) -> str:
    """Tell the four figures by which API RP 1130 describes the performance of leak detection."""
    lines = {
        "Reliability": _reliability(summary),
        "Sensitivity": _times_the_delay(summary.ratio) or "there is nothing to compare delays with",
        "Accuracy": _accuracy(summary.everything),
        "Robustness": _robustness(summary),
    }
    return "\n".join(f"{word}: {told}" for word, told in lines.items())


def _reliability(summary: Summary) -> str:
    row = summary.everything
    still = summary.detectors["hullwatch"].false_without_growth
    found = f"{_of(row.found)} found" if row.found.count else "nothing grows in these cases"
    return (
        f"{found}; false alerts in 90 days: {frequency(row.false)}, where nothing grows "
        f"{frequency(still)}"
    )


def _accuracy(row: Row) -> str:
    """Tell how often the intervals held the truth, as far as it is known, and what was off."""
    held = {
        "of the rate": row.rate_held_quiet,
        "of the rate after a growth": row.rate_held_after,
        "of the onset": row.onset_held,
        "of the reserve time": row.reserve_held,
    }
    known = [f"{what} in {_of(share)}" for what, share in held.items() if share.count]
    told = [f"the 95 % interval held the truth {', '.join(known)}"] if known else []
    if not math.isnan(row.rate_error_kg_per_day):
        told.append(f"the rate was {row.rate_error_kg_per_day:.2f} kg/day off after three days")
    return "; ".join([*told, f"{row.misplaced} alerts named another place"])


def _robustness(summary: Summary) -> str:
    """Tell the family and level in which the least is found, or the latest if that is the same."""
    growing = [(group, row) for group, row in summary.rows.items() if row.found.count]
    if not growing:
        return "nothing grows in these cases"
    (family, level), row = min(growing, key=lambda item: _goodness(item[1]))
    late = _times_the_delay(row.ratio) or f"after {duration(row.delay_median_h)}"
    return f"at worst, {family}, {level}: {_of(row.found)} found, {late}"


def _goodness(row: Row) -> tuple[float, float, float]:
    ratio = 0.0 if math.isnan(row.ratio) else row.ratio
    return row.found.hits / row.found.count, -ratio, -row.delay_median_h


def _times_the_delay(ratio: float) -> str:
    """Tell how late something is found; nothing where there is no reference."""
    return "" if math.isnan(ratio) else f"{ratio:.2f} times the delay of who is told the rates"


def shown(summary: Summary) -> Table:
    """Lay the rows out, one a family and level, and one of all."""
    table = Table(caption=CAPTION)
    for name in ("family", "level or recording"):
        table.add_column(name)
    for name in COLUMNS:
        table.add_column(name, justify="right")
    before = ""
    for (family, level), row in summary.rows.items():
        if before and family != before:
            table.add_section()
        table.add_row(family if family != before else "", level, *_cells(row))
        before = family
    table.add_section()
    cells = _cells(summary.everything)
    cells[2:6] = ["", "", "", _number(summary.ratio)]
    table.add_row("all", "", *cells)
    return table


def compared(summary: Summary) -> Table:
    """Lay the detectors out beside each other: share found and median delay, family by family."""
    table = Table(caption=COMPARED)
    table.add_column("detector")
    families = list(summary.detectors["hullwatch"].families)
    for name in (*families, "false/90 d", "and without growth", "ratio"):
        table.add_column(name, justify="right")
    for name, detector in summary.detectors.items():
        table.add_row(name, *_compared_cells(detector, families))
    return table


def _compared_cells(detector: Detector, families: Sequence[str]) -> list[str]:
    cells = []
    for family in families:
        found = detector.families[family]
        share = found.found.hits / found.found.count
        cells.append(
            duration(found.median_h)
            if share == 1.0
            else f"{100 * share:.0f}%, {duration(found.median_h)}"
        )
    return [
        *cells,
        frequency(detector.false),
        frequency(detector.false_without_growth),
        _number(detector.ratio),
    ]


def _cells(row: Row) -> list[str]:
    return [
        str(row.cases),
        percent(row.found),
        duration(row.delay_median_h),
        duration(row.delay_p90_h),
        duration(row.reference_median_h),
        _number(row.ratio),
        frequency(row.false) + (f" [{row.false_fast.count}]" if row.false_fast.count else ""),
        percent(row.rate_held_quiet),
        percent(row.rate_held_after),
        _number(row.rate_error_kg_per_day),
        percent(row.reserve_held),
        percent(row.onset_held),
        duration(row.onset_error_median_h),
        duration(row.resolved_median_h),
        str(row.early),
        str(row.repeats),
    ]


def duration(hours: float) -> str:
    """Write a time in the unit that suits it.

    Examples
    --------
    >>> [duration(h) for h in (0.01, 0.5, 20.0, 100.0, math.inf, math.nan)]
    ['36 s', '30 min', '20 h', '100 h', 'never', '-']
    """
    if math.isnan(hours):
        return "-"
    if math.isinf(hours):
        return "never"
    if hours < 0.05:
        return f"{hours * 3600:.0f} s"
    if hours < 2.0:
        return f"{hours * 60:.0f} min"
    return f"{hours:.3g} h"


def percent(share: Share) -> str:
    """Write a share, with what it is of."""
    return f"{100 * share.hits / share.count:.0f}%/{share.count}" if share.count else "-"


def _of(share: Share) -> str:
    return f"{100 * share.hits / share.count:.0f} % of {share.count}"


def frequency(often: Frequency) -> str:
    """Write how often something is in 90 days, with its interval."""
    if not often.days:
        return "-"
    return f"{often.per_90_days:.1f} ({often.low:.1f}..{often.high:.1f})"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"
