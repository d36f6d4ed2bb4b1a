"""Recorded telemetry through the command line, and the demo as a newcomer runs it."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE, STDOUT
from urllib.parse import unquote

import pytest

from tests.contract import ALERT_FIELDS
from tests.deploy.conftest import get, poll

pytestmark = pytest.mark.slow


def environment(home):
    return {**os.environ, "HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])}


def hullwatch(*words: object, cwd):
    return subprocess.run(
        [sys.executable, "-m", "service", *map(str, words)],
        cwd=cwd,
        env=environment(cwd),
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The days around the growth of February 2024, with activities, truth and a config."""
    place = tmp_path_factory.mktemp("recorded")
    simulate(place, "demo_2024_02", "--start", "2024-02-05", "--end", "2024-02-10")
    return place


@pytest.fixture(scope="module")
def replayed(recorded):
    replay(recorded, "one")
    return recorded


def simulate(place, scenario, *words: str):
    made = hullwatch(
        *("simulate", scenario, "--seed", 3, *words, "--out", "t.csv.gz"),
        *("--activities", "a.jsonl", "--truth", "truth.json", "--config", "station.yaml"),
        cwd=place,
    )
    assert made.returncode == 0, made.stderr


def replay(place, name):
    words = ("replay", "t.csv.gz", "-c", "station.yaml", "--activities", "a.jsonl", "--out")
    made = hullwatch(*words, name, cwd=place)
    assert made.returncode == 0, made.stderr


def alerts_of(directory):
    return [json.loads(line) for line in (directory / "alerts.jsonl").read_text().splitlines()]


def written(directory):
    return {p.relative_to(directory).as_posix() for p in directory.rglob("*") if p.is_file()}


def test_two_replays_of_the_same_files_are_byte_identical(tmp_path):
    """Of a drill: a hole, an emergency, and a hatch that is shut, in two hours and a half."""
    simulate(tmp_path, "hole_13mm")
    for name in ("one", "two"):
        replay(tmp_path, name)
    assert {e["kind"] for e in alerts_of(tmp_path / "one")} >= {"leak_growth", "pressure_rate"}
    names = written(tmp_path / "one")
    assert names == written(tmp_path / "two")
    for name in sorted(names):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_replay_writes_what_it_says_and_a_page_for_each_alert_of_a_leak(replayed):
    alert_ids = {e["alert_id"] for e in alerts_of(replayed / "one") if e["event"] == "raised"}
    pages = {f"explain/{alert_id}.html" for alert_id in alert_ids}
    names = {"alerts.jsonl", "estimates.csv", "evidence.json.gz", "report.html", *pages}
    assert written(replayed / "one") == names


def test_the_growth_of_february_is_found_in_the_tunnel_and_its_onset_holds_the_truth(replayed):
    truth = json.loads((replayed / "truth.json").read_text())
    step = next(change for change in truth["changes"] if change["kind"] == "step")
    events = alerts_of(replayed / "one")
    growths = [e for e in events if e["kind"] == "leak_growth" and e["event"] == "raised"]
    assert len(growths) == 1
    growth = growths[0]
    assert growth["onset_low"] <= step["time"].replace("Z", ".000Z") <= growth["onset_high"]
    assert max(growth["suspects"], key=growth["suspects"].get) == "prk"
    assert growth["onset_high"] <= growth["time"]
    assert "crew" in growth["text"].partition("Known and not the cause:")[2]


def test_the_report_links_what_explains_each_alert_of_a_leak(replayed):
    report = (replayed / "one" / "report.html").read_text(encoding="utf-8")
    links = set(re.findall(r'href="([^"]+)"', report))
    assert links
    assert all((replayed / "one" / unquote(link)).exists() for link in links)


