"""An airlock of 10 m3 beside a cabin of 100 m3, filled from it or pumped into it without a message."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from service.core.air import Readings
from service.core.events import ActivityNoted
from service.core.falls import FallWatch
from service.core.samples import Activity, SampleBatch
from service.core.station import HatchState
from service.core.transfers import Transfers
from service.core.units import PA_PER_MMHG

QUIET_S, MOVING_S, AFTER_S = 4 * 3600.0, 600.0, 3600.0
FULL_MMHG = 745.0
ALARMS = ("rapid_depressurisation", "reserve_time", "leak_growth", "leak_rate_high")


@pytest.fixture
def moving(make_series, flight) -> Callable[..., SampleBatch]:
    """Return four hours of rest, ten minutes in which both pressures change evenly, and an hour."""

    def record(
        cabin_mmhg: float, tunnel_mmhg: tuple[float, float], spacing_s: float, seed: int = 1
    ) -> SampleBatch:
        rng = np.random.default_rng(seed)
        times_s = np.arange(0.0, QUIET_S + MOVING_S + AFTER_S, spacing_s)
        share = np.clip((times_s - QUIET_S) / MOVING_S, 0.0, 1.0)
        first, last = tunnel_mmhg
        cabin, tunnel = FULL_MMHG + share * cabin_mmhg, first + share * (last - first)
        shown = np.array([cabin, cabin, tunnel]) + rng.normal(0.0, 0.03, (3, len(times_s)))
        start_s = flight(hours=1.0).start_s
        return cast(
            "SampleBatch", make_series(start_s + times_s, dict(enumerate(shown * PA_PER_MMHG)))
        )

    return record


@pytest.fixture
def shut(flight) -> Activity:
    start_s = flight(hours=1.0).start_s + 60.0
    return Activity(time_s=start_s, received_s=start_s, name="hatch", hatch="door", state="closed")


def noted(watched: Any) -> list[str | None]:
    return [e.state for e in watched.outcome.events if isinstance(e, ActivityNoted)]


@pytest.mark.parametrize("spacing_s", [1.0, 10.0, 60.0])
@pytest.mark.parametrize("said", ["nothing", "shut", "shut and people outside"])
@pytest.mark.parametrize("seed", range(3))
def test_a_cabin_that_fills_an_airlock_loses_nothing(watch, moving, shut, spacing_s, said, seed):
    """Also while nobody says that the hatch is shut, or that those who were outside have come in."""
    outside = replace(shut, name="eva", hatch=None, section="tunnel", state="start")
    told = {"nothing": [], "shut": [shut], "shut and people outside": [shut, outside]}[said]
    watched = watch().feed(moving(-67.0, (5.0, 675.0), spacing_s, seed), told)
    raised = [e for rule in ALARMS for e in watched.alerts(rule, "raised")]
    assert [e.rule for e in raised if e.atmosphere == "cabin"] == []
    assert noted(watched)[len(told) :][:1] == ["equalising"]


@pytest.mark.parametrize("spacing_s", [1.0, 10.0, 60.0])
def test_an_airlock_that_is_pumped_into_the_cabin_is_no_emergency(watch, moving, shut, spacing_s):
    """A pump saves four fifths of the air."""
    watched = watch().feed(moving(48.0, (745.0, 145.0), spacing_s), [shut])
    assert watched.alerts("rapid_depressurisation", "raised") == []
    assert noted(watched)[:2] == ["closed", "equalising"]


@pytest.mark.parametrize("tunnel_mmhg", [(5.0, 5.0), (5.0, 125.0), (700.0, 100.0), (5.0, 2000.0)])
@pytest.mark.parametrize("spacing_s", [1.0, 60.0])
def test_a_fall_that_the_other_side_does_not_match_is_an_emergency(
    watch, moving, shut, spacing_s, tunnel_mmhg
):
    """Of what the cabin loses the tunnel gains nothing, a fifth, less than nothing, three times as much."""
    watched = watch().feed(moving(-60.0, tunnel_mmhg, spacing_s), [shut])
    raised = {e.atmosphere for e in watched.alerts("rapid_depressurisation", "raised")}
    assert "cabin" in raised
    assert noted(watched) == ["closed"]


@pytest.mark.parametrize("spacing_s", [1.0, 60.0])
def test_two_spikes_at_once_are_no_air_that_flows(watch, moving, spacing_s):
    """Single readings of 4 mmHg less in one of two gauges of the cabin, 20 more in the airlock."""
    calm = moving(0.0, (FULL_MMHG, FULL_MMHG), spacing_s)
    at_s = calm.time_s[0] + QUIET_S
    value = calm.value.copy()
    for channel, spike_mmhg in ((0, -4.0), (2, 20.0)):
        value[(calm.time_s == at_s) & (calm.channel == channel)] += spike_mmhg * PA_PER_MMHG
    assert noted(watch().feed(replace(calm, value=value), [])) == []


def test_a_restored_watch_knows_as_well_that_a_hatch_was_just_opened(station):
    """What evens out is told by the opening; so both wait alike before they tell of it."""

    def transfers() -> Transfers:
        return Transfers(station, Readings(station, 7800.0), FallWatch(station))

    shut = {hatch.name: HatchState.CLOSED for hatch in station.hatches}
    opened = shut | {"door": HatchState.OPEN}
    first, second = transfers(), transfers()
    first.look(shut, set(), 1.7e9)
    second.restore(first.snapshot())
    for each in (first, second):
        each.look(opened, set(), 1.7e9 + 60.0)
    assert second.snapshot() == first.snapshot()
    assert first.snapshot()["told_s"] == {"door": 1.7e9 + 60.0}
