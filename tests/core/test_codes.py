"""Facts about gauges whose codes are wide beside their noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.codes import Codes
from service.core.link import Link
from service.core.units import PA_PER_MMHG, S_PER_DAY

MINUTE_S = 60.0
CODE_PA = 0.5 * PA_PER_MMHG
NOISE_PA = 0.03 * PA_PER_MMHG
LEVEL_PA = 745.0 * PA_PER_MMHG
DAY = 1440
ONE = np.array([0], np.intp)
NO_OFFSET = np.zeros(1)


def coded(truth_pa, seed: int, noise_pa: float = NOISE_PA):
    seen = truth_pa + np.random.default_rng(seed).normal(0.0, noise_pa, len(truth_pa))
    return np.round(seen / CODE_PA) * CODE_PA


def falling(days: float, mmhg_per_day: float = 1.5):
    """Return a pressure, minute by minute, that falls and swings with the crew's day."""
    at_days = np.arange(int(days * DAY)) / DAY
    swing = 0.1 * np.sin(2.0 * np.pi * at_days)
    return LEVEL_PA + (swing - mmhg_per_day * at_days) * PA_PER_MMHG


def step(codes, minute: int, reading: float, last: float, *, on_change=False, count=1) -> None:
    """Let the only gauge say something in a minute, or nothing where it would repeat itself."""
    time_s = 1e9 + minute * MINUTE_S
    codes.link.listen(np.array([time_s]))
    if not on_change or reading != last:
        told = np.array([reading])
        codes.follow(ONE, np.array([time_s]), told, told, np.array([count]))
    elif codes.stands(ONE).any():
        codes.hold(ONE, time_s)


def followed(readings, *, on_change: bool = False, count: int = 1):
    """Return the codes of one gauge after its readings, one a minute, and the level each minute."""
    codes = Codes(np.array([np.nan]), Link())
    levels, last = [], np.nan
    for minute, reading in enumerate(readings.tolist()):
        step(codes, minute, reading, last, on_change=on_change, count=count)
        last = reading
        levels.append(float(codes.level[0]))
    return codes, np.array(levels)


@pytest.mark.parametrize("on_change", [False, True])
@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_the_level_is_nearer_than_the_code(on_change, seed):
    """The middle of a code is off by its width over the root of twelve, here 0.144 mmHg."""
    truth = falling(4.0)
    _, levels = followed(coded(truth, seed), on_change=on_change)
    error = (levels - truth)[2 * DAY :]
    assert np.sqrt(np.mean(np.square(error))) < 0.6 * CODE_PA / np.sqrt(12.0)
    assert np.abs(error).max() < CODE_PA / 2.0 + 3.0 * NOISE_PA


@pytest.mark.parametrize("on_change", [False, True])
def test_the_level_is_known_as_well_as_it_says(on_change):
    """Of 20 gauges, two days each: the truth is within two standard deviations most of the time."""
    held = []
    for seed in range(20):
        truth = falling(4.0)
        readings = coded(truth, seed)
        codes, _ = followed(readings[: 2 * DAY], on_change=on_change)
        last = readings[2 * DAY - 1]
        for minute in range(2 * DAY, len(truth)):
            step(codes, minute, readings[minute], last, on_change=on_change)
            last = readings[minute]
            sd = np.sqrt(codes.level_var[0])
            held.append(abs(codes.level[0] - truth[minute]) <= 2.0 * sd)
    assert 0.8 < np.mean(held) <= 1.0


def test_a_gauge_finer_than_its_noise_is_left_as_it_is():
    readings = coded(falling(1.0), 1, noise_pa=CODE_PA)
    codes, levels = followed(readings)
    assert not codes.is_coarse(ONE).any()
    assert np.array_equal(levels, readings)


def test_a_gauge_whose_noise_is_declared_is_not_coarse_while_its_codes_are_unknown():
    rng = np.random.default_rng(11)
    codes = Codes(np.array([NOISE_PA]), Link())
    for minute in range(200):
        told = np.array([LEVEL_PA + rng.normal(0.0, NOISE_PA)])
        codes.follow(ONE, np.array([1e9 + minute * MINUTE_S]), told, told, np.array([1]))
        assert not codes.is_coarse(ONE).any()
        assert codes.level[0] == told[0]


