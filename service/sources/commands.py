"""Reads what a person did to an alert from its record in a capture."""

from collections.abc import Mapping
from math import isfinite

from service.core.commands import Command
from service.core.events import Order
from service.sources.base import RejectReason

TEXTS = ("command_id", "who", "why", "alert_id", "rule", "atmosphere", "mode")
OPTIONAL = frozenset({"alert_id", "rule", "atmosphere", "mode"})


def read_command(record: Mapping[str, object]) -> Command | tuple[RejectReason, str]:
    """Return the command, or the reason why the record is none and what is wrong.

    Examples
    --------
    >>> told = {"command": "acknowledge", "received": 5.0, "command_id": "1", "alert_id": "a"}
    >>> read_command({**told, "who": "kim", "why": "seen"}).order.value
    'acknowledge'
    >>> read_command({**told, "command": "set_mode", "who": "kim", "why": "eva", "mode": "eva"}).mode
    'eva'
    >>> read_command(told)[1]
    "a command needs who as a text under the key 'who'"
    """
    order = record.get("command")
    if order not in set(Order):
        return RejectReason.MALFORMED, f"there is no command {order!r:.80}"
    received_s = _number(record.get("received"))
    if received_s is None:
        return RejectReason.BAD_TIME, "a command needs its arrival, in Unix seconds, as 'received'"
    texts: dict[str, str] = {}
    for key in TEXTS:
        text = record.get(key, "" if key in OPTIONAL else None)
        if not isinstance(text, str):
            return RejectReason.MALFORMED, f"a command needs {key} as a text under the key {key!r}"
        texts[key] = text
    lasting_s = _number(record.get("lasting_s"))
    if (order == Order.SHELVE) != (lasting_s is not None):
        return RejectReason.MALFORMED, "a shelf, and nothing else, needs how long as 'lasting_s'"
    if (order == Order.SET_MODE) != bool(texts["mode"]):
        return RejectReason.MALFORMED, "a change of mode, and nothing else, needs it as 'mode'"
    return Command(received_s=received_s, order=Order(str(order)), lasting_s=lasting_s, **texts)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        return None
    return float(value)
