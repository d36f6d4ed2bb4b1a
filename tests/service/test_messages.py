"""People are told by e-mail and chat: what asks for them, once, and how it ended, through restarts."""

import asyncio
import email.policy
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from click.testing import CliRunner

from service.app import App
from service.clock import WallClock
from service.commands.check import check
from service.core.commands import Command
from service.core.events import Order, Severity
from service.core.monitor import Monitor
from service.core.rules import Handover
from service.core.units import PA_PER_MMHG
from service.errors import ConfigError
from service.outputs.messages import MessageOutput, Target, service_of
from service.settings.load import load
from service.storage.recovery import Memory
from service.storage.store import Store
from tests.core.conftest import POLICY, RULES, STATION
from tests.ports import free_port
from tests.service.test_notifications import Watch

LOW = replace(
    RULES[0],
    hold_s=0.0,
    keep_firing_s=0.0,
    notification="desk",
    thresholds={Severity.EMERGENCY: 600.0 * PA_PER_MMHG, Severity.WARNING: 734.0 * PA_PER_MMHG},
)
CHAINS: dict[Severity, tuple[Handover, ...]] = {
    Severity.WARNING: (
        Handover(after_s=120.0, notification="lead"),
        Handover(after_s=240.0, notification="director"),
    )
}
SECRET = "s3cret-t0ken"


class Chat:
    """A service that takes the JSON that Apprise posts; `is_up` False is one in trouble."""

    def __init__(self) -> None:
        self.port = free_port()
        self.got: list[dict[str, Any]] = []
        self.is_up = True
        self.asked = asyncio.Event()

    @property
    def address(self) -> str:
        return f"json://watch:{SECRET}@127.0.0.1:{self.port}/alerts"

    def titles(self) -> list[str]:
        return [message["title"] for message in self.got]

    async def take(self, request: web.Request) -> web.Response:
        self.asked.set()
        if not self.is_up:
            return web.Response(status=503)
        self.got.append(await request.json())
        return web.Response()

    @asynccontextmanager
    async def open(self):
        application = web.Application()
        application.router.add_post("/alerts", self.take)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        try:
            yield self
        finally:
            await runner.cleanup()


class People(Watch):
    """The parts of a daemon that tell people, over a state file that outlives it."""

    def __init__(self, path, targets: dict[str, tuple[str, dict[str, object]]]) -> None:
        self.monitor = Monitor(STATION, replace(POLICY, rules=(LOW,), chains=CHAINS))
        self.memory = Memory(Store(path), self.monitor)
        assert self.memory.recover() == ""
        self.outputs = [
            self.output(f"notify-{name}", address, told)
            for name, (address, told) in targets.items()
        ]

    def output(self, name: str, address: str, told: dict[str, object]) -> MessageOutput:
        service = service_of(address)
        assert service is not None
        wanted: dict[str, Any] = {
            "classes": frozenset(),
            "least": Severity.CAUTION,
            "repeat_s": 0.0,
            **told,
        }
        return MessageOutput(
            name,
            service,
            Target(**wanted),
            station="small",
            view=self.monitor.view,
            outbox=self.memory,
            clock=WallClock(),
        )


def acknowledged(watch: Watch, minute: int) -> Command:
    return watch.order(minute, Order.ACKNOWLEDGE)


async def test_each_class_is_told_in_turn_and_all_of_them_hear_of_the_end(tmp_path):
    """The desk at once, the lead and the director when nobody answers; two restarts in between."""
    path = tmp_path / "state.db"
    desk, lead, office = Chat(), Chat(), Chat()
    targets: dict[str, tuple[str, dict[str, object]]] = {
        "desk": (desk.address, {"classes": frozenset({"desk"})}),
        "lead": (lead.address, {"classes": frozenset({"lead", "director"})}),
        "office": (office.address, {"least": Severity.EMERGENCY}),
    }
    async with desk.open(), lead.open(), office.open():
        async with People(path, targets).working() as watch:
            await watch.minute(0, 740.0)
            await watch.minute(1, 730.0)
            await watch.minute(2, 730.0)
            await watch.told()
            assert (desk.titles(), lead.titles()) == (
                ["WARNING: pressure_low in cabin of small"],
                [],
            )
        async with People(path, targets).working() as watch:
            await watch.minute(3, 730.0)
            await watch.minute(4, 730.0)
            await watch.told()
        async with People(path, targets).working() as watch:
            await watch.minute(5, 730.0)
            await watch.minute(6, 730.0, acknowledged(watch, 6))
            await watch.minute(7, 740.0)
            await watch.told()
    assert desk.titles() == [
        "WARNING: pressure_low in cabin of small",
        "acknowledged: pressure_low in cabin of small",
        "over: pressure_low in cabin of small",
    ]
    assert lead.titles() == [
        "WARNING: pressure_low in cabin of small",
        "WARNING: pressure_low in cabin of small",
        "acknowledged: pressure_low in cabin of small",
        "over: pressure_low in cabin of small",
    ]
    assert office.got == []
    assert desk.got[0]["message"].startswith("cabin: pressure is 730.")
    assert "Acknowledge: hullwatch alerts ack pressure_low-cabin-" in desk.got[0]["message"]
    assert lead.got[0]["message"].startswith("Not acknowledged for 2 min.")
    assert desk.got[1]["message"].startswith("Acknowledge by kim: seen.")
    assert [m["type"] for m in desk.got] == ["failure", "success", "success"]


