"""How a figure is judged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.events import RuleKind, Severity
from service.core.rules import RANK, Figure, Rule, Side, Verdict, evaluate

ABOVE = Rule(
    name="high",
    kind=RuleKind.LEAK_RATE,
    thresholds={Severity.CAUTION: 1.0, Severity.WARNING: 2.0},
    clear_margin=0.2,
    response="",
)
BELOW = Rule(
    name="low",
    kind=RuleKind.LIMIT,
    side=Side.BELOW,
    thresholds={Severity.CAUTION: -1.0, Severity.WARNING: -2.0},
    clear_margin=0.2,
    response="",
)
RESERVE = Rule(
    name="reserve", kind=RuleKind.RESERVE_TIME, thresholds={Severity.EMERGENCY: 100.0}, response=""
)


@pytest.mark.parametrize(
    ("value", "verdict", "severity"),
    [
        (0.7, Verdict.CLEAR, None),
        (0.9, Verdict.UNKNOWN, None),
        (1.0, Verdict.BREACH, Severity.CAUTION),
        (1.9, Verdict.BREACH, Severity.CAUTION),
        (2.0, Verdict.BREACH, Severity.WARNING),
    ],
)
def test_an_exact_figure_breaches_at_its_threshold_and_clears_past_the_margin(
    value, verdict, severity
):
    assert evaluate(ABOVE, Figure.exact(value)) == (verdict, severity)
    assert evaluate(BELOW, Figure.exact(-value)) == (verdict, severity)


def test_a_breach_must_be_sure():
    assert evaluate(ABOVE, Figure(value=3.0, low=0.9, high=5.0)) == (Verdict.UNKNOWN, None)
    assert evaluate(ABOVE, Figure(value=3.0, low=1.1, high=5.0))[1] is Severity.CAUTION


def test_reserve_time_is_breached_from_below_whatever_its_side():
    assert evaluate(RESERVE, Figure.exact(99.0)) == (Verdict.BREACH, Severity.EMERGENCY)
    assert evaluate(RESERVE, Figure.exact(float("inf"))) == (Verdict.CLEAR, None)


@pytest.mark.parametrize("figure", [None, Figure.exact(float("nan"))])
def test_what_is_not_known_is_unknown(figure):
    assert evaluate(ABOVE, figure) == (Verdict.UNKNOWN, None)


def test_a_figure_of_one_sensor_is_capped():
    assert evaluate(RESERVE, Figure.exact(1.0, Severity.WARNING))[1] is Severity.WARNING


@given(st.floats(-5.0, 5.0), st.floats(0.0, 3.0), st.floats(0.0, 3.0), st.sampled_from(Severity))
def test_a_wider_interval_never_judges_harder_and_no_cap_is_passed(value, below, above, cap):
    exact = Figure.exact(value, cap)
    wide = Figure(value=value, low=value - below, high=value + above, most_severe=cap)
    for rule in (ABOVE, BELOW):
        sure, doubtful = evaluate(rule, exact)[1], evaluate(rule, wide)[1]
        if doubtful is not None:
            assert sure is not None
            assert RANK[doubtful] <= RANK[sure] <= RANK[cap]
