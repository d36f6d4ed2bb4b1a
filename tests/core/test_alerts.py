"""The life of an alert: the table is total, and its story is the one told in plain words."""

from dataclasses import replace
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from service.core.alerts import (
    AT_REST,
    JOIN_S,
    TRANSITIONS,
    Alert,
    Input,
    Wait,
    is_running,
    shelve,
    step,
    take,
)
from service.core.events import ACTIVE_STATES, AlertState, RuleKind, Severity
from service.core.events import AlertEventKind as E
from service.core.rules import RANK, Rule, Verdict

S, V = AlertState, Verdict
HOLD_S, KEEP_S, SHELF_S = 30.0, 60.0, 100.0
PATIENT = Rule(
    name="r",
    kind=RuleKind.LIMIT,
    thresholds={Severity.CAUTION: 1.0},
    hold_s=HOLD_S,
    keep_firing_s=KEEP_S,
    response="",
)
PROMPT = replace(PATIENT, hold_s=0.0, keep_firing_s=0.0)
LATCHING = replace(PATIENT, latches=True)
VERDICT_OF = {
    Input.BREACH: V.BREACH,
    Input.SUPPRESS: V.BREACH,
    Input.CLEAR: V.CLEAR,
    Input.CLEAR_LATCHING: V.CLEAR,
    Input.UNKNOWN: V.UNKNOWN,
}
WAIT_S = {Wait.NOTHING: 0.0, Wait.FADE: 0.0, Wait.HOLD: HOLD_S, Wait.KEEP: KEEP_S}


def told(*verdicts: tuple[float, Verdict, Severity | None], under: Rule = PATIENT) -> list[E]:
    """Return what an alert announces of verdicts at their times."""
    alert = AT_REST
    events: list[E] = []
    for at_s, verdict, severity in verdicts:
        alert, announced = step(alert, under, verdict, severity, at_s)
        events += announced
    return events


def test_the_table_answers_every_input_in_every_state():
    assert set(TRANSITIONS) == set(product(S, Input))
    assert {t.to for t in TRANSITIONS.values()} == set(S)


@pytest.mark.parametrize("stands", [True, False])
@pytest.mark.parametrize(("state", "what"), sorted(TRANSITIONS))
def test_every_transition_is_taken_once_its_wait_is_over_and_not_before(state, what, stands):
    transition = TRANSITIONS[state, what]
    verdict = VERDICT_OF.get(what, V.UNKNOWN)
    alert = Alert(
        state=state,
        alert_id="a",
        severity=Severity.CAUTION,
        verdict=verdict,
        stands=stands,
        shelved_until_s=1e9 if state is S.SHELVED else None,
    )
    wait_s = WAIT_S[transition.wait]
    if wait_s:
        assert take(alert, what, PATIENT, wait_s - 1.0) == (alert, ())
    after, events = take(alert, what, PATIENT, wait_s)
    to = transition.to if stands or transition.at_rest is None else transition.at_rest
    assert after.state is to
    assert events == (() if transition.event is None else (transition.event,))
    assert after.changed_s == (wait_s if to is not state else 0.0)


@pytest.mark.parametrize("state", S)
def test_unknown_neither_raises_nor_clears_and_nothing_waits_it_out(state):
    alert = Alert(state=state, alert_id="a", severity=Severity.CAUTION, shelved_until_s=2e6)
    for stands in (True, False):
        after, events = step(
            replace(alert, stands=stands), PATIENT, V.UNKNOWN, None, 1e6, is_explained=True
        )
        assert (after.state, events, after.stands) == (state, (), stands)


@pytest.mark.parametrize(("state", "verdict"), list(product(S, V)))
def test_what_runs_no_more_is_left_as_it_is_by_any_time_that_passes(state, verdict):
    alert = Alert(state=state, alert_id="a", severity=Severity.CAUTION, verdict=verdict)
    alert = replace(alert, shelved_until_s=2e6)
    waits = [step(alert, PATIENT, verdict, Severity.CAUTION, at_s) for at_s in (1.0, 1e6)]
    changes = any(after.state is not state or events for after, events in waits)
    assert is_running(alert) or not changes