def test_means_of_several_readings_tell_nothing_of_codes():
    codes, levels = followed(coded(falling(1.0), 1), count=60)
    assert not codes.is_coarse(ONE).any()
    assert levels[-1] == codes.last[0]


def test_spikes_do_not_make_a_coarse_gauge_a_fine_one():
    rng = np.random.default_rng(3)
    readings = coded(falling(4.0), 3)
    spikes = rng.random(len(readings)) < 0.003
    readings[spikes] += CODE_PA * rng.integers(3, 30, int(spikes.sum()))
    codes, levels = followed(readings)
    assert codes.is_coarse(ONE).all()
    assert np.abs(levels - falling(4.0))[2 * DAY :].max() < 1.5 * CODE_PA


def test_a_spike_of_a_gauge_that_has_told_of_few_changes_leaves_it_coarse_and_tells_of_nothing():
    told_mmhg = np.repeat(np.arange(10) % 2 * 0.5, 30)
    codes, levels = followed(LEVEL_PA + told_mmhg * PA_PER_MMHG)
    assert codes.is_coarse(ONE).all()
    spike_pa, back_pa = LEVEL_PA + 16.0 * PA_PER_MMHG, LEVEL_PA + 0.5 * PA_PER_MMHG
    step(codes, len(told_mmhg), spike_pa, back_pa)
    assert not codes.tells(ONE, np.ones(1, np.bool_)).any()
    step(codes, len(told_mmhg) + 1, back_pa, spike_pa)
    assert codes.is_coarse(ONE).all()
    assert codes.tells(ONE, np.ones(1, np.bool_)).all()
    assert abs(codes.level[0] - levels[-1]) < 0.1 * CODE_PA


def test_a_gauge_that_falls_by_several_codes_a_reading_tells_of_each_but_the_first():
    told_mmhg = np.repeat(np.arange(10) % 2 * 0.5, 30)
    codes, _ = followed(LEVEL_PA + told_mmhg * PA_PER_MMHG)
    last = LEVEL_PA + 0.5 * PA_PER_MMHG
    told = []
    for minute in range(len(told_mmhg), len(told_mmhg) + 20):
        reading = last - 3.0 * CODE_PA
        step(codes, minute, reading, last)
        told.append(bool(codes.tells(ONE, np.ones(1, np.bool_)).all()))
        last = reading
    assert told == [False] + [True] * 19


def test_one_reading_between_two_codes_does_not_make_the_codes_finer():
    """A glitch, or the day the gauge is calibrated anew."""
    readings = coded(falling(4.0), 8)
    codes, _ = followed(readings[: 2 * DAY])
    before = float(codes.code[0])
    readings[2 * DAY] += 0.2 * CODE_PA
    readings[3 * DAY :] += 0.3 * CODE_PA
    for minute in range(2 * DAY, len(readings)):
        step(codes, minute, readings[minute], readings[minute - 1])
    assert codes.code[0] == pytest.approx(before, rel=1e-6)
    assert codes.is_coarse(ONE).all()


def test_a_gauge_read_every_fifty_seconds_is_known_for_what_it_is():
    """Some minutes hold two of its readings, so that their mean is on no code."""
    at_s = np.arange(0.0, 3.0 * S_PER_DAY, 50.0)
    truth = LEVEL_PA - 1.5 * PA_PER_MMHG * at_s / S_PER_DAY
    readings = coded(truth, 9)
    codes = Codes(np.array([np.nan]), Link())
    minutes = np.floor(at_s / MINUTE_S).astype(int)
    for minute in range(int(minutes[-1])):
        inside = readings[np.searchsorted(minutes, minute) : np.searchsorted(minutes, minute + 1)]
        if len(inside):
            mean, count = np.array([inside.mean()]), np.array([len(inside)])
            codes.follow(ONE, np.array([minute * MINUTE_S]), mean, inside[-1:], count)
    assert codes.is_coarse(ONE).all()
    assert codes.code[0] == pytest.approx(CODE_PA, rel=1e-6)


