import numpy as np
import pytest

from simulators import gas
from simulators.station import Simulation
from simulators.timeline import plan_of

DAY = "2024-02-01T"


def run(scenario, seed=1):
    """Run a scenario; give the simulation and what each channel shows, one value a step."""
    simulation = Simulation(scenario, seed)
    parts = list(simulation.slices())
    value, channel = (np.concatenate([getattr(p, c) for p in parts]) for c in ("value", "channel"))
    return simulation, {name: value[channel == i] for i, name in enumerate(scenario.channels)}


def sizes(scenario, *hours: float):
    at_s = scenario.start.timestamp() + 3600 * np.array(hours)
    return plan_of(scenario).leaks_kg_per_day["crack"].at(at_s).round(6).tolist()


def test_an_intermittent_leak_opens_and_closes_until_its_end(toy):
    scenario = toy(
        timeline=[
            {
                "at": f"{DAY}06:00:00Z",
                "what": "intermittent_leak",
                "leak": "crack",
                "until": f"{DAY}16:00:00Z",
                "kg_per_day": 2.0,
                "rest_kg_per_day": 0.1,
                "on_h": 3,
                "off_h": 1,
            }
        ]
    )
    assert sizes(scenario, 5, 6, 8.9, 9, 9.9, 10, 12.9, 13.5, 15, 16.1, 40) == [
        0.5, 2, 2, 0.1, 0.1, 2, 2, 0.1, 2, 0.1, 0.1,
    ]  # fmt: skip
    assert len(plan_of(scenario).changes) == 6


def test_a_patch_leaves_a_share_of_a_leak_and_is_told_as_such(toy):
    scenario = toy(
        timeline=[
            {"at": f"{DAY}06:00:00Z", "what": "leak", "leak": "crack", "kg_per_day": 2.0},
            {"at": f"{DAY}12:00:00Z", "what": "patch", "leak": "crack", "factor": 0.4},
            {"at": f"{DAY}18:00:00Z", "what": "patch", "leak": "crack", "factor": 0.5, "over_h": 2},
        ]
    )
    assert sizes(scenario, 11, 13, 19, 20) == [2, 0.8, 0.6, 0.4]
    simulation, _ = run(scenario)
    assert [c["kind"] for c in simulation.truth()["changes"]] == ["step", "patch", "patch"]


def test_in_a_handover_both_crews_are_aboard_between_two_messages(toy):
    scenario = toy(
        air={"crew": 7},
        timeline=[
            {
                "at": f"{DAY}06:00:00Z",
                "what": "handover",
                "until": f"{DAY}18:00:00Z",
                "arriving": 4,
                "leaving": 3,
            }
        ],
    )
    messages = [m for m in plan_of(scenario).messages if m["activity"] == "crew"]
    assert [m["value"] for m in messages] == [7, 11, 8]


def test_without_co2_removal_the_breath_of_the_crew_stays(toy):
    """Seven people breathe out 7 kg of CO2 a day."""
    machines = {"section": "lab", "condensation_kg_per_day_per_mmhg": 0}
    scenario = toy(
        air=toy().air.model_dump() | {"crew": 7, "ppco2_mmhg": 2.9},
        leaks={},
        life_support=machines,
        channels={"lab.ppco2": {"section": "lab", "kind": "ppco2", "unit": "Pa"}},
        timeline=[{"at": "2024-02-02T00:00:00Z", "what": "co2_removal", "state": "off"}],
    )
    simulation, shown = run(scenario)
    ppco2 = shown["lab.ppco2"]
    kg_per_pa = 207 * 0.0440095 / (gas.R_J_PER_MOL_K * 295.15)
    assert abs(ppco2[1439] - ppco2[720]) * kg_per_pa < 1.0
    assert (ppco2[-1] - ppco2[1439]) * kg_per_pa == pytest.approx(7.0, rel=0.05)
    (told,) = [m for m in simulation._plan.messages if m["activity"] == "co2_removal"]
    assert (told["state"], told["section"]) == ("off", "lab")


def test_a_cyclic_oxygen_generator_makes_as_much_in_bursts(toy):
    kinds = {"lab.ppo2": {"section": "lab", "kind": "ppo2", "unit": "Pa"}}
    made = {}
    for mode in ("continuous", "cyclic"):
        entry = {"at": f"{DAY}00:00:00Z", "what": "oxygen_generation", "mode": mode}
        scenario = toy(leaks={}, channels=kinds, timeline=[entry | {"kg_per_day": 5.5}])
        made[mode] = np.diff(run(scenario)[1]["lab.ppo2"])
    assert made["cyclic"].sum() == pytest.approx(made["continuous"].sum(), rel=0.02)
    assert made["cyclic"].std() > 20 * made["continuous"].std()


