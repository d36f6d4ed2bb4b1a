"""What a config file may say: every key, its unit, its meaning and its default.

Of the core this module knows only the words, so that each list of words stands once.
"""

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from service.core.events import Severity
from service.core.intake import ClockMode
from service.core.station import VACUUM, ChannelKind, HatchState, dimension_of
from service.core.units import UnknownUnitError, unit_of
from service.errors import InputError
from service.settings.fields import (
    Count,
    Name,
    NotNegative,
    Number,
    Part,
    Port,
    Positive,
    Text,
    Url,
    fault,
)
from service.settings.rules import DEFAULT_RULES, Override, Rule
from service.sources.topics import TopicTemplate

PREFIX: Final = "HULLWATCH_"  # of the environment variables


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
        description=f"the two sections it joins, or one of them and {VACUUM}"
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


class Growth(Part):
    """How sure a leak growth must be."""

    false_alarm_interval_days: Positive = Field(
        default=90.0, description="mean time between false growth alerts of the station, days"
    )


class Floors(Part):
    """The pressures to which reserve times count."""

    # 490 mmHg: ISS Emergency Operations book; 719 and 734: NASA ISS status reports, January 2004
    evacuation_mmhg: Positive = Field(
        default=490.0, description="pressure at which the crew leaves, mmHg"
    )
    certification_mmhg: Positive = Field(
        default=719.0, description="pressure below which equipment is not certified, mmHg"
    )
    flight_rule_mmhg: Positive = Field(
        default=734.0, description="lower limit of the flight rules, mmHg"
    )


class Time(Part):
    """Which times of readings are believed."""

    plausible_past_days: Positive = Field(
        default=31.0, description="how late a reading may come and be believed, days"
    )
    plausible_ahead_s: Positive = Field(
        default=300.0, description="how far ahead of the clock a reading may be, s"
    )
    stale_s: Positive = Field(
        default=7800.0,  # the public feed sends changes only, up to 115 min apart
        description="how long a channel may be silent before it is unknown, s",
    )


class Estimates(Part):
    """How often estimates are written out."""

    every_s: Positive = Field(default=600.0, description="spacing of the rows of estimates, s")


class Tls(Part):
    """An encrypted connection; empty = trust what the system trusts."""

    ca_path: Path | None = Field(default=None, description="authorities to trust, a PEM file")
    cert_path: Path | None = Field(default=None, description="client certificate, a PEM file")
    key_path: Path | None = Field(default=None, description="key of the certificate, a PEM file")

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.cert_path is None) != (self.key_path is None):
            raise fault("has one of cert_path and key_path", "give both or none")
        return self


def _version_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) else value  # YAML reads a bare 5 as a number


class Step(Part):
    """Who is told next of an alert that nobody acknowledges."""

    after_s: Positive = Field(
        description="how long after the alert asked for attention, unacknowledged, s"
    )
    notification: Text = Field(description="the class of those who are told then")


