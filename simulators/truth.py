"""Keeps what really happened in a simulation, to judge a detector by."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from simulators.cabin import Layout
from simulators.gas import S_PER_DAY, Floats
from simulators.plan import Plan
from simulators.schema import Scenario

EVERY_S: Final = 600.0  # spacing of the true leak rates
CLOSE_S: Final = (
    600.0  # each step counts for so long after a change; a 12 mm hole empties a loop in one
)
SEEN_KG_PER_DAY: Final = 1e-9  # less is the rounding error of an atmosphere that has no leak


def rfc3339(time_s: float) -> str:
    """Write a time with its zone."""
    moment = datetime.fromtimestamp(time_s, UTC)
    return moment.isoformat(timespec="milliseconds" if time_s % 1 else "seconds").replace(
        "+00:00", "Z"
    )


@dataclass(slots=True)
class Truth:
    """Leak rates, and who shared air with whom.

    The rates are those that hold from each time on: on a coarse grid, at each move of a hatch and a
    step before it, and step by step from just before a leak changes until it has settled.
    """

    scenario: Scenario
    seed: int
    start_s: float
    end_s: float
    moments_s: Floats
    times_s: list[float] = field(default_factory=list)
    by_section: list[Floats] = field(default_factory=list)
    by_atmosphere: dict[str, dict[float, float]] = field(default_factory=dict)
    lost_kg: Floats | None = None
    phases: list[tuple[float, dict[str, list[str]]]] = field(default_factory=list)
    by_loop: dict[str, list[float]] = field(default_factory=dict)
    drained_kg: dict[str, float] = field(default_factory=dict)

    def note_layout(self, at_s: float, groups: dict[str, list[str]]) -> None:
        """Keep the atmospheres, by name, that exist from a time on."""
        if self.phases and (self.phases[-1][0] >= at_s or at_s <= self.start_s):
            self.phases.pop()
        if not self.phases or self.phases[-1][1] != groups:
            self.phases.append((max(at_s, self.start_s), groups))

    def note_flows(
        self, times_s: Floats, steps_s: Floats, leaked_kg: Floats, crept_kg: Floats, layout: Layout
    ) -> None:
        """Keep the leak of each section in kg per step, and what each gave to its neighbours.

        What an atmosphere loses is what its sections leak and what creeps out of it across seals
        and inner leaks.
        """
        names = list(self.scenario.sections)
        inside = (times_s >= self.start_s) & (times_s < self.end_s)
        lost = leaked_kg[inside].sum(axis=0)
        self.lost_kg = lost if self.lost_kg is None else self.lost_kg + lost
        grid_s, rows = self._on_grid(times_s, float(times_s[0] - steps_s[0]))
        to_daily = (S_PER_DAY / steps_s[rows])[:, np.newaxis]
        sections = leaked_kg[rows] * to_daily
        atmospheres = sections @ layout.groups + (crept_kg[rows] @ layout.groups) * to_daily
        current = self.phases[-1][1]
        index = {
            name: int(layout.member[names.index(sections[0])]) for name, sections in current.items()
        }
        for row, time_s in enumerate(grid_s.tolist()):
            self.times_s.append(time_s)
            self.by_section.append(sections[row, : len(names)])
            for name, column in index.items():
                rates = self.by_atmosphere.setdefault(name, {})
                rates[time_s] = float(atmospheres[row, column])

    def note_loop(self, loop: str, times_s: Floats, lost_kg: Floats, step_s: float) -> None:
        """Keep what a loop lost in each step."""
        inside = (times_s >= self.start_s) & (times_s < self.end_s)
        before = self.drained_kg.get(loop, 0.0)
        self.drained_kg[loop] = before + float(lost_kg[inside].sum())
        _, rows = self._on_grid(times_s, float(times_s[0]) - step_s)
        rates = self.by_loop.setdefault(loop, [])
        rates += (lost_kg[rows] * (S_PER_DAY / step_s)).tolist()

    def _on_grid(self, times_s: Floats, since_s: float) -> tuple[Floats, NDArray[np.intp]]:
        """Give the times in a span at which rates are told, and the step that begins there.

        Steps are named by their ends.
        """
        first = max(int(np.ceil((since_s - self.start_s) / EVERY_S)), 0)
        until_s = min(float(times_s[-1]), self.end_s)
        grid_s = np.arange(self.start_s + first * EVERY_S, until_s, EVERY_S)
        near = (self.moments_s >= max(since_s, self.start_s)) & (self.moments_s < until_s)
        grid_s = np.union1d(grid_s[grid_s < until_s], self.moments_s[near])
        return grid_s, np.searchsorted(times_s, grid_s, side="right")

    def document(self, plan: Plan, hatches: dict[str, list[tuple[float, str]]]) -> dict[str, Any]:
        """Give the whole truth as plain values; columns of times are Unix seconds."""
        names = list(self.scenario.sections)
        rates = np.array(self.by_section).reshape(len(self.times_s), len(names))
        lost = np.zeros(len(names)) if self.lost_kg is None else self.lost_kg[: len(names)]
        loops = {name: [name] for name in self.scenario.loops}
        drained = {name: np.round(r, 6).tolist() for name, r in self.by_loop.items() if any(r)}
        return {
            "scenario": self.scenario.title,
            "station": self.scenario.station,
            "seed": self.seed,
            "drawn": {
                place: rfc3339(value.timestamp()) if isinstance(value, datetime) else value
                for place, value in self.scenario.drawn.items()
            },
            "start": rfc3339(self.start_s),
            "end": rfc3339(self.end_s),
            "changes": self._changes(plan),
            "hatches": {
                name: [{"time": rfc3339(t), "state": state} for t, state in moves]
                for name, moves in hatches.items()
            },
            "atmospheres": [
                {"time": rfc3339(time_s), "sections": groups | loops}
                for time_s, groups in self.phases
            ],
            "leak_rate_kg_per_day": {
                "time": self.times_s,
                "sections": {
                    name: np.round(rates[:, i], 6).tolist()
                    for i, name in enumerate(names)
                    if rates[:, i].any()
                }
                | drained,
                "atmospheres": {
                    name: [
                        None if time_s not in found else round(found[time_s], 6)
                        for time_s in self.times_s
                    ]
                    for name, found in self.by_atmosphere.items()
                    if any(abs(rate) > SEEN_KG_PER_DAY for rate in found.values())
                }
                | drained,
            },
            "lost_kg": {name: float(lost[i]) for i, name in enumerate(names) if lost[i]}
            | {name: kg for name, kg in self.drained_kg.items() if kg},
            "sensor_faults": [
                {
                    "channel": fault.channel,
                    "fault": fault.kind,
                    "size": fault.size,
                    "share": fault.share,
                    "start": rfc3339(fault.start_s),
                    "end": rfc3339(min(fault.stop_s, self.end_s)),
                }
                for fault in plan.faults
                if fault.start_s < self.end_s and fault.stop_s > self.start_s
            ],
        }

    def _changes(self, plan: Plan) -> list[dict[str, Any]]:
        """List the moves of leak rates with the sections and the atmosphere they are in."""
        rows = []
        for change in plan.changes:
            if not self.start_s <= change.time_s < self.end_s:
                continue
            place = self.scenario.leaks[change.leak].section
            sections = [place] if isinstance(place, str) else list(place)
            rows.append(
                {
                    "time": rfc3339(change.time_s),
                    "until": rfc3339(change.until_s),
                    "kind": change.kind,
                    "leak": change.leak,
                    "into": self.scenario.leaks[change.leak].into,
                    "sections": sections,
                    "atmosphere": self._atmosphere_of(sections[0], change.time_s),
                    "before_kg_per_day": change.before_kg_per_day,
                    "after_kg_per_day": round(change.after_kg_per_day, 6),
                }
            )
        return rows

    def _atmosphere_of(self, section: str, at_s: float) -> str:
        if section in self.scenario.loops:
            return section
        groups = next(g for t, g in reversed(self.phases) if t <= at_s)
        return next(name for name, sections in groups.items() if section in sections)


def moments_of(plan: Plan, hatches_s: Sequence[float], step_s: float) -> Floats:
    """Give the times at which the coarse grid would miss something."""
    close_s = np.arange(-step_s, CLOSE_S + step_s / 2, step_s)
    ends_s = [moment for change in plan.changes for moment in (change.time_s, change.until_s)]
    moved_s = np.array(hatches_s)
    return np.unique(
        np.concatenate((*(end_s + close_s for end_s in ends_s), moved_s, moved_s - step_s))
    )


def named_groups(
    scenario: Scenario, member: Sequence[int], volumes: Floats
) -> dict[str, list[str]]:
    """Name each atmosphere after its largest section; vehicles are in none of the lists."""
    sections = list(scenario.sections)
    groups: dict[int, list[int]] = {}
    for i in range(len(sections)):
        groups.setdefault(int(member[i]), []).append(i)
    return {
        sections[max(group, key=lambda i: volumes[i])]: [sections[i] for i in group]
        for group in groups.values()
    }
