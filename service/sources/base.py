"""What every source offers to the pipeline, and what it hands over."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol, Self

from service.core.samples import Activity, SampleBatch

KEPT_BYTES: Final = 2048  # of a rejected payload: enough to recognise its sender and its fault


class RejectReason(StrEnum):
    """Why something that was received is not a reading or an activity."""

    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    UNKNOWN_CHANNEL = "unknown_channel"
    MISSING_VALUE = "missing_value"
    NOT_A_NUMBER = "not_a_number"
    NOT_FINITE = "not_finite"
    BAD_TIME = "bad_time"
    IMPLAUSIBLE_TIME = "implausible_time"
    WRONG_UNIT = "wrong_unit"
    UNKNOWN_QUALITY = "unknown_quality"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Items of one payload or file that were refused for the same reason.

    Attributes
    ----------
    detail : str
        What is wrong with the first of them, and where it stands.
    raw : bytes
        The beginning of what was received, for inspection.
    count : int
        How many items.
    """

    reason: RejectReason
    detail: str
    raw: bytes
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What a source hands over at once, in order of arrival.

    Attributes
    ----------
    done : callable or None
        To be called once all of it is safe, so that the sender may forget it. What is never
        done is delivered again after the next reconnection.
    """

    samples: SampleBatch = field(default_factory=SampleBatch.empty)
    activities: tuple[Activity, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    done: Callable[[], None] | None = None

    @classmethod
    def joined(cls, parts: Sequence[Self], done: Callable[[], None] | None = None) -> Self:
        """Return the contents of all parts in the order given, with one acknowledgement."""
        samples = [part.samples for part in parts if len(part.samples)]
        return cls(
            samples=samples[0] if len(samples) == 1 else SampleBatch.concatenate(samples),
            activities=tuple(a for part in parts for a in part.activities),
            rejected=tuple(r for part in parts for r in part.rejected),
            done=done,
        )


@dataclass(slots=True, kw_only=True)
class SourceStatus:
    """How a source stands, kept up to date by it.

    Attributes
    ----------
    up : bool
        Whether it can receive now.
    reconnects : int
        Connections made again after a loss.
    sessions_lost : int
        Reconnections at which the far side had forgotten what it kept for us: a gap in the data.
    dropped : int
        Messages sent without delivery guarantee that came faster than they could be taken.
    """

    up: bool = False
    reconnects: int = 0
    sessions_lost: int = 0
    dropped: int = 0


class Source(Protocol):
    """One way in."""

    @property
    def name(self) -> str:
        """The value of the label `source`."""
        ...

    @property
    def status(self) -> SourceStatus:
        """How it stands, live."""
        ...

    def deliveries(self) -> AsyncIterator[Delivery]:
        """Yield what arrives; a live source never ends and reconnects by itself."""
        ...
