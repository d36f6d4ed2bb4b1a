"""One small station with one of everything, and real servers on free loopback ports."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from io import BytesIO, TextIOWrapper
from math import inf
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import orjson
import pytest
import structlog
from aiohttp import web

from service.core.causes import Cause
from service.core.events import (
    ActivityNoted,
    AlertEvent,
    AlertEventKind,
    AlertState,
    AtmospheresChanged,
    CauseNamed,
    ClosedSide,
    CommandTaken,
    Doubt,
    Event,
    FreeVolumeEstimated,
    IncidentChange,
    IncidentChanged,
    IsolationDoubted,
    IsolationTestBegan,
    IsolationTestJudged,
    Order,
    RuleKind,
    SensorDoubted,
    SensorFault,
    SensorTrusted,
    Severity,
)
from service.core.samples import SampleBatch
from service.core.station import Channel, ChannelKind, Hatch, HatchState, Section, Station
from service.core.views import (
    LOOP_FLOOR,
    AlertView,
    AtmosphereView,
    Balance,
    CoolantView,
    EstimateQuality,
    FlowLaw,
    GrowthEstimate,
    IsolationView,
    LeakEstimate,
    MonitorView,
    Outlook,
    SectionView,
    SensorView,
)
from service.outputs import logs
from service.outputs.base import Output
from tests.ports import free_port

NOW_S = 1_708_000_000.25


@pytest.fixture
def station() -> Station:
    return Station(
        name="iss",
        sections=(Section(name="zvezda", volume_m3=82.0), Section(name="prk", volume_m3=7.0)),
        hatches=(Hatch(name="prk-zvezda", between=("prk", "zvezda"), state=HatchState.OPEN),),
        channels=(
            Channel(
                name="zvezda.pressure", section="zvezda", kind=ChannelKind.PRESSURE, unit="mmHg"
            ),
            Channel(
                name="prk.temperature", section="prk", kind=ChannelKind.TEMPERATURE, unit="degC"
            ),
        ),
        accepted_leak_kg_per_s=0.27 / 86400.0,
    )


@pytest.fixture
def estimate() -> AtmosphereView:
    return AtmosphereView(
        time_s=NOW_S,
        name="zvezda",
        sections=("zvezda", "prk"),
        volume_m3=89.0,
        pressure_pa=99_800.0,
        temperature_k=296.0,
        air_mass_kg=104.5,
        balance=Balance.NITROGEN,
        quality=EstimateQuality.GOOD,
        leak=LeakEstimate(rate_kg_per_s=1.2e-5, low_kg_per_s=1.1e-5, high_kg_per_s=1.3e-5),
        growth=GrowthEstimate(
            statistic_ratio=1.25,
            growth_kg_per_s=7e-6,
            growth_low_kg_per_s=5e-6,
            growth_high_kg_per_s=9e-6,
            onset_s=NOW_S - 86400.0,
            onset_low_s=NOW_S - 90_000.0,
            onset_high_s=NOW_S - 80_000.0,
        ),
        reserve_time_s={"evacuation": 3.0e6, "crew_departure": None},
        air_mass_sd_kg=0.25,
        free_volume_m3=87.5,
        free_volume_sd_m3=2.5,
        assumed={"lab-node": HatchState.OPEN},
        law=FlowLaw(exponent=1.8, low=1.6, high=2.0),
        outlook=Outlook(
            reserve_low_s={"evacuation": 2.5e6},
            reserve_high_s={"evacuation": inf},
            gas_kg_per_month=31.104,
            gas_low_kg_per_month=28.5,
            gas_high_kg_per_month=33.7,
            hole_low_m=2.5e-4,
            hole_high_m=3.2e-4,
        ),
    )


@pytest.fixture
def unknown_estimate() -> AtmosphereView:
    return AtmosphereView(
        time_s=NOW_S,
        name="lab",
        sections=("lab",),
        volume_m3=106.0,
        pressure_pa=None,
        temperature_k=None,
        air_mass_kg=None,
        balance=None,
        quality=EstimateQuality.LEARNING,
        leak=None,
        growth=None,
        reserve_time_s={"evacuation": None},
    )


@pytest.fixture
def loop_estimate(unknown_estimate: AtmosphereView) -> AtmosphereView:
    return replace(
        unknown_estimate,
        name="radiator",
        sections=("radiator",),
        volume_m3=None,
        pressure_pa=180_000.0,
        leak=LeakEstimate(rate_kg_per_s=1e-4, low_kg_per_s=9e-5, high_kg_per_s=1.1e-4),
        balance=Balance.LIQUID,
        reserve_time_s={LOOP_FLOOR: 86_400.0},
        coolant=CoolantView(mass_kg=9.5, held_kg=9.6, density_kg_per_m3=640.0),
    )


@pytest.fixture
def view(estimate: AtmosphereView, unknown_estimate: AtmosphereView) -> MonitorView:
    return MonitorView(
        now_s=NOW_S,
        sections=(
            SectionView(name="zvezda", pressure_pa=99_800.0, temperature_k=296.0),
            SectionView(name="prk", pressure_pa=None, temperature_k=None),
        ),
        atmospheres=(estimate, unknown_estimate),
        hatches={"prk-zvezda": HatchState.OPEN, "lab-node": HatchState.UNKNOWN},
        alerts=(
            AlertView(
                alert_id="leak_growth/zvezda/1",
                rule="leak_growth",
                kind=RuleKind.LEAK_GROWTH,
                severity=Severity.WARNING,
                state=AlertState.UNACKNOWLEDGED,
                atmosphere="zvezda",
                sections=("zvezda", "prk"),
                since_s=NOW_S - 60.0,
                text="The leak grows.",
                told_s=NOW_S - 60.0,
            ),
        ),
        last_sample_s={"zvezda.pressure": NOW_S - 1.0},
        isolation=IsolationView(
            suspects={"zvezda": 0.02, "prk": 0.97}, running=(), doubts=(), suggestion=None
        ),
        sensors=(
            SensorView(channel="zvezda.pressure", doubt=None),
            SensorView(
                channel="prk.pressure",
                doubt=SensorDoubted(
                    time_s=NOW_S - 60.0,
                    channel="prk.pressure",
                    fault=SensorFault.APART,
                    is_named=True,
                    against=("zvezda.pressure", "zvezda.pressure2"),
                    difference_pa=-800.0,
                    since_s=NOW_S - 60.0,
                ),
            ),
        ),
    )


@pytest.fixture
def alert_event() -> AlertEvent:
    return AlertEvent(
        time_s=NOW_S,
        alert_id="leak_growth/zvezda/1",
        rule="leak_growth",
        kind=RuleKind.LEAK_GROWTH,
        severity=Severity.WARNING,
        event=AlertEventKind.RAISED,
        state=AlertState.UNACKNOWLEDGED,
        atmosphere="zvezda",
        sections=("zvezda", "prk"),
        reason="statistic above threshold",
        text='The leak of zvezda grows, "prk" is suspected; close hatch prk-zvezda.',
        suspects={"prk": 0.25, "zvezda": 0.75},
        leak_rate_kg_per_day=1.088621688,
        leak_rate_low=0.9,
        leak_rate_high=1.25,
        growth_kg_per_day=0.68,
        onset_time_s=NOW_S - 86400.0,
        reserve_time_s=3.0e6,
    )


@pytest.fixture
def other_events() -> tuple[Event, ...]:
    return (
        AtmospheresChanged(
            time_s=NOW_S, atmospheres=(("zvezda",), ("prk",)), reason="prk-zvezda closed"
        ),
        CauseNamed(
            time_s=NOW_S,
            atmosphere="prk",
            sections=("prk",),
            cause=Cause.GAS_30_MIN,
            since_s=NOW_S - 7200.0,
            since_low_s=NOW_S - 7260.0,
            since_high_s=NOW_S - 7200.0,
            until_s=NOW_S - 5400.0,
            rival=Cause.LEAK_GROWTH,
            lead=11.5,
            hypotheses={"gas_for_30_min": 0.9999, "leak_growth": 0.0001},
            declared_as=None,
            text="prk: 0.50 kg of gas went.",
            mass_kg=-0.5,
            mass_low_kg=-0.6,
            mass_high_kg=-0.4,
        ),
        ActivityNoted(
            time_s=NOW_S, name="crew", place="zvezda", understood=True, reason="crew is 7"
        ),
        IsolationTestBegan(time_s=NOW_S, hatch="prk-zvezda", atmospheres=(("zvezda",), ("prk",))),
        IsolationTestJudged(
            time_s=NOW_S,
            hatches=("prk-zvezda",),
            hours=12.0,
            sides=(
                ClosedSide(sections=("zvezda",)),
                ClosedSide(
                    sections=("prk",),
                    leak_rate_kg_per_day=0.5,
                    leak_rate_low=0.45,
                    leak_rate_high=0.55,
                ),
            ),
            suspects={"zvezda": 0.01, "prk": 0.98},
            is_conclusive=True,
            reason="the leak is in prk",
            text="prk-zvezda shut for 12 h: prk lost 0.50 kg/day. The leak is in prk (98%).",
        ),
        IsolationDoubted(
            time_s=NOW_S, atmosphere="prk", sections=("prk",), doubt=Doubt.FED, text="Or fed."
        ),
        SensorDoubted(
            time_s=NOW_S,
            channel="prk.pressure",
            fault=SensorFault.STUCK,
            is_named=True,
            against=("zvezda.pressure",),
            difference_pa=-800.0,
            since_s=NOW_S - 60.0,
        ),
        SensorTrusted(time_s=NOW_S, channel="prk.pressure", since_s=NOW_S - 7200.0),
        FreeVolumeEstimated(
            time_s=NOW_S,
            atmosphere="zvezda",
            mass_kg=11.3,
            rise_pa=2690.0,
            measured_m3=86.0,
            measured_sd_m3=3.0,
            free_volume_m3=87.5,
            free_volume_sd_m3=2.5,
            is_believed=True,
        ),
        CommandTaken(
            time_s=NOW_S,
            command_id="1",
            order=Order.ACKNOWLEDGE,
            who="kim",
            why="seen",
            alert_id="leak_growth/zvezda/1",
            rule="leak_growth",
            atmosphere="zvezda",
            old_state=AlertState.UNACKNOWLEDGED,
            new_state=AlertState.ACKNOWLEDGED,
        ),
        IncidentChanged(
            time_s=NOW_S,
            incident_id="incident-leak_growth/zvezda/1",
            change=IncidentChange.OPENED,
            severity=Severity.WARNING,
            headline="The leak grows.",
            sections=("zvezda", "prk"),
            alerts=("leak_growth/zvezda/1",),
        ),
    )


@pytest.fixture
def samples() -> SampleBatch:
    return SampleBatch(
        channel=np.array([0, 1, 0], np.int32),
        time_s=np.array([NOW_S - 2.0, NOW_S - 1.5, NOW_S - 1.0]),
        received_s=np.array([NOW_S - 1.9, NOW_S - 1.4, NOW_S - 0.9]),
        value=np.array([99_800.1, 0.1 + 0.2, 1e16]),
        quality=np.array([0, 1, 3], np.uint8),
    )


@asynccontextmanager
async def server(*command: str, ready_url: Callable[[int], str]) -> AsyncIterator[int]:
    """Run a server on a free port, which stands as {port} in its arguments, until it is left."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(argument.format(port=port) for argument in command),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(30), aiohttp.ClientSession() as session:
            while not await answers(session, ready_url(port)):
                assert process.returncode is None, f"{command[0]} ended early"
                await asyncio.sleep(0.05)
        yield port
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.status < 300
    except aiohttp.ClientError:
        return False


