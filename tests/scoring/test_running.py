import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
import yaml
from click.testing import CliRunner

from service.cli import cli
from service.scoring.running import run_cases, version_of
from service.scoring.suites import Case, cases_of, read_suite
from service.scoring.watching import ReserveCheck
from simulators.publish import run_simulate
from tests.deploy.conftest import ROOT, poll

SUITE = """
title: holes
levels: {low: {drift: {unseen: 0.001}}, high: {drift: {unseen: 0.05}}}
parts:
  station:
    title: a can
    story: a can with a hole
    source: made up
    station: can
    start: 2031-03-01T00:00:00Z
    sections: {can: {volume_m3: {uniform: [90, 110]}}}
    channels:
      one: {section: can, kind: pressure, unit: mmHg, noise: 0.02}
      two: {section: can, kind: pressure, unit: mmHg, noise: 0.02, offset: 0.5}
    leaks: {hole: {section: can, exponent: 1.0}}
    air: {crew: 0, oxygen_generation_kg_per_day: 0}
    life_support: {section: can, bed_air_mmhg: 0}
    step_s: 10
families:
  hole:
    parts: [station]
    scenario:
      end: 2031-03-01T02:00:00Z
      timeline: [{at: 2031-03-01T01:30:00Z, what: leak, leak: hole, hole_mm: 20}]
  calm:
    parts: [station]
    scenario: {end: 2031-03-01T02:00:00Z}
"""


@pytest.fixture
def suite(tmp_path):
    path = tmp_path / "holes.yaml"
    path.write_text(SUITE)
    return path


def lines(out: Path) -> list[bytes]:
    return (out / "cases.jsonl").read_bytes().splitlines()


