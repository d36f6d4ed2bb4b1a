"""The MQTT source against real brokers."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiomqtt
import numpy as np
import pytest
import structlog

from service.brokers import Broker, TlsFiles
from service.clock import WallClock
from service.core.units import PA_PER_MMHG
from service.errors import InputError
from service.sources.base import Delivery, RejectReason
from service.sources.decode import Decoder
from service.sources.mqtt import MqttSource

PRESSURE = "iss/zvezda/pressure"


def meeting(broker, **changes: Any) -> Broker:
    return replace(
        Broker(
            host="127.0.0.1",
            port=broker.port,
            protocol=broker.protocol,
            client_id="hullwatch-test",
            keepalive_s=5,
            retry_min_s=0.05,
            retry_max_s=0.2,
        ),
        **changes,
    )


def source_at(broker: Broker, decoder: Decoder) -> MqttSource:
    return MqttSource(
        "mqtt",
        broker,
        decoder,
        subscriptions=("iss/+/+", "iss/activity"),
        clock=WallClock(),
        jitter=np.random.default_rng(1).random,
    )


class Consumer:
    """Takes deliveries as the pipeline does, acknowledging them if told to."""

    def __init__(self, source: MqttSource, *, acknowledges: bool = True) -> None:
        self.source = source
        self.acknowledges = acknowledges
        self.taken: list[Delivery] = []
        self.changed = asyncio.Condition()

    @property
    def values_mmhg(self) -> list[float]:
        return [round(v / PA_PER_MMHG, 6) for d in self.taken for v in d.samples.value.tolist()]

    @property
    def reasons(self) -> list[RejectReason]:
        return [r.reason for d in self.taken for r in d.rejected]

    async def run(self) -> None:
        async with contextlib.aclosing(self.source.deliveries()) as deliveries:
            async for delivery in deliveries:
                if self.acknowledges and delivery.done is not None:
                    delivery.done()
                async with self.changed:
                    self.taken.append(delivery)
                    self.changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30), self.changed:
            await self.changed.wait_for(condition)


@contextlib.asynccontextmanager
async def consuming(source: MqttSource, *, acknowledges: bool = True) -> AsyncIterator[Consumer]:
    consumer = Consumer(source, acknowledges=acknowledges)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(consumer.run(), name="consumer")
        await when(lambda: source.status.up)
        yield consumer
        task.cancel()


async def when(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  the status is read as a scrape reads it
            await asyncio.sleep(0.01)


async def publish(broker, *messages: tuple[str, bytes], qos: int = 1) -> None:
    protocol = (
        aiomqtt.ProtocolVersion.V5 if broker.protocol == "5" else aiomqtt.ProtocolVersion.V311
    )
    async with aiomqtt.Client("127.0.0.1", broker.port, protocol=protocol) as client:
        for topic, payload in messages:
            await client.publish(topic, payload, qos=qos)


async def test_readings_come_in_as_si_with_their_own_time_or_their_arrival(broker, decoder):
    async with consuming(source_at(meeting(broker), decoder)) as consumer:
        before_s = WallClock().now_s()
        await publish(
            broker,
            (PRESSURE, b"750.5"),
            (PRESSURE, b'{"time": "2024-02-12T00:00:00Z", "value": 751}'),
            ("iss/activity", b'{"activity": "crew", "state": "value", "value": 7}'),
        )
        await consumer.until(lambda: any(d.activities for d in consumer.taken))
        assert consumer.values_mmhg == [750.5, 751.0]
        times = [t for d in consumer.taken for t in d.samples.time_s.tolist()]
        assert before_s <= times[0] <= WallClock().now_s()
        assert times[1] == 1707696000.0
        assert [a.name for d in consumer.taken for a in d.activities] == ["crew"]


async def test_a_stopped_and_started_broker_is_found_again_and_nothing_is_lost(broker, decoder):
    source = source_at(meeting(broker), decoder)
    with structlog.testing.capture_logs() as log:
        async with consuming(source) as consumer:
            await publish(broker, *[(PRESSURE, b"%d" % i) for i in range(50)])
            await consumer.until(lambda: 49.0 in consumer.values_mmhg)
            broker.stop()
            await when(lambda: not source.status.up)
            broker.start()
            await when(lambda: source.status.up)
            await publish(broker, *[(PRESSURE, b"%d" % i) for i in range(50, 100)])
            await consumer.until(lambda: 99.0 in consumer.values_mmhg)
            assert sorted(set(consumer.values_mmhg)) == [float(i) for i in range(100)]
            assert (source.status.reconnects, source.status.sessions_lost) == (1, 0)
    events = [line["event"] for line in log]
    assert events[0] == "source.connected"
    assert events.count("source.lost") == 1
    assert events[-1] == "source.connected"


async def test_what_was_sent_while_we_were_away_waits_at_the_broker(broker, decoder):
    async with consuming(source_at(meeting(broker), decoder)):
        pass
    await publish(broker, *[(PRESSURE, b"%d" % i) for i in range(1200)])
    async with consuming(source_at(meeting(broker), decoder)) as consumer:
        await consumer.until(lambda: len(set(consumer.values_mmhg)) == 1200)


async def test_what_was_not_acknowledged_comes_again(broker, decoder):
    meet = meeting(broker)
    async with consuming(source_at(meet, decoder), acknowledges=False) as consumer:
        await publish(broker, *[(PRESSURE, b"%d" % i) for i in range(30)])
        await consumer.until(lambda: len(set(consumer.values_mmhg)) == 30)
    async with consuming(source_at(meet, decoder)) as consumer:
        await consumer.until(lambda: len(set(consumer.values_mmhg)) == 30)
        repeats = [q for d in consumer.taken for q in d.samples.quality.tolist()]
        assert set(repeats) == {3}, "a repeat without a time of its own is no new reading"


async def test_unacknowledged_messages_hold_the_broker_back(mosquitto, decoder):
    meet = meeting(mosquitto, receive_maximum=10)
    async with consuming(source_at(meet, decoder), acknowledges=False) as consumer:
        await publish(mosquitto, *[(PRESSURE, b"%d" % i) for i in range(50)])
        await consumer.until(lambda: len(consumer.values_mmhg) == 10)
        # The broker answers this round trip after anything it would still have sent us.
        await publish(mosquitto, ("elsewhere", b"1"))
        assert len(consumer.values_mmhg) == 10
        consumer.acknowledges = True
        for delivery in consumer.taken:
            assert delivery.done is not None
            delivery.done()
        await consumer.until(lambda: len(set(consumer.values_mmhg)) == 50)


async def test_junk_is_refused_with_its_reason_and_stops_nothing(mosquitto, decoder):
    async with consuming(source_at(meeting(mosquitto, receive_maximum=2), decoder)) as consumer:
        await publish(
            mosquitto,
            (PRESSURE, b"9" * 10_000_000),
            (PRESSURE, b'{"value": '),
            (PRESSURE, b"\xff\xfe\x00"),
            (PRESSURE, b""),
            ("iss/galley/pressure", b"1"),
            ("iss/activity", b"[1, 2]"),
            (PRESSURE, b"NaN"),
            (PRESSURE, b'"751"'),
            (PRESSURE, b"751"),
        )
        await consumer.until(lambda: consumer.values_mmhg == [751.0])
        assert consumer.reasons == [
            RejectReason.TOO_LARGE,
            RejectReason.MALFORMED,
            RejectReason.MALFORMED,
            RejectReason.MALFORMED,
            RejectReason.UNKNOWN_CHANNEL,
            RejectReason.MALFORMED,
            RejectReason.NOT_FINITE,
            RejectReason.NOT_A_NUMBER,
        ]
        assert max(len(r.raw) for d in consumer.taken for r in d.rejected) == 2048


async def test_a_broker_that_forgot_us_is_counted_as_a_gap(mosquitto, decoder, tmp_path):
    source = source_at(meeting(mosquitto), decoder)
    with structlog.testing.capture_logs() as log:
        async with consuming(source) as consumer:
            mosquitto.stop()
            await when(lambda: not source.status.up)
            (tmp_path / "mosquitto.db").unlink()
            mosquitto.start()
            await when(lambda: source.status.up)
            await publish(mosquitto, (PRESSURE, b"751"))
            await consumer.until(lambda: consumer.values_mmhg == [751.0])
    assert source.status.sessions_lost == 1
    assert "source.session_lost" in [line["event"] for line in log]


async def test_two_clients_with_one_id_are_recognised(mosquitto, decoder):
    one, other = (source_at(meeting(mosquitto), decoder) for _ in range(2))
    with structlog.testing.capture_logs() as log:
        async with consuming(one), consuming(other):
            await when(lambda: "source.taken_over" in [line["event"] for line in log])


async def test_a_retained_value_without_a_time_is_no_new_reading(mosquitto, decoder):
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
        await client.publish(PRESSURE, b"740", qos=1, retain=True)
    async with consuming(source_at(meeting(mosquitto), decoder)) as consumer:
        await consumer.until(lambda: consumer.values_mmhg == [740.0])
        assert consumer.taken[0].samples.quality.tolist() == [3]


async def test_an_absent_broker_is_waited_for(mosquitto, decoder):
    mosquitto.stop()
    source = source_at(meeting(mosquitto), decoder)
    with structlog.testing.capture_logs() as log:
        consumer = Consumer(source)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(consumer.run(), name="consumer")
            await when(lambda: bool(log))
            mosquitto.start()
            await when(lambda: source.status.up)
            task.cancel()
    assert log[0]["event"] == "source.refused"
    assert source.status.reconnects == 0


async def test_tls_with_a_client_certificate(tmp_path, mosquitto, decoder):
    mosquitto.stop()
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    name = ["-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]  # fmt: skip
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    subprocess.run(  # noqa: ASYNC221  nothing else runs yet
        [*make, *name, "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    with (tmp_path / "mosquitto.conf").open("a") as config:
        config.write(
            f"cafile {certificate}\ncertfile {certificate}\nkeyfile {key}\n"
            "require_certificate true\n"
        )
    mosquitto.start()
    files = TlsFiles(ca=str(certificate), certificate=str(certificate), key=str(key))
    async with consuming(source_at(meeting(mosquitto, tls=files), decoder)) as consumer:
        async with aiomqtt.Client(
            "127.0.0.1",
            mosquitto.port,
            tls_params=aiomqtt.TLSParameters(
                ca_certs=files.ca, certfile=files.certificate, keyfile=files.key
            ),
        ) as client:
            await client.publish(PRESSURE, b"751", qos=1)
        await consumer.until(lambda: consumer.values_mmhg == [751.0])


def test_unusable_tls_files_are_named(tmp_path: Path, decoder: Decoder) -> None:
    files = TlsFiles(ca=str(tmp_path / "missing.pem"))
    with pytest.raises(InputError, match=r"missing\.pem"):
        source_at(Broker(host="h", client_id="c", tls=files), decoder)
