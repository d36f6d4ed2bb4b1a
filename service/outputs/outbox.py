"""Tells announcements in order, each once as far as can be told, and reminds of what waits.

What is to be told stands in the outbox of the state file, and how far each reader has come beside it.
So nothing is lost while the far side or the daemon is away.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol

import structlog

from service.clock import Clock
from service.core.events import AlertEvent, AlertState, Severity
from service.core.rules import RANK
from service.core.samples import SampleBatch
from service.core.views import AlertView, MonitorView, Outcome
from service.outputs.base import OutputStatus
from service.storage.store import Announcement

RETRY_S: Final = 1.0  # doubled with each failure
RETRY_AT_MOST_S: Final = 300.0
LOOK_S: Final = 5.0  # between two looks at what is still not acknowledged


# What went wrong, empty if nothing did, and whether it is so for good.
Attempt = Awaitable[tuple[str, bool]]


class Outbox(Protocol):
    """What was announced, and how far readers have come."""

    def announcements(self, after: int) -> list[Announcement]:
        """Return what was announced after a place."""
        ...

    def newest(self) -> int:
        """Return the last place."""
        ...

    def cursor(self, reader: str) -> int | None:
        """Return how far a reader has come, None if it never read."""
        ...

    def move_cursor(self, reader: str, sequence: int) -> None:
        """Remember how far a reader has come."""
        ...


class OutboxOutput(ABC):
    """One reader of the outbox.

    Parameters
    ----------
    least : Severity
        The mildest that is told.
    repeat_s : float
        What nobody has acknowledged is told again after this; 0 = never.
    """

    def __init__(
        self,
        name: str,
        *,
        view: Callable[[], MonitorView],
        outbox: Outbox,
        clock: Clock,
        least: Severity,
        repeat_s: float,
    ) -> None:
        self.name = name
        self.status = OutputStatus()
        self._view = view
        self._outbox = outbox
        self._clock = clock
        self._least = least
        self._repeat_s = repeat_s
        came = outbox.cursor(name)
        self._sent = outbox.newest() if came is None else came  # what was before us is old news
        outbox.move_cursor(name, self._sent)
        self._reminders: dict[str, tuple[float, int]] = {}  # by alert: when it was told, how often
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        self._is_failing = False
        self._log = structlog.get_logger("hullwatch").bind(output=name)

    def publish(self, samples: SampleBatch, outcome: Outcome) -> None:  # noqa: ARG002  alerts only
        """Let new announcements be told."""
        if any(isinstance(event, AlertEvent) for event in outcome.events):
            self._idle.clear()
            self._changed.set()

    async def run(self) -> None:
        """Tell what is in the outbox in order, and remind of what waits, until cancelled."""
        while True:
            self._changed.clear()
            await self._tell_new()
            await self._remind()
            if not self._changed.is_set():
                self._idle.set()
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def drain(self) -> None:
        """Return when everything in the outbox has been told."""
        await self._idle.wait()

    @abstractmethod
    def _wants(self, event: AlertEvent) -> bool:
        """Say whether an event of a severity that is told has to be told."""

    @abstractmethod
    def _is_for_us(self, notifications: Sequence[str]) -> bool:
        """Say whether what is for some classes is for this reader."""

    @abstractmethod
    async def _announce(self, announcement: Announcement) -> None:
        """Return once the far side has taken it, or said that it never will."""

    @abstractmethod
    async def _repeat(self, alert: AlertView, times: int) -> None:
        """Return once the far side was reminded of an alert for the nth time."""

    async def _tell_new(self) -> None:
        announced = self._outbox.announcements(self._sent)
        self.status.queued = len(announced)
        for announcement in announced:
            event = announcement.event
            is_told = RANK[event.severity] >= RANK[self._least]
            if is_told and self._is_for_us(event.notifications) and self._wants(event):
                await self._announce(announcement)
            self._sent = announcement.sequence
            self._outbox.move_cursor(self.name, self._sent)
            self.status.queued -= 1
            self._reminders.pop(event.alert_id, None)
            if event.asks_for_attention:
                self._reminders[event.alert_id] = (self._clock.monotonic_s(), 0)

    async def _remind(self) -> None:
        """Tell again what nobody has acknowledged."""
        if self._repeat_s <= 0.0:
            return
        now_s = self._clock.monotonic_s()
        for alert in self._view().alerts:
            if alert.state is not AlertState.UNACKNOWLEDGED:
                continue
            if RANK[alert.severity] < RANK[self._least] or not self._is_for_us(alert.notifications):
                continue
            told_s, times = self._reminders.setdefault(alert.alert_id, (now_s, 0))
            if now_s - told_s < self._repeat_s:
                continue
            await self._repeat(alert, times + 1)
            self._reminders[alert.alert_id] = (now_s, times + 1)

    async def _insist(self, attempt: Callable[[], Attempt], record: str, remedy: str) -> None:
        """Try until the far side takes something, or says that it never will."""
        wait_s = RETRY_S
        while True:
            problem, is_final = await attempt()
            if not problem:
                self.status.written += 1
                if self._is_failing:
                    self._is_failing = False
                    self._log.info("output.recovered", queued=self.status.queued)
                return
            self.status.failed += 1
            if is_final:
                self.status.dropped += 1
                self._log.error("output.refused", reason=problem, record=record)
                return
            if not self._is_failing:
                self._is_failing = True
                self._log.error("output.failing", reason=problem, remedy=remedy)
            await asyncio.sleep(wait_s)
            wait_s = min(2.0 * wait_s, RETRY_AT_MOST_S)