async def test_a_service_in_trouble_gets_each_message_once_it_is_back_and_no_secret_is_told(
    tmp_path, log_lines
):
    chat = Chat()
    chat.is_up = False
    targets: dict[str, tuple[str, dict[str, object]]] = {"desk": (chat.address, {})}
    async with chat.open(), People(tmp_path / "state.db", targets).working() as watch:
        await watch.minute(1, 730.0)
        async with asyncio.timeout(20):
            await chat.asked.wait()
        chat.is_up = True
        await watch.told()
        assert chat.titles() == ["WARNING: pressure_low in cabin of small"]
        status = watch.outputs[0].status
        assert (status.failed >= 1, status.written) == (True, 1)
    told = json.dumps(log_lines())
    assert "the service did not take the message" in told
    assert SECRET not in told
    assert "/alerts" not in told


async def test_what_nobody_acknowledges_is_told_again(tmp_path):
    chat = Chat()
    targets: dict[str, tuple[str, dict[str, object]]] = {
        "desk": (chat.address, {"repeat_s": 0.001})
    }
    async with chat.open(), People(tmp_path / "state.db", targets).working() as watch:
        await watch.minute(1, 730.0)
        async with asyncio.timeout(20):
            while len(chat.got) < 2:
                chat.asked.clear()
                await watch.minute(2, 730.0)
                watch.outputs[0]._changed.set()
                await chat.asked.wait()
    assert chat.titles()[:2] == [
        "WARNING: pressure_low in cabin of small",
        "WARNING still not acknowledged: pressure_low in cabin of small",
    ]


class Mail(asyncio.Protocol):
    """A mail server of the least that a client can talk to; letters go to `box`."""

    box: list[bytes]

    def __init__(self, box: list[bytes]) -> None:
        self.box = box
        self._rest = b""
        self._letter: list[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._out = transport
        self._out.write(b"220 mail.example\r\n")

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        for line in lines:
            if self._letter is not None and line != b".":
                self._letter.append(line)
            elif self._letter is not None:
                self.box.append(b"\r\n".join(self._letter))
                self._letter = None
                self._out.write(b"250 kept\r\n")
            elif line.upper() == b"DATA":
                self._letter = []
                self._out.write(b"354 go on\r\n")
            elif line.upper() == b"QUIT":
                self._out.write(b"221 bye\r\n")
            else:
                self._out.write(b"250 mail.example\r\n")


async def test_a_letter_says_what_is_wrong_and_how_to_acknowledge(tmp_path):
    box: list[bytes] = []
    server = await asyncio.get_running_loop().create_server(lambda: Mail(box), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    address = f"mailto://127.0.0.1:{port}?from=watch@iss.example&to=desk@iss.example&format=text"
    async with server:
        targets: dict[str, tuple[str, dict[str, object]]] = {"desk": (address, {})}
        async with People(tmp_path / "state.db", targets).working() as watch:
            await watch.minute(1, 730.0)
            await watch.told()
    (letter,) = (BytesParser(policy=email.policy.default).parsebytes(one) for one in box)
    assert letter["Subject"] == "WARNING: pressure_low in cabin of small"
    assert letter["To"] == "desk@iss.example"
    body = letter.get_body(("plain",))
    assert body is not None
    assert "cabin: pressure is 730." in body.get_content()
    assert "hullwatch alerts ack pressure_low-cabin-" in body.get_content()


@pytest.fixture
def people(write_config, tmp_path):
    """Write a config that tells people, and the secret file of their addresses."""

    def written(addresses: str, **notify: object) -> tuple[Path, Path]:
        folder = tmp_path / "secrets"
        folder.mkdir(exist_ok=True)
        (folder / "notify_desk_urls").write_text(addresses, encoding="utf-8")
        state = {"path": str(tmp_path / "state.db")}
        return write_config(notify={"desk": notify}, state=state), folder

    return written


@pytest.mark.parametrize(
    ("addresses", "notify", "fault"),
    [
        ("nonsense://x\n", {}, "notify.desk.urls: line 1 is no address that Apprise knows"),
        (f"json://a:{SECRET}@h/\nnope-{SECRET}\n", {}, "notify.desk.urls: line 2 is no address"),
        ("\n \n", {}, "notify.desk.urls: no address in the secret file"),
        ("json://h/", {"classes": ["dsk"]}, "no rule and no escalation tells the class 'dsk'"),
    ],
)
def test_check_and_run_tell_what_is_wrong_with_an_address_and_never_the_address(
    people, addresses, notify, fault
):
    path, folder = people(addresses, **notify)
    result = CliRunner().invoke(check, ["-c", str(path), "--secrets-dir", str(folder)])
    assert isinstance(result.exception, ConfigError)
    assert fault in str(result.exception)
    assert SECRET not in str(result.exception)
    with pytest.raises(ConfigError, match=r"notify\.desk"):
        App(load(path, secrets_dir=folder))


def test_addresses_are_secrets_with_a_file_for_each_target(people):
    path, folder = people(f"json://a:{SECRET}@127.0.0.1/\n\njson://127.0.0.1:1/\n")
    settings = load(path, secrets_dir=folder)
    assert SECRET not in repr(settings)
    app = App(settings, sources=lambda *_: [])
    names = [output.name for output in app._outputs if isinstance(output, MessageOutput)]
    assert names == ["notify-desk", "notify-desk-2"]
    assert app._memory is not None
    app._memory.close()
    (folder / "notify_desk_urls").unlink()
    with pytest.raises(ConfigError) as caught:
        load(path, secrets_dir=folder)
    assert "put it into the secret file notify_desk_urls or into HULLWATCH_NOTIFY__DESK__URLS" in (
        str(caught.value)
    )
