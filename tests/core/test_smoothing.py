"""Facts about levels that are followed through noise and codes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.core.smoothing import Smoothing

MINUTE_S = 60.0
DAY = 1440
LEARNT = 200
Values = NDArray[np.float64]


def followed(readings: Values, smoothing: Smoothing | None = None) -> Values:
    """Return the level after each reading of one channel, one a minute."""
    smoothing = Smoothing(1) if smoothing is None else smoothing
    return np.array([follow(smoothing, minute, value) for minute, value in enumerate(readings)])


def follow(smoothing: Smoothing, minute: int, value: float) -> float:
    """Return the level of the only channel after its reading of a minute."""
    smoothing.follow(np.array([0]), np.array([minute * MINUTE_S]), np.array([value]))
    return float(smoothing.level[0])


def coded(truth: Values, code: float, noise: float, seed: int) -> Values:
    """Return what a sensor with so much white noise says in steps of a code."""
    seen = truth + np.random.default_rng(seed).normal(0.0, noise, len(truth))
    return np.round(seen / code) * code


@given(st.integers(0, 2**32 - 1))
def test_white_noise_about_a_still_level_is_mostly_gone(seed: int) -> None:
    """However the walk is misjudged from one day, at most half of the noise is left."""
    readings = np.random.default_rng(seed).normal(295.0, 0.03, DAY)
    levels = followed(readings)[LEARNT:]
    assert np.std(levels - 295.0) < 0.015


def test_a_slow_swing_in_wide_codes_has_smaller_jumps() -> None:
    """A reading without noise jumps by 0.1 K; the level by half of it, and goes on over minutes."""
    minutes = np.arange(3 * DAY)
    truth = 295.0 + 0.3 * np.sin(2 * np.pi * minutes / DAY)
    readings = coded(truth, 0.1, 0.0, 0)
    levels = followed(readings)[DAY:]
    assert np.abs(np.diff(readings)).max() > 0.09
    assert np.abs(np.diff(levels)).max() < 0.06
    assert np.abs(levels - truth[DAY:]).max() < 0.1


def test_a_ramp_is_followed_within_a_code_and_the_noise() -> None:
    """Somebody sets another temperature: 1 K in two hours, seen in codes of 0.1 K."""
    truth = 295.0 + np.concatenate([np.zeros(DAY), np.linspace(0.0, 1.0, 120), np.ones(600)])
    levels = followed(coded(truth, 0.1, 0.02, 1))
    assert np.abs(levels - truth)[LEARNT:].max() < 0.1 + 3 * 0.05
    assert np.abs(levels - truth)[-300:].max() < 0.06


def test_a_lone_outlier_is_left_out_and_a_second_is_believed() -> None:
    readings = np.random.default_rng(2).normal(295.0, 0.03, DAY)
    spike, step = readings.copy(), readings.copy()
    spike[1000] += 20.0
    step[1000:] += 20.0
    before = followed(readings)
    assert abs(followed(spike)[1000] - before[999]) < 1e-9
    assert np.abs(followed(spike)[1001:] - before[1001:]).max() < 0.02
    assert abs(followed(step)[1001] - 315.0) < 0.3


def test_what_moves_by_itself_is_not_smoothed() -> None:
    """The changes of a walk grow with time, so they are no noise."""
    readings = 295.0 + np.cumsum(np.random.default_rng(3).normal(0.0, 0.03, DAY))
    levels = followed(readings)[LEARNT:]
    assert np.std(levels - readings[LEARNT:]) < 0.03


def test_it_goes_on_from_a_snapshot() -> None:
    readings = coded(np.linspace(295.0, 296.0, DAY), 0.1, 0.02, 4)
    whole, first, second = Smoothing(1), Smoothing(1), Smoothing(1)
    at_once = followed(readings, whole)
    followed(readings[:700], first)
    second.restore(first.snapshot())
    for minute in range(700, DAY):
        assert follow(second, minute, readings[minute]) == at_once[minute]
