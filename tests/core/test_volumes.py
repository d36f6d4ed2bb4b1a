"""How much free gas volume a filling of known mass shows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.air_reading import AirReading
from service.core.physics import MOLAR_KG
from service.core.samples import Activity
from service.core.station import Section, Station
from service.core.units import KG_PER_LB, PA_PER_MMHG, PA_PER_PSI
from service.core.volumes import GAS_CONSTANT, FreeVolumes
from tests.core.airs import air_reading

KELVIN = 295.15
HOUR_S = 3600.0
WHOLE = (0, 1)


def station_of(*volumes_m3: float, sd_m3: float | None = None) -> Station:
    return Station(
        name="s",
        sections=tuple(
            Section(name=f"s{i}", volume_m3=volume, volume_sd_m3=sd_m3)
            for i, volume in enumerate(volumes_m3)
        ),
        hatches=(),
        channels=(),
        accepted_leak_kg_per_s=0.0,
    )


def air(time_s: float, pressure_pa: float, volume_m3: float, kelvin: float = KELVIN) -> AirReading:
    return air_reading(
        time_s, pressure_pa=pressure_pa, temperature_k=kelvin, volume_m3=volume_m3, agreeing=2
    )


def message(at_s: float, state: str, value: float | None = None, **more: str) -> Activity:
    fields = {"name": "repressurisation", "section": "s0", "gas": "N2"} | more
    return Activity(time_s=at_s, received_s=at_s, state=state, value=value, **fields)


def filled(
    volumes: FreeVolumes,
    first_pa: float,
    last_pa: float,
    mass_kg: float,
    *,
    group=WHOLE,
    volume_m3: float = 370.0,
    between=(),
    warmed_k: float = 0.0,
    gas: str = "N2",
):
    """Fill an atmosphere from the second to the fourth hour, and return what that showed."""
    found = []
    told = [message(2 * HOUR_S, "start", gas=gas), message(4 * HOUR_S, "stop", mass_kg, gas=gas)]
    told = sorted([*told, *between], key=lambda a: a.received_s)
    for minute in range(6 * 60):
        time_s = 60.0 * minute
        while told and told[0].received_s <= time_s:
            volumes.hear(told.pop(0), (group,))
        share = float(np.clip((time_s - 2 * HOUR_S) / (2 * HOUR_S), 0.0, 1.0))
        kelvin = KELVIN + warmed_k * share
        level = (first_pa + share * (last_pa - first_pa)) * kelvin / KELVIN
        volumes.take(group, air(time_s, level, volume_m3, kelvin))
        found += volumes.settle(time_s)
    return found


def test_twenty_five_pounds_of_nitrogen_in_january_2004_show_369_cubic_metres():
    """13.91 to 14.3 psi; NASA status report of 9 January 2004."""
    volumes = FreeVolumes(station_of(300.0, 110.0))
    (found,) = filled(
        volumes, 13.91 * PA_PER_PSI, 14.3 * PA_PER_PSI, 25.0 * KG_PER_LB, volume_m3=410.0
    )
    assert found.measured_m3 == pytest.approx(369.0, abs=1.0)
    assert found.is_believed
    assert 369.0 < found.free_volume_m3 < 385.0
    assert found.free_volume_sd_m3 < found.measured_sd_m3 < 25.0
    assert volumes.scale(WHOLE) == pytest.approx(found.free_volume_m3 / 410.0)


@given(
    volume=st.floats(320.0, 420.0),
    warmed_k=st.floats(-1.0, 1.0),
    gas=st.sampled_from(sorted(MOLAR_KG)),
    rise_mmhg=st.floats(6.0, 12.0),
)
def test_the_volume_is_that_of_the_gas_law_whatever_the_gas_and_the_warming(
    volume, warmed_k, gas, rise_mmhg
):
    rise = rise_mmhg * PA_PER_MMHG
    mass_kg = rise * volume / (GAS_CONSTANT * KELVIN) * MOLAR_KG[gas]
    volumes = FreeVolumes(station_of(300.0, 70.0))
    (found,) = filled(volumes, 98_000.0, 98_000.0 + rise, mass_kg, warmed_k=warmed_k, gas=gas)
    assert found.measured_m3 == pytest.approx(volume, rel=1e-6)


def test_each_filling_makes_the_volume_surer_and_the_second_moves_it_less():
    volumes = FreeVolumes(station_of(300.0, 70.0))
    before, before_sd = volumes.of(WHOLE)
    mass_kg = 1000.0 * 340.0 / (GAS_CONSTANT * KELVIN) * MOLAR_KG["N2"]
    seen = [(before, before_sd)]
    for _ in range(2):
        filled(volumes, 98_000.0, 99_000.0, mass_kg)
        volumes.regroup(())
        seen.append(volumes.of(WHOLE))
    (v0, s0), (v1, s1), (v2, s2) = seen
    assert s0 > s1 > s2
    assert v0 - v1 > v1 - v2 > 0.0
    assert v2 > 340.0


def test_sections_elsewhere_follow_in_part():
    """What is equally wrong with all quoted volumes shows in one of them."""
    volumes = FreeVolumes(station_of(300.0, 70.0, 100.0))
    before, before_sd = volumes.of((2,))
    mass_kg = 1000.0 * 330.0 / (GAS_CONSTANT * KELVIN) * MOLAR_KG["N2"]
    (found,) = filled(volumes, 98_000.0, 99_000.0, mass_kg)
    after, after_sd = volumes.of((2,))
    assert 1.0 > after / before > found.free_volume_m3 / 370.0
    assert after_sd < before_sd


def test_a_docked_vehicle_is_no_part_of_the_sections():
    volumes = FreeVolumes(station_of(300.0, 70.0))
    mass_kg = 1000.0 * 380.0 / (GAS_CONSTANT * KELVIN) * MOLAR_KG["N2"]
    (found,) = filled(volumes, 98_000.0, 99_000.0, mass_kg, volume_m3=380.0)
    assert found.measured_m3 == pytest.approx(370.0, rel=1e-6)


def test_a_mass_that_contradicts_all_that_is_believed_changes_nothing():
    """Pounds told as kilograms."""
    volumes = FreeVolumes(station_of(300.0, 70.0))
    before = volumes.of(WHOLE)
    mass_kg = 1000.0 * 370.0 / (GAS_CONSTANT * KELVIN) * MOLAR_KG["N2"] / KG_PER_LB
    (found,) = filled(volumes, 98_000.0, 99_000.0, mass_kg)
    assert not found.is_believed
    assert (found.free_volume_m3, found.free_volume_sd_m3) == before == volumes.of(WHOLE)


@pytest.mark.parametrize(
    "between",
    [
        [message(3 * HOUR_S, "start", name="vent")],
        [message(4.2 * HOUR_S, "open", name="docking")],
        [message(3 * HOUR_S, "start", section="s1")],
    ],
    ids=["vented", "docked", "filled twice"],
)
def test_other_gas_meanwhile_spoils_the_measurement(between):
    volumes = FreeVolumes(station_of(300.0, 70.0))
    assert filled(volumes, 98_000.0, 99_000.0, 4.2, between=between) == []


def test_the_valve_through_which_it_comes_spoils_nothing():
    volumes = FreeVolumes(station_of(300.0, 70.0))
    valve = message(2 * HOUR_S, "on", name="valve", channel="v")
    assert len(filled(volumes, 98_000.0, 99_000.0, 4.2, between=[valve])) == 1


@pytest.mark.parametrize("mass_kg", [None, 0.0], ids=["unknown", "nothing"])
def test_a_filling_of_unknown_mass_shows_nothing(mass_kg):
    volumes = FreeVolumes(station_of(300.0, 70.0))
    assert filled(volumes, 98_000.0, 99_000.0, mass_kg) == []


def test_a_rise_that_the_cabin_makes_by_itself_shows_nothing():
    volumes = FreeVolumes(station_of(300.0, 70.0))
    assert filled(volumes, 98_000.0, 98_100.0, 0.4) == []


def test_the_error_of_the_config_is_the_prior():
    assert FreeVolumes(station_of(100.0, sd_m3=3.0)).of((0,)) == pytest.approx((100.0, 3.0))
    assert FreeVolumes(station_of(100.0)).of((0,)) == pytest.approx((100.0, 10.0))


def test_a_snapshot_taken_in_the_middle_goes_on_alike():
    first, second = (FreeVolumes(station_of(300.0, 70.0)) for _ in range(2))
    for minute in range(180):
        if minute == 120:
            first.hear(message(7200.0, "start", 4.0), (WHOLE,))
        first.take(WHOLE, air(60.0 * minute, 98_000.0 + 5.0 * max(minute - 120, 0), 370.0))
    second.restore(first.snapshot())
    seen = []
    for volumes in (first, second):
        volumes.hear(message(180 * 60.0, "stop"), (WHOLE,))
        for minute in range(180, 300):
            volumes.take(WHOLE, air(60.0 * minute, 98_300.0 + 700.0, 370.0))
        seen.append((volumes.settle(300 * 60.0), volumes.of(WHOLE)))
    assert seen[0] == seen[1]
    assert seen[0][0]
