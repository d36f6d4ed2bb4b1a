"""Shows the figures of a score as a table."""

import math
from collections.abc import Mapping
from typing import Final

from rich.table import Table

from service.scoring.tallies import Frequency, Row, Share, mean_ratio

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
    "onset held",
    "error",
    "resolved",
    "early",
    "again",
)
CAPTION: Final = (
    "Delays count from the true change; the ratio is that of the median to the reference's. False are "
    "alerts of growth or rate, with the 95 % interval; in brackets those of falling pressure. Held: "
    "how often the 95 % interval held the truth, in quiet times and 6 to 72 h after a growth. Early: all "
    "alerts were over while it leaked. Again: raised again meanwhile."
)


def shown(rows: Mapping[tuple[str, str], Row], everything: Row) -> Table:
    """Lay the rows out, one a family and level, and one of all."""
    table = Table(caption=CAPTION)
    for name in ("family", "level"):
        table.add_column(name)
    for name in COLUMNS:
        table.add_column(name, justify="right")
    before = ""
    for (family, level), row in rows.items():
        if before and family != before:
            table.add_section()
        table.add_row(family if family != before else "", level, *_cells(row))
        before = family
    table.add_section()
    ratio = mean_ratio(rows.values())
    cells = _cells(everything)
    cells[2:6] = ["", "", "", _number(ratio)]
    table.add_row("all", "", *cells)
    return table


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


def frequency(often: Frequency) -> str:
    """Write how often something is in 90 days, with its interval."""
    if not often.days:
        return "-"
    return f"{often.per_90_days:.1f} ({often.low:.1f}..{often.high:.1f})"


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.2f}"
