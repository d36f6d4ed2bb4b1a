"""What the daemon recorded, replayed, gives the alert events that the daemon gave."""

import asyncio
from dataclasses import replace

import numpy as np
import pytest

from service.app import App
from service.core.commands import Command
from service.core.events import AlertEvent, AlertEventKind, CommandTaken, Event, Order
from service.core.monitor import Monitor
from service.core.samples import Activity, Quality, SampleBatch
from service.core.units import PA_PER_MMHG
from service.core.views import Outcome
from service.outputs.base import OutputStatus
from service.settings.build import policy_of
from service.sources.base import Delivery
from service.sources.tables import read_telemetry
from tests.service.conftest import Told, readings, running

BEGIN_S = 1_707_696_000.0  # 12 February 2024, 00:00 UTC
FALLS_S = 3600.0
SILENT_S = 5400.0
END_S = 9000.0
CLOCK_IS_SET_BACK_S = 7200.0


class Kept:
    """An output that keeps every event."""

    def __init__(self) -> None:
        self.name = "kept"
        self.status = OutputStatus()
        self.events: list[Event] = []

    def publish(self, _samples: SampleBatch, outcome: Outcome) -> None:
        self.events.extend(outcome.events)

    async def run(self) -> None:
        """Nothing is queued."""

    async def drain(self) -> None:
        """Nothing waits."""


def pressure_mmhg(at_s: float) -> float:
    """Return what it is: steady, down by 3 mmHg a minute for ten minutes, steady, restored."""
    fallen = 3.0 * np.clip(at_s - FALLS_S, 0.0, 600.0) / 60.0
    return 745.0 - (fallen if at_s < CLOCK_IS_SET_BACK_S else 0.0)


def arrivals(seed: int) -> list[tuple[float, Delivery]]:
    """Return two and a half hours of telemetry by arrival, as irregular as it comes.

    Readings come every 1 to 20 s, some up to half an hour late, some twice, some held or bad.
    """
    random = np.random.default_rng(seed)
    found: list[tuple[float, Delivery]] = []
    after_s = 0.0
    while after_s < END_S:
        after_s += 1.0 if abs(after_s - FALLS_S) < 300.0 else random.uniform(1.0, 20.0)
        if SILENT_S < after_s < SILENT_S + 1500.0:
            continue
        time_s = BEGIN_S + after_s
        pa = (pressure_mmhg(after_s) + random.normal(0.0, 0.02, 2)) * PA_PER_MMHG
        delivery = readings((0, time_s, pa[0]), (1, time_s, 295.0), (2, time_s, pa[1]))
        quality = random.choice([Quality.GOOD] * 20 + [Quality.HELD, Quality.BAD], 3)
        delivery = replace(
            delivery, samples=replace(delivery.samples, quality=quality.astype(np.uint8))
        )
        late_s = random.choice([0.0, 0.3, 7.0, 40.0, 1800.0], p=[0.5, 0.4, 0.06, 0.03, 0.01])
        found += [(time_s + late_s, delivery)] * (1 + (random.random() < 0.05))
    for after_s, state in ((2000.0, "closed"), (2700.0, "open"), (CLOCK_IS_SET_BACK_S, "closed")):
        time_s = BEGIN_S + after_s
        message = Activity(
            time_s=time_s - 5.0, received_s=time_s, name="hatch", hatch="prk-zvezda", state=state
        )
        found.append((time_s, Delivery(activities=(message,))))
    found.sort(key=lambda arrival: arrival[0])
    return [
        (arrived_s - (90.0 if arrived_s > BEGIN_S + CLOCK_IS_SET_BACK_S else 0.0), delivery)
        for arrived_s, delivery in found
    ]


def acknowledging(kept: Kept) -> Command:
    """Return the acknowledgement of the first alert that was raised."""
    first = next(e for e in kept.events if isinstance(e, AlertEvent) and e.event == "raised")
    return Command(
        received_s=0.0,
        command_id="1",
        order=Order.ACKNOWLEDGE,
        who="kim",
        why="seen",
        alert_id=first.alert_id,
    )


@pytest.mark.usefixtures("log_lines")
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_capture_of_a_daemon_replays_to_the_same_events(settings, tmp_path, seed):
    path = tmp_path / "capture.jsonl"
    config = settings(clock="wall", capture={"path": str(path)})
    source, kept = Told(arrivals(seed)), Kept()
    live = App(config, clock=source.clock, sources=source.sources, outputs=[kept])
    source.acts(BEGIN_S + FALLS_S + 700.0, lambda: live.command(acknowledging(kept)))
    async with running(live):
        async with asyncio.timeout(60):
            await source.taken.wait()
    last_tick_s = live.monitor.view().now_s
    assert last_tick_s is not None

    replay = Monitor(live.station, policy_of(config))
    table = read_telemetry([path], live.station)
    assert table.rejected.total() == 0
    replay.declare(table.activities)
    replay.command(table.commands)
    replay.observe(table.samples)
    events = list(replay.advance(last_tick_s).events)

    raised = {
        event.rule
        for event in events
        if isinstance(event, AlertEvent) and event.event is AlertEventKind.RAISED
    }
    assert raised == {"pressure_low", "rapid_depressurisation", "silence"}
    (taken,) = (event for event in events if isinstance(event, CommandTaken))
    assert not taken.refused
    assert kept.events == events
