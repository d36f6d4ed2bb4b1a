"""The threshold rises with what is asked of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.thresholds import threshold
from service.core.units import S_PER_DAY
from service.core.views import Balance


@pytest.mark.parametrize("balance", list(Balance))
@given(days=st.floats(1.0, 3650.0), tests=st.integers(1, 50))
def test_a_longer_interval_and_more_tests_ask_for_more(balance, days, tests):
    base = threshold(balance, days * S_PER_DAY, tests)
    assert threshold(balance, 2.0 * days * S_PER_DAY, tests) > base
    assert threshold(balance, days * S_PER_DAY, tests + 1) > base


def test_two_tests_cost_as_much_as_twice_the_interval():
    assert threshold(Balance.NITROGEN, 90 * S_PER_DAY, 2) == pytest.approx(
        threshold(Balance.NITROGEN, 180 * S_PER_DAY, 1)
    )
