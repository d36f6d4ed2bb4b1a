"""A whole config file: every key, its unit, its meaning and its default.

Of the core the modules of it know only the words, so that each list of words stands once.
"""

from pathlib import Path
from typing import Final, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from service.core.events import Severity
from service.core.intake import ClockMode
from service.settings.connections import (
    Alertmanager,
    Capture,
    Heartbeat,
    Http,
    Influx,
    Log,
    Mqtt,
    Notify,
    State,
    Webhook,
)
from service.settings.escalations import Chain
from service.settings.fields import Name, NotNegative, fault
from service.settings.judgements import Estimates, Floors, Growth, Time
from service.settings.rules import DEFAULT_RULES, Override, Rule
from service.settings.stations import Channel, Hatch, Loop, Section

PREFIX: Final = "HULLWATCH_"  # of the environment variables


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
