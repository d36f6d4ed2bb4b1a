"""Stories of a day or three on the small station, and what its monitor makes of them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from service.core.events import AlertState, AtmospheresChanged, CauseNamed, Severity
from service.core.samples import Activity, Quality, SampleBatch
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.core.views import Balance, EstimateQuality

DAY_H = 24.0


def leak(*steps: tuple[float, float]):
    """Return a leak rate in kg/day that steps to the given values at the given hours."""
    return lambda hour: next(rate for start, rate in reversed(steps) if hour >= start)


def nobody_breathes(at_s: float) -> list[Activity]:
    """Return messages by which all oxygen is accounted for."""
    return [
        Activity(time_s=at_s, received_s=at_s, name=name, value=0.0)
        for name in ("crew", "oxygen_generation")
    ]


@pytest.fixture(scope="session")
def fly(flight, watch):
    """Return how to fly a story and watch it."""

    def flown(**story: Any) -> Any:
        told = flight(**story)
        return watch().feed(told.samples(), told.activities())

    return flown


@pytest.fixture(scope="session")
def grown(fly):
    """Return two days: after one, the leak grows from 0.1 to 0.7 kg/day."""
    return fly(hours=2 * DAY_H, leak_kg_per_day=leak((0, 0.1), (DAY_H, 0.7)))


def test_a_growth_raises_one_alert_within_half_a_day(grown, flight):
    (raised,) = grown.alerts("leak_growth")
    start_s = flight(hours=1.0).start_s
    assert raised.event == "raised"
    assert raised.state is AlertState.UNACKNOWLEDGED
    assert S_PER_DAY < raised.time_s - start_s < 1.5 * S_PER_DAY


def test_the_onset_interval_of_a_growth_holds_the_true_onset(grown, flight):
    (raised,) = grown.alerts("leak_growth")
    onset_s = flight(hours=1.0).start_s + S_PER_DAY
    assert raised.onset_low_s < onset_s < raised.onset_high_s < raised.time_s
    assert raised.onset_low_s < raised.onset_time_s < raised.onset_high_s


def test_after_a_growth_the_interval_of_the_rate_holds_the_truth(grown):
    leak = grown.last("cabin").leak
    assert leak.low_kg_per_s < 0.7 / S_PER_DAY < leak.high_kg_per_s
    assert leak.high_kg_per_s - leak.low_kg_per_s < 0.5 / S_PER_DAY


def test_the_growth_is_what_the_rate_rose_by(grown):
    growth = grown.last("cabin").growth
    assert growth.growth_low_kg_per_s < 0.6 / S_PER_DAY < growth.growth_high_kg_per_s
    assert growth.statistic_ratio >= 1.0


def test_a_growth_alert_says_where_how_fast_since_when_and_what_to_do(grown):
    (raised,) = grown.alerts("leak_growth")
    for part in ("cabin", "kg/day", "UTC", "Likeliest", "mm", "Shut the hatch."):
        assert part in raised.text
    assert raised.sections == ("cabin", "tunnel")
    assert sum(raised.suspects.values()) == pytest.approx(1.0)
    assert raised.leak_rate_low < raised.leak_rate_kg_per_day < raised.leak_rate_high


def test_the_reserve_time_is_that_of_a_leak_proportional_to_the_pressure(grown):
    last = grown.last("cabin")
    expected_s = last.air_mass_kg / last.leak.rate_kg_per_s
    expected_s *= np.log(last.pressure_pa / (490.0 * PA_PER_MMHG))
    assert last.reserve_time_s["evacuation"] == pytest.approx(expected_s)


def test_a_growth_upon_a_growth_escalates_the_alert_and_raises_no_second(fly):
    flown = fly(hours=60.0, leak_kg_per_day=leak((0, 0.1), (DAY_H, 0.7), (44.0, 2.0)))
    raised, escalated = flown.alerts("leak_growth", "raised", "escalated")
    assert (raised.event, escalated.event) == ("raised", "escalated")
    assert escalated.alert_id == raised.alert_id
    assert escalated.onset_low_s < flown.outcome.estimates[0].time_s + 44 * 3600.0
    assert escalated.onset_low_s > raised.time_s - 2 * 3600.0
    leak_now = flown.last("cabin").leak
    assert leak_now.low_kg_per_s < 2.0 / S_PER_DAY < leak_now.high_kg_per_s


def test_a_repair_returns_the_alert(fly):
    flown = fly(hours=60.0, leak_kg_per_day=leak((0, 0.1), (DAY_H, 0.7), (40.0, 0.1)))
    raised, returned = flown.alerts("leak_growth", "raised", "returned")
    assert returned.alert_id == raised.alert_id
    assert returned.state is AlertState.RETURNED_UNACKNOWLEDGED
    assert returned.time_s > raised.time_s
    assert flown.last("cabin").growth.growth_kg_per_s is None


@pytest.mark.parametrize("seed", [1, 2])
def test_a_steady_leak_raises_nothing_and_is_measured(fly, seed):
    flown = fly(hours=40.0, leak_kg_per_day=leak((0, 0.25)), seed=seed)
    assert flown.alerts("leak_growth") == []
    assert flown.alerts("leak_rate_high") == []
    last = flown.last("cabin")
    assert last.quality is EstimateQuality.GOOD
    assert last.leak.low_kg_per_s < 0.25 / S_PER_DAY < last.leak.high_kg_per_s


@pytest.fixture(scope="session")
def shut_twice(fly):
    """Return three days: the tunnel's leak grows at 24 h and the tunnel is shut twice after."""
    return fly(
        hours=72.0,
        leak_kg_per_day=leak((0, 0.1), (DAY_H, 0.7)),
        shut=((34.0, 44.0), (58.0, 66.0)),
    )


