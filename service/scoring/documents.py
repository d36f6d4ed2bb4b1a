"""Writes the summary of a score as JSON."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import orjson

from service.scoring.summaries import Summary
from service.scoring.what_ifs import Variant


def write_score(path: Path, title: str, summary: Summary, variants: Mapping[str, Variant]) -> None:
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
        "what_if": {name: asdict(variant) for name, variant in variants.items()},
    }
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
