from typing import Any

import numpy as np
import pytest

from simulators.schema import Channel, RandomGaps
from simulators.sensors import Reception, Sensor
from simulators.timeline import Fault

TIMES_S = 60.0 * np.arange(20000)


def sensor(every=1, faults=(), **about: Any):
    channel = Channel(section="lab", kind="pressure", unit="mmHg", **about)
    return Sensor(channel, every, list(faults), np.random.default_rng(7))


def fault(kind, size=0.0, start_s=6000.0, stop_s=12000.0):
    return Fault(channel="lab.pressure", kind=kind, size=size, start_s=start_s, stop_s=stop_s)


def test_noise_and_offset_are_as_stated():
    shown, due = sensor(noise=0.15, offset=0.5).read(0, TIMES_S, np.full(20000, 160.0))
    assert due.all()
    assert shown.mean() == pytest.approx(160.5, abs=0.005)
    assert shown.std() == pytest.approx(0.15, rel=0.02)


def test_readings_are_whole_steps():
    shown, _ = sensor(noise=0.1, step=0.405).read(0, TIMES_S, np.linspace(700, 720, 20000))
    codes = shown / 0.405
    np.testing.assert_allclose(codes, np.round(codes), atol=1e-4)


def test_a_slow_sensor_reads_at_its_period():
    _, due = sensor(every=240).read(1440 + 1, TIMES_S[:480], np.zeros(480))
    assert np.flatnonzero(due).tolist() == [239, 479]


def test_on_change_a_sensor_repeats_nothing_even_across_blocks():
    slow = sensor(on_change=True, step=1.0)
    first, due_first = slow.read(0, TIMES_S[:5], np.array([1.0, 1, 2, 2, 2]))
    _, due_next = slow.read(5, TIMES_S[5:8], np.array([2.0, 3, 3]))
    assert first[due_first].tolist() == [1.0, 2.0]
    assert due_next.tolist() == [False, True, False]


def test_faults_act_from_their_start_to_their_end_only():
    true = np.linspace(0, 1, 300)
    healthy, _ = sensor().read(0, TIMES_S[:300], true)
    during = (TIMES_S[:300] >= 6000) & (TIMES_S[:300] < 12000)
    for kind, size in (("stuck", 0.0), ("offset", 5.0), ("drift", 0.1)):
        shown, due = sensor(faults=[fault(kind, size)]).read(0, TIMES_S[:300], true)
        assert due.all()
        assert np.array_equal(shown[~during], healthy[~during])
        assert (shown[during][1:] != healthy[during][1:]).all()
    _, due = sensor(faults=[fault("silent")]).read(0, TIMES_S[:300], true)
    assert np.array_equal(due, ~during)


def test_a_stuck_sensor_stays_stuck_across_blocks():
    stuck = sensor(faults=[fault("stuck")], noise=0.1)
    first, _ = stuck.read(0, TIMES_S[:150], np.zeros(150))
    after, _ = stuck.read(150, TIMES_S[150:160], np.zeros(10))
    assert (after == first[-1]).all()


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
