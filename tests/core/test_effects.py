"""What closing a hatch would leave of an atmosphere that leaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.effects import Leaking
from service.core.units import PA_PER_MMHG, S_PER_DAY

DAY = 1.0 / S_PER_DAY


def leaking(rate=1.4, old=0.3):
    return Leaking(
        mass_kg=110.0,
        pressure_pa=745.0 * PA_PER_MMHG,
        rate_kg_per_s=rate * DAY,
        old_kg_per_s=old * DAY,
        floor_pa=490.0 * PA_PER_MMHG,
    )


@given(st.floats(0.01, 0.5), st.floats(0.0, 5.0), st.floats(0.0, 5.0))
def test_the_two_sides_lose_together_what_the_whole_loses(share, rate, old):
    whole = leaking(rate, old)
    for holds_leak in (False, True):
        sides = whole.rate(share, holds_leak=holds_leak)
        sides += whole.rate(1.0 - share, holds_leak=not holds_leak)
        assert sides == pytest.approx(whole.rate_kg_per_s, abs=1e-15)


@given(st.floats(0.01, 0.5))
def test_a_side_without_the_leak_lasts_longer_than_the_whole_and_one_with_it_shorter(share):
    whole = leaking()
    now_s = whole.reserve_s(1.0, holds_leak=True)
    assert whole.reserve_s(1.0 - share, holds_leak=False) > now_s
    assert whole.reserve_s(share, holds_leak=True) < now_s


def test_what_loses_nothing_lasts_for_ever():
    assert leaking(old=0.0).reserve_s(0.9, holds_leak=False) is None
    assert leaking(rate=-0.1).reserve_s(1.0, holds_leak=True) is None


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_alert_says_what_its_closure_would_leave(flight, watch, seed):
    """The tunnel, a tenth of the air, leaks; shut off it empties in days and the cabin holds."""
    flown = flight(hours=40.0, leak_kg_per_day=lambda h: 0.1 if h < 24.0 else 0.8, seed=seed)
    watched = watch().feed(flown.samples())
    (raised,) = watched.alerts("leak_growth", "raised")
    assert "If it is there, the rest then loses 0.0" in raised.text
    (effect,) = watched.monitor.view().isolation.effects
    assert (effect.hatch, effect.sections) == ("door", ("tunnel",))
    assert effect.probability == pytest.approx(0.5, abs=0.2)
    assert effect.rest_rate_kg_per_s < 0.05 * DAY
    assert effect.shut_reserve_s < 20 * S_PER_DAY < effect.missed_reserve_s < effect.rest_reserve_s


def test_what_is_parted_already_has_no_effects(flight, watch):
    flown = flight(hours=6.0, shut=((2.0, 6.0),))
    watched = watch().feed(flown.samples(), flown.activities())
    assert watched.monitor.view().isolation.effects == ()
