"""Sends a simulation out: to files, to an MQTT broker at any speed, or to both."""

import asyncio
import logging
import math
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Final

import aiomqtt
import numpy as np
import orjson
import yaml

from simulators.messages import Message, arrival_s
from simulators.scenario import config_of, load
from simulators.station import Simulation, TelemetrySlice
from simulators.tables import Tables

IN_FLIGHT: Final = 100  # messages sent and not yet acknowledged; enough to keep a broker busy
FULL_SPEED: Final = math.inf

Progress = Callable[[float], None]


class PublishError(Exception):
    """The broker cannot be reached or hung up; the message says which and what to do."""


def run_simulate(
    *,
    scenario: str | Path,
    seed: int = 0,
    out: str | None = None,
    activities: str | None = None,
    truth: str | None = None,
    config: str | None = None,
    mqtt: tuple[str, int] | None = None,
    speed: float = FULL_SPEED,
    start: datetime | None = None,
    end: datetime | None = None,
    progress: Progress = lambda _: None,
) -> None:
    """Run a scenario once and write everything asked for.

    Parameters
    ----------
    out, activities, truth, config : str or None
        Files to write; `-` for `out` and `activities` means JSON lines on standard output.
    mqtt : (host, port) or None
        The broker to publish to.
    speed : float
        Simulated seconds a second; only publishing is slowed down.
    progress : callable
        Called with the share that is done, 0 to 1.

    Raises
    ------
    ScenarioError, TableError
        If the scenario, the window or a file name is wrong; nothing was written then.
    PublishError
        If the broker fails.
    """
    simulation = Simulation(load(scenario, seed), seed, start=start, end=end)
    with Tables(simulation.scenario, out, activities) as tables:
        if config is not None:
            words = yaml.safe_dump(
                config_of(simulation.scenario), sort_keys=False, default_flow_style=None, width=100
            )
            Path(config).write_text(words, encoding="utf-8")
        try:
            if mqtt is None and (out or activities or truth):
                for part in simulation.slices():
                    tables.write(part)
                    progress(_share_done(simulation, part.end_s))
            elif mqtt is not None:
                host, port = mqtt
                publishing = publish(
                    simulation, host, port, speed=speed, progress=progress, keep=tables.write
                )
                asyncio.run(publishing)
        finally:
            if truth is not None:
                Path(truth).write_bytes(orjson.dumps(simulation.truth()))


async def publish(
    simulation: Simulation,
    host: str,
    port: int,
    *,
    speed: float = FULL_SPEED,
    progress: Progress = lambda _: None,
    keep: Callable[[TelemetrySlice], None] = lambda _: None,
) -> None:
    """Publish a whole simulation, one columnar message for each of its steps.

    Parameters
    ----------
    speed : float
        Simulated seconds a second.
    keep : callable
        Given each slice before it is published.

    Raises
    ------
    PublishError
        If the broker cannot be reached or hangs up.
    """
    place = f"the MQTT broker at {host}:{port}"
    # The broker's own words of warning would mix with the command's output.
    quiet = logging.getLogger("simulators.mqtt")
    quiet.setLevel(logging.ERROR)
    try:
        async with AsyncExitStack() as stack:
            client = await stack.enter_async_context(
                aiomqtt.Client(host, port, max_inflight_messages=IN_FLIGHT, logger=quiet)
            )
            client.pending_calls_threshold = 2 * IN_FLIGHT
            await _send_all(client, simulation, speed, progress, keep)
    except aiomqtt.MqttError as exc:
        raise PublishError(f"{place} cannot be reached ({exc}); is it running there?") from exc
    except ExceptionGroup as group:
        hung_up, others = group.split(aiomqtt.MqttError)
        if hung_up is None or others is not None:
            raise
        raise PublishError(f"{place} hung up; look into its log and start again") from group


async def _send_all(
    client: aiomqtt.Client,
    simulation: Simulation,
    speed: float,
    progress: Progress,
    keep: Callable[[TelemetrySlice], None],
) -> None:
    """Publish in order, several messages at a time, each when its moment has come."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    room = asyncio.Semaphore(IN_FLIGHT)

    async def send(topic: str, payload: bytes) -> None:
        try:
            await client.publish(topic, payload, qos=1, timeout=60)
        finally:
            room.release()

    parts = simulation.slices()
    async with asyncio.TaskGroup() as group:
        while (part := await asyncio.to_thread(next, parts, None)) is not None:
            keep(part)
            for moment_s, topic, payload in messages_of(simulation, part):
                wait_s = began + (moment_s - simulation.start_s) / speed - loop.time()
                if wait_s > 0:
                    progress(_share_done(simulation, moment_s))
                    await asyncio.sleep(wait_s)
                await room.acquire()
                group.create_task(send(topic, payload), name="simulate:publish")
            progress(_share_done(simulation, part.end_s))


def messages_of(simulation: Simulation, part: TelemetrySlice) -> Iterator[tuple[float, str, bytes]]:
    """Cut a slice into MQTT messages in order of arrival: moment, topic, payload.

    What arrives in one step of the simulation is one message on `{station}/all/telemetry`;
    activities come on `{station}/activity`, before the samples that arrive with them.
    """
    scenario = simulation.scenario
    names = np.array(list(scenario.channels), dtype=object)
    steps = np.floor((part.received_s - simulation.origin_s) / scenario.step_s)
    begins = [0, *(np.flatnonzero(np.diff(steps)) + 1).tolist()] if len(steps) else []
    activities = list(part.activities)
    for begin, end in zip(begins, [*begins[1:], len(steps)], strict=False):
        moment_s = float(part.received_s[end - 1])
        while activities and arrival_s(activities[0]) <= moment_s:
            yield _activity(scenario.station, activities.pop(0))
        rows = slice(begin, end)
        columns = {
            "time": part.time_s[rows].tolist(),
            "channel": names[part.channel[rows]].tolist(),
            "value": part.value[rows].tolist(),
        }
        yield moment_s, f"{scenario.station}/all/telemetry", orjson.dumps(columns)
    for message in activities:
        yield _activity(scenario.station, message)


def _activity(station: str, message: Message) -> tuple[float, str, bytes]:
    return arrival_s(message), f"{station}/activity", orjson.dumps(message)


def _share_done(simulation: Simulation, at_s: float) -> float:
    return (at_s - simulation.start_s) / (simulation.end_s - simulation.start_s)
