"""Keeps what the detector saw about each alert of a replay in one compact file beside its results.

The file holds plain numbers and texts, so many for each alert at most, and the same for the same
replay to the byte.
"""

import gzip
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from service.core.causes import Cause
from service.core.events import (
    ActivityNoted,
    AlertEvent,
    AlertEventKind,
    AtmospheresChanged,
    CauseNamed,
    Event,
    SensorDoubted,
)
from service.core.units import S_PER_DAY
from service.core.views import AtmosphereView, Insight, Outcome
from service.errors import InputError
from service.outputs.logs import log_name
from service.outputs.records import event_record, figure

FILE: Final = "evidence.json.gz"
FORMAT: Final = 1
ROWS: Final = 1500  # of one alert and atmosphere; ten days in steps of ten minutes
ALERTS: Final = 200  # that are kept, in order of time
FACTS: Final = 400  # of one alert, the newest before its end
BEFORE_S: Final = 5 * S_PER_DAY  # that are shown before an alert and before its onset
BEFORE_ONSET_S: Final = 2 * S_PER_DAY
AFTER_S: Final = S_PER_DAY  # shown after it was raised last
TELLING: Final = (ActivityNoted, AtmospheresChanged, CauseNamed, SensorDoubted)
NEWS: Final = frozenset({AlertEventKind.RAISED, AlertEventKind.ESCALATED})

