"""Every accepted sample is accepted once, whatever becomes of the broker or the daemon."""

import asyncio
from pathlib import Path

import numpy as np
import orjson

from service.app import App
from service.clock import WallClock
from service.core.units import PA_PER_MMHG
from service.sources.tables import read_telemetry
from tests.service.conftest import at_broker, connected, publish

PRESSURE = "iss/zvezda/pressure"
LONG_S = 1.5
CLOCK = WallClock()


def readings(numbers: range) -> list[tuple[str, bytes]]:
    """Return messages that can be told apart by their value."""
    now_s = CLOCK.now_s()
    return [
        (PRESSURE, orjson.dumps({"time": now_s, "value": 740.0 + number / 1024.0}))
        for number in numbers
    ]


def captured(path: Path, app: App) -> list[int]:
    """Return the numbers of the readings in a capture file, ascending."""
    samples = read_telemetry([path], app.station).samples
    return sorted(np.rint((samples.value / PA_PER_MMHG - 740.0) * 1024.0).astype(int).tolist())


async def until_it_waits_long(log_lines) -> None:
    """Return when the source has just begun a pause in which much can be done."""
    async with asyncio.timeout(20):
        while log_lines()[-1].get("retry_in_s", 0.0) < LONG_S:  # noqa: ASYNC110  as people read
            await asyncio.sleep(0.01)


async def test_the_daemon_comes_back_to_a_restarted_broker_and_misses_nothing(
    mosquitto, settings, log_lines, tmp_path
):
    path = tmp_path / "capture.jsonl"
    app = App(settings(capture={"path": str(path)}, **at_broker(mosquitto)))
    async with connected(app) as daemon:
        await publish(mosquitto, readings(range(100)))
        await daemon.until_accepted(100)
        # The broker answers this round trip after the acknowledgements that came before it.
        await publish(mosquitto, [("elsewhere", b"1")])
        mosquitto.stop()
        await daemon.until("hullwatch_source_up", 0.0, source="mqtt")
        await until_it_waits_long(log_lines)
        mosquitto.start()
        await publish(mosquitto, readings(range(100, 200)))
        assert await daemon.metric("hullwatch_source_up", source="mqtt") == 0.0
        await daemon.until("hullwatch_source_up", 1.0, source="mqtt")
        await publish(mosquitto, readings(range(200, 300)))
        await daemon.until_accepted(300)
        assert await daemon.metric("hullwatch_source_reconnects_total", source="mqtt") == 1.0
        assert await daemon.metric("hullwatch_source_sessions_lost_total", source="mqtt") == 0.0
    assert captured(path, app) == list(range(300))


async def test_an_orderly_stop_in_the_middle_of_a_burst_loses_nothing_and_repeats_nothing(
    mosquitto, settings, tmp_path
):
    path = tmp_path / "capture.jsonl"
    config = settings(capture={"path": str(path)}, **at_broker(mosquitto))
    first = App(config)
    async with asyncio.TaskGroup() as group, connected(first) as daemon:
        group.create_task(publish(mosquitto, readings(range(2000))))
        while await daemon.samples("accepted") == 0:
            pass
    before = captured(path, first)
    assert 0 < len(before) < 2000
    async with connected(App(config)) as daemon:
        await daemon.until_accepted(2000 - len(before))
    assert captured(path, first) == list(range(2000))
