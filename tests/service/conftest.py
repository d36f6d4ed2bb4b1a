"""Runs the whole daemon in this process, on a free port, and looks at it from outside."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import aiomqtt
import numpy as np
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from service.app import App
from service.clock import Clock
from service.core.samples import SampleBatch
from service.core.station import Station
from service.settings.load import load
from service.settings.schema import Settings
from service.sources.base import Delivery, Source, SourceStatus
from tests.outputs.conftest import influxd, log_lines, serving
from tests.sources.conftest import BrokerProcess, mosquitto

__all__ = ["influxd", "log_lines", "mosquitto", "serving"]

LogLines = Callable[[], list[dict[str, Any]]]

STATION = {
    "station": "iss",
    "clock": "wall",
    "sections": {"zvezda": {"volume_m3": 82}, "prk": {"volume_m3": 7}},
    "hatches": {"prk-zvezda": {"between": ["prk", "zvezda"]}},
    "channels": {
        "zvezda.pressure": {"section": "zvezda", "kind": "pressure", "unit": "mmHg"},
        "zvezda.temperature": {"section": "zvezda", "kind": "temperature", "unit": "degC"},
        "prk.pressure": {"section": "prk", "kind": "pressure", "unit": "mmHg"},
    },
    "rules": [
        {
            "name": "pressure_low",
            "kind": "limit",
            "below_mmhg": {"warning": 719},
            "clear_margin_mmhg": 1,
            "response": "Repressurise.",
        },
        {
            "name": "rapid_depressurisation",
            "kind": "pressure_rate",
            "fall_mmhg_per_min": {"emergency": 0.5},
            "response": "Shut hatches.",
        },
        {
            "name": "silence",
            "kind": "silence",
            "silent_s": {"advisory": 900},
            "response": "Check the link.",
        },
    ],
    "http": {"port": 0},
    "log": {"format": "json"},
}


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("HULLWATCH_") or name == "CREDENTIALS_DIRECTORY":
            monkeypatch.delenv(name)


@pytest.fixture
def write_config(tmp_path: Path) -> Callable[..., Path]:
    """Write a config file of two sections, with the top-level keys given changed."""

    def written(**changes: Any) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump({**STATION, **changes}, sort_keys=False), encoding="utf-8")
        return path

    return written


@pytest.fixture
def settings(write_config: Callable[..., Path]) -> Callable[..., Settings]:
    """Read such a config file."""
    return lambda **changes: load(write_config(**changes))


@dataclass(frozen=True)
class Daemon:
    """A running daemon as others see it."""

    app: App
    url: str
    http: aiohttp.ClientSession

    async def metric(self, name: str, **labels: str) -> float | None:
        """Return the value of the one series, scraped now; None = there is none."""
        async with self.http.get(f"{self.url}/metrics") as response:
            assert response.status == 200
            text = await response.text()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == name and labels.items() <= sample.labels.items():
                    return sample.value
        return None

    async def samples(self, outcome: str) -> int:
        """Return how many samples of the broker had the outcome."""
        count = await self.metric("hullwatch_samples_total", source="mqtt", outcome=outcome)
        assert count is not None, f"the outcome {outcome} is not counted from the start"
        return int(count)

    async def until(self, name: str, value: float, **labels: str) -> None:
        """Return once a scrape shows the value."""
        async with asyncio.timeout(20):
            while await self.metric(name, **labels) != value:  # noqa: ASYNC110  as Prometheus does
                await asyncio.sleep(0.02)

    async def until_accepted(self, count: int) -> None:
        """Return once so many samples of the broker were accepted."""
        labels = {"source": "mqtt", "outcome": "accepted"}
        await self.until("hullwatch_samples_total", count, **labels)


@asynccontextmanager
async def running(app: App) -> AsyncIterator[Daemon]:
    """Run the daemon until it is left, then let it end in order."""
    listens: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        group.create_task(app.run(signals=False, ready=listens.set_result))
        port = await listens
        try:
            async with aiohttp.ClientSession() as http:
                yield Daemon(app, f"http://127.0.0.1:{port}", http)
        finally:
            app.stop()


def at_broker(broker: BrokerProcess, **changes: Any) -> dict[str, Any]:
    """Return the part of a config that names the broker."""
    return {"mqtt": {"host": "127.0.0.1", "port": broker.port, **changes}}


@asynccontextmanager
async def connected(app: App) -> AsyncIterator[Daemon]:
    """Run the daemon as `running` does, from the moment its broker sends to it."""
    async with running(app) as daemon:
        await daemon.until("hullwatch_source_up", 1.0, source="mqtt")
        yield daemon


class Told:
    """A source that delivers what it is given, each at its time on the clock it sets, once.

    Parameters
    ----------
    arrivals : sequence of (float, Delivery)
        What arrives and when, Unix UTC.
    """

    def __init__(self, arrivals: Sequence[tuple[float, Delivery]]) -> None:
        self.name = "told"
        self.status = SourceStatus(up=True)
        self.taken = asyncio.Event()
        self.clock = SetClock()
        self._arrivals = arrivals
        self._acts: list[tuple[float, Callable[[], None]]] = []

    def acts(self, at_s: float, act: Callable[[], None]) -> None:
        """Have something done before the first delivery that arrives at a time or after it."""
        self._acts.append((at_s, act))

    def sources(self, _station: Station, _clock: Clock) -> list[Source]:
        """Return itself as all sources of a daemon."""
        return [self]

    async def deliveries(self) -> AsyncIterator[Delivery]:
        """Yield each delivery once the one before has been handled."""
        for arrived_s, delivery in self._arrivals:
            handled = asyncio.Event()
            self.clock.set_s = float(arrived_s)
            for at_s, act in self._acts[:]:
                if arrived_s >= at_s:
                    self._acts.remove((at_s, act))
                    act()
            yield replace(delivery, done=handled.set)
            await handled.wait()
        self.taken.set()
        await asyncio.Event().wait()


class SetClock:
    """A clock that shows what it was set to."""

    def __init__(self) -> None:
        self.set_s = 0.0

    def now_s(self) -> float:
        """Return the time of day."""
        return self.set_s

    def monotonic_s(self) -> float:
        """Return the same."""
        return self.set_s


def readings(*rows: tuple[int, float, float]) -> Delivery:
    """Return good readings of (index of the channel, event time, value in SI)."""
    channel, time_s, value = zip(*rows, strict=True)
    times_s = np.array(time_s, np.float64)
    return Delivery(
        samples=SampleBatch(
            channel=np.array(channel, np.int32),
            time_s=times_s,
            received_s=times_s,
            value=np.array(value, np.float64),
            quality=np.zeros(len(rows), np.uint8),
        )
    )


async def publish(broker: BrokerProcess, messages: Sequence[tuple[str, bytes]]) -> None:
    """Return once the broker has taken all messages over."""
    protocol = aiomqtt.ProtocolVersion.V5
    async with aiomqtt.Client("127.0.0.1", broker.port, protocol=protocol) as client:
        for topic, payload in messages:
            await client.publish(topic, payload, qos=1)


async def logged(
    lines: LogLines, name: str, *, within_s: float = 20.0, **fields: Any
) -> dict[str, Any]:
    """Return the first log line of that name with these fields, once there is one."""
    async with asyncio.timeout(within_s):
        while True:
            for line in lines():
                if line["message"] == name and line | fields == line:
                    return line
            await asyncio.sleep(0.01)
