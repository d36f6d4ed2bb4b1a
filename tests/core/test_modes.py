"""The station is in one mode at a time, which people set and rules ask for."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.commands import Command
from service.core.conditions import Conditions
from service.core.events import AlertEvent, CommandTaken, Order
from service.core.monitor import Monitor
from service.core.units import PA_PER_MMHG
from tests.core.conftest import POLICY, RULES, START_S, STATION, series

LOW = replace(RULES[0], hold_s=0.0, keep_firing_s=0.0, modes=frozenset({"nominal"}))
WATCHED = replace(POLICY, rules=(LOW,), modes=("nominal", "eva"))


def put(minute: float, mode: str) -> Command:
    return Command(
        received_s=START_S + 60.0 * minute,
        command_id=f"{minute}",
        order=Order.SET_MODE,
        who="kim",
        why="the airlock opens",
        mode=mode,
    )


def watched(mmhg: list[float], *commands: Command, **policy: object) -> list[object]:
    monitor = Monitor(STATION, replace(WATCHED, **policy))  # type: ignore[arg-type]
    times_s = START_S + 60.0 * np.arange(len(mmhg), dtype=np.float64) + 1.0
    values = np.array(mmhg) * PA_PER_MMHG
    monitor.observe(series(times_s, {0: values, 1: values, 2: values}))
    monitor.command(commands)
    return list(monitor.advance(START_S + 60.0 * len(mmhg) + 5.0).events)


def alerts(events: list[object]) -> list[tuple[str, str]]:
    return [(e.event.value, e.state.value) for e in events if isinstance(e, AlertEvent)]


def test_a_rule_of_one_mode_is_suppressed_in_another_and_released_when_the_mode_is_back():
    events = watched([730.0] * 10, put(0.5, "eva"), put(5.5, "nominal"))
    assert alerts(events) == [("suppressed", "suppressed"), ("released", "unacknowledged")]


def test_what_was_raised_before_stands_whatever_the_mode_is():
    assert alerts(watched([730.0] * 10, put(5.5, "eva"))) == [("raised", "unacknowledged")]


def test_a_rule_without_modes_holds_in_all_of_them():
    rules = (replace(LOW, modes=frozenset()),)
    assert alerts(watched([730.0] * 5, put(0.5, "eva"), rules=rules))[-1] == (
        "raised",
        "unacknowledged",
    )


def test_a_change_of_mode_says_who_why_and_from_what():
    events = watched([740.0] * 10, put(2.5, "eva"), put(4.5, "nominal"))
    taken = [e for e in events if isinstance(e, CommandTaken)]
    assert [(t.who, t.why, t.old_mode, t.new_mode, t.refused) for t in taken] == [
        ("kim", "the airlock opens", "nominal", "eva", ""),
        ("kim", "the airlock opens", "eva", "nominal", ""),
    ]


@pytest.mark.parametrize(
    ("modes", "refused"),
    [
        (("nominal", "eva"), "there is no mode 'party'; use one of nominal, eva"),
        ((), "there is no mode 'party'; the config has none"),
    ],
)
def test_a_mode_that_there_is_not_is_refused_and_nothing_changes(modes, refused):
    events = watched([740.0] * 5, put(2.5, "party"), modes=modes)
    (taken,) = [e for e in events if isinstance(e, CommandTaken)]
    assert (taken.refused, taken.old_mode) == (refused, taken.new_mode)


def test_the_mode_is_remembered_unless_the_config_has_it_no_more():
    conditions = Conditions(STATION, ("nominal", "eva"))
    assert conditions.set_mode("eva") == ""
    same, other = Conditions(STATION, ("nominal", "eva")), Conditions(STATION, ("docked",))
    for one in (same, other):
        one.restore(conditions.snapshot())
    assert (same.mode, other.mode) == ("eva", "docked")
    assert Conditions(STATION).mode == ""


def test_the_view_shows_the_mode():
    monitor = Monitor(STATION, WATCHED)
    assert monitor.view().mode == "nominal"
