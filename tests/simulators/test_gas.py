import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from simulators import gas

SECTIONS = 6
amounts = hnp.arrays(np.float64, (4, SECTIONS), elements=st.floats(1e-3, 1e5))
volumes = hnp.arrays(np.float64, SECTIONS, elements=st.floats(1.0, 200.0))
members = hnp.arrays(np.intp, SECTIONS, elements=st.integers(0, 2)).map(
    lambda m: np.unique(m, return_inverse=True)[1]
)


@given(amounts, volumes, members)
def test_equalising_conserves_each_gas_in_each_atmosphere(before, volume, member):
    groups = np.eye(member.max() + 1)[member]
    after = gas.equalise(before, volume, member, groups)
    np.testing.assert_allclose(after @ groups, before @ groups, rtol=1e-12)


@given(amounts, volumes, members)
def test_equalising_leaves_one_pressure_in_each_atmosphere(before, volume, member):
    groups = np.eye(member.max() + 1)[member]
    pressure = gas.equalise(before, volume, member, groups).sum(axis=0) / volume
    for atmosphere in range(member.max() + 1):
        np.testing.assert_allclose(
            pressure[member == atmosphere], pressure[member == atmosphere][0], rtol=1e-9
        )


@given(amounts, members, st.floats(0, 1))
def test_mixing_conserves_each_gas_and_the_moles_of_each_section(before, member, share):
    groups = np.eye(member.max() + 1)[member]
    after = gas.mix(before, share, member, groups)
    np.testing.assert_allclose(after @ groups, before @ groups, rtol=1e-12)
    np.testing.assert_allclose(after.sum(axis=0), before.sum(axis=0), rtol=1e-12)


def test_a_kelvin_is_two_and_a_half_mmhg_in_any_volume():
    for volume in (7.0, 905.0):
        moles = gas.amounts_mol(
            gas.DRY_AIR * 740 * gas.PA_PER_MMHG, np.array([volume]), np.array([295.15])
        )
        warm, cool = (
            gas.partial_pressures_pa(moles, np.array([volume]), np.array([t])).sum()
            for t in (296.15, 295.15)
        )
        assert (warm - cool) / gas.PA_PER_MMHG == pytest.approx(2.507, abs=0.002)


def test_the_station_weighs_as_much_as_published_for_its_volume():
    moles = gas.amounts_mol(
        gas.DRY_AIR * 740 * gas.PA_PER_MMHG, np.array([905.0]), np.array([295.15])
    )
    assert gas.mass_kg(moles).sum() == pytest.approx(1054, rel=0.005)


def test_a_hole_of_a_third_of_a_millimetre_makes_the_peak_rate_of_2024():
    assert gas.choked_hole_kg_per_day(0.360) == pytest.approx(1.68, rel=0.05)


def test_vapour_saturates_as_in_the_tables():
    assert gas.saturation_pressure_pa(np.array([293.15]))[0] == pytest.approx(2339, rel=0.002)
    assert gas.dew_point_k(np.array([2339.0]))[0] == pytest.approx(293.15, abs=0.05)