def test_shutting_the_hatch_finds_the_leaking_section(shut_twice):
    leaks = shut_twice.monitor._leaks
    (growth,) = leaks.growths
    assert growth.suspects[1] > 0.6
    tunnel = [e for e in shut_twice.outcome.estimates if e.sections == ("tunnel",)]
    assert tunnel[-1].growth.growth_kg_per_s > 0.3 / S_PER_DAY
    cabin = [e for e in shut_twice.outcome.estimates if e.sections == ("cabin",)]
    assert cabin[-1].leak.low_kg_per_s < 0.02 / S_PER_DAY


def test_each_move_of_the_hatch_regroups_the_atmospheres(shut_twice):
    changes = [e for e in shut_twice.outcome.events if isinstance(e, AtmospheresChanged)]
    apart, together = (("cabin",), ("tunnel",)), (("cabin", "tunnel"),)
    assert [c.atmospheres for c in changes] == [apart, together, apart, together]
    assert changes[0].reason == "hatch door closed"


def test_once_known_the_alert_goes_with_its_suspect_through_split_and_merge(shut_twice, flight):
    start_s = flight(hours=1.0).start_s
    raised = shut_twice.alerts("leak_growth", "raised")
    tunnel_id = next(e.alert_id for e in raised if e.atmosphere == "tunnel")
    assert not [e for e in raised if e.time_s > start_s + 44 * 3600.0]
    (shown,) = [a for a in shut_twice.monitor.view().alerts if a.rule == "leak_growth"]
    assert shown.alert_id == tunnel_id
    assert (shown.atmosphere, shown.state) == ("cabin", AlertState.UNACKNOWLEDGED)


@pytest.mark.parametrize("sees_oxygen", [True, False])
def test_what_the_crew_breathes_is_no_leak_growth(flight, watch, blind, sees_oxygen):
    """Oxygen falls from 36 h on, by 0.7 kg/day where it is seen and by 0.25 with no word of it."""
    flown = flight(
        hours=60.0,
        oxygen_kg=lambda h: -(0.7 if sees_oxygen else 0.25) * max(h - 36.0, 0.0) / 24.0,
        channels=6 if sees_oxygen else 5,
    )
    watched = watch() if sees_oxygen else watch(blind)
    watched.feed(flown.samples())
    assert watched.alerts("leak_growth") == []
    assert watched.last("cabin").balance is (Balance.NITROGEN if sees_oxygen else Balance.TOTAL)


