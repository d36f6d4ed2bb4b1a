"""Reduction to bins, against the same in plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.samples import Quality, SampleBatch
from service.core.ticks import SLOW_S, bin_samples

rows = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.floats(0.0, 4000.0),
        st.floats(0.0, 3000.0),
        st.floats(-1e5, 1e5),
        st.sampled_from(Quality),
    ),
    max_size=40,
)


def batch_of(rows) -> SampleBatch:
    ordered = sorted(rows, key=lambda row: row[1])
    channel, received, late, value, quality = (
        [row[i] for row in ordered] for i in range(5)
    )  # fmt: skip
    return SampleBatch(
        channel=np.array(channel, np.int32),
        time_s=np.array(received, float) - np.array(late, float),
        received_s=np.array(received, float),
        value=np.array(value, float),
        quality=np.array(quality, np.uint8),
    )


def plainly(batch: SampleBatch, width_s: float) -> dict[tuple[int, int, int], list[int]]:
    """Return the rows of each bin by tick of arrival, minute of event time and channel."""
    bins: dict[tuple[int, int, int], list[int]] = {}
    for i in range(len(batch)):
        if batch.quality[i] != Quality.GOOD:
            continue
        tick = int(batch.received_s[i] // width_s) + 1
        step = int(batch.time_s[i] // width_s) + 1
        if step >= tick - 1:
            step = tick
        bins.setdefault((tick, step, int(batch.channel[i])), []).append(i)
    return dict(sorted(bins.items()))


@given(rows)
def test_bins_hold_the_means_of_what_arrived_before_their_tick(rows):
    batch = batch_of(rows)
    bins = bin_samples(batch, SLOW_S)
    expected = plainly(batch, SLOW_S)
    found = zip(bins.tick.tolist(), bins.step.tolist(), bins.channel.tolist(), strict=True)
    assert list(found) == list(expected)
    for i, members in enumerate(expected.values()):
        assert bins.value[i] == pytest.approx(batch.value[members].mean())
        assert (bins.last[i], bins.count[i]) == (batch.value[members[-1]], len(members))
        assert bins.time_s[i] == pytest.approx(batch.time_s[members].mean(), abs=1e-6)


@given(rows, st.integers(0, 60))
def test_a_bin_does_not_depend_on_what_else_is_in_the_batch(rows, tick):
    batch = batch_of(rows)
    whole = bin_samples(batch, SLOW_S)
    arrived = batch[batch.received_s < tick * SLOW_S]
    part = bin_samples(arrived, SLOW_S)
    upto = int(np.searchsorted(whole.tick, tick, "right"))
    for name in ("tick", "step", "channel", "time_s", "value"):
        assert np.array_equal(getattr(whole, name)[:upto], getattr(part, name))


@given(rows, st.integers(0, 70))
def test_the_rows_of_a_tick_are_those_with_its_number(rows, tick):
    bins = bin_samples(batch_of(rows), SLOW_S)
    assert np.array_equal(
        np.arange(len(bins.tick))[bins.rows(tick, tick)], np.flatnonzero(bins.tick == tick)
    )


def test_a_reading_exactly_at_a_tick_belongs_to_the_next():
    bins = bin_samples(batch_of([(0, 60.0, 0.0, 1.0, 0), (0, 59.999, 0.0, 2.0, 0)]), SLOW_S)
    assert bins.tick.tolist() == [1, 2]
    assert bins.value.tolist() == [2.0, 1.0]
