import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.scoring.judging import judge
from service.scoring.statistics import poisson_interval, quantile, share_interval
from service.scoring.tallies import Frequency, Row, Scored, row_of
from service.scoring.watching import RateCheck, ReserveCheck
from tests.scoring.conftest import alert, case, growth, repair


def row(*stories: tuple[float | None, ...], reference_h: float = 10.0) -> Row:
    """Add up cases with a growth at 100 h and alerts at these times."""
    return row_of(
        [
            Scored(
                judgement=judge(case([growth(100)], [alert(h) for h in times if h is not None])),
                checks=(),
                reference_s=(reference_h * 3600,) * 3,
            )
            for times in stories
        ]
    )


def test_a_miss_counts_as_never():
    found = row((110,), (120,), ())
    assert (found.found.hits, found.found.count) == (2, 3)
    assert (found.delay_median_h, found.delay_p90_h) == (20.0, math.inf)


def test_the_ratio_is_that_of_the_medians():
    assert row((110,), (120,), (150,)).ratio == pytest.approx(2.0)


def test_where_most_is_missed_the_ratio_is_that_of_all_the_time_there_was():
    found = row((110,), (), ())
    assert found.delay_median_h == math.inf
    assert found.ratio == pytest.approx(400 / 10)


def test_false_alerts_are_told_per_90_days_of_quiet():
    found = row((10, 50, 110), (120,))
    assert found.false.count == 2
    assert found.false.days == pytest.approx(200 / 24)
    assert found.false.per_90_days == pytest.approx(2 * 90 / (200 / 24))
    assert found.false.low < found.false.per_90_days < found.false.high


def test_without_quiet_time_nothing_is_known_of_false_alerts():
    assert math.isnan(Frequency.of(0, 0.0).per_90_days)


def test_what_is_not_resolved_counts_as_never():
    def mended(*alerts: object) -> Scored:
        judgement = judge(case([growth(100), repair(200)], [alert(110), *alerts]))  # type: ignore[list-item]
        return Scored(judgement=judgement, checks=(), reference_s=())

    rows = row_of([mended(alert(205, "returned")), mended(), mended()])
    assert (rows.resolved_median_h, rows.outlived) == (math.inf, 2)


@pytest.mark.parametrize(
    ("low_s", "high_s", "held"),
    [
        (90.0, 130.0, True),
        (101.0, 130.0, False),
        (90.0, 119.0, False),
        (90.0, None, True),
        (None, None, False),
    ],
)
def test_a_reserve_is_held_that_fits_a_hole_and_a_crack_alike(low_s, high_s, held):
    reserve = ReserveCheck(low_s=low_s, high_s=high_s, hole_s=100.0, crack_s=120.0)
    checks = (replace(check(1, 0, 2, None), reserve=reserve), check(1, 0, 2, None))
    scored = Scored(judgement=judge(case([], [])), checks=checks, reference_s=())
    found = row_of([scored])
    assert (found.reserve_held.hits, found.reserve_held.count) == (int(held), 1)


def check(true: float, low: float | None, high: float | None, after_h: float | None) -> RateCheck:
    return RateCheck(time_s=0.0, after_h=after_h, true=true, rate=low, low=low, high=high)


def test_intervals_are_held_against_the_truth_apart_for_quiet_and_growth():
    checks = (
        check(1, 0, 2, None),
        check(3, 0, 2, None),
        check(1, 0, 2, 24.0),
        check(1, None, None, 6),
    )
    scored = Scored(judgement=judge(case([], [])), checks=checks, reference_s=())
    found = row_of([scored])
    assert (found.rate_held_quiet.hits, found.rate_held_quiet.count) == (1, 2)
    assert (found.rate_held_after.hits, found.rate_held_after.count) == (1, 1)


def test_a_family_without_growth_has_no_delay_and_no_ratio():
    found = row_of([Scored(judgement=judge(case([], [])), checks=(), reference_s=())])
    assert found.found.count == 0
    assert math.isnan(found.delay_median_h)
    assert math.isnan(found.ratio)


@given(st.lists(st.floats(0, 1e6) | st.none(), min_size=1), st.floats(0.01, 1.0))
def test_a_quantile_is_one_of_the_values_that_so_many_do_not_exceed(values, share):
    found = quantile(values, share)
    finite = [math.inf if value is None else value for value in values]
    assert found in finite
    assert sum(value <= found for value in finite) >= share * len(finite) - 1e-9


@given(st.integers(0, 200))
def test_the_interval_of_a_count_holds_it_and_grows_with_it(count):
    low, high = poisson_interval(count)
    assert low <= count < high
    assert poisson_interval(count + 1)[0] >= low
    assert poisson_interval(count + 1)[1] > high


@given(st.integers(1, 300), st.data())
def test_the_interval_of_a_share_holds_it(count, data):
    hits = data.draw(st.integers(0, count))
    low, high = share_interval(hits, count)
    assert 0 <= low <= hits / count <= high <= 1