@pytest.mark.parametrize("declared", [None, "vent"])
def test_a_jump_of_mass_is_booked_as_a_step_and_is_no_leak(flight, watch, declared):
    flown = flight(hours=34.0, oxygen_kg=lambda h: -0.5 if h >= 30.0 else 0.0)
    at_s = flown.start_s + 30 * 3600.0
    told = [
        Activity(time_s=at_s, received_s=at_s - 1e4, name=n, section="cabin")
        for n in {declared} - {None}
    ]
    watched = watch().feed(flown.samples(), told)
    assert watched.alerts("leak_growth") == []
    steps = [e for e in watched.outcome.events if isinstance(e, CauseNamed)]
    assert sum(step.mass_kg or 0.0 for step in steps) == pytest.approx(-0.5, abs=0.15)
    assert steps[0].since_s == pytest.approx(at_s, abs=300.0)
    assert (steps[0].atmosphere, steps[0].declared_as) == ("cabin", declared)


# ------------------------------------------------------------------ seconds


SECONDS = np.arange(600.0)
BREAK_S = 300.0
FALL_PA_PER_S = 1.0 * PA_PER_MMHG / 60.0


@pytest.fixture
def seconds(make_series, flight):
    """Return ten minutes at 1 Hz, with some of the three gauges falling in the second half."""

    def record(falling: set[int], gauges: int = 3) -> Any:
        start_s = flight(hours=1.0).start_s
        rng = np.random.default_rng(3)
        fall = np.clip(SECONDS - BREAK_S, 0.0, None) * FALL_PA_PER_S
        level = 99_000.0 + rng.normal(0.0, 3.0, (gauges, len(SECONDS)))
        return make_series(
            start_s + SECONDS,
            {i: level[i] - (fall if i in falling else 0.0) for i in range(gauges)},
        )

    return record


def test_two_falling_gauges_are_an_emergency_within_seconds(watch, seconds):
    watched = watch().feed(seconds({0, 2}))
    raised = watched.alerts("rapid_depressurisation", "raised")
    first_s = watched.outcome.events[0].time_s
    broke_s = float(seconds(set()).time_s[0]) + BREAK_S
    assert [e.severity for e in raised] == [Severity.EMERGENCY]
    assert first_s > broke_s
    assert raised[0].time_s - broke_s <= 60.0
    assert "mmHg/min" in raised[0].text


def test_one_lying_gauge_of_three_raises_nothing(watch, seconds):
    assert watch().feed(seconds({0})).alerts("rapid_depressurisation") == []


def test_a_lone_gauge_raises_a_warning_at_most_unless_it_may_do_more(watch, lone, seconds):
    falling = seconds({0}, gauges=1)
    for may, severity in ((False, Severity.WARNING), (True, Severity.EMERGENCY)):
        watched = watch(lone, single_sensor_emergency=may).feed(falling)
        events = watched.alerts("rapid_depressurisation")
        assert {e.severity for e in events} == {severity}
        assert "raised" in {e.event for e in events}


def test_a_declared_venting_is_no_emergency_where_it_happens(watch, seconds):
    falling = seconds({0, 1, 2})
    start_s = float(falling.received_s[0])
    vent = Activity(
        time_s=start_s, received_s=start_s, name="airlock_depressurisation", section="cabin",
        state="start",
    )  # fmt: skip
    assert watch().feed(falling, [vent]).alerts("rapid_depressurisation") == []


