"""Sends announcements to a receiver of the operator's own, each once as far as it can tell.

What is to be sent stands in the outbox of the state file, and how far the receiver has come beside it.
So nothing is lost while the receiver or the daemon is away, and what is sent twice, because an answer
was lost, bears the same Idempotency-Key.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import aiohttp
import orjson
import structlog

from service.clock import Clock
from service.core.events import AlertEvent, AlertEventKind, AlertState, Severity
from service.core.rules import RANK
from service.core.samples import SampleBatch
from service.core.views import MonitorView, Outcome
from service.outputs.base import OutputStatus
from service.outputs.records import alert_record
from service.storage.store import Announcement

PATIENCE_S: Final = 10.0
RETRY_S: Final = 1.0  # doubled with each failure
RETRY_AT_MOST_S: Final = 300.0
LOOK_S: Final = 5.0  # between two looks at what is still not acknowledged
TRY_AGAIN: Final = frozenset({408, 425, 429})  # of the refusals; every other one is for good
UNSAID: Final = frozenset({AlertEventKind.PENDING, AlertEventKind.UPDATED})  # nobody has to know


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Where announcements go.

    Attributes
    ----------
    secret : str
        Signs what is sent: the header `X-Hullwatch-Signature` is `sha256=` and the HMAC-SHA256 of
        the timestamp in `X-Hullwatch-Timestamp`, a dot and the body.
    least : Severity
        The mildest that is sent.
    repeat_s : float
        What nobody has acknowledged is sent again after this; 0 = never.
    """

    url: str
    secret: str
    least: Severity
    repeat_s: float


class WebhookOutput:
    """One receiver of announcements, told in order."""

    def __init__(
        self,
        receiver: Receiver,
        *,
        station: str,
        view: Callable[[], MonitorView],
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        self.name = "webhook"
        self.status = OutputStatus()
        self._receiver = receiver
        self._station = station
        self._view = view
        self._outbox = outbox
        self._clock = clock
        came = outbox.cursor(self.name)
        self._sent = outbox.newest() if came is None else came  # what was before us is old news
        outbox.move_cursor(self.name, self._sent)
        self._reminders: dict[str, tuple[float, int]] = {}  # by alert: when it was told, how often
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        self._is_failing = False
        self._log = structlog.get_logger("hullwatch").bind(output=self.name)

    def publish(self, samples: SampleBatch, outcome: Outcome) -> None:  # noqa: ARG002  alerts only
        """Let new announcements be sent."""
        if any(isinstance(event, AlertEvent) for event in outcome.events):
            self._idle.clear()
            self._changed.set()

    async def run(self) -> None:
        """Send what is in the outbox in order, and remind of what waits, until cancelled."""
        patience = aiohttp.ClientTimeout(total=PATIENCE_S)
        async with aiohttp.ClientSession(timeout=patience) as session:
            while True:
                self._changed.clear()
                await self._send_new(session)
                await self._remind(session)
                if not self._changed.is_set():
                    self._idle.set()
                try:
                    async with asyncio.timeout(LOOK_S):
                        await self._changed.wait()
                except TimeoutError:
                    continue

    async def drain(self) -> None:
        """Return when everything in the outbox has been sent."""
        await self._idle.wait()

    def _about(self, notifications: Sequence[str]) -> dict[str, Any]:
        """Return what no alert event holds: the station and the class of those it is for."""
        return {
            "station": self._station,
            "notification": notifications[-1] if notifications else "",
        }

    async def _send_new(self, session: aiohttp.ClientSession) -> None:
        announced = self._outbox.announcements(self._sent)
        self.status.queued = len(announced)
        for announcement in announced:
            event = announcement.event
            if event.event not in UNSAID and RANK[event.severity] >= RANK[self._receiver.least]:
                body = self._about(event.notifications) | alert_record(event)
                await self._deliver(session, announcement.id, body)
            self._sent = announcement.sequence
            self._outbox.move_cursor(self.name, self._sent)
            self.status.queued -= 1
            self._reminders.pop(event.alert_id, None)
            if event.asks_for_attention:
                self._reminders[event.alert_id] = (self._clock.monotonic_s(), 0)

    async def _remind(self, session: aiohttp.ClientSession) -> None:
        """Send again what nobody has acknowledged."""
        if self._receiver.repeat_s <= 0.0:
            return
        now_s = self._clock.monotonic_s()
        for alert in self._view().alerts:
            if alert.state is not AlertState.UNACKNOWLEDGED:
                continue
            if RANK[alert.severity] < RANK[self._receiver.least]:
                continue
            told_s, times = self._reminders.setdefault(alert.alert_id, (now_s, 0))
            if now_s - told_s < self._receiver.repeat_s:
                continue
            body = self._about(alert.notifications) | {
                "event": "reminder",
                "alert_id": alert.alert_id,
                "rule": alert.rule,
                "severity": alert.severity.value,
                "state": alert.state.value,
                "atmosphere": alert.atmosphere,
                "text": alert.text,
                "times": times + 1,
            }
            name = f"{alert.alert_id}/{alert.since_s:.0f}/reminder/{times + 1}"
            await self._deliver(session, name, body)
            self._reminders[alert.alert_id] = (now_s, times + 1)

    async def _deliver(
        self, session: aiohttp.ClientSession, name: str, body: dict[str, Any]
    ) -> None:
        """Send one message until the receiver takes it, or says that it never will."""
        text = orjson.dumps(body)
        wait_s = RETRY_S
        while True:
            problem, is_final = await self._post(session, name, text)
            if not problem:
                self.status.written += 1
                if self._is_failing:
                    self._is_failing = False
                    self._log.info("output.recovered", queued=self.status.queued)
                return
            self.status.failed += 1
            if is_final:
                self.status.dropped += 1
                self._log.error("output.refused", reason=problem, record=name)
                return
            if not self._is_failing:
                self._is_failing = True
                remedy = "bring the receiver back, or correct its address"
                self._log.error("output.failing", reason=problem, remedy=remedy)
            await asyncio.sleep(wait_s)
            wait_s = min(2.0 * wait_s, RETRY_AT_MOST_S)

    async def _post(
        self, session: aiohttp.ClientSession, name: str, body: bytes
    ) -> tuple[str, bool]:
        """Return what went wrong, empty if nothing did, and whether it is so for good."""
        moment = f"{self._clock.now_s():.0f}"
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": name,
            "X-Hullwatch-Timestamp": moment,
            "X-Hullwatch-Signature": signature(self._receiver.secret, moment, body),
        }
        try:
            async with session.post(
                self._receiver.url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                status = answer.status
        except (aiohttp.ClientError, TimeoutError) as error:
            return str(error) or type(error).__name__, False
        if status < 300:
            return "", False
        return f"HTTP {status}", 400 <= status < 500 and status not in TRY_AGAIN


def signature(secret: str, moment: str, body: bytes) -> str:
    """Return the value of `X-Hullwatch-Signature`.

    Examples
    --------
    >>> signature("s", "5", b"{}")[:20]
    'sha256=773bda493dbd2'
    """
    digest = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256)
    return f"sha256={digest.hexdigest()}"
