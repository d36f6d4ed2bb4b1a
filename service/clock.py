"""The only reader of time."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time to whoever is given one."""

    def now_s(self) -> float:
        """Return the time of day, Unix UTC."""
        ...

    def monotonic_s(self) -> float:
        """Return a time that never jumps, for the lengths of things."""
        ...


class WallClock:
    """The clock of the machine."""

    def now_s(self) -> float:
        """Return the time of day, Unix UTC."""
        return time.time()  # noqa: TID251  the one place

    def monotonic_s(self) -> float:
        """Return a time that never jumps, for the lengths of things."""
        return time.monotonic()  # noqa: TID251  the one place