def test_explain_tells_of_the_growth_of_february_what_was_weighed_and_what_was_known(replayed):
    growth = next(e for e in alerts_of(replayed / "one") if e["kind"] == "leak_growth")
    result = hullwatch("explain", growth["alert_id"], "--from", "one", cwd=replayed)
    assert result.returncode == 0, result.stderr
    first = result.stdout.partition("Hypotheses")[2].splitlines()[1]
    assert "a leak that grew" in first
    for known in ("crew", "undocking", "oxygen generation", "hatch prk-zvezda closed"):
        assert known in result.stdout.partition("Known and allowed for")[2]


def test_every_alert_event_has_exactly_the_fields_of_the_contract(replayed):
    for event in alerts_of(replayed / "one"):
        assert set(event) == {*ALERT_FIELDS}


def test_the_leak_rate_of_the_shut_tunnel_is_that_of_the_truth(replayed):
    with (replayed / "one" / "estimates.csv").open() as table:
        rows = list(csv.DictReader(table))
    night = [r for r in rows if r["atmosphere"] == "prk" and r["time"].startswith("2024-02-10")]
    assert float(night[0]["leak_rate_kg_per_day"]) == pytest.approx(0.82, rel=0.1)
    assert all(float(r["low"]) < float(r["high"]) for r in rows)


def test_a_replay_names_a_missing_column_and_the_remedy(recorded):
    (recorded / "odd.csv").write_text("when,channel,value\n1,prk.pressure,700\n")
    result = hullwatch("replay", "odd.csv", "-c", "station.yaml", "--out", "x", cwd=recorded)
    assert result.returncode == 2
    assert "odd.csv" in result.stderr
    assert "time" in result.stderr


def test_a_replay_takes_columns_under_other_names(recorded):
    (recorded / "named.csv").write_text("t,pui,value\n2024-02-05T00:00:00Z,prk.pressure,740\n")
    result = hullwatch(
        *("replay", "named.csv", "-c", "station.yaml", "--out", "named"),
        *("--column", "time=t", "--column", "channel=pui"),
        cwd=recorded,
    )
    assert result.returncode == 0, result.stderr
    assert "samples" in result.stdout


def test_the_demo_finds_the_growth_and_does_not_blame_the_crew(tmp_path):
    """With the broker that comes as a Python package, as on a machine that has no other."""
    result = hullwatch("demo", "--broker", "nats-server", cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "nats-server" in result.stdout
    assert "The daemon said so" in result.stdout
    assert "not because of the crew that left" in " ".join(result.stdout.split())
    place = Path(result.stdout.split("truth:")[1].split()[0])
    lines = [json.loads(line) for line in (place / "log.jsonl").read_text().splitlines()]
    raised = [x for x in lines if x["message"] == "alert.raised" and x["kind"] == "leak_growth"]
    assert len(raised) == 1
    shutil.rmtree(place)


def test_ctrl_c_ends_the_demo_and_all_that_it_started(tmp_path):
    """With the mosquitto of the system, once the daemon has read from it."""
    command = [sys.executable, "-m", "service", "demo"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(tmp_path), stdout=PIPE, stderr=STDOUT, text=True
    ) as demo:
        told = ""
        try:
            while (url := re.search(r"metrics:\s+(\S+)\s", told)) is None:
                assert demo.stdout is not None
                line = demo.stdout.readline()
                assert line, told
                told += line
            accepted = re.compile(rb'outcome="accepted",source="mqtt"} [1-9]')
            assert poll(lambda: accepted.search(get(url[1]) or b""), bool), told
            assert demo.poll() is None
            children = Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text().split()
        finally:
            demo.send_signal(signal.SIGINT)
            ended, _ = demo.communicate(timeout=60)
    assert "mosquitto carries the telemetry" in told
    assert demo.returncode == 1
    assert ended.strip() == "Aborted!"
    assert len(children) == 2  # the broker and the simulator
    assert not any(Path("/proc", child).exists() for child in children)
    shutil.rmtree(told.split("truth:")[1].split()[0])
