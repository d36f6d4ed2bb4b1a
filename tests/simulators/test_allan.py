from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators import allan, gallery
from simulators.scenario import load
from simulators.station import Simulation

WEEK, HOUR, DAY = (
    "astropi_columbus_2016-02-29_7d",
    "isslive_2026-04-06_1h_as_received",
    "astropi_2022-01-31_19h",
)
DAY_MIN = 1170  # length of that record, 19.5 h


@pytest.fixture(scope="module")
def healthy():
    """Give the minutes of a barometer in Columbus in a healthy month."""
    simulation = Simulation(load(gallery.HEALTHY), seed=3)
    return allan.simulated_minutes(simulation, gallery.HEALTHY_CHANNEL)


def assert_within_a_factor_of_two(recording: str, simulated: list[allan.Figure]) -> None:
    found = {(f.kind, f.span_min, f.percentile): f.value for f in simulated}
    for real in allan.real_recordings()[recording]:
        ratio = found[real.kind, real.span_min, real.percentile] / real.value
        assert 0.5 < ratio < 2, (real, ratio)


@pytest.mark.parametrize("recording", [WEEK, HOUR])
def test_a_healthy_month_wanders_like_a_real_recording(healthy, recording):
    assert_within_a_factor_of_two(recording, allan.figures_of(healthy))


def test_a_healthy_day_wanders_like_the_quiet_day_of_2022(healthy):
    """That record lost its linear trend, so the simulated days lose theirs."""
    assert_within_a_factor_of_two(DAY, allan.median_figures(healthy, DAY_MIN))


def test_the_week_is_compared_at_every_averaging_time_and_percentile():
    week = allan.real_recordings()[WEEK]
    assert [f.span_min for f in week if f.kind == "allan_deviation"] == list(allan.TAUS_MIN)
    slopes = [(f.span_min, f.percentile) for f in week if f.kind == "false_slope"]
    assert slopes == [(w, p) for w in allan.WINDOWS_MIN for p in allan.PERCENTILES]


@pytest.mark.parametrize("span", [1, 7, 60])
def test_white_noise_averages_out_with_the_root_of_the_time(span):
    noise = np.random.default_rng(1).standard_normal(40000)
    assert allan.allan_deviation(noise, span) == pytest.approx(span**-0.5, rel=0.1)


@pytest.mark.parametrize("span", [10, 60, 240])
def test_a_random_walk_grows_with_the_root_of_a_third_of_the_time(span):
    walk = np.cumsum(np.random.default_rng(2).standard_normal(400000))
    assert allan.allan_deviation(walk, span) == pytest.approx((span / 3) ** 0.5, rel=0.15)


@given(
    slope=st.floats(-50, 50),
    start=st.floats(600, 800),
    window=st.integers(2, 200),
)
def test_a_straight_line_has_its_own_slope_in_every_window(slope, start, window):
    minutes = start + slope / allan.MIN_PER_DAY * np.arange(300)
    np.testing.assert_allclose(allan.slopes_per_day(minutes, window), slope, atol=1e-6)


def test_a_recording_that_sends_only_changes_is_held_in_between(tmp_path: Path):
    path = tmp_path / "feed.csv"
    path.write_text(
        "time_utc,pui,value\n"
        "2026-04-06T21:00:00Z,USLAB000058,750\n"
        "2026-04-06T21:00:00Z,USLAB000058,750\n"
        "2026-04-06T21:00:30Z,USLAB000059,22\n"
        "2026-04-06T21:03:00Z,USLAB000058,751\n"
        "2026-04-06T21:05:00Z,USLAB000058,750\n"
    )
    np.testing.assert_allclose(allan.recorded_minutes(path), [750, 750, 750, 751, 751])


def test_the_figures_of_a_recording_are_printed_as_rows_of_the_table(tmp_path, capsys):
    path = tmp_path / "flight.csv"
    rows = [
        f"2016-02-29T{h:02}:{m:02}:{s:02}Z,ASTROPI_ED.PRESSURE_HPA,{1005 + m / 100}"
        for h in range(1)
        for m in range(40)
        for s in (0, 30)
    ]
    path.write_text("time_utc,pui,value\n" + "\n".join(rows) + "\n")
    allan.main([str(path)])
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "recording,kind,span_min,percentile,value"
    assert [line.split(",")[:3] for line in printed[1:]] == [
        ["flight", "allan_deviation", "1"],
        ["flight", "allan_deviation", "10"],
    ]
