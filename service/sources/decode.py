"""Turns payloads into readings, activities or the reasons why they are neither."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import orjson
from numpy.typing import NDArray

from service.core.samples import Activity, Quality
from service.core.station import Station
from service.sources.activities import read_activity
from service.sources.base import KEPT_BYTES, Delivery, Rejected, RejectReason
from service.sources.columns import (
    ABSENT,
    EXPLANATIONS,
    QUALITY_CODES,
    REASONS,
    UNIT_CODES,
    UNKNOWN,
    ChannelTable,
    Codes,
    Columns,
    Faults,
    codes_of,
    numbers_of,
    times_of,
)
from service.sources.topics import TopicTemplate

KEYS: Final = ("channel", "time", "value", "unit", "quality")
MAX_PAYLOAD_BYTES: Final = 2**20  # some 25 000 readings as columns; more in one message is a fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One payload as it came.

    Attributes
    ----------
    is_repeat : bool
        Whether it was sent before or kept for late comers, so that the arrival says nothing of
        when it was measured. Its readings without a time of their own count as held.
    """

    topic: str
    payload: bytes
    received_s: float
    is_repeat: bool = False


class Decoder:
    """Knows the channels and topics of one station; keeps nothing between calls.

    A payload is a number, an object with the keys of the telemetry table, an array of such
    objects, or one object with equally long arrays under these keys.
    """

    def __init__(
        self,
        station: Station,
        *,
        telemetry: TopicTemplate,
        activity: TopicTemplate,
        max_payload_bytes: int = MAX_PAYLOAD_BYTES,
    ) -> None:
        self._table = ChannelTable(station)
        self._telemetry = telemetry
        self._activity = activity
        self._max_payload_bytes = max_payload_bytes

    def decode(self, messages: Sequence[Message]) -> Delivery:
        """Return what the messages hold, in their order; never raises for what they hold."""
        parts: list[Delivery] = []
        rows: list[tuple[dict[str, object], int]] = []
        for number, message in enumerate(messages):
            document = self._parse(message)
            if isinstance(document, Rejected):
                parts.append(Delivery(rejected=(document,)))
            elif self._activity.matches(message.topic):
                parts.append(_activities(document, message))
            elif isinstance(document, list):
                objects = [item for item in document if isinstance(item, dict)]
                rows += [(item, number) for item in objects]
                if strays := len(document) - len(objects):
                    detail = "an item of the array is not an object with a value"
                    refused = _refused(RejectReason.MALFORMED, detail, message, strays)
                    parts.append(Delivery(rejected=(refused,)))
            elif not isinstance(document, dict):
                rows.append(({"value": document}, number))
            elif any(isinstance(document.get(key), list) for key in KEYS):
                parts += [self._from_rows(rows, messages), self._from_columns(document, message)]
                rows = []
            else:
                rows.append((document, number))
        parts.append(self._from_rows(rows, messages))
        return Delivery.joined(parts)

    def _parse(self, message: Message) -> object:
        if len(message.payload) > self._max_payload_bytes:
            return _refused(
                RejectReason.TOO_LARGE,
                f"{len(message.payload)} bytes; send at most {self._max_payload_bytes}",
                message,
            )
        try:
            return parse_json(message.payload)
        except ValueError as exc:
            return _refused(RejectReason.MALFORMED, f"not JSON: {exc}", message)

    def _from_rows(
        self, rows: Sequence[tuple[dict[str, object], int]], messages: Sequence[Message]
    ) -> Delivery:
        if not rows:
            return Delivery()
        cells: dict[str, object] = {
            key: [row.get(key) for row, _ in rows]
            for key in KEYS
            if key == "value" or any(key in row for row, _ in rows)
        }
        return self._read(cells, messages, np.array([number for _, number in rows]))

    def _from_columns(self, document: dict[str, object], message: Message) -> Delivery:
        lengths = {len(column) for k in KEYS if isinstance(column := document.get(k), list)}
        if len(lengths) > 1:
            detail = f"the arrays of an object are of different lengths: {sorted(lengths)}"
            return Delivery(rejected=(_refused(RejectReason.MALFORMED, detail, message),))
        return self._read(document, [message], np.zeros(lengths.pop(), np.intp))

    def _read(
        self, cells: dict[str, object], messages: Sequence[Message], origin: NDArray[np.intp]
    ) -> Delivery:
        """Read columns of equal length; `origin` tells of each row in which message it came."""
        received_s = np.array([message.received_s for message in messages], np.float64)[origin]
        value, value_fault = numbers_of(cells.get("value"), len(origin))
        time_s, time_fault = times_of(cells.get("time"), received_s)
        channel = codes_of(cells.get("channel"), self._table.codes, len(origin))
        if (unnamed := channel == ABSENT).any():
            channel[unnamed] = self._channels(messages)[origin[unnamed]]
        quality = codes_of(cells.get("quality"), QUALITY_CODES, len(origin))
        if any(message.is_repeat for message in messages):
            repeated = np.array([message.is_repeat for message in messages])[origin]
            quality[repeated & (time_s == received_s) & (quality == Quality.GOOD)] = Quality.HELD
        samples, faults = self._table.settle(
            Columns(
                channel=channel,
                time_s=time_s,
                received_s=received_s,
                value=value,
                unit=codes_of(cells.get("unit"), UNIT_CODES, len(origin)),
                quality=quality,
                time_fault=time_fault,
                value_fault=value_fault,
            )
        )
        if not faults.any():
            return Delivery(samples=samples)
        return Delivery(samples=samples, rejected=_refusals(cells, messages, origin, faults))

    def _channels(self, messages: Sequence[Message]) -> Codes:
        """Return the channel that the topic of each message names."""
        by_topic: dict[str, int] = {}
        for topic in {message.topic for message in messages}:
            name = self._telemetry.channel(topic)
            by_topic[topic] = self._table.codes.get(name, UNKNOWN) if name else UNKNOWN
        return np.array([by_topic[message.topic] for message in messages], np.int32)


