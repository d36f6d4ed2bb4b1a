"""The life of an alert: the table is total, and its story is the one told in plain words."""

from dataclasses import replace
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from service.core.alerts import (
    AT_REST,
    LIVED_STATES,
    TRANSITIONS,
    Alert,
    Input,
    Wait,
    acknowledge,
    step,
    worsen,
)
from service.core.events import ACTIVE_STATES, AlertEventKind, AlertState, RuleKind, Severity
from service.core.rules import RANK, Rule, Verdict

S, E, V = AlertState, AlertEventKind, Verdict
HOLD_S, KEEP_S = 30.0, 60.0
PATIENT = Rule(
    name="r",
    kind=RuleKind.LIMIT,
    thresholds={Severity.CAUTION: 1.0},
    hold_s=HOLD_S,
    keep_firing_s=KEEP_S,
    response="",
)
PROMPT = replace(PATIENT, hold_s=0.0, keep_firing_s=0.0)


def test_the_table_answers_every_input_in_every_state_that_is_lived():
    assert set(TRANSITIONS) == set(product(LIVED_STATES, Input))
    assert {t.to for t in TRANSITIONS.values()} == set(LIVED_STATES)


@pytest.mark.parametrize(("state", "what"), sorted(TRANSITIONS))
def test_every_transition_is_taken_once_its_wait_is_over_and_not_before(state, what):
    transition = TRANSITIONS[state, what]
    verdict = V(what.value) if what.value in set(V) else V.BREACH
    alert = Alert(
        state=state, alert_id="a", severity=Severity.CAUTION, verdict=verdict, since_s=0.0
    )
    wait_s = {Wait.NOTHING: 0.0, Wait.HOLD: HOLD_S, Wait.KEEP: KEEP_S}[transition.wait]

    def take(at_s: float) -> tuple[Alert, AlertEventKind | None]:
        if what is Input.WORSE:
            return worsen(alert, PATIENT, at_s)
        if what is Input.ACKNOWLEDGE:
            return acknowledge(alert, PATIENT, at_s)
        after, events = step(alert, PATIENT, verdict, Severity.CAUTION, at_s)
        assert len(events) <= 1
        return after, events[0] if events else None

    if wait_s:
        early, nothing = take(wait_s - 1.0)
        assert (early.state, nothing) == (state, None)
    after, event = take(wait_s)
    assert (after.state, event) == (transition.to, transition.event)
    assert after.changed_s == (wait_s if transition.to is not state else 0.0)


@pytest.mark.parametrize("state", LIVED_STATES)
def test_unknown_neither_raises_nor_clears(state):
    alert = Alert(state=state, alert_id="a", severity=Severity.CAUTION)
    after, events = step(alert, PATIENT, V.UNKNOWN, None, 1e6)
    assert (after.state, events) == (state, ())


def test_without_a_hold_a_breach_is_raised_at_once():
    after, events = step(AT_REST, PROMPT, V.BREACH, Severity.WARNING, 5.0)
    assert (after.state, events) == (S.UNACKNOWLEDGED, (E.RAISED,))
    assert after.severity is Severity.WARNING


def test_a_higher_severity_escalates_and_a_lower_one_does_not_soften():
    alert, _ = step(AT_REST, PROMPT, V.BREACH, Severity.CAUTION, 0.0)
    alert, events = step(alert, PROMPT, V.BREACH, Severity.EMERGENCY, 1.0)
    assert (alert.severity, events) == (Severity.EMERGENCY, (E.ESCALATED,))
    alert, events = step(alert, PROMPT, V.BREACH, Severity.ADVISORY, 2.0)
    assert (alert.severity, events) == (Severity.EMERGENCY, ())


def test_an_acknowledged_alert_that_gets_worse_asks_for_attention_again():
    alert, _ = step(AT_REST, PROMPT, V.BREACH, Severity.CAUTION, 0.0)
    alert, event = acknowledge(alert, PROMPT, 1.0)
    assert (alert.state, event) == (S.ACKNOWLEDGED, E.ACKNOWLEDGED)
    alert, event = worsen(alert, PROMPT, 2.0)
    assert (alert.state, event) == (S.UNACKNOWLEDGED, E.ESCALATED)


def test_a_verdict_that_flickers_starts_its_hold_anew():
    alert, _ = step(AT_REST, PATIENT, V.BREACH, Severity.CAUTION, 0.0)
    alert, _ = step(alert, PATIENT, V.UNKNOWN, None, 20.0)
    alert, events = step(alert, PATIENT, V.BREACH, Severity.CAUTION, 25.0)
    alert, later = step(alert, PATIENT, V.BREACH, Severity.CAUTION, 40.0)
    assert (events, later) == ((), ())
    alert, events = step(alert, PATIENT, V.BREACH, Severity.CAUTION, 55.0)
    assert events == (E.RAISED,)


