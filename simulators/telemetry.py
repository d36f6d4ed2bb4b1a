"""Reads the true state of a station through its sensors and delivers it as it arrives."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators import gas
from simulators.gas import R_J_PER_MOL_K, ZERO_CELSIUS_K, Floats
from simulators.loops import LoopState
from simulators.plan import Plan
from simulators.schema import UNITS, Channel, Scenario
from simulators.sensors import Gap, Reception, Sensor

_GAS_OF: Final = {"ppn2": gas.N2, "ppo2": gas.O2, "ppco2": gas.CO2}

RngFor = Callable[[str], np.random.Generator]


class State:
    """The true state in a block, given channel by channel.

    Parameters
    ----------
    index : dict of str to int
        Position of each section, vehicle and loop in the columns of temperatures.
    amounts : ndarray, shape (n, 4, sections)
        mol.
    sensed_k, bulk_k : ndarray, shape (n, sections and loops)
        What thermometers see, and what the air has.
    loops : dict of str to LoopState
        The loops by name.
    """

    def __init__(
        self,
        scenario: Scenario,
        index: dict[str, int],
        volume_m3: Floats,
        amounts: Floats,
        sensed_k: Floats,
        bulk_k: Floats,
        loops: dict[str, LoopState],
    ) -> None:
        self._scenario, self._index, self._volume_m3 = scenario, index, volume_m3
        self._amounts, self._sensed_k, self._bulk_k = amounts, sensed_k, bulk_k
        self._loops = loops

    def of(self, channel: Channel) -> Floats:
        """Give what a perfect sensor would show, in the channel's unit."""
        column = self._index[channel.section]
        kelvin = self._sensed_k[:, column]
        unit = UNITS[channel.kind][channel.unit]
        if channel.kind in ("temperature", "dew_point"):
            if channel.kind == "dew_point":
                kelvin = gas.dew_point_k(self._partial_pa(column)[:, gas.H2O])
            return kelvin - (ZERO_CELSIUS_K if channel.unit == "degC" else 0.0)
        if channel.section in self._loops:
            return self._in_loop(channel) / unit
        partial_pa = self._partial_pa(column)
        if channel.kind == "pressure":
            si: Floats = partial_pa.sum(axis=1)
        elif channel.kind == "humidity":
            si = partial_pa[:, gas.H2O] / gas.saturation_pressure_pa(kelvin)
        else:
            si = partial_pa[:, _GAS_OF[channel.kind]]
        return si / unit

    def _partial_pa(self, column: int) -> Floats:
        per_mol = R_J_PER_MOL_K * self._bulk_k[:, column] / self._volume_m3[column]
        partial: Floats = self._amounts[:, :, column] * per_mol[:, np.newaxis]
        return partial

    def _in_loop(self, channel: Channel) -> Floats:
        loop = self._scenario.loops[channel.section]
        state = self._loops[channel.section]
        if channel.kind == "pressure":
            return state.pressure_pa
        if channel.unit == "percent":
            return state.held_kg / (loop.accumulator_m3 * loop.density_kg_per_m3)
        return state.held_kg


class Telemetry:
    """All sensors of a station and the radio link to it."""

    def __init__(self, scenario: Scenario, plan: Plan, rng_for: RngFor) -> None:
        self._scenario = scenario
        self._sensors = [
            Sensor(
                channel,
                scenario.step_s,
                [fault for fault in plan.faults if fault.channel == name],
                rng_for(name),
            )
            for name, channel in scenario.channels.items()
        ]
        self._reception = Reception(
            scenario.start.timestamp(), plan.gaps, scenario.signal_gaps, rng_for("signal")
        )
        self._waiting: Floats = np.empty((4, 0))  # measured and not yet arrived

    def losses(self, since_s: float, until_s: float) -> list[Gap]:
        """Give the losses of signal that touch a span of time."""
        return self._reception.begun_before(until_s, since_s=since_s)

    def arriving(self, first_step: int, times_s: Floats, state: State) -> Floats:
        """Give the readings that arrive in a block: rows of time, channel, value, arrival."""
        until_s = times_s[-1] + self._scenario.step_s
        gaps = self.losses(float(times_s[0]), until_s)
        arrival = Reception.arrivals(times_s, gaps)
        shown = np.empty((len(times_s), len(self._sensors)))
        said = np.zeros(shown.shape, np.bool_)
        parts = [self._waiting]
        for i, channel in enumerate(self._scenario.channels.values()):
            read = self._sensors[i].read(first_step, times_s, state.of(channel))
            if read.ahead_s is None or read.delay_s is None:
                shown[read.row, i], said[read.row, i] = read.value, True
                continue
            sent_s, came_s = times_s[read.row] + read.ahead_s, arrival[read.row] + read.delay_s
            part = np.array([sent_s, np.full(len(sent_s), i), read.value, came_s])
            parts.append(part[:, ~np.isnan(came_s)])
        said &= ~np.isnan(arrival)[:, np.newaxis]
        row, column = np.nonzero(said)
        is_sorted = not gaps and not any(part.shape[1] for part in parts)
        readings = np.array([times_s[row], column, shown[row, column], arrival[row]])
        if is_sorted:
            return readings
        readings = np.hstack([*parts, readings])
        arrived: NDArray[np.bool_] = readings[3] < until_s
        self._waiting = readings[:, ~arrived]
        readings = readings[:, arrived]
        return readings[:, np.lexsort((readings[1], readings[0], readings[3]))]