def test_a_dry_out_warms_and_moistens_its_module_for_hours_only(toy):
    scenario = toy(
        leaks={},
        life_support={"section": "lab", "bed_air_mmhg": 0},
        air=toy().air.model_dump() | {"pph2o_mmhg": 8.04},
        channels={
            "lab.temperature": {"section": "lab", "kind": "temperature", "unit": "K"},
            "lab.humidity": {"section": "lab", "kind": "humidity", "unit": "percent"},
        },
        timeline=[{"at": f"{DAY}06:00:00Z", "what": "dry_out", "section": "lab"}],
    )
    simulation, shown = run(scenario)
    warmth = shown["lab.temperature"] - shown["lab.temperature"][0]
    assert warmth[6 * 60 + 120] == pytest.approx(0.8)
    assert warmth[13 * 60] == pytest.approx(0.0)
    humid = shown["lab.humidity"]
    assert humid[6 * 60 + 175] > humid[5 * 60] + 0.3
    assert abs(humid[-1] - humid[5 * 60]) < 0.3
    said = [m for m in simulation._plan.messages if m["activity"] == "note"]
    assert [m["state"] for m in said] == ["start", "stop"]


def test_a_night_that_cools_by_eight_hundredths_of_a_kelvin_an_hour_fakes_a_leak(toy):
    """28 September 2020: about 15 lb/day apparent, no gram lost."""
    scenario = toy(
        leaks={},
        timeline=[
            {
                "at": f"{DAY}20:00:00Z",
                "what": "thermal",
                "sections": ["cabin", "lab", "tunnel"],
                "change_k": -0.8,
                "over_h": 10,
                "until": "2024-02-02T08:00:00Z",
            }
        ],
    )
    _, shown = run(scenario)
    mmhg = shown["lab.pressure"] / gas.PA_PER_MMHG
    fall_per_day = (mmhg[20 * 60] - mmhg[30 * 60]) / 10 * 24
    assert fall_per_day * 1.441 * 2.205 == pytest.approx(15.3, rel=0.03)  # 916 m3, lb/day
    assert mmhg[-1] == pytest.approx(mmhg[0], abs=1e-6)


def test_changes_of_temperature_add_up_and_the_beta_angle_swings_back(toy):
    beta = {"what": "beta_swing", "sections": ["lab"], "amplitude_k": 1.5, "period_days": 2}
    heat = {"what": "thermal", "sections": ["lab"], "over_h": 2}
    scenario = toy(
        timeline=[
            beta | {"at": f"{DAY}00:00:00Z", "until": "2024-02-03T00:00:00Z"},
            heat | {"at": f"{DAY}11:00:00Z", "change_k": 1.0},
            heat | {"at": f"{DAY}12:00:00Z", "change_k": -0.5},
        ],
    )
    simulation, shown = run(scenario)
    warmth = shown["lab.temperature"] - shown["lab.temperature"][0]
    assert warmth[12 * 60] == pytest.approx(1.5 + 0.5)
    assert warmth[24 * 60] == pytest.approx(0.5, abs=1e-6)
    assert warmth[36 * 60] == pytest.approx(-1.5 + 0.5)
    told = [m["value"] for m in simulation._plan.messages if m["activity"] == "thermal_setpoint"]
    assert told == [23.0, 22.5]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"what": "handover", "until": f"{DAY}01:00:00Z", "arriving": 1, "leaving": 1}, ".until"),
        ({"what": "eva", "hatch": "cabin-lab", "outer_hatch": "tunnel-cabin"}, "an airlock lies"),
        ({"what": "dry_out", "section": "attic"}, "no section 'attic'"),
        ({"what": "fault", "channel": ["lab.ppo2", "x"], "fault": "late"}, "no channel 'x'"),
    ],
)
def test_a_line_that_cannot_be_is_told_with_its_place(toy, entry, told):
    with pytest.raises(ValueError, match=r"timeline\.0.*" + told.replace(".", r"\.")):
        toy(timeline=[{"at": f"{DAY}06:00:00Z"} | entry])
