"""Receives telemetry over MQTT and acknowledges it only once it is safe.

Everything that receives over the MQTT libraries is in this file. Two of their habits are overridden:
they acknowledge a message before anyone has used it, and they hide whether the broker still knew
our session. At MQTT 5 the receive maximum makes unacknowledged messages wait at the broker.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, Final, Self

import aiomqtt
import structlog
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY, ConnectFlags, MQTTMessage
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from service.brokers import Broker, tls_context
from service.clock import Clock
from service.sources.base import Delivery, SourceStatus
from service.sources.decode import Decoder, Message

QOS: Final = 1
MAX_PACKET_BYTES: Final = 32 * 2**20  # MQTT 5: the broker keeps larger ones away from our memory
STEADY_S: Final = 10.0  # a connection that lasted this long was no failed attempt
BRIEF_LOSSES: Final = 3  # in a row; as another client with our id makes them, taking turns with us
SESSION_TAKEN_OVER: Final = 0x8E  # MQTT 5 section 3.14.2.1
FAILURE: Final = 0x80  # reason codes from here on are failures, in every version


class MqttSource:
    """Subscribes at a broker and comes back to it whenever it is lost.

    Parameters
    ----------
    subscriptions : sequence of str
        Topic filters, subscribed again on every connection.
    jitter : callable
        Draws from 0 to 1, to keep many clients from coming back all at once.
    """

    def __init__(
        self,
        name: str,
        broker: Broker,
        decoder: Decoder,
        *,
        subscriptions: tuple[str, ...],
        clock: Clock,
        jitter: Callable[[], float],
    ) -> None:
        self.name = name
        self.status = SourceStatus()
        self._broker = broker
        self._decoder = decoder
        self._subscriptions = subscriptions
        self._clock = clock
        self._jitter = jitter
        self._tls = None if broker.tls is None else tls_context(broker.tls)
        self._log = structlog.get_logger("hullwatch").bind(
            source=name, broker=f"{broker.host}:{broker.port}", client_id=broker.client_id
        )
        self._has_connected = False
        self._failures = 0
        self._brief_losses = 0

    async def deliveries(self) -> AsyncGenerator[Delivery, None]:
        """Yield what arrives, as much at once as has arrived; never ends by itself."""
        while True:
            session = _Session(self._broker, self._tls, self._clock, self.status)
            started_s = self._clock.monotonic_s()
            try:
                async with session:
                    await session.subscribe_all(self._subscriptions)
                    _stay_cancelled()
                    self._connected(session)
                    while arrivals := await session.next_arrivals():
                        yield self._delivery(session, arrivals)
                loss: BaseException | None = session.loss
            except aiomqtt.MqttError as exc:
                loss = session.loss or exc
            finally:
                was_up, self.status.up = self.status.up, False
            _stay_cancelled()
            is_brief = self._clock.monotonic_s() - started_s < STEADY_S
            self._failures = self._failures + 1 if is_brief else 1
            self._brief_losses = self._brief_losses + 1 if was_up and is_brief else 0
            pause_s = self._pause_s()
            self._lost(loss, was_up=was_up, pause_s=pause_s)
            await asyncio.sleep(pause_s)

    def _delivery(self, session: "_Session", arrivals: list["_Arrival"]) -> Delivery:
        decoded = self._decoder.decode([arrival.message for arrival in arrivals])
        unacknowledged = [arrival.mid for arrival in arrivals if arrival.mid is not None]

        def done() -> None:
            for mid in unacknowledged:
                session.acknowledge(mid)
            unacknowledged.clear()

        return Delivery.joined([decoded], done=done)

    def _connected(self, session: "_Session") -> None:
        self.status.up = True
        self._log.info("source.connected", session_present=session.session_present)
        if self._has_connected:
            self.status.reconnects += 1
            if not session.session_present:
                self.status.sessions_lost += 1
                self._log.warning(
                    "source.session_lost",
                    reason="the broker kept nothing for us while we were away: there is a gap",
                    remedy="let the broker persist sessions and queue without limit",
                )
        self._has_connected = True

    def _lost(self, loss: BaseException | None, *, was_up: bool, pause_s: float) -> None:
        reason = "the broker closed the connection" if loss is None else str(loss)
        event = "source.lost" if was_up else "source.refused"
        self._log.warning(event, reason=reason, retry_in_s=round(pause_s, 3))
        code = loss.rc if isinstance(loss, aiomqtt.MqttCodeError) else None
        told = isinstance(code, ReasonCode) and code.value == SESSION_TAKEN_OVER
        if told or self._brief_losses >= BRIEF_LOSSES:
            self._log.error(
                "source.taken_over",
                reason="another client seems to use the same client id",
                remedy="give every client an id of its own, or stop the other one",
            )

    def _pause_s(self) -> float:
        longest_s = min(
            self._broker.retry_max_s, self._broker.retry_min_s * 2.0 ** min(self._failures - 1, 30)
        )
        return longest_s * (0.5 + 0.5 * self._jitter())


def _stay_cancelled() -> None:
    """Raise the cancellation that the library has let go of.

    Python 3.11's `wait_for` forgets one that comes just as it is done (cpython 86296), and an error
    while disconnecting takes the place of one.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


