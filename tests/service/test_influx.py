"""What the daemon writes to InfluxDB stands there as it was measured and decided."""

import aiohttp
import pytest

from service.app import App
from service.core.units import PA_PER_MMHG
from service.sources.base import Delivery
from tests.outputs.facade import Facade, influxd_store, select
from tests.service.conftest import Told, logged, readings, running

BEGIN_S = 1_707_696_000.0  # 12 February 2024, 00:00 UTC
MINUTES = 120
LOW_MMHG = 715.25


def minute(number: int) -> tuple[float, Delivery]:
    time_s = BEGIN_S + 60.0 * number
    low = number >= MINUTES // 2
    pressure_pa = (LOW_MMHG if low else 745.0) * PA_PER_MMHG
    return time_s, readings((0, time_s, pressure_pa), (1, time_s, 295.0), (2, time_s, pressure_pa))


async def test_samples_estimates_and_alerts_of_the_daemon_read_back_from_a_real_server(
    influxd, serving, settings, log_lines, monkeypatch
):
    monkeypatch.setenv("HULLWATCH_INFLUX__TOKEN", "secret-token")
    facade = Facade(store=influxd_store(influxd))
    source = Told([minute(number) for number in range(MINUTES)])
    async with aiohttp.ClientSession() as session:
        await session.post(f"{influxd}/query", params={"q": "CREATE DATABASE hull"})
        async with serving(facade.application()) as url:
            target = {"url": url, "org": "crew", "bucket": "hull"}
            app = App(settings(clock="event", influx=target), sources=source.sources)
            async with running(app):
                await source.taken.wait()
        samples = await select(session, influxd, "SELECT * FROM sample")
        estimates = await select(session, influxd, "SELECT * FROM estimate")
        alerts = await select(session, influxd, "SELECT * FROM alert_event")
    assert len(samples) == 3 * MINUTES
    assert {row["channel"]: row["section"] for row in samples} == {
        "zvezda.pressure": "zvezda",
        "zvezda.temperature": "zvezda",
        "prk.pressure": "prk",
    }
    assert samples[-1]["value"] in {LOW_MMHG * PA_PER_MMHG, 295.0}
    assert len(estimates) == MINUTES // 10 - 1
    assert estimates[-1]["pressure_pa"] == pytest.approx(LOW_MMHG * PA_PER_MMHG, abs=0.1)
    assert estimates[-1]["sections"] == "zvezda prk"
    line = await logged(log_lines, "alert.raised", rule="pressure_low")
    [alert] = [row for row in alerts if (row["rule"], row["event"]) == ("pressure_low", "raised")]
    same = ("alert_id", "severity", "state", "atmosphere", "reason", "text")
    assert {key: alert[key] for key in same} == {key: line[key] for key in same}
    assert len(alerts) == sum(line["message"].startswith("alert.") for line in log_lines())
