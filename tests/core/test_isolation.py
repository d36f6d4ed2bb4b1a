"""What sides of closed hatches say of where a leak is."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.isolation import (
    MOST_EVIDENCE,
    Part,
    Side,
    Whole,
    at_old_leak,
    evidence,
    gathered,
    growth_odds,
    posterior,
    suspects_of,
)
from service.core.units import S_PER_DAY

DAY = 1.0 / S_PER_DAY  # 1 kg/day in kg/s
WHOLE = Whole(rate_kg_per_s=0.7 * DAY, error=0.05 * DAY)
VOLUMES = np.array([0.01, 0.19, 0.3, 0.5])
RATES = st.floats(-30.0, 30.0).map(lambda rate: rate * DAY)
ERRORS = st.floats(0.001, 30.0).map(lambda error: error * DAY)


def side(*sections: int, rate: float, error: float = 0.05, **fields: Any) -> Side:
    return Side(
        sections=sections,
        rate_kg_per_s=rate * DAY,
        error=error * DAY,
        share=float(VOLUMES[list(sections)].sum()),
        **fields,
    )


def chances(*sides: Side, whole: Whole = WHOLE) -> np.ndarray:
    return posterior(evidence(len(VOLUMES), whole, sides))


def test_without_a_side_every_section_and_none_are_equally_likely():
    assert chances() == pytest.approx(np.full(5, 0.2))


@given(RATES, RATES, ERRORS, ERRORS, st.floats(0.0, 1.2), st.sampled_from([None, 1]))
def test_the_probabilities_sum_to_one_whatever_the_sides_say(first, second, e1, e2, driven, fed_by):
    one = replace(side(0, rate=0.0, driven=driven, fed_by=fed_by), rate_kg_per_s=first, error=e1)
    other = replace(side(1, 2, rate=0.0), rate_kg_per_s=second, error=e2)
    found = chances(one, other)
    assert found.sum() == pytest.approx(1.0)
    assert (found >= 0.0).all()


def test_sections_that_share_their_air_all_along_cannot_be_told_apart():
    found = chances(side(0, 1, rate=0.5), side(2, 3, rate=0.2))
    assert found[0] == found[1]
    assert found[2] == found[3]


@given(RATES, RATES)
def test_two_like_sides_that_swap_what_they_show_swap_their_probabilities(first, second):
    def like(section: int, rate: float) -> Side:
        return Side(sections=(section,), rate_kg_per_s=rate, error=0.1 * DAY, share=0.25)

    one = posterior(evidence(2, WHOLE, [like(0, first), like(1, second)]))
    other = posterior(evidence(2, WHOLE, [like(0, second), like(1, first)]))
    assert one[:2] == pytest.approx(other[1::-1])


@pytest.mark.parametrize("where", range(4))
def test_the_side_that_loses_it_all_holds_the_leak(where):
    sides = [side(i, rate=0.7 if i == where else 0.0) for i in range(4)]
    assert chances(*sides)[where] > 0.95


def test_sides_that_lose_their_share_speak_for_no_one_section():
    sides = [side(i, rate=0.7 * float(v), error=0.01) for i, v in enumerate(VOLUMES)]
    assert chances(*sides)[-1] == chances(*sides).max()


def test_a_loss_that_no_side_shows_is_in_the_section_that_was_not_read():
    sides = [side(i, rate=0.1 * float(VOLUMES[i])) for i in (1, 2, 3)]
    assert chances(*sides)[0] > 0.95


def test_a_closure_that_is_too_short_for_the_leak_says_nothing_much():
    sides = [side(0, 1, rate=0.2, error=5.0), side(2, 3, rate=0.5, error=5.0)]
    assert np.ptp(chances(*sides)) < 0.02


def test_what_one_small_side_shows_alone_is_not_believed_where_the_whole_loses_less():
    quiet = Whole(rate_kg_per_s=0.1 * DAY, error=0.05 * DAY)
    seems = side(1, rate=1.3, error=0.6)
    assert chances(seems, side(0, 2, 3, rate=0.1, error=0.3), whole=quiet)[1] < 0.5


def test_a_steady_section_below_its_neighbour_may_be_fed_by_it():
    rest = side(1, 2, 3, rate=0.7)
    sealed = chances(side(0, rate=0.0), rest)[0]
    maybe_fed = chances(side(0, rate=0.0, driven=0.8, fed_by=1), rest)[0]
    assert sealed < 0.05 < maybe_fed


@pytest.mark.parametrize("seed", range(5))
def test_more_evidence_brings_the_true_section_forward_on_average(seed):
    """Forty stations a seed; the expected log-probability of the truth does not fall."""
    rng = np.random.default_rng(seed)
    told = []
    for _ in range(40):
        true, known = int(rng.integers(4)), np.zeros(5)
        track = [np.log(posterior(known)[true])]
        for _ in range(4):
            parted = int(rng.integers(4))
            groups = [(parted,), tuple(i for i in range(4) if i != parted)]
            errors = rng.uniform(0.2, 0.8, 2)
            sides = []
            for group, error in zip(groups, errors, strict=True):
                rate = 0.2 * VOLUMES[list(group)].sum() + 0.5 * (true in group)
                drawn = float(rng.normal(rate, error))
                sides.append(side(*group, rate=drawn, error=float(error)))
            known = gathered(known, evidence(4, WHOLE, sides))
            track.append(np.log(posterior(known)[true]))
        told.append(track)
    gain = np.diff(np.array(told), axis=1).mean(axis=0)
    assert (gain > -0.1).all()
    assert gain.sum() > 0.1


def test_a_new_leak_elsewhere_can_still_be_found_after_a_hundred_closures():
    known = np.zeros(5)
    for where, closures in ((0, 100), (1, 4)):
        sides = [side(i, rate=0.7 if i == where else 0.0) for i in range(4)]
        for _ in range(closures):
            known = gathered(known, evidence(4, WHOLE, sides))
        assert known.min() == -MOST_EVIDENCE
        assert posterior(known)[where] > 0.95


def part(rate: float, before: float, **fields: float) -> Part:
    return Part(
        sections=(0,),
        rate_kg_per_s=rate,
        error=0.1,
        before_kg_per_s=before,
        before_error=0.1,
        **fields,
    )


def test_a_part_that_grew_as_the_whole_did_is_suspected_and_one_that_did_not_is_cleared():
    grew = suspects_of((0, 1, 2), {(0,): growth_odds(part(1.2, 0.2), 1.0, 0.2)})
    stayed = suspects_of((0, 1, 2), {(0,): growth_odds(part(0.2, 0.2), 1.0, 0.2)})
    assert grew[0] > 0.95
    assert stayed[0] < 0.05
    assert sum(grew.values()) == pytest.approx(1.0)


def test_a_part_that_has_emptied_is_expected_to_leak_less():
    half = 0.5**1.4
    assert growth_odds(part(1.2 * half, 0.2, driven=0.5), 1.0, 0.1) > 2.0
    assert growth_odds(part(1.2 * half, 0.2), 1.0, 0.1) < 0.0


def test_a_growth_is_likeliest_where_closures_have_found_the_old_leak():
    even = {0: 0.25, 1: 0.25, 2: 0.25, 3: 0.25}
    assert at_old_leak(even, np.full(5, 0.2)) == pytest.approx(even)
    told = at_old_leak(even, np.array([0.97, 0.01, 0.01, 0.01, 0.0]))
    assert max(told, key=lambda section: told[section]) == 0
    assert sum(told.values()) == pytest.approx(1.0, abs=1e-5)
