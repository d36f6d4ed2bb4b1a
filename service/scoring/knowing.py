"""Gives the reference detector what it is told about the changes of a case."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from service.core.station import Channel, ChannelKind
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.scoring.recordings import Noise, Recording
from service.scoring.reference import Task, delays
from service.scoring.truths import Change, ChangeKind, Truth, phases_of

# Of dry air at 295 K: R T / M, US Standard Atmosphere 1976.
MMHG_M3_PER_KG: Final = 287.05 * 295.0 / PA_PER_MMHG
# An atmosphere that becomes so much larger or smaller is another; a shut airlock changes nothing.
OTHER_VOLUME: Final = 2.0

Draws = tuple[float | None, ...]


def reference_delays(recording: Recording, truth: Truth, seed: int) -> tuple[Draws, ...]:
    """Return how long the reference takes to find each growth of a case, s, in each of its draws.

    Where the noise is not known there is nothing to tell it, and no draw.
    """
    rng = np.random.default_rng([seed, 1])
    growths = [change for change in truth.changes if change.kind is ChangeKind.GROWTH]
    if recording.noise is None:
        return tuple(() for _ in growths)
    return tuple(_delays(recording, recording.noise, change, rng) for change in growths)


def _delays(recording: Recording, noise: Noise, change: Change, rng: np.random.Generator) -> Draws:
    """Return the delays, begun anew whenever a hatch changes the size of the atmosphere a lot."""
    found: list[float | None] = []
    spans = list(_spans(recording, change))
    for since_s, until_s, sections in spans:
        drawn = delays(_task(recording, noise, change, sections), rng)
        before_s = max(since_s - change.time_s, 0.0)
        late = [None if d is None else before_s + d * S_PER_DAY for d in drawn]
        found = (
            late
            if not found
            else [a if a is not None else b for a, b in zip(found, late, strict=True)]
        )
        found = [d if d is not None and change.time_s + d < until_s else None for d in found]
    return tuple(None if d is None else round(d, 1) for d in found)


def _spans(recording: Recording, change: Change) -> Iterator[tuple[float, float, tuple[str, ...]]]:
    """Yield from when to when the leak is in an atmosphere of about one size."""
    volumes = {section.name: section.volume_m3 for section in recording.station.sections}
    since_s, sections = change.time_s, None
    for time_s, groups in phases_of(recording.truth):
        group = next((g for g in groups if set(change.sections) & set(g)), None)
        if group is None:
            continue
        if sections is not None and time_s > change.time_s:
            ratio = sum(volumes[s] for s in group) / sum(volumes[s] for s in sections)
            if 1 / OTHER_VOLUME < ratio < OTHER_VOLUME:
                continue
            yield since_s, time_s, sections
            since_s = time_s
        sections = tuple(group)
    if sections is not None:
        yield since_s, np.inf, sections


def _task(recording: Recording, noise: Noise, change: Change, sections: tuple[str, ...]) -> Task:
    volume_m3 = sum(s.volume_m3 for s in recording.station.sections if s.name in sections)
    gauges = [
        channel
        for channel in recording.station.channels
        if channel.kind is ChannelKind.PRESSURE and channel.section in sections
    ]
    periods_s = [gauge.period_s or noise.period_s for gauge in gauges]
    spreads = [_spread_mmhg(gauge) for gauge in gauges]
    return Task(
        slope=change.size_kg_per_day * MMHG_M3_PER_KG / volume_m3,
        ramp=(change.until_s - change.time_s) / S_PER_DAY,
        drift=noise.drift_mmhg2_per_day,
        white=sum(spread**-2 for spread in spreads) ** -0.5,
        period=min(periods_s) / S_PER_DAY,
        interval=recording.policy.false_alarm_interval_s / S_PER_DAY,
    )


def _spread_mmhg(gauge: Channel) -> float:
    """Return the standard deviation of a reading with its rounding."""
    return float(np.hypot(gauge.noise or 0.0, (gauge.step or 0.0) / 12**0.5)) / PA_PER_MMHG
