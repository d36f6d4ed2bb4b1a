"""What an account says of a closure alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.accounts import Ledger
from service.core.air_reading import AirReading
from service.core.growths import Explained, Growth
from service.core.leaks import LeakBook
from service.core.spells import Air, Spell, lower_neighbours
from service.core.units import S_PER_DAY
from service.core.views import Balance
from tests.core.airs import air_reading

DAY = 1.0 / S_PER_DAY
START_S = 1.7e9
TUNNEL = (1,)


def reading(time_s: float, mass_kg: float, temperature_k: float | None = 295.0) -> AirReading:
    return air_reading(
        time_s, pressure_pa=mass_kg * 1.2e4, mass_kg=mass_kg, temperature_k=temperature_k
    )


def kept(ledger: Ledger, from_h: float, to_h: float, rate_kg_per_day: float, seed: int) -> None:
    """Enter the balances of some hours, one a minute."""
    rng = np.random.default_rng(seed)
    for minute in range(round(60 * from_h), round(60 * to_h)):
        mass = 8.0 - rate_kg_per_day * (minute / 60.0 - from_h) / 24.0 + rng.normal(0.0, 3e-4)
        ledger._enter({TUNNEL: reading(START_S + 60.0 * minute, float(mass))})


@pytest.mark.parametrize("seed", range(3))
def test_what_was_known_before_is_taken_out_of_what_a_closure_says(seed):
    """A night at 0.3 kg/day, and one at 0.32 kg/day on the same account."""
    ledger = Ledger(0.0, home=0)
    kept(ledger, 0.0, 8.0, 0.3, seed)
    ledger.regroup([(0, 1)], START_S + 8.0 * 3600.0)
    ledger.regroup([TUNNEL], START_S + 20.0 * 3600.0)
    kept(ledger, 20.0, 20.1, 0.32, seed + 10)
    spell = Spell(groups=(TUNNEL,))
    spell.look(ledger, {}, START_S + 20.1 * 3600.0)
    assert spell.loss(TUNNEL) is None, "nothing is new at the first look"
    kept(ledger, 20.1, 28.0, 0.32, seed + 20)
    spell.look(ledger, {}, START_S + 28.0 * 3600.0)
    loss = spell.loss(TUNNEL)
    assert loss is not None
    rate, error = loss
    assert abs(rate - 0.32 * DAY) < 3.0 * error
    _, all_told = spell.rates[next(iter(spell.rates))]
    assert error > all_told, "two nights together know more than the second alone"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("lost_kg", "then_kg_per_day", "found_as"), [(0.03, 0.3, Explained), (0.0, 5.0, Growth)]
)
def test_only_a_change_of_the_leak_makes_a_closure_let_go_of_what_was_known(
    seed, lost_kg, then_kg_per_day, found_as
):
    """After eight hours at 0.3 kg/day the tunnel loses gas at once, or its leak grows."""
    book = LeakBook(90 * S_PER_DAY, 0.0, home=0)
    rng = np.random.default_rng(seed)
    spell = Spell(groups=(TUNNEL,))
    found: list[Growth | Explained] = []
    for minute in range(721):
        after = max(minute - 480, 0) / 1440.0
        mass = 8.0 - 0.3 * min(minute, 480) / 1440.0 - then_kg_per_day * after
        mass -= lost_kg * (minute > 480)
        air: Air = {TUNNEL: reading(START_S + 60.0 * minute, float(mass + rng.normal(0.0, 3e-4)))}
        found += book.step(air)
        if minute >= 470 and minute % 10 == 0:
            spell.look(book, air, START_S + 60.0 * minute)
    told = [Explained] if found_as is Explained else [Growth, Explained]
    assert [type(event) for event in found] == told
    loss, all_told = spell.loss(TUNNEL), book.rate((TUNNEL, Balance.TOTAL))
    assert loss is not None
    assert all_told is not None
    assert (loss == all_told) is (found_as is Growth)
    assert abs(loss[0] - then_kg_per_day * DAY) < 3.0 * loss[1]


@given(st.floats(0.5, 1.2), st.floats(0.5, 1.2))
def test_a_lower_neighbour_is_lower_by_more_than_gauges_are_apart(first, second):
    air: Air = {(0,): reading(START_S, 8.0 * first), (1,): reading(START_S, 8.0 * second)}
    found = lower_neighbours([(0,), (1,)], [(0, 1)], air)
    apart = 8.0 * 1.2e4 * (second - first)
    expected = [(0, 1)] if apart > 1333.3 else [(1, 0)] if apart < -1333.3 else []
    assert found == expected


def test_an_atmosphere_without_a_reading_is_nobodys_neighbour_and_drives_as_at_first():
    only: Air = {(0,): reading(START_S, 8.0)}
    assert lower_neighbours([(0,), (1,)], [(0, 1)], only) == []
    assert Spell(groups=((0,),)).driven((0,), {}) == 1.0
