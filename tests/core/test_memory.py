"""What is kept of accounts that rest, and of live ones some time ago."""

import numpy as np
import pytest

from service.core.estimators import RATE, LeakFilter
from service.core.growth import ChangeBank
from service.core.memory import EVERY_S, Known, Recent
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
    return Known(filter=leaks.take(0), bank=bank.rest(0), pressure_pa=1e5)


def memory_of(minutes: int) -> Recent:
    recent = Recent()
    for minute in range(minutes):
        if recent.is_due(KEY, 60.0 * minute):
            recent.keep(KEY, known(60.0 * minute))
    return recent


@pytest.mark.parametrize("age_s", [0.0, 600.0, 1800.0, 3600.0])
def test_what_is_taken_is_of_before_a_time_and_not_much_older(age_s):
    now_s = 60.0 * 1439
    taken_s = memory_of(1440).take(KEY, now_s - age_s, known(now_s)).time_s
    assert now_s - (age_s + EVERY_S) <= taken_s <= now_s - age_s


def test_what_is_kept_reaches_back_long_enough_for_a_hatch_told_twenty_minutes_late():
    for minutes in range(240, 480):
        told_s, moved_s = 60.0 * minutes, 60.0 * (minutes - 20)
        taken = memory_of(minutes).take(KEY, moved_s - 600.0, known(told_s))
        assert moved_s - 1800.0 <= taken.time_s <= moved_s - 600.0


def test_what_is_kept_does_not_grow():
    kept = len(memory_of(1000).snapshot()[KEY])
    assert all(len(memory_of(minutes).snapshot()[KEY]) <= kept + 1 for minutes in (2000, 4000))


def test_what_came_after_a_time_is_forgotten():
    recent = memory_of(180)
    recent.forget(KEY, 9700.0)
    newest = recent.before(KEY, np.inf)
    assert newest is not None
    assert newest.time_s <= 9700.0
    recent.forget(KEY, -np.inf)
    assert recent.before(KEY, np.inf) is None


def test_nothing_is_kept_of_what_was_taken():
    recent = memory_of(180)
    recent.take(KEY, 9000.0, known(10_740.0))
    assert recent.take(KEY, 9000.0, known(10_740.0)).time_s == 10_740.0


def test_a_correction_leaves_what_was_known_as_it_was():
    first = known(0.0)
    second = first.corrected(2e-5, 1e-12)
    assert first.rate == pytest.approx((1e-5, 1e-6))
    assert second.rate == pytest.approx((3e-5, np.sqrt(2.0) * 1e-6))
    assert second.filter["state"][RATE] != first.filter["state"][RATE]
