"""Serves the status page, the API, the metrics and the health of the daemon."""

import asyncio
import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any, Final

import orjson
import structlog
from aiohttp import web

from service.console.access import Access, Role
from service.console.desk import Desk
from service.core.station import Station
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.core.views import MonitorView
from service.outputs.metrics import Metrics

SHUTDOWN_S: Final = 1.0  # requests here take milliseconds
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Console:
    """One HTTP server for people and machines; it shows, hands commands on and never decides.

    Parameters
    ----------
    port : int
        0 takes a free one; `start` returns which.
    view : callable
        Returns the state after the last tick.
    is_ready : callable
        Whether sources are connected and state is restored.
    desk : Desk
        Serves what is about alerts.
    access : Access
        Who may look and act. Metrics and health are open to all: they hold no names and no texts.
    """

    def __init__(
        self,
        *,
        metrics: Metrics,
        view: Callable[[], MonitorView],
        is_ready: Callable[[], bool],
        station: Station,
        desk: Desk,
        access: Access,
        port: int = 9464,
    ) -> None:
        self._metrics = metrics
        self._view = view
        self._is_ready = is_ready
        self._station = station
        self._desk = desk
        self._access = access
        self._port = port
        self._page = files(__package__).joinpath("status.html").read_text("utf-8")
        self._openapi = files(__package__).joinpath("openapi.json").read_bytes()
        self._policy = content_policy(self._page)
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Listen, and return the port.

        Raises
        ------
        OSError
            If the address is taken or does not belong to this machine.
        """
        self._runner = web.AppRunner(
            self.application(), access_log=None, shutdown_timeout=SHUTDOWN_S
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._access.host, self._port)
        try:
            await site.start()
        except OSError:
            await self.stop()
            raise
        port = int(self._runner.addresses[0][1])
        structlog.get_logger("hullwatch").info(
            "console.started", url=f"http://{self._access.host}:{port}/"
        )
        return port

    async def stop(self) -> None:
        """Stop listening and close what is open."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def application(self) -> web.Application:
        """Return the routes, for this server or for a test client."""
        application = web.Application(middlewares=[self._harden])
        application.router.add_get("/", self._show_page)
        application.router.add_get("/api/v1/status", self._show_status)
        application.router.add_get("/api/v1/openapi.json", self._show_openapi)
        self._desk.add_routes(application.router)
        application.router.add_get("/metrics", self._show_metrics)
        application.router.add_get("/-/healthy", self._show_health)
        application.router.add_get("/-/ready", self._show_readiness)
        return application

    @web.middleware
    async def _harden(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        response.headers["Content-Security-Policy"] = self._policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response

    async def _show_page(self, _request: web.Request) -> web.Response:
        return web.Response(text=self._page, content_type="text/html")

    async def _show_openapi(self, _request: web.Request) -> web.Response:
        return web.Response(body=self._openapi, content_type="application/json")

    async def _show_status(self, request: web.Request) -> web.Response:
        refusal = self._access.refusal(request, Role.VIEWER)
        if refusal is not None:
            return refusal
        record = status_record(self._station, self._view(), is_ready=self._is_ready())
        return web.Response(body=orjson.dumps(record), content_type="application/json")

    async def _show_metrics(self, request: web.Request) -> web.Response:
        reading = self._metrics.read()
        body, content_type = await asyncio.to_thread(
            self._metrics.render, reading, request.headers.get("Accept", "")
        )
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _show_health(self, _request: web.Request) -> web.Response:
        return web.Response(text="hullwatch is healthy\n")

    async def _show_readiness(self, _request: web.Request) -> web.Response:
        if self._is_ready():
            return web.Response(text="hullwatch is ready\n")
        return web.Response(status=503, text="hullwatch is not ready: a source is not connected\n")


def status_record(station: Station, view: MonitorView, *, is_ready: bool) -> dict[str, Any]:
    """Return the view as it is, in SI, with what it takes to read it.

    `per` holds the factors from SI to the units that people see on the page.
    """
    return {
        "station": station.name,
        "ready": is_ready,
        "per": {"mmhg_pa": PA_PER_MMHG, "day_s": S_PER_DAY},
        "accepted_leak_kg_per_s": station.accepted_leak_kg_per_s,
        "hatches_between": {hatch.name: hatch.between for hatch in station.hatches},
        "view": view,
    }


def content_policy(page: str) -> str:
    """Return a policy under which only the page's own style and script run."""

    def source_of(tag: str) -> str:
        found = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        assert found is not None, f"status.html has no <{tag}>"
        digest = hashlib.sha256(found[1].encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"

    return (
        f"default-src 'none'; script-src {source_of('script')}; style-src {source_of('style')}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