@pytest.mark.parametrize("state", [S.LATCHED, S.RETURNED_UNACKNOWLEDGED])
def test_what_has_gone_by_runs_again_with_the_next_breach(state):
    assert not is_running(Alert(state=state, verdict=V.CLEAR))
    assert is_running(Alert(state=state, verdict=V.BREACH))


@pytest.mark.parametrize(("state", "what"), sorted(TRANSITIONS))
def test_every_change_of_state_is_announced_and_nothing_else_but_that_it_got_worse(state, what):
    transition = TRANSITIONS[state, what]
    changes = transition.to is not state or (state, what) == (S.UNACKNOWLEDGED, Input.WORSE)
    assert (transition.event is not None) is changes


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
    alert, events = take(alert, Input.ACKNOWLEDGE, PROMPT, 1.0)
    assert (alert.state, events) == (S.ACKNOWLEDGED, (E.ACKNOWLEDGED,))
    alert, events = take(alert, Input.WORSE, PROMPT, 2.0)
    assert (alert.state, events) == (S.UNACKNOWLEDGED, (E.ESCALATED,))


def test_a_verdict_that_flickers_starts_its_hold_anew():
    alert, _ = step(AT_REST, PATIENT, V.BREACH, Severity.CAUTION, 0.0)
    alert, _ = step(alert, PATIENT, V.UNKNOWN, None, 20.0)
    alert, events = step(alert, PATIENT, V.BREACH, Severity.CAUTION, 25.0)
    alert, later = step(alert, PATIENT, V.BREACH, Severity.CAUTION, 40.0)
    assert (events, later) == ((), ())
    alert, events = step(alert, PATIENT, V.BREACH, Severity.CAUTION, 55.0)
    assert events == (E.RAISED,)


def test_a_breach_with_a_good_reading_between_is_raised_where_the_hold_is_a_sum():
    """Bad, bad, good, bad, bad: Yamcs with three violations asked for stays silent."""
    bad, good = (V.BREACH, Severity.CAUTION), (V.CLEAR, None)
    story = [(10.0 * i, *verdict) for i, verdict in enumerate((bad, bad, good, bad, bad))]
    assert told(*story) == [E.PENDING, E.CLEARED, E.PENDING]
    in_sum = replace(PATIENT, hold_within_s=60.0)
    assert told(*story, under=in_sum) == [E.PENDING, E.RAISED]


def test_a_pending_breach_fades_once_none_is_within_the_time_of_its_sum():
    in_sum = replace(PATIENT, hold_within_s=60.0)
    story = [(0.0, V.BREACH, Severity.CAUTION), *((t, V.CLEAR, None) for t in (10.0, 40.0, 69.0))]
    assert told(*story, under=in_sum) == [E.PENDING]
    assert told(*story, (70.0, V.CLEAR, None), under=in_sum) == [E.PENDING, E.CLEARED]


@given(st.lists(st.tuples(st.sampled_from(V), st.floats(0.5, 20.0)), max_size=40))
def test_a_hold_in_sum_is_raised_when_the_breaches_within_its_time_add_up_to_it(story):
    in_sum = replace(PATIENT, hold_within_s=60.0)
    alert, at_s = AT_REST, 0.0
    spans: list[tuple[float, float]] = []
    unbroken_s = 0.0
    for verdict, later_s in story:
        before = alert.verdict
        if before is V.BREACH:
            spans.append((at_s, at_s + later_s))
        unbroken_s = unbroken_s + later_s if before is verdict is V.BREACH else 0.0
        at_s += later_s
        was = alert.state
        alert, events = step(alert, in_sum, verdict, Severity.CAUTION, at_s)
        total_s = sum(max(0.0, last - max(first, at_s - 60.0)) for first, last in spans)
        if E.RAISED in events:
            assert max(total_s, unbroken_s) >= HOLD_S - 1e-6
        elif verdict is V.BREACH and was is S.PENDING:
            assert max(total_s, unbroken_s) <= HOLD_S + 1e-6


