"""What is believed of the noise of a balance before anything is learned."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.gases import unseen_share
from service.core.priors import PRIOR_MMHG, prior_noise
from service.core.views import Balance


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.booleans())
def test_the_less_of_the_air_thermometers_see_the_more_it_may_wander(one, other, is_home):
    less, more = (
        asdict(prior_noise(Balance.TOTAL, is_home=is_home, knows_oxygen=True, unseen=unseen).air)
        for unseen in sorted((one, other))
    )
    assert all(less[part] <= more[part] for part in less)


def test_air_that_no_thermometer_sees_is_believed_to_wander_half_as_much_as_bare_pressure():
    seen, half, none = (
        prior_noise(Balance.TOTAL, is_home=False, knows_oxygen=True, unseen=unseen).air
        for unseen in (0.0, 0.5, 1.0)
    )
    assert seen == PRIOR_MMHG[Balance.TOTAL]
    for part in ("hourly_var", "daily_var", "walk_var_per_s"):
        least, some, more = (getattr(noise, part) for noise in (seen, half, none))
        assert more == pytest.approx(0.5 * (least + getattr(PRIOR_MMHG[Balance.PRESSURE], part)))
        assert some - least == pytest.approx(0.25 * (more - least))


@given(st.lists(st.tuples(st.floats(1.0, 500.0), st.booleans()), min_size=1, max_size=30))
def test_sections_without_a_thermometer_weigh_as_much_as_one_of_their_share_at_most(rooms):
    volumes = np.array([volume for volume, _ in rooms])
    is_seen = np.array([is_seen for _, is_seen in rooms])
    all_unseen = volumes[~is_seen].sum() / volumes.sum()
    share = unseen_share(volumes, is_seen)
    assert share <= all_unseen * (1.0 + 1e-12)
    assert (share == 0.0) is bool(is_seen.all())
