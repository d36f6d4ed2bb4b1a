"""What people and machines read over HTTP."""

import asyncio
import threading
from pathlib import Path

import aiohttp
import pytest

from service.console.server import Console
from service.core.station import HatchState
from service.core.views import MonitorView
from service.outputs.families import Reading
from service.outputs.metrics import Metrics


async def get(url: str, **headers: str) -> tuple[aiohttp.ClientResponse, bytes]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response, await response.read()


async def test_the_status_is_the_view_in_si_with_unknowns_as_null(daemon):
    async with aiohttp.ClientSession() as session:
        status = await (await session.get(f"{daemon.url}/api/v1/status")).json()
    assert status["station"] == "iss"
    assert status["ready"] is True
    assert status["view"]["sections"][1] == {
        "name": "prk",
        "pressure_pa": 97_000.0,
        "temperature_k": None,
    }
    assert status["view"]["alerts"][0]["severity"] == "warning"
    assert status["view"]["hatches"] == {"prk-zvezda": "closed"}
    assert status["hatches_between"] == {"prk-zvezda": ["prk", "zvezda"]}


async def test_readiness_follows_the_daemon_and_health_does_not(daemon):
    daemon.is_ready = False
    ready, _ = await get(f"{daemon.url}/-/ready")
    healthy, _ = await get(f"{daemon.url}/-/healthy")
    assert (ready.status, healthy.status) == (503, 200)
    daemon.is_ready = True
    assert (await get(f"{daemon.url}/-/ready"))[0].status == 200


async def test_a_scrape_gets_the_format_it_asks_for(daemon):
    text, text_body = await get(f"{daemon.url}/metrics")
    openmetrics, body = await get(
        f"{daemon.url}/metrics", Accept="application/openmetrics-text; version=1.0.0"
    )
    assert text.content_type == "text/plain"
    assert openmetrics.content_type == "application/openmetrics-text"
    assert body.endswith(b"# EOF\n")
    assert b"hullwatch_alert_active{" in text_body


async def test_metrics_are_read_on_the_loop_and_rendered_off_it(daemon):
    threads = {}

    class Watched(Metrics):
        def read(self) -> Reading:
            threads["read"] = threading.get_ident()
            return super().read()

        def render(self, reading: Reading, accept: str) -> tuple[bytes, str]:
            threads["render"] = threading.get_ident()
            return super().render(reading, accept)

    daemon.console._metrics = Watched(view=lambda: daemon.view, version="0")
    await get(f"{daemon.url}/metrics")
    assert threads["read"] == threading.get_ident()
    assert threads["render"] != threading.get_ident()


async def test_the_page_runs_nothing_but_its_own_code_and_loads_nothing_from_elsewhere(daemon):
    response, body = await get(daemon.url)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert policy.count("'sha256-") == 2
    assert b"unsafe-inline" not in policy.encode()
    assert b"<script src" not in body
    assert b'rel="stylesheet"' not in body


async def test_a_taken_address_is_told_with_its_remedy(daemon):
    console = Console(
        metrics=daemon.console._metrics,
        view=lambda: daemon.view,
        is_ready=lambda: True,
        station=daemon.console._station,
        desk=daemon.desk,
        access=daemon.access,
        port=int(daemon.url.rpartition(":")[2]),
    )
    with pytest.raises(OSError, match="address already in use"):
        await console.start()


@pytest.fixture
def rendered(daemon, tmp_path: Path):
    """Return the page as a real browser shows it, once its script has run."""

    async def render() -> str:
        process = await asyncio.create_subprocess_exec(
            "chromium",
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=1500",
            "--dump-dom",
            daemon.url,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(60):
            page, _ = await process.communicate()
        return page.decode()

    return render


async def test_a_browser_shows_the_alert_the_leak_and_the_time_left(rendered):
    page = await rendered()
    assert "1 warning · iss · Hullwatch</title>" in page
    assert "▲ warning" in page
    assert "The leak of &lt;b&gt;prk&lt;/b&gt; has grown" in page
    for figure in ("1.09", "0.90 to 1.25", "2.4", "727.6", "Grown by 0.68 kg/day", "● Live"):
        assert figure in page


async def test_a_browser_shows_where_the_leak_is_and_which_hatch_would_tell_more(rendered):
    page = (await rendered()).partition("<script>")[0]
    assert "prk 90 %, zvezda 8 %" in page
    assert "Test under way: prk-zvezda shut" in page
    assert "shut prk-zvezda for 12 h (95 % certain whether the leak is in prk)" in page


async def test_a_browser_shows_no_all_clear_before_the_first_verdict(daemon, rendered):
    daemon.view = MonitorView(
        now_s=None,
        sections=(),
        atmospheres=(),
        hatches={"prk-zvezda": HatchState.UNKNOWN},
        alerts=(),
        last_sample_s={},
    )
    page = (await rendered()).partition("<script>")[0]
    assert "No verdict yet" in page
    assert "✓ No alerts" not in page
    assert "? unknown" in page
