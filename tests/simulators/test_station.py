from datetime import UTC, datetime

import numpy as np
import pytest

from simulators import gas
from simulators.scenario import ScenarioError, load
from simulators.station import Simulation, TelemetrySlice

DRY_KG_PER_MOL = float(gas.MOLAR_MASS_KG_PER_MOL @ gas.DRY_AIR)


def joined(parts, name):
    return np.concatenate([getattr(part, name) for part in parts])


def series(scenario, parts, channel):
    index = list(scenario.channels).index(channel)
    return joined(parts, "value")[joined(parts, "channel") == index]


def run(scenario, seed=1, **window: datetime):
    simulation = Simulation(scenario, seed, **window)
    return simulation, list(simulation.slices())


def mass_kg(scenario, parts, kg_per_mol):
    """Weigh the station at each time from its pressures and temperatures."""
    total = 0.0
    for section in scenario.sections:
        pressure = series(scenario, parts, f"{section}.pressure")
        kelvin = series(scenario, parts, f"{section}.temperature")
        volume = scenario.free_volume_m3(section)
        total = total + pressure * volume * kg_per_mol / (gas.R_J_PER_MOL_K * kelvin)
    return total


def columns_equal(a: list[TelemetrySlice], b: list[TelemetrySlice]) -> bool:
    names = ("channel", "time_s", "received_s", "value", "quality")
    messages = [[m for part in parts for m in part.activities] for parts in (a, b)]
    return messages[0] == messages[1] and all(
        np.array_equal(joined(a, name), joined(b, name)) for name in names
    )


def test_the_true_loss_is_what_the_air_of_the_station_lost(toy):
    scenario = toy(
        air=toy().air.model_dump() | {"ppo2_mmhg": 748 * 0.21},
        timeline=[
            {
                "at": "2024-02-01T08:00:00Z",
                "what": "hatch",
                "hatch": "tunnel-cabin",
                "state": "closed",
            },
            {"at": "2024-02-02T00:00:00Z", "what": "leak", "leak": "crack", "kg_per_day": 1.5},
            {
                "at": "2024-02-02T07:30:00Z",
                "what": "hatch",
                "hatch": "tunnel-cabin",
                "state": "open",
            },
        ],
    )
    simulation, parts = run(scenario)
    mass = mass_kg(scenario, parts, DRY_KG_PER_MOL)
    truth = simulation.truth()
    step_kg = 0.5 / 1440  # the first step leaks before the first sample
    assert mass[0] - mass[-1] == pytest.approx(truth["lost_kg"]["tunnel"] - step_kg, rel=2e-4)
    rates = truth["leak_rate_kg_per_day"]
    holds_days = np.diff([*rates["time"], simulation.end_s]) / 86400.0
    lost_kg = holds_days @ np.array(rates["sections"]["tunnel"])
    assert lost_kg == pytest.approx(truth["lost_kg"]["tunnel"], rel=5e-3)
    assert None in rates["atmospheres"]["tunnel"]
    assert truth["hatches"]["tunnel-cabin"] == [
        {"time": "2024-02-01T00:00:00Z", "state": "open"},
        {"time": "2024-02-01T08:00:00Z", "state": "closed"},
        {"time": "2024-02-02T07:30:00Z", "state": "open"},
    ]
    (change,) = truth["changes"]
    assert change["kind"] == "step"
    assert change["sections"] == ["tunnel"]
    assert change["atmosphere"] == "tunnel"


def test_a_shut_tunnel_decays_by_the_power_law_of_its_crack(toy):
    scenario = toy(hatches={"cabin-lab": {"between": ["cabin", "lab"]}})
    _, parts = run(scenario)
    pressure = series(scenario, parts, "tunnel.pressure")
    days = np.arange(len(pressure)) / 1440
    moles = pressure[0] * 7 / (gas.R_J_PER_MOL_K * 295.15)
    air = gas.DRY_AIR.copy()
    air[gas.O2] = 162 / 748
    air[gas.N2] = 1 - air[gas.O2]
    rate = 0.5 / (moles * (gas.MOLAR_MASS_KG_PER_MOL @ air))
    rate *= (pressure[0] / gas.REFERENCE_PA) ** 1.8
    expected = pressure[0] * (1 + 0.8 * rate * days) ** (-1 / 0.8)
    np.testing.assert_allclose(pressure, expected, rtol=2e-4)


