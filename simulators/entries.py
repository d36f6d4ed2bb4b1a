"""The lines that the timeline of a scenario can have, one model for each kind."""

from datetime import time
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from simulators.model import Model, NotNegative, Positive, Share

FaultKind = Literal["stuck", "silent", "offset", "drift", "spikes", "late", "duplicate", "clock"]


class Entry(Model):
    """One line of the timeline; undeclared ones send no activity message."""

    at: AwareDatetime
    declared: bool = True
    message_delay_s: NotNegative = 0.0


class CrewEntry(Entry):
    """The number of people changes."""

    what: Literal["crew"]
    count: Annotated[int, Field(ge=0)]


class HandoverEntry(Entry):
    """A new crew arrives, and until a later time, when the old one leaves, both are aboard."""

    what: Literal["handover"]
    until: AwareDatetime
    arriving: Annotated[int, Field(ge=0)]
    leaving: Annotated[int, Field(ge=0)]


class OxygenEntry(Entry):
    """The rate of oxygen generation changes; cyclic, it is the mean over orbits by day and night.

    A failure is a rate of 0, undeclared or told late.
    """

    what: Literal["oxygen_generation"]
    kg_per_day: NotNegative
    mode: Literal["continuous", "cyclic"] = "continuous"


class CO2RemovalEntry(Entry):
    """The CO2 machine is switched; off, it neither removes nor breathes with its half-cycle."""

    what: Literal["co2_removal"]
    state: Literal["on", "off"]


class HatchEntry(Entry):
    """A hatch moves, or stays shut with its equalisation valve open."""

    what: Literal["hatch"]
    hatch: str
    state: Literal["open", "closed", "equalising"]


class HatchProgrammeEntry(Entry):
    """A hatch opens and closes daily at two times of the day, UTC, until the programme ends."""

    what: Literal["hatch_programme"]
    hatch: str
    until: AwareDatetime
    opens: time
    closes: time


class EvaEntry(Entry):
    """People go out through an airlock between two hatches, the outer one to vacuum.

    The inner hatch shuts, a pump saves what it can for the cabin until it stops at
    `pump_to_mmhg` (None: there is no pump), the rest is vented, and after the outing the cabin
    fills the airlock. The default is the US crew lock, whose pump stops at about 13 kPa.
    """

    what: Literal["eva"]
    hatch: str
    outer_hatch: str
    hours: Positive = 6.5
    pump_to_mmhg: Positive | None = 98.0
    pump_min: Positive = 40.0


class LeakEntry(Entry):
    """A leak takes another size at once, or evenly over some hours; give one of the sizes.

    Rates hold at 740 mmHg, in a loop at the pressure that it starts with.
    """

    what: Literal["leak"]
    leak: str
    kg_per_day: NotNegative | None = None
    kg_per_h: NotNegative | None = None
    hole_mm: NotNegative | None = None
    over_h: NotNegative = 0.0


class IntermittentLeakEntry(Entry):
    """A leak opens and closes in turn until a time, when it rests."""

    what: Literal["intermittent_leak"]
    leak: str
    until: AwareDatetime
    kg_per_day: NotNegative
    rest_kg_per_day: NotNegative = 0.0
    on_h: Positive
    off_h: Positive


class PatchEntry(Entry):
    """A patch leaves a leak this share of its size."""

    what: Literal["patch"]
    leak: str
    factor: Share
    over_h: NotNegative = 0.0


class GasEntry(Entry):
    """Gas enters or leaves a section over some hours."""

    what: Literal[
        "repressurisation",
        "airlock_depressurisation",
        "airlock_repressurisation",
        "vestibule_pressurisation",
        "vestibule_venting",
        "vent",
    ]
    section: str
    kg: Positive
    gas: Literal["air", "N2", "O2"] = "air"
    over_h: Positive


class DockingEntry(Entry):
    """A vehicle makes contact; its hatch opens later or not at all."""

    what: Literal["docking"]
    vehicle: str
    opens: AwareDatetime | None = None


class UndockingEntry(Entry):
    """A vehicle leaves; its hatch was closed before."""

    what: Literal["undocking"]
    vehicle: str
    closes: AwareDatetime | None = None


class ThermalEntry(Entry):
    """The mean temperature of sections or loops moves over some hours, until a time if one is set.

    It serves for the heat load of a module, another attitude and a night that cools.
    """

    what: Literal["thermal"]
    sections: list[str]
    change_k: float
    over_h: Positive
    until: AwareDatetime | None = None


class BetaSwingEntry(Entry):
    """The mean temperature of sections or loops swings with the beta angle until a time."""

    what: Literal["beta_swing"]
    sections: list[str]
    amplitude_k: float
    # NASA, Operating an Outpost in the New Frontier: beta goes up and down within about 60 days.
    period_days: Positive = 60.0
    until: AwareDatetime


class DryOutEntry(Entry):
    """An air conditioner dries out: for hours its section is warmer and its water evaporates.

    Columbus warms by up to about 1 K (worksheet of the Astro Pi flight data analysis); the water
    held in a wet heat exchanger is an estimate.
    """

    what: Literal["dry_out"]
    section: str
    over_h: Positive = 3.0
    warming_k: float = 0.8
    water_kg: NotNegative = 0.3


class SignalGapEntry(Entry):
    """Telemetry is lost until a time; buffered, it arrives then."""

    what: Literal["signal_gap"]
    until: AwareDatetime
    buffered: bool = False


class StandingFault(Model):
    """What is wrong with readings, as long as nobody repairs it.

    `size` is in the unit of the channel: of an offset, of a drift per day, of spikes up or down.
    Of `late` it is the longest delay and of `clock` how much the sender is ahead, in seconds.
    `share` is that of the readings that are spikes, late or sent twice.
    """

    fault: FaultKind
    size: float = 0.0
    share: Share = 1.0


class FaultEntry(StandingFault, Entry):
    """Sensors or their sender fail until a time, or for good."""

    what: Literal["fault"]
    channel: str | list[str]
    until: AwareDatetime | None = None


AnyEntry = Annotated[
    CrewEntry
    | HandoverEntry
    | OxygenEntry
    | CO2RemovalEntry
    | HatchEntry
    | HatchProgrammeEntry
    | EvaEntry
    | LeakEntry
    | IntermittentLeakEntry
    | PatchEntry
    | GasEntry
    | DockingEntry
    | UndockingEntry
    | ThermalEntry
    | BetaSwingEntry
    | DryOutEntry
    | SignalGapEntry
    | FaultEntry,
    Field(discriminator="what"),
]
