"""Tells which sections and vehicles share air at any time of a scenario."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

import numpy as np

from simulators.cabin import LOCAL_SHARE, Layout
from simulators.gas import PA_PER_MMHG, S_PER_DAY, Floats
from simulators.schema import Scenario


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

    def __init__(self, scenario: Scenario, moves: Sequence[tuple[float, str, bool]]) -> None:
        names = [*scenario.sections, *scenario.vehicles]
        self.index = {name: i for i, name in enumerate(names)}
        self.volume_m3: Floats = np.array([scenario.free_volume_m3(name) for name in names])
        self._scenario = scenario
        self._ends = {name: hatch.between for name, hatch in scenario.hatches.items()}
        self._ends |= {name: (vehicle.port, name) for name, vehicle in scenario.vehicles.items()}
        self._first = {name: hatch.state == "open" for name, hatch in scenario.hatches.items()}
        self._first |= {name: vehicle.docked for name, vehicle in scenario.vehicles.items()}
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

    def states_at(self, at_s: float) -> dict[str, bool]:
        """Tell of each hatch whether it is open."""
        moved = bisect_right(self._move_times_s, at_s)
        return self._first | {name: is_open for _, name, is_open in self._moves[:moved]}

    def history(self, start_s: float, end_s: float) -> dict[str, list[tuple[float, bool]]]:
        """Give how each hatch of the station stood first and every move within a window."""
        found: dict[str, list[tuple[float, bool]]] = {
            name: [(start_s, is_open)]
            for name, is_open in self.states_at(start_s).items()
            if name in self._scenario.hatches
        }
        for time_s, name, is_open in self._moves:
            if name in found and start_s < time_s < end_s and found[name][-1][1] != is_open:
                found[name].append((time_s, is_open))
        return found

    def layout_at(self, at_s: float) -> Layout:
        """Work out who shares air with whom, and where people and machines then are."""
        states = self.states_at(at_s)
        root = np.arange(len(self.volume_m3))
        for name, (a, b) in self._ends.items():
            if states[name]:
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
        seals = tuple(
            (
                self.index[hatch.between[0]],
                self.index[hatch.between[1]],
                hatch.seal_kg_per_day_per_mmhg / S_PER_DAY / PA_PER_MMHG,
            )
            for name, hatch in self._scenario.hatches.items()
            if not states[name] and hatch.seal_kg_per_day_per_mmhg
        )
        return Layout(member, groups, main, by_volume, machine_share, seals)
