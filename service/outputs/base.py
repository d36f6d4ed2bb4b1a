"""What every output offers to the pipeline, and what it counts."""

from dataclasses import dataclass
from typing import Protocol

from service.core.samples import SampleBatch
from service.core.views import Outcome


@dataclass(slots=True, kw_only=True)
class OutputStatus:
    """What became of the records given to an output, counted since its start.

    Attributes
    ----------
    written, failed : int
        Write attempts that succeeded and that did not. A failed attempt is tried again, so it
        loses nothing by itself.
    dropped : int
        Records given up for good: refused by the far side, or the oldest of a full queue.
    queued : int
        Records that wait now, those under way included.
    """

    written: int = 0
    failed: int = 0
    dropped: int = 0
    queued: int = 0


class Counted(Protocol):
    """Anything with a name whose writes are counted."""

    @property
    def name(self) -> str:
        """The value of the label `output`."""
        ...

    @property
    def status(self) -> OutputStatus:
        """The counters, live."""
        ...


class Output(Counted, Protocol):
    """One way out of the service.

    The order of calls is: `run` as a task of its own; any number of `publish`; on an orderly stop
    `drain` under a time limit of the caller, while `run` still works; then `run` is cancelled.
    """

    def publish(self, samples: SampleBatch, outcome: Outcome) -> None:
        """Take the readings and facts over; never waits and never raises for what they hold."""
        ...

    async def run(self) -> None:
        """Carry the queue out until cancelled; returns at once where there is none."""
        ...

    async def drain(self) -> None:
        """Return when nothing waits any more."""
        ...
