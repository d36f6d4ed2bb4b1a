"""A real Prometheus with the shipped rules and dashboard, on a real daemon that sees a leak grow.

The daemon is a process of its own: it watches the February 2024 leak in accelerated time and
writes to a real database.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.deploy.conftest import (
    ROOT,
    dashboard_expressions,
    get,
    poll,
    query,
    start_prometheus,
)
from tests.ports import free_port

# The bundled demonstration, ended while its leak alert stands.
SCENARIO = """\
based_on: demo_2024_02
title: until the night of the first alert
end: 2024-02-09T05:00:00Z
"""
GROWTH = 'ALERTS{alertname="HullwatchLeakGrowth",alertstate="firing",atmosphere="prk"}'


@contextmanager
def process(*command: str | Path, ready_url: str, log: Path, **environment: str) -> Iterator[None]:
    """Run a server from when it answers until it is left; it must end in order."""
    with log.open("wb") as file:
        server = subprocess.Popen(
            command, cwd=ROOT, stdout=file, stderr=file, env=os.environ | environment
        )
    try:
        poll(lambda: get(ready_url) or server.poll(), lambda answer: answer is not None)
        assert server.poll() is None, log.read_text()
        yield
    finally:
        server.terminate()
        assert server.wait(timeout=30) == 0, log.read_text()


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a Prometheus that has seen the leak grow."""
    home = tmp_path_factory.mktemp("watched")
    ports = {"daemon": free_port(), "database": free_port()}
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    config = yaml.safe_load((ROOT / "config/demo.yaml").read_text())
    config["http"] = {"port": ports["daemon"]}
    config["influx"] = {"url": urls["database"], "org": "crew", "bucket": "hull"}
    (home / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    shutil.copytree(ROOT / "simulators/scenarios", home / "scenarios")
    (home / "scenarios/first_alert.yaml").write_text(SCENARIO)
    database = (
        "victoria-metrics",
        f"-storageDataPath={home / 'victoria'}",
        f"-httpListenAddr=127.0.0.1:{ports['database']}",
        "-retentionPeriod=100y",
    )
    daemon = (
        *(sys.executable, "-m", "service", "run", "-c", home / "config.yaml"),
        *("--simulate", home / "scenarios/first_alert.yaml", "--speed", "60000"),
    )
    with (
        process(*database, ready_url=f"{urls['database']}/health", log=home / "database.log"),
        process(
            *daemon,
            ready_url=f"{urls['daemon']}/-/healthy",
            log=home / "daemon.log",
            HULLWATCH_INFLUX__TOKEN="a token",
        ),
        start_prometheus(f"127.0.0.1:{ports['daemon']}", home / "prometheus") as url,
    ):
        poll(lambda: query(url, GROWTH), bool, timeout_s=900.0)
        yield url


def test_the_shipped_growth_alert_fires_on_the_leak_of_the_real_daemon(prometheus):
    (alert,) = query(prometheus, GROWTH)
    assert alert["metric"]["rule"] == "leak_growth"
    assert alert["metric"]["severity"] == "warning"


@pytest.mark.parametrize(
    "name", [name for name, text in dashboard_expressions().items() if "coolant" not in text]
)
def test_every_dashboard_expression_has_data_from_the_real_daemon(name, prometheus):
    """The station of February 2024 has no coolant loop; the stand-in of tests/deploy has one."""
    expression = dashboard_expressions()[name]
    assert poll(lambda: query(prometheus, expression), bool), expression


def test_what_is_refused_or_lost_is_counted_and_is_nothing(prometheus):
    lost = 'sum(hullwatch_output_dropped_total) + sum(hullwatch_samples_total{outcome!="accepted"})'
    (found,) = query(prometheus, lost)
    assert float(found["value"][1]) == 0.0
