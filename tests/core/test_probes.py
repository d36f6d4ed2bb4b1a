"""Four probes that a mission control system in use was seen to fail, on whole monitors.

Each was run on Yamcs 5.12.8: a sensor that sends NaN returns its alarm to normal; bad, bad, good,
bad, bad raises nothing where three violations are asked for; an alarm that is bad again before it
was acknowledged says that all is well and goes away when it is acknowledged; and a parameter that
stops coming is shown as acquired.
"""

from dataclasses import replace

import numpy as np
import pytest

from service.core.commands import Command
from service.core.events import AlertEvent, AlertState, Event, Order, Severity
from service.core.monitor import Monitor
from service.core.samples import SampleBatch
from service.core.units import PA_PER_MMHG
from tests.core.conftest import POLICY, RULES, START_S, STATION, series

LOW, SILENCE = replace(RULES[0], hold_s=0.0, keep_firing_s=0.0), RULES[5]
BAD, GOOD = 730.0, 740.0


def readings(mmhg: list[float], first_minute: int = 0) -> SampleBatch:
    """Return readings of the gauges of the cabin, one a minute."""
    times_s = START_S + 60.0 * (first_minute + np.arange(len(mmhg), dtype=np.float64)) + 1.0
    values = np.array(mmhg) * PA_PER_MMHG
    return series(times_s, {0: values, 1: values})


def told(events: tuple[Event, ...], rule: str = LOW.name) -> list[tuple[str, str]]:
    found = [e for e in events if isinstance(e, AlertEvent) and e.rule == rule]
    return [(e.event.value, e.state.value) for e in found]


@pytest.mark.parametrize("rubbish", [np.nan, np.inf, -np.inf, 9.0e9])
def test_a_dying_sensor_that_sends_nan_neither_returns_nor_clears_its_alert(rubbish):
    monitor = Monitor(STATION, replace(POLICY, rules=(LOW, SILENCE)))
    monitor.observe(readings([BAD] * 5))
    assert told(monitor.advance(START_S + 300.0).events) == [("raised", "unacknowledged")]
    screened = monitor.observe(readings([rubbish] * 300, first_minute=5))
    assert (len(screened.accepted), len(screened.rejected)) == (0, 600)
    events = monitor.advance(START_S + 305 * 60.0).events
    assert told(events) == []
    assert told(events, SILENCE.name)[:1] == [("raised", "unacknowledged")]
    low = next(a for a in monitor.view().alerts if a.rule == LOW.name)
    assert low.state is AlertState.UNACKNOWLEDGED


def test_bad_bad_good_bad_bad_is_raised_where_three_minutes_of_five_are_asked_for():
    asked = replace(LOW, hold_s=180.0, hold_within_s=300.0)
    monitor = Monitor(STATION, replace(POLICY, rules=(asked,)))
    monitor.observe(readings([BAD, BAD, GOOD, BAD, BAD, BAD]))
    events = monitor.advance(START_S + 420.0).events
    assert told(events) == [("pending", "pending"), ("raised", "unacknowledged")]
    unbroken = Monitor(STATION, replace(POLICY, rules=(replace(LOW, hold_s=240.0),)))
    unbroken.observe(readings([BAD, BAD, GOOD, BAD, BAD, BAD]))
    assert ("raised", "unacknowledged") not in told(unbroken.advance(START_S + 360.0).events)


def test_an_alert_that_is_bad_again_is_announced_again_and_acknowledging_keeps_it():
    monitor = Monitor(STATION, replace(POLICY, rules=(LOW,)))
    monitor.observe(readings([BAD, GOOD, BAD, BAD, BAD, BAD, BAD]))
    events = monitor.advance(START_S + 301.0).events
    assert told(events) == [
        ("raised", "unacknowledged"),
        ("returned", "returned_unacknowledged"),
        ("raised", "unacknowledged"),
    ]
    (alert,) = monitor.view().alerts
    seen = Command(
        received_s=START_S + 310.0,
        command_id="1",
        order=Order.ACKNOWLEDGE,
        who="kim",
        why="seen",
        alert_id=alert.alert_id,
    )
    monitor.command([seen])
    assert told(monitor.advance(START_S + 480.0).events) == [("acknowledged", "acknowledged")]
    (alert,) = monitor.view().alerts
    assert (alert.state, alert.severity) == (AlertState.ACKNOWLEDGED, Severity.CAUTION)


def test_a_channel_that_stops_coming_is_an_alert_and_its_figures_are_unknown():
    monitor = Monitor(STATION, replace(POLICY, rules=(LOW, SILENCE)))
    monitor.observe(readings([GOOD] * 10))
    hours_s = SILENCE.thresholds[Severity.ADVISORY] + 20 * 60.0
    events = monitor.advance(START_S + hours_s).events
    # Channels that never spoke are silent from the start, and the one that stopped joins them.
    assert told(events, SILENCE.name) == [
        ("raised", "unacknowledged"),
        ("escalated", "unacknowledged"),
    ]
    (silent,) = monitor.view().alerts
    assert "cabin.pressure, cabin.pressure2" in silent.text
    assert [s.pressure_pa for s in monitor.view().sections] == [None, None]
