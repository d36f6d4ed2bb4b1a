"""Alerts with one cause are one incident, from the first that is raised until all are at rest."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.events import (
    AlertEvent,
    AlertEventKind,
    AlertState,
    IncidentChange,
    IncidentChanged,
    RuleKind,
    Severity,
)
from service.core.incidents import TIMELINE, IncidentBook

E, K, S = AlertEventKind, RuleKind, AlertState
RAISED = AlertEvent(
    time_s=0.0,
    alert_id="growth",
    rule="leak_growth",
    kind=K.LEAK_GROWTH,
    severity=Severity.CAUTION,
    event=E.RAISED,
    state=S.UNACKNOWLEDGED,
    atmosphere="prk",
    sections=("prk", "zvezda"),
    reason="",
    text="The leak of prk grew.",
)
RATE = replace(RAISED, alert_id="rate", kind=K.LEAK_RATE, text="The leak is high.", time_s=5.0)
CLEARED = replace(RAISED, event=E.CLEARED, state=S.NORMAL, time_s=9.0)


def changes(*events: AlertEvent, book: IncidentBook | None = None) -> list[IncidentChanged]:
    told = (book or IncidentBook()).follow(events)
    return [event for event in told if isinstance(event, IncidentChanged)]


def test_growth_rate_and_floor_of_one_leak_are_one_incident_with_the_most_telling_headline():
    floor = replace(RATE, alert_id="floor", kind=K.RESERVE_TIME, severity=Severity.WARNING)
    book = IncidentBook()
    told = changes(RATE, RAISED, floor, book=book)
    assert [c.change for c in told] == ["opened", "joined", "joined"]
    assert len({c.incident_id for c in told}) == 1
    assert [c.headline for c in told] == [RATE.text, RAISED.text, floor.text]
    (incident,) = book.views()
    assert (incident.severity, incident.alerts) == (Severity.WARNING, ("rate", "growth", "floor"))
    assert [entry.alert_id for entry in incident.timeline] == ["rate", "growth", "floor"]


def test_air_that_shares_no_section_and_other_causes_are_incidents_of_their_own():
    elsewhere = replace(RATE, sections=("lab",))
    silence = replace(RATE, alert_id="silence", kind=K.SILENCE)
    told = changes(RAISED, elsewhere, silence)
    assert [c.change for c in told] == ["opened"] * 3
    assert len({c.incident_id for c in told}) == 3


def test_an_incident_closes_when_its_last_alert_is_at_rest_and_the_next_is_a_new_one():
    book = IncidentBook()
    told = changes(RAISED, RATE, CLEARED, book=book)
    assert [c.change for c in told] == ["opened", "joined"]
    over = replace(RATE, event=E.CLEARED, state=S.NORMAL, time_s=10.0)
    assert [c.change for c in changes(over, book=book)] == ["closed"]
    assert book.views() == ()
    again = replace(RAISED, alert_id="later", time_s=20.0)
    (opened,) = changes(again, book=book)
    assert opened.incident_id != told[0].incident_id


@pytest.mark.parametrize("kind", [E.PENDING, E.SUPPRESSED, E.OUT_OF_SERVICE])
def test_what_asks_for_nobody_opens_none(kind):
    assert changes(replace(RAISED, event=kind, state=S(kind.value))) == []


def test_an_incident_keeps_the_worst_severity_it_had():
    worse = replace(RAISED, event=E.ESCALATED, severity=Severity.EMERGENCY, time_s=3.0)
    book = IncidentBook()
    assert [c.change for c in changes(RAISED, worse, book=book)] == ["opened", "worsened"]
    changes(RATE, replace(CLEARED, severity=Severity.EMERGENCY), book=book)
    (incident,) = book.views()
    assert (incident.severity, incident.headline) == (Severity.EMERGENCY, RATE.text)


def test_a_chattering_alert_does_not_make_the_story_endless():
    book = IncidentBook()
    for second in range(3 * TIMELINE):
        book.follow([replace(RAISED, time_s=float(second))])
    line = book.views()[0].timeline
    assert (len(line), line[0].time_s, line[-1].time_s) == (TIMELINE, 0.0, 3.0 * TIMELINE - 1.0)


alert_events = st.builds(
    lambda alert, event, severity: replace(
        RAISED,
        alert_id=alert[0],
        kind=alert[1],
        sections=alert[2],
        event=event[0],
        state=event[1],
        severity=severity,
    ),
    st.sampled_from(
        [("a", K.LEAK_RATE, ("x",)), ("b", K.LIMIT, ("x", "y")), ("c", K.SILENCE, ("x",))]
    ),
    st.sampled_from([(E.RAISED, S.UNACKNOWLEDGED), (E.CLEARED, S.NORMAL), (E.RETURNED, S.LATCHED)]),
    st.sampled_from(Severity),
)


@given(st.lists(alert_events, max_size=30), st.integers(0, 30))
def test_cuts_and_restarts_change_nothing_and_no_incident_is_open_without_an_alert(events, cut):
    whole, first, second = IncidentBook(), IncidentBook(), IncidentBook()
    told = whole.follow(events)
    before = first.follow(events[:cut])
    second.restore(first.snapshot())
    assert before + second.follow(events[cut:]) == told
    assert second.views() == whole.views()
    state = {event.alert_id: event.state for event in events}
    for incident in whole.views():
        assert any(state[alert] is not S.NORMAL for alert in incident.alerts)
    opened = [c for c in told if isinstance(c, IncidentChanged)]
    closed = [c for c in opened if c.change is IncidentChange.CLOSED]
    assert len(whole.views()) == sum(c.change == "opened" for c in opened) - len(closed)
