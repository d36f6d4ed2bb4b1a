"""A person acts on an alert from the page, in a real browser."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from service.console.access import Access
from service.core.events import Order, RuleKind, SensorDoubted, SensorFault
from service.core.station import HatchState
from service.core.views import IncidentView, SensorView
from tests.console.conftest import NOW_S


class Tab:
    """One page of a browser, driven over its debugging protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0

    async def run(self, script: str) -> object:
        """Return what a script on the page comes to."""
        return (await self._call("Runtime.evaluate", expression=script, returnByValue=True)).get(
            "value"
        )

    async def until(self, script: str) -> None:
        """Return once a script on the page comes to something true."""
        async with asyncio.timeout(30):
            while not await self.run(script):  # noqa: ASYNC110  as an eye on the page does
                await asyncio.sleep(0.05)

    async def resize(self, width: int) -> None:
        """Show the page on a screen of so many pixels."""
        screen = {"height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
        await self._call("Emulation.setDeviceMetricsOverride", width=width, **screen)

    async def _call(self, method: str, **parameters: object) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        while True:
            answer = json.loads((await self._socket.receive()).data)
            if answer.get("id") == self._number:
                return dict(answer["result"].get("result", {}))


@pytest.fixture
def browser(tmp_path):
    """Return what opens a page in a browser of its own."""

    @asynccontextmanager
    async def opened(url: str) -> AsyncIterator[Any]:
        process = await asyncio.create_subprocess_exec(
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-debugging-port=0",
            f"--user-data-dir={tmp_path / 'profile'}",
            url,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        try:
            async with asyncio.timeout(60), aiohttp.ClientSession() as session:
                while b"DevTools listening on" not in (line := await process.stderr.readline()):
                    assert line, "the browser ended early"
                port = line.decode().partition("127.0.0.1:")[2].partition("/")[0]
                async with session.get(f"http://127.0.0.1:{port}/json") as response:
                    pages = [page for page in await response.json() if page["type"] == "page"]
                async with session.ws_connect(pages[0]["webSocketDebuggerUrl"]) as socket:
                    yield Tab(socket)
        finally:
            process.terminate()
            await process.communicate()

    return opened


FILL = """
document.getElementById("act-who").value = "kim";
document.getElementById("act-why").value = "looking at the onset";
"""


def button(title: str) -> str:
    return f'[...document.querySelectorAll(".acts button")].find(b => b.textContent === "{title}")'


def shown(name: str) -> str:
    return f'getComputedStyle(document.getElementById("{name}")).display !== "none"'


async def test_an_alert_is_acknowledged_and_shelved_with_name_and_reason(daemon, browser):
    async with browser(daemon.url) as tab:
        await tab.until(f"!!{button('Acknowledge')}")
        await tab.run(f"{button('Acknowledge')}.click()")
        assert await tab.run('document.getElementById("act").open')
        assert await tab.run(shown("act-hours-row")) is False
        await tab.run(f"{FILL} document.getElementById('act-do').click()")
        await tab.until('!document.getElementById("act").open')
        await tab.run(f"{button('Shelve')}.click()")
        await tab.run(f"{FILL} document.getElementById('act-hours').value = '1.5'")
        await tab.run("document.getElementById('act-do').click()")
        await tab.until('!document.getElementById("act").open')
    acknowledged, shelved = daemon.commands
    assert (acknowledged.order, acknowledged.who) == (Order.ACKNOWLEDGE, "kim")
    assert acknowledged.why == "looking at the onset"
    assert acknowledged.alert_id == "leak_growth/prk/1"
    assert (shelved.order, shelved.lasting_s) == (Order.SHELVE, 5400.0)


async def test_what_was_refused_is_shown_and_the_form_stays(daemon, browser):
    daemon.refused = "an alert that is pending cannot take it"
    async with browser(daemon.url) as tab:
        await tab.until(f"!!{button('Acknowledge')}")
        await tab.run(f"{button('Acknowledge')}.click()")
        await tab.run(f"{FILL} document.getElementById('act-do').click()")
        await tab.until('document.getElementById("act-problem").textContent.includes("pending")')
        assert await tab.run('document.getElementById("act").open')


@pytest.mark.parametrize("access", [Access(host="127.0.0.1", operator_token="act-2")])
async def test_the_token_of_an_operator_is_asked_for_where_one_is_needed(daemon, browser):
    async with browser(daemon.url) as tab:
        await tab.until(f"!!{button('Acknowledge')}")
        await tab.run(f"{button('Acknowledge')}.click()")
        assert await tab.run(shown("act-token-row")) is False
        await tab.run(f"{FILL} document.getElementById('act-do').click()")
        await tab.until(shown("act-token-row"))
        assert daemon.commands == []
        await tab.run("document.getElementById('act-token').value = 'act-2'")
        await tab.run("document.getElementById('act-do').click()")
        await tab.until('!document.getElementById("act").open')
    assert len(daemon.commands) == 1


async def test_alerts_with_one_cause_stand_together(daemon, browser):
    (growth,) = daemon.view.alerts
    rate = replace(growth, alert_id="leak_rate/prk/2", rule="leak_rate", kind=RuleKind.LEAK_RATE)
    silence = replace(growth, alert_id="silence/lab/3", rule="silence", kind=RuleKind.SILENCE)
    incident = IncidentView(
        incident_id="incident-1",
        since_s=growth.since_s,
        severity=growth.severity,
        headline=growth.text,
        sections=("prk",),
        alerts=(growth.alert_id, rate.alert_id),
        timeline=(),
    )
    daemon.view = replace(daemon.view, alerts=(growth, silence, rate), incidents=(incident,))
    async with browser(daemon.url) as tab:
        await tab.until('document.querySelectorAll(".alert").length === 3')
        within = 'document.querySelectorAll(".incident .alert b")'
        assert await tab.run(f"[...{within}].map(b => b.textContent).join()") == (
            "leak growth,leak rate"
        )
        top = await tab.run('document.querySelector(".incident .top b").textContent')
        assert top == "One cause, 2 alerts"


async def test_what_an_alert_said_long_ago_is_not_taken_for_what_is_now(daemon, browser):
    """Its figures are of when it was told: a reserve time of 70 h may be 23 h two days later."""
    async with browser(daemon.url) as tab:
        await tab.until(f"!!{button('Acknowledge')}")
        words = 'document.getElementById("alerts").textContent.includes("Told at")'
        assert not await tab.run(words)
        (alert,) = daemon.view.alerts
        old = replace(alert, told_s=NOW_S - 3600.0)
        daemon.view = replace(daemon.view, alerts=(old,))
        await tab.until(words)


async def test_nothing_on_the_page_is_wider_than_the_screen(daemon, browser):
    """A phone, a tablet and a desk: long names, a doubted sensor, an isolation test with a doubt."""
    view = daemon.view
    doubt = SensorDoubted(
        time_s=view.now_s,
        channel="tranquility.pressure",
        fault=SensorFault.APART,
        is_named=True,
        against=("kibo_jpm.pressure", "columbus.pressure", "destiny.pressure"),
        difference_pa=-211.0,
        since_s=view.now_s - 7200.0,
    )
    section = replace(view.sections[0], name="tranquility")
    text = "prk: sealed, or fed past the seal of hatch tranquility-leonardo."
    daemon.view = replace(
        view,
        sections=(*view.sections, section),
        hatches={**view.hatches, "tranquility-leonardo": HatchState.UNKNOWN},
        sensors=(SensorView(channel=doubt.channel, doubt=doubt),),
        isolation=replace(view.isolation, doubts=(text,)),
    )
    async with browser(daemon.url) as tab:
        await tab.until(f"!!{button('Acknowledge')}")
        for width in (360, 800, 1366):
            await tab.resize(width)
            assert await tab.run("innerWidth") == width
            assert await tab.run("document.documentElement.scrollWidth <= innerWidth")
