"""A person acts on the alerts of a running daemon from the command line, and a restart keeps it."""

import asyncio
import json
from functools import partial

import orjson
from click.testing import CliRunner, Result

from service.app import App
from service.cli import cli
from tests.service.conftest import at_broker, connected, logged, publish

SIMULATED_S = 1_707_696_000.0  # 12 February 2024, 00:00 UTC


def pressures(first_s: float, last_s: float, mmhg: float) -> tuple[str, bytes]:
    times_s = [first_s + 5.0 * i for i in range(int((last_s - first_s) / 5.0))]
    return "iss/zvezda/pressure", orjson.dumps({"time": times_s, "value": [mmhg] * len(times_s)})


async def test_an_alert_is_acknowledged_shelved_and_remembered(
    mosquitto, settings, log_lines, tmp_path
):
    config = partial(
        settings,
        clock="event",
        state={"path": str(tmp_path / "state.db")},
        **at_broker(mosquitto),
    )
    now_s = SIMULATED_S

    async def time_passes(seconds: float = 120.0) -> None:
        nonlocal now_s
        await publish(mosquitto, [pressures(now_s, now_s + seconds, 718.0)])
        now_s += seconds

    async def alerts(*words: str, ticks: bool = False) -> Result:
        call = asyncio.to_thread(CliRunner().invoke, cli, ["alerts", "--url", daemon.url, *words])
        if not ticks:
            return await call
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(call)
            while not asked.done():  # until the command is there, and then its tick
                await time_passes(10.0)
                await asyncio.wait([asked], timeout=0.1)
        return asked.result()

    async with connected(App(config())) as daemon:
        await time_passes()
        raised = await logged(log_lines, "alert.raised")
        alert_id = raised["alert_id"]
        listed = await alerts("list")
        assert (listed.exit_code, alert_id in listed.stdout) == (0, True)
        assert "warning  unacknowledged since 2024-02-12" in listed.stdout
        done = await alerts("ack", alert_id, "--who", "kim", "--why", "seen", ticks=True)
        assert (done.exit_code, done.stdout) == (0, f"{alert_id}: acknowledged\n")
        again = await alerts("ack", alert_id, "--who", "kim", "--why", "seen", ticks=True)
        assert (again.exit_code, again.stderr) == (
            2,
            "an alert that is acknowledged cannot take it\n",
        )
        shelf = ("shelve", alert_id, "--for", "2h", "--who", "lee", "--why", "repair")
        assert (await alerts(*shelf, ticks=True)).exit_code == 0
    async with connected(App(config())) as daemon:
        story = json.loads((await alerts("show", alert_id)).stdout)
        assert story["alert"]["state"] == "shelved"
        assert story["alert"]["shelved_until"] is not None
        assert [e["event"] for e in story["events"]] == ["raised", "acknowledged", "shelved"]
        assert [(c["who"], c["refused"] == "") for c in story["commands"]] == [
            ("kim", True),
            ("kim", False),
            ("lee", True),
        ]
        assert (await alerts("show", "nothing")).exit_code == 2
    log = [line for line in log_lines() if line["message"] == "alert.raised"]
    assert len(log) == 1


def test_a_daemon_that_is_not_there_is_named_with_a_remedy():
    result = CliRunner().invoke(cli, ["alerts", "--url", "http://127.0.0.1:9", "list"])
    assert result.exit_code == 2
    assert "http://127.0.0.1:9: gives no answer" in result.stderr


def test_a_span_that_is_none_is_refused():
    words = ["alerts", "shelve", "a", "--for", "soon", "--why", "x"]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 2
    assert "write it like 90m, 8h or 2d" in result.stderr
