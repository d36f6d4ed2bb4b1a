"""Keeps the counters of the service and renders them with its state for Prometheus."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Metric,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from service.core.causes import Cause
from service.core.events import AlertEvent, AlertEventKind, CauseNamed, Event, SensorDoubted
from service.core.views import MonitorView
from service.outputs.base import Counted
from service.outputs.families import LinkReading, ObservedSource, Reading, families

FLOOD_S: Final = 600.0  # EEMUA-191 calls ten alarms in ten minutes a flood
KEPT_ANNUNCIATIONS: Final = 10_000
ACCEPTED: Final = "accepted"
OTHER: Final = "other"
OUTCOMES_AT_MOST: Final = (
    64  # per process; a reason beyond counts as `other`, so series are bounded
)


class Metrics(Collector):
    """The counters, and a collector over the present state in a registry of its own.

    Parameters
    ----------
    view : callable
        Returns the state after the last tick; called on the event loop, once a scrape.
    rules : sequence of str
        Names of all rules, so that their counters stand at 0 from the start.
    outcomes : sequence of str
        The reasons for which a sample can be refused, for the same purpose.
    """

    def __init__(
        self,
        *,
        view: Callable[[], MonitorView],
        version: str,
        rules: Sequence[str] = (),
        sources: Sequence[ObservedSource] = (),
        outputs: Sequence[Counted] = (),
        outcomes: Sequence[str] = (),
    ) -> None:
        self._view = view
        self._version = version
        self._sources = tuple(sources)
        self._outputs = tuple(outputs)
        self._outcomes = {ACCEPTED, OTHER, *outcomes}
        self._samples = {
            (source.name, outcome): 0 for source in sources for outcome in sorted(self._outcomes)
        }
        self._alert_events = {(rule, event.value): 0 for rule in rules for event in AlertEventKind}
        self._causes = dict.fromkeys((c.value for c in Cause if c is not Cause.NOTHING), 0)
        self._annunciations_s: deque[float] = deque(maxlen=KEPT_ANNUNCIATIONS)
        self.registry = CollectorRegistry()
        self._process = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._process)
        self.registry.register(self)

    def count_samples(self, source: str, outcome: str, count: int = 1) -> None:
        """Add readings of a source that were `accepted`, or refused for the reason named."""
        if outcome not in self._outcomes:
            if len(self._outcomes) >= OUTCOMES_AT_MOST:
                outcome = OTHER
            self._outcomes.add(outcome)
        key = (source, outcome)
        self._samples[key] = self._samples.get(key, 0) + count

    def readings(self) -> tuple[int, int]:
        """Return how many readings were accepted and how many refused, of all sources."""
        accepted = sum(n for (_, outcome), n in self._samples.items() if outcome == ACCEPTED)
        return accepted, sum(self._samples.values()) - accepted

    def count_events(self, events: Iterable[Event]) -> None:
        """Add the alert events and the causes among the facts."""
        for event in events:
            if isinstance(event, CauseNamed):
                self._causes[event.cause.value] += 1
            if isinstance(event, SensorDoubted):
                self._causes[Cause.SENSOR_FAULT.value] += 1
            if isinstance(event, AlertEvent):
                key = (event.rule, event.event.value)
                self._alert_events[key] = self._alert_events.get(key, 0) + 1
                if event.asks_for_attention:
                    self._annunciations_s.append(event.time_s)

    def read(self) -> Reading:
        """Return everything as it stands now, to be rendered later or in another thread."""
        view = self._view()
        since_s = (view.now_s or 0.0) - FLOOD_S
        while self._annunciations_s and self._annunciations_s[0] <= since_s:
            self._annunciations_s.popleft()
        return Reading(
            version=self._version,
            view=view,
            annunciations=len(self._annunciations_s),
            samples=dict(self._samples),
            alert_events=dict(self._alert_events),
            causes=dict(self._causes),
            sources=tuple(
                LinkReading(
                    name=source.name,
                    up=source.status.up,
                    reconnects=source.status.reconnects,
                    sessions_lost=source.status.sessions_lost,
                )
                for source in self._sources
            ),
            outputs={output.name: replace(output.status) for output in self._outputs},
        )

    def collect(self) -> Iterator[Metric]:
        """Yield every metric as it stands now."""
        yield from families(self.read())
        yield from self._process.collect()

    def render(self, reading: Reading, accept: str) -> tuple[bytes, str]:
        """Return the exposition and its content type; callable from any thread.

        Parameters
        ----------
        accept : str
            The Accept header of the scrape; decides between the text and the OpenMetrics format.
        """
        encode, content_type = choose_encoder(accept)
        return encode(_Rendered(reading, self._process)), content_type


class _Rendered(Collector):
    """A reading in the shape the encoders take."""

    def __init__(self, reading: Reading, process: Collector) -> None:
        self._reading = reading
        self._process = process

    def collect(self) -> Iterator[Metric]:
        yield from families(self._reading)
        yield from self._process.collect()