Columns = dict[str, NDArray[np.float64]]
FIGURES: Final = (
    "measured_kg",
    "model_kg",
    "model_sd_kg",
    "oxygen_kg",
    "surprise",
    "oxygen_surprise",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """What there is about one alert.

    Attributes
    ----------
    events : tuple of dict
        Its events as in `alerts.jsonl`.
    series : dict of str to dict
        By the sections of an atmosphere: columns over time, one row an estimate, NaN = unknown.
    facts : tuple of dict
        What was logged meanwhile, each with `what`, its log name, and in order of time.
    """

    station: str
    alert_id: str
    events: tuple[dict[str, Any], ...]
    series: dict[str, Columns]
    facts: tuple[dict[str, Any], ...]


@dataclass(slots=True)
class Recorder:
    """All that a replay says, until it is known which of it is about an alert."""

    station: str
    alerts: dict[str, list[AlertEvent]] = field(default_factory=dict)
    facts: list[Event] = field(default_factory=list)
    rows: dict[str, list[tuple[Insight, AtmosphereView]]] = field(default_factory=dict)

    def take(self, outcome: Outcome) -> None:
        """Add what came of a stretch of a replay."""
        for event in outcome.events:
            if isinstance(event, AlertEvent):
                self.alerts.setdefault(event.alert_id, []).append(event)
            elif isinstance(event, TELLING):
                self.facts.append(event)
        beside = {(view.time_s, view.name): view for view in outcome.estimates}
        for insight in outcome.insights:
            view = beside[insight.time_s, insight.atmosphere]
            self.rows.setdefault(_air(insight.sections), []).append((insight, view))

    def exhibits(self) -> list[Exhibit]:
        """Return what there is about each alert that was raised, in order of time."""
        raised = [e for e in self.alerts.values() if any(a.event in NEWS for a in e)]
        return [self._exhibit(events) for events in raised[:ALERTS]]

    def _exhibit(self, events: Sequence[AlertEvent]) -> Exhibit:
        since_s, until_s = _span(events)
        series = {}
        for air in dict.fromkeys(_air(event.sections) for event in events):
            rows = [row for row in self.rows.get(air, ()) if since_s <= row[0].time_s <= until_s]
            if rows:
                series[air] = _columns(rows[:: -(-len(rows) // ROWS)])
        facts = [fact for fact in self.facts if since_s <= fact.time_s <= until_s]
        return Exhibit(
            station=self.station,
            alert_id=events[0].alert_id,
            events=tuple(event_record(event) for event in events),
            series=series,
            facts=tuple(map(_told, facts[-FACTS:])),
        )


def write(path: Path, exhibits: Iterable[Exhibit]) -> None:
    """Write the file; the same exhibits give the same bytes."""
    document = {
        "format": FORMAT,
        "exhibits": [
            {
                "station": exhibit.station,
                "alert_id": exhibit.alert_id,
                "events": exhibit.events,
                "facts": exhibit.facts,
                "series": {
                    air: {name: _plain(name, column) for name, column in table.items()}
                    for air, table in exhibit.series.items()
                },
            }
            for exhibit in exhibits
        ],
    }
    path.write_bytes(gzip.compress(orjson.dumps(document), mtime=0))


def read(directory: Path) -> list[Exhibit]:
    """Return what a replay kept in its directory.

    Raises
    ------
    InputError
        If there is no such file, or it is damaged or of another version.
    """
    path = directory / FILE
    try:
        document = orjson.loads(gzip.decompress(path.read_bytes()))
        exhibits = [_read(told) for told in document["exhibits"]]
        version = document["format"]
    except (EOFError, KeyError, TypeError, ValueError, gzip.BadGzipFile, zlib.error) as error:
        raise InputError(str(path), f"cannot be used: {error}", "replay again") from error
    except OSError as error:
        problem = error.strerror or str(error)
        remedy = "give the directory that `hullwatch replay --out` wrote"
        raise InputError(str(path), problem, remedy) from error
    if version != FORMAT:
        raise InputError(str(path), f"is of version {version}, not {FORMAT}", "replay again")
    return exhibits


def _read(told: Mapping[str, Any]) -> Exhibit:
    return Exhibit(
        station=told["station"],
        alert_id=told["alert_id"],
        events=tuple(told["events"]),
        facts=tuple(told["facts"]),
        series={
            air: {name: np.array(column, np.float64) for name, column in table.items()}
            for air, table in told["series"].items()
        },
    )


def _span(events: Sequence[AlertEvent]) -> tuple[float, float]:
    """Return from when until when what happened is of interest to an alert."""
    news_s = [event.time_s for event in events if event.event in NEWS]
    onsets_s = [e.onset_low_s - BEFORE_ONSET_S for e in events if e.onset_low_s is not None]
    since_s = min([events[0].time_s - BEFORE_S, *onsets_s])
    return since_s, news_s[-1] + AFTER_S


def _air(sections: Sequence[str]) -> str:
    return " ".join(sections)


def _columns(rows: Sequence[tuple[Insight, AtmosphereView]]) -> Columns:
    """Return rows as columns; log-odds under the names of their causes."""
    columns: dict[str, list[float | None]] = {
        "time_s": [insight.time_s for insight, _ in rows],
        "pressure_pa": [view.pressure_pa for _, view in rows],
        "temperature_k": [view.temperature_k for _, view in rows],
        "ratio": [view.growth.statistic_ratio if view.growth else None for _, view in rows],
    }
    for name in ("rate_kg_per_s", "low_kg_per_s", "high_kg_per_s"):
        columns[name] = [getattr(view.leak, name, None) for _, view in rows]
    for name in FIGURES:
        columns[name] = [getattr(insight, name) for insight, _ in rows]
    weighed = [cause for cause in Cause if any(cause in insight.log_odds for insight, _ in rows)]
    for cause in weighed:
        columns[cause.value] = [insight.log_odds.get(cause) for insight, _ in rows]
    return {name: np.array(column, np.float64) for name, column in columns.items()}


def _plain(name: str, column: NDArray[np.float64]) -> list[float | None]:
    values: list[float] = column.tolist()
    return list(values) if name == "time_s" else [figure(value) for value in values]


def _told(fact: Event) -> dict[str, Any]:
    told = {"what": log_name(fact), "time_s": fact.time_s, **event_record(fact)}
    if isinstance(fact, CauseNamed):
        told["onsets"] = [[round(time_s), figure(height)] for time_s, height in fact.onsets]
    return told
