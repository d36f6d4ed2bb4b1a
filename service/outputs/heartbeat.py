"""Tells a dead man's switch that the watch goes on, and nothing while it does not."""

import asyncio
from collections.abc import Callable
from typing import Final

import aiohttp
import structlog

from service.core.samples import SampleBatch
from service.core.views import Outcome
from service.outputs.base import OutputStatus

PATIENCE_S: Final = 10.0


class HeartbeatOutput:
    """Asks for an address again and again while readings are judged.

    Parameters
    ----------
    is_well : callable
        Whether the last tick was of now and all sources are connected.
    """

    def __init__(self, url: str, *, every_s: float, is_well: Callable[[], bool]) -> None:
        self.name = "heartbeat"
        self.status = OutputStatus()
        self._url = url
        self._every_s = every_s
        self._is_well = is_well
        self._is_failing = False
        self._log = structlog.get_logger("hullwatch").bind(output=self.name)

    def publish(self, samples: SampleBatch, outcome: Outcome) -> None:
        """Take nothing: the beat says that there is a watch, not what it sees."""

    async def run(self) -> None:
        """Beat until cancelled."""
        patience = aiohttp.ClientTimeout(total=PATIENCE_S)
        async with aiohttp.ClientSession(timeout=patience) as session:
            while True:
                if self._is_well():
                    await self._beat(session)
                await asyncio.sleep(self._every_s)

    async def drain(self) -> None:
        """Return at once: nothing waits."""

    async def _beat(self, session: aiohttp.ClientSession) -> None:
        try:
            async with session.get(self._url) as answer:
                problem = "" if answer.status < 400 else f"HTTP {answer.status}"
        except (aiohttp.ClientError, TimeoutError) as error:
            problem = str(error) or type(error).__name__
        if not problem:
            self.status.written += 1
            self._is_failing = False
            return
        self.status.failed += 1
        if not self._is_failing:
            self._is_failing = True
            remedy = "bring the dead man's switch back, or correct its address"
            self._log.error("output.failing", reason=problem, remedy=remedy)