@pytest.fixture
async def victoria(tmp_path: Path) -> AsyncIterator[str]:
    command = (
        "victoria-metrics",
        f"-storageDataPath={tmp_path / 'victoria'}",
        "-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=100y",
    )
    async with server(*command, ready_url=lambda port: f"http://127.0.0.1:{port}/health") as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def influxd(tmp_path: Path) -> AsyncIterator[str]:
    config = tmp_path / "influxd.conf"
    home = tmp_path / "influxd"
    config.write_text(
        f"""
reporting-disabled = true
bind-address = "127.0.0.1:{free_port()}"
[meta]
dir = "{home}/meta"
[data]
dir = "{home}/data"
wal-dir = "{home}/wal"
[http]
bind-address = "127.0.0.1:{(port := free_port())}"
"""
    )
    url = f"http://127.0.0.1:{port}"
    async with server("influxd", "-config", str(config), ready_url=lambda _: f"{url}/ping"):
        yield url


@asynccontextmanager
async def _running(worker: Output) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(worker.run())
        yield
        async with asyncio.timeout(20):
            await worker.drain()
        task.cancel()


@pytest.fixture
def running() -> Callable[[Output], AbstractAsyncContextManager[None]]:
    """Run a worker as the service does: at the end drained, then cancelled."""
    return _running


@pytest.fixture
def log_lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Configure the real log and return what it wrote so far."""
    stream = TextIOWrapper(BytesIO())
    logs.configure(stream=stream)
    yield lambda: [orjson.loads(line) for line in stream.buffer.getvalue().splitlines()]
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, logs.ForeignHandler)]:
        root.removeHandler(handler)
    structlog.reset_defaults()


class Serving:
    """Serve an application, or run a server that is asked about it, on a free loopback port."""

    @asynccontextmanager
    async def __call__(self, application: web.Application, port: int = 0) -> AsyncIterator[str]:
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    @asynccontextmanager
    async def prometheus(self, config: Path, storage: Path) -> AsyncIterator[str]:
        command = (
            "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={storage}",
            "--web.listen-address=127.0.0.1:{port}",
        )
        async with server(
            *command, ready_url=lambda port: f"http://127.0.0.1:{port}/-/ready"
        ) as port:
            yield f"http://127.0.0.1:{port}"


@pytest.fixture
def serving() -> Serving:
    return Serving()
