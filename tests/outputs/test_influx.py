"""Nothing is lost on the way to the database, and nothing bad holds the rest up."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import aiohttp
import numpy as np
import orjson
import pytest

from service.core.samples import SampleBatch
from service.core.views import Outcome
from service.outputs.influx import InfluxOutput, InfluxTarget
from tests.outputs.facade import Facade, influxd_store, select
from tests.ports import free_port

FAST = {"flush_s": 0.01, "retry_first_s": 0.01, "retry_last_s": 0.05, "timeout_s": 5.0}


def target(url: str, **settings: Any) -> InfluxTarget:
    return InfluxTarget(
        url=url, token="secret-token", org="crew", bucket="hull", **{**FAST, **settings}
    )


def readings(count, value=99_800.0):
    times_s = 1_708_000_000.0 + np.arange(count)
    return SampleBatch(
        channel=np.zeros(count, np.int32),
        time_s=times_s,
        received_s=times_s,
        value=np.full(count, value),
        quality=np.zeros(count, np.uint8),
    )


async def test_everything_arrives_at_a_server_nobody_here_wrote(
    victoria, station, samples, estimate, running
):
    output = InfluxOutput(target(victoria), station)
    async with running(output):
        output.publish(samples[:2], Outcome(estimates=(estimate,)))
    async with asyncio.timeout(20), aiohttp.ClientSession() as session:
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        while len(rows) < 3:
            async with session.get(f"{victoria}/internal/force_flush"):
                pass
            query = {"match[]": '{__name__=~"sample_value|estimate_leak_rate_kg_per_day"}'}
            async with session.get(f"{victoria}/api/v1/export", params=query) as response:
                found = [orjson.loads(line) for line in (await response.read()).splitlines()]
            rows = {
                (row["metric"]["__name__"], row["metric"].get("channel", "")): row for row in found
            }
            await asyncio.sleep(0.1)
    pressure = rows["sample_value", "zvezda.pressure"]
    assert pressure["values"] == [99_800.1]
    assert pressure["timestamps"] == [round(samples.time_s[0] * 1000)]
    assert pressure["metric"]["section"] == "zvezda"
    assert rows["estimate_leak_rate_kg_per_day", ""]["values"] == [1.0368]
    assert (output.status.written, output.status.queued, output.status.dropped) == (1, 0, 0)


async def test_strings_of_an_alert_read_back_from_a_real_storage_engine(
    influxd, station, samples, estimate, alert_event, serving, running
):
    text = 'Quote " backslash \\ comma , equals = end \\'
    event = replace(alert_event, text=text)
    facade = Facade(store=influxd_store(influxd))
    async with aiohttp.ClientSession() as session:
        await session.post(f"{influxd}/query", params={"q": "CREATE DATABASE hull"})
        async with serving(facade.application()) as url:
            output = InfluxOutput(target(url), station)
            async with running(output):
                output.publish(samples, Outcome(events=(event,), estimates=(estimate,)))
        [alert] = await select(session, influxd, "SELECT * FROM alert_event")
        values = await select(session, influxd, "SELECT value, quality FROM sample")
    assert alert["text"] == text
    assert alert["onset_time"] == "2024-02-14T12:26:40.250Z"
    assert (alert["rule"], alert["event"], alert["state"]) == (
        "leak_growth",
        "raised",
        "unacknowledged",
    )
    assert alert["suspects"] == "zvezda=0.75 prk=0.25"
    assert alert["leak_rate_kg_per_day"] == pytest.approx(1.088622)
    assert "onset_low" not in alert
    assert sorted(row["value"] for row in values) == sorted(samples.value.tolist())
    assert sorted(row["quality"] for row in values) == [0, 1, 3]


async def test_a_poison_line_is_set_aside_and_every_other_line_stored(
    influxd, station, serving, running, tmp_path, log_lines
):
    letters = tmp_path / "letters.lp"
    facade = Facade(store=influxd_store(influxd))
    poisoned = SampleBatch.concatenate(
        [readings(40), replace(readings(1), value=np.array([np.nan])), readings(100)[50:]]
    )
    async with aiohttp.ClientSession() as session:
        await session.post(f"{influxd}/query", params={"q": "CREATE DATABASE hull"})
        async with serving(facade.application()) as url:
            output = InfluxOutput(target(url, dead_letters=letters), station)
            async with running(output):
                output.publish(poisoned, Outcome())
        [row] = await select(session, influxd, "SELECT COUNT(value) FROM sample")
    assert row["count"] == 90
    assert (output.status.dropped, output.status.queued) == (1, 0)
    assert letters.read_bytes().startswith(b"sample,channel=zvezda.pressure,")
    assert letters.read_bytes().count(b"\n") == 1
    [refused] = [line for line in log_lines() if line["message"] == "output.refused"]
    assert "unable to parse" in refused["reason"]


@pytest.mark.parametrize("fault", [(429, {}), (503, {}), (500, {}), (401, {}), (404, {}), "reset"])
async def test_a_fault_delays_and_loses_nothing(station, serving, running, log_lines, fault):
    facade = Facade(faults=[fault] * 3)
    async with serving(facade.application()) as url:
        output = InfluxOutput(target(url), station)
        async with running(output):
            output.publish(readings(10), Outcome())
    assert len(facade.lines()) == 10
    assert (output.status.failed, output.status.dropped, output.status.queued) == (3, 0, 0)
    told = log_lines()
    assert [line["message"] for line in told] == ["output.failing", "output.recovered"]
    assert told[0]["remedy"]
    assert "secret-token" not in str(told)


async def test_a_server_that_hangs_is_given_up_in_time_and_tried_again(station, serving, running):
    facade = Facade(faults=["hang"])
    async with serving(facade.application()) as url:
        output = InfluxOutput(target(url, timeout_s=0.2), station)
        async with running(output):
            output.publish(readings(10), Outcome())
    assert len(facade.lines()) == 10


async def test_the_pause_a_server_asks_for_is_kept(station, serving, running):
    dates = {
        "Retry-After": "Thu, 15 Feb 2024 12:00:01 GMT",
        "Date": "Thu, 15 Feb 2024 12:00:00 GMT",
    }
    facade = Facade(
        faults=[(429, {"Retry-After": "0.5"}), (503, dates), (503, {"Retry-After": "x"})]
    )
    async with serving(facade.application()) as url:
        output = InfluxOutput(target(url), station)
        async with running(output):
            output.publish(readings(1), Outcome())
    pauses_s = np.diff(facade.attempts_at_s)
    assert pauses_s[0] >= 0.49
    assert pauses_s[1] >= 0.99
    assert pauses_s[2] < 0.4
    assert len(facade.lines()) == 1


async def test_a_database_that_comes_late_gets_everything(station, serving, running):
    facade, port = Facade(), free_port()
    output = InfluxOutput(target(f"http://127.0.0.1:{port}"), station)
    async with running(output):
        output.publish(readings(10), Outcome())
        while output.status.failed < 2:  # noqa: ASYNC110  a counter has no event
            await asyncio.sleep(0.01)
        assert output.status.queued == 10
        async with serving(facade.application(), port=port):
            await output.drain()
    assert len(facade.lines()) == 10


async def test_a_full_queue_gives_up_the_oldest_lines_and_counts_them(
    station, serving, running, log_lines
):
    facade = Facade()
    async with serving(facade.application()) as url:
        output = InfluxOutput(target(url, queued_lines=100), station)
        for _ in range(3):
            output.publish(readings(100), Outcome())
        assert (output.status.dropped, output.status.queued) == (200, 100)
        async with running(output):
            pass
    assert len(facade.lines()) == 100
    assert [line["message"] for line in log_lines()] == ["output.dropping"]


async def test_batches_are_as_large_as_configured(station, serving, running):
    facade = Facade()
    async with serving(facade.application()) as url:
        output = InfluxOutput(target(url, batch_lines=100), station)
        async with running(output):
            output.publish(readings(250), Outcome())
    assert [len(body.split(b"\n")) for body in facade.bodies] == [100, 100, 50]


async def test_what_a_stop_leaves_behind_is_counted_and_told(station, log_lines):
    output = InfluxOutput(target(f"http://127.0.0.1:{free_port()}"), station)
    output.publish(readings(10), Outcome())
    with suppress(TimeoutError):
        async with asyncio.timeout(0.3):
            await output.run()
    assert (output.status.dropped, output.status.queued) == (10, 0)
    assert log_lines()[-1] | {"records": 10, "message": "output.abandoned"} == log_lines()[-1]
