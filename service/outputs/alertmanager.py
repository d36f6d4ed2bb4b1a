"""Keeps one Alertmanager informed of the active alerts.

Alertmanager forgets an alert that is not sent again before its end. So all active ones are sent again
and again with an end in the future, at once when one changes, and what is over is sent with its end
for a while. Replicas are told separately, each whether or not the others answer.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import aiohttp
import orjson
import structlog

from service.clock import Clock
from service.core.events import ACTIVE_STATES, AlertEvent
from service.core.rules import Rule
from service.core.samples import SampleBatch
from service.core.views import AlertView, MonitorView, Outcome
from service.outputs.base import OutputStatus
from service.outputs.records import timestamp

PATH: Final = "/api/v2/alerts"
ENDS_AFTER: Final = 4  # resends that may be lost before an alert ends, as Prometheus does it
RESOLVED_S: Final = 900.0  # for so long an end is repeated, as Prometheus does it
PATIENCE_S: Final = 10.0
RETRY_S: Final = 1.0  # doubled with each failure, up to the time between two sends

Key = tuple[str, ...]  # rule, atmosphere, severity, class: what tells two alerts apart


@dataclass(frozen=True, slots=True)
class _Sent:
    """An alert as it is sent, and when it ended, Unix UTC; None = it has not."""

    body: Mapping[str, Any]
    ended_s: float | None = None


class AlertmanagerOutput:
    """One replica.

    Parameters
    ----------
    view : callable
        Returns the state after the last tick; it alone decides what is sent.
    rules : mapping of str to Rule
        For the response and the runbook of each alert.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        station: str,
        view: Callable[[], MonitorView],
        rules: Mapping[str, Rule],
        resend_s: float,
        clock: Clock,
    ) -> None:
        self.name = name
        self.status = OutputStatus()
        self._url = url.rstrip("/") + PATH
        self._station = station
        self._view = view
        self._rules = rules
        self._resend_s = resend_s
        self._clock = clock
        self._known: dict[Key, _Sent] = {}
        self._changed = asyncio.Event()
        self._told = asyncio.Event()
        self._told.set()
        self._failures = 0
        self._log = structlog.get_logger("hullwatch").bind(output=name)

    def publish(self, samples: SampleBatch, outcome: Outcome) -> None:  # noqa: ARG002  alerts only
        """Let the next send be now if an alert changed."""
        if any(isinstance(event, AlertEvent) for event in outcome.events):
            self.status.queued = 1
            self._told.clear()
            self._changed.set()

    async def run(self) -> None:
        """Send what is active when it changes and again and again, until cancelled."""
        patience = aiohttp.ClientTimeout(total=PATIENCE_S)
        async with aiohttp.ClientSession(timeout=patience) as session:
            while True:
                self._changed.clear()
                wait_s = self._resend_s
                if not await self._send(session):
                    wait_s = min(RETRY_S * 2.0 ** (self._failures - 1), self._resend_s)
                try:
                    async with asyncio.timeout(wait_s):
                        await self._changed.wait()
                except TimeoutError:
                    continue

    async def drain(self) -> None:
        """Return when the last change has been sent."""
        await self._told.wait()

    def due(self, now_s: float) -> list[dict[str, Any]]:
        """Return what has to be sent now: what is active, and what has ended of late."""
        active = {
            _key(alert, told): self._body(alert, told)
            for alert in self._view().alerts
            if alert.state in ACTIVE_STATES
            for told in alert.notifications or ("",)
        }
        known = {
            key: sent if sent.ended_s is not None else replace(sent, ended_s=now_s)
            for key, sent in self._known.items()
            if key not in active
        }
        self._known = {
            key: sent
            for key, sent in known.items()
            if sent.ended_s is None or now_s - sent.ended_s < RESOLVED_S
        } | {key: _Sent(body) for key, body in active.items()}
        ends_s = now_s + ENDS_AFTER * self._resend_s
        return [
            {**sent.body, "endsAt": timestamp(ends_s if sent.ended_s is None else sent.ended_s)}
            for sent in self._known.values()
        ]

    def _body(self, alert: AlertView, notification: str) -> dict[str, Any]:
        rule = self._rules[alert.rule]
        annotations = {
            "summary": alert.text.partition(". ")[0],
            "description": alert.text,
            "response": rule.response,
            "runbook_url": rule.runbook,
            "alert_id": alert.alert_id,
            "state": alert.state.value,
            "sections": ", ".join(alert.sections),
        }
        labels = {
            "alertname": alert.rule,
            "service": "hullwatch",
            "station": self._station,
            "atmosphere": alert.atmosphere,
            "severity": alert.severity.value,
            "kind": alert.kind.value,
            "notification": notification,
        }
        return {
            "labels": {name: text for name, text in labels.items() if text},
            "annotations": {name: text for name, text in annotations.items() if text},
            "startsAt": timestamp(alert.since_s),
        }

    async def _send(self, session: aiohttp.ClientSession) -> bool:
        due = self.due(self._clock.now_s())
        if not due:
            self._settle()
            return True
        headers = {"Content-Type": "application/json"}
        try:
            async with session.post(
                self._url, data=orjson.dumps(due), headers=headers, allow_redirects=False
            ) as answer:
                problem = "" if answer.status < 300 else f"HTTP {answer.status}"
                problem += f": {(await answer.text())[:200]}" if problem else ""
        except (aiohttp.ClientError, TimeoutError) as error:
            problem = str(error) or type(error).__name__
        if problem:
            self.status.failed += 1
            self._failures += 1
            if self._failures == 1:
                remedy = "bring the Alertmanager back, or correct its address"
                self._log.error("output.failing", reason=problem, remedy=remedy)
            return False
        if self._failures:
            self._failures = 0
            self._log.info("output.recovered", queued=0)
        self.status.written += 1
        self._settle()
        return True

    def _settle(self) -> None:
        if not self._changed.is_set():
            self.status.queued = 0
            self._told.set()


def _key(alert: AlertView, notification: str) -> Key:
    return alert.rule, alert.atmosphere, alert.severity.value, notification