def _check_steps(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    for step, later in pairwise(steps):
        if later.after_s <= step.after_s:
            problem = f"{later.notification} is not told later than {step.notification}"
            raise fault(problem, "put the steps in the order of their after_s")
    return steps


Chain = Annotated[tuple[Step, ...], Field(min_length=1), AfterValidator(_check_steps)]


class Mqtt(Part):
    """The broker that telemetry comes from."""

    host: Text = Field(description="host name or address of the broker")
    port: Port = Field(default=1883, description="port of the broker; with TLS mostly 8883")
    protocol: Annotated[Literal["5", "3.1.1"], BeforeValidator(_version_text)] = Field(
        default="5", description="version of MQTT: 5 or 3.1.1"
    )
    client_id: Text = Field(
        default="hullwatch",
        description="name of the session at the broker; two daemons must not share it",
    )
    username: str | None = Field(default=None, description="user at the broker")
    password: SecretStr | None = Field(default=None, description="password at the broker")
    tls: Tls | None = Field(default=None, description="encryption; {} = as the system trusts")
    keepalive_s: Count = Field(
        default=15, ge=1, le=65535, description="a dead link is noticed after twice this time, s"
    )
    receive_maximum: Count = Field(
        default=100, ge=1, le=65535, description="messages under way at once (MQTT 5)"
    )
    session_expiry_s: Count = Field(
        default=7 * 86400,
        ge=0,
        le=2**32 - 1,
        description="how long the broker keeps messages for a daemon that is away, s (MQTT 5)",
    )
    telemetry_topic: Text = Field(
        default="{station}/{section}/{quantity}", description="template of the telemetry topics"
    )
    activity_topic: Text = Field(
        default="{station}/activity", description="template of the activity topic"
    )
    alert_topic: Text | None = Field(
        default=None,
        description="where alerts are published, such as hullwatch/{station}; absent = nowhere",
    )
    max_payload_bytes: Count = Field(
        default=2**20, ge=1, description="larger messages are refused, bytes"
    )

    @field_validator("telemetry_topic", "activity_topic")
    @classmethod
    def _template_is_sound(cls, template: str) -> str:
        try:
            TopicTemplate(template, station="station")
        except InputError as error:
            raise fault(error.fault.problem, error.fault.remedy) from None
        return template

    @model_validator(mode="after")
    def _password_has_user(self) -> Self:
        if self.password is not None and not self.username:
            raise fault("has a password but no username", "add username")
        return self


class Influx(Part):
    """The InfluxDB 2 server that samples, estimates and alert events go to."""

    url: Url = Field(description="address of the server, such as http://localhost:8086")
    org: Text = Field(description="organisation")
    bucket: Text = Field(description="bucket to write to")
    token: SecretStr = Field(description="token that may write to the bucket")
    dead_letter_path: Path | None = Field(
        default=None, description="file for the lines that the server refuses; absent = none"
    )


class Alertmanager(Part):
    """The Alertmanager that is kept informed of the active alerts."""

    urls: tuple[Url, ...] = Field(
        min_length=1, description="address of each replica, such as http://localhost:9093"
    )
    resend_s: Positive = Field(
        default=60.0,
        description="active alerts are sent again after this; four fail before they end",
    )


class Webhook(Part):
    """A receiver of announcements; needs `state`, so that none is lost."""

    url: Url = Field(description="where each announcement is posted, in order")
    secret: SecretStr = Field(description="what the announcements are signed with")
    least: Severity = Field(
        default=Severity.CAUTION, description="the mildest severity that is sent"
    )
    repeat_s: NotNegative = Field(
        default=900.0,
        description="what nobody has acknowledged is sent again after this; 0 = never, s",
    )


class Notify(Part):
    """People who are told by e-mail, chat or phone; needs `state`, so that nothing is lost."""

    urls: SecretStr = Field(description="Apprise addresses of their services, one a line")
    classes: tuple[Text, ...] = Field(
        default=(), description="classes of notification they are told of; empty = all"
    )
    least: Severity = Field(
        default=Severity.CAUTION, description="the mildest severity that they are told of"
    )
    repeat_s: NotNegative = Field(
        default=900.0,
        description="what nobody has acknowledged is told again after this; 0 = never, s",
    )


class Heartbeat(Part):
    """A dead man's switch elsewhere, which raises an alarm when it hears nothing."""

    url: Url = Field(description="address that is asked for, in vain or not")
    every_s: Positive = Field(default=60.0, description="time between two beats, s")


class Http(Part):
    """Where metrics, health checks and the status page are served."""

    host: Text = Field(default="127.0.0.1", description="address to listen on; 0.0.0.0 = all")
    port: Port = Field(default=9464, description="port to listen on; 0 = any free one")
    viewer_token: SecretStr | None = Field(
        default=None, description="token that may look; without it everybody may"
    )
    operator_token: SecretStr | None = Field(
        default=None, description="token that may act on alerts; without it this machine alone may"
    )


class Capture(Part):
    """Files that keep what came in."""

    path: Path | None = Field(
        default=None, description="file for accepted samples, readable by replay; absent = none"
    )
    quarantine_path: Path | None = Field(
        default=None, description="file for refused messages; absent = none"
    )


class State(Part):
    """What survives a restart."""

    path: Path = Field(description="file for estimates, alerts and what was done to them")


class Log(Part):
    """What the log says and how it looks."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="the least that is logged"
    )
    format: Literal["auto", "json", "console"] = Field(
        default="auto", description="json, console, or auto: console on a terminal"
    )


class Settings(BaseSettings):
    """A whole config: the station, how it is watched, and what the daemon talks to.

    Made from plain values only; `load` joins file, environment and secret files, because it also
    has to say which of them a fault came from.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
    )

    station: Name = Field(description="name of the station, first level of its topics")
    clock: ClockMode = Field(
        default=ClockMode.WALL,
        description="wall, or event: now is the highest accepted event time (replay, demo)",
    )
    accepted_leak_kg_per_day: NotNegative = Field(
        default=0.27,  # nominal loss of the ISS in 2019, NASA ISS status reports of 2020
        description="old, known loss of the whole station, above which leak rates count, kg/day",
    )
    sections: dict[Name, Section] = Field(
        min_length=1, description="the compartments by name, each with its volume_m3"
    )
    loops: dict[Name, Loop] = Field(
        default={}, description="the coolant loops by name, each with its floor_kg"
    )
    hatches: dict[Name, Hatch] = Field(
        default={}, description="the hatches by name, each with between: [section, section]"
    )
    channels: dict[Name, Channel] = Field(
        min_length=1, description="the channels by name, each with section, kind and unit"
    )
    rules: tuple[Rule, ...] = Field(
        default=DEFAULT_RULES, description="the alert rules; absent = the shipped set"
    )
    rule_files: tuple[Path, ...] = Field(
        default=(),
        description="files with further rules, from the folder of the config; with them and without "
        "rules, the shipped set does not hold",
    )
    rule_overrides: tuple[Override, ...] = Field(
        default=(), description="what some of the rules do differently, without repeating the rest"
    )
    escalation: dict[Severity, Chain] = Field(
        default={}, description="severity to whom to tell next when nobody acknowledges"
    )
    modes: tuple[Name, ...] = Field(
        default=(), description="modes of the station, first that of the start; rules name them"
    )
    growth: Growth = Field(default=Growth(), description="how sure a leak growth must be")
    floors: Floors = Field(default=Floors(), description="pressures that reserve times count to")
    time: Time = Field(default=Time(), description="which times of readings are believed")
    estimates: Estimates = Field(default=Estimates(), description="how often estimates are written")
    single_sensor_emergency: bool = Field(
        default=False, description="whether one sensor alone may raise an emergency"
    )
    mqtt: Mqtt | None = Field(default=None, description="broker to listen to; absent = none")
    influx: Influx | None = Field(default=None, description="InfluxDB to write to; absent = none")
    alertmanager: Alertmanager | None = Field(
        default=None, description="Alertmanager to inform; absent = none"
    )
    webhook: Webhook | None = Field(default=None, description="receiver to tell; absent = none")
    notify: dict[Name, Notify] = Field(
        default={}, description="people to tell by name, each with the secret urls"
    )
    heartbeat: Heartbeat | None = Field(
        default=None, description="dead man's switch to feed; absent = none"
    )
    http: Http = Field(default=Http(), description="where metrics and the page are served")
    capture: Capture = Field(default=Capture(), description="files that keep what came in")
    state: State | None = Field(
        default=None, description="where the daemon remembers; absent = it begins anew each time"
    )
    log: Log = Field(default=Log(), description="what the log says and how it looks")

    @model_validator(mode="after")
    def _notifications_are_of_now(self) -> Self:
        told = self.alertmanager or self.webhook or self.notify
        if self.clock is ClockMode.EVENT and told:
            raise fault(
                "clock: event would notify people of what is replayed, not of what is now",
                "use clock: wall, or leave alertmanager, webhook and notify out",
            )
        if (self.webhook or self.notify) and not self.state:
            raise fault(
                "webhook and notify need a state file, or announcements would be lost",
                "add state: {path: ...}",
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the one source there is: the values given."""
        return (init_settings,)
