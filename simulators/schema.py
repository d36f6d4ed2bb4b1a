"""The shape of a scenario file; every model is frozen and takes no unknown key."""

from datetime import time
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from simulators.gas import CRACK_EXPONENT

UNITS = {  # kind -> unit -> SI per unit
    "pressure": {
        "mmHg": 133.322387415,
        "hPa": 100.0,
        "kPa": 1e3,
        "Pa": 1.0,
        "psia": 6894.757293168,
    },
    "temperature": {"degC": 1.0, "K": 1.0},
    "humidity": {"percent": 0.01, "ratio": 1.0},
}
for _kind in ("ppo2", "ppn2", "ppco2"):
    UNITS[_kind] = UNITS["pressure"]
UNITS["dew_point"] = UNITS["temperature"]

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class Model(BaseModel):
    """What all parts of a scenario have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Section(Model):
    """A compartment: its quoted volume, how much of it is free gas, and its thermal habits.

    Defaults of the swings: the orbital line of 0.06 mmHg in the Astro Pi cabin pressures of 2022
    is 0.024 K; with a crew day of 0.05 K and 0.25 K of slow wandering for beta angle and payload
    work (NASA, Operating an Outpost in the New Frontier) the Allan deviation from ten minutes to
    five hours is that of the Astro Pi week of 2016 within a third.
    """

    volume_m3: Positive
    free_fraction: Annotated[float, Field(gt=0, le=1)] | None = None
    temperature_degc: float = 22.5
    orbit_k: NotNegative = 0.024
    day_k: NotNegative = 0.05
    slow_k: NotNegative = 0.25


class Hatch(Model):
    """A door, how it stands at the start, and what creeps across its seal while it is shut."""

    between: tuple[str, str]
    state: Literal["open", "closed"] = "open"
    seal_kg_per_day_per_mmhg: NotNegative = 0.0


class Channel(Model):
    """A sensor; noise, step and offset are in its unit."""

    section: str
    kind: Literal["pressure", "temperature", "ppo2", "ppn2", "ppco2", "humidity", "dew_point"]
    unit: str
    noise: NotNegative = 0.0
    step: NotNegative = 0.0
    offset: float = 0.0
    period_s: Positive | None = None
    on_change: bool = False


class Leak(Model):
    """A way out: its flow at 740 mmHg, in one section or spread over several by volume."""

    section: str | list[str]
    kg_per_day: NotNegative = 0.0
    exponent: Annotated[float, Field(ge=0, le=3)] = CRACK_EXPONENT


class Vehicle(Model):
    """A visiting ship; `docked` means that it is there at the start with its hatch open."""

    port: str
    volume_m3: Positive
    pressure_mmhg: Positive = 757.0  # closed on the ground near sea level
    docked: bool = False


class Air(Model):
    """The air at the start."""

    pressure_mmhg: Positive = 748.0
    ppo2_mmhg: Positive = 162.0
    ppco2_mmhg: Positive = 3.0
    pph2o_mmhg: Positive = 9.6
    crew: Annotated[int, Field(ge=0)] = 7
    oxygen_generation_kg_per_day: NotNegative = 5.95


class LifeSupport(Model):
    """Where the machines stand and how hard they pull, per mmHg of what they remove.

    Seven people keep 2.9 mmHg of CO2 and 9.6 mmHg of vapour with the defaults, inside the ranges
    that NASA SSP 41000 allows. `bed_air_mmhg` is the air that the CO2 machine takes out of the
    cabin and gives back in each half-cycle (Knox et al., ICES papers on CDRA; the size is read
    off the Astro Pi cabin pressures of 2016 and 2022).
    """

    section: str
    co2_removal_kg_per_day_per_mmhg: NotNegative = 2.4
    condensation_kg_per_day_per_mmhg: NotNegative = 10.0
    bed_air_mmhg: NotNegative = 0.15


class Drift(Model):
    """Random walks that no model of the cabin foresees, in mmHg^2 per day.

    They sum to 0.2, what the Astro Pi record of 31 January 2022 leaves after its 144-minute cycle
    is removed. Gas sensors see the gas terms and thermometers the thermal one; `unseen` alone
    stays in a nitrogen balance.
    """

    oxygen: NotNegative = 0.1
    carbon_dioxide: NotNegative = 0.005
    water: NotNegative = 0.015
    temperature: NotNegative = 0.06
    unseen: NotNegative = 0.02


class RandomGaps(Model):
    """Losses of signal at random: how often, how long, and how many are sent afterwards."""

    every_h: Positive
    minutes: tuple[Positive, Positive]
    buffered_fraction: Annotated[float, Field(ge=0, le=1)] = 0.0


class Entry(Model):
    """One line of the timeline; undeclared ones send no activity message."""

    at: AwareDatetime
    declared: bool = True
    message_delay_s: NotNegative = 0.0


class CrewEntry(Entry):
    """The number of people changes."""

    what: Literal["crew"]
    count: Annotated[int, Field(ge=0)]


class OxygenEntry(Entry):
    """The rate of oxygen generation changes."""

    what: Literal["oxygen_generation"]
    kg_per_day: NotNegative


class HatchEntry(Entry):
    """A hatch moves."""

    what: Literal["hatch"]
    hatch: str
    state: Literal["open", "closed"]


class HatchProgrammeEntry(Entry):
    """A hatch opens and closes daily at two times of the day, UTC, until the programme ends."""

    what: Literal["hatch_programme"]
    hatch: str
    until: AwareDatetime
    opens: time
    closes: time


class LeakEntry(Entry):
    """A leak takes another size at once, or evenly over some hours."""

    what: Literal["leak"]
    leak: str
    kg_per_day: NotNegative | None = None
    hole_mm: NotNegative | None = None
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
    """The mean temperature of sections moves by some kelvin over some hours and stays."""

    what: Literal["thermal"]
    sections: list[str]
    change_k: float
    over_h: Positive


class SignalGapEntry(Entry):
    """Telemetry is lost until a time; buffered, it arrives then."""

    what: Literal["signal_gap"]
    until: AwareDatetime
    buffered: bool = False


class FaultEntry(Entry):
    """A sensor fails until a time: stuck and silent need no size, drift is per day."""

    what: Literal["fault"]
    channel: str
    fault: Literal["stuck", "silent", "offset", "drift"]
    size: float = 0.0
    until: AwareDatetime | None = None


AnyEntry = Annotated[
    CrewEntry
    | OxygenEntry
    | HatchEntry
    | HatchProgrammeEntry
    | LeakEntry
    | GasEntry
    | DockingEntry
    | UndockingEntry
    | ThermalEntry
    | SignalGapEntry
    | FaultEntry,
    Field(discriminator="what"),
]


class Scenario(Model):
    """A station and what happens to it."""

    title: str
    story: str
    source: str
    station: str
    start: AwareDatetime
    end: AwareDatetime
    step_s: Positive = 60.0
    free_fraction: Annotated[float, Field(gt=0, le=1)] = 0.9
    accepted_leak_kg_per_day: NotNegative = 0.27
    sections: dict[str, Section]
    hatches: dict[str, Hatch] = {}
    channels: dict[str, Channel]
    leaks: dict[str, Leak] = {}
    vehicles: dict[str, Vehicle] = {}
    air: Air = Air()
    life_support: LifeSupport
    drift: Drift = Drift()
    signal_gaps: RandomGaps | None = None
    timeline: list[AnyEntry] = []

    def free_volume_m3(self, section: str) -> float:
        """Give the gas volume of a section or vehicle.

        The usual fraction of 0.9 follows from the gas budgets in the ISS status reports of 9
        January and of September 2004.
        """
        if section in self.vehicles:
            return self.vehicles[section].volume_m3 * self.free_fraction
        shape = self.sections[section]
        return shape.volume_m3 * (shape.free_fraction or self.free_fraction)
