"""A daemon to be killed: it takes recorded arrivals from where it last acknowledged, and tells.

Every announcement and every acknowledgement is a line on standard output, written at once.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from service.app import App
from service.core.events import AlertEvent
from service.core.samples import SampleBatch
from service.core.views import Outcome
from service.outputs.base import OutputStatus
from service.settings.load import load
from tests.service.conftest import Told
from tests.service.test_live_equals_replay import arrivals


class Teller:
    """An output that writes each alert event as a line."""

    def __init__(self) -> None:
        self.name = "teller"
        self.status = OutputStatus()

    def publish(self, _samples: SampleBatch, outcome: Outcome) -> None:
        for event in outcome.events:
            if isinstance(event, AlertEvent):
                line = {"time": event.time_s, "id": event.alert_id, "event": event.event}
                os.write(1, b"told " + orjson.dumps(line) + b"\n")

    async def run(self) -> None:
        """Nothing is queued."""

    async def drain(self) -> None:
        """Nothing waits."""


async def main(config: Path, seed: int, acknowledged: int) -> None:
    source = Told(arrivals(seed)[acknowledged:])
    deliveries = source.deliveries

    async def noted() -> AsyncIterator[Any]:
        async for delivery in deliveries():
            handled = delivery.done

            def done(handled=handled) -> None:
                os.write(1, b"taken\n")
                handled()

            yield replace(delivery, done=done)

    source.deliveries = noted  # type: ignore[method-assign]
    app = App(load(config), clock=source.clock, sources=source.sources, outputs=[Teller()])
    async with asyncio.TaskGroup() as group:
        group.create_task(app.run(signals=False))
        await source.taken.wait()
        app.stop()
    os.write(1, b"end\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
