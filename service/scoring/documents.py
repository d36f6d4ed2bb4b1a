"""Writes the summary of a score as JSON."""

from dataclasses import asdict
from pathlib import Path

import orjson

from service.scoring.summaries import Summary


def write_score(path: Path, title: str, summary: Summary) -> None:
    """Write `score.json`: null where a figure is not known, and for the median of a delay, never."""
    families: dict[str, dict[str, object]] = {}
    for (family, level), row in summary.rows.items():
        families.setdefault(family, {})[level] = asdict(row)
    document = {
        "suite": title,
        "ratio": summary.ratio,
        "all": asdict(summary.everything),
        "families": families,
        "detectors": {name: asdict(detector) for name, detector in summary.detectors.items()},
    }
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
