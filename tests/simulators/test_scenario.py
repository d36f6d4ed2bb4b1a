from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import yaml

from simulators.plan import Schedule
from simulators.scenario import ScenarioError, config_of, load, names
from simulators.timeline import plan_of


def test_the_shipped_scenarios_load_and_say_where_they_are_from():
    assert {"demo_2024_02", "quiet_month", "zvezda_2024_02"} <= set(names())
    for name in names():
        scenario = load(name)
        assert scenario.story
        assert scenario.source


@pytest.mark.parametrize("name", ["demo_2024_02", "quiet_month", "zvezda_2024_02"])
def test_the_station_of_2024_has_the_free_volume_of_its_gas_budgets(name):
    scenario = load(name)
    total = sum(scenario.free_volume_m3(section) for section in scenario.sections)
    assert total == pytest.approx(905, abs=3)


def test_an_unknown_name_tells_the_known_ones():
    with pytest.raises(ScenarioError, match=r"use one of .*demo_2024_02, .*quiet_month"):
        load("zvezda")


def test_every_fault_of_a_file_is_told_with_its_place(toy, tmp_path):
    toy()
    path = tmp_path / "toy.yaml"
    found = yaml.safe_load(path.read_text())
    found["sections"]["cabin"]["volume_m3"] = -1
    found["channels"]["lab.ppo2"]["kind"] = "smell"
    found["colour"] = "red"
    found["timeline"] = [{"at": "2024-02-01T00:00:00Z", "what": "crew", "count": "many"}]
    path.write_text(yaml.safe_dump(found))
    with pytest.raises(ScenarioError) as error:
        load(path)
    lines = str(error.value).splitlines()
    assert len(lines) == 4
    assert all(line.startswith(f"{path}: ") for line in lines)
    for key in ("sections.cabin.volume_m3", "channels.lab.ppo2.kind", "colour", "timeline.0.crew"):
        assert any(key in line for line in lines)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"end": "2024-01-01T00:00:00Z"}, "end: is not after start"),
        ({"leaks": {"hole": {"section": "attic"}}}, "leaks.hole.section: no section 'attic'"),
        (
            {"channels": {"a": {"section": "lab", "kind": "pressure", "unit": "degC"}}},
            "channels.a.unit: 'degC' does not measure pressure; use one of mmHg",
        ),
        (
            {"channels": {"a": {"section": "lab", "kind": "ppo2", "unit": "Pa", "period_s": 90}}},
            "channels.a.period_s: is no multiple of step_s, 60",
        ),
        (
            {"timeline": [{"at": "2024-02-01T00:00:00Z", "what": "leak", "leak": "crack"}]},
            "timeline.0: give one of kg_per_day, kg_per_h and hole_mm",
        ),
        (
            {
                "timeline": [
                    {
                        "at": "2024-02-01T00:00:00Z",
                        "what": "hatch",
                        "hatch": "door",
                        "state": "open",
                    }
                ]
            },
            "timeline.0.hatch: no hatch 'door'; use one of cabin-lab, tunnel-cabin",
        ),
        (
            {"timeline": [{"at": "2023-02-01T00:00:00Z", "what": "crew", "count": 1}]},
            "timeline.0.at: is before start",
        ),
        ({"based_on": "nothing"}, "based_on: there is no scenario 'nothing'"),
    ],
)
def test_a_contradiction_is_told_with_its_place(toy, changes, told):
    with pytest.raises(ScenarioError) as error:
        toy(**changes)
    assert told in str(error.value)


def test_the_configuration_of_a_scenario_names_what_the_scenario_has():
    scenario = load("demo_2024_02")
    config = config_of(scenario)
    assert list(config["sections"]) == list(scenario.sections)
    assert config["sections"]["prk"] == {"volume_m3": 7.0}
    assert config["hatches"]["prk-zvezda"] == {"between": ["prk", "zvezda"], "state": "closed"}
    assert config["channels"]["destiny.ppo2"] == {
        "section": "destiny",
        "kind": "ppo2",
        "unit": "mmHg",
        "noise": 0.15,
        "step": 0.12,
    }
    assert config["clock"] == "event"
    assert yaml.safe_load(yaml.safe_dump(config)) == config


def test_the_prk_hatch_keeps_the_hours_of_its_programme():
    moves = [
        (datetime.fromtimestamp(time_s, UTC), state)
        for time_s, hatch, state in plan_of(load("zvezda_2024_02")).hatch_moves
        if hatch == "prk-zvezda"
    ]
    onset_day = [
        move for move in moves if move[0].date() == datetime(2024, 2, 8, tzinfo=UTC).date()
    ]
    assert onset_day == [
        (datetime(2024, 2, 8, 6, tzinfo=UTC), "open"),
        (datetime(2024, 2, 8, 21, tzinfo=UTC), "closed"),
    ]
    assert moves[0] == (datetime(2024, 1, 1, tzinfo=UTC), "closed")
    quiet = [t for t, _ in moves if datetime(2024, 2, 12, 22, tzinfo=UTC) < t]
    assert quiet[0] == datetime(2024, 2, 18, 6, 6, tzinfo=UTC)
    assert quiet[1] - quiet[0] == timedelta(days=4, hours=23, minutes=54)


def test_an_undeclared_event_sends_no_message_and_a_late_one_says_when_it_came(toy):
    repress = {
        "at": "2024-02-01T06:00:00Z",
        "what": "repressurisation",
        "section": "lab",
        "kg": 2,
        "over_h": 1,
    }
    silent = plan_of(toy(timeline=[repress | {"declared": False}]))
    assert silent.flows
    assert not [m for m in silent.messages if m["activity"] == "repressurisation"]
    late = plan_of(toy(timeline=[repress | {"message_delay_s": 900}]))
    start, stop = [m for m in late.messages if m["activity"] == "repressurisation"]
    assert start["received"] == start["time"] + 900
    assert (start["state"], start["value"], start["unit"]) == ("start", 2, "kg")
    assert stop["time"] == start["time"] + 3600


def test_a_schedule_jumps_ramps_and_lets_a_ramp_be_overruled():
    schedule = Schedule()
    schedule.change(0.0, 1.0)
    schedule.change(10.0, 3.0)
    schedule.change(20.0, 5.0, over_s=10.0)
    schedule.change(25.0, 0.0)
    read = schedule.at(np.array([-5.0, 9.9, 10.0, 22.5, 24.999, 25.0, 99.0]))
    np.testing.assert_allclose(read, [1, 1, 3, 3.5, 4, 0, 0], atol=1e-3)


def test_the_prk_counts_whole_and_the_rest_at_nine_tenths():
    scenario = load("zvezda_2024_02")
    assert scenario.free_volume_m3("prk") == 7.0
    assert scenario.free_volume_m3("zvezda") == pytest.approx(73.8)
    assert scenario.free_volume_m3("progress_ms26") == pytest.approx(6.3)
