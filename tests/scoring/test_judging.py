"""What counts as found, as false and as said too often, on events written by hand."""

import dataclasses
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.events import AlertEvent
from service.scoring.judging import Finding, Judgement, distinct, judge
from service.scoring.truths import Change
from service.scoring.watching import Watched
from tests.scoring.conftest import H, alert, case, growth, repair

HOURS = st.integers(0, 4 * 499).map(lambda quarters: quarters / 4)
EVENTS = st.builds(
    alert,
    HOURS,
    st.sampled_from(["raised", "escalated", "updated", "pending", "returned", "cleared"]),
    st.sampled_from(["leak_growth", "leak_rate", "pressure_rate", "reserve_time", "limit"]),
    st.sampled_from(["emergency", "warning", "caution", "advisory"]),
    sections=st.sampled_from([("core", "ring"), ("ring",), ("core",)]),
)
STORIES = st.lists(EVENTS, max_size=12).map(lambda events: sorted(events, key=lambda e: e.time_s))
CHANGES = st.sampled_from(
    [[], [growth(100)], [growth(100), growth(220)], [growth(100), repair(200)]]
)


def only(changes: list[Change], alerts: list[AlertEvent]) -> Finding:
    (finding,) = judge(case(changes, alerts)).findings
    return finding


def last(changes: list[Change], alerts: list[AlertEvent]) -> Finding:
    return judge(case(changes, alerts)).findings[-1]


def test_the_delay_counts_from_the_true_change_to_the_alert():
    assert only([growth(100)], [alert(117)]).delay_s == 17 * H


def test_what_is_not_found_has_no_delay():
    assert only([growth(100)], []).delay_s is None


@given(HOURS)
def test_one_alert_is_either_a_finding_or_false(at_h):
    judgement = judge(case([growth(100)], [alert(at_h)]))
    found = judgement.findings[0].delay_s is not None
    assert found == (at_h >= 100)
    assert len(judgement.false_s) == (at_h < 100)


@pytest.mark.parametrize("kind", ["leak_growth", "leak_rate"])
@pytest.mark.parametrize("event", ["raised", "escalated"])
@pytest.mark.parametrize("severity", ["caution", "warning", "emergency"])
def test_growth_and_rate_of_caution_or_above_find_a_leak(kind, event, severity):
    assert only([growth(100)], [alert(110, event, kind, severity)]).delay_s == 10 * H


@pytest.mark.parametrize("event", ["updated", "pending", "returned", "cleared"])
def test_what_calls_nobody_finds_nothing(event):
    assert only([growth(100)], [alert(110, event)]).delay_s is None


def test_an_advisory_finds_nothing():
    assert only([growth(100)], [alert(110, severity="advisory")]).delay_s is None


@pytest.mark.parametrize("kind", ["pressure_rate", "reserve_time"])
def test_falling_pressure_finds_a_hole_and_no_crack(kind):
    alerts = [alert(101, kind=kind)]
    assert only([growth(100, 12.0)], alerts).delay_s == H
    assert only([growth(100, 0.5)], alerts).delay_s is None


def test_a_limit_finds_nothing():
    assert only([growth(100, 12.0)], [alert(101, kind="limit")]).delay_s is None


def test_an_alert_must_be_about_the_atmosphere_that_leaks():
    alerts = [alert(105, sections=("core",)), alert(120, sections=("ring",))]
    finding = only([growth(100)], alerts)
    assert finding.delay_s == 20 * H
    assert finding.misplaced == 1


def test_a_likely_suspect_in_another_atmosphere_names_the_place_too():
    likely = alert(105, sections=("core",), suspects={"core": 0.5, "ring": 0.4})
    unlikely = alert(105, sections=("core",), suspects={"core": 0.9, "ring": 0.1})
    assert only([growth(100)], [likely]).delay_s == 5 * H
    assert only([growth(100)], [unlikely]).delay_s is None


