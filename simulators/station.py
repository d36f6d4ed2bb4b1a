"""Runs a scenario: the whole station, block by block, into slices of telemetry."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simulators import gas
from simulators.cabin import Cabin, Layout
from simulators.forcing import Forces
from simulators.gas import PA_PER_MMHG, S_PER_DAY, Floats
from simulators.layouts import HatchBoard
from simulators.loops import Coolant, LoopState
from simulators.messages import Message, arrival_s, standing
from simulators.plan import Plan
from simulators.scenario import ScenarioError
from simulators.schema import Climate, Scenario
from simulators.strides import Strides
from simulators.telemetry import State, Telemetry
from simulators.thermal import Temperatures
from simulators.timeline import plan_of
from simulators.truth import Truth, moments_of, named_groups

BLOCK_STEPS: Final = 7200  # two hours at 1 Hz fit in 100 MB


@dataclass(frozen=True, slots=True, kw_only=True)
class TelemetrySlice:
    """What arrives in a span of time, in order of arrival.

    Attributes
    ----------
    channel : ndarray of int32
        Position of the channel in the scenario.
    time_s, received_s : ndarray of float64
        Time of measurement and of arrival, Unix UTC.
    value : ndarray of float64
        In the unit of the channel.
    quality : ndarray of uint8
        0 is good.
    activities : tuple of dict
        Rows of the activity table with times as Unix seconds, in order of arrival.
    """

    start_s: float
    end_s: float
    channel: NDArray[np.int32]
    time_s: Floats
    received_s: Floats
    value: Floats
    quality: NDArray[np.uint8]
    activities: tuple[Message, ...]


class Simulation:
    """One run of a scenario. The same seed gives the same run; a window shows a part of it.

    Raises
    ------
    ScenarioError
        If the window ends before it begins or begins before the scenario.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int = 0,
        *,
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> None:
        self.scenario = scenario
        self.seed = seed
        self.origin_s = scenario.start.timestamp()
        self.start_s = (start or scenario.start).timestamp()
        self.end_s = (end or scenario.end).timestamp()
        if not self.origin_s <= self.start_s < self.end_s:
            raise ScenarioError(
                f"the window must begin at {scenario.start.isoformat()} or later and end after "
                "it begins"
            )
        self._plan = plan_of(scenario)
        self._board = HatchBoard(scenario, self._plan.hatch_moves)
        self._truth = self._no_truth_yet()

    def truth(self) -> dict[str, Any]:
        """Tell what really happened in the slices taken so far, as plain values for JSON."""
        return self._truth.document(self._plan, self._board.history(self.start_s, self.end_s))

    def _no_truth_yet(self) -> Truth:
        step_s = self.scenario.step_s
        moments_s = moments_of(self._plan, self._board.move_times_s(), step_s)
        return Truth(self.scenario, self.seed, self.start_s, self.end_s, moments_s)

    def slices(self, block_s: float | None = None) -> Iterator[TelemetrySlice]:
        """Run from the start; how long a slice is changes nothing in its samples.

        Parameters
        ----------
        block_s : float or None
            None = a day, or less where there are many steps in it.
        """
        self._truth = self._no_truth_yet()
        run = _Run(self, self._plan, self._board, self._truth)
        step_s = self.scenario.step_s
        steps = run.strides.whole((block_s or min(S_PER_DAY, BLOCK_STEPS * step_s)) / step_s)
        last = run.strides.whole((self.end_s - self.origin_s) / step_s)
        for first in range(0, last, steps):
            found = run.block(first, min(first + steps, last))
            if found is not None:
                yield found


