"""Sends announcements to a receiver of the operator's own.

What is sent twice, because an answer was lost, bears the same Idempotency-Key.
"""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import aiohttp
import orjson

from service.clock import Clock
from service.core.events import AlertEvent, AlertEventKind, Severity
from service.core.views import AlertView, MonitorView
from service.outputs.outbox import Outbox, OutboxOutput
from service.outputs.records import alert_record
from service.storage.store import Announcement

PATIENCE_S: Final = 10.0
TRY_AGAIN: Final = frozenset({408, 425, 429})  # of the refusals; every other one is for good
UNSAID: Final = frozenset({AlertEventKind.PENDING, AlertEventKind.UPDATED})  # nobody has to know
REMEDY: Final = "bring the receiver back, or correct its address"


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


class WebhookOutput(OutboxOutput):
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
        super().__init__(
            "webhook",
            view=view,
            outbox=outbox,
            clock=clock,
            least=receiver.least,
            repeat_s=receiver.repeat_s,
        )
        self._receiver = receiver
        self._station = station
        self._session: aiohttp.ClientSession | None = None

    async def run(self) -> None:
        """Send what is in the outbox in order, and remind of what waits, until cancelled."""
        patience = aiohttp.ClientTimeout(total=PATIENCE_S)
        async with aiohttp.ClientSession(timeout=patience) as self._session:
            await super().run()

    def _wants(self, event: AlertEvent) -> bool:
        return event.event not in UNSAID

    def _is_for_us(self, notifications: Sequence[str]) -> bool:  # noqa: ARG002  it chooses itself
        return True

    async def _announce(self, announcement: Announcement) -> None:
        event = announcement.event
        await self._deliver(announcement.id, self._about(event) | alert_record(event))

    async def _repeat(self, alert: AlertView, times: int) -> None:
        body = self._about(alert) | {
            "event": "reminder",
            "alert_id": alert.alert_id,
            "rule": alert.rule,
            "severity": alert.severity.value,
            "state": alert.state.value,
            "atmosphere": alert.atmosphere,
            "text": alert.text,
            "times": times,
        }
        await self._deliver(f"{alert.alert_id}/{alert.since_s:.0f}/reminder/{times}", body)

    def _about(self, alert: AlertEvent | AlertView) -> dict[str, Any]:
        """Return what no alert event holds: the station and the class of those it is for."""
        classes = alert.notifications
        return {"station": self._station, "notification": classes[-1] if classes else ""}

    async def _deliver(self, name: str, body: dict[str, Any]) -> None:
        await self._insist(partial(self._post, name, orjson.dumps(body)), name, REMEDY)

    async def _post(self, name: str, body: bytes) -> tuple[str, bool]:
        """Return what went wrong, empty if nothing did, and whether it is so for good."""
        assert self._session is not None
        moment = f"{self._clock.now_s():.0f}"
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": name,
            "X-Hullwatch-Timestamp": moment,
            "X-Hullwatch-Signature": signature(self._receiver.secret, moment, body),
        }
        try:
            async with self._session.post(
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
