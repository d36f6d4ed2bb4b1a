"""Stories of unknown hatches, lying sensors, known fillings and reporting valves."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from service.core.events import (
    ActivityNoted,
    AtmospheresChanged,
    Event,
    FreeVolumeEstimated,
    SensorDoubted,
    SensorFault,
    SensorTrusted,
    Severity,
)
from service.core.monitor import Monitor
from service.core.samples import Activity
from service.core.station import Channel, ChannelKind, HatchState, Meaning
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.core.views import Balance

GAUGES = (0, 1, 2)
LEVEL_PA = 745.0 * PA_PER_MMHG
NOISE_PA = 0.03 * PA_PER_MMHG


def events(watched: Any, kind: type) -> list[Any]:
    return [event for event in watched.outcome.events if isinstance(event, kind)]


@pytest.fixture(scope="session")
def minutes(make_series, flight):
    """Return readings of channels, one a minute for some hours, each a function of the hour."""

    def record(hours: float, seed: int = 2, **readings: Any) -> Any:
        rng = np.random.default_rng(seed)
        times = flight(hours=1.0).start_s + np.arange(0.0, hours * 3600.0, 60.0)
        hour = (times - times[0]) / 3600.0
        columns = {}
        for name, reading in readings.items():
            level = reading(hour) if callable(reading) else np.full(len(times), reading)
            noise = 0.02 if level[0] < 400.0 else NOISE_PA
            columns[int(name[1:])] = level + rng.normal(0.0, noise, len(times))
        return make_series(times, columns)

    return record


# ------------------------------------------------------------------ hatches


@pytest.fixture(scope="session")
def doubtful(station):
    """Return the small station with its inner hatch unknown."""
    inner, port = station.hatches
    return replace(station, hatches=(replace(inner, state=HatchState.UNKNOWN), port))


def test_an_unknown_hatch_is_taken_as_open_and_view_and_alert_say_so(watch, doubtful, minutes):
    watched = watch(doubtful).feed(minutes(1.0, c0=LEVEL_PA, c2=LEVEL_PA, c3=295.0))
    view = watched.last("cabin")
    assert view.sections == ("cabin", "tunnel")
    assert view.assumed == {"door": HatchState.OPEN}
    low = minutes(1.0, c0=LEVEL_PA - 2000.0, c2=LEVEL_PA - 2000.0, c3=295.0)
    (raised,) = watch(doubtful).feed(low).alerts("pressure_low", "raised")
    assert "Hatch door is unknown and taken as open." in raised.text


def test_nothing_is_assumed_of_hatches_that_are_known(watch, minutes):
    watched = watch().feed(minutes(1.0, c0=LEVEL_PA, c2=LEVEL_PA))
    assert watched.last("cabin").assumed == {}


def test_an_unknown_hatch_whose_sides_part_is_evidently_shut_until_they_meet(
    watch, doubtful, minutes
):
    """The tunnel loses 6 mmHg in three hours, and is filled again after five."""

    def tunnel(hour: Any) -> Any:
        fall = 2.0 * PA_PER_MMHG * np.clip(hour, 0.0, 3.0)
        return LEVEL_PA - 80.0 - np.where(hour < 5.0, fall, 0.0)

    watched = watch(doubtful).feed(minutes(8.0, c0=LEVEL_PA, c1=LEVEL_PA + 50.0, c2=tunnel))
    shut, opened = events(watched, AtmospheresChanged)
    assert shut.atmospheres == (("cabin",), ("tunnel",))
    assert "door is unknown and taken as shut" in shut.reason
    assert "mmHg" in shut.reason
    assert opened.atmospheres == (("cabin", "tunnel"),)
    first_s = watched.monitor.view().now_s - 8 * 3600.0
    assert 1.5 < (shut.time_s - first_s) / 3600.0 < 2.0
    assert 5.1 < (opened.time_s - first_s) / 3600.0 < 5.4
    assert watched.monitor.view().hatches["door"] is HatchState.UNKNOWN


def test_an_unknown_hatch_that_was_shut_from_the_first_is_found_shut(watch, doubtful, minutes):
    """Twenty mmHg apart from the first reading on: more than any offset of a gauge."""
    tunnel_pa = LEVEL_PA - 20.0 * PA_PER_MMHG
    watched = watch(doubtful).feed(minutes(1.0, c0=LEVEL_PA, c1=LEVEL_PA, c2=tunnel_pa))
    assert watched.last("tunnel").pressure_pa == pytest.approx(tunnel_pa, abs=15.0)
    assert watched.last("tunnel").assumed == {"door": HatchState.CLOSED}
    assert watched.last("cabin").assumed == {"door": HatchState.CLOSED}


def test_gauges_apart_by_no_more_than_their_offsets_shut_no_hatch(watch, doubtful, minutes):
    """The gauges of the public feed differ by up to 4 mmHg."""
    offset = 4.0 * PA_PER_MMHG
    watched = watch(doubtful).feed(minutes(6.0, c0=LEVEL_PA, c1=LEVEL_PA, c2=LEVEL_PA - offset))
    assert events(watched, AtmospheresChanged) == []


def test_a_message_settles_what_was_assumed(watch, doubtful, minutes):
    readings = minutes(2.0, c0=LEVEL_PA, c1=LEVEL_PA, c2=LEVEL_PA - 20.0 * PA_PER_MMHG)
    at_s = float(readings.time_s[0]) + 5400.0
    known = Activity(time_s=at_s, received_s=at_s, name="hatch", hatch="door", state="closed")
    watched = watch(doubtful).feed(readings, [known])
    assert len(events(watched, AtmospheresChanged)) == 1
    assert watched.last("cabin").assumed == {}


# ------------------------------------------------------------------ sensors


def lying(at_h: float, by_mmhg: float):
    return lambda hour: LEVEL_PA + np.where(hour < at_h, 0.0, by_mmhg * PA_PER_MMHG)


def test_a_lying_gauge_is_named_shown_and_believed_again(watch, minutes):
    def liar(hour: Any) -> Any:
        return LEVEL_PA + np.where((hour > 1.0) & (hour < 3.0), 900.0, 0.0)

    watched = watch().feed(minutes(2.5, c0=LEVEL_PA, c1=liar, c2=LEVEL_PA - 100.0))
    (doubted,) = events(watched, SensorDoubted)
    assert (doubted.channel, doubted.fault) == ("cabin.pressure2", SensorFault.APART)
    assert doubted.against == ("cabin.pressure", "tunnel.pressure")
    assert doubted.is_named
    shown = {sensor.channel: sensor.doubt for sensor in watched.monitor.view().sensors}
    assert shown["cabin.pressure"] is None
    assert shown["cabin.pressure2"].since_s == doubted.since_s
    assert watched.last("cabin").pressure_pa == pytest.approx(LEVEL_PA - 33.0, abs=50.0)
    whole = watch().feed(minutes(6.0, c0=LEVEL_PA, c1=liar, c2=LEVEL_PA - 100.0))
    assert [event.channel for event in events(whole, SensorTrusted)] == ["cabin.pressure2"]


@pytest.mark.parametrize("by_mmhg", [-1.0, -10.0, -300.0, -744.0, 300.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("gauges", [2, 3])
def test_one_lying_gauge_makes_no_emergency_whatever_it_says(watch, minutes, by_mmhg, seed, gauges):
    """Two or three gauges, three seeds; with two the truth is not known, and still no emergency."""
    honest = {"c0": LEVEL_PA, "c2": LEVEL_PA, "c3": 295.0} if gauges == 3 else {"c0": LEVEL_PA}
    watched = watch().feed(minutes(4.0, seed, c1=lying(1.5, by_mmhg), **honest))
    raised = [e for e in watched.outcome.events if getattr(e, "severity", None) is not None]
    assert Severity.EMERGENCY not in {event.severity for event in raised}
    named = {event.channel for event in events(watched, SensorDoubted) if event.is_named}
    assert named == ({"cabin.pressure2"} if gauges == 3 else set())
    if gauges == 2:
        doubted = {event.channel for event in events(watched, SensorDoubted)}
        assert doubted == {"cabin.pressure", "cabin.pressure2"}


def test_a_lying_gauge_of_three_grows_no_leak(watch, minutes):
    watched = watch().feed(
        minutes(12.0, c0=LEVEL_PA, c1=lying(6.0, -5.0), c2=LEVEL_PA, c3=295.0, c4=295.0)
    )
    assert watched.alerts("leak_growth") == []
    assert watched.alerts("leak_rate_high") == []


# ------------------------------------------------------------------ balances and volume


def test_the_balance_in_force_is_told_from_nitrogen_down_to_bare_pressure(watch, station, minutes):
    damp = replace(
        station,
        channels=(
            *station.channels,
            Channel(name="cabin.dew", section="cabin", kind=ChannelKind.DEW_POINT, unit="K"),
        ),
    )
    told = {
        Balance.NITROGEN: {"c0": LEVEL_PA, "c3": 295.0, "c5": 22_000.0},
        Balance.DRY: {"c0": LEVEL_PA, "c3": 295.0, "c6": 284.0},
        Balance.TOTAL: {"c0": LEVEL_PA, "c3": 295.0},
        Balance.PRESSURE: {"c0": LEVEL_PA},
    }
    for balance, readings in told.items():
        assert watch(damp).feed(minutes(2.0, **readings)).last("cabin").balance is balance


@pytest.fixture(scope="session")
def filled(watch, blind, minutes):
    """Return five hours before and six after 1.2 kg of air came in within two, 1.3 believed."""

    def level(hour: Any) -> Any:
        return LEVEL_PA + 1000.0 * np.clip((hour - 5.0) / 2.0, 0.0, 1.0)

    readings = minutes(13.0, c0=level, c1=level, c2=level, c3=295.0, c4=295.0)
    first_s = float(readings.time_s[0])
    told = [
        Activity(
            time_s=first_s + hour * 3600.0,
            received_s=first_s + hour * 3600.0 + 5.0,
            name="repressurisation",
            state=state,
            value=value,
            unit=None if value is None else "kg",
            section="cabin",
        )
        for hour, state, value in ((5.0, "start", None), (7.0, "stop", 1.2))
    ]
    return watch(blind).feed(readings, told)


def test_a_filling_of_known_mass_tells_the_free_volume(filled):
    (found,) = events(filled, FreeVolumeEstimated)
    assert found.is_believed
    assert found.atmosphere == "cabin"
    assert found.measured_m3 == pytest.approx(1.2 * 287.05 * 295.0 / 1000.0, rel=0.03)
    view = filled.last("cabin")
    assert view.volume_m3 == 110.0
    assert found.measured_m3 < view.free_volume_m3 == found.free_volume_m3 < 110.0
    assert view.free_volume_sd_m3 == found.free_volume_sd_m3 < 11.0


def test_masses_shown_are_scaled_to_it_and_nothing_leaks_for_that(filled):
    (found,) = events(filled, FreeVolumeEstimated)
    scale = found.free_volume_m3 / 110.0
    rows = [row for row in filled.outcome.estimates if row.name == "cabin"]
    before = [row for row in rows if row.time_s < found.time_s][-1]
    after = next(row for row in rows if row.time_s > found.time_s)
    assert after.air_mass_kg / before.air_mass_kg == pytest.approx(scale, rel=1e-3)
    assert after.reserve_time_s.keys() == before.reserve_time_s.keys()
    assert abs(after.leak.rate_kg_per_s - scale * before.leak.rate_kg_per_s) < 0.2 / S_PER_DAY
    assert filled.alerts("leak_growth") == []


# ------------------------------------------------------------------ reported activities


@pytest.fixture(scope="session")
def reporting(station):
    """Return the small station with a valve and a crew count that telemetry reports."""
    valve = Channel(
        name="tunnel.valve",
        section="tunnel",
        kind=ChannelKind.STATE,
        unit="state",
        means=Meaning(activity="valve", on=(1.0,), off=(0.0,)),
    )
    crew = replace(valve, name="cabin.crew", section="cabin", means=Meaning(activity="crew"))
    return replace(station, channels=(*station.channels, valve, crew))


def test_states_are_activities_however_the_stream_is_cut(reporting, policy, make_series, flight):
    times = flight(hours=1.0).start_s + np.arange(0.0, 3600.0, 60.0)
    valve = np.where((times > times[10]) & (times < times[30]), 1.0, 0.0)
    readings = make_series(times, {0: LEVEL_PA, 6: valve, 7: np.where(times > times[40], 3.0, 7.0)})
    whole = Monitor(reporting, policy)
    whole.observe(readings)
    seen = whole.advance(times[-1] + 60.0)
    noted = [event for event in seen.events if isinstance(event, ActivityNoted)]
    assert [(event.name, event.place) for event in noted] == [
        ("crew", "cabin"),
        ("valve", "tunnel"),
        ("valve", "tunnel"),
        ("crew", "cabin"),
    ]
    assert all(event.understood for event in noted)
    pieces = Monitor(reporting, policy)
    found: list[Event] = []
    for row in range(0, len(readings), 7):
        part = readings[row : row + 7]
        pieces.observe(part)
        found += pieces.advance(float(part.received_s[-1])).events
        state = pieces.snapshot()
        pieces = Monitor(reporting, policy)
        pieces.restore(state)
    found += pieces.advance(times[-1] + 60.0).events
    assert tuple(found) == seen.events


def test_a_state_may_be_silent_for_ever(watch, reporting, make_series, flight):
    times = flight(hours=1.0).start_s + np.arange(0.0, 3 * 3600.0, 60.0)
    every = {channel: LEVEL_PA if channel in GAUGES else 295.0 for channel in range(5)}
    readings = make_series(times, every | {5: 22_000.0})
    assert watch(reporting).feed(readings).alerts("silence") == []
