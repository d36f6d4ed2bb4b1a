"""Readings of the station's channels, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Self

import numpy as np
from numpy.typing import NDArray


class Quality(IntEnum):
    """What the sender says of a reading; the names are the words of the telemetry table."""

    GOOD = 0
    SUSPECT = 1
    BAD = 2
    HELD = 3  # repeated by the sender, no new reading


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleBatch:
    """Readings as columns in order of arrival; a single reading is a batch of one.

    Attributes
    ----------
    channel : ndarray of int32, shape (n,)
        Index into `Station.channels`.
    time_s : ndarray of float64, shape (n,)
        The sender's event time, Unix UTC. Estimates and hold times use this.
    received_s : ndarray of float64, shape (n,)
        Arrival time, Unix UTC. Ticks, staleness and lateness use this.
    value : ndarray of float64, shape (n,)
        The reading in SI units; a humidity is a ratio from 0 to 1.
    quality : ndarray of uint8, shape (n,)
        A `Quality`.
    """

    channel: NDArray[np.int32]
    time_s: NDArray[np.float64]
    received_s: NDArray[np.float64]
    value: NDArray[np.float64]
    quality: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.time_s)

    def __getitem__(self, rows: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """Return the chosen rows as a batch of their own."""
        return type(self)(
            channel=self.channel[rows],
            time_s=self.time_s[rows],
            received_s=self.received_s[rows],
            value=self.value[rows],
            quality=self.quality[rows],
        )

    @classmethod
    def empty(cls) -> Self:
        """Return a batch without readings."""
        return cls(
            channel=np.empty(0, np.int32),
            time_s=np.empty(0, np.float64),
            received_s=np.empty(0, np.float64),
            value=np.empty(0, np.float64),
            quality=np.empty(0, np.uint8),
        )

    @classmethod
    def concatenate(cls, batches: Sequence[Self]) -> Self:
        """Return the readings of all batches in the order given."""
        if not batches:
            return cls.empty()
        return cls(
            channel=np.concatenate([b.channel for b in batches]),
            time_s=np.concatenate([b.time_s for b in batches]),
            received_s=np.concatenate([b.received_s for b in batches]),
            value=np.concatenate([b.value for b in batches]),
            quality=np.concatenate([b.quality for b in batches]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """One message about something known that moves air.

    Attributes
    ----------
    time_s, received_s : float
        Event time and arrival time, Unix UTC.
    name : str
        One of the activity names of `ACTIVITY_NAMES`; anything else is kept as a note.
    section, hatch : str or None
        Where it happens.
    state : str or None
        start, stop, open, closed, equalising, on, off or value.
    value : float or None
        Amount in SI units, or a plain count.
    unit : str or None
        The SI unit of `value`.
    gas : str or None
        air, O2, N2 or CO2.
    channel : str or None
        The channel that reported it; None = a message did.
    """

    time_s: float
    received_s: float
    name: str
    section: str | None = None
    hatch: str | None = None
    state: str | None = None
    value: float | None = None
    unit: str | None = None
    gas: str | None = None
    channel: str | None = None


ACTIVITY_NAMES = frozenset(
    {
        "repressurisation",
        "airlock_depressurisation",
        "airlock_repressurisation",
        "vestibule_pressurisation",
        "vestibule_venting",
        "docking",
        "undocking",
        "oxygen_generation",
        "crew",
        "co2_removal",
        "eva",
        "hatch",
        "thermal_setpoint",
        "valve",
        "pump",
        "vent",
        "signal",
        "note",
    }
)
