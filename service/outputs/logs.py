"""Writes one structured log line per fact to standard output."""

import logging
import re
import sys
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, Final, TextIO, cast

import orjson
import structlog

from service.core.events import (
    ActivityNoted,
    AlertEvent,
    AtmospheresChanged,
    CauseNamed,
    CommandTaken,
    Event,
    FreeVolumeEstimated,
    IncidentChanged,
    IsolationDoubted,
    IsolationTestBegan,
    IsolationTestJudged,
    SensorDoubted,
    SensorTrusted,
    Severity,
)
from service.core.samples import SampleBatch
from service.core.views import Outcome
from service.outputs.base import OutputStatus
from service.outputs.records import event_record

LEVEL_OF_SEVERITY: Final = {
    Severity.EMERGENCY: logging.CRITICAL,
    Severity.WARNING: logging.ERROR,
    Severity.CAUTION: logging.WARNING,
    Severity.ADVISORY: logging.INFO,
}
NAMES: Final[dict[type, str]] = {
    AtmospheresChanged: "atmosphere.changed",
    CauseNamed: "cause.named",
    ActivityNoted: "activity.noted",
    IsolationTestBegan: "isolation.began",
    IsolationTestJudged: "isolation.judged",
    IsolationDoubted: "isolation.doubted",
    SensorDoubted: "sensor.doubted",
    SensorTrusted: "sensor.trusted",
    FreeVolumeEstimated: "volume.estimated",
}
MESSAGE_KEY: Final = "message"  # the dotted name of a line
CONTRACT_EVENT_KEY: Final = "_event"  # written as `event`, which structlog keeps for its message
FOREIGN_LINES: Final = 5  # of one library in one window; more says nothing new
FOREIGN_WINDOW_S: Final = 60.0
SECRET_KEY: Final = re.compile(
    r"passw|secret|token|credential|authorization|api_?key", re.IGNORECASE
)
SCHEMES: Final = r"(?:token|bearer|basic)\s+"
SECRET_IN_TEXT: Final = (
    (re.compile(r"(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"), "***:***"),
    (
        re.compile(
            r"((?:authorization|token|password|secret)['\"]?\s*[:=]\s*)['\"]?"
            rf"(?:{SCHEMES})?[^\s,;&'\"]+",
            re.IGNORECASE,
        ),
        r"\1***",
    ),
    (re.compile(rf"\b({SCHEMES})[\w+/=.-]{{16,}}", re.IGNORECASE), r"\1***"),
)

LINES: Final = OutputStatus()  # a process has one log


def configure(
    *, stream: TextIO | None = None, level: str = "info", human: bool | None = None
) -> None:
    """Make every log line of the process go to the stream: JSON, or readable on a terminal.

    Parameters
    ----------
    stream : TextIO or None
        Standard output if None.
    level : str
        The least that is logged: debug, info, warning or error. Libraries speak from warning on.
    human : bool or None
        Whether people read the stream; None asks the stream whether it is a terminal.
    """
    least = logging.getLevelNamesMapping()[level.upper()]
    out = sys.stdout if stream is None else stream
    readable = out.isatty() if human is None else human
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="timestamp"),
        structlog.processors.format_exc_info,
        redact,
        structlog.processors.EventRenamer(MESSAGE_KEY, replace_by=CONTRACT_EVENT_KEY),
    ]
    factory: structlog.PrintLoggerFactory | structlog.BytesLoggerFactory
    if readable:
        processors += [
            _for_people,
            structlog.dev.ConsoleRenderer(colors=out.isatty(), event_key=MESSAGE_KEY),
        ]
        factory = structlog.PrintLoggerFactory(cast("TextIO", _Sink(out)))
    else:
        processors.append(structlog.processors.JSONRenderer(serializer=_to_json))
        factory = structlog.BytesLoggerFactory(cast("BinaryIO", _Sink(out.buffer)))
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=factory,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    for handler in [h for h in root.handlers if isinstance(h, ForeignHandler)]:
        root.removeHandler(handler)
    root.addHandler(ForeignHandler())
    root.setLevel(max(least, logging.WARNING))


