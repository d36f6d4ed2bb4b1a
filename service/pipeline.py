"""Moves what arrives to the monitor, stamps its arrival, and hands on what the monitor says."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import structlog

from service.clock import Clock
from service.core.commands import Command
from service.core.events import AlertEvent, Event
from service.core.health import TOLD_EVERY_S, Health
from service.core.intake import ClockMode, Screened
from service.core.monitor import Monitor
from service.core.samples import SampleBatch
from service.core.ticks import FAST_S
from service.core.views import Outcome
from service.outputs.base import Output
from service.outputs.capture import Capture, Quarantine
from service.outputs.logs import RateLimit
from service.outputs.metrics import ACCEPTED, Metrics
from service.sources.base import Delivery, Source
from service.storage.recovery import Memory
from service.storage.store import Input

QUEUED: Final = 32  # deliveries between sources and monitor; then the sources wait
SAVE_S: Final = 60.0  # between two snapshots, 20 ms of work each on the whole ISS
SAVED_SAMPLES: Final = 500_000  # in the journal at most, some seconds of work at the next start
LOGGED_REFUSALS: Final = 5  # lines a reason in a minute; the rest is counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Where the pipeline hands on what it has.

    `tell` lets those know who wait for a fact, `health` says how the daemon is.
    """

    outputs: Sequence[Output]
    metrics: Metrics
    capture: Capture | None = None
    quarantine: Quarantine | None = None
    memory: Memory | None = None
    tell: Callable[[Iterable[Event]], None] | None = None
    health: Callable[[], Health] | None = None


