"""Tells people by e-mail, chat or phone, through the services that Apprise knows.

The address of a service holds its password or token, so neither it nor what Apprise says of it is
ever told.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from apprise import Apprise, AppriseAsset, NotifyType

from service.clock import Clock
from service.core.events import AlertEvent, AlertEventKind, Severity
from service.core.views import AlertView, MonitorView
from service.outputs.outbox import Outbox, OutboxOutput
from service.storage.store import Announcement

REMEDY: Final = "bring the service back, or correct its address in the secret file of the target"
FOLLOW_UPS: Final = {
    AlertEventKind.ACKNOWLEDGED: "acknowledged",
    AlertEventKind.RETURNED: "over, not acknowledged",
    AlertEventKind.CLEARED: "over",
    AlertEventKind.LATCHED: "over, to be reset",
    AlertEventKind.SHELVED: "shelved",
    AlertEventKind.OUT_OF_SERVICE: "out of service",
}
KIND: Final = {
    Severity.EMERGENCY: NotifyType.FAILURE,
    Severity.WARNING: NotifyType.FAILURE,
    Severity.CAUTION: NotifyType.WARNING,
    Severity.ADVISORY: NotifyType.INFO,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Who is told, and of what.

    Attributes
    ----------
    classes : frozenset of str
        The classes of notification that they belong to; empty = they are told of everything.
    least : Severity
        The mildest that they are told of.
    repeat_s : float
        What nobody has acknowledged is told again after this; 0 = never.
    """

    classes: frozenset[str]
    least: Severity
    repeat_s: float


@dataclass(frozen=True, slots=True)
class Message:
    """What people read."""

    title: str
    body: str
    kind: NotifyType


def service_of(address: str) -> Apprise | None:
    """Return the service behind an address, None if Apprise knows none like it."""
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it names addresses
    service = Apprise(asset=AppriseAsset(async_mode=False))
    return service if service.add(address) else None


class MessageOutput(OutboxOutput):
    """One address of one target; a call takes a thread, for Apprise waits for its services."""

    def __init__(
        self,
        name: str,
        service: Apprise,
        target: Target,
        *,
        station: str,
        view: Callable[[], MonitorView],
        outbox: Outbox,
        clock: Clock,
    ) -> None:
        super().__init__(
            name,
            view=view,
            outbox=outbox,
            clock=clock,
            least=target.least,
            repeat_s=target.repeat_s,
        )
        self._service = service
        self._target = target
        self._station = station

    def _wants(self, event: AlertEvent) -> bool:
        return event.asks_for_attention or (event.has_asked and event.event in FOLLOW_UPS)

    def _is_for_us(self, notifications: Sequence[str]) -> bool:
        classes = self._target.classes
        return not classes or not classes.isdisjoint(notifications)

    async def _announce(self, announcement: Announcement) -> None:
        event = announcement.event
        if event.event in FOLLOW_UPS:
            what, kind = FOLLOW_UPS[event.event], NotifyType.SUCCESS
        else:
            what, kind = event.severity.value.upper(), KIND[event.severity]
        lines = [event.text]
        if event.event in {AlertEventKind.HANDED_ON, AlertEventKind.ACKNOWLEDGED}:
            lines.insert(0, f"{event.reason[:1].upper()}{event.reason[1:]}.")
        if event.asks_for_attention:
            lines.append(_to_acknowledge(event.alert_id))
        message = Message(self._title(what, event), "\n\n".join(lines), kind)
        await self._insist(partial(self._notify, message), announcement.id, REMEDY)

    async def _repeat(self, alert: AlertView, times: int) -> None:
        title = self._title(f"{alert.severity.value.upper()} still not acknowledged", alert)
        body = "\n\n".join([alert.text, _to_acknowledge(alert.alert_id)])
        message = Message(title, body, KIND[alert.severity])
        record = f"{alert.alert_id}/{alert.since_s:.0f}/reminder/{times}"
        await self._insist(partial(self._notify, message), record, REMEDY)

    def _title(self, what: str, alert: AlertEvent | AlertView) -> str:
        return f"{what}: {alert.rule} in {alert.atmosphere} of {self._station}"

    async def _notify(self, message: Message) -> tuple[str, bool]:
        is_sent = await asyncio.to_thread(
            self._service.notify,
            body=message.body,
            title=message.title,
            notify_type=message.kind,
        )
        return ("" if is_sent else "the service did not take the message"), False


def _to_acknowledge(alert_id: str) -> str:
    return f"Acknowledge: hullwatch alerts ack {alert_id}"
