"""What the monitor makes of hatches that close on the small station."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.events import (
    ClosedSide,
    Doubt,
    IsolationDoubted,
    IsolationTestBegan,
    IsolationTestJudged,
)
from service.core.monitor import Monitor
from service.core.samples import Activity


def breathless(flown):
    """Return messages by which all oxygen is accounted for."""
    return [
        Activity(time_s=flown.start_s, received_s=flown.start_s, name=name, value=0.0)
        for name in ("crew", "oxygen_generation")
    ]


def told(watched, kind):
    return [e for e in watched.outcome.events if isinstance(e, kind)]


@pytest.fixture(scope="module", params=[1, 2, 3])
def seed(request):
    return request.param


@pytest.fixture(scope="module")
def shut(seed, flight, watch):
    """Return two days in which the tunnel leaks 0.6 kg/day and is shut from 30 to 38 h."""
    flown = flight(hours=44.0, leak_kg_per_day=lambda _: 0.6, shut=((30.0, 38.0),), seed=seed)
    return watch().feed(flown.samples(), flown.activities())


def test_a_closed_hatch_is_a_test_that_tells_where_the_leak_is(shut, flight):
    start_s = flight(hours=1.0).start_s
    (began,) = told(shut, IsolationTestBegan)
    (judged,) = told(shut, IsolationTestJudged)
    assert (began.hatch, began.atmospheres) == ("door", (("cabin",), ("tunnel",)))
    assert start_s + 30 * 3600.0 <= began.time_s < judged.time_s < start_s + 38 * 3600.0
    assert judged.is_conclusive
    assert judged.suspects["tunnel"] > 0.95
    assert "The leak is in tunnel" in judged.text


def test_what_each_side_lost_is_told_with_an_interval_that_holds_the_truth(shut):
    (judged,) = told(shut, IsolationTestJudged)
    sides = {side.sections: side for side in judged.sides}
    tunnel, cabin = sides["tunnel",], sides["cabin",]
    assert tunnel.leak_rate_low < 0.6 < tunnel.leak_rate_high
    assert cabin.leak_rate_low < 0.0 < cabin.leak_rate_high


def test_the_finding_outlasts_the_test(shut):
    isolation = shut.monitor.view().isolation
    assert isolation.running == ()
    assert isolation.suspects["tunnel"] > 0.95


def test_before_any_closure_nobody_is_suspected_and_a_closure_is_suggested(flight, watch):
    flown = flight(hours=20.0, leak_kg_per_day=lambda _: 0.6)
    isolation = watch().feed(flown.samples()).monitor.view().isolation
    assert isolation.suspects == {}
    assert isolation.suggestion.hatch == "door"
    assert isolation.suggestion.sections == ("tunnel",)
    assert isolation.suggestion.probability >= 0.95


@pytest.mark.slow
def test_an_alert_of_a_leak_says_which_hatch_to_shut_and_for_how_long(flight, watch):
    flown = flight(hours=44.0, leak_kg_per_day=lambda h: 0.1 if h < 24.0 else 0.7)
    watched = watch().feed(flown.samples())
    (raised,) = watched.alerts("leak_growth", "raised")
    assert "Shut door for" in raised.text
    assert "whether the leak is in tunnel" in raised.text


def test_a_hatch_that_is_opened_after_minutes_ends_a_test_without_an_answer(flight, watch):
    flown = flight(hours=30.0, leak_kg_per_day=lambda _: 0.6, shut=((28.0, 28.25),))
    watched = watch().feed(flown.samples(), flown.activities())
    (judged,) = told(watched, IsolationTestJudged)
    assert not judged.is_conclusive
    assert judged.reason == "nothing could be read in 15 min"
    assert watched.monitor.view().isolation.suspects == {}


@pytest.mark.slow
def test_a_leak_too_small_for_the_hours_is_said_to_be_so(flight, watch):
    flown = flight(hours=40.0, leak_kg_per_day=lambda _: 0.03, shut=((30.0, 32.0),))
    watched = watch().feed(flown.samples(), flown.activities())
    (judged,) = told(watched, IsolationTestJudged)
    assert not judged.is_conclusive
    assert "show a leak from" in judged.reason


def test_a_tunnel_without_a_gauge_is_said_to_be_unread(flight, watch, station):
    """The cabin alone, in two hours, neither holds the leak nor is cleared of it."""
    unread = replace(station, channels=station.channels[:2])
    flown = flight(hours=33.0, leak_kg_per_day=lambda _: 0.1, shut=((30.0, 32.5),), channels=2)
    watched = watch(unread).feed(flown.samples(), flown.activities())
    (judged,) = told(watched, IsolationTestJudged)
    assert not judged.is_conclusive
    assert judged.reason == "tunnel could not be read"
    assert ClosedSide(sections=("tunnel",)) in judged.sides
    assert "tunnel could not be read" in judged.text


@pytest.mark.slow
def test_a_loss_that_all_share_by_volume_accuses_nobody(flight, watch, blind):
    """The cabin is ten elevenths of the station and loses ten elevenths of 1.5 kg/day."""
    flown = flight(
        hours=60.0,
        leak_kg_per_day=lambda _: 1.5 / 11.0,
        oxygen_kg=lambda h: -1.5 * 10.0 / 11.0 * h / 24.0,
        shut=((30.0, 56.0),),
        channels=5,
    )
    watched = watch(blind).feed(flown.samples(), [*breathless(flown), *flown.activities()])
    (judged,) = told(watched, IsolationTestJudged)
    assert not judged.is_conclusive
    assert judged.reason == "no section loses clearly more than its share"
    assert sum(judged.suspects.values()) < 0.5


@pytest.mark.slow
def test_a_section_that_empties_is_weighed_anew_on_the_way(flight, watch):
    """From 12 kg it loses 3 kg/day for a day and a half, and stays the suspect."""
    flown = flight(hours=68.0, leak_kg_per_day=lambda _: 3.0, shut=((30.0, 66.0),))
    watched = watch().feed(flown.samples(), flown.activities())
    assert watched.monitor.view().isolation.suspects["tunnel"] > 0.99


@pytest.mark.slow
def test_a_section_that_cools_without_a_thermometer_is_told_as_a_phantom(flight, watch, station):
    """It cools by 3 K in eight hours, which is 0.36 kg/day; the whole loses next to nothing."""
    unwarmed = replace(station, channels=(*station.channels[:4], station.channels[5]))
    flown = flight(hours=40.0, leak_kg_per_day=lambda _: 0.02, shut=((30.0, 38.0),))
    samples = flown.samples()
    samples = samples[samples.channel != 4]
    hour = (samples.time_s - flown.start_s) / 3600.0
    cooled = 1.0 - 0.01 * np.clip((hour - 30.0) / 8.0, 0.0, 1.0) * (hour < 38.0)
    samples = replace(
        samples,
        channel=np.where(samples.channel == 5, 4, samples.channel).astype(np.int32),
        value=np.where(samples.channel == 2, samples.value * cooled, samples.value),
    )
    watched = watch(unwarmed).feed(samples, flown.activities())
    (doubted,) = told(watched, IsolationDoubted)
    assert (doubted.doubt, doubted.atmosphere) == (Doubt.PHANTOM, "tunnel")
    assert "not seen by the whole" in doubted.text
    assert watched.monitor.view().isolation.doubts == ()


@pytest.mark.slow
def test_a_section_that_holds_less_than_its_losing_neighbour_may_be_fed_by_it(flight, watch, blind):
    """The tunnel falls by 23 mmHg in three hours, and is steady from then on."""
    flown = flight(
        hours=64.0,
        leak_kg_per_day=lambda h: 3.0 if 30.0 <= h < 33.0 else 0.0,
        oxygen_kg=lambda h: -1.5 * h / 24.0,
        shut=((30.0, 65.0),),
        channels=5,
    )
    watched = watch(blind).feed(flown.samples(), [*breathless(flown), *flown.activities()])
    (doubted,) = told(watched, IsolationDoubted)
    assert (doubted.doubt, doubted.sections) == (Doubt.FED, ("tunnel",))
    assert doubted.time_s > flown.start_s + (33.0 + 23.0) * 3600.0
    assert watched.monitor.view().isolation.doubts == (doubted.text,)


@pytest.mark.slow
def test_a_second_closing_of_the_same_hatch_counts_its_own_hours_only(flight, watch):
    """The tunnel is sealed between two closures, and the second sees a tunnel that is tight."""
    flown = flight(
        hours=72.0,
        leak_kg_per_day=lambda h: 0.6 if h < 44.0 else 0.0,
        shut=((30.0, 40.0), (56.0, 68.0)),
    )
    watched = watch().feed(flown.samples(), flown.activities())
    began = told(watched, IsolationTestBegan)
    assert [e.hatch for e in began] == ["door", "door"]
    side = next(
        s for s in told(watched, IsolationTestJudged)[-1].sides if s.sections == ("tunnel",)
    )
    assert side.leak_rate_low < 0.0 < side.leak_rate_high < 0.3


def test_a_restored_monitor_goes_on_as_the_first_would_have(flight, station, policy):
    flown = flight(hours=38.0, leak_kg_per_day=lambda _: 0.6, shut=((30.0, 36.0),))
    samples, activities = flown.samples(), flown.activities()
    cut_s = flown.start_s + 30.7 * 3600.0
    first = Monitor(station, policy)
    first.observe(samples[samples.received_s < cut_s])
    first.declare([a for a in activities if a.received_s < cut_s])
    first.advance(cut_s)
    second = Monitor(station, policy)
    second.restore(first.snapshot())
    outcomes = []
    for monitor in (first, second):
        monitor.observe(samples[samples.received_s >= cut_s])
        monitor.declare([a for a in activities if a.received_s >= cut_s])
        outcomes.append(monitor.advance(float(samples.received_s[-1])).events)
    assert outcomes[0] == outcomes[1]
    assert any(isinstance(e, IsolationTestJudged) for e in outcomes[0])
    assert first.view().isolation == second.view().isolation


def test_a_station_whose_hatch_was_shut_all_along_is_weighed_without_a_test(flight, watch):
    flown = flight(hours=10.0, leak_kg_per_day=lambda _: 0.6, shut=((0.0, 10.0),))
    shut_s = flown.start_s - 60.0
    message = Activity(time_s=shut_s, received_s=shut_s, name="hatch", hatch="door", state="closed")
    watched = watch().feed(flown.samples(), [message])
    chances = watched.monitor.view().isolation.suspects
    assert chances["tunnel"] > chances["cabin"]
    assert np.isclose(sum(chances.values()), 1.0, atol=0.4)
