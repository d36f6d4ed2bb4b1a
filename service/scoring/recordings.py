"""What is scored: readings, messages and config of a station, and what was really true."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.core.monitor import Policy
from service.core.samples import Activity, SampleBatch
from service.core.station import Station


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What a simulation knows of its own noise.

    `drift_mmhg2_per_day` is the intensity of the random walk that no sensor sees, `period_s` the
    time between readings of the channels that tell none.
    """

    drift_mmhg2_per_day: float
    period_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Everything about a case; `truth` is the document that `hullwatch simulate --truth` writes.

    `noise` is None where nobody knows it; `supposed` has the policies of what-ifs by name.
    """

    station: Station
    policy: Policy
    samples: SampleBatch
    activities: tuple[Activity, ...]
    truth: dict[str, Any]
    noise: Noise | None
    supposed: Mapping[str, Policy] = field(default_factory=dict)
