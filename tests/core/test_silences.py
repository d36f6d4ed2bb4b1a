"""How long a channel may say nothing before that is news."""

import numpy as np
import pytest

from service.core.silences import Silences

START_S = 1.7e9
HOUR_S = 3600.0


def speaks(silences: Silences, from_s: float, *spans_h: float) -> float:
    """Let the only channel speak at a time and after each span; return when it spoke last."""
    silences.hear(0, from_s)
    for span_h in spans_h:
        from_s += span_h * HOUR_S
        silences.hear(0, from_s)
    return from_s


def unusual_h(silences: Silences, at_s: float) -> float:
    return float(silences.unusual_s(at_s, START_S)[0]) / HOUR_S


@pytest.fixture
def silences() -> Silences:
    return Silences(1)


def test_what_was_never_heard_is_silent_since_the_start(silences):
    assert unusual_h(silences, START_S + 5 * HOUR_S) == pytest.approx(5.0)


def test_a_channel_that_always_speaks_is_unusually_silent_at_once(silences):
    last_s = speaks(silences, START_S, *[1.0 / 60.0] * 600)
    assert unusual_h(silences, last_s + 3 * HOUR_S) == pytest.approx(3.0)


def test_a_channel_that_came_back_three_times_may_be_silent_for_twice_as_long(silences):
    """As one that tells changes only, when little changes."""
    last_s = speaks(silences, START_S, 3.0, 0.1, 8.0, 3.5, 0.2, 3.2)
    assert unusual_h(silences, last_s + 6.3 * HOUR_S) == 0.0
    assert unusual_h(silences, last_s + 6.5 * HOUR_S) == pytest.approx(6.5)


@pytest.mark.parametrize("times", [1, 2])
def test_what_happened_once_or_twice_is_no_habit(silences, times):
    last_s = speaks(silences, START_S, *[3.0, 0.05] * times)
    assert unusual_h(silences, last_s + 2.0 * HOUR_S) == pytest.approx(2.0)


def test_a_habit_is_forgotten_after_three_days_of_steady_readings(silences):
    last_s = speaks(silences, START_S, *[3.0] * 8)
    assert unusual_h(silences, last_s + 5.0 * HOUR_S) == 0.0
    last_s = speaks(silences, last_s, *[0.1] * 730)
    assert unusual_h(silences, last_s + 2.0 * HOUR_S) == pytest.approx(2.0)


def test_a_reading_that_comes_late_says_nothing(silences):
    last_s = speaks(silences, START_S, *[0.1] * 20)
    silences.hear(0, last_s - HOUR_S)
    assert silences.heard_s[0] == last_s


@pytest.mark.parametrize("then_h", [[20.0], [0.1] * 730])
def test_a_copy_goes_on_alike(silences, then_h):
    last_s = speaks(silences, START_S, 3.0, 8.0, 3.5, 3.2)
    copy = Silences(1)
    copy.restore(silences.snapshot())
    speaks(silences, last_s, *then_h)
    at_s = speaks(copy, last_s, *then_h) + 5.0 * HOUR_S
    assert np.array_equal(copy.unusual_s(at_s, START_S), silences.unusual_s(at_s, START_S))
