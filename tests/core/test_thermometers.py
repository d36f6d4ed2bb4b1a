"""How warm it is where a thermometer is silent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.thermometers import Thermometers

ALL = np.arange(4, dtype=np.intp)
HEARD = st.lists(st.booleans(), min_size=4, max_size=4).filter(any)
KELVIN = st.lists(st.floats(285.0, 305.0), min_size=4, max_size=4).map(np.array)


@given(KELVIN, st.lists(HEARD, min_size=1, max_size=10), st.floats(-3.0, 3.0))
def test_whoever_falls_silent_moves_as_the_others_do(first_k, heard, warmer_k):
    air = Thermometers(4)
    air.carried(ALL, np.ones(4, np.bool_), first_k)
    for step, who in enumerate(heard):
        is_heard = np.array(who)
        now_k = first_k + warmer_k * step / len(heard)
        told_k = np.where(is_heard, now_k, np.nan)
        if is_heard.all():
            continue  # all are known anew
        assert air.carried(ALL, is_heard, told_k) == pytest.approx(now_k)


@given(KELVIN)
def test_what_was_never_heard_is_not_known(levels_k):
    is_heard = np.array([True, False, True, False])
    known = np.isfinite(Thermometers(4).carried(ALL, is_heard, levels_k))
    assert known.tolist() == is_heard.tolist()


def test_one_that_falls_silent_after_another_goes_on_from_where_it_was():
    air = Thermometers(4)
    air.carried(ALL, np.ones(4, np.bool_), np.array([293.0, 294.0, 294.0, 294.0]))
    for step in range(1, 11):
        told_k = np.array([0.0, 294.0, 294.0 + 0.2 * step, 294.0 + 0.2 * step])
        known = air.carried(ALL, np.array([False, True, True, True]), told_k)
    after = air.carried(ALL, np.array([False, True, False, True]), np.array([0, 294.0, 0, 296.0]))
    assert after == pytest.approx(known)


def test_a_snapshot_goes_on_the_same():
    first, second = Thermometers(4), Thermometers(4)
    first.carried(ALL, np.ones(4, np.bool_), np.array([290.0, 291.0, 292.0, 293.0]))
    second.restore(first.snapshot())
    is_heard = np.array([True, False, False, True])
    told_k = np.array([291.0, 0.0, 0.0, 294.0])
    assert second.carried(ALL, is_heard, told_k).tolist() == [291.0, 292.0, 293.0, 294.0]
    assert first.carried(ALL, is_heard, told_k).tolist() == [291.0, 292.0, 293.0, 294.0]