def test_opening_a_hatch_equalises_and_moves_no_mass_out(toy):
    opening = {"what": "hatch", "hatch": "tunnel-cabin", "state": "open"}
    hatches = toy().model_dump()["hatches"]
    hatches["tunnel-cabin"]["state"] = "closed"
    timeline = [
        {"at": "2024-02-01T12:00:00Z", "what": "leak", "leak": "crack", "kg_per_day": 0},
        opening | {"at": "2024-02-01T18:00:00Z"},
    ]
    scenario = toy(
        hatches=hatches, timeline=timeline, air=toy().air.model_dump() | {"ppo2_mmhg": 748 * 0.21}
    )
    _, parts = run(scenario)
    mass = mass_kg(scenario, parts, DRY_KG_PER_MOL)
    opened = 18 * 60
    assert mass[opened] == pytest.approx(mass[opened - 1], rel=1e-10)
    tunnel, cabin, lab = (
        series(scenario, parts, f"{name}.pressure") for name in ("tunnel", "cabin", "lab")
    )
    assert tunnel[opened - 1] < cabin[opened - 1] - 1000
    assert tunnel[opened] == pytest.approx(cabin[opened], abs=1e-4)
    assert lab[opened] == pytest.approx(cabin[opened], abs=1e-4)


def test_a_seal_lets_the_station_leak_into_a_shut_tunnel(toy):
    hatches = toy().model_dump()["hatches"]
    hatches["tunnel-cabin"] |= {"state": "closed", "seal_kg_per_day_per_mmhg": 0.005}
    simulation, parts = run(toy(hatches=hatches))
    pressure = series(simulation.scenario, parts, "tunnel.pressure")
    rates = simulation.truth()["leak_rate_kg_per_day"]
    assert rates["atmospheres"]["lab"][-1] > 0.1
    assert rates["atmospheres"]["lab"][-1] + rates["atmospheres"]["tunnel"][-1] == pytest.approx(
        rates["sections"]["tunnel"][-1], abs=1e-5
    )
    hatches["tunnel-cabin"]["seal_kg_per_day_per_mmhg"] = 0
    _, tight = run(toy(hatches=hatches))
    assert pressure[-1] > series(simulation.scenario, tight, "tunnel.pressure")[-1] + 500


def test_people_use_up_oxygen_and_machines_make_it_up(toy):
    air = toy().air.model_dump() | {"crew": 2}
    _, alone = run(toy(air=air))
    scenario = toy(air=air | {"oxygen_generation_kg_per_day": 1.68})
    _, helped = run(scenario)
    kg_per_pa = 207 * 0.0319988 / (gas.R_J_PER_MOL_K * 295.15)
    fall = np.ptp(series(scenario, alone, "lab.ppo2")) * kg_per_pa
    assert fall == pytest.approx(2 * 0.84 * 2, rel=0.1)  # and a little went out with the leak
    assert np.ptp(series(scenario, helped, "lab.ppo2")) * kg_per_pa < 0.7


def test_oxygen_let_in_at_one_place_spreads_within_hours(toy):
    scenario = toy(
        leaks={},
        timeline=[
            {
                "at": "2024-02-01T06:00:00Z",
                "what": "repressurisation",
                "section": "cabin",
                "kg": 1.0,
                "gas": "O2",
                "over_h": 0.5,
            }
        ],
    )
    _, parts = run(scenario)
    lab, cabin = (series(scenario, parts, f"{name}.ppo2") for name in ("lab", "cabin"))
    ends = 6 * 60 + 30
    total = series(scenario, parts, "lab.pressure")
    assert total[ends] == pytest.approx(series(scenario, parts, "cabin.pressure")[ends], rel=1e-9)
    rise = lab[-1] - lab[0]
    assert lab[ends] - lab[0] < 0.4 * rise
    assert lab[ends + 360] == pytest.approx(cabin[ends + 360], abs=0.15 * rise)


