"""Facts that the core does not keep yet; they belong into tests/core once it does."""

import numpy as np
import pytest

from service.core.monitor import Monitor
from service.core.samples import Activity
from service.core.views import Outcome


def test_a_clock_that_steps_back_repeats_no_tick(flight, station, policy):
    samples = flight(hours=3.0).samples()
    whole = Monitor(station, policy)
    whole.observe(samples)
    end_s = float(samples.received_s[-1]) + 60.0
    expected = whole.advance(end_s)
    middle_s = float(samples.received_s[len(samples) // 2])
    monitor = Monitor(station, policy)
    monitor.observe(samples[samples.received_s < middle_s])
    before = monitor.advance(middle_s)
    assert monitor.advance(middle_s - 3600.0) == Outcome()
    monitor.observe(samples[samples.received_s >= middle_s])
    after = monitor.advance(end_s)
    assert before.events + after.events == expected.events
    assert before.estimates + after.estimates == expected.estimates


def test_a_snapshot_does_not_change_while_the_monitor_goes_on(flight, station, policy):
    """The accounts that rest behind a shut hatch are corrected in place by a growth found later."""
    flown = flight(
        hours=40.0, leak_kg_per_day=lambda h: 0.1 if h < 24.0 else 0.7, shut=((2.0, 8.0),)
    )
    samples = flown.samples()
    middle_s = flown.start_s + 23 * 3600.0
    monitor = Monitor(station, policy)
    monitor.observe(samples[samples.received_s < middle_s])
    monitor.declare(flown.activities())
    monitor.advance(middle_s)
    state = monitor.snapshot()["leaks"]
    before = {k: v[1].filter["covariance"].copy() for k, v in state["resting"].items()}
    monitor.observe(samples[samples.received_s >= middle_s])
    outcome = monitor.advance(flown.start_s + 40 * 3600.0)
    assert any(getattr(e, "rule", "") == "leak_growth" for e in outcome.events)
    for key, covariance in before.items():
        assert np.array_equal(state["resting"][key][1].filter["covariance"], covariance)


def test_a_gauge_that_reads_a_little_below_zero_breaks_nothing(fly_leak, make_series):
    """A section open to space reads some Pa below zero; (p / p0) ** 1.8 of that is complex."""
    watched, end_s = fly_leak
    shut = Activity(time_s=end_s, received_s=end_s, name="hatch", hatch="door", state="closed")
    times = end_s + 60.0 * np.arange(1, 90)
    vented = {0: 99_000.0, 1: 99_000.0, 2: -50.0, 3: 295.0, 4: 295.0, 5: 21_700.0}
    watched.feed(make_series(times, vented), [shut])


@pytest.mark.slow
def test_a_station_open_to_space_whose_leak_had_grown_breaks_nothing(flight, watch, make_series):
    flown = flight(hours=36.0, leak_kg_per_day=lambda h: 0.1 if h < 24.0 else 0.7)
    watched = watch().feed(flown.samples())
    end_s = float(watched.monitor.now_s)
    vented = {0: -50.0, 1: -50.0, 2: -50.0, 3: 295.0, 4: 295.0, 5: 0.0}
    watched.feed(make_series(end_s + 60.0 * np.arange(1, 90), vented))


@pytest.fixture(scope="session")
def fly_leak(flight, watch):
    flown = flight(hours=36.0, leak_kg_per_day=lambda h: 0.1 if h < 24.0 else 0.7)
    watched = watch().feed(flown.samples())
    assert watched.monitor._leaks.growths
    return watched, float(watched.monitor.now_s)


@pytest.mark.parametrize("name", ["crew", "oxygen_generation", "docking"])
def test_a_message_with_an_absurd_amount_breaks_nothing(flight, watch, name):
    flown = flight(hours=2.0)
    at_s = flown.start_s + 3600.0
    absurd = [
        Activity(time_s=at_s, received_s=at_s + i, name=name, state="open", value=value)
        for i, value in enumerate((1.0, 1e200))
    ]
    watched = watch().feed(flown.samples(), absurd)
    leak = watched.last("cabin").leak
    assert np.isfinite([leak.rate_kg_per_s, leak.low_kg_per_s, leak.high_kg_per_s]).all()
