"""Keeps the values of a balance, for its noise to be learned from."""

from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from service.core.noise import Record

LONGEST: Final = 23040  # steps kept: 16 days at one a minute
STEP_S: Final = 60.0
BREAK_STEPS: Final = 5  # a gap of more steps is not bridged
NEWEST: Final = 50  # values whose distances tell the usual one while nobody asks for all


@dataclass(slots=True, kw_only=True)
class Trace:
    """Values and when they were taken; NaN = unknown, or not to be compared with those before."""

    times_s: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    is_broken: bool = False  # nothing is compared across this moment

    def __len__(self) -> int:
        return len(self.values)

    @property
    def spacing_s(self) -> float:
        """The usual time between the newest values, s."""
        return _spacing_s(self.times_s[-NEWEST:])

    def append(self, value: float, time_s: float) -> None:
        """Append a value that is newer than all others."""
        self.times_s.append(time_s)
        self.values.append(np.nan if self.is_broken else value)
        self.is_broken = False

    def copy(self) -> "Trace":
        """Return one that changes apart from this."""
        return replace(self, times_s=list(self.times_s), values=list(self.values))

    def enlarge(self, factor: float) -> None:
        """Let what was seen so far count for so many times as much."""
        self.values = [value * factor for value in self.values]
        self.is_broken = True

    def excise(self, since_s: float) -> None:
        """Take the values since then out: something happened."""
        first = int(np.searchsorted(self.times_s, since_s))
        self.values[first:] = [np.nan] * (len(self.values) - first)

    def record(self) -> Record:
        """Return the values at even steps, short gaps bridged, and forget those older than that."""
        del self.times_s[:-LONGEST], self.values[:-LONGEST]
        spacing_s = _spacing_s(self.times_s)
        if not self.values:
            return Record(values=np.empty(0), spacing_s=spacing_s)
        times_s = np.array(self.times_s)
        places = np.rint((times_s - times_s[-1]) / spacing_s).astype(np.int64) + LONGEST - 1
        kept = places >= 0
        places, values = places[kept], np.array(self.values)[kept]
        gaps = np.minimum(np.diff(places, append=places[-1] + 1), LONGEST)
        bridged = np.repeat(values, gaps)
        along = np.arange(len(bridged)) - np.repeat(np.cumsum(gaps) - gaps, gaps)
        bridged[(along > 0) & (np.repeat(gaps, gaps) > BREAK_STEPS)] = np.nan
        return Record(values=bridged, spacing_s=spacing_s)


def _spacing_s(times_s: list[float]) -> float:
    return float(np.median(np.diff(times_s))) if len(times_s) > 1 else STEP_S