def test_what_is_raised_again_before_anybody_took_note_is_announced_again_and_can_be_acknowledged():
    """Yamcs shows such an alarm as not triggered, and to acknowledge it then removes it."""
    alert, events = step(AT_REST, PROMPT, V.BREACH, Severity.CAUTION, 0.0)
    alert, returned = step(alert, PROMPT, V.CLEAR, None, 10.0)
    alert, again = step(alert, PROMPT, V.BREACH, Severity.CAUTION, 20.0)
    assert (events, returned, again) == ((E.RAISED,), (E.RETURNED,), (E.RAISED,))
    alert, _ = take(alert, Input.ACKNOWLEDGE, PROMPT, 30.0)
    assert alert.state is S.ACKNOWLEDGED
    alert, events = step(alert, PROMPT, V.BREACH, Severity.CAUTION, 40.0)
    assert (alert.state, events) == (S.ACKNOWLEDGED, ())


def test_a_shelf_ends_by_its_time_and_tells_whether_the_breach_still_stands():
    alert, _ = step(AT_REST, PROMPT, V.BREACH, Severity.CAUTION, 0.0)
    shelved, events = shelve(alert, PROMPT, 100.0, 1.0)
    assert (shelved.state, events) == (S.SHELVED, (E.SHELVED,))
    still, events = step(shelved, PROMPT, V.BREACH, Severity.CAUTION, 99.0)
    assert (still.state, events) == (S.SHELVED, ())
    back, events = step(still, PROMPT, V.BREACH, Severity.CAUTION, 100.0)
    assert (back.state, events) == (S.UNACKNOWLEDGED, (E.UNSHELVED,))
    unknown, events = step(still, PROMPT, V.UNKNOWN, None, 100.0)
    assert (unknown.state, events) == (S.UNACKNOWLEDGED, (E.UNSHELVED,))
    clear, _ = step(still, PROMPT, V.CLEAR, None, 99.5)
    over, events = step(clear, PROMPT, V.CLEAR, None, 100.0)
    assert (over.state, events) == (S.NORMAL, (E.UNSHELVED,))


def test_a_shelved_alert_that_gets_worse_breaks_through():
    alert, _ = step(AT_REST, PROMPT, V.BREACH, Severity.CAUTION, 0.0)
    shelved, _ = shelve(alert, PROMPT, 100.0, 1.0)
    after, events = step(shelved, PROMPT, V.BREACH, Severity.WARNING, 2.0)
    assert (after.state, events) == (S.UNACKNOWLEDGED, (E.ESCALATED,))
    assert after.shelved_until_s is None


def test_a_breach_that_something_explains_is_told_when_that_is_over_and_it_still_stands():
    alert, events = step(AT_REST, PATIENT, V.BREACH, Severity.CAUTION, 0.0, is_explained=True)
    assert (alert.state, events) == (S.SUPPRESSED, (E.SUPPRESSED,))
    alert, _ = step(alert, PATIENT, V.BREACH, Severity.CAUTION, HOLD_S, is_explained=True)
    after, events = step(alert, PATIENT, V.BREACH, Severity.CAUTION, HOLD_S + 1.0)
    assert (after.state, events) == (S.UNACKNOWLEDGED, (E.RELEASED,))
    quiet, _ = step(alert, PATIENT, V.CLEAR, None, HOLD_S + 1.0, is_explained=True)
    quiet, events = step(quiet, PATIENT, V.CLEAR, None, HOLD_S + 1.0 + KEEP_S, is_explained=True)
    assert (quiet.state, events) == (S.NORMAL, (E.CLEARED,))


