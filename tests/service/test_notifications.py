"""A real Alertmanager and a real receiver are told what the life of an alert says, and no more."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import aiomqtt
import numpy as np
import pytest
from aiohttp import web

from service.brokers import Broker
from service.clock import WallClock
from service.core.commands import Command
from service.core.events import Order, Severity
from service.core.monitor import Monitor
from service.core.samples import SampleBatch
from service.core.units import PA_PER_MMHG
from service.core.views import Outcome
from service.outputs.alert_topics import AlertTopicsOutput
from service.outputs.alertmanager import AlertmanagerOutput
from service.outputs.heartbeat import HeartbeatOutput
from service.outputs.webhook import Receiver, WebhookOutput
from service.storage.recovery import Memory
from service.storage.store import Store
from tests.core.conftest import POLICY, RULES, START_S, STATION, series
from tests.outputs.conftest import server
from tests.ports import free_port

LOW = replace(RULES[0], hold_s=0.0, keep_firing_s=0.0, notification="page")
SECRET = "not-a-secret"
CONFIG = "route: {receiver: none}\nreceivers: [{name: none}]\n"


class Inbox:
    """A receiver that checks each signature; `is_up` False is a server that is in trouble."""

    def __init__(self) -> None:
        self.port = free_port()
        self.got: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.is_up = True
        self.arrived = asyncio.Event()

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        signed = request.headers["X-Hullwatch-Timestamp"].encode() + b"." + body
        digest = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert request.headers["X-Hullwatch-Signature"] == f"sha256={digest}"
        self.arrived.set()
        if not self.is_up:
            return web.Response(status=503)
        key = request.headers["Idempotency-Key"]
        if key not in self.keys:
            self.keys.append(key)
            self.got.append(json.loads(body))
        return web.Response(status=202)

    @asynccontextmanager
    async def open(self):
        application = web.Application()
        application.router.add_post("/", self.take)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        try:
            yield f"http://127.0.0.1:{self.port}/"
        finally:
            await runner.cleanup()


class Watch:
    """The parts of a daemon that matter here, over a state file that outlives it."""

    def __init__(self, path, managers: list[str], hook: str, **receiver: object) -> None:
        self.monitor = Monitor(STATION, replace(POLICY, rules=(LOW,)))
        self.memory = Memory(Store(path), self.monitor)
        assert self.memory.recover() == ""
        told: dict[str, Any] = {
            "secret": SECRET,
            "least": Severity.CAUTION,
            "repeat_s": 0.0,
            **receiver,
        }
        common: dict[str, Any] = {
            "station": "small",
            "view": self.monitor.view,
            "clock": WallClock(),
        }
        self.outputs: list[Any] = [
            *(
                AlertmanagerOutput(
                    url,
                    name=f"alertmanager-{i}",
                    resend_s=0.5,
                    rules={LOW.name: LOW},
                    **common,
                )
                for i, url in enumerate(managers)
            ),
            WebhookOutput(Receiver(url=hook, **told), outbox=self.memory, **common),
        ]
        self._running: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def working(self):
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(output.run()) for output in self.outputs]
            try:
                yield self
            finally:
                for task in running:
                    task.cancel()
                self.memory.close()

    async def minute(self, minute: int, mmhg: float, command: Command | None = None) -> None:
        """Let a minute pass and return when everybody who can be told has been."""
        at_s = START_S + 60.0 * minute
        values = np.full(1, mmhg * PA_PER_MMHG)
        arrives = [series(np.array([at_s + 1.0]), {0: values, 1: values})]
        if command is not None:
            arrives.append(command)  # type: ignore[arg-type]
            self.monitor.command([command])
        self.memory.keep(arrives)
        self.monitor.observe(arrives[0])
        events = self.memory.announce(self.monitor.advance(at_s + 60.0).events)
        for output in self.outputs:
            output.publish(SampleBatch.empty(), Outcome(events=tuple(events)))
        self.memory.published()

    async def told(self) -> None:
        async with asyncio.timeout(30):
            for output in self.outputs:
                await output.drain()

    def order(self, minute: int, order: Order) -> Command:
        (alert,) = self.monitor.view().alerts
        return Command(
            received_s=START_S + 60.0 * minute + 2.0,
            command_id=str(minute),
            order=order,
            who="kim",
            why="seen",
            alert_id=alert.alert_id,
            lasting_s=36_000.0 if order is Order.SHELVE else None,
        )


@pytest.fixture
def manager(tmp_path) -> Callable[[int], "object"]:
    """Return what runs a real Alertmanager on a port, with its own memory between its lives."""

    def start(port: int) -> Any:
        config = tmp_path / f"alertmanager-{port}.yml"
        config.write_text(CONFIG, encoding="utf-8")
        command = (
            "prometheus-alertmanager",
            f"--config.file={config}",
            f"--storage.path={tmp_path / str(port)}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
        )
        return server(*command, ready_url=lambda _: f"http://127.0.0.1:{port}/-/ready")

    return start


async def active(port: int) -> list[tuple[str, str, str]]:
    """Return rule, atmosphere and severity of what an Alertmanager holds to be going on."""
    url = f"http://127.0.0.1:{port}/api/v2/alerts?active=true&silenced=false&inhibited=false"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        found = await response.json()
    names = ("alertname", "atmosphere", "severity")
    return sorted(tuple(alert["labels"][name] for name in names) for alert in found)


async def until_active(port: int, expected: list[tuple[str, str, str]]) -> None:
    async with asyncio.timeout(20):
        while await active(port) != expected:  # noqa: ASYNC110  as a person at its page does
            await asyncio.sleep(0.05)


CAUTION = [("pressure_low", "cabin", "caution")]
EMERGENCY = [("pressure_low", "cabin", "emergency")]


async def test_two_alertmanagers_and_a_receiver_follow_an_alert_through_restarts(tmp_path, manager):
    """Fire, return, fire again, shelve, worsen, acknowledge, clear; each side restarts twice."""
    path = tmp_path / "state.db"
    one, two = free_port(), free_port()
    urls = [f"http://127.0.0.1:{port}" for port in (one, two)]
    inbox = Inbox()
    hook = f"http://127.0.0.1:{inbox.port}/"
    async with manager(two):
        async with manager(one), inbox.open(), Watch(path, urls, hook).working() as watch:
            await watch.minute(0, 740.0)
            await watch.minute(1, 730.0)
            await watch.told()
            for port in (one, two):
                await until_active(port, CAUTION)
            await watch.minute(2, 740.0)
            await watch.told()
            for port in (one, two):
                await until_active(port, [])
        # The daemon is back before one of the Alertmanagers and before the receiver.
        async with Watch(path, urls, hook).working() as watch:
            await watch.minute(3, 730.0)
            await until_active(two, CAUTION)
            async with manager(one), inbox.open():
                await watch.told()
                await until_active(one, CAUTION)
                await watch.minute(4, 730.0, watch.order(4, Order.SHELVE))
                await watch.told()
                for port in (one, two):
                    await until_active(port, [])
            await watch.minute(5, 590.0)
        # The daemon ended before anybody but one Alertmanager heard that it is worse.
        async with manager(one), inbox.open(), Watch(path, urls, hook).working() as watch:
            await watch.minute(6, 590.0)
            for port in (one, two):
                await until_active(port, EMERGENCY)
            await watch.minute(7, 590.0, watch.order(7, Order.ACKNOWLEDGE))
            await watch.told()
            for port in (one, two):
                await until_active(port, EMERGENCY)
            await watch.minute(8, 740.0)
            await watch.told()
            for port in (one, two):
                await until_active(port, [])
    assert [(m["event"], m["severity"], m["state"]) for m in inbox.got] == [
        ("raised", "caution", "unacknowledged"),
        ("returned", "caution", "returned_unacknowledged"),
        ("raised", "caution", "unacknowledged"),
        ("shelved", "caution", "shelved"),
        ("escalated", "emergency", "unacknowledged"),
        ("acknowledged", "emergency", "acknowledged"),
        ("cleared", "emergency", "normal"),
    ]
    assert len(set(inbox.keys)) == len(inbox.keys) == 7
    assert {message["notification"] for message in inbox.got} == {"page"}


async def test_what_nobody_acknowledges_is_sent_again_and_a_mild_alert_never(tmp_path):
    inbox = Inbox()
    async with inbox.open() as url:
        receiver = {"repeat_s": 0.001, "least": Severity.CAUTION}
        async with Watch(tmp_path / "one.db", [], url, **receiver).working() as watch:
            await watch.minute(1, 730.0)
            async with asyncio.timeout(20):
                while len(inbox.got) < 3:
                    inbox.arrived.clear()
                    watch.outputs[-1].publish(
                        SampleBatch.empty(),
                        Outcome(events=(watch.memory.announcements(0)[0].event,)),
                    )
                    await inbox.arrived.wait()
            assert [m["event"] for m in inbox.got][:3] == ["raised", "reminder", "reminder"]
            assert [m["times"] for m in inbox.got[1:3]] == [1, 2]
    mild = Inbox()
    async with mild.open() as url:
        receiver = {"repeat_s": 0.001, "least": Severity.WARNING}
        async with Watch(tmp_path / "two.db", [], url, **receiver).working() as watch:
            await watch.minute(1, 730.0)
            await watch.told()
    assert mild.got == []


async def test_a_receiver_in_trouble_is_tried_again_and_one_that_refuses_is_not(tmp_path):
    inbox = Inbox()
    inbox.is_up = False
    async with inbox.open() as url, Watch(tmp_path / "state.db", [], url).working() as watch:
        await watch.minute(1, 730.0)
        async with asyncio.timeout(20):
            await inbox.arrived.wait()
        inbox.is_up = True
        await watch.told()
        assert [m["event"] for m in inbox.got] == ["raised"]
        assert watch.outputs[-1].status.failed >= 1
    nowhere = url + "nowhere"  # 404: nobody will ever take it there
    async with inbox.open(), Watch(tmp_path / "other.db", [], nowhere).working() as watch:
        await watch.minute(1, 730.0)
        await watch.told()
        assert watch.outputs[-1].status.dropped == 1


async def test_a_receiver_that_is_new_hears_nothing_of_what_was_before_it(tmp_path):
    inbox = Inbox()
    path = tmp_path / "state.db"
    before = Watch(path, [], "http://127.0.0.1:9/")
    before.outputs.clear()
    await before.minute(1, 730.0)
    before.memory.close()
    with_store = Store(path)
    with_store._file.execute("DELETE FROM cursor WHERE reader = 'webhook'")
    with_store.close()
    async with inbox.open() as url, Watch(path, [], url).working() as watch:
        await watch.minute(2, 740.0)
        await watch.told()
    assert [m["event"] for m in inbox.got] == ["returned"]


async def test_the_heart_beats_while_all_is_well_and_stops_when_it_is_not():
    inbox = Inbox()
    beats: list[bool] = []
    wells = iter([True, True, False, False, True])
    done = asyncio.Event()

    def is_well() -> bool:
        try:
            return next(wells)
        except StopIteration:
            done.set()
            return False

    async def beat(_request: web.Request) -> web.Response:
        beats.append(True)
        return web.Response()

    application = web.Application()
    application.router.add_get("/beat", beat)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", inbox.port).start()
    output = HeartbeatOutput(f"http://127.0.0.1:{inbox.port}/beat", every_s=0.01, is_well=is_well)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        task = group.create_task(output.run())
        await done.wait()
        task.cancel()
    await runner.cleanup()
    assert (len(beats), output.status.written) == (3, 3)


async def test_alerts_are_retained_at_a_broker_until_they_are_at_rest(mosquitto, tmp_path):
    """One who subscribes late finds the state, and after the end nothing at all."""
    watch = Watch(tmp_path / "state.db", [], "http://127.0.0.1:9/")
    broker = Broker(host="127.0.0.1", port=mosquitto.port, client_id="watch", retry_min_s=0.05)
    output = AlertTopicsOutput(
        broker, topic="hullwatch/small", view=watch.monitor.view, jitter=lambda: 0.5
    )
    watch.outputs = [output]

    async def retained() -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        async with aiomqtt.Client("127.0.0.1", mosquitto.port) as client:
            await client.subscribe("hullwatch/small/state/#", qos=1)
            await client.publish("end", b"", qos=1)
            await client.subscribe("end")
            await client.publish("end", b"", qos=1)
            async for message in client.messages:
                if str(message.topic) == "end":
                    return found
                assert message.retain
                found[str(message.topic)] = json.loads(message.payload)
        return found

    topic = "hullwatch/small/state/pressure_low/cabin"
    events = []
    async with aiomqtt.Client("127.0.0.1", mosquitto.port) as listener, watch.working():
        await listener.subscribe("hullwatch/small/events", qos=1)
        await watch.minute(1, 730.0)
        await watch.told()
        state = (await retained())[topic]
        assert (state["state"], state["severity"]) == ("unacknowledged", "caution")
        await watch.minute(2, 730.0, watch.order(2, Order.ACKNOWLEDGE))
        await watch.told()
        assert (await retained())[topic]["state"] == "acknowledged"
        await watch.minute(3, 740.0)
        await watch.told()
        assert await retained() == {}
        async with asyncio.timeout(20):
            async for message in listener.messages:
                events.append(json.loads(message.payload)["event"])
                if events[-1] == "cleared":
                    break
    assert events == ["raised", "acknowledged", "cleared"]
