import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.loops import Coolant, hole_kg_per_day
from simulators.scenario import config_of
from simulators.schema import Loop
from simulators.station import Simulation

# The outer loop of a Soyuz as an estimate: some 60 kg of liquid.
SOYUZ = Loop(volume_m3=0.05, accumulator_m3=0.02, pressure_kpa=300, temperature_degc=20)
MINUTES = 24 * 60


def constant(value, steps=MINUTES):
    return np.full(steps, float(value))


def test_a_tight_loop_at_one_temperature_stands_still():
    state = Coolant(SOYUZ, 293.15).advance(constant(293.15), constant(0))
    np.testing.assert_allclose(state.held_kg, 0.6 * 0.02 * 998.2)
    np.testing.assert_allclose(state.pressure_pa, 300e3)


def test_a_warmer_loop_pushes_its_liquid_into_the_accumulator():
    state = Coolant(SOYUZ, 293.15).advance(np.linspace(293.15, 303.15, 100), constant(0, 100))
    moved = state.held_kg[-1] - state.held_kg[0]
    assert moved == pytest.approx(62 * 2.1e-4 * 10, rel=0.03)
    assert (np.diff(state.pressure_pa) > 0).all()
    assert not state.lost_kg.any()


@given(st.floats(0.01, 1.0), st.floats(280, 310))
def test_what_leaks_is_what_the_loop_lost_and_never_more_than_it_held(kg_per_min, kelvin):
    coolant = Coolant(SOYUZ, kelvin)
    before = coolant.mass_kg
    state = coolant.advance(constant(kelvin), constant(kg_per_min))
    assert before - state.lost_kg.sum() == pytest.approx(coolant.mass_kg, abs=1e-9)
    assert coolant.mass_kg >= 0
    assert (np.diff(state.held_kg) <= 1e-12).all()
    assert (np.diff(state.pressure_pa) <= 1e-9).all()


def test_a_hole_of_eight_tenths_of_a_millimetre_empties_a_soyuz_loop_within_hours():
    """Soyuz MS-22, 15 December 2022."""
    per_minute = hole_kg_per_day(SOYUZ, 0.8) / MINUTES
    state = Coolant(SOYUZ, 293.15).advance(constant(293.15), constant(per_minute))
    left = 1 - np.cumsum(state.lost_kg) / 61.9
    hours = np.arange(1, MINUTES + 1) / 60
    assert 0.5 < hours[np.argmax(left < 0.8)] < 3
    assert 2 < hours[np.argmax(left < 0.1)] < 12


def test_a_hole_of_twelve_millimetres_empties_it_in_minutes():
    """Progress MS-21, 11 February 2023: sudden."""
    per_second = hole_kg_per_day(SOYUZ, 12) / 86400
    state = Coolant(SOYUZ, 293.15).advance(constant(293.15, 600), constant(per_second, 600))
    assert state.lost_kg.sum() > 40


def test_a_loop_is_one_more_sealed_volume_of_the_scenario(toy):
    loop = {
        "volume_m3": 0.05,
        "accumulator_m3": 0.02,
        "orbit_k": 0,
        "slow_k": 0,
        "temperature_degc": 20.0,
    }
    channels = {
        "loop.quantity": {"section": "loop", "kind": "quantity", "unit": "kg"},
        "loop.share": {"section": "loop", "kind": "quantity", "unit": "percent"},
        "loop.pressure": {"section": "loop", "kind": "pressure", "unit": "kPa"},
        "loop.temperature": {"section": "loop", "kind": "temperature", "unit": "degC"},
    }
    scenario = toy(
        loops={"loop": loop},
        channels=channels,
        leaks={"pinhole": {"section": "loop"}},
        timeline=[
            {
                "at": "2024-02-01T12:00:00Z",
                "what": "leak",
                "leak": "pinhole",
                "kg_per_h": 0.2,
                "over_h": 6,
            },
            {
                "at": "2024-02-01T02:00:00Z",
                "what": "thermal",
                "sections": ["loop"],
                "change_k": 5,
                "over_h": 2,
                "until": "2024-02-01T06:00:00Z",
            },
        ],
    )
    simulation = Simulation(scenario, 1)
    parts = list(simulation.slices())
    value, channel = (np.concatenate([getattr(p, c) for p in parts]) for c in ("value", "channel"))
    shown = {name: value[channel == i] for i, name in enumerate(scenario.channels)}
    assert shown["loop.share"][0] == pytest.approx(60.0)
    assert shown["loop.temperature"][5 * 60] == pytest.approx(25.0)
    assert shown["loop.quantity"][5 * 60] > shown["loop.quantity"][0] + 0.05
    assert shown["loop.quantity"][11 * 60] == pytest.approx(shown["loop.quantity"][0], abs=1e-6)
    truth = simulation.truth()
    fallen = shown["loop.quantity"][0] - shown["loop.quantity"][-1]
    assert fallen == pytest.approx(truth["lost_kg"]["loop"], abs=1e-4)
    (change,) = truth["changes"]
    assert change["atmosphere"] == "loop"
    assert change["after_kg_per_day"] == pytest.approx(4.8)
    assert truth["atmospheres"][0]["sections"]["loop"] == ["loop"]
    rates = truth["leak_rate_kg_per_day"]
    assert len(rates["atmospheres"]["loop"]) == len(rates["time"])
    full = rates["time"].index(simulation.start_s + 18 * 3600)
    assert rates["sections"]["loop"][full] == pytest.approx(4.7, abs=0.1)
    config = config_of(scenario)
    assert "loop" not in config["sections"]
    assert config["loops"]["loop"] == pytest.approx(
        {
            "floor_kg": 0.1 * 20 * 0.9982,
            "coolant_kg": 62 * 0.9982,
            "accumulator_l": 20,
            "precharge_kpa": 120,  # 300 kPa while 8 of 20 L are gas
            "density_kg_per_m3": 998.2,
            "expansion_per_k": 2.1e-4,
        },
        abs=1e-3,
    )
    assert config["channels"]["loop.quantity"]["kind"] == "quantity"


def test_a_loop_has_no_oxygen_and_air_no_quantity(toy):
    with pytest.raises(ValueError, match="quantity is nothing that air has"):
        toy(channels={"a": {"section": "lab", "kind": "quantity", "unit": "kg"}})
