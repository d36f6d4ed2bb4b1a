from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.plan import Fault
from simulators.schema import Channel, RandomGaps
from simulators.sensors import Reception, Sensor

TIMES_S = 60.0 * np.arange(20000.0)


def sensor(faults=(), **about: Any):
    channel = Channel(section="lab", kind="pressure", unit="mmHg", **about)
    return Sensor(channel, 60.0, list(faults), np.random.default_rng(7))


def fault(kind, size=0.0, share=1.0, start_s=6000.0, stop_s=12000.0):
    return Fault(
        channel="lab.pressure", kind=kind, size=size, share=share, start_s=start_s, stop_s=stop_s
    )


def test_noise_and_offset_are_as_stated():
    read = sensor(noise=0.15, offset=0.5).read(0, TIMES_S, np.full(20000, 160.0))
    shown = read.value
    assert len(read.row) == 20000
    assert shown.mean() == pytest.approx(160.5, abs=0.005)
    assert shown.std() == pytest.approx(0.15, rel=0.02)


def test_the_offset_walks_as_far_as_stated_however_the_time_is_cut():
    """Two hundred walks of 14 days; their spread is known to a tenth."""

    def walk(seed: int, cut: int) -> np.ndarray:
        channel = Channel(section="lab", kind="pressure", unit="mmHg", walk_per_root_day=0.1)
        walking = Sensor(channel, 60.0, [], np.random.default_rng(seed))
        parts = [
            walking.read(begin, TIMES_S[begin : begin + cut], np.zeros(len(TIMES_S[begin:][:cut])))
            for begin in range(0, 20160, cut)
        ]
        return np.concatenate([part.value for part in parts])

    assert (walk(1, 20160) == walk(1, 7000)).all()
    ends = [walk(seed, 20160)[-1] for seed in range(200)]
    assert np.std(ends) == pytest.approx(0.1 * np.sqrt(20000 * 60 / 86400), rel=0.15)


def test_readings_are_whole_steps():
    read = sensor(noise=0.1, step=0.405).read(0, TIMES_S, np.linspace(700, 720, 20000))
    codes = read.value / 0.405
    np.testing.assert_allclose(codes, np.round(codes), atol=1e-4)


def test_a_slow_sensor_reads_at_its_period():
    read = sensor(period_s=14400).read(1440 + 1, TIMES_S[:480], np.zeros(480))
    assert read.row.tolist() == [239, 479]


def test_on_change_a_sensor_repeats_nothing_even_across_blocks():
    slow = sensor(on_change=True, step=1.0)
    first = slow.read(0, TIMES_S[:5], np.array([1.0, 1, 2, 2, 2]))
    following = slow.read(5, TIMES_S[5:8], np.array([2.0, 3, 3]))
    assert first.value.tolist() == [1.0, 2.0]
    assert following.row.tolist() == [1]


def test_faults_act_from_their_start_to_their_end_only():
    true = np.linspace(0, 1, 300)
    healthy = sensor().read(0, TIMES_S[:300], true).value
    during = (TIMES_S[:300] >= 6000) & (TIMES_S[:300] < 12000)
    for kind, size in (("stuck", 0.0), ("offset", 5.0), ("drift", 0.1)):
        shown = sensor(faults=[fault(kind, size)]).read(0, TIMES_S[:300], true).value
        assert len(shown) == 300
        assert np.array_equal(shown[~during], healthy[~during])
        assert (shown[during][1:] != healthy[during][1:]).all()
    silent = sensor(faults=[fault("silent")]).read(0, TIMES_S[:300], true)
    assert np.array_equal(silent.row, np.flatnonzero(~during))


def test_a_stuck_sensor_stays_stuck_across_blocks():
    stuck = sensor(faults=[fault("stuck")], noise=0.1)
    first = stuck.read(0, TIMES_S[:150], np.zeros(150))
    after = stuck.read(150, TIMES_S[150:160], np.zeros(10))
    assert (after.value == first.value[-1]).all()


def test_random_losses_of_signal_come_as_often_as_stated():
    law = RandomGaps(every_h=9, minutes=(4, 35), buffered_fraction=0.5)
    reception = Reception(0.0, [], law, np.random.default_rng(1))
    gaps = reception.begun_before(500 * 86400.0, since_s=0.0)
    assert len(gaps) == pytest.approx(500 * 24 / 9.3, rel=0.1)
    lengths = np.array([stop - start for start, stop, _ in gaps]) / 60
    assert lengths.min() >= 3.9
    assert lengths.max() <= 35.1
    assert np.mean([buffered for *_, buffered in gaps]) == pytest.approx(0.5, abs=0.06)