def test_the_same_seed_gives_the_same_run_and_another_seed_another():
    scenario = load("demo_2024_02")
    window = {
        "start": datetime(2024, 1, 28, tzinfo=UTC),
        "end": datetime(2024, 1, 30, tzinfo=UTC),
    }
    _, first = run(scenario, 5, **window)
    _, again = run(scenario, 5, **window)
    _, other = run(scenario, 6, **window)
    assert columns_equal(first, again)
    assert not np.array_equal(joined(first, "value")[:2000], joined(other, "value")[:2000])


@pytest.mark.parametrize("block_s", [3600.0, 7 * 3600.0 + 60])
def test_how_long_the_slices_are_changes_nothing(block_s):
    scenario = load("demo_2024_02")
    end = datetime(2024, 1, 30, tzinfo=UTC)
    days = list(Simulation(scenario, 3, end=end).slices())
    others = list(Simulation(scenario, 3, end=end).slices(block_s))
    assert columns_equal(days, others)


def test_a_window_shows_the_samples_of_the_whole_run_and_how_things_stand():
    scenario = load("demo_2024_02")
    start, end = datetime(2024, 1, 29, 7, tzinfo=UTC), datetime(2024, 1, 30, tzinfo=UTC)
    _, whole = run(scenario, 3, end=end)
    cut, parts = run(scenario, 3, start=start, end=end)
    inside = joined(whole, "received_s") >= start.timestamp()
    assert np.array_equal(joined(whole, "value")[inside], joined(parts, "value"))
    told = [m for m in parts[0].activities if m["time"] == start.timestamp()]
    assert {m["activity"] for m in told} == {"crew", "oxygen_generation", "hatch", "docking"}
    assert {
        "time": start.timestamp(),
        "activity": "hatch",
        "hatch": "prk-zvezda",
        "state": "open",
    } in told
    assert cut.truth()["start"] == "2024-01-29T07:00:00Z"
    assert cut.truth()["atmospheres"][0]["time"] == "2024-01-29T07:00:00Z"


def test_a_window_before_the_scenario_is_refused():
    with pytest.raises(ScenarioError, match="must begin at 2024-01-28"):
        Simulation(load("demo_2024_02"), start=datetime(2023, 1, 1, tzinfo=UTC))


def test_a_loss_of_signal_hides_samples_or_delivers_them_late(toy):
    gaps = [
        {
            "at": f"2024-02-01T{hour}:00:00Z",
            "what": "signal_gap",
            "until": f"2024-02-01T{hour}:30:00Z",
            "buffered": buffered,
        }
        for hour, buffered in (("06", False), ("12", True))
    ]
    scenario = toy(timeline=gaps)
    _, parts = run(scenario)
    midnight = scenario.start.timestamp()
    time_s, received_s = joined(parts, "time_s"), joined(parts, "received_s")
    minute = (time_s - midnight) / 60
    assert not ((minute >= 360) & (minute < 390)).any()
    late = (minute >= 720) & (minute < 750)
    assert late.sum() == 30 * len(scenario.channels)
    assert (received_s[late] == midnight + 750 * 60).all()
    assert (np.diff(received_s) >= 0).all()
    said = [m["state"] for p in parts for m in p.activities if m["activity"] == "signal"]
    assert said == ["lost", "acquired", "lost", "acquired"]


