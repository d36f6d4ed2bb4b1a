"""The figures that were published of real leaks, out of the simulator's physics."""

from typing import Any

import numpy as np
import pytest

from simulators import gas
from simulators.station import Simulation

MMHG = {"kind": "pressure", "unit": "mmHg"}
DRY = {"ppco2_mmhg": 1e-9, "pph2o_mmhg": 8.05, "crew": 0, "oxygen_generation_kg_per_day": 0}


@pytest.fixture
def cabin(toy):
    """Run one room with one leak; give its pressures, one a minute."""

    def run(
        volume_m3: float,
        *,
        pressure_mmhg: float = 740.0,
        crew: int = 0,
        leak: float = 0.0,
        exponent: float = 1.0,
        days: int = 2,
        timeline: tuple[dict[str, Any], ...] = (),
    ) -> Any:
        still = {"orbit_k": 0, "day_k": 0, "slow_k": 0, "temperature_degc": 22.0}
        air = DRY | {"pressure_mmhg": pressure_mmhg, "ppo2_mmhg": 0.21 * pressure_mmhg}
        scenario = toy(
            end=f"2024-02-{1 + days:02}T00:00:00Z",
            sections={"room": {"volume_m3": volume_m3, **still}},
            hatches={},
            channels={"p": {"section": "room", **MMHG}},
            leaks={"hole": {"section": "room", "kg_per_day": leak, "exponent": exponent}},
            air=air | {"crew": crew},
            life_support={
                "section": "room",
                "bed_air_mmhg": 0,
                "condensation_kg_per_day_per_mmhg": 1e3,
                "co2_removal_kg_per_day_per_mmhg": 1e3,
            },
            timeline=list(timeline),
        )
        return np.concatenate([part.value for part in Simulation(scenario, 1).slices()])

    return run


def test_the_shut_prk_falls_from_733_to_681_mmhg_in_half_a_day(cabin):
    """Mid-October 2020: in 11.5 hours, which is 1.2 to 1.5 kg/day in 7 m3."""
    after = {
        leak: cabin(7.0, pressure_mmhg=733, leak=leak, exponent=1.8)[690]
        for leak in (1.2, 1.3, 1.5)
    }
    assert after[1.2] > 681 > after[1.5]
    assert after[1.3] == pytest.approx(681, abs=1)


def test_the_hole_of_soyuz_ms_09_leaves_eighteen_days(cabin):
    """29 August 2018: 0.6 to 0.8 mmHg/h on 916 m3 are a hole of 1.3 to 1.6 mm."""
    falls = {}
    for hole_mm in (1.3, 1.45):
        pressure = cabin(916, pressure_mmhg=750, leak=gas.choked_hole_kg_per_day(hole_mm))
        falls[hole_mm] = (pressure[0] - pressure[360]) / 6
    assert falls[1.3] == pytest.approx(0.63, abs=0.04)
    assert falls[1.45] == pytest.approx(0.8, abs=0.04)
    reserve_days = (750 - 490) / falls[1.3] / 24  # linear, as it is counted
    assert reserve_days == pytest.approx(17.5, abs=1)


def test_without_elektron_two_people_breathe_two_and_a_half_mmhg_a_day(cabin):
    """September 2004, 369 m3; their CO2 and water are taken out."""
    pressure = cabin(369, pressure_mmhg=750, crew=2)
    assert pressure[0] - pressure[1440] == pytest.approx(2.5, abs=0.2)


def test_ten_mmhg_of_air_are_fourteen_kilogrammes(cabin):
    """August 2018: air from a Progress, 1.44 kg per mmHg on 916 m3."""
    repress = {
        "at": "2024-02-01T09:00:00Z",
        "what": "repressurisation",
        "section": "room",
        "kg": 14.41,
        "over_h": 2.2,
    }
    pressure = cabin(916, timeline=(repress,))
    assert pressure[-1] - pressure[0] == pytest.approx(10.0, abs=0.05)
    ramp = np.diff(pressure[540 : 540 + 132]) * 60
    assert 4 < ramp.mean() < 6


def test_the_prk_decays_as_in_july_2021(cabin):
    """473, 273, 200, 167, 160, 154 mmHg on 14, 20, 25, 28, 29, 30 July, to which the law was fitted."""
    pressure = cabin(7.0, pressure_mmhg=473, leak=1.34, exponent=1.8, days=17)
    days = np.array([0, 6, 11, 14, 15, 16])
    published = np.array([473, 273, 200, 167, 160, 154])
    error = pressure[days * 1440] - published
    assert np.sqrt(np.mean(error**2)) < 2.0


def test_a_thirteen_millimetre_hole_is_a_millimetre_of_mercury_a_minute(cabin):
    """0.8 to 1.3 mmHg/min on 916 m3."""
    pressure = cabin(916, leak=gas.choked_hole_kg_per_day(13), days=1)
    assert 0.8 < pressure[0] - pressure[1] < 1.3


def test_a_hole_empties_a_room_by_the_exact_exponential_whatever_the_step(cabin):
    """A 50 mm hole in one module, 60 seconds a step."""
    kg_per_day = gas.choked_hole_kg_per_day(50)
    pressure = cabin(75, leak=kg_per_day, days=1)
    kg = 75 * gas.REFERENCE_PA * (gas.MOLAR_MASS_KG_PER_MOL @ gas.DRY_AIR)
    kg /= gas.R_J_PER_MOL_K * 295.15
    per_minute = np.diff(np.log(pressure[:20]))
    np.testing.assert_allclose(per_minute, -kg_per_day / 1440 / kg, rtol=0.01)
