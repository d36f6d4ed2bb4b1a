"""What a config file may say of everything outside the daemon: servers, files and its log."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator

from service.core.events import Severity
from service.errors import InputError
from service.settings.fields import Count, NotNegative, Part, Port, Positive, Text, Url, fault
from service.sources.topics import TopicTemplate


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
