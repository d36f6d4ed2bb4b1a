from pathlib import Path

import pytest

from service.errors import ConfigError, InputError
from service.scoring.simulated import recorded
from service.scoring.suites import Case, cases_of, laid_over, read_suite
from service.scoring.truths import ChangeKind, truth_of
from simulators.scenario import load, made

GROWTH = Path(__file__).parents[2] / "config/suites/growth.yaml"
SMALL = """
title: small
levels: {low: {drift: {unseen: 0.001}}, high: {drift: {unseen: 0.1}}}
parts: {a: {x: 1, timeline: [1]}, b: {x: 2, timeline: [2]}}
families:
  one: {parts: [a, b], scenario: {timeline: [3]}}
  two: {parts: [b]}
"""


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(SMALL)
    return read_suite(path)


def test_there_is_a_case_for_each_seed_family_and_level(small):
    names = [case.name for case in cases_of(small, 2)]
    assert len(set(names)) == 8
    assert names[:4] == ["one-low-0", "one-high-0", "two-low-0", "two-high-0"]


def test_parts_are_laid_over_each_other_and_their_lists_are_joined(small):
    tree = cases_of(small, 1)[0].tree
    assert tree == {"x": 2, "timeline": [1, 2, 3], "drift": {"unseen": 0.001}}


def test_levels_share_their_draws_and_families_do_not(small):
    low, high, other, _ = cases_of(small, 1)
    assert low.draw_seed == high.draw_seed != other.draw_seed


def test_only_the_families_asked_for_are_run(small):
    assert {case.family for case in cases_of(small, 1, ["two"])} == {"two"}
    with pytest.raises(InputError, match=r"no family 'three'; use one of one, two"):
        cases_of(small, 1, ["three"])


def test_a_draw_replaces_a_draw():
    below = {"a": {"uniform": [0, 1]}}
    assert laid_over(below, {"a": {"choice": [1, 2]}}) == {"a": {"choice": [1, 2]}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("families: {}", "title"),
        (SMALL.replace("[b]}", "[c]}"), "there is no part 'c'"),
        (SMALL + "colour: red", "colour"),
    ],
)
def test_every_fault_of_a_suite_is_told(tmp_path, text, message):
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_suite(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), (b"a: [", "cannot be read"), (b"", "is no mapping of keys")],
    ids=["absent", "no YAML", "empty"],
)
def test_a_file_that_is_no_suite_is_told(tmp_path, content, message):
    path = tmp_path / "suite.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_suite(path)


GROWTHS = {"trap": 0, "quiet": 0, "lying": 0, "second_step": 2}


@pytest.mark.parametrize("family", read_suite(GROWTH).families)
def test_each_family_of_the_shipped_suite_has_the_changes_that_it_says(family):
    """One seed; long quiet times are cut off by the window of what is read, not simulated."""
    case = next(c for c in cases_of(read_suite(GROWTH), 1, [family]) if c.level == "medium")
    recording = recorded(case)
    truth = truth_of(recording.truth)
    grown = [c for c in truth.changes if c.kind is ChangeKind.GROWTH]
    assert len(grown) == GROWTHS.get(family, 1)
    assert len(truth.changes) - len(grown) == (family == "repair")
    assert len(recording.samples)
    names = {section.name for section in recording.station.sections}
    assert all(set(c.sections) <= names for c in truth.changes)
    assert 7 <= len(recording.station.channels) <= 14


def test_a_family_can_be_a_shipped_scenario():
    suite = read_suite(GROWTH.parent / "february_2024.yaml")
    (case,) = cases_of(suite, 1)
    shipped = load("demo_2024_02")
    assert made(case.tree, case.draw_seed, case.name) == shipped


def test_a_scenario_to_be_based_on_that_is_not_there_is_told():
    case = Case(family="a", level="b", seed=0, tree={"based_on": "nowhere"})
    with pytest.raises(InputError, match="there is no scenario 'nowhere'"):
        recorded(case)


def test_stations_differ_from_seed_to_seed():
    """Twelve seeds."""
    cases = [c for c in cases_of(read_suite(GROWTH), 12, ["rapid"]) if c.level == "low"]
    stations = [recorded(case).station for case in cases]
    assert len({len(station.channels) for station in stations}) > 2
    assert len({sum(s.volume_m3 for s in station.sections) for station in stations}) == 12


def test_the_same_case_is_the_same_recording_again():
    case = cases_of(read_suite(GROWTH), 1, ["rapid"])[0]
    first, second = recorded(case), recorded(case)
    assert (first.samples.value == second.samples.value).all()
    assert first.truth == second.truth
