"""The station: its sections, hatches and channels, and which sections share air."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from service.core.units import UNITS

Group = tuple[int, ...]  # places of sections that share their air, or of a loop
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


def dimension_of(kind: ChannelKind, unit: str) -> str:
    """Return what a channel of a kind and unit is measured in.

    A quantity is a mass, or a share of what the accumulator holds when full.

    Examples
    --------
    >>> [dimension_of(ChannelKind.QUANTITY, unit) for unit in ("kg", "percent")]
    ['mass', 'ratio']
    """
    is_share = kind is ChannelKind.QUANTITY and unit in UNITS and UNITS[unit].dimension == "ratio"
    return "ratio" if is_share else DIMENSION[kind]


class Medium(StrEnum):
    """What a sealed volume holds: the air of a section, or the liquid of a loop."""

    AIR = "air"
    LIQUID = "liquid"


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
class Loop:
    """One closed loop of coolant, kept full by an accumulator in which gas presses on the liquid.

    Attributes
    ----------
    floor_kg : float
        What the accumulator must hold at least for the pump to run.
    coolant_kg : float or None
        All liquid in pipes and accumulator; None = its expansion is not taken out.
    accumulator_m3 : float or None
        Volume of the accumulator, liquid and gas together.
    precharge_pa : float or None
        Pressure of the gas at 20 degC with no liquid in the accumulator.
    expansion_per_k : float
        By which share the liquid grows for each kelvin.
    """

    name: str
    floor_kg: float
    coolant_kg: float | None = None
    accumulator_m3: float | None = None
    precharge_pa: float | None = None
    density_kg_per_m3: float
    expansion_per_k: float


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
    """One measured quantity at one place; noise and step are SI, None where they are learned.

    `section` names a section or a loop.
    """

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

    Its sealed volumes are numbered: first the sections, then the loops. `accepted_leak_kg_per_s` is the old, known loss of the whole station, above which leak-rate
    limits count.
    """

    name: str
    sections: tuple[Section, ...]
    hatches: tuple[Hatch, ...]
    channels: tuple[Channel, ...]
    accepted_leak_kg_per_s: float
    loops: tuple[Loop, ...] = ()

    @property
    def volumes(self) -> tuple[Section | Loop, ...]:
        """All that can leak, in the order of their numbers."""
        return (*self.sections, *self.loops)

    def loop_of(self, group: Group) -> Loop | None:
        """Return the loop that a group of sealed volumes is, None where it is sections."""
        number = group[0] - len(self.sections)
        return self.loops[number] if number >= 0 else None

    def of_air(self, groups: Iterable[Group]) -> tuple[Group, ...]:
        """Return the groups that are sections and no loop."""
        return tuple(group for group in groups if self.loop_of(group) is None)

    def volume_m3(self, group: Group) -> float:
        """Return the volume of a group of sections, as configured."""
        return sum(self.sections[i].volume_m3 for i in group)

    def largest(self, group: Group) -> int:
        """Return the largest section of a group, a loop itself."""
        if self.loop_of(group) is not None:
            return group[0]
        return max(group, key=lambda i: self.sections[i].volume_m3)

    def channel_index(self) -> dict[str, int]:
        """Return the position of each channel by its name."""
        return {channel.name: i for i, channel in enumerate(self.channels)}


def atmospheres(station: Station, hatch_states: Mapping[str, HatchState]) -> tuple[Group, ...]:
    """Group the sections that share air: connected components over hatches that are not closed.

    Each loop is a group of its own.

    Returns
    -------
    tuple of tuples of int
        Numbers of sealed volumes, each group ascending, groups ordered by their first.

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
    loops = range(len(station.sections), len(station.volumes))
    return (*(tuple(group) for group in groups.values()), *((loop,) for loop in loops))


def sides_of(
    station: Station, hatch: Hatch, hatch_states: Mapping[str, HatchState]
) -> tuple[Group, Group] | None:
    """Return the atmospheres that a hatch parts, were it shut; None where there is another way round.

    The hatch leads from a section to another, not into vacuum.
    """
    groups = atmospheres(station, {**hatch_states, hatch.name: HatchState.CLOSED})
    index = {section.name: i for i, section in enumerate(station.sections)}
    one, other = (next(group for group in groups if index[side] in group) for side in hatch.between)
    return None if one == other else (one, other)
