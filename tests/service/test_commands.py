"""The commands as a shell sees them: exit codes, messages and signals."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner

from service.cli import cli
from service.clock import WallClock
from tests.deploy.conftest import ROOT, get, poll
from tests.ports import free_port
from tests.service.conftest import at_broker, publish

STOPS_WITHIN_S = 10.0


def ended(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "service", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@contextmanager
def daemon(config: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "service", "run", "-c", str(config)]
    with log.open("wb") as file, subprocess.Popen(command, cwd=ROOT, stdout=file) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
async def test_a_signal_stops_the_daemon_in_order_with_all_that_was_accepted_written(
    mosquitto, write_config, tmp_path, number
):
    port, log, capture = free_port(), tmp_path / "log.jsonl", tmp_path / "capture.jsonl"
    config = write_config(
        http={"port": port}, capture={"path": str(capture)}, **at_broker(mosquitto)
    )
    url = f"http://127.0.0.1:{port}"
    accepted = b'hullwatch_samples_total{outcome="accepted",source="mqtt"} 500.0'
    payload = orjson.dumps({"time": [WallClock().now_s()] * 50, "value": [750.0] * 50})
    with daemon(config, log) as process:
        assert poll(lambda: get(f"{url}/-/ready"), bool), log.read_text()
        await publish(mosquitto, [("iss/zvezda/pressure", payload)] * 10)
        assert poll(lambda: accepted in (get(f"{url}/metrics") or b""), bool), log.read_text()
        os.kill(process.pid, number)
        assert process.wait(STOPS_WITHIN_S) == 0
    names = [orjson.loads(line)["message"] for line in log.read_bytes().splitlines()]
    assert names[0] == "console.started"
    assert names[-2:] == ["service.stopping", "service.stopped"]
    assert len(capture.read_bytes().splitlines()) == 500


def test_a_taken_port_ends_the_daemon_with_two_and_says_what_to_do(write_config, mosquitto):
    config = write_config(http={"port": mosquitto.port}, **at_broker(mosquitto))
    result = ended(["run", "-c", str(config)])
    assert result.returncode == 2
    assert f"127.0.0.1:{mosquitto.port}" in result.stderr
    assert "address already in use" in result.stderr
    assert "another http.port" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_daemon_without_a_source_ends_with_two_and_says_what_to_add(write_config):
    result = CliRunner().invoke(cli, ["run", "-c", str(write_config())])
    assert result.exit_code == 2
    assert "names no source of telemetry; add mqtt: {host: ...}" in result.stderr


def test_a_simulation_under_the_wall_clock_ends_with_two_and_says_what_to_set(write_config):
    result = CliRunner().invoke(
        cli, ["run", "-c", str(write_config(clock="wall")), "--simulate", "hole_13mm"]
    )
    assert result.exit_code == 2
    assert "clock: wall would refuse all of a simulation" in result.stderr
    assert "HULLWATCH_CLOCK=event" in result.stderr


@pytest.mark.parametrize(
    ("command", "option", "value"),
    [
        ("run", "--seed", "-1"),
        ("run", "--speed", "0"),
        ("demo", "--seed", "-1"),
        ("demo", "--speed", "0"),
        ("simulate", "--seed", "-1"),
    ],
)
def test_no_simulation_has_a_seed_below_zero_or_stands_still(command, option, value):
    result = CliRunner().invoke(cli, [command, option, value])
    assert result.exit_code == 2
    assert f"Invalid value for '{option}'" in result.stderr


def test_faults_of_the_config_end_the_daemon_with_two_and_are_told_all_at_once(write_config):
    config = write_config(clock="wal", sections={"zvezda": {"volume_m3": 0}})
    result = CliRunner().invoke(cli, ["run", "-c", str(config)])
    assert result.exit_code == 2
    assert "clock: 'wal' is not possible here\n    did you mean 'wall'?" in result.stderr
    assert "sections.zvezda.volume_m3" in result.stderr


@pytest.mark.parametrize("command", [[], *([name] for name in cli.commands)], ids="".join)
def test_the_help_has_an_example_that_begins_with_the_command(command):
    result = CliRunner().invoke(cli, [*command, "--help"])
    assert result.exit_code == 0
    _, _, examples = result.output.partition("\n  Example")
    assert " ".join(["hullwatch", *command]) in examples
