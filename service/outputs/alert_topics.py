"""Publishes alerts over MQTT: each state as a retained message, each event as it happens.

Whoever subscribes later finds the alerts that are not at rest, and one at rest leaves no message behind.
Events are told at least once: those of the time without a broker when it is back, in order.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

import aiomqtt
import numpy as np
import orjson
import structlog

from service.brokers import Broker, tls_context
from service.core.events import AlertEvent
from service.core.samples import SampleBatch
from service.core.views import MonitorView, Outcome
from service.outputs.base import OutputStatus
from service.outputs.records import alert_record, alert_summary

QOS: Final = 1
QUEUED_EVENTS: Final = 10_000  # while the broker is away; the oldest are given up


class AlertTopicsOutput:
    """One broker that is told of the alerts.

    Parameters
    ----------
    topic : str
        The states stand below it as `<topic>/state/<rule>/<atmosphere>`, the events at
        `<topic>/events`.
    jitter : callable
        Draws from 0 to 1, to keep many clients from coming back all at once.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        topic: str,
        view: Callable[[], MonitorView],
        jitter: Callable[[], float],
    ) -> None:
        self.name = "alert-topics"
        self.status = OutputStatus()
        self._broker = broker
        self._tls = None if broker.tls is None else tls_context(broker.tls)
        self._topic = topic
        self._view = view
        self._jitter = jitter
        self._events: deque[bytes] = deque()
        self._stale: set[str] = set()  # topics of alerts that may be at rest
        self._retained: dict[str, bytes] = {}
        self._changed = asyncio.Event()
        self._told = asyncio.Event()
        self._failures = 0
        self._log = structlog.get_logger("hullwatch").bind(output=self.name)

    def publish(self, samples: SampleBatch, outcome: Outcome) -> None:  # noqa: ARG002  alerts only
        """Queue the alert events, and let the states be told anew."""
        events = [event for event in outcome.events if isinstance(event, AlertEvent)]
        for event in events:
            self._events.append(orjson.dumps(alert_record(event)))
            self._stale.add(self._state_topic(event.rule, event.atmosphere))
            if len(self._events) > QUEUED_EVENTS:
                self._events.popleft()
                self.status.dropped += 1
        if events:
            self.status.queued = len(self._events)
            self._told.clear()
            self._changed.set()

    async def run(self) -> None:
        """Connect, tell what there is, and come back whenever the broker is lost, until cancelled."""
        while True:
            try:
                async with self._client() as client:
                    self._retained.clear()
                    self._connected()
                    while True:
                        self._changed.clear()
                        await self._tell(client)
                        await self._changed.wait()
            except aiomqtt.MqttError as error:
                self._lost(str(error))
            await asyncio.sleep(self._pause_s())

    async def drain(self) -> None:
        """Return when everything has been told."""
        await self._told.wait()

    def _client(self) -> aiomqtt.Client:
        broker = self._broker
        v5 = broker.protocol == "5"
        return aiomqtt.Client(
            broker.host,
            broker.port,
            username=broker.username,
            password=broker.password,
            identifier=f"{broker.client_id}-alerts",
            protocol=aiomqtt.ProtocolVersion.V5 if v5 else aiomqtt.ProtocolVersion.V311,
            keepalive=broker.keepalive_s,
            tls_context=self._tls,
        )

    async def _tell(self, client: aiomqtt.Client) -> None:
        """Bring the retained messages up to date, then tell the events."""
        states = {
            self._state_topic(alert.rule, alert.atmosphere): orjson.dumps(alert_summary(alert))
            for alert in self._view().alerts
        }
        for topic in sorted(self._stale | self._retained.keys() - states.keys()):
            if topic not in states:
                await client.publish(topic, b"", qos=QOS, retain=True)
                self._retained.pop(topic, None)
        self._stale.clear()
        for topic, state in states.items():
            if self._retained.get(topic) != state:
                await client.publish(topic, state, qos=QOS, retain=True)
                self._retained[topic] = state
        while self._events:
            await client.publish(f"{self._topic}/events", self._events[0], qos=QOS)
            self._events.popleft()
            self.status.queued = len(self._events)
            self.status.written += 1
        if not self._changed.is_set():
            self._told.set()

    def _state_topic(self, rule: str, atmosphere: str) -> str:
        return f"{self._topic}/state/{rule}/{atmosphere}"

    def _connected(self) -> None:
        if self._failures:
            self._log.info("output.recovered", queued=len(self._events))
        self._failures = 0

    def _lost(self, reason: str) -> None:
        self.status.failed += 1
        self._failures += 1
        if self._failures == 1:
            remedy = "bring the broker back, or correct its address"
            self._log.error("output.failing", reason=reason, remedy=remedy)

    def _pause_s(self) -> float:
        doublings = float(np.clip(self._failures - 1, 0, 30))
        longest_s: float = min(self._broker.retry_max_s, self._broker.retry_min_s * 2.0**doublings)
        return longest_s * (0.5 + 0.5 * self._jitter())
