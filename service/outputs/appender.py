"""Appends lines to a file in order, off the event loop and from a bounded queue."""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import structlog

from service.outputs.base import OutputStatus

QUEUED_ROWS: Final = 1_000_000  # about 100 MB of memory while a disk is full
ROWS_PER_WRITE: Final = 50_000  # some MB, some tens of milliseconds
RETRY_S: Final = 5.0
TAIL_BYTES: Final = 65_536  # no line of ours is longer


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that become whole lines when their turn comes, in the writing thread."""

    rows: int
    encode: Callable[[], bytes]


class Appender:
    """A file that only grows, by whole lines.

    A crash can leave a last line unfinished; the next start cuts it off. With `rotate_at_bytes`
    the full file moves to `<name>.1` in place of the one before, so two files are kept at most.
    """

    def __init__(
        self,
        *,
        name: str,
        path: Path,
        rotate_at_bytes: int | None = None,
        queued_rows: int = QUEUED_ROWS,
        retry_s: float = RETRY_S,
    ) -> None:
        self.name = name
        self.status = OutputStatus()
        self._path = path
        self._rotate_at_bytes = rotate_at_bytes
        self._queued_rows = queued_rows
        self._retry_s = retry_s
        self._chunks: deque[Chunk] = deque()
        self._work = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._is_dropping = False
        self._is_failing = False
        self._is_healed = False
        self._log = structlog.get_logger("hullwatch").bind(output=name)

    def append(self, chunk: Chunk) -> None:
        """Queue the rows; where the queue is full its oldest chunks are given up and counted."""
        self._chunks.append(chunk)
        self.status.queued += chunk.rows
        if self.status.queued > self._queued_rows and not self._is_dropping:
            self._is_dropping = True
            self._log.error("output.dropping", queued=self.status.queued)
        while self.status.queued > self._queued_rows and len(self._chunks) > 1:
            self._give_up(self._chunks.popleft().rows)
        self._idle.clear()
        self._work.set()

    async def run(self) -> None:
        """Write what is queued until cancelled."""
        try:
            while True:
                await self._work.wait()
                self._work.clear()
                while self._chunks:
                    await self._write_some()
                self._is_dropping = False
                self._idle.set()
        finally:
            if self._chunks:
                rows = sum(chunk.rows for chunk in self._chunks)
                self._give_up(rows)
                self._log.error("output.abandoned", records=rows)

    async def drain(self) -> None:
        """Return when every queued row is in the file."""
        await self._idle.wait()

    async def _write_some(self) -> None:
        taken = [self._chunks.popleft()]
        rows = taken[0].rows
        while self._chunks and rows + self._chunks[0].rows <= ROWS_PER_WRITE:
            taken.append(self._chunks.popleft())
            rows += taken[-1].rows
        try:
            await asyncio.to_thread(self._write, taken)
        except OSError as exc:
            self.status.failed += 1
            self._chunks.extendleft(reversed(taken))
            if not self._is_failing:
                self._is_failing = True
                self._log.error(
                    "output.failing",
                    reason=str(exc),
                    remedy=f"make {self._path} writable and see that its disk has room",
                )
            await asyncio.sleep(self._retry_s)
            return
        self.status.written += 1
        self.status.queued -= rows
        if self._is_failing:
            self._is_failing = False
            self._log.info("output.recovered", queued=self.status.queued)

    def _give_up(self, rows: int) -> None:
        self.status.queued -= rows
        self.status.dropped += rows

    def _write(self, chunks: list[Chunk]) -> None:
        text = b"".join(chunk.encode() for chunk in chunks)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        limit = self._rotate_at_bytes
        if limit is not None and self._path.exists():
            size = self._path.stat().st_size
            if size and size + len(text) > limit:
                self._path.replace(self._path.with_name(self._path.name + ".1"))
        with self._path.open("ab", buffering=0) as file:
            if not self._is_healed:
                _cut_unfinished_line(self._path, file)
                self._is_healed = True
            before = file.seek(0, os.SEEK_END)
            try:
                rest = memoryview(text)
                while rest:
                    rest = rest[file.write(rest) :]
            except OSError:
                file.truncate(before)
                raise


def _cut_unfinished_line(path: Path, file: BinaryIO) -> None:
    size = path.stat().st_size
    with path.open("rb") as reader:
        start = reader.seek(max(0, size - TAIL_BYTES))
        tail = reader.read()
    if tail and not tail.endswith(b"\n"):
        file.truncate(start + tail.rfind(b"\n") + 1)