@dataclass(frozen=True, slots=True)
class _Arrival:
    message: Message
    mid: int | None  # to acknowledge; None at QoS 0


class _Session(aiomqtt.Client):
    """One connection, with its own queue of what came in and was not acknowledged."""

    def __init__(
        self, broker: Broker, tls: ssl.SSLContext | None, clock: Clock, status: SourceStatus
    ) -> None:
        v5 = broker.protocol == "5"
        super().__init__(
            broker.host,
            broker.port,
            username=broker.username,
            password=broker.password,
            identifier=broker.client_id,
            protocol=aiomqtt.ProtocolVersion.V5 if v5 else aiomqtt.ProtocolVersion.V311,
            clean_session=None if v5 else False,
            clean_start=False if v5 else MQTT_CLEAN_START_FIRST_ONLY,
            keepalive=broker.keepalive_s,
            properties=_connect_properties(broker) if v5 else None,
            tls_context=tls,
        )
        self._client.manual_ack_set(True)  # noqa: FBT003  the library's own signature
        self._v5 = v5
        self._clock = clock
        self._status = status
        self._batch = broker.receive_maximum
        self._arrivals: asyncio.Queue[_Arrival | None] = asyncio.Queue()
        self.session_present = False

    @property
    def loss(self) -> BaseException | None:
        """Why the connection was lost, None if it stands or was closed in good order."""
        lost = self._disconnected
        return lost.exception() if lost.done() and not lost.cancelled() else None

    async def __aenter__(self) -> Self:
        try:
            await super().__aenter__()
        except BaseException:
            self._client.disconnect()  # a half-made connection would keep its socket
            raise
        self._disconnected.add_done_callback(self._end)
        return self

    async def subscribe_all(self, filters: tuple[str, ...]) -> None:
        """Subscribe, or raise an `MqttError` if the broker refuses one of the filters."""
        for topic in filters:
            if self._v5:
                options = SubscribeOptions(
                    qos=QOS, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB
                )
                codes = await self.subscribe(topic, options=options)
            else:
                codes = await self.subscribe(topic, qos=QOS)
            for code in codes:
                if (code.value if isinstance(code, ReasonCode) else code) >= FAILURE:
                    raise aiomqtt.MqttError(f"the broker refused the subscription to {topic!r}")

    async def next_arrivals(self) -> list[_Arrival]:
        """Wait for messages and return all that are there; empty once the connection is lost."""
        arrivals: list[_Arrival] = []
        while not arrivals or (not self._arrivals.empty() and len(arrivals) < self._batch):
            arrival = await self._arrivals.get()
            if arrival is None:
                self._arrivals.put_nowait(None)
                break
            arrivals.append(arrival)
        return arrivals

    def acknowledge(self, mid: int) -> None:
        """Let the broker forget the message, if this connection still stands.

        On another connection the same number can mean another message, which would be lost.
        """
        if not self._disconnected.done():
            self._client.ack(mid, QOS)

    def _end(self, disconnected: asyncio.Future[None]) -> None:
        if not disconnected.cancelled():
            disconnected.exception()  # fetched, or asyncio complains of it
        self._arrivals.put_nowait(None)

    def _on_connect(
        self,
        client: PahoClient,
        userdata: Any,
        flags: ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        self.session_present = flags.session_present
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_message(self, client: PahoClient, userdata: Any, message: MQTTMessage) -> None:  # noqa: ARG002  the library's own signature
        if message.qos == 0 and self._arrivals.qsize() >= 10 * self._batch:
            self._status.dropped += 1
            return
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        self._arrivals.put_nowait(
            _Arrival(
                Message(
                    topic=topic,
                    payload=bytes(message.payload),
                    received_s=self._clock.now_s(),
                    is_repeat=message.dup or message.retain,
                ),
                message.mid if message.qos else None,
            )
        )


def _connect_properties(broker: Broker) -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.ReceiveMaximum = broker.receive_maximum
    properties.SessionExpiryInterval = broker.session_expiry_s
    properties.MaximumPacketSize = MAX_PACKET_BYTES
    return properties
