"""Facts of gas that stand in any table."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.physics import (
    CHOKED_COEFFICIENT,
    R_AIR,
    air_mass_kg,
    hole_diameter_m,
    saturation_pressure_pa,
    time_to_floor_s,
)
from service.core.units import PA_PER_MMHG, S_PER_DAY

CABIN_PA, CABIN_K = 740.0 * PA_PER_MMHG, 295.15


def test_the_station_holds_1054_kg_of_air_at_740_mmhg_in_905_m3():
    assert air_mass_kg(CABIN_PA, 905.0, CABIN_K) == pytest.approx(1054.0, abs=0.5)


def test_seven_cubic_metres_hold_8_15_kg():
    assert air_mass_kg(CABIN_PA, 7.0, CABIN_K) == pytest.approx(8.15, abs=0.01)


def test_a_kelvin_shows_as_two_and_a_half_mmhg_in_sealed_air():
    mass = air_mass_kg(CABIN_PA, 905.0, CABIN_K)
    warmer_pa = mass * R_AIR * (CABIN_K + 1.0) / 905.0
    assert (warmer_pa - CABIN_PA) / PA_PER_MMHG == pytest.approx(2.51, abs=0.005)


@given(st.floats(1e4, 1.2e5), st.floats(1.0, 2000.0), st.floats(270.0, 320.0))
def test_mass_is_what_the_gas_law_gives_back(pressure, volume, temperature):
    mass = air_mass_kg(pressure, volume, temperature)
    assert mass * R_AIR * temperature / volume == pytest.approx(pressure)


@pytest.mark.parametrize(
    ("celsius", "pascal"), [(0.0, 611.2), (10.0, 1228.0), (20.0, 2339.0), (30.0, 4246.0)]
)
def test_water_vapour_saturates_as_the_steam_tables_say(celsius, pascal):
    assert saturation_pressure_pa(celsius + 273.15) == pytest.approx(pascal, rel=0.004)


def test_choked_air_flows_with_the_coefficient_of_the_textbooks():
    assert pytest.approx(0.6847, abs=1e-4) == CHOKED_COEFFICIENT


def test_a_two_millimetre_hole_loses_39_to_65_kg_a_day():
    for per_day, discharge in ((39.0, 0.6), (65.0, 1.0)):
        diameter = hole_diameter_m(per_day / S_PER_DAY, CABIN_PA, CABIN_K, discharge)
        assert 1000.0 * diameter == pytest.approx(2.0, abs=0.1)


@given(st.floats(1e-7, 1.0), st.floats(1e4, 1.2e5), st.floats(0.5, 1.0))
def test_four_times_the_leak_takes_twice_the_hole(leak, pressure, discharge):
    one, four = (hole_diameter_m(k * leak, pressure, CABIN_K, discharge) for k in (1.0, 4.0))
    assert four == pytest.approx(2.0 * one)


@given(st.floats(1.0, 2000.0), st.floats(1e-7, 0.1), st.floats(7e4, 1.1e5))
def test_time_to_the_floor_is_that_of_an_exponential_fall(mass, leak, pressure):
    floor = 490.0 * PA_PER_MMHG
    time_s = time_to_floor_s(mass, leak, pressure, floor)
    assert time_s is not None
    assert pressure * np.exp(-time_s * leak / mass) == pytest.approx(floor)


def test_at_the_floor_no_time_is_left_and_without_a_leak_none_is_named():
    assert time_to_floor_s(1000.0, 1e-5, 65_000.0, 65_000.0) == 0.0
    assert time_to_floor_s(1000.0, 0.0, 99_000.0, 65_000.0) is None
    assert time_to_floor_s(1000.0, -1e-5, 99_000.0, 65_000.0) is None
