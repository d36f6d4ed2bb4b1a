import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators import gas
from simulators.passages import Air, AirlockPump, InnerLeak, Seal, Valve
from simulators.station import Simulation

MMHG = gas.PA_PER_MMHG


def two_rooms(a_mmhg, b_mmhg, a_m3=75.0, b_m3=7.0, step_s=1.0):
    """Build two rooms of air at the reference temperature that share nothing."""
    volume = np.array([a_m3, b_m3])
    kelvin = np.full(2, gas.REFERENCE_K)
    amounts = gas.amounts_mol(gas.DRY_AIR, volume, kelvin) * np.array([a_mmhg, b_mmhg]) * MMHG
    room = volume / (gas.R_J_PER_MOL_K * kelvin)
    return Air(amounts, np.zeros(4), amounts.sum(axis=0) / room, room, np.array([0, 1]), step_s)


def mmhg_of(air):
    air.pressure_pa = air.amounts.sum(axis=0) / air.room
    return air.pressure_pa / MMHG


def seconds_until(air, passage, done, limit=3600):
    for second in range(limit):
        if done(*mmhg_of(air)):
            return second * air.step_s
        passage.let_through(air, np.zeros(2))
    raise AssertionError("never")


@pytest.mark.parametrize(("valve_cm2", "fastest", "slowest"), [(20, 10, 60), (5, 40, 120)])
def test_a_valve_fills_half_a_small_chamber_in_ten_to_ninety_seconds(valve_cm2, fastest, slowest):
    """The choked fill of a 7 m3 chamber at half pressure, tau = V / (200 m/s Cd A)."""
    air = two_rooms(740, 370)
    valve = Valve(0, 1, valve_cm2 / 1e4)
    took = seconds_until(air, valve, lambda a, b: a - b < 5)
    assert fastest < took < slowest


def test_a_valve_takes_minutes_for_a_module():
    air = two_rooms(740, 370, a_m3=800, b_m3=75)
    assert 180 < seconds_until(air, Valve(0, 1, 10 / 1e4), lambda a, b: a - b < 5) < 900


@given(
    st.floats(1, 800),
    st.floats(1, 800),
    st.floats(1, 1000),
    st.floats(1, 1000),
    st.sampled_from([1.0, 60.0, 600.0]),
)
def test_a_valve_conserves_air_and_never_overshoots(a_mmhg, b_mmhg, a_m3, b_m3, step_s):
    air = two_rooms(a_mmhg, b_mmhg, a_m3, b_m3, step_s)
    before = air.amounts.sum(axis=1)
    for _ in range(3):
        Valve(0, 1, 20 / 1e4).let_through(air, np.zeros(2))
        a, b = mmhg_of(air)
        assert (a - b) * np.sign(a_mmhg - b_mmhg) >= -1e-6
    np.testing.assert_allclose(air.amounts.sum(axis=1), before, rtol=1e-12)


@given(st.floats(0, 800), st.floats(1, 800), st.floats(0, 50), st.floats(0, 3))
def test_an_inner_leak_flows_downhill_and_stops_when_even(a_mmhg, b_mmhg, kg, exponent):
    air = two_rooms(a_mmhg + 1, b_mmhg, step_s=60.0)
    crept = np.zeros(2)
    InnerLeak(0, 1, exponent).let_through(air, crept, kg)
    a, b = mmhg_of(air)
    assert (a - b) * np.sign(a_mmhg + 1 - b_mmhg) >= -1e-6
    assert crept.sum() == pytest.approx(0.0, abs=1e-12)


def test_an_inner_leak_into_an_empty_room_is_the_leak_to_space():
    air = two_rooms(740, 1e-6)
    crept = np.zeros(2)
    InnerLeak(0, 1, 1.8).let_through(air, crept, 0.001)
    assert crept[0] == pytest.approx(0.001, rel=1e-6)


def test_the_air_lost_through_a_hatch_to_vacuum_is_booked_and_nearly_all():
    air = two_rooms(740, 740, step_s=60.0)
    before = air.amounts.sum(axis=1)
    for _ in range(5):
        Valve(1, None, 0.5).let_through(air, np.zeros(2))
    np.testing.assert_allclose(air.amounts.sum(axis=1) + air.lost, before, rtol=1e-12)
    a, b = mmhg_of(air)
    assert a == pytest.approx(740)
    assert 0 < b < 1e-4
    Seal(1, None, 1e-9).let_through(air, np.zeros(2))
    assert np.isfinite(air.amounts).all()


def test_a_pump_stops_at_its_pressure():
    air = two_rooms(740, 740, step_s=60.0)
    for _ in range(100):
        AirlockPump(1, 0, 98 * MMHG, 0.01).let_through(air, np.zeros(2))
    assert mmhg_of(air)[1] == pytest.approx(98, abs=1e-6)


def test_an_equalising_hatch_fills_the_tunnel_while_it_still_counts_as_shut(toy):
    hatches = toy().model_dump(mode="json")["hatches"]
    hatches["tunnel-cabin"]["state"] = "closed"
    move = {"what": "hatch", "hatch": "tunnel-cabin"}
    scenario = toy(
        step_s=5.0,
        end="2024-02-01T13:00:00Z",
        hatches=hatches,
        leaks={"crack": {"section": "tunnel", "kg_per_day": 5.0}},
        timeline=[
            {"at": "2024-02-01T11:00:00Z", "what": "leak", "leak": "crack", "kg_per_day": 0},
            move | {"at": "2024-02-01T12:00:00Z", "state": "equalising"},
            move | {"at": "2024-02-01T12:10:00Z", "state": "open"},
        ],
    )
    simulation = Simulation(scenario, 1)
    parts = list(simulation.slices())
    names = list(scenario.channels)
    value, channel, time_s = (
        np.concatenate([getattr(p, c) for p in parts]) for c in ("value", "channel", "time_s")
    )
    after_s = time_s[channel == 0] - scenario.start.timestamp() - 12 * 3600
    tunnel = value[channel == names.index("tunnel.pressure")] / MMHG
    cabin = value[channel == names.index("cabin.pressure")] / MMHG
    assert tunnel[after_s == -5] < 600
    filling = (tunnel[(after_s >= 0) & (after_s < 60)] / cabin[0]).tolist()
    assert filling == sorted(filling)
    assert 0.7 < filling[0] < 0.9 < filling[2] < 1.0
    assert tunnel[after_s == 300] == pytest.approx(cabin[after_s == 300], abs=0.01)
    said = [m["state"] for p in parts for m in p.activities if m["activity"] == "hatch"]
    assert said == ["equalising", "open"]
    truth = simulation.truth()
    assert [m["state"] for m in truth["hatches"]["tunnel-cabin"]] == [
        "closed",
        "equalising",
        "open",
    ]
    assert "lab" not in truth["leak_rate_kg_per_day"]["atmospheres"]  # a valve is no leak
