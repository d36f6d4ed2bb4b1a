"""Which hatch to close next, and for how long."""

from dataclasses import replace

import pytest

from service.core.priors import prior_noise
from service.core.suggestions import LEAST_S, MOST_S, Door, Wander, suggest
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.core.views import Balance

KG_PER_MMHG_M3 = 1.424 / 905.0  # of air at 22 degC
LB = 0.45359 / S_PER_DAY  # 1 lb/day in kg/s
# The Russian segment and the rest, m3 of free gas.
M3 = {"prk": 7.0, "zvezda": 74.0, "zarya": 64.0, "us": 690.0}
NUMBER = {name: i for i, name in enumerate(M3)}


def wander(*names: str) -> Wander:
    """Return how the air of some sections wanders; the crew lives on the US segment."""
    volume_m3, is_home = sum(M3[name] for name in names), "us" in names
    noise = prior_noise(Balance.TOTAL, is_home=is_home, knows_oxygen=True).total()
    thermal_kg = volume_m3 * KG_PER_MMHG_M3 * 2.51 * 0.13  # 2.51 mmHg a kelvin
    return Wander(
        noise=noise.scaled(volume_m3 * KG_PER_MMHG_M3), spacing_s=60.0, thermal_kg=thermal_kg
    )


def door(*inside: str) -> Door:
    outside = tuple(name for name in M3 if name not in inside)
    sides = [tuple(NUMBER[n] for n in names) for names in (inside, outside)]
    return Door(
        hatch=f"{inside[-1]}-{outside[0]}",
        sides=(sides[0], sides[1]),
        wander=(wander(*inside), wander(*outside)),
    )


DOORS = [door("prk"), door("prk", "zvezda"), door("prk", "zvezda", "zarya")]
EVEN = dict.fromkeys(range(4), 0.25)


def test_at_a_pound_and_a_half_a_day_half_a_day_in_the_prk_tells_more_than_a_month_of_the_station():
    month = wander(*M3).rate_error(30 * S_PER_DAY)
    assert wander("prk").rate_error(12 * 3600.0) < month / 2
    assert wander("prk").rate_error(12 * 3600.0) < 1.5 * LB / 3.29


def test_at_a_pound_and_a_half_a_day_the_prk_is_suggested_for_half_a_day_at_most():
    """The segment is known: the PrK beats the other hatches, and its answer is right 19 in 20."""
    suspects = {NUMBER["prk"]: 0.4, NUMBER["zvezda"]: 0.4, NUMBER["zarya"]: 0.2}
    best = suggest(DOORS, suspects, 1.5 * LB)
    assert best is not None
    assert best.hatch == DOORS[0].hatch
    assert best.sections == (NUMBER["prk"],)
    assert best.hours <= 12.0
    assert best.probability >= 0.95


@pytest.mark.parametrize("size_lb", [0.3, 1.5, 3.5])
def test_a_smaller_leak_asks_for_a_longer_closure(size_lb):
    smaller, larger = (suggest(DOORS[1:2], EVEN, size * LB) for size in (size_lb, 1.5 * size_lb))
    assert smaller is not None
    assert larger is not None
    assert LEAST_S <= 3600.0 * larger.hours <= 3600.0 * smaller.hours <= MOST_S + 1.0


def test_a_door_between_cleared_sections_tells_nothing():
    assert suggest(DOORS[:1], {NUMBER["us"]: 1.0}, LB) is None
    assert suggest(DOORS, {NUMBER["prk"]: 1.0}, LB) is None
    assert suggest(DOORS, EVEN, 0.0) is None


def test_a_door_behind_which_nothing_is_measured_needs_the_other_side_and_longer():
    blind = replace(DOORS[0], wander=(None, DOORS[0].wander[1]))
    seeing, without = suggest(DOORS[:1], EVEN, LB), suggest([blind], EVEN, LB)
    assert seeing is not None
    assert without is not None
    assert without.hours > 4 * seeing.hours
    assert suggest([replace(blind, wander=(None, None))], EVEN, LB) is None


def test_while_the_pressure_falls_fast_no_hatch_stays_shut_past_half_the_time_of_a_millimetre():
    fall = 0.6 * PA_PER_MMHG / 3600.0  # Soyuz MS-09, August 2018
    best = suggest(DOORS, EVEN, 20.0 / S_PER_DAY, fall)
    assert best is not None
    assert best.hours == pytest.approx(0.5 / 0.6)


def test_the_order_of_the_doors_does_not_matter():
    assert suggest(DOORS, EVEN, LB) == suggest(DOORS[::-1], EVEN, LB)
