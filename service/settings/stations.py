"""What a config file may say of a station: its sections, loops, hatches and channels."""

from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from service.core.station import VACUUM, ChannelKind, HatchState, dimension_of
from service.core.units import UnknownUnitError, unit_of
from service.settings.fields import Name, NotNegative, Number, Part, Positive, fault


def _check_unit(unit: str, dimension: str | None) -> None:
    try:
        unit_of(unit, dimension)
    except UnknownUnitError as error:
        problem, _, remedy = str(error).partition("; ")
        raise fault(problem, remedy) from None


class Section(Part):
    """One pressurisable compartment."""

    volume_m3: Positive = Field(description="free gas volume, m3")
    volume_sd_m3: Positive | None = Field(
        default=None, description="its standard error, m3; absent = 10 % of it"
    )


class Loop(Part):
    """One loop of coolant with its accumulator."""

    floor_kg: Positive = Field(
        description="what the accumulator must hold at least for the pump to run, kg"
    )
    coolant_kg: Positive | None = Field(
        default=None,
        description="all liquid in pipes and accumulator, kg; absent = expansion is not taken out",
    )
    accumulator_l: Positive | None = Field(
        default=None,
        description="volume of the accumulator, L; needed for a quantity in percent or a pressure",
    )
    precharge_kpa: Positive | None = Field(
        default=None,
        description="pressure of its gas with no liquid, at 20 degC, kPa; needed for a pressure",
    )
    # Water at 20 degC, CRC Handbook of Chemistry and Physics
    density_kg_per_m3: Positive = Field(
        default=998.2, description="density of the liquid at 20 degC, kg/m3; water"
    )
    expansion_per_k: NotNegative = Field(
        default=2.1e-4, description="share by which it expands for each kelvin, 1/K; water"
    )


class Hatch(Part):
    """A door between two sections, or between a section and vacuum."""

    between: tuple[Name, Name] = Field(
        description=f"the two sections it joins, or one of them and the word {VACUUM}"
    )
    state: HatchState = Field(
        default=HatchState.OPEN,
        description="open, closed or unknown at the start; unknown counts as open",
    )

    @field_validator("between")
    @classmethod
    def _two_sides(cls, between: tuple[str, str]) -> tuple[str, str]:
        if between[0] == between[1]:
            raise fault("joins a section with itself", "name two different sections")
        return between


class Meaning(Part):
    """What the readings of a state channel report."""

    activity: Literal[
        "valve",
        "pump",
        "vent",
        "repressurisation",
        "co2_removal",
        "docking",
        "crew",
        "oxygen_generation",
    ] = Field(description="the activity that it reports; crew as a count, oxygen as a rate")
    on: tuple[Number, ...] = Field(
        default=(), description="readings that mean open, running or docked"
    )
    off: tuple[Number, ...] = Field(
        default=(), description="readings that mean shut, stopped or free; all others are unknown"
    )
    unit: str | None = Field(default=None, description="unit of a rate, such as lb/day")

    @model_validator(mode="after")
    def _is_told_one_way(self) -> Self:
        is_rate, is_count = self.activity == "oxygen_generation", self.activity == "crew"
        if is_count and (self.on or self.off):
            raise fault("has on or off beside a count", "leave them out, the reading is the count")
        if bool(self.on) == bool(self.unit) and not is_count:
            remedy = "give on: [1] or a unit such as lb/day" if is_rate else "give on: [1]"
            raise fault("needs the readings that mean on", remedy)
        if self.unit is not None and not is_rate:
            raise fault("has a unit and is no rate", "leave the unit out")
        if set(self.on) & set(self.off):
            raise fault("has a reading both on and off", "leave it in one of them")
        return self

    @field_validator("unit")
    @classmethod
    def _unit_is_a_rate(cls, unit: str | None) -> str | None:
        if unit is not None:
            _check_unit(unit, "mass_rate")
        return unit


class Channel(Part):
    """One measured quantity at one place."""

    section: Name = Field(description="the section or loop it is measured in")
    kind: ChannelKind = Field(description="what it measures")
    unit: str = Field(description="the unit of its readings where a message names none")
    noise: NotNegative | None = Field(
        default=None, description="standard deviation in its own unit; learned if absent"
    )
    step: NotNegative | None = Field(
        default=None, description="quantisation step in its own unit; learned if absent"
    )
    period_s: Positive | None = Field(
        default=None, description="usual time between readings, s; learned if absent"
    )
    means: Meaning | None = Field(
        default=None, description="what a state reports; absent = nothing"
    )

    @field_validator("unit")
    @classmethod
    def _unit_fits_kind(cls, unit: str, info: ValidationInfo) -> str:
        kind = info.data.get("kind")
        _check_unit(unit, dimension_of(kind, unit) if kind else None)
        return unit

    @model_validator(mode="after")
    def _only_states_mean_something(self) -> Self:
        if self.means is not None and self.kind is not ChannelKind.STATE:
            raise fault("means an activity and is no state", "set kind: state, unit: state")
        return self
