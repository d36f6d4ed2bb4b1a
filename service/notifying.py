"""Builds from the settings whatever tells people and programs of alerts."""

from collections.abc import Callable

import numpy as np

from service.brokers import Broker, TlsFiles
from service.clock import Clock
from service.core.monitor import Monitor
from service.outputs.alert_topics import AlertTopicsOutput
from service.outputs.alertmanager import AlertmanagerOutput
from service.outputs.base import Output
from service.outputs.heartbeat import HeartbeatOutput
from service.outputs.webhook import Receiver, WebhookOutput
from service.settings.schema import Mqtt, Settings
from service.storage.recovery import Memory


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
