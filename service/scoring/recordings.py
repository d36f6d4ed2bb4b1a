"""What is scored: readings, messages and config of a station, and what was really true."""

from dataclasses import dataclass
from typing import Any

from service.core.monitor import Policy
from service.core.samples import Activity, SampleBatch
from service.core.station import Station


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Everything about a case; `truth` is the document that `hullwatch simulate --truth` writes."""

    station: Station
    policy: Policy
    samples: SampleBatch
    activities: tuple[Activity, ...]
    truth: dict[str, Any]
