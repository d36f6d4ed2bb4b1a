"""Rows come and go in all columns at once."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from service.core.tables import Table


class Pair(Table):
    COLUMNS: ClassVar = {"size": ((), 0.0), "corner": ((2,), np.nan)}
    size: NDArray[np.float64]
    corner: NDArray[np.float64]


def test_a_row_is_empty_but_for_what_is_given():
    table = Pair()
    assert table.append(size=3.0) == 0
    assert table.size.tolist() == [3.0]
    assert np.isnan(table.corner).all()


def test_a_row_taken_out_can_be_put_back_and_is_not_shared():
    table = Pair()
    table.append(size=1.0, corner=[1.0, 2.0])
    taken = table.take(0)
    table.clear(0)
    assert table.size.tolist() == [0.0]
    table.append(**taken)
    assert table.corner[1].tolist() == [1.0, 2.0]


def test_kept_rows_stand_in_the_order_asked_for():
    table = Pair()
    for size in range(4):
        table.append(size=float(size))
    table.keep([3, 1])
    assert table.size.tolist() == [3.0, 1.0]
    table.keep([])
    assert len(table) == 0


def test_a_snapshot_does_not_change_with_the_table():
    table, other = Pair(), Pair()
    table.append(size=1.0)
    state = table.snapshot()
    table.size[0] = 9.0
    other.restore(state)
    other.size[0] += 1.0
    assert state["size"].tolist() == [1.0]
    assert other.size.tolist() == [2.0]
