"""What holds for every stream: cuts, shifts, restarts and rubbish change nothing."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from service.core.events import ActivityNoted, AlertEvent, Event
from service.core.intake import ClockMode, Doubt
from service.core.monitor import Monitor
from service.core.samples import ACTIVITY_NAMES, Activity, Quality, SampleBatch
from service.core.station import ChannelKind
from service.core.units import S_PER_DAY
from service.core.views import AtmosphereView, Outcome

HOURS = 4.0


@dataclass(frozen=True, slots=True, repr=False)
class Story:
    """What arrives, and what a monitor makes of it in one batch and one call."""

    samples: SampleBatch
    activities: list[Activity]
    whole: Outcome

    @property
    def end_s(self) -> float:
        return float(self.samples.received_s[-1]) + 120.0


@pytest.fixture(scope="session")
def story(flight, station, policy) -> Story:
    """Return four hours with a growth, a shut hatch, messages, late and repeated readings."""
    flown = flight(
        hours=HOURS, leak_kg_per_day=lambda h: 0.1 if h < 1.5 else 12.0, shut=((2.7, 3.3),)
    )
    samples = flown.samples()
    rng = np.random.default_rng(7)
    delay_s = np.where(rng.random(len(samples)) < 0.03, rng.uniform(0.0, 5000.0, len(samples)), 0.0)
    twice = np.sort(np.append(np.arange(len(samples)), rng.integers(0, len(samples), 40)))
    samples = replace(samples, received_s=samples.received_s + delay_s)[twice]
    samples = samples[np.argsort(samples.received_s, kind="stable")]
    start_s = float(samples.time_s.min())
    told = [
        Activity(time_s=start_s + at_s, received_s=start_s + at_s + 30.0, name=name, value=value)
        for at_s, name, value in (
            (600.0, "crew", 7.0),
            (900.0, "oxygen_generation", 5.0 / S_PER_DAY),
            (8000.0, "crew", 3.0),
            (12500.5, "docking", 2.0),
        )
    ]
    activities = sorted(flown.activities() + told, key=lambda a: a.received_s)
    story = Story(samples, activities, Outcome())
    return replace(story, whole=in_pieces(Monitor(station, policy), story, [], []))


def in_pieces(monitor: Monitor, story: Story, cuts_s: list[float], advances: list[bool]) -> Outcome:
    """Feed a stream cut at the given times, with `advance` called after some of the pieces."""
    samples, activities = story.samples, story.activities
    events: list[Event] = []
    estimates: list[AtmosphereView] = []
    edges = [*sorted(cuts_s), np.inf]
    for before, cut, now in zip([-np.inf, *edges], edges, [*advances, True], strict=False):
        inside = (samples.received_s >= before) & (samples.received_s < cut)
        monitor.observe(samples[inside])
        monitor.declare([a for a in activities if before <= a.received_s < cut])
        if now:
            outcome = monitor.advance(min(cut, story.end_s))
            events += outcome.events
            estimates += outcome.estimates
    return Outcome(events=tuple(events), estimates=tuple(estimates))


def test_the_stream_of_these_tests_brings_alerts_estimates_and_every_event_kind(story):
    kinds = {type(event).__name__ for event in story.whole.events}
    assert {"AlertEvent", "AtmospheresChanged", "ActivityNoted"} <= kinds
    rules = {event.rule for event in story.whole.events if isinstance(event, AlertEvent)}
    assert {"leak_growth", "leak_rate_high"} <= rules
    assert len(story.whole.estimates) > 20


offsets = st.floats(0.0, HOURS * 3600.0)


@settings(max_examples=12)
@given(cuts=st.lists(st.tuples(offsets, st.booleans()), max_size=40))
def test_how_a_stream_is_cut_into_batches_changes_nothing(story, station, policy, cuts):
    first_s = float(story.samples.received_s[0])
    cuts = sorted(cuts)
    outcome = in_pieces(
        Monitor(station, policy), story, [first_s + c for c, _ in cuts], [now for _, now in cuts]
    )
    assert outcome == story.whole


def test_single_samples_with_a_tick_after_each_change_nothing(story, station, policy):
    cuts_s = np.unique(story.samples.received_s).tolist()
    outcome = in_pieces(Monitor(station, policy), story, cuts_s, [True] * len(cuts_s))
    assert outcome == story.whole


@pytest.mark.parametrize("noise_pa", [0.0, 12.0])
def test_a_fall_at_one_reading_a_second_is_told_in_the_same_second_however_it_is_cut(
    flight, station, policy, noise_pa
):
    """Half an hour as usual, then a hole of 25 mm; noise of 0.1 mmHg alone looks low at times."""
    flown = flight(
        hours=0.55, spacing_s=1.0, leak_kg_per_day=lambda h: 0.1 if h < 0.5 else 8000.0, channels=5
    )
    samples = flown.samples()
    samples = samples[np.argsort(samples.received_s, kind="stable")]
    noise = np.random.default_rng(2).normal(0.0, noise_pa, len(samples))
    is_gauge = np.array([c.kind is ChannelKind.PRESSURE for c in station.channels])
    value = samples.value + np.where(is_gauge[samples.channel], noise, 0.0)
    story = Story(replace(samples, value=value), [], Outcome())
    whole = in_pieces(Monitor(station, policy), story, [], [])
    cuts_s = np.arange(story.samples.received_s[0], story.end_s).tolist()
    assert in_pieces(Monitor(station, policy), story, cuts_s, [True] * len(cuts_s)) == whole
    assert "rapid_depressurisation" in {e.rule for e in whole.events if isinstance(e, AlertEvent)}


@settings(max_examples=6)
@given(cuts=st.lists(st.integers(0, 1400), max_size=30))
def test_on_the_event_clock_cuts_change_nothing_either(story, station, policy, cuts):
    samples, activities = story.samples, story.activities
    policy = replace(policy, clock=ClockMode.EVENT)

    def run(edges: list[int]) -> tuple[list[Event], list[AtmosphereView]]:
        monitor = Monitor(station, policy)
        waiting = list(activities)
        events: list[Event] = []
        estimates: list[AtmosphereView] = []
        for first, last in zip([0, *edges], [*edges, len(samples)], strict=True):
            monitor.observe(samples[first:last])
            if monitor.now_s is None:
                continue
            clock_s = monitor.now_s
            monitor.declare([a for a in waiting if a.time_s < clock_s])
            waiting = [a for a in waiting if a.time_s >= clock_s]
            outcome = monitor.advance(clock_s)
            events += outcome.events
            estimates += outcome.estimates
        return events, estimates

    assert run(sorted(cuts)) == run([])


@settings(max_examples=6)
@given(steps=st.integers(-100_000, 100_000))
def test_a_shift_of_all_times_by_whole_ticks_shifts_the_outcome_and_nothing_else(
    story, station, policy, steps
):
    shift_s = 600.0 * steps
    samples, activities = story.samples, story.activities
    moved = replace(
        samples, time_s=samples.time_s + shift_s, received_s=samples.received_s + shift_s
    )
    told = [
        replace(a, time_s=a.time_s + shift_s, received_s=a.received_s + shift_s) for a in activities
    ]
    outcome = in_pieces(Monitor(station, policy), Story(moved, told, Outcome()), [], [])
    assert [type(e) for e in outcome.events] == [type(e) for e in story.whole.events]
    for now, then in zip(outcome.events, story.whole.events, strict=True):
        assert now.time_s - shift_s == then.time_s
        if isinstance(now, AlertEvent) and isinstance(then, AlertEvent):
            assert (now.rule, now.event, now.state, now.severity, now.atmosphere) == (
                then.rule,
                then.event,
                then.state,
                then.severity,
                then.atmosphere,
            )
            assert now.suspects == pytest.approx(then.suspects)
            if then.onset_time_s is not None:
                assert now.onset_time_s - shift_s == pytest.approx(then.onset_time_s, abs=1.0)
    for row, was in zip(outcome.estimates, story.whole.estimates, strict=True):
        assert row.time_s - shift_s == was.time_s
        assert row.pressure_pa == pytest.approx(was.pressure_pa)
        assert row.quality is was.quality
        if was.leak is not None:
            assert row.leak is not None
            error = was.leak.high_kg_per_s - was.leak.rate_kg_per_s
            assert row.leak.rate_kg_per_s == pytest.approx(was.leak.rate_kg_per_s, abs=error / 1e3)


@settings(max_examples=10)
@given(stop=offsets, lag_s=st.floats(0.0, 100.0))
def test_a_snapshot_restored_into_a_fresh_monitor_goes_on_as_if_never_stopped(
    story, station, policy, stop, lag_s
):
    """The stop may come with readings pending, and the hatch shut; the first monitor lives on."""
    samples, activities = story.samples, story.activities
    start_s = float(samples.received_s[0])
    cut_s = start_s + stop
    first = Monitor(station, policy)
    first.observe(samples[samples.received_s < cut_s])
    first.declare([a for a in activities if a.received_s < cut_s])
    before = first.advance(max(cut_s - lag_s, start_s))
    state = first.snapshot()
    second = Monitor(station, policy)
    for monitor in (first, second):
        if monitor is second:
            monitor.restore(state)
        monitor.observe(samples[samples.received_s >= cut_s])
        monitor.declare([a for a in activities if a.received_s >= cut_s])
        after = monitor.advance(story.end_s)
        assert before.events + after.events == story.whole.events
        assert before.estimates + after.estimates == story.whole.estimates
    assert first.view() == second.view()


def test_a_restored_monitor_shows_what_the_stopped_one_showed(story, station, policy):
    first, second = Monitor(station, policy), Monitor(station, policy)
    in_pieces(first, story, [], [])
    second.restore(first.snapshot())
    assert second.view() == first.view()
    assert second.now_s == first.now_s


rubbish = st.sampled_from(
    [
        {"value": np.nan},
        {"value": np.inf},
        {"value": -np.inf},
        {"time_s": np.nan},
        {"time_s": np.inf},
        {"value": 9.0e9},
        {"value": -5.0e3},
        {"quality": Quality.BAD},
        {"time_s": 0.0},
        {"time_s": 4.1e9},
    ]
)


@settings(max_examples=10)
@given(
    faults=st.lists(st.tuples(st.integers(1, 1400), rubbish), min_size=1, max_size=60, unique_by=id)
)
def test_rubbish_is_reported_and_changes_no_estimate_and_no_event(story, station, policy, faults):
    samples, activities = story.samples, story.activities
    rows = np.array([row for row, _ in faults])
    bad = samples[rows]
    columns = {name: getattr(bad, name).copy() for name in ("value", "time_s", "quality")}
    for i, (_, fault) in enumerate(faults):
        for name, value in fault.items():
            columns[name][i] = value
    bad = replace(bad, **columns)
    order = np.argsort(np.concatenate([np.arange(len(samples)), rows - 0.5]), kind="stable")
    dirty = SampleBatch.concatenate([samples, bad])[order]
    monitor = Monitor(station, policy)
    screened = monitor.observe(dirty)
    monitor.declare(activities)
    assert monitor.advance(story.end_s) == story.whole
    assert len(screened.rejected) == len(screened.reasons) == len(faults)
    assert set(screened.reasons) <= set(Doubt)
    assert len(screened.accepted) == len(samples)


any_value = st.one_of(
    st.floats(9.0e4, 1.1e5),
    st.floats(280.0, 300.0),
    st.floats(-300.0, 3.1e5),
    st.floats(allow_nan=False, allow_infinity=False),
)
any_sample = st.tuples(
    st.integers(0, 5),
    st.floats(-9000.0, 9000.0),
    st.floats(0.0, 900.0),
    any_value,
    st.sampled_from(Quality),
)
any_activity = st.builds(
    lambda late_s, **kw: (late_s, kw),
    st.floats(0.0, 7200.0),
    name=st.one_of(st.sampled_from(sorted(ACTIVITY_NAMES)), st.text(max_size=5)),
    section=st.sampled_from([None, "cabin", "tunnel", "nowhere"]),
    hatch=st.sampled_from([None, "door", "port", "nothing"]),
    state=st.sampled_from(
        [None, "start", "stop", "open", "closed", "unknown", "equalising", "on", "off", "ajar"]
    ),
    value=st.one_of(st.none(), st.floats(-1e3, 1e6)),
    gas=st.sampled_from([None, "air", "O2"]),
)
rounds = st.lists(
    st.tuples(
        st.lists(any_sample, max_size=12),
        st.lists(any_activity, max_size=3),
        st.floats(-100.0, 20_000.0),
    ),
    max_size=12,
)


@pytest.mark.parametrize("mode", list(ClockMode))
# A failure is shown as drawn, for shrinking whole stories takes minutes.
@settings(max_examples=25, phases=[Phase.explicit, Phase.generate])
@given(rounds=rounds, from_s=st.sampled_from([None, 1.0, 3.0]))
def test_the_core_never_raises_whatever_arrives(story, station, policy, mode, rounds, from_s):
    """Samples of any order and value, and messages of any kind, onto a fresh or a busy monitor."""
    monitor = Monitor(station, replace(policy, clock=mode))
    samples = story.samples
    now_s = float(samples.received_s[0])
    if from_s is not None:
        monitor.observe(samples[samples.received_s < now_s + from_s * 3600.0])
        now_s += from_s * 3600.0
        monitor.advance(now_s)
    for drawn, told, later_s in rounds:
        channel, ago_s, wait_s, value, quality = (
            np.array(column, dtype)
            for column, dtype in zip(
                zip(*drawn, strict=True) if drawn else [()] * 5,
                (np.int32, float, float, float, np.uint8),
                strict=True,
            )
        )
        monitor.observe(
            SampleBatch(
                channel=channel,
                time_s=now_s - ago_s,
                received_s=now_s + wait_s,
                value=value,
                quality=quality,
            )
        )
        monitor.declare(
            [Activity(time_s=now_s - late_s, received_s=now_s, **kw) for late_s, kw in told]
        )
        now_s += later_s
        outcome = monitor.advance(now_s)
        for estimate in outcome.estimates:
            if estimate.leak is not None:
                assert np.isfinite(estimate.leak.rate_kg_per_s)
                assert estimate.leak.low_kg_per_s <= estimate.leak.high_kg_per_s
        monitor.view()
    monitor.restore(monitor.snapshot())


def test_a_monitor_that_has_seen_nothing_knows_nothing(station, policy):
    monitor = Monitor(station, policy)
    assert monitor.advance(1.7e9) == Outcome()
    view = monitor.view()
    assert (view.now_s, view.atmospheres, view.alerts, view.last_sample_s) == (None, (), (), {})
    assert [s.pressure_pa for s in view.sections] == [None, None]
    assert monitor.now_s is None


def test_a_monitor_can_start_from_a_message_alone(station, policy):
    monitor = Monitor(station, policy)
    monitor.declare([Activity(time_s=1.7e9, received_s=1.7e9, name="note")])
    (noted,) = monitor.advance(1.7e9 + 100.0).events
    assert isinstance(noted, ActivityNoted)
    assert (noted.name, noted.understood, noted.place) == ("note", True, "small")
    assert monitor.view().now_s == 1.7e9 + 100.0
    assert [a.pressure_pa for a in monitor.view().atmospheres] == [None]


def test_estimates_come_on_the_grid_of_the_clock(story):
    assert {e.time_s % 600.0 for e in story.whole.estimates} == {0.0}
