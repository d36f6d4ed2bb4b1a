"""Weighs what the coolant loops hold, and watches each gauge of a loop for a rapid loss.

A loop is the second kind of sealed volume. Its quantity, or the pressure of the gas in its
accumulator, gives one mass balance; from there on it is treated like air. A loss that would empty
it within a day is told from the gauges within minutes, as falls of cabin pressure are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from service.core.air import Readings
from service.core.air_reading import AirReading, LiquidReading
from service.core.events import Severity
from service.core.falls import steepest_falls, usual_noise
from service.core.physics import LIQUID_REFERENCE_K, accumulated_kg, time_to_quantity_s
from service.core.rules import Figure
from service.core.station import ChannelKind, Group, Loop, Station, dimension_of
from service.core.views import CoolantView, LeakEstimate

DEPTH: Final = 64  # minutes kept of each gauge
WINDOWS_S: Final = (300.0, 900.0, 2700.0)
LEAST_POINTS: Final = 5  # fewer leave the scatter too much to chance
FLOOR_PERCENT: Final = 0.2  # of the accumulator; an estimate, no gauge of quantity is better
# Percent of the accumulator in an hour, an estimate: what empties a full one within a day, and more
# than an orbit's swing of 3 K does to 80 kg of ammonia without a thermometer.
RAPID_PERCENT_PER_H: Final = 5.0
LEAST_FALL_PERCENT: Final = 1.0  # ten minutes of it; less is not looked at
ALIVE_S: Final = 400.0  # as the gauges of cabin pressure


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A channel that tells what an accumulator holds, and its row in the table of minutes."""

    channel: int
    row: int
    is_pressure: bool
    is_share: bool
    loop: Loop

    def held_kg(self, value: float, temperature_k: float) -> float:
        """Return what the accumulator holds when the channel reads a value."""
        loop = self.loop
        if self.is_pressure and loop.accumulator_m3 is not None and loop.precharge_pa is not None:
            return accumulated_kg(
                value,
                temperature_k,
                loop.accumulator_m3,
                loop.precharge_pa,
                loop.density_kg_per_m3,
            )
        if self.is_share and loop.accumulator_m3 is not None:
            return value * loop.accumulator_m3 * loop.density_kg_per_m3
        return value