class Pipeline:
    """One bounded queue and one loop, so that everything has one order: that of its arrival."""

    def __init__(self, monitor: Monitor, clock: Clock, ways: Ways) -> None:
        self._monitor = monitor
        self._clock = clock
        self._ways = ways
        self._queue: asyncio.Queue[tuple[str, Delivery]] = asyncio.Queue(QUEUED)
        self._log = structlog.get_logger("hullwatch")
        self._limit = RateLimit(per_window=LOGGED_REFUSALS, window_s=60.0)
        self._ticked = -np.inf
        self._reported_s = -np.inf
        self._latest_s = -np.inf if monitor.now_s is None else monitor.now_s
        self._saved_s = clock.monotonic_s()
        self._unsaved = 0

    async def feed(self, source: Source) -> None:
        """Put what a source delivers on the queue; wait where the queue is full."""
        async for delivery in source.deliveries():
            await self._queue.put((source.name, delivery))

    async def run(self) -> None:
        """Handle deliveries as they come, and ticks when they are due, until cancelled."""
        while True:
            try:
                async with asyncio.timeout(self._wait_s()):
                    name, delivery = await self._queue.get()
            except TimeoutError:
                self._tick(SampleBatch.empty())
                continue
            self.handle(name, delivery)
            self._queue.task_done()

    async def drain(self) -> None:
        """Return when everything on the queue has been handled."""
        await self._queue.join()

    def handle(self, source: str, delivery: Delivery) -> None:
        """Let the monitor see a delivery, hand on what follows, and acknowledge it."""
        by_event = self._monitor.policy.clock is ClockMode.EVENT
        now_s = self._now_s()
        samples = replace(
            delivery.samples, received_s=np.full(len(delivery.samples), now_s, np.float64)
        )
        if by_event:
            # A broker may bring a message before the readings of its time; it waits for them.
            clock_s = self._monitor.now_s or 0.0
            activities = [
                replace(a, received_s=max(a.time_s, clock_s)) for a in delivery.activities
            ]
        else:
            activities = [replace(a, received_s=now_s) for a in delivery.activities]
        self._remember([*([samples] if len(samples) else []), *activities])
        self._monitor.declare(activities)
        if self._ways.capture is not None:
            self._ways.capture.declare(activities)
        screened = self._monitor.observe(samples)
        self._count(source, delivery, screened, now_s)
        self._tick(screened.accepted)
        if delivery.done is not None:
            delivery.done()

    def command(self, command: Command) -> None:
        """Let the monitor see what somebody does to an alert, at the next tick."""
        by_event = self._monitor.policy.clock is ClockMode.EVENT
        now_s = (self._monitor.now_s or 0.0) if by_event else self._now_s()
        stamped = replace(command, received_s=now_s)
        self._remember([stamped])
        self._monitor.command([stamped])
        if self._ways.capture is not None:
            self._ways.capture.command(stamped)

    def _tick(self, accepted: SampleBatch) -> None:
        by_event = self._monitor.policy.clock is ClockMode.EVENT
        now_s = self._monitor.now_s if by_event else self._now_s()
        outcome = Outcome()
        if now_s is not None and now_s // FAST_S > self._ticked:
            self._ticked = now_s // FAST_S
            self._report(now_s)
            outcome = self._announced(self._monitor.advance(now_s))
            self._ways.metrics.count_events(outcome.events)
        if len(accepted) or outcome != Outcome():
            self._publish(accepted, outcome)
        self._save_if_due()

    def _report(self, now_s: float) -> None:
        """Tell the monitor once a minute how the daemon is; what is replayed has no daemon."""
        by_event = self._monitor.policy.clock is ClockMode.EVENT
        if self._ways.health is None or by_event or now_s - self._reported_s < TOLD_EVERY_S:
            return
        self._reported_s = now_s
        health = replace(self._ways.health(), received_s=now_s)
        self._remember([health])
        self._monitor.report(health)

    def catch_up(self) -> None:
        """Hand on what was announced before the daemon ended and nobody may have heard of."""
        memory = self._ways.memory
        lost = [] if memory is None else memory.unpublished()
        if lost:
            self._publish(SampleBatch.empty(), Outcome(events=tuple(lost)))

    def save(self) -> None:
        """Keep the state as it is now, where it is kept at all."""
        if self._ways.memory is not None:
            self._ways.memory.save()
            self._saved_s, self._unsaved = self._clock.monotonic_s(), 0

    def _publish(self, accepted: SampleBatch, outcome: Outcome) -> None:
        for output in self._ways.outputs:
            output.publish(accepted, outcome)
        if self._ways.tell is not None:
            self._ways.tell(outcome.events)
        memory = self._ways.memory
        if memory is not None and any(isinstance(e, AlertEvent) for e in outcome.events):
            memory.published()

    def _announced(self, outcome: Outcome) -> Outcome:
        """Write down what is to be announced, and leave out what was before a crash."""
        memory = self._ways.memory
        if memory is None or not outcome.events:
            return outcome
        return replace(outcome, events=tuple(memory.announce(outcome.events)))

    def _remember(self, inputs: Sequence[Input]) -> None:
        if self._ways.memory is not None and inputs:
            self._ways.memory.keep(inputs)
            self._unsaved += sum(len(i) if isinstance(i, SampleBatch) else 1 for i in inputs)

    def _save_if_due(self) -> None:
        is_due = self._clock.monotonic_s() - self._saved_s >= SAVE_S
        if self._unsaved and (is_due or self._unsaved >= SAVED_SAMPLES):
            self.save()

    def _now_s(self) -> float:
        """Return the time of day; it stands still while the clock is behind what it said before."""
        self._latest_s = max(self._latest_s, self._clock.now_s())
        return self._latest_s

    def _wait_s(self) -> float | None:
        """Return how long until the next tick is due by the wall clock; None = never by itself."""
        if self._monitor.policy.clock is ClockMode.EVENT:
            return None
        return FAST_S - self._clock.now_s() % FAST_S + 0.001

    def _count(self, source: str, delivery: Delivery, screened: Screened, now_s: float) -> None:
        metrics = self._ways.metrics
        metrics.count_samples(source, ACCEPTED, len(screened.accepted))
        for rejected in delivery.rejected:
            metrics.count_samples(source, rejected.reason.value, rejected.count)
            self._keep(source, rejected.detail, rejected.raw, rejected.reason.value, now_s)
        for reason, count in Counter(screened.reasons).items():
            metrics.count_samples(source, reason.value, count)
        doubted = zip(
            screened.reasons,
            screened.rejected.channel.tolist(),
            screened.rejected.time_s.tolist(),
            screened.rejected.value.tolist(),
            strict=True,
        )
        for reason, channel, time_s, value in doubted:
            name = self._monitor.station.channels[channel].name
            raw = f"{name} time={time_s!r} value={value!r} (SI)".encode()
            self._keep(source, name, raw, reason.value, now_s)

    def _keep(self, source: str, place: str, raw: bytes, reason: str, now_s: float) -> None:
        held_back = self._limit.admit(f"{source}/{reason}", now_s)
        if held_back is not None:
            self._log.warning(
                "sample.refused", source=source, reason=reason, detail=place, held_back=held_back
            )
        if self._ways.quarantine is not None:
            self._ways.quarantine.keep(
                received_s=now_s, source=source, place=place, payload=raw, reason=reason
            )
