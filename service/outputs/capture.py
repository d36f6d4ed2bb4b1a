"""Records what came in: good readings so that they can be replayed, refused ones for inspection."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from service.core.commands import Command
from service.core.samples import Activity, Quality, SampleBatch
from service.core.station import Station, dimension_of
from service.core.units import SI_UNIT
from service.core.views import Outcome
from service.outputs.appender import Appender, Chunk
from service.outputs.base import OutputStatus

PAYLOAD_BYTES: Final = 4096  # enough to see what was sent, and 10 MB payloads stay harmless
QUARANTINE_BYTES: Final = 32 * 1024 * 1024  # of two files together
QUALITY_WORD: Final = [quality.name.lower() for quality in Quality]


class Capture:
    """Writes readings, activities and commands with their arrival times as a telemetry table.

    Values are SI with their `unit` and times are Unix seconds, both written so that reading them
    back gives the very same floats: a replay of the file decides as the live service did.
    """

    def __init__(self, *, path: Path, station: Station, name: str = "capture") -> None:
        self.name = name
        self._file = Appender(name=name, path=path)
        self._channels = [channel.name for channel in station.channels]
        self._units = [
            SI_UNIT[dimension_of(channel.kind, channel.unit)] for channel in station.channels
        ]

    @property
    def status(self) -> OutputStatus:
        """The counters, live."""
        return self._file.status

    def publish(self, samples: SampleBatch, outcome: Outcome) -> None:  # noqa: ARG002  inputs only
        """Queue the readings."""
        if len(samples):
            self._file.append(Chunk(len(samples), lambda: self._sample_lines(samples)))

    def declare(self, activities: Sequence[Activity]) -> None:
        """Queue the activity messages."""
        if activities:
            kept = tuple(activities)
            self._file.append(Chunk(len(kept), lambda: b"".join(map(_activity_line, kept))))

    def command(self, command: Command) -> None:
        """Queue what somebody did to an alert."""
        self._file.append(Chunk(1, lambda: _command_line(command)))

    async def run(self) -> None:
        """Write what is queued until cancelled."""
        await self._file.run()

    async def drain(self) -> None:
        """Return when everything queued is in the file."""
        await self._file.drain()

    def _sample_lines(self, samples: SampleBatch) -> bytes:
        columns = zip(
            samples.time_s.tolist(),
            samples.channel.tolist(),
            samples.value.tolist(),
            samples.quality.tolist(),
            samples.received_s.tolist(),
            strict=True,
        )
        return b"".join(
            _line(
                {
                    "time": time_s,
                    "channel": self._channels[channel],
                    "value": value,
                    "unit": self._units[channel],
                    "quality": QUALITY_WORD[quality],
                    "received": received_s,
                }
            )
            for time_s, channel, value, quality, received_s in columns
        )


class Quarantine:
    """Keeps refused payloads with the reason, in two files of bounded size."""

    def __init__(
        self, *, path: Path, name: str = "quarantine", keep_bytes: int = QUARANTINE_BYTES
    ) -> None:
        self.name = name
        self._file = Appender(
            name=name, path=path, rotate_at_bytes=keep_bytes // 2, queued_rows=10_000
        )

    @property
    def status(self) -> OutputStatus:
        """The counters, live."""
        return self._file.status

    def keep(
        self, *, received_s: float, source: str, place: str, payload: bytes, reason: str
    ) -> None:
        """Queue a refused payload; only its first `PAYLOAD_BYTES` are kept.

        Parameters
        ----------
        place : str
            Where in the source it stood, such as a topic, or file and line, and what is wrong.
        """
        record = {
            "received": received_s,
            "source": source,
            "place": place,
            "reason": reason,
            "payload": payload[:PAYLOAD_BYTES].decode("utf-8", "backslashreplace"),
        }
        self._file.append(Chunk(1, lambda: _line(record)))

    def publish(self, samples: SampleBatch, outcome: Outcome) -> None:
        """Take nothing: what was accepted is no business of the quarantine."""

    async def run(self) -> None:
        """Write what is queued until cancelled."""
        await self._file.run()

    async def drain(self) -> None:
        """Return when everything queued is in the file."""
        await self._file.drain()


def _activity_line(activity: Activity) -> bytes:
    optional = {
        "section": activity.section,
        "hatch": activity.hatch,
        "state": activity.state,
        "value": activity.value,
        "unit": activity.unit,
        "gas": activity.gas,
    }
    return _line(
        {
            "time": activity.time_s,
            "activity": activity.name,
            **{key: value for key, value in optional.items() if value is not None},
            "received": activity.received_s,
        }
    )


def _command_line(command: Command) -> bytes:
    told = {
        "command": command.order.value,
        "command_id": command.command_id,
        "who": command.who,
        "why": command.why,
        "alert_id": command.alert_id,
        "rule": command.rule,
        "atmosphere": command.atmosphere,
        "lasting_s": command.lasting_s,
        "mode": command.mode or None,
        "received": command.received_s,
    }
    return _line({key: value for key, value in told.items() if value is not None})


def _line(record: dict[str, Any]) -> bytes:
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
