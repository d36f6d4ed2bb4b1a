"""Rapid falls: the fits against numpy, and what is not taken for one."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.falls import (
    ALIVE_S,
    CONFIDENCE,
    FLOOR_PA,
    LEAST_POINTS,
    RAPID_PA_PER_S,
    WINDOWS_S,
    FallWatch,
)
from service.core.units import PA_PER_MMHG

GAUGES = np.arange(3, dtype=np.intp)


def fed(station, times_s, values, channel=0) -> FallWatch:
    watch = FallWatch(station)
    for time_s, value in zip(times_s, values, strict=True):
        watch.take(np.array([channel], np.intp), np.array([time_s]), np.array([value]))
    return watch


def plainly(times_s, values) -> float:
    """Return the surest fall over all windows, by polyfit, with no less noise than is usual."""
    codes = np.abs(np.diff(values))
    sigma = max(FLOOR_PA, codes[codes > 0.0].min() / 2.0)
    if (fall := steepest(times_s, values, sigma)) < RAPID_PA_PER_S:
        return fall
    bend = np.abs(values[2:] - 2.0 * values[1:-1] + values[:-2])
    return steepest(times_s, values, max(sigma, np.median(bend) / np.sqrt(6.0) / 0.6745))


def steepest(times_s, values, sigma) -> float:
    best = -np.inf
    for window_s in WINDOWS_S:
        inside = times_s >= times_s[-1] - window_s
        x, y = times_s[inside] - times_s[-1], values[inside] - values[-1]
        if len(x) < LEAST_POINTS:
            continue
        slope, level = np.polyfit(x, y, 1)
        scatter = np.sqrt(np.square(y - slope * x - level).sum() / (len(x) - 2))
        error = max(sigma, scatter) / np.sqrt(np.square(x - x.mean()).sum())
        best = max(best, -slope - CONFIDENCE * error)
    return best


@settings(max_examples=60)
@given(
    spans=st.lists(st.floats(1.0, 30.0), min_size=4, max_size=50),
    fall=st.floats(20.0, 90.0),
    seed=st.integers(0, 99),
)
def test_the_fall_is_the_surest_slope_of_all_windows(station, spans, fall, seed):
    times = np.cumsum(spans)
    values = 99_000.0 - fall * times + np.random.default_rng(seed).normal(0.0, 3.0, len(times))
    watch = FallWatch(station)
    for time_s, value in zip(times, values, strict=True):
        watch.take(GAUGES[:2], np.full(2, time_s), np.full(2, value))
    bounds, slopes = watch.falls(GAUGES, times[-1])
    if values[times >= times[-1] - WINDOWS_S[-1]].max() - values[-1] < 60.0:
        return
    assert bounds[0] == pytest.approx(plainly(times, values), rel=1e-6, abs=1e-6)
    assert slopes[0] > bounds[0]


@given(st.integers(0, 99), st.floats(0.5, 8.0))
def test_noise_alone_is_no_fall(station, seed, sigma):
    values = 99_000.0 + np.random.default_rng(seed).normal(0.0, sigma, 80)
    assert fed(station, 5.0 * np.arange(80), values).falls(GAUGES, 400.0)[0].max() <= 0.05


@pytest.mark.parametrize("noise_mmhg", [0.02, 0.1, 0.3])
def test_two_gauges_at_1_hz_in_a_cabin_that_breathes_never_both_fall_rapidly(station, noise_mmhg):
    """Two hours of heaters that move the pressure by 0.6 mmHg in five minutes."""
    times = np.arange(7200.0)
    air = 745.0 + 0.3 * np.sin(2.0 * np.pi * times / 600.0)
    noise = np.random.default_rng(5).normal(0.0, noise_mmhg, (2, len(times)))
    watch, rapid = FallWatch(station), 0.5 * PA_PER_MMHG / 60.0
    for time_s, values in zip(times, PA_PER_MMHG * (air + noise).T, strict=True):
        watch.take(GAUGES[:2], np.full(2, time_s), values)
        if watch.may_fall():
            assert watch.falls(GAUGES, time_s)[0][1] < rapid


@given(
    st.lists(st.floats(1.0, 30.0), min_size=4, max_size=20),
    st.floats(1.0, 30.0),
    st.floats(200.0, 4000.0),
)
def test_one_reading_below_the_rest_is_no_fall_of_a_gauge_that_is_alone(
    station, spans, next_s, low_pa
):
    times = np.cumsum([*spans, next_s])
    values = np.full(len(times), 99_000.0)
    values[-1] -= low_pa
    assert fed(station, times, values).falls(GAUGES, times[-1])[0].max() <= 0.0


def test_a_gauge_that_is_alone_tells_of_a_fall_one_reading_later_than_two(station):
    one, two = FallWatch(station), FallWatch(station)
    first: dict[int, float] = {}
    for second in range(90):
        value = 99_000.0 - 133.0 * max(second - 50, 0)
        one.take(GAUGES[:1], np.full(1, float(second)), np.full(1, value))
        two.take(GAUGES[:2], np.full(2, float(second)), np.full(2, value))
        for count, watch in ((1, one), (2, two)):
            if watch.falls(GAUGES, float(second))[0][-1] > 0.0:
                first.setdefault(count, second)
    assert 50 < first[2] < 60
    assert first[1] == first[2] + 1


def test_one_code_of_a_coarse_gauge_is_no_fall(station):
    values = np.where(np.arange(60) < 40, 99_000.0, 98_946.0)
    assert fed(station, 5.0 * np.arange(60), values).falls(GAUGES, 300.0)[0].max() <= 0.0


def test_falls_come_steepest_first_and_only_from_gauges_that_live(station):
    watch = FallWatch(station)
    for step in range(30):
        time_s = 5.0 * step
        values = 99_000.0 - np.array([3.0, 9.0]) * time_s
        watch.take(GAUGES[:2], np.full(2, time_s), values)
    falls, slopes = watch.falls(GAUGES, 145.0)
    assert len(falls) == len(slopes) == 2
    assert falls[0] == pytest.approx(9.0, rel=0.1)
    assert falls[1] == pytest.approx(3.0, rel=0.1)
    assert len(watch.falls(GAUGES, 145.0 + ALIVE_S)[0]) == 0


def test_a_reading_older_than_the_newest_is_left_out(station):
    times, values = 5.0 * np.arange(20), 99_000.0 - 40.0 * np.arange(20)
    watch = fed(station, times, values)
    before, _ = watch.falls(GAUGES, 95.0)
    watch.take(np.array([0], np.intp), np.array([50.0]), np.array([0.0]))
    watch.take(np.empty(0, np.intp), np.empty(0), np.empty(0))
    assert np.array_equal(watch.falls(GAUGES, 95.0)[0], before)


@given(
    readings=st.lists(
        st.tuples(
            st.integers(0, 1),  # gauge
            st.floats(-20.0, 90.0),  # s after the one before; some come late
            st.one_of(st.integers(-1, 1).map(lambda code: 13.3 * code), st.floats(-45.0, 45.0)),
        ),
        min_size=1,
        max_size=400,
    ),
    cuts=st.lists(st.integers(0, 400), max_size=4),
)
def test_readings_that_show_no_fall_may_be_entered_together(station, readings, cuts):
    gauge, spans_s, value = (np.array(part) for part in zip(*readings, strict=True))
    time_s, value = np.cumsum(spans_s), 99_000.0 + value
    each, together = FallWatch(station), FallWatch(station)
    edges = sorted({0, *(cut for cut in cuts if cut < len(gauge)), len(gauge)})
    for first, last in pairwise(edges):
        part = slice(first, last)
        block = gauge[part].astype(np.intp), time_s[part], value[part]
        may_fall = together.may_show_fall(*block)
        for place, one in enumerate(zip(*block, strict=True)):
            each.take(*(np.array([field]) for field in one))
            if not may_fall[: place + 1].any():
                assert not each.may_fall()
        if may_fall.any():
            together.restore(each.snapshot())
            continue
        together.follow(*block)
        left, right = each.snapshot(), together.snapshot()
        for name, kept in left.items():
            np.testing.assert_array_equal(right[name], kept, name)


def test_a_snapshot_goes_on_by_itself(station):
    times, values = 5.0 * np.arange(20), 99_000.0 - 40.0 * np.arange(20)
    first = fed(station, times, values)
    second = FallWatch(station)
    second.restore(first.snapshot())
    first.take(np.array([0], np.intp), np.array([100.0]), np.array([99_000.0]))
    assert second.falls(GAUGES, 95.0)[0][0] == pytest.approx(8.0, rel=0.1)
