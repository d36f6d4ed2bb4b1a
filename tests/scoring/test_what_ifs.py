"""What other rules would have done in the same cases."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.scoring.running import version_of
from service.scoring.suites import cases_of, read_suite
from service.settings.what_ifs import read_what_if
from tests.scoring.test_running import SUITE, lines

PATIENT = """
rules:
  - name: falls
    kind: pressure_rate
    fall_mmhg_per_min: {emergency: 0.5}
    hold_s: HOLD
    response: shut the can
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "holes.yaml"
    path.write_text(SUITE)
    return path


def patient(tmp_path: Path, hold_s: int) -> Path:
    """Write a what-if with one rule, which holds so long."""
    path = tmp_path / f"after_{hold_s}.yaml"
    path.write_text(PATIENT.replace("HOLD", str(hold_s)))
    return path


def scored(suite: Path, out: Path, *what_ifs: Path, seeds: int = 2) -> Result:
    options = [word for path in what_ifs for word in ("--what-if", str(path))]
    arguments = ["score", str(suite), "--seeds", str(seeds), "--jobs", "1", "--out", str(out)]
    return CliRunner().invoke(cli, [*arguments, *options])


def figures(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "score.json").read_text())["what_if"]
    return found


def test_a_longer_hold_is_a_longer_delay_and_one_longer_than_the_leak_finds_nothing(
    suite, tmp_path
):
    """Two seeds at two levels: holds of 10 s, of 10 min, and of more than the half hour that is left."""
    out = tmp_path / "out"
    found = scored(suite, out, *(patient(tmp_path, hold_s) for hold_s in (10, 600, 3600)))
    assert found.exit_code == 0, found.output
    assert all(word in found.output for word in ("as it is", "after_10", "after_600", "after_3600"))
    seen = figures(out)
    assert list(seen) == ["as it is", "after_10", "after_600", "after_3600"]
    quick, slow, never = (seen[name]["families"]["hole"] for name in list(seen)[1:])
    assert quick["found"]["hits"] == slow["found"]["hits"] == 4
    assert slow["delay_median_h"] - quick["delay_median_h"] == pytest.approx(590 / 3600, abs=0.01)
    assert never["found"]["hits"] == 0
    assert never["delay_median_h"] is None
    assert all(variant["families"]["calm"]["found"]["count"] == 0 for variant in seen.values())


def test_a_change_to_what_is_already_so_changes_no_figure(suite, tmp_path):
    same = tmp_path / "same.yaml"
    same.write_text("rule_overrides:\n  - {rule: rapid_depressurisation, change: {hold_s: 5}}\n")
    assert scored(suite, tmp_path / "out", same, seeds=1).exit_code == 0
    seen = figures(tmp_path / "out")
    for family, row in seen["same"]["families"].items():
        assert row == seen["as it is"]["families"][family]


def test_a_what_if_that_comes_later_is_all_that_is_run(suite, tmp_path):
    out = tmp_path / "out"
    assert scored(suite, out, seeds=1).exit_code == 0
    before = lines(out)
    assert scored(suite, out, patient(tmp_path, 10), seeds=1).exit_code == 0
    after = lines(out)
    assert after[: len(before)] == before
    assert [json.loads(line)["what_if"] for line in after[len(before) :]] == ["after_10"] * 4
    assert scored(suite, out, patient(tmp_path, 10), seeds=1).exit_code == 0
    assert lines(out) == after


def test_a_what_if_is_known_by_what_it_says_and_not_by_its_name(suite, tmp_path):
    case = cases_of(read_suite(suite), 1, ["hole"])[0]
    path, other = patient(tmp_path, 10), tmp_path / "other.yaml"
    first = version_of(case, read_what_if(path))
    other.write_text(path.read_text())
    assert version_of(case, read_what_if(other)) == first
    other.write_text(path.read_text().replace("0.5", "0.6"))
    assert version_of(case, read_what_if(other)) != first
    assert version_of(case) != first


def test_a_what_if_that_does_not_fit_a_case_is_told_with_its_place(suite, tmp_path):
    path = tmp_path / "lost.yaml"
    path.write_text("rule_overrides:\n  - {rule: leek_growth, disabled: true}\n")
    found = scored(suite, tmp_path / "out", path, seeds=1)
    assert found.exit_code == 2
    assert f"{path}:2: rule_overrides.0.rule: there is no rule 'leek_growth'" in found.output
    assert "did you mean 'leak_growth'?" in found.output


def test_two_what_ifs_of_one_name_are_refused(suite, tmp_path):
    path = patient(tmp_path, 10)
    (tmp_path / "b").mkdir()
    found = scored(suite, tmp_path / "out", path, patient(tmp_path / "b", 10))
    assert found.exit_code == 2
    assert "a second one is named 'after_10'" in found.output
