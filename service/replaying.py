"""Sends recorded telemetry through the same core as the daemon's, at full speed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from service.core.commands import Command
from service.core.intake import ClockMode, Screened
from service.core.monitor import Monitor, Policy
from service.core.samples import Activity, SampleBatch
from service.core.station import Station
from service.core.ticks import SLOW_S
from service.core.views import Outcome

CHUNK: Final = 50_000  # readings between two looks at the progress; changes nothing else


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What came of one chunk of a replay; `share_done` goes from 0 to 1."""

    share_done: float
    screened: Screened
    outcome: Outcome


def replayed(
    station: Station,
    policy: Policy,
    samples: SampleBatch,
    activities: Sequence[Activity],
    commands: Sequence[Command] = (),
) -> Iterator[Stretch]:
    """Yield what the monitor says of a recording, each part of which is in order of arrival.

    A recording with arrival times of its own is judged by them, exactly as it was live. One
    without counts every reading as having arrived at its own time.
    """
    has_arrivals = bool((samples.received_s != samples.time_s).any())
    clock = ClockMode.WALL if has_arrivals else ClockMode.EVENT
    monitor = Monitor(station, replace(policy, clock=clock))
    arrivals = np.array([activity.received_s for activity in activities])
    monitor.command(commands)  # each waits for its tick
    told = 0
    for start in range(0, len(samples), CHUNK):
        chunk = samples[start : start + CHUNK]
        is_last = start + CHUNK >= len(samples)
        until = len(activities)
        if not is_last:
            until = int(np.searchsorted(arrivals, chunk.received_s[-1], "right"))
        monitor.declare(activities[told:until])
        told = until
        screened = monitor.observe(chunk)
        now_s = monitor.now_s
        outcome = Outcome()
        if now_s is not None:
            outcome = monitor.advance(now_s + SLOW_S if is_last else now_s)
        yield Stretch(
            share_done=min((start + CHUNK) / len(samples), 1.0),
            screened=screened,
            outcome=outcome,
        )
