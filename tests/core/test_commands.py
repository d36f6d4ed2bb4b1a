"""What people do to alerts takes effect at its tick, is told with its reason, and replays."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.commands import Command
from service.core.events import AlertEvent, AlertState, CommandTaken, Event, Order
from service.core.monitor import Monitor
from service.core.samples import Activity, SampleBatch
from service.core.station import HatchState
from service.core.ticks import FAST_S
from service.core.units import PA_PER_MMHG
from tests.core.conftest import POLICY, RULES, START_S, STATION, series

S = AlertState
LOW = replace(RULES[0], hold_s=0.0, keep_firing_s=0.0)


def command(minute: float, order: Order, **told: object) -> Command:
    lasting_s = 600.0 if order is Order.SHELVE else None
    fields = {"who": "kim", "why": "seen", "lasting_s": lasting_s, "command_id": f"{minute}"}
    return Command(received_s=START_S + 60.0 * minute, order=order, **{**fields, **told})  # type: ignore[arg-type]


def pressure(*mmhg: float) -> SampleBatch:
    """Return readings of all three gauges, one a minute."""
    times_s = START_S + 60.0 * np.arange(len(mmhg), dtype=np.float64) + 1.0
    values = np.array(mmhg) * PA_PER_MMHG
    return series(times_s, {0: values, 1: values, 2: values})


def told(
    mmhg: list[float], *commands: Command, activities: tuple[Activity, ...] = (), **rule: object
) -> list[Event]:
    """Return the events of a watch over a limit of 734 mmHg."""
    monitor = Monitor(STATION, replace(POLICY, rules=(replace(LOW, **rule),)))  # type: ignore[arg-type]
    monitor.observe(pressure(*mmhg))
    monitor.declare(activities)
    monitor.command(commands)
    return list(monitor.advance(START_S + 60.0 * len(mmhg) + 5.0).events)


def alerts(events: list[Event]) -> list[tuple[str, str]]:
    return [(e.event.value, e.state.value) for e in events if isinstance(e, AlertEvent)]


def first_id(events: list[Event]) -> str:
    return next(e.alert_id for e in events if isinstance(e, AlertEvent))


ALERT_ID = f"pressure_low-cabin-{round(START_S + 60.0)}"


def test_an_acknowledgement_takes_effect_at_the_tick_after_it_and_says_who_and_why():
    events = told([730.0] * 5, command(2.5, Order.ACKNOWLEDGE, alert_id=ALERT_ID))
    assert first_id(events) == ALERT_ID
    taken = next(e for e in events if isinstance(e, CommandTaken))
    assert (taken.who, taken.why, taken.refused) == ("kim", "seen", "")
    assert (taken.old_state, taken.new_state) == (S.UNACKNOWLEDGED, S.ACKNOWLEDGED)
    assert taken.time_s == START_S + 150.0 + FAST_S
    done = next(e for e in events if isinstance(e, AlertEvent) and e.event == "acknowledged")
    assert (done.time_s, done.reason) == (taken.time_s, "acknowledge by kim: seen")
    assert not done.asks_for_attention


@pytest.mark.parametrize(
    ("order", "named", "refused"),
    [
        (Order.RESET, {"alert_id": ALERT_ID}, "an alert that is unacknowledged cannot take it"),
        (Order.UNSHELVE, {"alert_id": ALERT_ID}, "an alert that is unacknowledged cannot take it"),
        (Order.ACKNOWLEDGE, {"alert_id": "other"}, "there is no such alert"),
        (Order.OUT_OF_SERVICE, {"rule": "other", "atmosphere": "cabin"}, "there is no such alert"),
        (Order.OUT_OF_SERVICE, {"rule": LOW.name, "atmosphere": "x"}, "there is no such alert"),
    ],
)
def test_what_an_alert_cannot_take_is_refused_and_changes_nothing(order, named, refused):
    events = told([730.0] * 4, command(2.0, order, **named))
    taken = next(e for e in events if isinstance(e, CommandTaken))
    assert (taken.refused, taken.old_state) == (refused, taken.new_state)
    assert alerts(events) == [("raised", "unacknowledged")]


def test_a_comment_is_told_and_changes_nothing():
    events = told([730.0] * 4, command(2.0, Order.COMMENT, alert_id=ALERT_ID, why="valve 3?"))
    taken = next(e for e in events if isinstance(e, CommandTaken))
    assert (taken.why, taken.refused, taken.new_state) == ("valve 3?", "", S.UNACKNOWLEDGED)
    assert alerts(events) == [("raised", "unacknowledged")]


def test_a_shelf_ends_after_its_time_and_the_breach_that_stands_is_told_again():
    events = told([730.0] * 16, command(2.5, Order.SHELVE, alert_id=ALERT_ID))
    assert alerts(events) == [
        ("raised", "unacknowledged"),
        ("shelved", "shelved"),
        ("unshelved", "unacknowledged"),
    ]
    back = [e for e in events if isinstance(e, AlertEvent)][-1]
    assert back.asks_for_attention
    assert 0.0 <= back.time_s - (START_S + 150.0 + FAST_S + 600.0) < 60.0


def test_a_shelved_alert_breaks_through_when_its_severity_rises():
    events = told([730.0] * 4 + [590.0] * 4, command(2.5, Order.SHELVE, alert_id=ALERT_ID))
    assert alerts(events)[-1] == ("escalated", "unacknowledged")


def test_an_alert_at_rest_can_be_taken_out_of_service_and_returned_by_its_rule_and_place():
    at_rest = {"rule": LOW.name, "atmosphere": "cabin"}
    events = told(
        [740.0, 740.0, 730.0, 730.0, 730.0, 730.0, 730.0],
        command(1.0, Order.OUT_OF_SERVICE, **at_rest),
        command(5.0, Order.IN_SERVICE, **at_rest),
    )
    assert alerts(events) == [
        ("out_of_service", "out_of_service"),
        ("in_service", "unacknowledged"),
    ]


def test_a_declared_repressurisation_holds_a_new_breach_back_until_half_an_hour_after_it():
    def message(minute: float, state: str) -> Activity:
        at_s = START_S + 60.0 * minute
        return Activity(time_s=at_s, received_s=at_s, name="repressurisation", state=state)

    events = told(
        [740.0, 740.0, *[730.0] * 60],
        activities=(message(0.5, "start"), message(10.5, "stop")),
        suppressed_by=frozenset({"repressurisation"}),
    )
    assert alerts(events) == [("suppressed", "suppressed"), ("released", "unacknowledged")]
    released = [e for e in events if isinstance(e, AlertEvent)][-1]
    assert released.time_s == START_S + 41 * 60.0


def test_a_section_alone_behind_a_closed_hatch_is_suppressed_where_asked_and_the_largest_is_not():
    def door(minute: float, state: str) -> Activity:
        at_s = START_S + 60.0 * minute
        return Activity(time_s=at_s, received_s=at_s, name="hatch", hatch="door", state=state)

    moves = (door(0.5, "closed"), door(20.5, "open"))
    shut = told([730.0] * 30, activities=moves, not_alone=True)
    assert alerts(shut) == [
        ("raised", "unacknowledged"),
        ("suppressed", "suppressed"),
        ("cleared", "normal"),
    ]
    assert {e.atmosphere for e in shut if isinstance(e, AlertEvent) and e.event == "raised"} == {
        "cabin"
    }
    asked_for = told([730.0] * 30, activities=moves)
    assert alerts(asked_for) == [("raised", "unacknowledged")] * 2 + [("cleared", "normal")]
    joined = [e for e in asked_for if isinstance(e, AlertEvent)][-1]
    assert joined.reason.startswith("its air joined that of pressure_low-cabin-")


def test_a_hatch_that_stands_as_the_rule_says_suppresses_a_new_breach_until_it_moves():
    opened_s = START_S + 60.0 * 10.5
    moved = Activity(time_s=opened_s, received_s=opened_s, name="hatch", hatch="port", state="open")
    told_of = told(
        [730.0] * 20,
        activities=(moved,),
        suppressed_while={"port": HatchState.CLOSED, "door": HatchState.OPEN},
    )
    assert alerts(told_of) == [("suppressed", "suppressed"), ("released", "unacknowledged")]
    other = told([730.0] * 20, suppressed_while={"port": HatchState.OPEN})
    assert alerts(other) == [("raised", "unacknowledged")]


def test_commands_that_wait_survive_a_snapshot():
    first, second = (Monitor(STATION, replace(POLICY, rules=(LOW,))) for _ in range(2))
    for monitor in (first, second):
        monitor.observe(pressure(*[730.0] * 4))
    first.command([command(2.5, Order.ACKNOWLEDGE, alert_id=ALERT_ID)])
    first.advance(START_S + 130.0)
    second.restore(first.snapshot())
    events = list(second.advance(START_S + 240.0).events)
    assert alerts(events) == [("acknowledged", "acknowledged")]
    assert second.view().alerts[0].state is S.ACKNOWLEDGED