def test_the_onset_of_the_demo_shows_in_the_true_rate():
    scenario = load("demo_2024_02")
    simulation = Simulation(
        scenario, start=datetime(2024, 2, 7, tzinfo=UTC), end=datetime(2024, 2, 9, tzinfo=UTC)
    )
    for _ in simulation.slices():
        pass
    truth = simulation.truth()
    (change,) = truth["changes"]
    assert change["time"] == "2024-02-08T06:00:00Z"
    assert change["atmosphere"] == "unity"
    rates = truth["leak_rate_kg_per_day"]
    by_time = dict(zip(rates["time"], rates["atmospheres"]["unity"], strict=True))
    onset = datetime(2024, 2, 8, 6, tzinfo=UTC).timestamp()
    assert by_time[onset - 12 * 3600] == pytest.approx(0.43, abs=0.02)
    assert by_time[onset + 600] == pytest.approx(1.09, abs=0.03)


def test_the_pressure_wanders_as_much_as_the_one_recorded_on_the_station():
    """Allan deviations of the Astro Pi record of 29 February to 7 March 2016, detrended, mmHg."""
    recorded = {10: 0.037, 60: 0.114, 144: 0.172, 288: 0.268}
    scenario = load("quiet_month")
    _, parts = run(scenario, 3, end=datetime(2023, 11, 8, tzinfo=UTC))
    index = list(scenario.channels).index("destiny.pressure")
    mine = joined(parts, "channel") == index
    grid = scenario.start.timestamp() + 60.0 * np.arange(7 * 1440)
    order = np.argsort(joined(parts, "time_s")[mine])
    pressure = np.interp(
        grid, joined(parts, "time_s")[mine][order], joined(parts, "value")[mine][order]
    )
    minutes = np.arange(len(pressure))
    pressure -= np.polyval(np.polyfit(minutes, pressure, 1), minutes)
    for window, expected in recorded.items():
        means = pressure[: len(pressure) // window * window].reshape(-1, window).mean(axis=1)
        allan = np.sqrt(np.mean(np.diff(means) ** 2) / 2)
        assert expected / 1.7 < allan < expected * 1.7


def test_the_unforeseen_drift_of_nitrogen_and_of_the_whole_has_the_stated_strength(toy):
    """Without temperature swings the daily changes are the drift alone: q is their variance."""
    scenario = toy(
        end="2024-04-11T00:00:00Z", step_s=600.0, leaks={}, drift={"water": 0, "carbon_dioxide": 0}
    )
    _, parts = run(scenario, 11)
    kelvin = series(scenario, parts, "lab.temperature")
    mmhg = gas.PA_PER_MMHG * kelvin / 295.15
    total = series(scenario, parts, "lab.pressure")
    nitrogen = (total - series(scenario, parts, "lab.ppo2")) / mmhg
    # Six-hourly, as 70 days alone give the variance to 17 % only; four steps of it make a day.
    assert np.diff(nitrogen[::36]).var() * 4 == pytest.approx(0.02 * (586 / 740) ** 2, rel=0.25)
    assert np.diff(total[::36] / gas.PA_PER_MMHG).var() * 4 == pytest.approx(0.18, rel=0.25)


def test_what_no_thermometer_sees_wanders_smoothly_by_as_much_as_stated(toy):
    """Seventy days hold some hundred independent hours of three: the spread is known to a tenth."""
    still = {"oxygen": 0, "carbon_dioxide": 0, "water": 0, "temperature": 0, "unseen": 0}
    shut = {"cabin-lab": {"between": ["cabin", "lab"], "state": "closed"}}
    scenario = toy(
        end="2024-04-11T00:00:00Z",
        step_s=600.0,
        leaks={},
        hatches=shut,
        drift=still | {"wander_k": 0.1, "wander_h": 3.0},
    )
    _, parts = run(scenario, 5)
    kelvin = (
        295.15
        * series(scenario, parts, "lab.pressure")
        / series(scenario, parts, "lab.pressure")[0]
    )
    assert kelvin.std() == pytest.approx(0.1, rel=0.25)
    assert np.ptp(series(scenario, parts, "lab.temperature")) < 1e-6
    assert np.diff(kelvin).std() < 0.1 * 600 / 3600 / 3.0 * 1.5
    lagged = np.corrcoef(kelvin[18:], kelvin[:-18])[0, 1]
    assert lagged == pytest.approx(2 / np.e, abs=0.15)