@pytest.mark.parametrize("declared", [True, False])
def test_an_airlock_that_stands_empty_for_a_declared_eva_has_no_reserve_time(
    watch, minutes, flight, declared
):
    """Two hours full, shut, emptied within ten minutes, and empty for three hours."""
    start_s = flight(hours=1.0).start_s + 2 * 3600.0
    told = [("hatch", "closed"), ("airlock_depressurisation", "start"), ("eva", "start")]
    tunnel = [745.0] * 120 + np.linspace(745.0, 1.0, 10).tolist() + [1.0] * 180
    air = SampleBatch.concatenate([minutes([745.0] * 310), minutes(tunnel, channels=(2,))])
    watched = watch().feed(
        air[np.argsort(air.time_s, kind="stable")],
        [
            Activity(
                time_s=start_s, received_s=start_s, name=name, state=state, section="tunnel",
                hatch="door" if name == "hatch" else None,
            )
            for name, state in told[: None if declared else 1]
        ],
    )  # fmt: skip
    raised = watched.alerts("reserve_time", "raised")
    assert [alert.atmosphere for alert in raised] == ([] if declared else ["tunnel"])


def test_a_fall_that_ends_returns_after_its_keeping_time(watch, seconds, make_series):
    falling = seconds({0, 1})
    end_s, end_pa = float(falling.time_s[-1]), float(falling.value[-3])
    after = make_series(
        end_s + 1.0 + np.arange(600.0), dict.fromkeys(range(2), end_pa) | {2: 99_000.0}
    )
    watched = watch().feed(falling).feed(after)
    events = watched.alerts("rapid_depressurisation", "raised", "returned")
    assert [e.event for e in events] == ["raised", "returned"]
    assert 60.0 <= events[1].time_s - end_s <= 400.0


# ------------------------------------------------------- limits, silence, unknown


@pytest.fixture
def minutes(make_series, flight):
    """Return how to make minutes of given pressures in mmHg from the two cabin gauges."""

    def record(
        pressures_mmhg: list[float], after_min: float = 0.0, channels: tuple[int, ...] = (0, 1)
    ) -> Any:
        start_s = flight(hours=1.0).start_s + 60.0 * after_min
        times_s = start_s + 60.0 * np.arange(len(pressures_mmhg)) + 1.0
        value = np.array(pressures_mmhg) * PA_PER_MMHG
        return make_series(times_s, dict.fromkeys(channels, value))

    return record


def changes(watched, rule: str) -> list[tuple[str, float]]:
    """Return what became of a rule's alerts, with the minute since the start of each change."""
    start_s = watched.monitor._start_s
    return [(str(e.event), (e.time_s - start_s) / 60.0) for e in watched.alerts(rule)]


def test_a_limit_holds_before_it_is_announced_and_keeps_before_it_returns(watch, minutes):
    watched = watch().feed(minutes([740.0] * 10 + [733.0] * 30 + [736.0] * 30))
    assert changes(watched, "pressure_low") == [
        ("pending", 11.0), ("raised", 21.0), ("returned", 51.0)
    ]  # fmt: skip


def test_a_limit_does_not_clear_before_the_margin_is_passed(watch, minutes):
    watched = watch().feed(minutes([733.0] * 20 + [734.5] * 60 + [735.5] * 20))
    assert [what for what, _ in changes(watched, "pressure_low")] == [
        "pending", "raised", "returned"
    ]  # fmt: skip
    assert changes(watched, "pressure_low")[-1][1] > 80.0


def test_a_breach_shorter_than_its_hold_is_never_announced(watch, minutes):
    watched = watch().feed(minutes([740.0] * 5 + [733.0] * 8 + [740.0] * 30))
    assert [what for what, _ in changes(watched, "pressure_low")] == ["pending", "cleared"]


def test_a_worse_pressure_escalates(watch, minutes):
    watched = watch().feed(minutes([733.0] * 20 + [599.0] * 10))
    events = watched.alerts("pressure_low")
    assert [(str(e.event), e.severity) for e in events] == [
        ("pending", Severity.CAUTION),
        ("raised", Severity.CAUTION),
        ("escalated", Severity.EMERGENCY),
    ]


