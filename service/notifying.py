"""Builds from the settings whatever tells people and programs of alerts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from apprise import Apprise

from service.brokers import Broker, TlsFiles
from service.clock import Clock
from service.core.monitor import Monitor
from service.errors import Fault
from service.outputs.alert_topics import AlertTopicsOutput
from service.outputs.alertmanager import AlertmanagerOutput
from service.outputs.base import Output
from service.outputs.heartbeat import HeartbeatOutput
from service.outputs.messages import MessageOutput, Target, service_of
from service.outputs.webhook import Receiver, WebhookOutput
from service.settings.connections import Mqtt, Notify
from service.settings.references import did_you_mean
from service.settings.schema import Settings
from service.storage.recovery import Memory

EXAMPLE: Final = "such as mailtos://user:password@mail.example?to=watch@iss.example"


@dataclass(frozen=True, slots=True)
class _Address:
    """One service of one target, under the name of its output."""

    name: str
    service: Apprise
    target: Target


def notifying_faults(settings: Settings) -> list[Fault]:
    """Return what is wrong with the people to tell; no address is named in it."""
    classes = {rule.notification for rule in settings.rules if rule.notification}
    classes |= {step.notification for chain in settings.escalation.values() for step in chain}
    faults = []
    for name, notify in settings.notify.items():
        for told in notify.classes:
            if told not in classes:
                problem = f"no rule and no escalation tells the class {told!r}"
                remedy = did_you_mean(told, sorted(classes)) if classes else "leave it out"
                faults.append(Fault(f"notify.{name}.classes", problem, remedy))
        lines = _lines(notify)
        if not lines:
            problem, remedy = "no address in the secret file", f"write one a line, {EXAMPLE}"
            faults.append(Fault(f"notify.{name}.urls", problem, remedy))
        faults += [
            Fault(
                f"notify.{name}.urls",
                f"line {number} is no address that Apprise knows",
                f"write it {EXAMPLE}",
            )
            for number, line in lines.items()
            if service_of(line) is None
        ]
    return faults


def _addresses(settings: Settings) -> Iterator[_Address]:
    """Yield each service of each target; a name has a number from the second service on."""
    for name, notify in settings.notify.items():
        target = Target(
            classes=frozenset(notify.classes), least=notify.least, repeat_s=notify.repeat_s
        )
        for number, line in enumerate(_lines(notify).values(), start=1):
            service = service_of(line)
            assert service is not None  # checked before
            yield _Address(
                f"notify-{name}" if number == 1 else f"notify-{name}-{number}", service, target
            )


def _lines(notify: Notify) -> dict[int, str]:
    """Return the addresses of a target by their lines."""
    lines = enumerate(notify.urls.get_secret_value().splitlines(), start=1)
    return {number: text for number, line in lines if (text := line.strip())}


def notifiers(
    settings: Settings,
    monitor: Monitor,
    memory: Memory | None,
    clock: Clock,
    is_well: Callable[[], bool],
) -> list[Output]:
    """Return the outputs that tell of alerts; `is_well` says whether the heart beats."""
    found: list[Output] = []
    rules = {rule.name: rule for rule in monitor.policy.rules}
    if settings.mqtt is not None and settings.mqtt.alert_topic is not None:
        found.append(
            AlertTopicsOutput(
                broker_of(settings.mqtt),
                topic=settings.mqtt.alert_topic.replace("{station}", settings.station),
                view=monitor.view,
                jitter=np.random.default_rng().random,
            )
        )
    if settings.alertmanager is not None:
        urls = settings.alertmanager.urls
        found += [
            AlertmanagerOutput(
                url,
                name="alertmanager" if len(urls) == 1 else f"alertmanager-{number}",
                station=settings.station,
                view=monitor.view,
                rules=rules,
                resend_s=settings.alertmanager.resend_s,
                clock=clock,
            )
            for number, url in enumerate(urls, start=1)
        ]
    if settings.webhook is not None:
        assert memory is not None  # the settings ask for it
        receiver = Receiver(
            url=settings.webhook.url,
            secret=settings.webhook.secret.get_secret_value(),
            least=settings.webhook.least,
            repeat_s=settings.webhook.repeat_s,
        )
        found.append(
            WebhookOutput(
                receiver,
                station=settings.station,
                view=monitor.view,
                outbox=memory,
                clock=clock,
            )
        )
    for address in _addresses(settings):
        assert memory is not None  # the settings ask for it
        found.append(
            MessageOutput(
                address.name,
                address.service,
                address.target,
                station=settings.station,
                view=monitor.view,
                outbox=memory,
                clock=clock,
            )
        )
    if settings.heartbeat is not None:
        beat = settings.heartbeat
        found.append(HeartbeatOutput(beat.url, every_s=beat.every_s, is_well=is_well))
    return found


def broker_of(mqtt: Mqtt) -> Broker:
    """Return how to meet the broker of the settings."""
    tls = mqtt.tls
    return Broker(
        host=mqtt.host,
        port=mqtt.port,
        protocol=mqtt.protocol,
        client_id=mqtt.client_id,
        username=mqtt.username,
        password=mqtt.password.get_secret_value() if mqtt.password else None,
        tls=None
        if tls is None
        else TlsFiles(
            ca=str(tls.ca_path) if tls.ca_path else None,
            certificate=str(tls.cert_path) if tls.cert_path else None,
            key=str(tls.key_path) if tls.key_path else None,
        ),
        keepalive_s=mqtt.keepalive_s,
        receive_maximum=mqtt.receive_maximum,
        session_expiry_s=mqtt.session_expiry_s,
    )
