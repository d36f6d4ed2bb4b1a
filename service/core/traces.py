"""Keeps the values of a balance at even steps of time, for its noise to be learned from."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from service.core.noise import Record

LONGEST: Final = 23040  # values kept: 16 days at one a minute
STEP_S: Final = 60.0
BREAK_STEPS: Final = 5  # a longer gap is not bridged
LONGEST_SPACING_S: Final = 3600.0
FIRST: Final = 20  # values from which their usual distance is learned, whatever it is
MEMORY: Final = 100.0  # values


@dataclass(slots=True, kw_only=True)
class Trace:
    """Values at even steps of time; NaN = unknown, or not to be compared with those before."""

    values: list[float] = field(default_factory=list)
    spacing_s: float = STEP_S
    newest_s: float | None = None
    is_broken: bool = False  # nothing is compared across this moment
    heard: int = 0

    def __len__(self) -> int:
        return len(self.values)

    def append(self, value: float, time_s: float) -> None:
        """Append a value, and before it what is missing of the even steps."""
        if self.newest_s is not None:
            apart_s = time_s - self.newest_s
            missing = min(round(apart_s / self.spacing_s) - 1, LONGEST)
            bridge = self.values[-1] if missing < BREAK_STEPS else np.nan
            self.values += [bridge] * missing
            if self.heard < FIRST or missing < BREAK_STEPS:
                apart_s = min(apart_s, LONGEST_SPACING_S)
                self.spacing_s += (apart_s - self.spacing_s) / min(self.heard, MEMORY)
        self.values.append(np.nan if self.is_broken else value)
        self.newest_s, self.is_broken = time_s, False
        self.heard += 1

    def enlarge(self, factor: float) -> None:
        """Let what was seen so far count for so many times as much."""
        self.values = [value * factor for value in self.values]
        self.is_broken = True

    def excise(self, span_s: float) -> None:
        """Take the newest values out: something happened then."""
        count = min(int(span_s / self.spacing_s) + 1, len(self.values))
        self.values[len(self.values) - count :] = [np.nan] * count

    def record(self) -> Record:
        """Return the values that are kept, and forget older ones."""
        del self.values[:-LONGEST]
        return Record(values=np.array(self.values), spacing_s=self.spacing_s)
