"""From the sample or tick that decides to the log line and the metric: less than a second."""

import asyncio
from itertools import count

import aiomqtt
import orjson

from service.app import App
from service.clock import WallClock
from service.core.ticks import FAST_S
from service.outputs.records import timestamp
from service.sources.columns import unix_s
from tests.contract import ALERT_FIELDS
from tests.service.conftest import at_broker, connected, logged, publish
from tests.sources.conftest import BrokerProcess

SIMULATED_S = 1_707_696_000.0  # 12 February 2024, 00:00 UTC
DEADLINE_S = 1.0

CLOCK = WallClock()


def columns(times_s: list[float], pressure_mmhg: float) -> tuple[str, bytes]:
    payload = {"time": times_s, "value": [pressure_mmhg] * len(times_s)}
    return "iss/zvezda/pressure", orjson.dumps(payload)


async def fall(broker: BrokerProcess) -> None:
    """Send both gauges at 1 Hz, losing 3 mmHg a minute, until cancelled."""
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        for second in count():
            pressure_mmhg = 745.0 - second / 20.0
            await client.publish("iss/zvezda/pressure", f"{pressure_mmhg:.2f}", qos=1)
            await client.publish("iss/prk/pressure", f"{pressure_mmhg - 0.4:.2f}", qos=1)
            await asyncio.sleep(1.0)


async def test_a_rapid_fall_at_1_hz_is_told_within_a_second_of_the_tick_that_decides(
    mosquitto, settings, log_lines
):
    async with connected(App(settings(**at_broker(mosquitto)))) as daemon:
        began_s = CLOCK.now_s()
        async with asyncio.TaskGroup() as group:
            sender = group.create_task(fall(mosquitto))
            line = await logged(
                log_lines, "alert.raised", within_s=60.0, rule="rapid_depressurisation"
            )
            known_s = CLOCK.now_s()
            alert = {"rule": line["rule"], "atmosphere": "zvezda", "severity": "emergency"}
            assert await daemon.metric("hullwatch_alert_active", **alert) == 1.0
            shown_s = CLOCK.now_s()
            sender.cancel()
    decided_s = unix_s(line["time"])
    assert decided_s % FAST_S == 0.0
    assert began_s < decided_s <= known_s
    assert shown_s - decided_s < DEADLINE_S


async def test_with_the_event_clock_the_sample_that_decides_brings_the_alert_within_a_second(
    mosquitto, settings, log_lines
):
    async with connected(App(settings(clock="event", **at_broker(mosquitto)))) as daemon:
        before = [SIMULATED_S + second for second in range(0, 60, 5)]
        await publish(mosquitto, [columns(before, 718.0)])
        await daemon.until_accepted(len(before))
        assert [line for line in log_lines() if line["message"].startswith("alert.")] == []
        sent_s = CLOCK.monotonic_s()
        decides_s = SIMULATED_S + 60.0
        await publish(mosquitto, [columns([decides_s], 718.0)])
        line = await logged(log_lines, "alert.raised")
        alert = {"rule": "pressure_low", "atmosphere": "zvezda", "severity": "warning"}
        assert await daemon.metric("hullwatch_alert_active", **alert) == 1.0
        assert CLOCK.monotonic_s() - sent_s < DEADLINE_S
    assert (line["rule"], line["time"]) == ("pressure_low", timestamp(decides_s))


async def test_an_alert_in_the_log_has_exactly_the_fields_of_the_contract(
    mosquitto, settings, log_lines
):
    async with connected(App(settings(clock="event", **at_broker(mosquitto)))):
        times_s = [SIMULATED_S + 5.0 * number for number in range(13)]
        await publish(mosquitto, [columns(times_s, 718.0)])
        line = await logged(log_lines, "alert.raised")
    assert set(line) == {*ALERT_FIELDS} | {"timestamp", "level", "message"}
    assert (line["event"], line["state"], line["kind"]) == ("raised", "unacknowledged", "limit")
    assert (line["atmosphere"], line["sections"]) == ("zvezda", ["zvezda", "prk"])
    assert line["level"] == "error"
    assert "718" in line["text"]