def test_an_alert_raised_too_early_finds_nothing_unless_it_escalates():
    early = [alert(90), alert(105, "updated")]
    assert only([growth(100)], early).delay_s is None
    assert only([growth(100)], [*early, alert(110, "escalated")]).delay_s == 10 * H


def test_the_second_of_two_growths_is_found_by_an_escalation():
    alerts = [alert(110), alert(215, "escalated")]
    first, second = judge(case([growth(100), growth(200)], alerts)).findings
    assert (first.delay_s, second.delay_s) == (10 * H, 15 * H)


def test_an_alert_that_is_still_open_does_not_find_the_second_growth():
    assert last([growth(100), growth(200)], [alert(110)]).delay_s is None


@given(st.integers(1, 47))
def test_who_raises_without_a_cause_before_the_second_growth_is_not_credited(every_h):
    alerts = [alert(110)]
    at_h = 110 + every_h
    while at_h < 300:
        alerts.append(alert(at_h, "escalated"))
        at_h += every_h
    assert last([growth(100), growth(200)], alerts).delay_s is None


def test_the_first_finding_is_no_crying_though_it_comes_late():
    alerts = [alert(190), alert(215, "escalated")]
    assert last([growth(100), growth(200)], alerts).delay_s == 15 * H


def test_crying_spoils_only_its_own_rule():
    alerts = [alert(110), alert(180, "escalated"), alert(210, kind="leak_rate")]
    assert last([growth(100), growth(200)], alerts).delay_s == 10 * H


def test_news_more_than_two_days_before_is_no_crying():
    alerts = [alert(110), alert(151, "escalated"), alert(215, "escalated")]
    assert last([growth(100), growth(200)], alerts).delay_s == 15 * H


def test_without_a_growth_every_alert_is_false():
    assert judge(case([], [alert(50), alert(300)])).false_s == (50 * H, 300 * H)


def test_false_alerts_nearer_than_six_hours_are_one():
    assert len(judge(case([], [alert(50), alert(52, kind="leak_rate")])).false_s) == 1


@pytest.mark.parametrize(("at_h", "false"), [(210, 0), (271, 0), (273, 1)])
def test_an_alert_is_false_from_three_days_after_the_repair(at_h, false):
    assert len(judge(case([growth(100), repair(200)], [alert(at_h)])).false_s) == false


def test_an_alert_after_the_repair_was_over_does_not_find_the_leak():
    assert only([growth(100), repair(200)], [alert(273)]).delay_s is None


def test_quiet_is_all_the_time_in_which_an_alert_would_be_false():
    assert judge(case([], [])).quiet_s == 500 * H
    assert judge(case([growth(100)], [])).quiet_s == 100 * H
    assert judge(case([growth(100), repair(200)], [])).quiet_s == (100 + 500 - 272) * H
    assert judge(case([growth(100), repair(200), growth(300)], [])).quiet_s == (100 + 28) * H


def test_falling_pressure_in_quiet_is_counted_apart():
    judgement = judge(case([], [alert(50, kind="pressure_rate", severity="emergency")]))
    assert (judgement.false_s, judgement.false_fast_s) == ((), (50 * H,))


def test_the_onset_is_held_against_the_change():
    finding = only([growth(100)], [alert(110, onset_h=(97, 99, 101))])
    assert (finding.onset_error_s, finding.onset_held) == (-H, True)
    assert only([growth(100)], [alert(110, onset_h=(101, 103, 105))]).onset_held is False


def test_a_ramp_has_no_moment_of_onset_and_an_alert_may_tell_none():
    ramp = growth(100, until_h=180)
    assert only([ramp], [alert(110, onset_h=(97, 99, 101))]).onset_held is None
    assert only([growth(100)], [alert(110)]).onset_held is None


def test_an_alert_is_resolved_when_none_stands_any_more():
    alerts = [
        alert(110),
        alert(120, kind="leak_rate"),
        alert(210, "returned"),
        alert(215, "returned", "leak_rate"),
    ]
    judgement = judge(case([growth(100), repair(200)], alerts))
    assert (judgement.resolved_s, judgement.outlived, judgement.early) == (15 * H, 0, 0)