def test_a_limit_that_only_one_gauge_sees_is_a_warning_at_most(watch, minutes, lone):
    watched = watch(lone).feed(minutes([590.0] * 20, channels=(0,)))
    assert {e.severity for e in watched.alerts("pressure_low")} == {Severity.WARNING}


def test_unknown_neither_raises_nor_clears_and_the_view_says_that_it_is_old(watch, minutes):
    watched = watch().feed(minutes([733.0] * 30))
    before = changes(watched, "pressure_low")
    watched.advance(watched.monitor.now_s + 86400.0)
    assert changes(watched, "pressure_low") == before
    last = watched.last("cabin")
    assert (last.pressure_pa, last.quality) == (None, EstimateQuality.STALE)
    states = {a.rule: a.state for a in watched.monitor.view().alerts}
    assert states["pressure_low"] is AlertState.UNACKNOWLEDGED


def test_silence_is_raised_after_its_time_and_returns_with_the_next_reading(watch, minutes, lone):
    watched = watch(lone).feed(minutes([740.0] * 10, channels=(0,)))
    watched.advance(watched.monitor.now_s + 4 * 3600.0)
    watched.feed(minutes([740.0] * 3, after_min=300.0, channels=(0,)))
    assert changes(watched, "silence") == [("raised", 130.0), ("returned", 301.0)]
    (raised, _) = watched.alerts("silence")
    assert raised.severity is Severity.ADVISORY


def test_readings_that_the_sender_repeats_break_the_silence_but_are_no_data(watch, minutes, lone):
    fresh = minutes([740.0] * 10, channels=(0,))
    held = minutes([740.0] * 290, after_min=10.0, channels=(0,))
    held = replace(held, quality=np.full(len(held), Quality.HELD, np.uint8))
    watched = watch(lone).feed(fresh).feed(held)
    assert changes(watched, "silence") == []
    assert watched.last("cabin").quality is EstimateQuality.STALE


def test_a_rule_for_some_sections_leaves_the_others_alone(watch, minutes, policy):
    only = tuple(replace(r, sections=frozenset({"tunnel"})) for r in policy.rules)
    low = minutes([700.0] * 30)
    start_s = float(low.received_s[0])
    shut = Activity(time_s=start_s, received_s=start_s, name="hatch", hatch="door", state="closed")
    watched = watch(rules=only).feed(low, [shut])
    assert watched.alerts("pressure_low") == []


# ------------------------------------------------------- gas that somebody moves


def test_air_vented_for_half_an_hour_without_a_message_is_no_growth(fly):
    flown = fly(hours=36.0, leak_kg_per_day=leak((0, 0.1), (28.0, 40.0), (28.5, 0.1)))
    assert flown.alerts("leak_growth") == []


def test_oxygen_added_without_a_message_is_no_growth_when_it_ends(flight, watch):
    flown = flight(hours=38.0, oxygen_kg=lambda h: 2.0 * min(max((h - 28.0) / 1.5, 0.0), 1.0))
    watched = watch().feed(flown.samples())
    assert watched.alerts("leak_growth") == []


@pytest.mark.parametrize("name", ["crew", "co2_removal"])
def test_what_people_breathe_says_nothing_of_the_air_behind_a_shut_hatch(flight, watch, name):
    """Its leak was hidden for half a day by what the guests of the cabin had breathed."""
    flown = flight(hours=8.0, shut=((4.0, 30.0),))
    spoken = [
        Activity(time_s=at_s, received_s=at_s, name=name, state=state, value=value)
        for hour, state, value in ((1.0, "off", 3.0), (6.0, "on", 6.0))
        if (at_s := flown.start_s + hour * 3600.0)
    ]
    quiet, told = (
        watch().feed(flown.samples(), sorted([*flown.activities(), *more], key=lambda a: a.time_s))
        for more in (spoken[:1], spoken)
    )
    assert told.last("tunnel").leak == quiet.last("tunnel").leak
    assert told.last("tunnel").air_mass_sd_kg == quiet.last("tunnel").air_mass_sd_kg
    assert told.last("cabin").leak != quiet.last("cabin").leak