class _Run:
    """The moving parts of one run of a simulation."""

    def __init__(self, window: Simulation, plan: Plan, board: HatchBoard, truth: Truth) -> None:
        self._window, self._plan, self._board, self._truth = window, plan, board, truth
        self._scenario = scenario = window.scenario
        self._step_s = scenario.step_s
        ports = [scenario.sections[vehicle.port] for vehicle in scenario.vehicles.values()]
        climates: list[Climate] = [*scenario.sections.values(), *ports, *scenario.loops.values()]
        self._thermal = Temperatures(climates, self._rng("temperatures"))
        self._forces = Forces(scenario, plan, board, self._rng("drift"))
        self._index = board.index | {
            name: len(board.index) + i for i, name in enumerate(scenario.loops)
        }
        first_k = self._thermal.at(np.array([window.origin_s]))[0]
        self._cabin = Cabin(
            board.volume_m3, scenario.life_support, self._forces.outlets, self._first_air(first_k)
        )
        self._loops = {
            name: Coolant(loop, float(first_k[self._index[name]]))
            for name, loop in scenario.loops.items()
        }
        self._telemetry = Telemetry(scenario, plan, self._rng)
        self.strides = Strides(
            window.origin_s, self._step_s, plan.moments_s(), board.move_times_s()
        )

    def _rng(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng([self._window.seed, zlib.crc32(purpose.encode())])

    def _first_air(self, first_k: Floats) -> Floats:
        """Fill the station with its first air and each vehicle to come with that of the ground."""
        air, volume_m3 = self._scenario.air, self._board.volume_m3
        first_k = first_k[: len(volume_m3)]
        parts = np.array([0.0, air.ppo2_mmhg, air.ppco2_mmhg, air.pph2o_mmhg])
        parts[gas.N2] = air.pressure_mmhg - parts.sum()
        amounts = gas.amounts_mol(parts * PA_PER_MMHG, volume_m3, first_k)
        for name, vehicle in self._scenario.vehicles.items():
            if not vehicle.docked:
                i = [self._board.index[name]]
                filled = gas.DRY_AIR * vehicle.pressure_mmhg * PA_PER_MMHG
                amounts[:, i] = gas.amounts_mol(filled, volume_m3[i], first_k[i])
        return amounts

    def block(self, first: int, stop: int) -> TelemetrySlice | None:
        """Simulate steps up to (not with) `stop`; give what arrived, None before the window."""
        times_s: Floats = np.arange(first, stop, dtype=np.float64) * self._step_s
        times_s += self._window.origin_s
        sensed_k, bulk_k, walk_pa = self._forces.temperatures(self._thermal, times_s)
        amounts = np.empty((len(times_s), 4, len(self._board.volume_m3)))
        ends = self.strides.ends(first, stop)
        for at_s, begin, end in self._board.spans(times_s):
            layout = self._board.layout_at(at_s)
            ends_here = ends[(ends >= begin) & (ends < end)]
            lengths = np.diff(ends_here, prepend=begin - 1)
            walked_pa = np.add.reduceat(walk_pa[begin:end], ends_here - lengths + 1 - begin)
            before = self._cabin.amounts
            forcing = self._forces.on(
                layout, times_s[ends_here], lengths * self._step_s, bulk_k[ends_here], walked_pa
            )
            after, flows, crept = self._cabin.advance(forcing, layout)
            amounts[begin:end] = self.strides.between(before, after, ends_here, lengths)
            self._note(at_s, times_s[ends_here], forcing.steps_s, flows, crept, layout)
        loops = self._drain(times_s, bulk_k)
        # Before the window readings are drawn too, so that a window shows the same samples.
        state = State(
            self._scenario, self._index, self._board.volume_m3, amounts, sensed_k, bulk_k, loops
        )
        readings = self._telemetry.arriving(first, times_s, state)
        seen = (readings[3] >= self._window.start_s) & (readings[3] < self._window.end_s)
        time_s, channel, value, received_s = readings if seen.all() else readings[:, seen]
        since_s = max(float(times_s[0]), self._window.start_s)
        until_s = min(float(times_s[-1]) + self._step_s, self._window.end_s)
        if until_s <= since_s:
            return None
        return TelemetrySlice(
            start_s=since_s,
            end_s=until_s,
            channel=channel.astype(np.int32),
            time_s=time_s,
            received_s=received_s,
            value=value,
            quality=np.zeros(len(time_s), np.uint8),
            activities=tuple(self._activities(since_s, until_s)),
        )

    def _drain(self, times_s: Floats, bulk_k: Floats) -> dict[str, LoopState]:
        """Advance the loops, each with all leaks in it, and tell the truth what they lost."""
        states = {}
        for name, coolant in self._loops.items():
            leak_kg = np.zeros(len(times_s))
            for leak, schedule in self._plan.leaks_kg_per_day.items():
                if self._scenario.leaks[leak].section == name:
                    leak_kg += schedule.at(times_s - self._step_s / 2) * self._step_s / S_PER_DAY
            states[name] = coolant.advance(bulk_k[:, self._index[name]], leak_kg)
            self._truth.note_loop(name, times_s, states[name].lost_kg, self._step_s)
        return states

    def _note(
        self,
        at_s: float,
        times_s: Floats,
        steps_s: Floats,
        flows: Floats,
        crept: Floats,
        layout: Layout,
    ) -> None:
        """Tell the truth what leaked while the hatches stood so."""
        volume_m3 = self._board.volume_m3
        groups = named_groups(self._scenario, layout.member.tolist(), volume_m3)
        self._truth.note_layout(at_s, groups)
        places = [self._board.index[section] for section in self._forces.leak_sections]
        leaked = flows[:, : len(places)] @ np.eye(len(volume_m3))[places]
        self._truth.note_flows(times_s, steps_s, leaked, crept, layout)

    def _activities(self, since_s: float, until_s: float) -> list[Message]:
        """Give the messages of a span, and at the start of the window how things stand."""
        found = [m for m in self._plan.messages if since_s <= arrival_s(m) < until_s]
        for start_s, stop_s, _ in self._telemetry.losses(since_s, until_s):
            for moment_s, state in ((start_s, "lost"), (stop_s, "acquired")):
                if since_s <= moment_s < until_s:
                    found.append({"time": moment_s, "activity": "signal", "state": state})
        found.sort(key=arrival_s)
        if since_s == self._window.start_s > self._window.origin_s:
            return standing(self._plan.messages, since_s) + found
        return found
