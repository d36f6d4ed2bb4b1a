"""Facts about normal distributions that are cut to an interval."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.rounding import cut_normal


@given(st.floats(-6.0, 5.0), st.floats(0.01, 12.0))
def test_moments_are_those_of_the_density_between_the_edges(low, width):
    at = np.linspace(max(low, -9.0), min(low + width, 9.0), 20001)
    density = np.exp(-0.5 * at * at)
    mean = (density @ at) / density.sum()
    variance = (density @ np.square(at - mean)) / density.sum()
    found = cut_normal(low, low + width)
    assert found == pytest.approx((mean, variance), abs=2e-3)


@given(st.floats(-5.0, 5.0), st.floats(0.01, 10.0))
def test_an_interval_never_makes_what_is_known_worse(low, width):
    mean, variance = cut_normal(low, low + width)
    assert low - 1e-9 <= mean <= low + width + 1e-9
    assert -1e-9 <= variance <= min(1.0, width * width / 4.0) + 1e-9


@given(st.floats(-5.0, 5.0), st.floats(0.0, 1.0))
def test_next_to_nothing_between_the_edges_leaves_that_place(low, share):
    width = 10.0 ** (-13.0 * share)
    mean, variance = cut_normal(low, low + width)
    assert low - 1e-9 <= mean <= low + width + 1e-9
    assert 0.0 <= variance <= width * width / 4.0 + 1e-12
