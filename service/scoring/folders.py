"""Finds and reads recorded cases: folders with telemetry, config, truth and perhaps activities."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from service.errors import InputError
from service.scoring.recordings import Recording
from service.settings.build import policy_of, station_of
from service.settings.load import load
from service.settings.what_ifs import WhatIf
from service.sources.tables import read_activities, read_telemetry

CONFIG: Final = "config.yaml"
TRUTH: Final = "truth.json"
LAYOUT: Final = (
    f"put {CONFIG}, {TRUTH}, telemetry.csv (or .jsonl, .parquet) and perhaps activities.jsonl there"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCase:
    """A folder with a recording: its level is its own name, its family that of the folder around it."""

    family: str
    level: str
    seed: int
    folder: Path

    @property
    def name(self) -> str:
        """Name the case within its suite."""
        return f"{self.family}-{self.level}-{self.seed}"


def folders_of(suite: Path, families: Sequence[str] = ()) -> list[RecordedCase]:
    """List the cases in a directory: it may be one, or hold them at any depth.

    Raises
    ------
    InputError
        If there is none, or none of such a family.
    """
    folders = sorted(path.parent for path in suite.rglob(CONFIG))
    found = [
        RecordedCase(
            family=folder.parent.name if folder.parent != suite else suite.name,
            level=folder.name,
            seed=number,
            folder=folder,
        )
        for number, folder in enumerate(folders)
    ]
    chosen = [case for case in found if not families or case.family in families]
    if not chosen:
        known = ", ".join(sorted({case.family for case in found}))
        remedy = f"use one of {known}" if known else f"{LAYOUT}, one folder a case"
        raise InputError(
            str(suite), "holds no case of that kind" if known else "holds no case", remedy
        )
    return chosen


def read_case(case: RecordedCase, what_ifs: Sequence[WhatIf] = ()) -> Recording:
    """Return what a folder holds.

    Raises
    ------
    InputError, ConfigError
        If something is missing or cannot be used, or a what-if does not fit the station.
    """
    settings = load(case.folder / CONFIG)
    station = station_of(settings)
    tables = list(_files(case.folder, "telemetry"))
    if not tables:
        raise InputError(str(case.folder), "has no telemetry", LAYOUT)
    table = read_telemetry(tables, station)
    activities = list(table.activities)
    for path in _files(case.folder, "activities"):
        activities += read_activities(path).activities
    if not len(table.samples):
        raise InputError(str(tables[0]), "has no usable reading", "see `hullwatch replay`")
    truth = _truth(case.folder / TRUTH)
    return Recording(
        station=station,
        policy=policy_of(settings),
        samples=table.samples,
        activities=tuple(sorted(activities, key=lambda activity: activity.received_s)),
        truth={
            "start": float(table.samples.time_s.min()),
            "end": float(table.samples.time_s.max()),
        }
        | truth,
        noise=None,
        supposed={what_if.name: what_if.policy(settings) for what_if in what_ifs},
    )


def _files(folder: Path, name: str) -> Iterator[Path]:
    yield from sorted(path for path in folder.iterdir() if path.name.partition(".")[0] == name)


def _truth(path: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise InputError(
            str(path),
            f"cannot be read: {error}",
            'write what was true, for a recording without a growing leak {"changes": []}',
        ) from error
    if not isinstance(found, dict):
        raise InputError(str(path), "is no object", "see `hullwatch simulate --truth`")
    return found
