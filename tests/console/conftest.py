"""A console on a free port over made-up state."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from service.console.access import Access
from service.console.desk import Desk
from service.console.server import Console
from service.core.commands import Command
from service.core.events import AlertState, CommandTaken, RuleKind, Severity
from service.core.station import Hatch, HatchState, Section, Station
from service.core.views import (
    AlertView,
    AtmosphereView,
    Balance,
    ClosureView,
    EstimateQuality,
    GrowthEstimate,
    IsolationView,
    LeakEstimate,
    MonitorView,
    SectionView,
)
from service.outputs.metrics import Metrics

NOW_S = 1_708_000_000.0

STATION = Station(
    name="iss",
    sections=(Section(name="zvezda", volume_m3=82.0), Section(name="prk", volume_m3=7.0)),
    hatches=(Hatch(name="prk-zvezda", between=("prk", "zvezda"), state=HatchState.CLOSED),),
    channels=(),
    accepted_leak_kg_per_s=0.27 / 86400.0,
)

LEAKING = MonitorView(
    now_s=NOW_S,
    sections=(
        SectionView(name="zvezda", pressure_pa=99_800.0, temperature_k=296.0),
        SectionView(name="prk", pressure_pa=97_000.0, temperature_k=None),
    ),
    atmospheres=(
        AtmosphereView(
            time_s=NOW_S,
            name="prk",
            sections=("prk",),
            volume_m3=7.0,
            pressure_pa=97_000.0,
            temperature_k=None,
            air_mass_kg=8.1,
            balance=Balance.PRESSURE,
            quality=EstimateQuality.GOOD,
            leak=LeakEstimate(
                rate_kg_per_s=1.09 / 86400, low_kg_per_s=0.9 / 86400, high_kg_per_s=1.25 / 86400
            ),
            growth=GrowthEstimate(statistic_ratio=1.2, growth_kg_per_s=0.68 / 86400),
            reserve_time_s={"evacuation": 2.4 * 86400},
        ),
    ),
    hatches={"prk-zvezda": HatchState.CLOSED},
    alerts=(
        AlertView(
            alert_id="leak_growth/prk/1",
            rule="leak_growth",
            kind=RuleKind.LEAK_GROWTH,
            severity=Severity.WARNING,
            state=AlertState.UNACKNOWLEDGED,
            atmosphere="prk",
            sections=("prk",),
            since_s=NOW_S - 60.0,
            text="The leak of <b>prk</b> has grown; keep hatch prk-zvezda closed.",
            told_s=NOW_S - 60.0,
        ),
    ),
    last_sample_s={},
    isolation=IsolationView(
        suspects={"zvezda": 0.08, "prk": 0.9},
        running=("prk-zvezda",),
        doubts=(),
        suggestion=ClosureView(hatch="prk-zvezda", hours=11.6, probability=0.95, sections=("prk",)),
    ),
)


@dataclass
class Daemon:
    """What the console is given to look at."""

    view: MonitorView = LEAKING
    is_ready: bool = True
    url: str = ""
    access: Access = field(default_factory=lambda: Access(host="127.0.0.1"))
    commands: list[Command] = field(default_factory=list)
    refused: str = ""
    answers: bool = True
    desk: Desk = field(init=False)
    console: Console = field(init=False)

    def take(self, command: Command) -> None:
        """Note a command, and say at once what came of it."""
        self.commands.append(command)
        taken = CommandTaken(
            time_s=NOW_S,
            command_id=command.command_id,
            order=command.order,
            who=command.who,
            why=command.why,
            alert_id=command.alert_id,
            rule=command.rule,
            atmosphere=command.atmosphere,
            old_state=AlertState.UNACKNOWLEDGED,
            new_state=AlertState.ACKNOWLEDGED,
            refused=self.refused,
        )
        if self.answers:
            self.desk.tell([taken])

    def __post_init__(self) -> None:
        self.desk = Desk(
            view=lambda: self.view,
            command=self.take,
            access=self.access,
            history=lambda _: ([], []),
        )
        self.console = Console(
            metrics=Metrics(view=lambda: self.view, version="0.1.0", rules=["leak_growth"]),
            view=lambda: self.view,
            is_ready=lambda: self.is_ready,
            station=STATION,
            desk=self.desk,
            access=self.access,
            port=0,
        )


@pytest.fixture
def access() -> Access:
    """Return who may look and act: everybody on this machine."""
    return Access(host="127.0.0.1")


@pytest.fixture
async def daemon(access: Access) -> AsyncIterator[Daemon]:
    daemon = Daemon(access=access)
    daemon.url = f"http://127.0.0.1:{await daemon.console.start()}"
    yield daemon
    await daemon.console.stop()
