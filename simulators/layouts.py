"""Tells which sections and vehicles share air at any time of a scenario."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

import numpy as np

from simulators.cabin import LOCAL_SHARE, Layout
from simulators.gas import PA_PER_MMHG, S_PER_DAY, Floats
from simulators.passages import DOOR_CM2, AirlockPump, Passage, Seal, Valve
from simulators.plan import HatchMove, HatchState, Pump
from simulators.schema import VACUUM, Hatch, Scenario

CM2_PER_M2 = 1e4


class HatchBoard:
    """The hatches of a station and of its visiting vehicles, and all their moves.

    A vehicle is one more section behind a hatch of its own name, shut until it is opened.

    Attributes
    ----------
    index : dict of str to int
        Position of each section, then of each vehicle, in all arrays.
    volume_m3 : ndarray
        Free gas volumes in that order.
    """

    def __init__(self, scenario: Scenario, moves: Sequence[HatchMove]) -> None:
        names = [*scenario.sections, *scenario.vehicles]
        self.index = {name: i for i, name in enumerate(names)}
        self.volume_m3: Floats = np.array([scenario.free_volume_m3(name) for name in names])
        self._scenario = scenario
        self._ends = {name: hatch.between for name, hatch in scenario.hatches.items()}
        self._ends |= {name: (vehicle.port, name) for name, vehicle in scenario.vehicles.items()}
        self._first: dict[str, HatchState] = {n: h.state for n, h in scenario.hatches.items()}
        self._first |= {n: "open" if v.docked else "closed" for n, v in scenario.vehicles.items()}
        self._moves = sorted(moves, key=lambda move: move[0])
        self._move_times_s = [time_s for time_s, _, _ in self._moves]

    def spans(self, times_s: Floats) -> Iterator[tuple[float, int, int]]:
        """Cut times where hatches move: the time of the move before each part, and its rows."""
        parts = np.searchsorted(self._move_times_s, times_s, side="right")
        begins = [0, *(np.flatnonzero(np.diff(parts)) + 1).tolist()]
        for begin, end in zip(begins, [*begins[1:], len(times_s)], strict=True):
            moved = int(parts[begin])
            at_s = self._move_times_s[moved - 1] if moved else float(times_s[0])
            yield at_s, begin, end

    def move_times_s(self) -> list[float]:
        """Give the times at which hatches move."""
        return list(self._move_times_s)

    def states_at(self, at_s: float) -> dict[str, HatchState]:
        """Tell how each hatch stands."""
        moved = bisect_right(self._move_times_s, at_s)
        return self._first | {name: state for _, name, state in self._moves[:moved]}

    def history(self, start_s: float, end_s: float) -> dict[str, list[tuple[float, str]]]:
        """Give how each hatch of the station stood first and every move within a window."""
        found: dict[str, list[tuple[float, str]]] = {
            name: [(start_s, _word(state))]
            for name, state in self.states_at(start_s).items()
            if name in self._scenario.hatches
        }
        for time_s, name, state in self._moves:
            if name in found and start_s < time_s < end_s and found[name][-1][1] != _word(state):
                found[name].append((time_s, _word(state)))
        return found

    def layout_at(self, at_s: float) -> Layout:
        """Work out who shares air with whom, and where people and machines then are."""
        states = self.states_at(at_s)
        root = np.arange(len(self.volume_m3))
        for name, (a, b) in self._ends.items():
            if states[name] == "open" and b != VACUUM:
                root[root == root[self.index[b]]] = root[self.index[a]]
        _, member = np.unique(root, return_inverse=True)
        groups: Floats = np.eye(int(member.max()) + 1)[member]
        main = int(np.argmax(self.volume_m3 @ groups))
        by_volume = self.volume_m3 * groups[:, main]
        by_volume = by_volume / by_volume.sum()
        machine = self.index[self._scenario.life_support.section]
        machine_share = by_volume.copy()
        if member[machine] == main:
            machine_share *= 1.0 - LOCAL_SHARE
            machine_share[machine] += LOCAL_SHARE
        passages = [
            passage
            for name, hatch in self._scenario.hatches.items()
            for passage in self._passages(hatch, states[name])
        ]
        return Layout(member, groups, main, by_volume, machine_share, tuple(passages))

    def _passages(self, hatch: Hatch, state: HatchState) -> Iterator[Passage]:
        """Give what a hatch lets through as it stands."""
        inside, outside = sorted(hatch.between, key=lambda side: side == VACUUM)
        a, b = self.index[inside], self.index.get(outside)
        if state == "equalising":
            yield Valve(a, b, hatch.valve_cm2 / CM2_PER_M2)
        elif state == "open" and b is None:
            yield Valve(a, b, DOOR_CM2 / CM2_PER_M2)
        elif state != "open" and hatch.seal_kg_per_day_per_mmhg:
            yield Seal(a, b, hatch.seal_kg_per_day_per_mmhg / S_PER_DAY / PA_PER_MMHG)
        if isinstance(state, Pump) and b is not None:
            airlock = self.index[state.airlock]
            cabin = b if airlock == a else a
            yield AirlockPump(airlock, cabin, state.stops_at_pa, state.m3_per_s)


def _word(state: HatchState) -> str:
    return "closed" if isinstance(state, Pump) else state
