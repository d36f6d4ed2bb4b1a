"""The shape of a scenario file: the station, its air, its sensors and what goes wrong."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from simulators.entries import AnyEntry, StandingFault
from simulators.gas import CRACK_EXPONENT
from simulators.model import Model, NotNegative, Positive, Share

VACUUM = "vacuum"  # what a hatch to the outside has on its other side

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
    "quantity": {"kg": 1.0, "lb": 0.45359237, "percent": 0.01},
}
for _kind in ("ppo2", "ppn2", "ppco2"):
    UNITS[_kind] = UNITS["pressure"]
UNITS["dew_point"] = UNITS["temperature"]


class Climate(Model):
    """The mean temperature of a place, and how it swings with orbit, day and slowly.

    Defaults of the swings in air: the orbital line of 0.06 mmHg in the Astro Pi cabin pressures of 2022
    is 0.024 K; with a crew day of 0.05 K and 0.25 K of slow wandering for beta angle and payload
    work (NASA, Operating an Outpost in the New Frontier) the Allan deviation from ten minutes to
    five hours is that of the Astro Pi week of 2016 within a third.
    """

    temperature_degc: float = 22.5
    orbit_k: NotNegative = 0.024
    day_k: NotNegative = 0.05
    slow_k: NotNegative = 0.25


class Section(Climate):
    """A compartment: its quoted volume, and how much of it is free gas."""

    volume_m3: Positive
    free_fraction: Annotated[float, Field(gt=0, le=1)] | None = None


class Hatch(Model):
    """A door between sections or to vacuum, how it stands at the start, and what it lets through.

    The seal creeps while the door is shut. The equalisation valve is 5 to 20 cm2 wide (estimate
    from the minutes that crews take to equalise a module).
    """

    between: tuple[str, str]
    state: Literal["open", "closed"] = "open"
    seal_kg_per_day_per_mmhg: NotNegative = 0.0
    valve_cm2: Positive = 10.0


class Channel(Model):
    """A sensor; noise, step and offset are in its unit, its walk in that per root of a day.

    One that reports on change is silent for two hours at most. A gauge read by hand is one with
    a long period, a coarse step and people who come up to `jitter_s` early or late. The percent of a
    quantity are those of a full accumulator.
    """

    section: str
    kind: Literal[
        "pressure", "temperature", "ppo2", "ppn2", "ppco2", "humidity", "dew_point", "quantity"
    ]
    unit: str
    noise: NotNegative = 0.0
    step: NotNegative = 0.0
    offset: float = 0.0
    walk_per_root_day: NotNegative = 0.0
    period_s: Positive | None = None
    jitter_s: NotNegative = 0.0
    on_change: bool = False
    longest_silence_s: Positive = 7200.0
    faults: list[StandingFault] = Field(default_factory=list)


class Leak(Model):
    """A way out of a section, of several by volume, or of a loop.

    Its flow holds at 740 mmHg against vacuum, in a loop at the pressure it starts with. `into`
    names the section that a leak ends in if that is not space.
    """

    section: str | list[str]
    kg_per_day: NotNegative = 0.0
    exponent: Annotated[float, Field(ge=0, le=3)] = CRACK_EXPONENT
    into: str | None = None


class Loop(Climate):
    """A loop of liquid: pipes that are always full, and an accumulator under gas.

    The default liquid is water at 20 degC (CRC Handbook). What the pipes hold moves in and out of
    the accumulator as it expands; `fill` is the share of the accumulator that is liquid at first.
    The swings are estimates.
    """

    volume_m3: Positive
    accumulator_m3: Positive
    fill: Annotated[float, Field(gt=0, lt=1)] = 0.6
    pressure_kpa: Positive = 300.0
    density_kg_per_m3: Positive = 998.2
    expansion_per_k: NotNegative = 2.1e-4
    temperature_degc: float = 20.0
    orbit_k: NotNegative = 0.2
    day_k: NotNegative = 0.0
    slow_k: NotNegative = 0.5


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
    stays in a nitrogen balance. Beside it the air of each place can be up to some `wander_k` warmer
    or colder than where its thermometer hangs, smoothly and for about `wander_h` hours; that ends.
    """

    oxygen: NotNegative = 0.1
    carbon_dioxide: NotNegative = 0.005
    water: NotNegative = 0.015
    temperature: NotNegative = 0.06
    unseen: NotNegative = 0.02
    wander_k: NotNegative = 0.0
    wander_h: Positive = 6.0


class RandomGaps(Model):
    """Losses of signal at random: how often, how long, and how many are sent afterwards."""

    every_h: Positive
    minutes: tuple[Positive, Positive]
    buffered_fraction: Share = 0.0


class Scenario(Model):
    """A station and what happens to it.

    `faults` are those of all channels. `drawn` is what the seed chose where the file leaves a
    choice, by key path.
    """

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
    loops: dict[str, Loop] = Field(default_factory=dict)
    hatches: dict[str, Hatch] = Field(default_factory=dict)
    channels: dict[str, Channel]
    leaks: dict[str, Leak] = Field(default_factory=dict)
    vehicles: dict[str, Vehicle] = Field(default_factory=dict)
    air: Air = Air()
    life_support: LifeSupport
    drift: Drift = Drift()
    signal_gaps: RandomGaps | None = None
    faults: list[StandingFault] = Field(default_factory=list)
    timeline: list[AnyEntry] = Field(default_factory=list)
    drawn: dict[str, Any] = Field(default_factory=dict)

    def free_volume_m3(self, section: str) -> float:
        """Give the gas volume of a section or vehicle.

        The usual fraction of 0.9 follows from the gas budgets in the ISS status reports of 9
        January and of September 2004.
        """
        if section in self.vehicles:
            return self.vehicles[section].volume_m3 * self.free_fraction
        shape = self.sections[section]
        return shape.volume_m3 * (shape.free_fraction or self.free_fraction)
