"""What follows from a leak rate, against the differential equation of the flow."""

from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.outlooks import MONTH_S, outlook_of_air, outlook_of_loop
from service.core.physics import time_to_floor_s
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.core.views import LeakEstimate

FLOORS = {"evacuation": 490 * PA_PER_MMHG, "flight_rule": 734 * PA_PER_MMHG}
FIRST_PA = 745 * PA_PER_MMHG


def leak(rate, low, high):
    return LeakEstimate(
        rate_kg_per_s=rate / S_PER_DAY,
        low_kg_per_s=low / S_PER_DAY,
        high_kg_per_s=high / S_PER_DAY,
    )


@pytest.mark.parametrize("exponent", [1.0, 1.5, 1.8, 2.0])
@pytest.mark.parametrize("rate", [0.5, 40.0])
def test_the_time_to_a_floor_is_that_of_the_flow_stepped_by_hand(exponent, rate):
    """A tunnel of 7 m3 is emptied in steps of a ten-thousandth of the time."""
    mass_kg, floor_pa = 8.2, FLOORS["evacuation"]
    told_s = time_to_floor_s(mass_kg, rate / S_PER_DAY, FIRST_PA, floor_pa, exponent)
    assert told_s is not None
    step_s, pressure_pa = told_s / 1e4, FIRST_PA
    for _ in range(10_000):
        middle = pressure_pa - step_s / 2.0 * fall(pressure_pa, rate, exponent, mass_kg)
        pressure_pa -= step_s * fall(middle, rate, exponent, mass_kg)
    assert pressure_pa == pytest.approx(floor_pa, rel=1e-5)


def fall(pressure_pa, rate, exponent, mass_kg):
    flow = rate / S_PER_DAY * (pressure_pa / FIRST_PA) ** exponent
    return flow * FIRST_PA / mass_kg


@given(
    st.floats(0.01, 50.0),
    st.floats(0.0, 1.0),
    st.floats(0.0, 3.0),
    st.sampled_from([1.0, 1.4, 1.8, 2.0]),
)
def test_the_band_holds_the_time_of_every_rate_and_law_within_the_interval(
    rate, below, above, exponent
):
    low, high = rate * (1.0 - below), rate * (1.0 + above)
    outlook = outlook_of_air(leak(rate, low, high), 1000.0, FIRST_PA, 295.0, FLOORS)
    for true in np.linspace(max(low, 1e-9), high, 4):
        for floor, floor_pa in FLOORS.items():
            time_s = time_to_floor_s(1000.0, true / S_PER_DAY, FIRST_PA, floor_pa, exponent)
            assert time_s is not None
            assert time_s >= outlook.reserve_low_s[floor] * (1.0 - 1e-9)
            assert time_s <= outlook.reserve_high_s[floor] * (1.0 + 1e-9)


def test_what_may_not_leak_at_all_may_last_for_ever():
    outlook = outlook_of_air(leak(0.2, -0.1, 0.5), 1000.0, FIRST_PA, 295.0, FLOORS)
    assert outlook.reserve_high_s == {"evacuation": inf, "flight_rule": inf}
    assert 0.0 < outlook.reserve_low_s["flight_rule"] < outlook.reserve_low_s["evacuation"]


def test_a_pressure_below_a_floor_has_no_time_left():
    outlook = outlook_of_air(leak(0.2, 0.1, 0.3), 900.0, 700 * PA_PER_MMHG, 295.0, FLOORS)
    assert outlook.reserve_low_s["flight_rule"] == outlook.reserve_high_s["flight_rule"] == 0.0


def test_gas_for_a_month_and_hole_are_those_of_the_published_leak():
    """1 lb/day is a hole of 0.167 to 0.216 mm at 101 kPa; what leaks in 30 days is to be brought."""
    outlook = outlook_of_air(leak(0.45359, 0.4, 0.5), 1100.0, 101_325.0, 295.15, FLOORS)
    assert outlook.gas_kg_per_month == pytest.approx(0.45359 * 30.0)
    assert outlook.gas_low_kg_per_month == pytest.approx(0.4 * MONTH_S / S_PER_DAY)
    assert outlook.hole_low_m == pytest.approx(0.167e-3, rel=0.01)
    assert outlook.hole_high_m == pytest.approx(0.216e-3, rel=0.01)


@pytest.mark.parametrize(("rate", "temperature_k"), [(-0.1, 295.0), (0.0, 295.0), (0.3, None)])
def test_what_does_not_leak_or_is_of_unknown_temperature_has_no_hole(rate, temperature_k):
    outlook = outlook_of_air(leak(rate, -1.0, 1.0), 1000.0, FIRST_PA, temperature_k, FLOORS)
    assert (outlook.hole_low_m, outlook.hole_high_m) == (None, None)


@pytest.mark.parametrize("pressure_pa", [-40.0, 0.0])
def test_a_gauge_that_reads_no_pressure_names_no_hole_and_no_time(pressure_pa):
    outlook = outlook_of_air(leak(0.4, 0.3, 0.5), 0.0, pressure_pa, 295.0, FLOORS)
    assert outlook.hole_low_m is None
    assert outlook.reserve_high_s["evacuation"] == 0.0
    assert outlook_of_loop(leak(2.0, 1.0, 4.0), 12.0, 2.0, pressure_pa, 998.2).hole_low_m is None


def test_a_loop_lasts_for_what_is_above_its_floor_and_takes_no_gas():
    outlook = outlook_of_loop(leak(2.0, -0.5, 4.0), 12.0, 2.0, 300e3, 998.2)
    assert outlook.reserve_low_s["coolant"] == pytest.approx(2.5 * S_PER_DAY)
    assert outlook.reserve_high_s["coolant"] == inf
    assert outlook.gas_kg_per_month is None
    assert outlook.hole_low_m == outlook.hole_high_m


def test_a_loop_of_unknown_pressure_has_no_hole():
    assert outlook_of_loop(leak(2.0, 1.0, 4.0), 12.0, 2.0, None, 998.2).hole_low_m is None