def redact(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return the line without passwords, tokens and keys, whatever field or text holds them.

    Examples
    --------
    >>> redact(None, "", {"token": "abc", "url": "mqtt://ops:pw@broker:1883"})
    {'token': '***', 'url': 'mqtt://***:***@broker:1883'}
    """
    for key, value in line.items():
        if SECRET_KEY.search(key):
            line[key] = "***"
        elif isinstance(value, str):
            line[key] = _without_secrets(value)
    return line


def log_name(event: Event) -> str:
    """Return the dotted name under which a fact is logged."""
    if isinstance(event, AlertEvent):
        return f"alert.{event.event.value}"
    if isinstance(event, CommandTaken):
        return "command.refused" if event.refused else "command.taken"
    if isinstance(event, IncidentChanged):
        return f"incident.{event.change.value}"
    return NAMES[type(event)]


class LogOutput:
    """Logs each fact the moment it is known; samples are not logged.

    Its status is that of the whole log, the lines of others included.
    """

    def __init__(self) -> None:
        self.name = "log"
        self.status = LINES
        self._log = structlog.get_logger("hullwatch")

    def publish(self, samples: SampleBatch, outcome: Outcome) -> None:  # noqa: ARG002  facts only
        """Write one line per fact, at the level of its severity where it makes things worse."""
        for event in outcome.events:
            level = logging.INFO
            fields = event_record(event)
            if isinstance(event, AlertEvent):
                fields[CONTRACT_EVENT_KEY] = fields.pop("event")
                if event.asks_for_attention:
                    level = LEVEL_OF_SEVERITY[event.severity]
            self._log.log(level, log_name(event), **fields)

    async def run(self) -> None:
        """Return at once: lines are written where they arise."""

    async def drain(self) -> None:
        """Return at once: nothing waits."""


class _Sink:
    """A stream whose reader may go away without taking the service along; counts the lines."""

    def __init__(self, stream: IO[Any]) -> None:
        self._stream = stream
        self._is_broken = False

    def write(self, text: str | bytes) -> None:
        try:
            self._stream.write(text)
        except OSError:
            self._is_broken = True

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self._is_broken = True
        if self._is_broken:
            LINES.failed += 1
            LINES.dropped += 1
        else:
            LINES.written += 1
        self._is_broken = False


@dataclass(slots=True)
class _Window:
    start_s: float
    admitted: int = 0
    held_back: int = 0


class RateLimit:
    """Lets a few messages of each key through in a window of time and counts the others.

    Examples
    --------
    >>> limit = RateLimit(per_window=1, window_s=60.0)
    >>> limit.admit("paho", 0.0), limit.admit("paho", 1.0), limit.admit("paho", 61.0)
    (0, None, 1)
    """

    def __init__(self, *, per_window: int, window_s: float) -> None:
        self._per_window = per_window
        self._window_s = window_s
        self._windows: dict[str, _Window] = {}

    def admit(self, key: str, now_s: float) -> int | None:
        """Return how many were held back since the last one let through, None to hold back."""
        window = self._windows.setdefault(key, _Window(now_s))
        if not 0.0 <= now_s - window.start_s < self._window_s:
            window.start_s, window.admitted = now_s, 0
        if window.admitted >= self._per_window:
            window.held_back += 1
            return None
        window.admitted += 1
        held_back, window.held_back = window.held_back, 0
        return held_back


class ForeignHandler(logging.Handler):
    """Folds the messages of libraries into the one log, a few of each per minute."""

    def __init__(self) -> None:
        super().__init__()
        self._limit = RateLimit(per_window=FOREIGN_LINES, window_s=FOREIGN_WINDOW_S)
        self._formatter = logging.Formatter()

    def emit(self, record: logging.LogRecord) -> None:
        """Log the message under `library.message`."""
        held_back = self._limit.admit(record.name, record.created)
        if held_back is None:
            return
        fields: dict[str, Any] = {"library": record.name, "text": record.getMessage()}
        if held_back:
            fields["held_back"] = held_back
        if record.exc_info:
            fields["exception"] = self._formatter.formatException(record.exc_info)
        level = min(record.levelno // 10 * 10, logging.CRITICAL)
        structlog.get_logger("hullwatch").log(level, "library.message", **fields)


def _without_secrets(text: str) -> str:
    for pattern, replacement in SECRET_IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def _for_people(
    _logger: Any, _method: str, line: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Return the line with its text up front and without what is unknown."""
    known = {key: value for key, value in line.items() if value not in (None, {}, [], "")}
    if "text" in known:
        known[MESSAGE_KEY] = f"{known[MESSAGE_KEY]}: {known.pop('text')}"
    return known


def _to_json(line: Any, default: Any) -> bytes:
    return orjson.dumps(line, default=default, option=orjson.OPT_NON_STR_KEYS)