class Loops:
    """The gauges of all loops, and what each of them said in the last minutes."""

    def __init__(self, station: Station, readings: Readings) -> None:
        self._station = station
        self._readings = readings
        gauges = _gauges(station)
        self._gauges = {
            number: [gauge for gauge in gauges if gauge.loop is loop]
            for number, loop in enumerate(station.loops, len(station.sections))
        }
        self._time_s = np.full((len(gauges), DEPTH), -np.inf)
        self._mass_kg = np.full((len(gauges), DEPTH), np.nan)
        self._last_k: dict[int, float] = {}
        self._rapid: dict[int, tuple[float, Figure | None]] = {}  # when fitted, and what came of it
        self._percent_kg = {
            number: 0.01 * loop.accumulator_m3 * loop.density_kg_per_m3
            for number, loop in enumerate(station.loops, len(station.sections))
            if loop.accumulator_m3 is not None
        }

    def gauges(self, group: Group) -> NDArray[np.intp]:
        """Return the channels that tell what a loop holds."""
        return np.array([gauge.channel for gauge in self._gauges[group[0]]], np.intp)

    def heard_s(self, group: Group, is_new: NDArray[np.bool_]) -> float | None:
        """Return when a loop was told of in this step, None = it was not."""
        return self._readings.spoke_s(self.gauges(group), is_new)

    def read(self, group: Group, time_s: float, is_new: NDArray[np.bool_]) -> AirReading:
        """Return what a loop holds, by the first of its gauges that is not silent.

        Its mass is unknown while its thermometers are silent, for what it holds swings with the
        temperature; while a rapid loss is told from the gauges; and from the floor down, for an
        empty accumulator says no more of what the pipes lose.
        """
        (number,) = group
        loop = self._station.loops[number - len(self._station.sections)]
        measured_k = self._readings.temperature_of(number, time_s)
        has_thermometer = len(self._readings.channels(group, ChannelKind.TEMPERATURE)) > 0
        if measured_k is not None:
            self._last_k[number] = measured_k
        temperature_k = self._last_k.get(number, LIQUID_REFERENCE_K)
        warmer_k = temperature_k - LIQUID_REFERENCE_K
        expansion_kg = (loop.coolant_kg or 0.0) * loop.expansion_per_k * warmer_k
        held_kg: float | None = None
        is_news = False
        for gauge in self._gauges[number]:
            if not len(self._readings.alive(np.array([gauge.channel]), time_s)):
                continue
            by_it_kg = gauge.held_kg(self._readings.value[gauge.channel], temperature_k)
            if is_new[gauge.channel]:
                self._keep(gauge.row, self._readings.time_s[gauge.channel], by_it_kg - expansion_kg)
            if held_kg is None:
                held_kg, is_news = by_it_kg, bool(is_new[gauge.channel])
        if number not in self._percent_kg and held_kg is not None:
            self._percent_kg[number] = 0.01 * max(held_kg, loop.floor_kg)
        if is_news:
            self._rapid[number] = time_s, self._fit(number, time_s)
        is_weighed = held_kg is not None and held_kg > loop.floor_kg
        is_weighed &= measured_k is not None or not has_thermometer
        is_weighed &= self.rapid_loss(group, time_s) is None
        return AirReading(
            time_s=time_s,
            volume_m3=0.0,
            pressure_pa=self._readings.pressure_of(number, time_s),
            temperature_k=measured_k,
            air_mass_kg=None,
            air_mass_sd_kg=None,
            total_kg=None,
            total_sd_kg=None,
            is_dry=False,
            bare_kg=None,
            bare_sd_kg=None,
            nitrogen_kg=None,
            nitrogen_sd_kg=None,
            agreeing=len(self._readings.alive(self._readings.gauges(group), time_s)),
            pressure_is_new=is_news,
            nitrogen_is_new=False,
            liquid=LiquidReading(
                held_kg=held_kg,
                mass_kg=held_kg - expansion_kg if held_kg is not None and is_weighed else None,
                is_compensated=has_thermometer and loop.coolant_kg is not None,
                percent_kg=self._percent_kg.get(number, 0.01 * loop.floor_kg),
            ),
        )

    def rapid_loss(self, group: Group, at_s: float) -> Figure | None:
        """Return a loss that would empty the loop within a day, kg/s; None where there is none.

        One gauge alone carries a warning at most.
        """
        found_s, rapid = self._rapid.get(group[0], (-np.inf, None))
        return rapid if found_s > at_s - ALIVE_S else None

    def _fit(self, number: int, at_s: float) -> Figure | None:
        """Return the loss that the living gauges of a loop agree on, if it is rapid."""
        rows = np.array([gauge.row for gauge in self._gauges[number]], np.intp)
        rows = rows[self._time_s[rows, -1] > at_s - ALIVE_S]
        percent_kg = self._percent_kg[number]
        recent = self._time_s[rows] >= at_s - WINDOWS_S[-1]
        masses_kg = self._mass_kg[rows]
        highest_kg = np.where(recent, masses_kg, -np.inf).max(axis=1)
        falling = highest_kg - masses_kg[:, -1] > LEAST_FALL_PERCENT * percent_kg
        falling &= recent.sum(axis=1) >= LEAST_POINTS
        if not falling.any():
            return None
        masses_kg, times_s = masses_kg[falling], self._time_s[rows][falling]
        sigma = np.maximum(usual_noise(masses_kg, differences=1), FLOOR_PERCENT * percent_kg)
        bounds, losses = steepest_falls(times_s, masses_kg, sigma, WINDOWS_S, LEAST_POINTS)
        order = np.argsort(-bounds, kind="stable")
        sure = order[bounds[order] >= RAPID_PERCENT_PER_H * percent_kg / 3600.0]
        if not len(sure):
            return None
        chosen = sure[min(1, len(sure) - 1)]
        low, loss = float(bounds[chosen]), float(losses[chosen])
        severity = Severity.EMERGENCY if len(sure) > 1 else Severity.WARNING
        return Figure(value=loss, low=low, high=2.0 * loss - low, most_severe=severity)

    def reserve(
        self, group: Group, reading: AirReading, leak: LeakEstimate | None, at_s: float
    ) -> Figure | None:
        """Return the time until the loop is lost, s; None = unknown.

        One gauge alone carries a warning at most.
        """
        loop, liquid = self._station.loop_of(group), reading.liquid
        if loop is None or liquid is None or liquid.held_kg is None:
            return None
        alive = self._held_kg(group[0], at_s)
        if liquid.held_kg <= loop.floor_kg:
            agree = sum(held_kg <= loop.floor_kg for held_kg in alive) > 1
            return Figure.exact(0.0, Severity.EMERGENCY if agree else Severity.WARNING)
        if leak is None:
            return None
        rapid = self.rapid_loss(group, at_s)
        severity = Severity.EMERGENCY if len(alive) > 1 else Severity.WARNING
        value, low, high = (
            time_to_quantity_s(liquid.held_kg, rate, loop.floor_kg)
            for rate in (leak.rate_kg_per_s, leak.high_kg_per_s, leak.low_kg_per_s)
        )
        endless = float("inf")
        return Figure(
            value=endless if value is None else value,
            low=endless if low is None else low,
            high=endless if high is None else high,
            most_severe=severity if rapid is None else rapid.most_severe,
        )

    def time_left_s(
        self, group: Group, reading: AirReading | None, rate_kg_per_s: float | None
    ) -> float | None:
        """Return the likeliest time until the loop is lost, s; None = unknown or never."""
        loop = self._station.loop_of(group)
        liquid = reading.liquid if reading is not None else None
        if loop is None or liquid is None or liquid.held_kg is None:
            return None
        return time_to_quantity_s(liquid.held_kg, rate_kg_per_s or 0.0, loop.floor_kg)

    def view(self, group: Group, reading: AirReading | None) -> CoolantView | None:
        """Return what people are shown of a loop, None where the group is air."""
        loop = self._station.loop_of(group)
        if loop is None:
            return None
        liquid = reading.liquid if reading is not None else None
        return CoolantView(
            mass_kg=liquid.mass_kg if liquid is not None else None,
            held_kg=liquid.held_kg if liquid is not None else None,
            density_kg_per_m3=loop.density_kg_per_m3,
        )

    def snapshot(self) -> dict[str, Any]:
        """Return all state."""
        return {
            "time_s": self._time_s.copy(),
            "mass_kg": self._mass_kg.copy(),
            "last_k": dict(self._last_k),
            "rapid": dict(self._rapid),
            "percent_kg": dict(self._percent_kg),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over a snapshot."""
        self._time_s = state["time_s"].copy()
        self._mass_kg = state["mass_kg"].copy()
        self._last_k = dict(state["last_k"])
        self._rapid = dict(state["rapid"])
        self._percent_kg = dict(state["percent_kg"])

    def _keep(self, row: int, time_s: float, mass_kg: float) -> None:
        for table, value in ((self._time_s, time_s), (self._mass_kg, mass_kg)):
            table[row, :-1] = table[row, 1:]
            table[row, -1] = value

    def _held_kg(self, number: int, at_s: float) -> list[float]:
        """Return what each gauge that is not silent says that the accumulator holds."""
        temperature_k = self._last_k.get(number, LIQUID_REFERENCE_K)
        return [
            gauge.held_kg(self._readings.value[gauge.channel], temperature_k)
            for gauge in self._gauges[number]
            if len(self._readings.alive(np.array([gauge.channel]), at_s))
        ]


def _gauges(station: Station) -> list[Gauge]:
    """Return the gauges of all loops, those of quantity before those of pressure."""
    by_name = {loop.name: loop for loop in station.loops}
    found: list[tuple[int, bool, bool, Loop]] = []
    for i, channel in enumerate(station.channels):
        loop = by_name.get(channel.section)
        if loop is None:
            continue
        is_pressure = channel.kind is ChannelKind.PRESSURE
        is_share = dimension_of(channel.kind, channel.unit) == "ratio"
        is_datum = loop.accumulator_m3 is not None and loop.precharge_pa is not None
        is_weighable = loop.accumulator_m3 is not None or not is_share
        if (is_pressure and is_datum) or (channel.kind is ChannelKind.QUANTITY and is_weighable):
            found.append((i, is_pressure, is_share, loop))
    found.sort(key=lambda gauge: gauge[1])
    return [
        Gauge(channel=channel, row=row, is_pressure=is_pressure, is_share=is_share, loop=loop)
        for row, (channel, is_pressure, is_share, loop) in enumerate(found)
    ]
