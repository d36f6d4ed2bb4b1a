from datetime import UTC, datetime

import pytest
import yaml

from simulators.drawing import DrawError, drawn
from simulators.scenario import ScenarioError, load
from simulators.station import Simulation

ONSET = datetime(2024, 2, 1, 12, tzinfo=UTC)
RANDOM = {
    "leaks": {"crack": {"section": "tunnel", "kg_per_day": {"uniform": [0.1, 0.9]}}},
    "air": {"crew": {"choice": [3, 7, 11]}},
    "timeline": [
        {
            "at": {"at": ONSET, "jitter_h": 6},
            "what": "leak",
            "leak": "crack",
            "kg_per_day": {"uniform": [1.0, 2.0]},
        }
    ],
}


@pytest.fixture
def path(toy, tmp_path):
    toy(**RANDOM)
    return tmp_path / "toy.yaml"


def test_numbers_lie_in_their_ranges_and_times_about_theirs(path):
    scenarios = [load(path, seed) for seed in range(40)]
    rates = [s.leaks["crack"].kg_per_day for s in scenarios]
    assert all(0.1 <= rate <= 0.9 for rate in rates)
    assert len(set(rates)) == 40
    assert {s.air.crew for s in scenarios} == {3, 7, 11}
    shifts = [(s.timeline[0].at - ONSET).total_seconds() / 3600 for s in scenarios]
    assert max(shifts) <= 6
    assert min(shifts) >= -6
    assert max(shifts) - min(shifts) > 6


def test_a_seed_draws_the_same_again_and_the_truth_says_what(path):
    assert load(path, 5) == load(path, 5)
    scenario = load(path, 5)
    simulation = Simulation(scenario, 5)
    for _ in simulation.slices():
        pass
    truth = simulation.truth()
    assert truth["drawn"]["leaks.crack.kg_per_day"] == scenario.leaks["crack"].kg_per_day
    assert truth["drawn"]["timeline.0.at"] == truth["changes"][0]["time"]


def test_one_more_choice_changes_no_other(path):
    before = load(path, 3).leaks
    found = yaml.safe_load(path.read_text())
    found["air"]["ppo2_mmhg"] = {"uniform": [150, 170]}
    path.write_text(yaml.safe_dump(found))
    assert load(path, 3).leaks == before


@pytest.mark.parametrize("bad", [{"uniform": [2, 1]}, {"uniform": "x"}, {"choice": []}])
def test_a_choice_that_cannot_be_made_is_told_with_its_place(toy, bad):
    with pytest.raises(ScenarioError, match=r"air\.crew: .* cannot be drawn"):
        toy(air={"crew": bad})


def test_what_was_drawn_fits_the_scenario_or_is_a_fault(toy):
    with pytest.raises(ScenarioError, match=r"volume_m3"):
        toy(sections={"lab": {"volume_m3": {"uniform": [-2, -1]}}})


def test_a_file_without_choices_is_as_it_was():
    tree = {"a": [1, {"b": "2"}], "at": "x"}
    assert drawn(tree, 1) == (tree, {})


def test_a_value_with_a_name_is_drawn_once_for_all_places():
    tree = {"let": {"n": {"uniform": [0, 1]}}, "a": {"let": "n"}, "b": {"sum": [{"let": "n"}, 1]}}
    found, choices = drawn(tree, 4)
    assert found["b"] == found["a"] + 1
    assert choices["let.n"] == found["a"]
    assert "let" not in found


def test_times_can_follow_named_times():
    tree = {
        "let": {"start": ONSET, "change": {"after": "start", "hours": {"uniform": [10, 20]}}},
        "at": {"let": "change"},
        "end": {"after": "change", "hours": 5},
    }
    found, _ = drawn(tree, 2)
    assert 10 <= (found["at"] - ONSET).total_seconds() / 3600 <= 20
    assert (found["end"] - found["at"]).total_seconds() == 5 * 3600


def test_what_is_not_drawn_leaves_neither_key_nor_place():
    tree = {
        "map": {"a": {"maybe": 0, "then": 1}, "b": {"maybe": 1, "then": {"choice": [2]}}},
        "list": [1, {"maybe": 0, "then": 2}, 3],
    }
    assert drawn(tree, 1)[0] == {"map": {"b": 2}, "list": [1, 3]}


def test_a_chance_is_that_share_of_seeds():
    """Two thousand seeds: 0.3 within three standard deviations."""
    tree = {"a": {"maybe": 0.3, "then": 1}}
    assert abs(sum("a" in drawn(tree, seed)[0] for seed in range(2000)) / 2000 - 0.3) < 0.031


def test_repeated_entries_differ_and_lists_in_lists_are_joined():
    tree = {"list": [0, {"repeat": 3, "of": {"uniform": [1, 2]}}, {"choice": [[8, 9]]}]}
    first, *drawn_ones, eight, nine = drawn(tree, 1)[0]["list"]
    assert (first, eight, nine) == (0, 8, 9)
    assert len(set(drawn_ones)) == 3


def test_a_choice_can_hold_choices():
    tree = {"a": {"choice": [{"b": {"log_uniform": [10, 1000]}}]}}
    values = [drawn(tree, seed)[0]["a"]["b"] for seed in range(200)]
    assert all(10 <= value <= 1000 for value in values)
    assert 60 < sum(value < 100 for value in values) < 140


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"a": {"let": "x"}}, "no name 'x'"),
        ({"let": {"x": {"let": "y"}, "y": {"let": "x"}}, "a": {"let": "x"}}, "rests on itself"),
        ({"a": {"sum": ["x", 1]}}, "cannot be drawn"),
        ({"a": {"after": "x", "hours": 1}}, "cannot be drawn"),
    ],
)
def test_names_and_sums_that_cannot_be_are_told(tree, said):
    with pytest.raises(DrawError, match=said):
        drawn(tree, 1)
