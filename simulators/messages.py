"""Rows of the activity table as dicts, with times as Unix seconds."""

from collections.abc import Sequence
from typing import Any, Final

from simulators.entries import Entry

Message = dict[str, Any]

_LASTING: Final = frozenset(
    {
        "crew",
        "oxygen_generation",
        "co2_removal",
        "hatch",
        "thermal_setpoint",
        "docking",
        "undocking",
    }
)


def message_of(entry: Entry, at_s: float | None = None, **fields: Any) -> Message:
    """Say something about an entry at its own or another time."""
    time_s = entry.at.timestamp() if at_s is None else at_s
    late = {"received": time_s + entry.message_delay_s} if entry.message_delay_s else {}
    return {"time": time_s, **late, **fields}


def arrival_s(message: Message) -> float:
    """Tell when a message arrives: as `received` says, else at its own time."""
    return float(message["received"] if "received" in message else message["time"])


def standing(messages: Sequence[Message], at_s: float) -> list[Message]:
    """Repeat, as said at a time, the last word on everything that was told before and still holds.

    Examples
    --------
    >>> crew = {"activity": "crew", "state": "value"}
    >>> standing([crew | {"time": 1.0, "value": 7}, crew | {"time": 2.0, "value": 11}], 5.0)
    [{'activity': 'crew', 'state': 'value', 'time': 5.0, 'value': 11}]
    """
    kept: dict[tuple[str | None, ...], Message] = {}
    for message in messages:
        name = message["activity"]
        passing = name not in _LASTING or message["state"] in ("start", "stop")
        if passing or arrival_s(message) >= at_s:
            continue
        about = "port" if name in ("docking", "undocking") else name
        key = (about, message.get("section"), message.get("hatch"))
        kept[key] = {k: v for k, v in message.items() if k != "received"} | {"time": at_s}
    return [message for message in kept.values() if message["activity"] != "undocking"]
