"""Everything that happens in a scenario, by what it acts on."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from simulators.entries import FaultKind
from simulators.gas import Floats
from simulators.messages import Message


@dataclass(slots=True, kw_only=True)
class Schedule:
    """A figure over time: straight between its knots, a jump where two share a time."""

    times_s: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def change(self, at_s: float, value: float, over_s: float = 0.0) -> None:
        """Reach a value at the end of a ramp that begins now and ends any ramp under way."""
        before = float(self.at(np.array([at_s]))[0]) if self.times_s else value
        while self.times_s and self.times_s[-1] > at_s:
            self.times_s.pop()
            self.values.pop()
        self.times_s += [at_s, at_s + over_s]
        self.values += [before, value]

    def at(self, times_s: Floats) -> Floats:
        """Read the figure at each time; at a jump itself the new value holds."""
        knots_s, values = np.array(self.times_s), np.array(self.values)
        after = np.searchsorted(knots_s, times_s, side="right")
        read: Floats = np.interp(times_s, knots_s, values)
        at_knot = (after > 0) & (knots_s[after - 1] == times_s)
        read[at_knot] = values[after[at_knot] - 1]
        return read


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The true size of a leak moves, in kg/day at the reference pressure."""

    time_s: float
    until_s: float
    kind: str  # step, ramp or patch
    leak: str
    before_kg_per_day: float
    after_kg_per_day: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Gas that enters (or leaves, where `kg` is negative) a section evenly over a time."""

    start_s: float
    stop_s: float
    section: str
    kg: float
    gas: str

    def kg_between(self, until_s: Floats, steps_s: Floats) -> Floats:
        """Give what passes in the steps that end at each time."""
        inside = np.minimum(until_s, self.stop_s) - np.maximum(until_s - steps_s, self.start_s)
        passed: Floats = self.kg * np.maximum(inside, 0.0) / (self.stop_s - self.start_s)
        return passed


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A sensor or its sender that fails from one time to another; size and share as in a file."""

    channel: str
    kind: FaultKind
    size: float
    share: float = 1.0
    start_s: float
    stop_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pump:
    """A pump in a shut hatch that empties the airlock into the cabin until it stops."""

    airlock: str
    stops_at_pa: float
    m3_per_s: float


HatchState = Literal["open", "closed", "equalising"] | Pump
HatchMove = tuple[float, str, HatchState]  # when, which hatch, how it stands from then on


@dataclass(slots=True, kw_only=True)
class Plan:
    """All that happens, by what it acts on; temperatures are sums of their schedules."""

    crew: Schedule = field(default_factory=Schedule)
    oxygen_kg_per_day: Schedule = field(default_factory=Schedule)
    oxygen_is_cyclic: Schedule = field(default_factory=Schedule)
    co2_removal: Schedule = field(default_factory=Schedule)
    leaks_kg_per_day: dict[str, Schedule] = field(default_factory=dict)
    warming_k: dict[str, list[Schedule]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    hatch_moves: list[HatchMove] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    gaps: list[tuple[float, float, bool]] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)

    def moments_s(self) -> list[float]:
        """Give the times between which everything but the hatches changes smoothly."""
        found = [change.time_s for change in self.changes]
        found += [moment for flow in self.flows for moment in (flow.start_s, flow.stop_s)]
        for schedule in (self.crew, self.oxygen_kg_per_day, self.co2_removal):
            found += schedule.times_s
        return sorted(found)
