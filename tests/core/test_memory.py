"""What is kept of accounts that rest, and of live ones some time ago."""

import numpy as np
import pytest

from service.core.estimators import RATE, LeakFilter
from service.core.growth import ChangeBank
from service.core.memory import EVERY_S, KEPT, Known, Recent
from service.core.noise import AirNoise, NoiseModel
from service.core.views import Balance

KEY = ((0,), Balance.TOTAL)
NOISE = AirNoise(
    air=NoiseModel(white_var=1e-4, walk_var_per_s=1e-9),
    oxygen_walk_var_per_s=0.0,
    sensor=NoiseModel(white_var=1e-4, walk_var_per_s=0.0),
)


def known(time_s: float) -> Known:
    leaks, bank = LeakFilter(), ChangeBank(1)
    leaks.start(time_s, 100.0, 1e-5, 1e-6, NOISE)
    return Known(filter=leaks.take(0), bank=bank.rest(0))


def hours_of_memory() -> Recent:
    recent = Recent()
    for minute in range(180):
        if recent.is_due(KEY, 60.0 * minute):
            recent.keep(KEY, known(60.0 * minute))
    return recent


@pytest.mark.parametrize("before_s", [10_700.0, 9000.0, 8000.0, 0.0])
def test_what_is_taken_is_of_before_a_time_or_the_oldest_there_is(before_s):
    taken = hours_of_memory().take(KEY, before_s, known(10_740.0)).time_s
    oldest_s = 10_740.0 - KEPT * EVERY_S
    assert taken <= max(before_s, oldest_s + EVERY_S)
    assert taken >= min(before_s, 10_740.0) - EVERY_S


def test_what_is_kept_reaches_back_long_enough_for_a_hatch_told_twenty_minutes_late():
    for minute in range(60, 180):
        recent = Recent()
        for past in range(minute + 1):
            if recent.is_due(KEY, 60.0 * past):
                recent.keep(KEY, known(60.0 * past))
        told_s = 60.0 * minute
        moved_s = told_s - 1200.0
        assert recent.take(KEY, moved_s - 600.0, known(told_s)).time_s <= moved_s - 600.0


def test_what_came_after_a_time_is_forgotten():
    recent = hours_of_memory()
    recent.forget(KEY, 9700.0)
    assert recent.take(KEY, np.inf, known(9700.0)).time_s == 9700.0
    recent = hours_of_memory()
    recent.forget(KEY, 9700.0)
    assert recent.take(KEY, 9700.0, known(10_740.0)).time_s <= 9700.0


def test_nothing_is_kept_of_what_was_taken():
    recent = hours_of_memory()
    recent.take(KEY, 9000.0, known(10_740.0))
    assert recent.take(KEY, 9000.0, known(10_740.0)).time_s == 10_740.0


def test_a_correction_leaves_what_was_known_as_it_was():
    first = known(0.0)
    second = first.corrected(2e-5, 1e-12)
    assert first.rate == pytest.approx((1e-5, 1e-6))
    assert second.rate == pytest.approx((3e-5, np.sqrt(2.0) * 1e-6))
    assert second.filter["state"][RATE] != first.filter["state"][RATE]
