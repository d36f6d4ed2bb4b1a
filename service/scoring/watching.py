"""Sends a recording through the core and keeps what a judge needs of it."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isinf
from typing import Final

import numpy as np

from service.core.events import AlertEvent
from service.core.outlooks import CRACK_EXPONENT, HOLE_EXPONENT
from service.core.physics import time_to_floor_s
from service.core.units import S_PER_DAY
from service.core.views import AtmosphereView
from service.replaying import replayed
from service.scoring.recordings import Recording
from service.scoring.truths import ChangeKind, TrueRates, Truth, truth_of

AFTER_H: Final = (6.0, 24.0, 72.0)  # after a growth, when the rate is checked
QUIET_CHECKS: Final = 4  # in each case, before anything changes
LEARNING_S: Final = 3 * S_PER_DAY  # not checked in the first days, if there are more


@dataclass(frozen=True, slots=True, kw_only=True)
class ReserveCheck:
    """The band of a reserve time beside the time that the true rate leaves, s.

    `hole_s` is that through a hole and `crack_s` that through a crack; `low_s` is None where the band
    says that it does last for ever, and `high_s` where it may.
    """

    low_s: float | None
    high_s: float | None
    hole_s: float
    crack_s: float

    @property
    def is_held(self) -> bool:
        """Whether the band holds both."""
        is_above = self.low_s is not None and self.low_s <= self.hole_s
        return is_above and (self.high_s is None or self.crack_s <= self.high_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateCheck:
    """A leak rate with its 95 % interval beside the truth, kg/day; None where none was given.

    `after_h` counts from the last growth, None = nothing has changed yet. `reserve` is None where
    no time is left or none can be told.
    """

    time_s: float
    after_h: float | None
    true: float
    rate: float | None
    low: float | None
    high: float | None
    reserve: ReserveCheck | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What the core said of a case, and what was true."""

    truth: Truth
    alerts: tuple[AlertEvent, ...]
    checks: tuple[RateCheck, ...]


def watch(recording: Recording, name: str) -> Watched:
    """Return the alert events of a recording, without their texts, and its checked rates.

    Parameters
    ----------
    name : str
        Chooses the times of the checks before the first change.
    """
    truth = truth_of(recording.truth)
    rates = TrueRates(recording.truth)
    wanted = _check_times(truth, name)
    floor_pa = recording.policy.floors_pa["evacuation"]
    alerts: list[AlertEvent] = []
    checks: list[RateCheck] = []
    newest: list[AtmosphereView] = []  # rows of the last moment of estimates
    for stretch in replayed(
        recording.station, recording.policy, recording.samples, recording.activities
    ):
        alerts += [
            replace(event, reason="", text="")
            for event in stretch.outcome.events
            if isinstance(event, AlertEvent)
        ]
        for row in stretch.outcome.estimates:
            while wanted and row.time_s > wanted[0][0]:
                checks += _check(wanted.pop(0)[1], newest, truth, rates, floor_pa)
            if newest and row.time_s > newest[0].time_s:
                newest = []
            newest.append(row)
    for _, after_h in wanted:
        checks += _check(after_h, newest, truth, rates, floor_pa)
    return Watched(truth=truth, alerts=tuple(alerts), checks=tuple(checks))


def _check_times(truth: Truth, name: str) -> list[tuple[float, float | None]]:
    """Return when rates are checked and how long after a growth that is, in order."""
    until_s = min(truth.first_growth_s(), truth.end_s)
    since_s = truth.start_s + min(LEARNING_S, (until_s - truth.start_s) / 2)
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    quiet = rng.uniform(since_s, until_s, QUIET_CHECKS).tolist()
    found: list[tuple[float, float | None]] = [(time_s, None) for time_s in quiet]
    ends_s = [change.time_s for change in truth.changes[1:]] + [truth.end_s]
    for change, end_s in zip(truth.changes, ends_s, strict=False):
        if change.kind is ChangeKind.GROWTH:
            moments = [(change.time_s + hours * 3600, hours) for hours in AFTER_H]
            found += [(time_s, hours) for time_s, hours in moments if time_s < end_s]
    return sorted(found)


def _check(
    after_h: float | None,
    rows: Sequence[AtmosphereView],
    truth: Truth,
    rates: TrueRates,
    floor_pa: float,
) -> list[RateCheck]:
    """Compare the newest estimate of the leaking atmosphere, else of the largest."""
    if not rows:
        return []
    leaking = {section for change in truth.changes[:1] for section in change.sections}
    row = max(rows, key=lambda r: (bool(leaking & set(r.sections)), r.volume_m3))
    true = rates.of(row.sections, row.time_s)
    if true is None:
        return []
    leak = row.leak
    return [
        RateCheck(
            time_s=row.time_s,
            after_h=after_h,
            true=true * S_PER_DAY,
            rate=None if leak is None else leak.rate_kg_per_s * S_PER_DAY,
            low=None if leak is None else leak.low_kg_per_s * S_PER_DAY,
            high=None if leak is None else leak.high_kg_per_s * S_PER_DAY,
            reserve=_reserve(row, true, floor_pa),
        )
    ]


def _reserve(row: AtmosphereView, true_kg_per_s: float, floor_pa: float) -> ReserveCheck | None:
    """Compare the band of a reserve time with what the true rate leaves of the air that is there."""
    band_s = row.reserve_band_s
    if band_s is None or row.air_mass_kg is None or row.pressure_pa is None:
        return None
    hole_s, crack_s = (
        time_to_floor_s(row.air_mass_kg, true_kg_per_s, row.pressure_pa, floor_pa, exponent)
        for exponent in (HOLE_EXPONENT, CRACK_EXPONENT)
    )
    if not hole_s or not crack_s:
        return None
    low_s, high_s = (None if isinf(end_s) else end_s for end_s in band_s)
    return ReserveCheck(low_s=low_s, high_s=high_s, hole_s=hole_s, crack_s=crack_s)
