"""Stands in for the v2 interface of InfluxDB, alone or in front of another engine."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web


@dataclass
class Facade:
    """The v2 write interface: faults as told, otherwise what `store` says, by default yes."""

    faults: list[str | tuple[int, dict[str, str]]] = field(default_factory=list)
    store: Callable[[web.Request, bytes], Awaitable[tuple[int, str]]] | None = None
    bodies: list[bytes] = field(default_factory=list)
    attempts_at_s: list[float] = field(default_factory=list)

    async def write(self, request):
        self.attempts_at_s.append(asyncio.get_running_loop().time())
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip" and body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        assert request.query["precision"] == "us"
        if self.faults:
            fault = self.faults.pop(0)
            if fault == "reset":
                request.transport.abort()
            if fault == "hang":
                await asyncio.sleep(30)
            status, headers = fault if isinstance(fault, tuple) else (500, {})
            return web.json_response({"message": "told to"}, status=status, headers=headers)
        if self.store is not None:
            status, text = await self.store(request, body)
            if status != 204:
                return web.json_response({"message": text}, status=status)
        self.bodies.append(body)
        return web.Response(status=204)

    def application(self):
        application = web.Application()
        application.router.add_post("/api/v2/write", self.write)
        return application

    def lines(self):
        return [line for body in self.bodies for line in body.split(b"\n")]


def influxd_store(url):
    """Return the part of a v2 write that hands the lines to the engine of influxd 1."""

    async def store(request: web.Request, body: bytes) -> tuple[int, str]:
        assert request.headers["Authorization"] == "Token secret-token"
        params = {"db": request.query["bucket"], "precision": "u"}
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{url}/write", params=params, data=body) as response,
        ):
            return response.status, await response.text()

    return store


async def select(session, url, query):
    """Return the rows of a query to influxd 1 as dicts without their unknowns."""
    params = {"db": "hull", "q": query}
    async with session.get(f"{url}/query", params=params) as response:
        [series] = (await response.json())["results"][0]["series"]
    return [
        {key: value for key, value in zip(series["columns"], row, strict=True) if value is not None}
        for row in series["values"]
    ]
