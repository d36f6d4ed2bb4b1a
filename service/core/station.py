"""The station: its sections, hatches and channels, and which sections share air."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

VACUUM: Final = "vacuum"  # the far side of a hatch that opens into space


class ChannelKind(StrEnum):
    """What a channel measures."""

    PRESSURE = "pressure"
    TEMPERATURE = "temperature"
    PPO2 = "ppo2"
    PPN2 = "ppn2"
    PPCO2 = "ppco2"
    HUMIDITY = "humidity"
    DEW_POINT = "dew_point"
    QUANTITY = "quantity"
    STATE = "state"


DIMENSION: Final[dict[ChannelKind, str]] = {
    ChannelKind.PRESSURE: "pressure",
    ChannelKind.TEMPERATURE: "temperature",
    ChannelKind.PPO2: "pressure",
    ChannelKind.PPN2: "pressure",
    ChannelKind.PPCO2: "pressure",
    ChannelKind.HUMIDITY: "ratio",
    ChannelKind.DEW_POINT: "temperature",
    ChannelKind.QUANTITY: "mass",
    ChannelKind.STATE: "number",
}


class HatchState(StrEnum):
    """How a hatch stands. An unknown hatch is taken as open until something says otherwise."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One pressurisable compartment with its free gas volume; its error is usual where None."""

    name: str
    volume_m3: float
    volume_sd_m3: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hatch:
    """A door between two sections, or between a section and vacuum, and how it stands at first."""

    name: str
    between: tuple[str, str]
    state: HatchState


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What the readings of a state channel report as an activity.

    Attributes
    ----------
    activity : str
        Name of the activity.
    on, off : tuple of float
        Readings that mean that it goes on and that it does not; empty for a count or a rate.
    scale : float
        SI value of a count or rate over its reading.
    """

    activity: str
    on: tuple[float, ...] = ()
    off: tuple[float, ...] = ()
    scale: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One measured quantity at one place; noise and step are SI, None where they are learned."""

    name: str
    section: str
    kind: ChannelKind
    unit: str
    noise: float | None = None
    step: float | None = None
    period_s: float | None = None
    means: Meaning | None = None  # of a state, what it reports


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """The whole complex that one config file describes.

    `accepted_leak_kg_per_s` is the old, known loss of the whole station, above which leak-rate
    limits count.
    """

    name: str
    sections: tuple[Section, ...]
    hatches: tuple[Hatch, ...]
    channels: tuple[Channel, ...]
    accepted_leak_kg_per_s: float

    def channel_index(self) -> dict[str, int]:
        """Return the position of each channel by its name."""
        return {channel.name: i for i, channel in enumerate(self.channels)}


def atmospheres(
    station: Station, hatch_states: Mapping[str, HatchState]
) -> tuple[tuple[int, ...], ...]:
    """Group the sections that share air: connected components over hatches that are not closed.

    Returns
    -------
    tuple of tuples of int
        Section indices, each group ascending, groups ordered by their first section.

    Examples
    --------
    >>> ab = tuple(Section(name=n, volume_m3=1.0) for n in "ab")
    >>> door = Hatch(name="a-b", between=("a", "b"), state=HatchState.OPEN)
    >>> s = Station(
    ...     name="s", sections=ab, hatches=(door,), channels=(), accepted_leak_kg_per_s=0.0
    ... )
    >>> atmospheres(s, {"a-b": HatchState.OPEN}), atmospheres(s, {"a-b": HatchState.CLOSED})
    (((0, 1),), ((0,), (1,)))
    """
    index = {section.name: i for i, section in enumerate(station.sections)}
    root = list(range(len(station.sections)))

    def find(i: int) -> int:
        while root[i] != i:
            i = root[i]
        return i

    for hatch in station.hatches:
        if hatch_states[hatch.name] is HatchState.CLOSED or VACUUM in hatch.between:
            continue
        a, b = sorted(find(index[name]) for name in hatch.between)
        root[b] = a
    groups: dict[int, list[int]] = {}
    for i in range(len(station.sections)):
        groups.setdefault(find(i), []).append(i)
    return tuple(tuple(group) for group in groups.values())
