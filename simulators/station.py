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
from simulators.gas import PA_PER_MMHG, S_PER_DAY, ZERO_CELSIUS_K, Floats
from simulators.layouts import HatchBoard
from simulators.messages import Message, arrival_s, standing
from simulators.scenario import ScenarioError
from simulators.schema import UNITS, Channel, Scenario
from simulators.sensors import Reception, Sensor
from simulators.thermal import Temperatures
from simulators.timeline import Plan, plan_of
from simulators.truth import Truth, named_groups

_GAS_OF: Final = {"ppn2": gas.N2, "ppo2": gas.O2, "ppco2": gas.CO2}


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
        self._truth = Truth(scenario, seed, self.start_s, self.end_s)

    def truth(self) -> dict[str, Any]:
        """Tell what really happened in the slices taken so far, as plain values for JSON."""
        return self._truth.document(self._plan, self._board.history(self.start_s, self.end_s))

    def slices(self, block_s: float = S_PER_DAY) -> Iterator[TelemetrySlice]:
        """Run from the start; how long a slice is changes nothing in its samples."""
        self._truth = Truth(self.scenario, self.seed, self.start_s, self.end_s)
        run = _Run(self, self._plan, self._board, self._truth)
        steps = max(1, round(block_s / self.scenario.step_s))
        last = int(np.ceil((self.end_s - self.origin_s) / self.scenario.step_s))
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
        self._thermal = Temperatures(
            [*scenario.sections.values(), *ports], self._rng("temperatures")
        )
        self._forces = Forces(scenario, plan, board, self._rng("drift"))
        self._cabin = Cabin(
            board.volume_m3, scenario.life_support, self._forces.outlets, self._first_air()
        )
        self._sensors = [
            Sensor(
                channel,
                round((channel.period_s or self._step_s) / self._step_s),
                [fault for fault in plan.faults if fault.channel == name],
                self._rng(name),
            )
            for name, channel in scenario.channels.items()
        ]
        self._reception = Reception(
            window.origin_s, plan.gaps, scenario.signal_gaps, self._rng("signal")
        )
        self._waiting: Floats = np.empty((4, 0))  # measured and not yet arrived

    def _rng(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng([self._window.seed, zlib.crc32(purpose.encode())])

    def _first_air(self) -> Floats:
        """Fill the station with its first air and each vehicle to come with that of the ground."""
        air, volume_m3 = self._scenario.air, self._board.volume_m3
        first_k = self._thermal.at(np.array([self._window.origin_s]))[0]
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
        for at_s, begin, end in self._board.spans(times_s):
            layout = self._board.layout_at(at_s)
            rows = slice(begin, end)
            forcing = self._forces.on(layout, times_s[rows], bulk_k[rows], walk_pa[rows])
            amounts[rows], flows, crept = self._cabin.advance(forcing, layout)
            self._note(at_s, times_s[rows], flows, crept, layout)
        # Before the window readings are drawn too, so that a window shows the same samples.
        partial_pa = gas.partial_pressures_pa(amounts, self._board.volume_m3, bulk_k)
        time_s, channel, value, received_s = self._measure(first, times_s, partial_pa, sensed_k)
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

    def _note(
        self, at_s: float, times_s: Floats, flows: Floats, crept: Floats, layout: Layout
    ) -> None:
        """Tell the truth what leaked while the hatches stood so."""
        volume_m3 = self._board.volume_m3
        groups = named_groups(self._scenario, layout.member.tolist(), volume_m3)
        self._truth.note_layout(at_s, groups)
        places = [self._board.index[section] for section in self._forces.leak_sections]
        leaked = flows[:, : len(places)] @ np.eye(len(volume_m3))[places]
        self._truth.note_flows(times_s, leaked, crept, layout, self._step_s)

    def _measure(self, first: int, times_s: Floats, partial_pa: Floats, sensed_k: Floats) -> Floats:
        """Give the readings that arrive in the block: rows of time, channel, value, arrival."""
        until_s = times_s[-1] + self._step_s
        gaps = self._reception.begun_before(until_s, since_s=times_s[0])
        arrival = Reception.arrivals(times_s, gaps)
        shown = np.empty((len(times_s), len(self._sensors)))
        said = np.empty(shown.shape, np.bool_)
        for i, channel in enumerate(self._scenario.channels.values()):
            section = self._board.index[channel.section]
            true = _true_value(channel, partial_pa[:, :, section], sensed_k[:, section])
            shown[:, i], said[:, i] = self._sensors[i].read(first, times_s, true)
        said &= ~np.isnan(arrival)[:, np.newaxis]
        row, column = np.nonzero(said)
        new = np.array([times_s[row], column, shown[row, column], arrival[row]])
        readings = np.hstack([self._waiting, new])
        arrived = readings[3] < until_s
        self._waiting = readings[:, ~arrived]
        arrived &= (readings[3] >= self._window.start_s) & (readings[3] < self._window.end_s)
        readings = readings[:, arrived]
        if gaps:
            readings = readings[:, np.lexsort((readings[1], readings[0], readings[3]))]
        return readings

    def _activities(self, since_s: float, until_s: float) -> list[Message]:
        """Give the messages of a span, and at the start of the window how things stand."""
        found = [m for m in self._plan.messages if since_s <= arrival_s(m) < until_s]
        for start_s, stop_s, _ in self._reception.begun_before(until_s, since_s=since_s):
            for moment_s, state in ((start_s, "lost"), (stop_s, "acquired")):
                if since_s <= moment_s < until_s:
                    found.append({"time": moment_s, "activity": "signal", "state": state})
        found.sort(key=arrival_s)
        if since_s == self._window.start_s > self._window.origin_s:
            return standing(self._plan.messages, since_s) + found
        return found


def _true_value(channel: Channel, partial_pa: Floats, sensed_k: Floats) -> Floats:
    """Give what a perfect sensor would show, in the channel's unit; `partial_pa` is (n, 4)."""
    if channel.kind == "temperature":
        return sensed_k - (ZERO_CELSIUS_K if channel.unit == "degC" else 0.0)
    if channel.kind == "dew_point":
        point = gas.dew_point_k(partial_pa[:, gas.H2O])
        return point - (ZERO_CELSIUS_K if channel.unit == "degC" else 0.0)
    if channel.kind == "pressure":
        si = partial_pa.sum(axis=1)
    elif channel.kind == "humidity":
        si = partial_pa[:, gas.H2O] / gas.saturation_pressure_pa(sensed_k)
    else:
        si = partial_pa[:, _GAS_OF[channel.kind]]
    scaled: Floats = si / UNITS[channel.kind][channel.unit]
    return scaled
