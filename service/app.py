"""Builds every object of the daemon from its settings and runs them in one task group."""

import asyncio
import signal
import sqlite3
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Final

import numpy as np
import structlog

from service.clock import Clock, WallClock
from service.console.access import Access
from service.console.desk import Desk
from service.console.server import Console
from service.core.commands import Command
from service.core.health import Health, Tally
from service.core.intake import Doubt
from service.core.monitor import Monitor
from service.core.station import Station
from service.errors import ConfigError, InputError
from service.notifying import broker_of, notifiers, notifying_faults
from service.outputs.base import Output
from service.outputs.capture import Capture, Quarantine
from service.outputs.influx import InfluxOutput, InfluxTarget
from service.outputs.logs import LogOutput
from service.outputs.metrics import Metrics
from service.pipeline import Pipeline, Ways
from service.settings.build import policy_of, station_of
from service.settings.connections import Http
from service.settings.schema import Settings
from service.sources.base import RejectReason, Source
from service.sources.decode import Decoder
from service.sources.mqtt import MqttSource
from service.sources.topics import TopicTemplate
from service.storage.recovery import Memory
from service.storage.store import Store

LATE_S: Final = 60.0  # a tick older than this is none of now; they are a second apart
DRAIN_S: Final = 10.0  # an output that needs longer to empty its queue gives it up