@given(
    st.lists(
        st.tuples(st.sampled_from(V), st.sampled_from(Severity), st.floats(0.0, 50.0)),
        max_size=30,
    )
)
def test_no_alert_is_raised_twice_without_returning_between(story):
    alert, at_s, told = AT_REST, 0.0, []
    for verdict, severity, later_s in story:
        at_s += later_s
        alert, events = step(alert, PATIENT, verdict, severity, at_s)
        told += [e for e in events if e in {E.RAISED, E.RETURNED}]
    assert all(one is not other for one, other in pairwise(told))
    assert told[:1] in ([], [E.RAISED])


class Oracle(RuleBasedStateMachine):
    """The story in plain words, kept apart from the table.

    A breach that lasts for the hold is announced. Somebody may take note of it. A clear that
    lasts for the keeping time ends the breach; if nobody had taken note, the alert waits for that.
    """

    def __init__(self) -> None:
        super().__init__()
        self.alert = AT_REST
        self.now_s = 0.0
        self.announced = self.noted = self.over = self.brewing = False
        self.same: tuple[Verdict | None, float] = (None, 0.0)

    def lasted(self, verdict: Verdict) -> float:
        if self.same[0] is not verdict:
            self.same = (verdict, self.now_s)
        return self.now_s - self.same[1]

    @rule(seconds=st.sampled_from([0.0, 10.0, 29.0, 31.0, 61.0]))
    def time_passes(self, seconds):
        self.now_s += seconds

    @rule(severity=st.sampled_from(Severity))
    def it_is_breached(self, severity):
        long_enough = self.lasted(V.BREACH) >= HOLD_S
        before = self.alert
        self.alert, events = step(self.alert, PATIENT, V.BREACH, severity, self.now_s)
        worse = before.severity is None or RANK[severity] > RANK[before.severity]
        if not self.announced and not self.brewing:
            self.brewing = True
            assert events == (E.PENDING,)
        elif (self.brewing and not self.announced) or self.over:
            assert events == ((E.RAISED,) if long_enough else ())
            if long_enough:
                self.announced, self.noted, self.over, self.brewing = True, False, False, False
        elif worse:
            self.noted = False
            assert events == (E.ESCALATED,)
        else:
            assert events == ()

    @rule()
    def it_is_clear(self):
        long_enough = self.lasted(V.CLEAR) >= KEEP_S
        self.alert, events = step(self.alert, PATIENT, V.CLEAR, None, self.now_s)
        if self.brewing:
            self.brewing = False
            assert events == (E.CLEARED,)
        elif self.announced and not self.over and long_enough:
            assert events == ((E.CLEARED,) if self.noted else (E.RETURNED,))
            self.over = True
            if self.noted:
                self.announced = self.noted = self.over = False
        else:
            assert events == ()
        self.rest()

    @rule()
    def nothing_is_known(self):
        self.lasted(V.UNKNOWN)
        self.alert, events = step(self.alert, PATIENT, V.UNKNOWN, None, self.now_s)
        assert events == ()

    @rule()
    def somebody_takes_note(self):
        self.alert, event = acknowledge(self.alert, PATIENT, self.now_s)
        if self.announced and not self.noted:
            assert event is E.ACKNOWLEDGED
            self.noted = True
            if self.over:
                self.announced = self.noted = self.over = False
        else:
            assert event is None
        self.rest()

    @rule()
    def it_gets_worse_in_kind(self):
        self.alert, event = worsen(self.alert, PATIENT, self.now_s)
        if self.announced and not self.over:
            assert event is E.ESCALATED
            self.noted = False
        else:
            assert event is None

    def rest(self) -> None:
        """Forget a story that is over, as the book of alerts does."""
        if self.alert.state is S.NORMAL:
            self.alert, self.same = AT_REST, (None, 0.0)

    @invariant()
    def the_state_is_the_one_of_the_story(self):
        expected = S.NORMAL
        if self.brewing:
            expected = S.PENDING
        elif self.announced and self.over:
            expected = S.RETURNED_UNACKNOWLEDGED
        elif self.announced:
            expected = S.ACKNOWLEDGED if self.noted else S.UNACKNOWLEDGED
        assert self.alert.state is expected
        assert (self.alert.state in ACTIVE_STATES) is (self.announced and not self.over)


TestOracle = Oracle.TestCase
TestOracle.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