def test_who_flickered_within_a_minute_stands_at_what_it_said_last():
    codes, _ = followed(coded(falling(2.0), 10), on_change=True)
    upper = float(codes.last[0])
    at_s = codes.link.heard_s + MINUTE_S
    codes.link.listen(np.array([at_s]))
    mean, last = np.array([upper - CODE_PA / 2.0]), np.array([upper - CODE_PA])
    codes.follow(ONE, np.array([at_s]), mean, last, np.array([2]))
    for later in range(1, 60):
        codes.link.listen(np.array([at_s + later * MINUTE_S]))
        codes.hold(ONE, at_s + later * MINUTE_S)
    low, high = codes.edges(ONE, NO_OFFSET, np.zeros(1, np.bool_)) or (0.0, 0.0)
    assert (low, high) == pytest.approx((upper - 1.5 * CODE_PA, upper - 0.5 * CODE_PA))
    assert low - 3.0 * NOISE_PA <= codes.level[0] <= high + 3.0 * NOISE_PA


def test_a_step_is_followed_with_the_second_reading():
    """Gas comes in at once: 3 mmHg in a minute."""
    truth = falling(2.0)
    truth[-30:] += 3.0 * PA_PER_MMHG
    _, levels = followed(coded(truth, 4))
    assert np.abs(levels - truth)[-29:].max() < CODE_PA


def test_between_the_edges_lies_the_truth_and_three_gauges_leave_less_room():
    """Their codes lie a third apart, and what they read too much is known."""
    truth = falling(4.0)
    offsets = np.array([0.0, CODE_PA / 3.0, CODE_PA / 1.5])
    codes = Codes(np.full(3, NOISE_PA), Link())
    three = np.arange(3)
    seen = [coded(truth + offset, seed) for seed, offset in enumerate(offsets.tolist())]
    widths, misses = [], []
    for minute in range(len(truth)):
        time_s = 1e9 + minute * MINUTE_S
        now = np.array([gauge[minute] for gauge in seen])
        codes.link.listen(np.array([time_s]))
        codes.follow(three, np.full(3, time_s), now, now, np.ones(3, np.int64))
        edges = codes.edges(three, offsets, np.ones(3, np.bool_))
        if minute >= DAY and edges is not None:
            low, high = edges
            widths.append(high - low)
            misses.append(max(low - truth[minute], truth[minute] - high, 0.0))
    assert np.mean(widths) < 0.5 * CODE_PA
    assert np.max(misses) < 5.0 * NOISE_PA


def test_who_tells_changes_only_stands_while_others_are_heard():
    codes, _ = followed(coded(falling(2.0), 5), on_change=True)
    assert codes.stands(ONE).all()
    assert codes.edges(ONE, NO_OFFSET, np.zeros(1, np.bool_)) is not None
    later_s = codes.link.heard_s + 7200.0
    codes.link.listen(np.array([later_s]))
    assert not codes.stands(ONE).any()
    assert codes.edges(ONE, NO_OFFSET, np.zeros(1, np.bool_)) is None


def test_the_longer_nothing_is_heard_the_less_is_known():
    codes, _ = followed(coded(falling(2.0), 6))
    now_s = float(codes.time_s[0])
    first, later = (codes.variances(ONE, now_s + span_s)[0] for span_s in (0.0, S_PER_DAY))
    assert later - first == pytest.approx(0.2 * PA_PER_MMHG**2)


def test_a_snapshot_goes_on_the_same():
    readings = coded(falling(3.0), 7)
    codes, _ = followed(readings[: 2 * DAY])
    other = Codes(np.array([np.nan]), Link())
    other.restore(codes.snapshot())
    for minute, reading in enumerate(readings[2 * DAY :].tolist()):
        at_s = np.array([1e9 + (2 * DAY + minute) * MINUTE_S])
        for one in (codes, other):
            one.follow(ONE, at_s, np.array([reading]), np.array([reading]), np.array([1]))
    assert codes.level[0] == other.level[0]
    assert codes.is_coarse(ONE).all()
