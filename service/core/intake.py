"""Decides which readings are believed and when they count as having arrived."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.samples import Quality, SampleBatch
from service.core.station import ChannelKind, Station


class ClockMode(StrEnum):
    """What the arrival time of a reading is."""

    WALL = "wall"  # the time at which it reached us
    EVENT = "event"  # the highest accepted event time so far


class Doubt(StrEnum):
    """Why a reading is not believed."""

    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    BAD_QUALITY = "bad_quality"
    IMPLAUSIBLE_TIME = "implausible_time"


# What a cabin can hold at all; outside it the reading is a fault of the sensor or its unit.
POSSIBLE: Final[dict[ChannelKind, tuple[float, float]]] = {
    ChannelKind.PRESSURE: (-200.0, 3.0e5),
    ChannelKind.TEMPERATURE: (150.0, 400.0),
    ChannelKind.PPO2: (-200.0, 3.0e5),
    ChannelKind.PPN2: (-200.0, 3.0e5),
    ChannelKind.PPCO2: (-200.0, 3.0e5),
    ChannelKind.HUMIDITY: (0.0, 1.2),
    ChannelKind.DEW_POINT: (150.0, 400.0),
    ChannelKind.QUANTITY: (-1.0, 1e6),
    ChannelKind.STATE: (-1e12, 1e12),
}

# Pumped loops run at up to some 3 MPa (ammonia of the ISS, NASA ISS Reference Guide).
LOOP_PRESSURE: Final = (-200.0, 1.0e7)

VOTES: Final = 8  # readings that must agree on a time before the event clock jumps to it
JUMP_S: Final = 45 * 86400.0  # the longest pause after which the event clock goes on at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Screened:
    """What became of the readings given: the believed ones with their arrival, and the others."""

    accepted: SampleBatch
    rejected: SampleBatch
    reasons: tuple[Doubt, ...]


class Screen:
    """Believes finite, possible, plausibly timed readings, whatever batches they come in.

    With the event clock a lone time far off (a sender that thinks it is 1970 or 2100) must not
    move the clock. So readings far from it wait until eight of them agree on a new time.
    """

    def __init__(self, station: Station, mode: ClockMode, past_s: float, ahead_s: float) -> None:
        self.mode = mode
        self.now_s: float | None = None
        self._past_s = past_s
        self._ahead_s = ahead_s
        loops = {loop.name for loop in station.loops}
        possible = [
            LOOP_PRESSURE
            if c.section in loops and c.kind is ChannelKind.PRESSURE
            else POSSIBLE[c.kind]
            for c in station.channels
        ]
        ranges = np.array(possible).reshape(-1, 2)
        self._low, self._high = ranges[:, 0], ranges[:, 1]
        self._waiting = SampleBatch.empty()

    def check(self, batch: SampleBatch) -> Screened:
        """Sort the readings into believed and doubted, and stamp the believed with their arrival.

        Readings that wait for others to agree on their time are in neither until it is settled.
        """
        doubts = self._doubts(batch)
        rejected = [batch[mask] for mask in doubts.values()]
        reasons = [reason for reason, mask in doubts.items() for _ in range(int(mask.sum()))]
        sound = batch[~np.logical_or.reduce(list(doubts.values()))]
        if self.mode is ClockMode.WALL:
            accepted, off = self._by_arrival(sound)
        else:
            accepted, off = self._by_event(sound)
        rejected.append(off)
        reasons.extend(Doubt.IMPLAUSIBLE_TIME for _ in range(len(off)))
        return Screened(
            accepted=accepted,
            rejected=SampleBatch.concatenate(rejected),
            reasons=tuple(reasons),
        )

    def snapshot(self) -> dict[str, Any]:
        """Return the clock and the readings that wait."""
        return {"now_s": self.now_s, "waiting": self._waiting}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self.now_s = state["now_s"]
        self._waiting = state["waiting"]

    def _doubts(self, batch: SampleBatch) -> dict[Doubt, NDArray[np.bool_]]:
        unreal = ~(np.isfinite(batch.value) & np.isfinite(batch.time_s))
        low, high = self._low[batch.channel], self._high[batch.channel]
        outside = ~unreal & ~((batch.value >= low) & (batch.value <= high))
        bad = ~unreal & ~outside & (batch.quality == Quality.BAD)
        return {Doubt.NOT_FINITE: unreal, Doubt.OUT_OF_RANGE: outside, Doubt.BAD_QUALITY: bad}

    def _by_arrival(self, batch: SampleBatch) -> tuple[SampleBatch, SampleBatch]:
        if not len(batch):
            return batch, batch
        start = -np.inf if self.now_s is None else self.now_s
        received = np.maximum(np.maximum.accumulate(batch.received_s), start)
        self.now_s = float(received[-1])
        stamped = replace(batch, received_s=received)
        age = received - batch.time_s
        plausible = (age <= self._past_s) & (age >= -self._ahead_s)
        return stamped[plausible], stamped[~plausible]

    def _by_event(self, batch: SampleBatch) -> tuple[SampleBatch, SampleBatch]:
        accepted: list[SampleBatch] = []
        rejected: list[SampleBatch] = []
        rest = batch
        while len(rest):
            if self.now_s is None:
                count = 0
            else:
                clock = np.maximum.accumulate(np.maximum(rest.time_s, self.now_s))
                before = np.concatenate(([self.now_s], clock[:-1]))
                plausible = (rest.time_s >= before - self._past_s) & (
                    rest.time_s <= before + JUMP_S
                )
                count = len(rest) if plausible.all() else int(np.argmin(plausible))
            if count:
                rejected.append(self._waiting)
                self._waiting = SampleBatch.empty()
                part = replace(rest[:count], received_s=clock[:count])
                self.now_s = float(clock[count - 1])
                accepted.append(part)
                rest = rest[count:]
                continue
            self._waiting = SampleBatch.concatenate([self._waiting, rest[:1]])
            rest = rest[1:]
            jumped, off = self._vote()
            accepted.append(jumped)
            rejected.append(off)
        return SampleBatch.concatenate(accepted), SampleBatch.concatenate(rejected)

    def _vote(self) -> tuple[SampleBatch, SampleBatch]:
        """Let the clock jump to the newest waiting reading if enough others agree with it."""
        waiting = self._waiting
        newest = waiting.time_s[-1]
        agree = np.abs(waiting.time_s - newest) <= self._past_s
        if agree.sum() >= VOTES and (self.now_s is None or newest > self.now_s):
            self._waiting = SampleBatch.empty()
            clock = np.maximum.accumulate(waiting.time_s[agree])
            self.now_s = float(clock[-1])
            return replace(waiting[agree], received_s=clock), waiting[~agree]
        if len(waiting) > 2 * VOTES:
            self._waiting = waiting[1:]
            return SampleBatch.empty(), waiting[:1]
        return SampleBatch.empty(), SampleBatch.empty()
