"""How long a channel may repeat its value before that is no good sign."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.samples import Quality, SampleBatch
from service.core.station import Channel, ChannelKind
from service.core.stillness import LEARN_CHANGES, Stillness, by_tick

START_S = 1.7e9
MINUTE_S = 60.0
HOUR = 60


def stillness(station, noise: float | None = None, step: float | None = None) -> Stillness:
    gauge = Channel(
        name="g", section="cabin", kind=ChannelKind.PRESSURE, unit="Pa", noise=noise, step=step
    )
    return Stillness(replace(station, channels=(gauge,)))


def told(values, *, start: int = 0, every_s: float = MINUTE_S, quality=Quality.GOOD) -> SampleBatch:
    """Return readings of the one channel at equal times, from minute `start` on."""
    values = np.asarray(values, np.float64)
    time_s = START_S + start * MINUTE_S + every_s * np.arange(len(values), dtype=np.float64)
    return SampleBatch(
        channel=np.zeros(len(values), np.int32),
        time_s=time_s,
        received_s=time_s,
        value=values,
        quality=np.full(len(values), quality, np.uint8),
    )


def coded(seed: int, count: int, noise: float, step: float, level: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return step * np.round((level + rng.normal(0.0, noise, count)) / step)


@pytest.mark.parametrize("share", [0.2, 0.5, 1.0])
def test_a_month_of_noise_is_never_implausible_and_two_frozen_days_always(station, share):
    """Steady pressure in the middle of a code, noise of a fifth of it to one; ten seeds each."""
    for seed in range(10):
        watch = stillness(station, noise=share, step=1.0)
        month = told(coded(seed, 30 * 24 * HOUR, share, 1.0))
        for minutes in np.array_split(np.arange(len(month)), 240):
            watch.take(month[minutes])
            assert watch.still_s(0) == 0.0
        watch.take(told(np.full(48 * HOUR, month.value[-1]), start=len(month)))
        found_s = watch.still_s(0)
        assert found_s is not None
        assert found_s >= 47 * 3600.0


def test_without_noise_nothing_is_known_until_a_habit_is_seen_and_then_it_decides(station):
    """A channel that moves every two hours; ten hours of the same are beyond three times that."""
    watch = stillness(station)
    slow = np.repeat(np.arange(40.0), 2 * HOUR)
    for minutes in np.array_split(np.arange(len(slow)), 400):
        known = watch.still_s(0)
        assert known in {None, 0.0}
        watch.take(told(slow[minutes], start=int(minutes[0])))
    assert watch.still_s(0) == 0.0
    assert watch._changes[0] >= LEARN_CHANGES
    watch.take(told(np.full(3 * HOUR, slow[-1]), start=len(slow)))
    assert watch.still_s(0) == 0.0
    watch.take(told(np.full(5 * HOUR, slow[-1]), start=len(slow) + 3 * HOUR))
    assert watch.still_s(0) == pytest.approx(10 * 3600.0, abs=2 * MINUTE_S)


def test_a_freeze_that_ended_does_not_make_the_next_one_plausible_but_one_of_every_day_does(
    station,
):
    watch = stillness(station, noise=1.0, step=1.0)
    found = []
    for day in range(7):
        start = day * 24 * HOUR
        moves = coded(day, 20 * HOUR, 1.0, 1.0)
        watch.take(told(moves, start=start))
        watch.take(told(np.full(4 * HOUR, moves[-1]), start=start + 20 * HOUR))
        found.append((watch.still_s(0) or 0.0) >= 4 * 3600.0 - MINUTE_S)
    assert found[:3] == [True] * 3
    assert not found[-1]


def test_what_the_sender_marks_as_held_is_no_news_whatever_it_is_worth(station):
    watch = stillness(station)
    watch.take(told([5.0, 6.0]))
    watch.take(told([6.0] * 121, start=2, quality=Quality.HELD))
    assert watch.is_held(0)
    assert watch.still_s(0) == pytest.approx(2 * 3600.0 + MINUTE_S)
    assert watch.stopped_s(0) == START_S + MINUTE_S
    watch.take(told([6.0], start=200))
    assert watch.still_s(0) is None


@settings(max_examples=100)
@given(
    moves=st.lists(st.integers(0, 2), min_size=2, max_size=60),
    cuts=st.sets(st.integers(1, 59), max_size=6),
)
def test_however_readings_are_cut_the_same_is_known(station, moves, cuts):
    whole, parts = stillness(station, noise=0.5), stillness(station, noise=0.5)
    readings = told(np.cumsum(moves))
    whole.take(readings)
    edges = [0, *sorted(cut for cut in cuts if cut < len(moves)), len(moves)]
    for first, last in pairwise(edges):
        parts.take(readings[first:last])
    ours, theirs = whole.snapshot(), parts.snapshot()
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name], err_msg=name)
    again = stillness(station, noise=0.5)
    again.restore(ours)
    assert again.still_s(0) == whole.still_s(0)


def test_late_readings_say_nothing_any_more(station):
    watch = stillness(station, noise=1.0, step=1.0)
    watch.take(told([1.0, 2.0], start=100))
    before = watch.snapshot()
    watch.take(told([7.0], start=3))
    for name, array in watch.snapshot().items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)


def test_readings_are_sorted_into_the_ticks_after_their_arrival():
    readings = told([3.0, 1.0, 2.0, 4.0], every_s=30.0)
    ticks = by_tick(readings)
    first = int(START_S // MINUTE_S) + 1
    assert {tick: batch.value.tolist() for tick, batch in ticks.items()} == {
        first: [3.0, 1.0],
        first + 1: [2.0, 4.0],
    }
    assert by_tick(SampleBatch.empty()) == {}


def test_a_channel_that_never_spoke_neither_stands_nor_is_held(station):
    watch = stillness(station)
    assert not watch.stand(np.array([0]), 60.0).any()
    assert not watch.is_held(0)
    watch.take(told([5.0] * 3))
    assert watch.stand(np.array([0]), 60.0).all()
