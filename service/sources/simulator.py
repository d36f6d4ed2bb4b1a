"""Runs the bundled simulator inside the service and delivers its telemetry minute by minute."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import numpy as np

from service.clock import Clock
from service.core.samples import Activity, SampleBatch
from service.core.station import Station
from service.core.ticks import SLOW_S
from service.core.units import unit_of
from service.errors import InputError
from service.sources.activities import read_activity
from service.sources.base import Delivery, SourceStatus
from simulators.scenario import ScenarioError, load
from simulators.schema import Channel
from simulators.station import Simulation, TelemetrySlice

BLOCK_S: Final = 6 * 3600.0  # simulated at once; a second of work at most


class SimulatedReadings:
    """Turns what a simulation tells into samples of a station that has its channels, in SI."""

    def __init__(self, channels: Mapping[str, Channel], station: Station) -> None:
        index = station.channel_index()
        self._channel = np.array([index[name] for name in channels], np.int32)
        units = [unit_of(channel.unit) for channel in channels.values()]
        self._scale = np.array([unit.scale for unit in units])
        self._offset = np.array([unit.offset for unit in units])

    def of(self, part: TelemetrySlice) -> SampleBatch:
        """Return the samples of a slice."""
        return SampleBatch(
            channel=self._channel[part.channel],
            time_s=part.time_s,
            received_s=part.received_s,
            value=part.value * self._scale[part.channel] + self._offset[part.channel],
            quality=part.quality,
        )


class SimulatorSource:
    """Delivers a simulation once, at a multiple of real time or as fast as it is taken.

    Parameters
    ----------
    speed : float
        Simulated seconds in a second; infinity = as fast as the pipeline takes them.

    Raises
    ------
    InputError
        If the config lacks a channel of the scenario.
    """

    def __init__(
        self, simulation: Simulation, station: Station, *, speed: float, clock: Clock
    ) -> None:
        self.name = "simulator"
        self.status = SourceStatus()
        self._simulation = simulation
        self._speed = speed
        self._clock = clock
        channels = simulation.scenario.channels
        missing = sorted(set(channels) - set(station.channel_index()))
        if missing:
            raise InputError(
                "the config",
                f"lacks the channel {missing[0]} of the scenario",
                "write a config for the scenario with `hullwatch simulate SCENARIO --config FILE`",
            )
        self._readings = SimulatedReadings(channels, station)

    async def deliveries(self) -> AsyncIterator[Delivery]:
        """Yield one delivery for each simulated minute, each not before its time has come."""
        self.status.up = True
        began_s = self._clock.monotonic_s()
        for part in self._simulation.slices(BLOCK_S):
            for minute_s, delivery in self._minutes(part):
                ahead_s = (minute_s - self._simulation.start_s) / self._speed
                wait_s = began_s + ahead_s - self._clock.monotonic_s()
                await asyncio.sleep(max(wait_s, 0.0))
                yield delivery
        self.status.up = False

    def _minutes(self, part: TelemetrySlice) -> list[tuple[float, Delivery]]:
        samples = self._readings.of(part)
        arrivals = [_minute(samples.received_s)]
        activities = [_activity(message) for message in part.activities]
        arrivals.append(_minute(np.array([a.received_s for a in activities])))
        found = []
        for minute in np.unique(np.concatenate(arrivals)).tolist():
            rows = slice(*np.searchsorted(arrivals[0], [minute, minute + 1]).tolist())
            told = slice(*np.searchsorted(arrivals[1], [minute, minute + 1]).tolist())
            delivery = Delivery(samples=samples[rows], activities=tuple(activities[told]))
            found.append((minute * SLOW_S, delivery))
        return found


def _minute(times_s: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.floor(times_s / SLOW_S).astype(np.int64)


def _activity(message: dict[str, Any]) -> Activity:
    read = read_activity(message, received_s=None)
    if not isinstance(read, Activity):
        raise InputError("the scenario", read[1], "correct its timeline")
    return read


def simulator_source(
    scenario: str, station: Station, *, seed: int, speed: float, clock: Clock
) -> SimulatorSource:
    """Return the source of a scenario given by its name or file.

    Raises
    ------
    InputError
        If there is no such scenario, or it does not fit the station.
    """
    try:
        simulation = Simulation(load(scenario, seed), seed)
    except ScenarioError as error:
        raise InputError("the scenario", str(error), "see `hullwatch simulate --list`") from error
    return SimulatorSource(simulation, station, speed=speed, clock=clock)
