"""What an account keeps, to learn noise from."""

from itertools import pairwise

import numpy as np
import pytest

from service.core.account import STIRRED_S, Account
from service.core.life_support import LifeSupport
from service.core.noise import BREAK
from service.core.views import Balance

SPACING_S = 60.0


def account(*times_s: float) -> Account:
    """Return an account with a balance of 100 kg at each time, a fifth of it oxygen."""
    kept = Account(
        key=((0,), Balance.TOTAL),
        volume_m3=80.0,
        per_mmhg_kg=0.13,
        belief=(0.0, 1.0),
        life_support=LifeSupport(),
        opened_s=times_s[0] - SPACING_S,
    )
    before_s = kept.opened_s
    for time_s in times_s:
        kept.record(time_s, before_s, 100.0, 20.0)
        before_s = time_s
    return kept


@pytest.mark.parametrize("lost", [5, 39, 240])
def test_what_was_lost_for_minutes_or_hours_has_its_place_in_each_record(lost):
    last_s = 100.0 * SPACING_S
    kept = account(
        *np.arange(SPACING_S, last_s + 1.0, SPACING_S), last_s + (lost + 1.0) * SPACING_S
    )
    for record in (kept.history, kept.nitrogen, kept.oxygen):
        assert len(record) == 101 + lost
        assert np.isnan(record[100:-1]).all()
        assert np.isfinite([*record[:100], record[-1]]).all()


def test_after_half_a_day_without_a_balance_nothing_is_compared_with_what_was_before():
    kept = account(SPACING_S, 2.0 * SPACING_S, 43200.0)
    for record in (kept.history, kept.nitrogen, kept.oxygen):
        assert record[2] == BREAK
        assert len(record) == 4


def test_a_balance_that_comes_a_little_late_leaves_no_gap():
    assert len(account(60.0, 120.0, 300.0, 360.0).history) == 4


def test_an_oxygen_sensor_comes_to_lag_by_what_is_made_within_the_time_it_follows_in():
    kept = account(SPACING_S)
    assert kept.astray_var(60.0, 120.0) == 0.0
    kept.stir(1e-4, 1000.0)
    times_s = np.linspace(1000.0, 1000.0 + 10.0 * STIRRED_S, 500)
    grown = [kept.astray_var(a, b) for a, b in pairwise(times_s)]
    assert min(grown) > 0.0
    assert sum(grown) == pytest.approx((1e-4 * STIRRED_S) ** 2, rel=1e-3)
    assert kept.astray_var(900.0, 1000.0) == 0.0


def test_spans_were_compared_as_often_as_the_blocks_that_are_as_long():
    kept = account(SPACING_S)
    spans_s = SPACING_S * np.array([0.5, 1.0, 2.0, 4.0, 8.0, 1000.0])
    assert not kept.compared_over(spans_s).any()
    kept.compared = (60.0, 30.0, 4.0)
    assert kept.compared_over(spans_s) == pytest.approx([60.0, 60.0, 30.0, 4.0, 0.0, 0.0])
    assert 4.0 < kept.compared_over(np.array([3.0 * SPACING_S]))[0] < 30.0