def children(pid: int) -> list[int]:
    """Return the processes that a process started, of Linux."""
    return [int(pid) for pid in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"  # ended, and nobody has asked how


def test_what_is_done_is_not_done_again(suite, tmp_path):
    cases = cases_of(read_suite(suite), 1, ["hole"])
    first = list(run_cases(cases, tmp_path / "out", 1))
    before = lines(tmp_path / "out")
    second = list(run_cases(cases, tmp_path / "out", 1))
    assert lines(tmp_path / "out") == before
    assert sorted(second, key=lambda r: r.level) == sorted(first, key=lambda r: r.level)


def test_a_reserve_that_lasts_for_ever_is_read_as_it_was_written(suite, tmp_path):
    cases = cases_of(read_suite(suite), 1, ["calm"])[:1]
    (result,) = run_cases(cases, tmp_path / "out", 1)
    endless = ReserveCheck(low_s=None, high_s=None, hole_s=1e6, crack_s=2e6)
    checks = tuple(replace(check, reserve=endless) for check in result.watched.checks)
    kept = replace(result, watched=replace(result.watched, checks=checks))
    (tmp_path / "out" / "cases.jsonl").write_bytes(orjson.dumps(kept))
    assert list(run_cases(cases, tmp_path / "out", 1)) == [kept]


def test_a_run_that_is_killed_leaves_no_worker_behind(suite, tmp_path):
    suite.write_text(SUITE.replace("end: 2031-03-01T02", "end: 2031-06-01T02"))
    score = [sys.executable, "-m", "service", "score", str(suite), "--jobs", "1"]
    with subprocess.Popen([*score, "--out", str(tmp_path / "out")], cwd=ROOT) as process:
        workers = poll(lambda: children(process.pid), lambda found: len(found) == 2)
        process.kill()
    assert len(workers) == 2, "the worker, and what keeps track of what it shares"
    assert poll(lambda: [w for w in workers if is_running(w)], lambda left: not left) == []


def test_a_line_cut_off_by_a_crash_is_done_again(suite, tmp_path):
    cases = cases_of(read_suite(suite), 1, ["hole"])
    list(run_cases(cases, tmp_path / "out", 1))
    path = tmp_path / "out/cases.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    for _ in range(2):
        assert len(list(run_cases(cases, tmp_path / "out", 1))) == 2
        assert len(lines(tmp_path / "out")) == 3


def test_another_case_of_the_same_name_has_another_version(suite):
    (case,) = (c for c in cases_of(read_suite(suite), 1, ["hole"]) if c.level == "low")
    other = Case(
        family=case.family, level=case.level, seed=case.seed, tree=case.tree | {"step_s": 1}
    )
    assert version_of(case) != version_of(other)
    assert version_of(case) == version_of(case)


def test_the_command_finds_the_holes_and_writes_what_it_found(suite, tmp_path):
    """Two seeds at two levels."""
    out = tmp_path / "out"
    found = CliRunner().invoke(
        cli, ["score", str(suite), "--seeds", "2", "--jobs", "1", "--out", str(out)]
    )
    assert found.exit_code == 0, found.output
    assert all(
        word in found.output for word in ("Reliability", "Sensitivity", "Accuracy", "Robustness")
    )
    score = json.loads((out / "score.json").read_text())
    assert score["families"].keys() == {"hole", "calm"}
    for row in score["families"]["hole"].values():
        assert row["found"]["hits"] == row["found"]["count"] == 2
        assert row["delay_median_h"] < 0.05
        assert row["reference_median_h"] <= row["delay_median_h"]
        assert row["ratio"] == pytest.approx(row["delay_median_h"] / row["reference_median_h"])
    assert score["families"]["calm"]["low"]["found"]["count"] == 0
    assert score["families"]["calm"]["low"]["false"]["count"] == 0
    assert score["all"]["cases"] == 8
    assert (out / "delays.png").stat().st_size > 0


def test_recorded_cases_are_scored_without_a_reference(suite, tmp_path):
    folder = tmp_path / "recordings/holes/first"
    folder.mkdir(parents=True)
    (case,) = (c for c in cases_of(read_suite(suite), 1, ["hole"]) if c.level == "low")
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(yaml.safe_dump(case.tree))
    run_simulate(
        scenario=scenario,
        out=str(folder / "telemetry.csv"),
        activities=str(folder / "activities.jsonl"),
        truth=str(folder / "truth.json"),
        config=str(folder / "config.yaml"),
    )
    out = tmp_path / "out"
    found = CliRunner().invoke(
        cli, ["score", str(tmp_path / "recordings"), "--jobs", "1", "--out", str(out)]
    )
    assert found.exit_code == 0, found.output
    row = json.loads((out / "score.json").read_text())["families"]["holes"]["first"]
    assert row["found"]["hits"] == 1
    assert row["ratio"] is None
    assert "Sensitivity: there is nothing to compare delays with" in found.output
    assert "at worst, holes, first: 100 % of 1 found, after " in found.output


@pytest.mark.parametrize(
    ("name", "said"), [("truth.json", "cannot be read"), ("telemetry.csv", "has no telemetry")]
)
def test_what_a_recorded_case_lacks_is_told(tmp_path, name, said):
    folder = tmp_path / "recordings/a"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(
        "station: s\nsections: {a: {volume_m3: 9}}\n"
        "channels: {p: {section: a, kind: pressure, unit: mmHg}}\n"
    )
    (folder / "telemetry.csv").write_text("time,channel,value\n2031-03-01T00:00:00Z,p,740\n")
    (folder / "truth.json").write_text('{"changes": []}')
    (folder / name).unlink()
    found = CliRunner().invoke(
        cli, ["score", str(tmp_path / "recordings"), "--jobs", "1", "--out", str(tmp_path / "o")]
    )
    assert found.exit_code == 2
    assert said in found.output


def test_a_directory_without_a_case_is_told(tmp_path):
    found = CliRunner().invoke(cli, ["score", str(tmp_path), "--out", str(tmp_path / "o")])
    assert found.exit_code == 2
    assert "holds no case" in found.output
