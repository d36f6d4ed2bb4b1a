"""Counts what was refused of a file, with the first examples of each kind."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from service.sources.base import KEPT_BYTES, Rejected, RejectReason
from service.sources.columns import EXPLANATIONS, REASONS, Faults

EXAMPLES: Final = 3  # of one reason in one block of rows


class Tally:
    """Grows while files are read."""

    def __init__(self) -> None:
        self.counts: Counter[RejectReason] = Counter()
        self.examples: list[Rejected] = []
        self._shown: Counter[tuple[str, RejectReason]] = Counter()

    def add(self, place: str, reason: RejectReason, detail: str, raw: str, count: int = 1) -> None:
        """Count rows of one kind, shown as an example if there are few yet.

        Parameters
        ----------
        place : str
            The file; each has its own examples.
        """
        self.counts[reason] += count
        if self._shown[place, reason] < EXAMPLES:
            self._shown[place, reason] += 1
            self.examples.append(
                Rejected(
                    reason=reason,
                    detail=f"{place} {detail}",
                    raw=raw.encode("utf-8", "replace")[:KEPT_BYTES],
                    count=count,
                )
            )

    def add_faults(
        self,
        place: str,
        faults: Faults,
        row_names: Callable[[int], str],
        row_texts: Callable[[Sequence[int]], Sequence[str]],
    ) -> None:
        """Count the rows with a fault code and fetch the text of those to be shown."""
        for code in np.unique(faults[faults > 0]).tolist():
            reason = REASONS[code] or RejectReason.MALFORMED
            rows = np.flatnonzero(faults == code)
            shown = rows[:EXAMPLES].tolist()
            for row, text in zip(shown, row_texts(shown), strict=True):
                self.add(place, reason, f"{row_names(row)}: {EXPLANATIONS[reason]}", text)
            self.counts[reason] += len(rows) - len(shown)
