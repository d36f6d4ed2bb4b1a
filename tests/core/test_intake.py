"""Which readings are believed, and what the clock makes of strange times."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.intake import JUMP_S, VOTES, ClockMode, Doubt, Screen
from service.core.samples import Quality, SampleBatch

NOW_S = 1_707_004_800.0
PAST_S, AHEAD_S = 31 * 86400.0, 300.0


@pytest.fixture
def screen(station):
    return lambda mode: Screen(station, mode, PAST_S, AHEAD_S)


def readings(times_s, received_s=None, value=99_000.0, quality=Quality.GOOD) -> SampleBatch:
    time_s = np.array(times_s, np.float64)
    count = len(time_s)
    return SampleBatch(
        channel=np.zeros(count, np.int32),
        time_s=time_s,
        received_s=time_s + 1.0 if received_s is None else np.array(received_s, np.float64),
        value=np.broadcast_to(np.float64(value), count).copy(),
        quality=np.full(count, quality, np.uint8),
    )


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        ({"value": np.nan}, Doubt.NOT_FINITE),
        ({"value": np.inf}, Doubt.NOT_FINITE),
        ({"value": 4e5}, Doubt.OUT_OF_RANGE),
        ({"value": -300.0}, Doubt.OUT_OF_RANGE),
        ({"quality": Quality.BAD}, Doubt.BAD_QUALITY),
        ({"times_s": [0.0], "received_s": [NOW_S]}, Doubt.IMPLAUSIBLE_TIME),
        ({"times_s": [4.1e9], "received_s": [NOW_S]}, Doubt.IMPLAUSIBLE_TIME),
        ({"times_s": [np.nan], "received_s": [NOW_S]}, Doubt.NOT_FINITE),
    ],
)
def test_a_doubtful_reading_is_returned_with_its_reason(screen, change, doubt):
    screened = screen(ClockMode.WALL).check(readings(**{"times_s": [NOW_S]} | change))
    assert len(screened.accepted) == 0
    assert (len(screened.rejected), screened.reasons) == (1, (doubt,))


@pytest.mark.parametrize("quality", [Quality.GOOD, Quality.SUSPECT, Quality.HELD])
def test_every_other_quality_passes_and_keeps_its_word(screen, quality):
    screened = screen(ClockMode.WALL).check(readings([NOW_S], quality=quality))
    assert screened.accepted.quality.tolist() == [quality]


def test_arrival_never_runs_backwards_on_the_wall_clock(screen):
    wall = screen(ClockMode.WALL)
    first = wall.check(readings([NOW_S] * 3, received_s=[NOW_S, NOW_S - 50.0, NOW_S + 2.0]))
    then = wall.check(readings([NOW_S], received_s=[NOW_S - 99.0]))
    assert first.accepted.received_s.tolist() == [NOW_S, NOW_S, NOW_S + 2.0]
    assert then.accepted.received_s.tolist() == [NOW_S + 2.0] == [wall.now_s]
    assert len(wall.check(SampleBatch.empty()).accepted) == 0


def test_a_fresh_event_clock_waits_for_eight_to_agree(screen):
    event = screen(ClockMode.EVENT)
    times = NOW_S + np.arange(VOTES)
    for time_s in times[:-1]:
        assert len(event.check(readings([time_s])).accepted) == 0
        assert event.now_s is None
    accepted = event.check(readings(times[-1:])).accepted
    assert accepted.received_s.tolist() == times.tolist()
    assert event.now_s == times[-1]


@pytest.mark.parametrize("lone_s", [0.0, 4.1e9])
def test_a_lone_time_of_1970_or_2100_does_not_move_the_event_clock(screen, lone_s):
    event = screen(ClockMode.EVENT)
    times = [*(NOW_S + np.arange(20.0)), lone_s, NOW_S + 20.0, NOW_S + 21.0]
    screened = event.check(readings(times))
    assert event.now_s == NOW_S + 21.0
    assert len(screened.accepted) == 22
    assert screened.rejected.time_s.tolist() == [lone_s]
    assert screened.reasons == (Doubt.IMPLAUSIBLE_TIME,)


def test_a_lone_first_time_of_2100_is_outvoted(screen):
    event = screen(ClockMode.EVENT)
    screened = event.check(readings([4.1e9, *(NOW_S + np.arange(30.0))]))
    assert event.now_s == NOW_S + 29.0
    assert len(screened.accepted) == 30
    assert screened.rejected.time_s.tolist() == [4.1e9]


def test_a_real_jump_is_followed_once_eight_confirm_it(screen):
    event = screen(ClockMode.EVENT)
    event.check(readings(NOW_S + np.arange(20.0)))
    later_s = NOW_S + 2.0 * JUMP_S
    screened = event.check(readings(later_s + np.arange(10.0)))
    assert event.now_s == later_s + 9.0
    assert len(screened.accepted) == 10
    assert np.all(np.diff(screened.accepted.received_s) >= 0.0)


def test_a_pause_shorter_than_the_longest_believed_goes_on_at_once(screen):
    event = screen(ClockMode.EVENT)
    event.check(readings(NOW_S + np.arange(20.0)))
    assert len(event.check(readings([NOW_S + 0.9 * JUMP_S])).accepted) == 1


def test_the_event_clock_never_jumps_back_however_many_agree(screen):
    event = screen(ClockMode.EVENT)
    event.check(readings(NOW_S + np.arange(20.0)))
    old = readings(NOW_S - 2.0 * PAST_S + np.arange(40.0))
    screened = event.check(old)
    assert event.now_s == NOW_S + 19.0
    assert len(screened.accepted) == 0
    assert 0 < len(screened.rejected) < 40
    after = event.check(readings([NOW_S + 30.0]))
    assert len(screened.rejected) + len(after.rejected) == 40


strange = st.lists(
    st.one_of(
        st.floats(0.0, 4000.0).map(lambda s: NOW_S + s),
        st.sampled_from([0.0, 1.0, 4.1e9, 4.1e9 + 5.0, NOW_S + 2 * JUMP_S]),
    ),
    min_size=1,
    max_size=60,
)


@pytest.mark.parametrize("mode", list(ClockMode))
@given(times=strange, cuts=st.lists(st.integers(0, 60), max_size=6))
def test_cuts_change_neither_what_is_believed_nor_its_arrival(station, mode, times, cuts):
    batch = readings(times, received_s=NOW_S + np.arange(len(times)))
    whole = Screen(station, mode, PAST_S, AHEAD_S)
    parts = Screen(station, mode, PAST_S, AHEAD_S)
    expected = whole.check(batch)
    edges = [0, *sorted(cuts), None]
    found = [parts.check(batch[a:b]) for a, b in pairwise(edges)]
    accepted = SampleBatch.concatenate([f.accepted for f in found])
    assert np.array_equal(accepted.time_s, expected.accepted.time_s)
    assert np.array_equal(accepted.received_s, expected.accepted.received_s)
    assert np.all(np.diff(accepted.received_s) >= 0.0)
    assert sum(len(f.rejected) for f in found) == len(expected.rejected)
    assert sum(len(f.reasons) for f in found) == len(expected.rejected)
    assert parts.now_s == whole.now_s


def test_readings_that_wait_survive_a_snapshot(screen):
    first, second = screen(ClockMode.EVENT), screen(ClockMode.EVENT)
    first.check(readings(NOW_S + np.arange(5.0)))
    second.restore(first.snapshot())
    assert len(second.check(readings(NOW_S + 5.0 + np.arange(3.0))).accepted) == VOTES


def test_a_batch_that_is_checked_is_not_changed(screen):
    batch = readings([NOW_S, 0.0, NOW_S + 1.0], received_s=[NOW_S, NOW_S - 9.0, NOW_S + 1.0])
    before = replace(batch, received_s=batch.received_s.copy())
    screen(ClockMode.WALL).check(batch)
    assert np.array_equal(batch.received_s, before.received_s)
