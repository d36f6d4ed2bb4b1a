"""Writes readings, estimates and alert events to InfluxDB through its v2 write interface."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
import structlog
from aiohttp import ClientError
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.client.write_api_async import WriteApiAsync
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException

from service.core.events import AlertEvent
from service.core.samples import SampleBatch
from service.core.station import Station
from service.core.views import Outcome
from service.outputs.appender import Appender, Chunk
from service.outputs.base import OutputStatus
from service.outputs.line_protocol import LineProtocol

POISONED: Final = frozenset({400, 413, 422})  # the content is at fault: smaller pieces tell which
REMEDY: Final = {
    401: "give the token of the bucket in the secret file of the output",
    403: "give the token the right to write to the bucket",
    404: "create the bucket, or correct its name or that of the organisation",
    429: "the database asks for less; it is served again when it is ready",
}
LONGEST_PAUSE_S: Final = 3600.0  # a server may ask for more, but not for silence
REMEDY_ELSE: Final = "bring the database back; see its own log"


@dataclass(frozen=True, slots=True, kw_only=True)
class InfluxTarget:
    """Where to write, and how hard to try.

    Attributes
    ----------
    batch_lines, flush_s : int, float
        A request carries at most so many lines and waits at most so long for more of them.
    queued_lines : int
        Lines kept in memory while the database is away, about 0.2 kB each; the oldest give way.
    retry_first_s, retry_last_s : float
        Pause after the first failure and the longest one; they double in between, with jitter,
        and a Retry-After of the server goes before.
    dead_letters : Path or None
        File for lines the database will never take.
    """

    url: str
    token: str
    org: str
    bucket: str
    batch_lines: int = 5000
    flush_s: float = 1.0
    timeout_s: float = 10.0
    queued_lines: int = 500_000
    retry_first_s: float = 1.0
    retry_last_s: float = 60.0
    dead_letters: Path | None = None


class InfluxOutput:
    """A queue of lines in memory and the worker that writes them, oldest first.

    A batch leaves the queue when the database has confirmed it. Lines carry their own times, so
    writing one twice changes nothing.
    """

    def __init__(
        self,
        target: InfluxTarget,
        station: Station,
        *,
        seed: int | None = None,
        name: str = "influx",
    ) -> None:
        self.name = name
        self.status = OutputStatus()
        self._target = target
        self._protocol = LineProtocol(station)
        self._jitter = np.random.default_rng(seed)
        self._lines: deque[bytes] = deque()
        self._under_way = 0
        self._work = asyncio.Event()
        self._full_batch = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._failures = 0
        self._is_dropping = False
        self._dead_letters = (
            Appender(name=f"{name}-dead-letters", path=target.dead_letters)
            if target.dead_letters
            else None
        )
        self._log = structlog.get_logger("hullwatch").bind(output=name)

    def publish(self, samples: SampleBatch, outcome: Outcome) -> None:
        """Queue everything as lines; where the queue is full the oldest are given up."""
        self._lines.extend(self._protocol.samples(samples))
        self._lines.extend(self._protocol.estimate(estimate) for estimate in outcome.estimates)
        self._lines.extend(
            self._protocol.alert_event(event)
            for event in outcome.events
            if isinstance(event, AlertEvent)
        )
        if not self._lines:
            return
        surplus = len(self._lines) - self._target.queued_lines
        for _ in range(surplus):
            self._lines.popleft()
        if surplus > 0:
            self.status.dropped += surplus
            if not self._is_dropping:
                self._is_dropping = True
                self._log.error("output.dropping", queued=len(self._lines))
        self._count_queue()
        self._idle.clear()
        self._work.set()
        if len(self._lines) >= self._target.batch_lines:
            self._full_batch.set()

    async def run(self) -> None:
        """Write batches until cancelled."""
        if self._dead_letters is None:
            await self._write_batches()
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._dead_letters.run(), name=f"output:{self._dead_letters.name}")
            await self._write_batches()

    async def drain(self) -> None:
        """Return when every line is confirmed or refused."""
        self._full_batch.set()
        await self._idle.wait()
        if self._dead_letters is not None:
            await self._dead_letters.drain()

    async def _write_batches(self) -> None:
        target = self._target
        client = InfluxDBClientAsync(
            url=target.url,
            token=target.token,
            org=target.org,
            timeout=round(target.timeout_s * 1000),
            enable_gzip=True,
        )
        try:
            async with client:
                while True:
                    await self._work.wait()
                    await self._wait_for_a_full_batch()
                    batch = list(islice(self._lines, target.batch_lines))
                    for _ in batch:
                        self._lines.popleft()
                    await self._deliver(client.write_api(), batch)
                    if not self._lines:
                        self._is_dropping = False
                        self._work.clear()
                        self._idle.set()
        finally:
            left = len(self._lines) + self._under_way
            if left:
                self.status.dropped += left
                self._lines.clear()
                self._under_way = 0
                self._count_queue()
                self._log.error("output.abandoned", records=left)

    async def _wait_for_a_full_batch(self) -> None:
        if len(self._lines) < self._target.batch_lines:
            try:
                async with asyncio.timeout(self._target.flush_s):
                    await self._full_batch.wait()
            except TimeoutError:
                pass
        self._full_batch.clear()

    async def _deliver(self, api: WriteApiAsync, batch: Sequence[bytes]) -> None:
        """Write the batch, in halves where the database finds fault with what it holds."""
        pieces = [batch]
        self._under_way = len(batch)
        while pieces:
            piece = pieces.pop()
            try:
                await api.write(
                    self._target.bucket,
                    self._target.org,
                    b"\n".join(piece),
                    write_precision=WritePrecision.US,  # type: ignore[arg-type]  # is a str there
                )
            except ApiException as exc:
                self.status.failed += 1
                if exc.status in POISONED and len(piece) > 1:
                    middle = len(piece) // 2
                    pieces += [piece[middle:], piece[:middle]]
                    continue
                if exc.status in POISONED:
                    self._refuse(piece[0], exc)
                else:
                    pieces.append(piece)
                    await self._pause(
                        f"HTTP {exc.status}",
                        REMEDY.get(exc.status, REMEDY_ELSE),
                        _retry_after_s(exc),
                    )
                    continue
            except (ClientError, OSError, TimeoutError) as exc:
                self.status.failed += 1
                pieces.append(piece)
                await self._pause(f"{type(exc).__name__} {exc}".strip(), REMEDY_ELSE, None)
                continue
            else:
                self.status.written += 1
                self._recover()
            self._under_way -= len(piece)
            self._count_queue()

    def _refuse(self, line: bytes, exc: ApiException) -> None:
        self.status.dropped += 1
        reason = " ".join(str(exc.body or exc.reason).split())[:500]
        self._log.error("output.refused", reason=reason, status=exc.status)
        if self._dead_letters is not None:
            self._dead_letters.append(Chunk(1, lambda: line + b"\n"))

    async def _pause(self, reason: str, remedy: str, retry_after_s: float | None) -> None:
        if self._failures == 0:
            self._log.error(
                "output.failing", reason=reason, remedy=f"{remedy} ({self._target.url})"
            )
        longest = min(
            self._target.retry_first_s * 2.0 ** min(self._failures, 30), self._target.retry_last_s
        )
        self._failures += 1
        pause_s = longest * self._jitter.uniform(0.5, 1.0)
        await asyncio.sleep(pause_s if retry_after_s is None else retry_after_s)

    def _recover(self) -> None:
        if self._failures:
            self._log.info("output.recovered", failures=self._failures, queued=len(self._lines))
            self._failures = 0

    def _count_queue(self) -> None:
        self.status.queued = len(self._lines) + self._under_way


def _retry_after_s(exc: ApiException) -> float | None:
    """Return the pause a server asks for, None if it does not or not in a way we understand."""
    headers = {key.lower(): value for key, value in (exc.headers or {}).items()}
    wanted = headers.get("retry-after")
    if wanted is None:
        return None
    try:
        return min(max(0.0, float(wanted)), LONGEST_PAUSE_S)
    except ValueError:
        pass
    try:
        at, now = (parsedate_to_datetime(text) for text in (wanted, headers.get("date", "")))
    except ValueError:
        return None
    return min(max(0.0, (at - now).total_seconds()), LONGEST_PAUSE_S)
