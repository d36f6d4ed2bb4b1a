"""Batches are columns that can be cut and joined."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.core.samples import Quality, SampleBatch


def batch(count: int) -> SampleBatch:
    rows = np.arange(count, dtype=np.float64)
    return SampleBatch(
        channel=np.arange(count, dtype=np.int32),
        time_s=rows,
        received_s=rows + 0.5,
        value=10.0 * rows,
        quality=np.full(count, Quality.SUSPECT, np.uint8),
    )


def same(one: SampleBatch, other: SampleBatch) -> bool:
    names = ("channel", "time_s", "received_s", "value", "quality")
    return all(
        np.array_equal(getattr(one, n), getattr(other, n))
        and getattr(one, n).dtype == getattr(other, n).dtype
        for n in names
    )


@given(st.integers(0, 20), st.lists(st.integers(0, 20), max_size=5))
def test_cutting_and_joining_gives_the_batch_back(count, cuts):
    whole = batch(count)
    edges = [0, *sorted(cuts), None]
    pieces = [whole[a:b] for a, b in pairwise(edges)]
    assert same(SampleBatch.concatenate(pieces), whole)


def test_no_batches_join_to_an_empty_one_of_the_same_types():
    assert same(SampleBatch.concatenate([]), SampleBatch.empty())
    assert same(SampleBatch.concatenate([SampleBatch.empty(), batch(3)]), batch(3))
    assert len(SampleBatch.empty()) == 0


def test_rows_are_chosen_by_mask_and_by_number():
    whole = batch(4)
    assert same(whole[np.array([False, True, True, False])], whole[1:3])
    assert same(whole[np.array([3, 0])], SampleBatch.concatenate([whole[3:], whole[:1]]))
