"""Facts about the values that noise is learned from."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.core.traces import BREAK_STEPS, LONGEST, STEP_S, Trace


def filled(times_s: list[float]) -> Trace:
    """Return a trace whose values are the numbers of their minutes."""
    trace = Trace()
    for time_s in times_s:
        trace.append(time_s / STEP_S, time_s)
    return trace


@given(st.sets(st.integers(60, 2000), min_size=1), st.floats(-20.0, 20.0))
def test_values_stand_where_their_time_is(minutes: set[int], late_s: float) -> None:
    """Whatever is missing, a value stands at its own minute or bridges a few after it."""
    early = [minute * STEP_S for minute in range(60)]
    trace = filled(early + [minute * STEP_S + late_s for minute in sorted(minutes)])
    record = trace.record()
    assert record.spacing_s == STEP_S or len(minutes) > 50
    values = record.values
    places = np.flatnonzero(np.isfinite(values))
    at = places + (values[-1] - (len(values) - 1))
    assert np.all(values[places] < at + 0.9)
    assert np.all(values[places] > at - BREAK_STEPS - 0.9)


def test_a_short_gap_is_bridged_and_a_long_one_is_not() -> None:
    values = filled([0.0, 60.0, 120.0, 300.0, 360.0, 420.0, 1560.0, 1620.0]).record().values
    assert values[:8].tolist() == [0.0, 1.0, 2.0, 2.0, 2.0, 5.0, 6.0, 7.0]
    assert np.isnan(values[8:26]).all()
    assert values[26:].tolist() == [26.0, 27.0]


def test_nothing_is_compared_across_a_break() -> None:
    trace = filled([0.0, 60.0])
    trace.is_broken = True
    trace.append(2.0, 120.0)
    trace.append(3.0, 180.0)
    assert np.isnan(trace.record().values[2])
    assert trace.record().values[3] == 3.0


def test_what_happened_is_taken_out() -> None:
    trace = filled([minute * STEP_S for minute in range(100)])
    trace.excise(89 * STEP_S)
    values = trace.record().values
    assert np.isfinite(values[:89]).all()
    assert np.isnan(values[89:]).all()


def test_it_keeps_no_more_than_sixteen_days() -> None:
    trace = filled([minute * STEP_S for minute in range(LONGEST + 100)])
    assert len(trace.record().values) == LONGEST
    assert len(trace) == LONGEST


def test_values_before_a_long_absence_are_forgotten() -> None:
    record = filled([0.0, 60.0, 120.0, 180.0, 1e9, 1e9 + 60.0]).record()
    assert len(record.values) == 2


def test_two_values_that_come_together_change_no_distance() -> None:
    trace = filled([*[minute * 600.0 for minute in range(200)], 200 * 600.0, 200 * 600.0 + 1.0])
    assert trace.record().spacing_s == 600.0
    assert trace.spacing_s == 600.0
