"""Says where an MQTT broker is and how to meet it."""

import ssl
from dataclasses import dataclass, field
from typing import Literal

from service.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Paths of PEM files; None means the certificates of the machine, or no client certificate."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where the broker is and how to meet it.

    Attributes
    ----------
    client_id : str
        Names the session that the broker keeps for us, so it must be ours alone.
    receive_maximum : int
        Unacknowledged messages under way at once, MQTT 5 only; 3.1.1 leaves it to the broker.
    session_expiry_s : int
        How long the broker keeps messages for us while we are away, MQTT 5 only.
    retry_min_s, retry_max_s : float
        Pause before the first and the later attempts to reconnect; half of it is left to chance.
    """

    host: str
    port: int = 1883
    protocol: Literal["5", "3.1.1"] = "5"
    client_id: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: TlsFiles | None = None
    keepalive_s: int = 15
    receive_maximum: int = 100
    session_expiry_s: int = 7 * 86400
    retry_min_s: float = 0.5
    retry_max_s: float = 30.0


def tls_context(files: TlsFiles) -> ssl.SSLContext:
    """Return what encrypts a connection.

    Raises
    ------
    InputError
        If a file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=files.ca)
    except OSError as exc:
        raise InputError(
            f"tls ca {files.ca}", f"cannot be used: {exc}", "give a readable PEM file"
        ) from exc
    if files.certificate is not None:
        try:
            context.load_cert_chain(files.certificate, files.key)
        except OSError as exc:
            raise InputError(
                f"tls certificate {files.certificate} with key {files.key}",
                f"cannot be used: {exc}",
                "give readable PEM files that belong together",
            ) from exc
    return context