class App:
    """The daemon: sources, one pipeline with the monitor, outputs and the console.

    Parameters
    ----------
    sources : sequence of Source or None
        Instead of those that the settings name.
    outputs : sequence of Output
        Beside those that the settings name.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        sources: Callable[[Station, Clock], Sequence[Source]] | None = None,
        outputs: Sequence[Output] = (),
    ) -> None:
        if faults := notifying_faults(settings):
            raise ConfigError(faults)
        self._clock = clock or WallClock()
        self.station = station_of(settings)
        self.monitor = Monitor(self.station, policy_of(settings))
        if sources is not None:
            self._sources = tuple(sources(self.station, self._clock))
        else:
            self._sources = tuple(_mqtt(settings, self.station, self._clock))
        self._memory, self.begins_anew = _memory(settings, self.monitor)
        paths = settings.capture
        capture = Capture(path=paths.path, station=self.station) if paths.path else None
        quarantine = Quarantine(path=paths.quarantine_path) if paths.quarantine_path else None
        kept = [output for output in (capture, quarantine) if output is not None]
        self._outputs: tuple[Output, ...] = (
            LogOutput(),
            *kept,
            *_influx(settings, self.station),
            *notifiers(settings, self.monitor, self._memory, self._clock, self._is_well),
            *outputs,
        )
        self.metrics = Metrics(
            view=self.monitor.view,
            version=version("hullwatch"),
            rules=[rule.name for rule in self.monitor.policy.rules],
            sources=self._sources,
            outputs=self._outputs,
            outcomes=[*(r.value for r in RejectReason), *(d.value for d in Doubt)],
        )
        access = access_of(settings.http)
        self._warnings = access.warnings()
        self._desk = Desk(
            view=self.monitor.view,
            command=self.command,
            access=access,
            history=self._memory.history if self._memory is not None else None,
        )
        self._pipeline = Pipeline(
            self.monitor,
            self._clock,
            Ways(
                outputs=self._outputs,
                metrics=self.metrics,
                capture=capture,
                quarantine=quarantine,
                memory=self._memory,
                tell=self._desk.tell,
                health=self._health,
            ),
        )
        self._console = Console(
            metrics=self.metrics,
            view=self.monitor.view,
            is_ready=lambda: all(source.status.up for source in self._sources),
            station=self.station,
            desk=self._desk,
            access=access,
            port=settings.http.port,
        )
        self._stop = asyncio.Event()
        self.port: int | None = None

    def _is_well(self) -> bool:
        now_s = self.monitor.view().now_s
        is_late = now_s is None or self._clock.now_s() - now_s > LATE_S
        return not is_late and all(source.status.up for source in self._sources)

    def _health(self) -> Health:
        accepted, refused = self.metrics.readings()
        return Health(
            received_s=0.0,  # stamped where it enters
            sources={source.name: source.status.up for source in self._sources},
            outputs={
                output.name: Tally(
                    written=output.status.written,
                    failed=output.status.failed,
                    dropped=output.status.dropped,
                    queued=output.status.queued,
                )
                for output in self._outputs
            },
            accepted=accepted,
            refused=refused,
        )

    def command(self, command: Command) -> None:
        """Do something to an alert, at the next tick; the arrival time is stamped here."""
        self._pipeline.command(command)

    def stop(self) -> None:
        """Ask for an orderly end."""
        self._stop.set()

    async def run(
        self, *, signals: bool = True, ready: Callable[[int], None] | None = None
    ) -> None:
        """Serve until stopped, by `stop` or by SIGTERM or SIGINT.

        Parameters
        ----------
        ready : callable or None
            Called with the HTTP port once it listens.

        Raises
        ------
        OSError
            If the HTTP address cannot be used.
        """
        if signals:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.stop)
        self.port = await self._console.start()
        if ready is not None:
            ready(self.port)
        log = structlog.get_logger("hullwatch")
        log.info("service.started", station=self.station.name, port=self.port)
        for problem, remedy in self._warnings:
            log.warning("console.open", reason=problem, remedy=remedy)
        for reason in self.begins_anew:
            log.error("state.refused", reason=reason)
        self._pipeline.catch_up()
        try:
            async with asyncio.TaskGroup() as group:
                writers = [
                    group.create_task(output.run(), name=f"output:{output.name}")
                    for output in self._outputs
                ]
                readers = [
                    group.create_task(self._pipeline.feed(source), name=f"source:{source.name}")
                    for source in self._sources
                ]
                pipeline = group.create_task(self._pipeline.run(), name="pipeline")
                await self._stop.wait()
                log.info("service.stopping")
                for task in readers:
                    task.cancel()
                await self._drain()
                for task in (pipeline, *writers):
                    task.cancel()
            self._pipeline.save()
        finally:
            await self._console.stop()
            if self._memory is not None:
                self._memory.close()
        log.info("service.stopped")

    async def _drain(self) -> None:
        await self._pipeline.drain()
        for output in self._outputs:
            try:
                async with asyncio.timeout(DRAIN_S):
                    await output.drain()
            except TimeoutError:
                structlog.get_logger("hullwatch").error(
                    "output.abandoned", output=output.name, queued=output.status.queued
                )


def access_of(http: Http) -> Access:
    """Return who may do what at the console of these settings."""
    viewer, operator = http.viewer_token, http.operator_token
    return Access(
        host=http.host,
        viewer_token=viewer.get_secret_value() if viewer else None,
        operator_token=operator.get_secret_value() if operator else None,
    )


def _memory(settings: Settings, monitor: Monitor) -> tuple[Memory | None, list[str]]:
    """Return what the monitor remembers, already recalled, and why it may have forgotten."""
    if settings.state is None:
        return None, []
    path = settings.state.path
    try:
        store = Store(path)
    except (sqlite3.OperationalError, OSError) as error:
        remedy = "stop the other daemon that uses it, or give a file that can be written"
        raise InputError(f"state: {path}", str(error), remedy) from error
    memory = Memory(store, monitor)
    return memory, [reason for reason in (store.refused, memory.recover()) if reason]


def _mqtt(settings: Settings, station: Station, clock: Clock) -> list[Source]:
    if settings.mqtt is None:
        return []
    mqtt = settings.mqtt
    telemetry = TopicTemplate(mqtt.telemetry_topic, station=station.name)
    activity = TopicTemplate(mqtt.activity_topic, station=station.name)
    decoder = Decoder(
        station,
        telemetry=telemetry,
        activity=activity,
        max_payload_bytes=mqtt.max_payload_bytes,
    )
    return [
        MqttSource(
            "mqtt",
            broker_of(mqtt),
            decoder,
            subscriptions=(telemetry.subscription, activity.subscription),
            clock=clock,
            jitter=np.random.default_rng().random,
        )
    ]


def _influx(settings: Settings, station: Station) -> list[Output]:
    if settings.influx is None:
        return []
    influx = settings.influx
    target = InfluxTarget(
        url=str(influx.url),
        token=influx.token.get_secret_value(),
        org=influx.org,
        bucket=influx.bucket,
        dead_letters=influx.dead_letter_path,
    )
    return [InfluxOutput(target, station)]
