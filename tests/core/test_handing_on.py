"""An alert that nobody acknowledges is told to the next ones, each once, through restarts."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.commands import Command
from service.core.events import AlertEvent, AlertEventKind, Order, Severity
from service.core.monitor import Monitor
from service.core.rules import Handover
from service.core.ticks import FAST_S
from service.core.units import PA_PER_MMHG
from service.storage.encoding import decode, encode
from tests.core.conftest import POLICY, RULES, START_S, STATION, series

LOW = replace(
    RULES[0],
    hold_s=0.0,
    keep_firing_s=0.0,
    notification="desk",
    thresholds={Severity.EMERGENCY: 600.0 * PA_PER_MMHG, Severity.WARNING: 734.0 * PA_PER_MMHG},
)
CHAINS = {
    Severity.WARNING: (
        Handover(after_s=600.0, notification="lead"),
        Handover(after_s=1800.0, notification="director"),
    ),
    Severity.EMERGENCY: (Handover(after_s=120.0, notification="director"),),
}
WATCHED = replace(POLICY, rules=(LOW,), chains=CHAINS)


def pressures(mmhg: list[float]):
    times_s = START_S + 60.0 * np.arange(len(mmhg), dtype=np.float64) + 1.0
    values = np.array(mmhg) * PA_PER_MMHG
    return series(times_s, {0: values, 1: values, 2: values})


def watched(mmhg: list[float], *commands: Command, restart_every: int = 0) -> list[AlertEvent]:
    """Return what is announced minute by minute; the state goes through bytes at each restart."""
    monitor = Monitor(STATION, WATCHED)
    samples = pressures(mmhg)
    monitor.command(commands)
    found = []
    for minute in range(1, len(mmhg) + 1):
        until_s = START_S + 60.0 * minute
        inside = (samples.received_s >= until_s - 60.0) & (samples.received_s < until_s)
        monitor.observe(samples[inside])
        found += [e for e in monitor.advance(until_s).events if isinstance(e, AlertEvent)]
        if restart_every and minute % restart_every == 0:
            state = decode(encode(monitor.snapshot()))
            monitor = Monitor(STATION, WATCHED)
            monitor.restore(state)
    return found


def story(events: list[AlertEvent]) -> list[tuple[str, float, tuple[str, ...]]]:
    """Return what was announced to whom, with the minutes since the first of it."""
    first_s = events[0].time_s
    return [
        (e.event.value, (e.time_s - first_s) / 60.0, e.notifications)
        for e in events
        if e.event is not AlertEventKind.PENDING
    ]


@pytest.mark.parametrize("restart_every", [0, 1, 7])
def test_two_classes_are_told_in_turn_each_once_and_the_end_is_told_to_all(restart_every):
    events = watched([730.0] * 60 + [740.0] * 5, restart_every=restart_every)
    assert story(events) == [
        ("raised", 0.0, ("desk",)),
        ("handed_on", 10.0, ("lead",)),
        ("handed_on", 30.0, ("director",)),
        ("returned", 60.0, ("desk", "lead", "director")),
    ]
    assert events[1].reason == "not acknowledged for 10 min"
    assert all(e.asks_for_attention for e in events[:3])
    assert len({e.alert_id for e in events}) == 1


def test_nobody_else_is_told_of_what_was_acknowledged():
    alert_id = watched([730.0] * 3)[0].alert_id
    seen = Command(
        received_s=START_S + 900.0,
        command_id="1",
        order=Order.ACKNOWLEDGE,
        who="kim",
        why="seen",
        alert_id=alert_id,
    )
    told = story(watched([730.0] * 60, seen))
    assert [(event, to) for event, _, to in told] == [
        ("raised", ("desk",)),
        ("handed_on", ("lead",)),
        ("acknowledged", ("desk", "lead")),
    ]


def test_what_gets_worse_counts_anew_by_its_new_severity_and_tells_all_who_know_of_it():
    told = story(watched([730.0] * 15 + [590.0] * 15))
    assert [event for event, _, _ in told] == ["raised", "handed_on", "escalated", "handed_on"]
    (_, worse_min, to), (_, handed_min, last) = told[2:]
    assert (to, last) == (("desk", "lead"), ("director",))
    assert handed_min - worse_min == 2.0


def test_those_who_are_due_at_once_after_a_pause_are_told_at_once():
    """The next tick after the raise comes an hour later, as after a daemon that was down."""
    monitor = Monitor(STATION, WATCHED)
    monitor.observe(pressures([730.0] * 2))
    monitor.advance(START_S + 120.0)
    state = decode(encode(monitor.snapshot()))
    state["fast"] += round(3600.0 / FAST_S)  # ticks that nobody ran
    later = Monitor(STATION, WATCHED)
    later.restore(state)
    events = later.advance(START_S + 120.0 + 3660.0).events
    (handed,) = [e for e in events if isinstance(e, AlertEvent)]
    assert (handed.event, handed.notifications) == ("handed_on", ("lead", "director"))