def test_a_breach_that_ends_with_what_explains_it_is_never_told():
    alert, _ = step(AT_REST, PATIENT, V.BREACH, Severity.CAUTION, 0.0, is_explained=True)
    alert, _ = step(alert, PATIENT, V.BREACH, Severity.CAUTION, HOLD_S, is_explained=True)
    ended, events = step(alert, PATIENT, V.CLEAR, None, HOLD_S + 1.0)
    assert (ended.state, events) == (S.SUPPRESSED, ())
    back, events = step(ended, PATIENT, V.BREACH, Severity.CAUTION, HOLD_S + 2.0)
    assert (back.state, events) == (S.UNACKNOWLEDGED, (E.RELEASED,))
    ended, events = step(ended, PATIENT, V.CLEAR, None, HOLD_S + 1.0 + KEEP_S)
    assert (ended.state, events) == (S.NORMAL, (E.CLEARED,))


def test_what_was_announced_before_an_activity_is_not_explained_by_it():
    alert, _ = step(AT_REST, PROMPT, V.BREACH, Severity.CAUTION, 0.0)
    after, events = step(alert, PROMPT, V.BREACH, Severity.CAUTION, 5.0, is_explained=True)
    assert (after.state, events) == (S.UNACKNOWLEDGED, ())


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
    lasts for the keeping time ends the breach; if nobody had taken note, the alert waits for that,
    and under a rule that latches one of which somebody had waits to be reset. What was announced
    can be put on a shelf for a time, until it gets worse. Anything can be taken out of service.
    A new breach while something explains it is not announced before that is over. What comes back
    comes back to what is then the case: a breach that stands is announced, otherwise all is well.
    """

    under = PATIENT

    def __init__(self) -> None:
        super().__init__()
        self.alert = AT_REST
        self.now_s = 0.0
        self.explained = False
        self.forget()

    def forget(self) -> None:
        """Begin a new story."""
        self.announced = self.noted = self.over = self.brewing = False
        self.removed = self.hushed = self.latched = self.stands = False
        self.shelf_s: float | None = None
        self.worst: Severity | None = None
        self.same: tuple[Verdict | None, float] = (None, 0.0)

    @property
    def aside(self) -> bool:
        return self.removed or self.hushed or self.shelf_s is not None

    def lasted(self, verdict: Verdict) -> float:
        if self.same[0] is not verdict:
            self.same = (verdict, self.now_s)
        lasted_s = self.now_s - self.same[1]
        if verdict is V.BREACH and lasted_s >= HOLD_S:
            self.stands = True
        if verdict is V.CLEAR and lasted_s >= KEEP_S:
            self.stands = False
        return lasted_s

    def come_back(self, event: E) -> list[E]:
        """Be where it would be if it had never been put aside, but not noted."""
        same, stands, worst = self.same, self.stands, self.worst
        self.forget()
        self.same, self.stands = same, stands
        if stands:
            self.announced, self.worst = True, worst
        return [event]

    def let_go(self) -> list[E]:
        if self.shelf_s is not None and self.now_s >= self.shelf_s:
            return self.come_back(E.UNSHELVED)
        if self.hushed and not self.explained and self.same[0] is not V.CLEAR:
            return self.come_back(E.RELEASED)
        return []

    def see(self, verdict: Verdict, severity: Severity | None = None) -> list[E]:
        """Return what is announced by an alert that sees a verdict."""
        self.alert, events = step(
            self.alert, self.under, verdict, severity, self.now_s, is_explained=self.explained
        )
        return list(events)

    @rule(seconds=st.sampled_from([0.0, 10.0, 29.0, 31.0, 61.0, SHELF_S]))
    def time_passes(self, seconds):
        self.now_s += seconds

    @rule(goes_on=st.booleans())
    def something_explains_it(self, goes_on):
        self.explained = goes_on

    @rule()
    def it_stays_breached(self):
        self.it_is_breached(Severity.CAUTION)
        self.now_s += HOLD_S
        self.it_is_breached(Severity.CAUTION)

    @rule()
    def it_stays_clear(self):
        self.it_is_clear()
        self.now_s += KEEP_S
        self.it_is_clear()

    @rule(severity=st.sampled_from([Severity.CAUTION, Severity.WARNING]))
    def it_is_breached(self, severity):
        had_worst = self.worst
        long_enough = self.lasted(V.BREACH) >= HOLD_S
        expected = self.let_go()
        is_new = not self.announced and not self.aside and not self.latched
        if self.aside:
            pass
        elif self.explained and is_new:
            self.hushed, self.brewing = True, False
            expected.append(E.SUPPRESSED)
        elif is_new or self.over or self.latched:
            began = is_new and not self.brewing
            self.brewing = self.brewing or is_new
            if long_enough and not self.explained:
                self.forget_all_but_now()
                expected.append(E.RAISED)
                self.worst = None
            elif began:
                expected.append(E.PENDING)
        worst = None if E.RAISED in expected else had_worst
        if worst is None or RANK[severity] > RANK[worst]:
            self.worst = severity
            is_active = self.announced and not self.over and not self.latched
            breaks_through = self.shelf_s is not None
            is_heard = worst is not None and not self.removed and not self.hushed
            if is_heard and (breaks_through or is_active):
                self.announced, self.noted, self.over = True, False, False
                self.latched, self.shelf_s = False, None
                expected.append(E.ESCALATED)
        else:
            self.worst = worst
        assert self.see(V.BREACH, severity) == expected
        self.rest()

    def forget_all_but_now(self) -> None:
        same = self.same
        self.forget()
        self.same, self.announced, self.stands = same, True, True

    @rule()
    def it_is_clear(self):
        long_enough = self.lasted(V.CLEAR) >= KEEP_S
        expected = self.let_go()
        ended = False
        if self.removed or self.shelf_s is not None:
            pass
        elif self.hushed:
            if long_enough:
                expected.append(E.CLEARED)
                ended = True
        elif self.brewing:
            expected.append(E.CLEARED)
            ended = True
        elif self.announced and not self.over and not self.latched and long_enough:
            if not self.noted:
                self.over = True
                expected.append(E.RETURNED)
            elif self.under.latches:
                self.latched = True
                expected.append(E.LATCHED)
            else:
                expected.append(E.CLEARED)
                ended = True
        if ended:
            self.forget()
        assert self.see(V.CLEAR) == expected
        self.rest()

    @rule()
    def nothing_is_known(self):
        self.lasted(V.UNKNOWN)
        expected = self.let_go()
        assert self.see(V.UNKNOWN) == expected
        self.rest()

    def do(self, what: Input) -> list[E]:
        self.alert, events = take(self.alert, what, self.under, self.now_s)
        return list(events)

    @rule()
    def somebody_takes_note(self):
        expected = []
        if self.announced and not self.noted and not self.aside:
            expected = [E.ACKNOWLEDGED]
            self.noted = True
            if self.over:
                self.forget()
        assert self.do(Input.ACKNOWLEDGE) == expected
        self.rest()

    @rule()
    def somebody_resets_it(self):
        may = self.latched and not self.aside
        if may:
            self.forget()
        assert self.do(Input.RESET) == ([E.CLEARED] if may else [])
        self.rest()

    @rule()
    def somebody_shelves_it(self):
        may = self.announced and not self.aside
        self.alert, events = shelve(self.alert, self.under, self.now_s + SHELF_S, self.now_s)
        assert events == ((E.SHELVED,) if may else ())
        if may:
            self.shelf_s = self.now_s + SHELF_S

    @rule()
    def somebody_takes_it_from_the_shelf(self):
        expected = self.come_back(E.UNSHELVED) if self.shelf_s is not None else []
        assert self.do(Input.UNSHELVE) == expected
        self.rest()

    @rule()
    def somebody_takes_it_out_of_service(self):
        expected = [] if self.removed else [E.OUT_OF_SERVICE]
        worst, same, stands = self.worst, self.same, self.stands
        self.forget()
        self.worst, self.same, self.stands, self.removed = worst, same, stands, True
        assert self.do(Input.REMOVE) == expected

    @rule()
    def somebody_returns_it_to_service(self):
        expected = self.come_back(E.IN_SERVICE) if self.removed else []
        assert self.do(Input.RETURN) == expected
        self.rest()

    @rule()
    def it_gets_worse_in_kind(self):
        is_active = self.announced and not self.over and not self.latched and not self.aside
        breaks_through = self.shelf_s is not None
        assert self.do(Input.WORSE) == ([E.ESCALATED] if is_active or breaks_through else [])
        if is_active or breaks_through:
            self.announced, self.noted, self.over = True, False, False
            self.latched, self.shelf_s = False, None

    def rest(self) -> None:
        """Forget a story that is over, as the book of alerts does."""
        if self.alert.state is S.NORMAL:
            self.alert = AT_REST
            self.forget()

    @invariant()
    def the_state_is_the_one_of_the_story(self):
        if self.removed:
            expected = S.OUT_OF_SERVICE
        elif self.shelf_s is not None:
            expected = S.SHELVED
        elif self.hushed:
            expected = S.SUPPRESSED
        elif self.latched:
            expected = S.LATCHED
        elif self.announced and self.over:
            expected = S.RETURNED_UNACKNOWLEDGED
        elif self.announced:
            expected = S.ACKNOWLEDGED if self.noted else S.UNACKNOWLEDGED
        else:
            expected = S.PENDING if self.brewing else S.NORMAL
        assert self.alert.state is expected
        is_active = self.announced and not (self.over or self.latched or self.aside)
        assert (self.alert.state in ACTIVE_STATES) is is_active


class LatchingOracle(Oracle):
    """The same story under a rule that latches."""

    under = LATCHING


TestOracle = Oracle.TestCase
TestOracle.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestLatchingOracle = LatchingOracle.TestCase
TestLatchingOracle.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)


def test_what_joins_a_breach_makes_it_worse_once_and_those_that_come_together_are_told_together():
    prompt, breach = PROMPT, (V.BREACH, Severity.CAUTION)
    alert, events = step(AT_REST, prompt, *breach, 0.0, subjects={"a"})
    assert events == (E.RAISED,)
    assert alert.subjects == {"a"}
    alert, _ = take(alert, Input.ACKNOWLEDGE, prompt, 1.0)
    alert, events = step(alert, prompt, *breach, 60.0, subjects={"a", "b"})
    assert (alert.state, events) == (S.ACKNOWLEDGED, ())
    alert, events = step(alert, prompt, *breach, JOIN_S, subjects={"a", "b", "c"})
    assert (alert.state, events) == (S.UNACKNOWLEDGED, (E.ESCALATED,))
    assert alert.subjects == {"a", "b", "c"}
    for minute in range(20, 60):  # one that comes and goes is no news
        seen = {"a", "b"} if minute % 2 else {"a", "b", "c"}
        alert, events = step(alert, prompt, *breach, 60.0 * minute, subjects=seen)
        assert events == ()


def test_what_joins_breaks_a_shelf_and_wakes_nothing_that_is_out_of_service():
    alert, _ = step(AT_REST, PROMPT, V.BREACH, Severity.CAUTION, 0.0, subjects={"a"})
    shelved, _ = shelve(alert, PROMPT, 1e6, 1.0)
    removed, _ = take(alert, Input.REMOVE, PROMPT, 1.0)
    later = (V.BREACH, Severity.CAUTION, JOIN_S)
    assert step(shelved, PROMPT, *later, subjects={"b"})[1] == (E.ESCALATED,)
    after, events = step(removed, PROMPT, *later, subjects={"b"})
    assert (after.state, events) == (S.OUT_OF_SERVICE, ())
