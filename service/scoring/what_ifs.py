"""Sets what other rules would have done beside what the rules did, in the same cases."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich.table import Table

from service.scoring.summaries import Run
from service.scoring.tables import duration, frequency, percent
from service.scoring.tallies import Row, Scored, row_of

AS_IT_IS: Final = "as it is"
CAPTION: Final = (
    "Every row has the same cases, at all levels of noise. Delays count from the true change. False are "
    "alerts of growth or rate, with the 95 % interval."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """The figures of one set of rules, over all levels: of each family, and of all."""

    families: Mapping[str, Row]
    everything: Row


def varied(runs: Mapping[str, Sequence[Run]], families: Iterable[str]) -> dict[str, Variant]:
    """Add the runs of each set of rules up, the families in the order given."""
    order = list(dict.fromkeys(families))
    return {name: _variant(found, order) for name, found in runs.items()}


def _variant(runs: Sequence[Run], families: Sequence[str]) -> Variant:
    scored: dict[str, list[Scored]] = {family: [] for family in families}
    for run in runs:
        found = Scored(judgement=run.judgement, checks=run.result.watched.checks, reference_s=())
        scored[run.result.family].append(found)
    return Variant(
        families={family: row_of(cases) for family, cases in scored.items()},
        everything=row_of([case for cases in scored.values() for case in cases]),
    )


def beside(variants: Mapping[str, Variant]) -> Table:
    """Lay the variants out under each other, family by family."""
    table = Table(caption=CAPTION)
    for name in ("family", "rules"):
        table.add_column(name)
    for name in ("n", "found", "median", "p90", "false/90 d"):
        table.add_column(name, justify="right")
    families = next(iter(variants.values())).families
    for family in families:
        for number, (name, variant) in enumerate(variants.items()):
            table.add_row("" if number else family, name, *_cells(variant.families[family]))
        table.add_section()
    for number, (name, variant) in enumerate(variants.items()):
        found = variant.everything
        count, share, _, _, false = _cells(found)
        table.add_row("" if number else "all", name, count, share, "", "", false)
    return table


def _cells(row: Row) -> list[str]:
    return [
        str(row.cases),
        percent(row.found),
        duration(row.delay_median_h),
        duration(row.delay_p90_h),
        frequency(row.false),
    ]
