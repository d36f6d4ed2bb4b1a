"""Shows the figures of a score as a table."""

import math
from collections.abc import Mapping

from rich.table import Table

from service.scoring.tallies import Frequency, Row, Share


def shown(rows: Mapping[tuple[str, str], Row], everything: Row) -> Table:
    """Lay the rows out, one a family and level, and one of all."""
    table = Table(caption="delays from the true change; false alerts of growth or rate per 90 days")
    for name in ("family", "level"):
        table.add_column(name)
    for name in (
        "n",
        "found",
        "median",
        "p90",
        "false / 90 d",
        "fast false",
        "rate quiet",
        "rate after",
        "error 72 h",
        "onset",
        "onset err",
        "resolved",
        "early",
        "again",
        "misplaced",
    ):
        table.add_column(name, justify="right")
    before = ""
    for (family, level), row in rows.items():
        if before and family != before:
            table.add_section()
        table.add_row(family if family != before else "", level, *_cells(row))
        before = family
    table.add_section()
    table.add_row("all", "", *_cells(everything, of_all=True))
    return table


def _cells(row: Row, *, of_all: bool = False) -> list[str]:
    return [
        str(row.cases),
        _share(row.found),
        "" if of_all else duration(row.delay_median_h),
        "" if of_all else duration(row.delay_p90_h),
        _frequency(row.false),
        str(row.false_fast.count),
        _share(row.rate_held_quiet),
        _share(row.rate_held_after),
        "-" if math.isnan(row.rate_error_kg_per_day) else f"{row.rate_error_kg_per_day:.2f}",
        _share(row.onset_held),
        duration(row.onset_error_median_h),
        duration(row.resolved_median_h),
        str(row.early),
        str(row.repeats),
        str(row.misplaced),
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


def _share(share: Share) -> str:
    return f"{100 * share.hits / share.count:.0f} % of {share.count}" if share.count else "-"


def _frequency(frequency: Frequency) -> str:
    if not frequency.days:
        return "-"
    return f"{frequency.per_90_days:.1f} ({frequency.low:.1f}..{frequency.high:.1f})"
