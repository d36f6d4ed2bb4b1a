"""A table of arrays that share their first axis: one row a volume, grown and shrunk by hand."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray


class Table:
    """Columns as attributes; `COLUMNS` gives each the shape of a row and what an empty one holds.

    Parameters
    ----------
    rows : int
        Empty rows to begin with.

    Examples
    --------
    >>> class Heights(Table):
    ...     COLUMNS = {"height_m": ((), 0.0)}
    >>> heights = Heights()
    >>> heights.append(height_m=2.0), heights.append()
    (0, 1)
    >>> heights.keep([1]); len(heights)
    1
    """

    COLUMNS: ClassVar[Mapping[str, tuple[tuple[int, ...], float]]] = {}

    def __init__(self, rows: int = 0) -> None:
        for name, (shape, empty) in self.COLUMNS.items():
            setattr(self, name, np.full((rows, *shape), empty))

    def __len__(self) -> int:
        return len(self._column(next(iter(self.COLUMNS))))

    def append(self, **values: Any) -> int:
        """Append a row, empty but for the values given, and return its number."""
        for name, (shape, empty) in self.COLUMNS.items():
            row = np.full((1, *shape), empty)
            if name in values:
                row[0] = values[name]
            setattr(self, name, np.concatenate([self._column(name), row]))
        return len(self) - 1

    def take(self, row: int) -> dict[str, NDArray[np.float64]]:
        """Return a copy of a row, which `append` accepts."""
        return {name: self._column(name)[row].copy() for name in self.COLUMNS}

    def clear(self, row: int) -> None:
        """Empty a row."""
        for name, (_, empty) in self.COLUMNS.items():
            self._column(name)[row] = empty

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all rows but those given, in their order."""
        chosen: Final = np.array(rows, np.intp)
        for name in self.COLUMNS:
            setattr(self, name, self._column(name)[chosen])

    def snapshot(self) -> dict[str, NDArray[np.float64]]:
        """Return copies of all columns."""
        return {name: self._column(name).copy() for name in self.COLUMNS}

    def restore(self, state: Mapping[str, NDArray[np.float64]]) -> None:
        """Take over a snapshot."""
        for name in self.COLUMNS:
            setattr(self, name, state[name].copy())

    def _column(self, name: str) -> NDArray[np.float64]:
        column: NDArray[np.float64] = getattr(self, name)
        return column