def parse_json(payload: bytes | str) -> object:
    """Return the document; NaN and Infinity in it cost their reading and not the payload.

    Raises
    ------
    ValueError
        If it is not JSON.
    """
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as exc:
        try:
            return json.loads(payload)
        except (ValueError, RecursionError):
            raise exc from None


def _activities(document: object, message: Message) -> Delivery:
    activities: list[Activity] = []
    faults: dict[RejectReason, list[str]] = {}
    for record in document if isinstance(document, list) else [document]:
        read = read_activity(record, received_s=message.received_s)
        if isinstance(read, Activity):
            activities.append(read)
        else:
            faults.setdefault(read[0], []).append(read[1])
    rejected = [_refused(why, said[0], message, len(said)) for why, said in faults.items()]
    return Delivery(activities=tuple(activities), rejected=tuple(rejected))


def _refused(reason: RejectReason, detail: str, message: Message, count: int = 1) -> Rejected:
    return Rejected(
        reason=reason,
        detail=f"topic {message.topic:.200}: {detail}",
        raw=message.payload[:KEPT_BYTES],
        count=count,
    )


def _refusals(
    cells: dict[str, object],
    messages: Sequence[Message],
    origin: NDArray[np.intp],
    faults: Faults,
) -> tuple[Rejected, ...]:
    """Tell of every message once per reason, with its first bad item."""
    bad = np.flatnonzero(faults)
    kinds, first, counts = np.unique(
        np.stack([origin[bad], faults[bad]]), axis=1, return_index=True, return_counts=True
    )
    refused = []
    for (message, code), at, count in zip(kinds.T.tolist(), first, counts.tolist(), strict=True):
        item = {
            key: column[bad[at]] if isinstance(column, list) else column
            for key in KEYS
            if (column := cells.get(key)) is not None
        }
        reason = REASONS[code] or RejectReason.MALFORMED
        detail = f"{EXPLANATIONS[reason]}: {item!r:.300}"
        refused.append(_refused(reason, detail, messages[message], count))
    return tuple(refused)