def test_an_alert_that_stands_to_the_end_outlives_the_repair():
    judgement = judge(case([growth(100), repair(200)], [alert(110)]))
    assert (judgement.resolved_s, judgement.outlived) == (None, 1)


def test_where_no_alert_stood_there_is_nothing_to_resolve():
    judgement = judge(case([growth(100), repair(200)], []))
    assert (judgement.resolved_s, judgement.outlived) == (None, 0)


def test_an_alert_that_is_over_while_it_leaks_is_early_and_the_next_is_a_repeat():
    alerts = [alert(110), alert(120, "returned"), alert(130)]
    judgement = judge(case([growth(100)], alerts))
    assert (judgement.early, judgement.repeats) == (1, 1)
    both = [alert(110), alert(112, kind="leak_rate"), alert(120, "returned")]
    judgement = judge(case([growth(100)], both))
    assert (judgement.early, judgement.repeats) == (0, 0)


@given(st.lists(st.floats(0.0, 1e6), max_size=30))
def test_distinct_times_are_six_hours_apart_and_stand_for_all(times_s):
    kept = distinct(times_s)
    assert all(b - a >= 6 * H for a, b in pairwise(kept))
    assert set(kept) <= set(times_s)
    assert all(any(0 <= t - k < 6 * H for k in kept) for t in times_s)


@given(CHANGES, STORIES)
def test_what_calls_nobody_changes_neither_findings_nor_false_alerts(changes, story):
    calling = [e for e in story if e.event.value in ("raised", "escalated")]
    loud = [e for e in calling if e.severity.value != "advisory"]
    whole, part = judge(case(changes, story)), judge(case(changes, loud))
    assert (whole.findings, whole.false_s) == (part.findings, part.false_s)


@given(CHANGES, STORIES, st.integers(-1000, 1000))
def test_a_shift_of_all_times_shifts_nothing_else(changes, story, hours):
    moved = shifted(case(changes, story), hours * H)
    assert without_times(judge(moved)) == without_times(judge(case(changes, story)))


@given(CHANGES, STORIES)
def test_an_alert_is_never_false_while_a_leak_that_grew_runs(changes, story):
    judgement = judge(case(changes, story))
    spans = [(100, 272 if changes[-1].after_kg_per_day == 0 else 500)] if changes else []
    assert not [t for t in judgement.false_s for a, b in spans if a * H <= t < b * H]
    assert judgement.quiet_s == 500 * H - sum(b - a for a, b in spans) * H


@given(STORIES, HOURS)
def test_one_more_alert_never_makes_the_finding_later(story, at_h):
    more = sorted([*story, alert(at_h)], key=lambda e: e.time_s)
    before, after = only([growth(100)], story), only([growth(100)], more)
    never = math.inf
    assert (never if after.delay_s is None else after.delay_s) <= (
        never if before.delay_s is None else before.delay_s
    )


def shifted(watched: Watched, by_s: float) -> Watched:
    truth = watched.truth
    changes = [
        dataclasses.replace(c, time_s=c.time_s + by_s, until_s=c.until_s + by_s)
        for c in truth.changes
    ]
    return dataclasses.replace(
        watched,
        truth=dataclasses.replace(
            truth,
            start_s=truth.start_s + by_s,
            end_s=truth.end_s + by_s,
            changes=tuple(changes),
        ),
        alerts=tuple(dataclasses.replace(e, time_s=e.time_s + by_s) for e in watched.alerts),
    )


def without_times(judgement: Judgement) -> tuple[object, ...]:
    rounded = [
        (None if f.delay_s is None else round(f.delay_s), f.misplaced) for f in judgement.findings
    ]
    counts = (len(judgement.false_s), len(judgement.false_fast_s), judgement.outlived)
    return rounded, counts, judgement.early, judgement.repeats, round(judgement.quiet_s)