def test_what_is_lost_never_arrives_and_what_is_kept_arrives_at_the_end():
    arrival = Reception.arrivals(np.arange(6.0), [(1.0, 3.0, False), (4.0, 7.5, True)])
    np.testing.assert_array_equal(arrival, [0.0, np.nan, np.nan, 3.0, 7.5, 7.5])


def test_spikes_stand_out_as_often_as_stated():
    read = sensor(faults=[fault("spikes", 20.0, share=0.1, start_s=0, stop_s=np.inf)])
    shown = read.read(0, TIMES_S, np.full(20000, 750.0)).value
    assert set(shown.tolist()) == {730.0, 750.0, 770.0}
    assert np.mean(shown != 750) == pytest.approx(0.1, rel=0.1)


def test_late_readings_come_behind_younger_ones_and_copies_one_step_later():
    late = fault("late", 600.0, share=0.2, start_s=0, stop_s=np.inf)
    read = sensor(faults=[late]).read(0, TIMES_S, TIMES_S)
    assert np.mean(read.delay_s > 0) == pytest.approx(0.2, rel=0.1)
    assert read.delay_s.max() == pytest.approx(600, rel=0.02)
    assert (np.diff(TIMES_S[read.row] + read.delay_s) < 0).any()
    twice = fault("duplicate", share=0.05, start_s=0, stop_s=np.inf)
    read = sensor(faults=[twice]).read(0, TIMES_S, TIMES_S)
    copies = read.row[20000:]
    assert len(copies) == pytest.approx(1000, rel=0.15)
    assert (read.delay_s[20000:] == 60).all()
    assert np.array_equal(read.value[20000:], TIMES_S[copies])


def test_a_clock_that_jumps_dates_readings_wrong_for_a_while():
    read = sensor(faults=[fault("clock", 3600.0)]).read(0, TIMES_S[:300], np.zeros(300))
    during = (TIMES_S[:300] >= 6000) & (TIMES_S[:300] < 12000)
    assert np.array_equal(read.ahead_s, np.where(during, 3600.0, 0.0))


def test_on_change_the_longest_silence_is_two_hours():
    read = sensor(on_change=True, step=1.0).read(
        0, TIMES_S[:600], np.r_[np.zeros(50), np.ones(550)]
    )
    assert read.row.tolist() == [0, 50, 170, 290, 410, 530]


def test_a_gauge_is_read_by_hand_about_every_four_hours():
    gauge = sensor(period_s=14400, jitter_s=900, step=1.0, noise=0.5)
    read = gauge.read(0, TIMES_S, np.full(20000, 733.3))
    minutes = np.diff(read.row)
    assert len(read.row) == pytest.approx(20000 / 240, abs=1)
    assert 210 <= minutes.min() < 235
    assert 245 < minutes.max() <= 270
    assert np.array_equal(read.value, np.round(read.value))


ALL_FAULTS = [
    fault("drift", 5.0, start_s=0, stop_s=np.inf),
    fault("spikes", 20.0, share=0.1),
    fault("late", 600.0, share=0.2),
    fault("duplicate", share=0.1),
    fault("clock", 90.0),
    fault("silent", start_s=9000, stop_s=9600),
    fault("stuck", start_s=3000, stop_s=3600),
]


@given(st.lists(st.integers(1, 299), max_size=4), st.booleans(), st.sampled_from([0.0, 120.0]))
def test_how_blocks_are_cut_changes_nothing_a_sensor_says(cuts, on_change, jitter_s):
    def told(edges: list[int]) -> set[tuple[float, ...]]:
        one = sensor(
            ALL_FAULTS,
            noise=0.1,
            step=0.2,
            on_change=on_change,
            jitter_s=jitter_s,
            period_s=300 if jitter_s else 60,
            longest_silence_s=900,
        )
        found: set[tuple[float, ...]] = set()
        for first, stop in pairwise(edges):
            times_s = TIMES_S[first:stop]
            read = one.read(first, times_s, np.sin(times_s / 2000))
            ahead = np.zeros(len(read.row)) if read.ahead_s is None else read.ahead_s
            delay = np.zeros(len(read.row)) if read.delay_s is None else read.delay_s
            at_s = times_s[read.row]
            found |= set(zip(at_s, read.value, ahead, delay, strict=True))
        return found

    assert told(sorted({0, *cuts, 300})) == told([0, 300])
