"""The bank of candidate changes against brute force: the same filter with the change injected."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.estimators import LeakFilter
from service.core.growth import CANDIDATES, PAUSE_S, ChangeBank, _quantiles
from service.core.noise import NoiseModel

NOISE = NoiseModel(white_var=0.01, correlated_var=0.02, walk_var_per_s=1e-8, imbalance_var=1e-14)
RATE_SD = 1.0 / 86400.0


def run(times_s, balances_kg) -> tuple[LeakFilter, ChangeBank, np.ndarray, np.ndarray]:
    """Return filter and bank after all balances, with every innovation and its variance."""
    leaks, bank = LeakFilter(), ChangeBank()
    leaks.start(0.0, 0.0, 0.0, RATE_SD, NOISE)
    bank.append()
    used = np.ones(1, np.bool_)
    innovations, variances = [], []
    for time_s, balance in zip(times_s, balances_kg, strict=True):
        now, before = np.array([time_s]), leaks.time_s.copy()
        moved = leaks.update(now, np.array([balance]), np.zeros(1), used)
        innovations.append(moved[2][0])
        variances.append(moved[3][0])
        bank.update(*moved, used)
        bank.breed(now, before, used)
    return leaks, bank, np.array(innovations), np.array(variances)


@settings(max_examples=25)
@given(
    spans=st.lists(st.floats(30.0, 1500.0), min_size=3, max_size=40),
    seed=st.integers(0, 1000),
    data=st.data(),
)
def test_each_candidate_sums_what_its_change_would_have_shown(spans, seed, data):
    times = np.cumsum(spans)
    balances = np.random.default_rng(seed).normal(0.0, 0.03, len(times))
    _, bank, innovation, variance = run(times, balances)
    living = np.flatnonzero(np.isfinite(bank.born_s[0]))
    slot = int(data.draw(st.sampled_from(living.tolist())))
    since_s = np.clip(times - bank.born_s[0, slot], 0.0, None)
    unit = 1e-7
    for place, change in ((slot, -unit * since_s), (slot + CANDIDATES, unit * (since_s > 0.0))):
        _, _, changed, _ = run(times, balances + change)
        signature = (changed - innovation) / unit
        assert bank.correlation[0, place] == pytest.approx(
            float((signature * innovation / variance).sum()), rel=1e-4, abs=1e-4
        )
        assert bank.information[0, place] == pytest.approx(
            float((np.square(signature) / variance).sum()), rel=1e-4, abs=1e-4
        )


@settings(max_examples=20)
@given(st.integers(2, 3000))
def test_candidates_lie_close_for_every_age(steps):
    bank = ChangeBank()
    bank.append()
    used = np.ones(1, np.bool_)
    for step in range(steps):
        bank.breed(np.array([60.0 * step]), np.array([60.0 * (step - 1)]), used)
    born = np.unique(bank.born_s[0][np.isfinite(bank.born_s[0])]) / 60.0
    for age in range(steps):
        nearest = np.abs(born - (steps - 1 - age)).min()
        assert nearest <= max(1.0, 0.25 * age)


def leaking(onset: int, steps: int, rate: float, seed: int):
    times = 60.0 * np.arange(1, steps + 1)
    rng = np.random.default_rng(seed)
    loss = rate * np.clip(times - 60.0 * onset, 0.0, None)
    return times, rng.normal(0.0, 0.05, steps) - loss


@pytest.mark.parametrize("seed", range(6))
def test_a_change_of_rate_is_found_with_its_size_and_onset(seed):
    rate, onset_s = 3.0 / 86400.0, 60.0 * 600
    times, balances = leaking(600, 1400, rate, seed)
    _, bank, *_ = run(times, balances)
    least = 0.01 / 86400.0
    up, down, jump = (score[0] for score in bank.scores(np.array([least])))
    assert up > 12.0
    assert up > max(down, jump) + 3.0
    change = bank.rate_change(0, least, growth=True)
    assert abs(change.size - rate) < 3.0 * change.size_sd < rate
    assert change.onset_low_s - 1800.0 < onset_s < change.onset_high_s + 1800.0
    assert change.onset_low_s <= change.onset_s <= change.onset_high_s
    assert np.linalg.eigvalsh(change.spread).min() > -1e-9 * np.linalg.eigvalsh(change.spread).max()


def test_a_decrease_is_a_growth_seen_in_the_mirror():
    times, balances = leaking(600, 1400, 3.0 / 86400.0, seed=1)
    least = 0.01 / 86400.0
    _, bank, *_ = run(times, balances)
    _, mirror, *_ = run(times, -balances)
    one = bank.rate_change(0, least, growth=True)
    other = mirror.rate_change(0, least, growth=False)
    assert other.size == pytest.approx(-one.size)
    assert (other.onset_s, other.size_sd) == pytest.approx((one.onset_s, one.size_sd))
    scores = [score[0] for score in mirror.scores(np.array([least]))]
    assert scores[1] == pytest.approx(bank.scores(np.array([least]))[0][0])


def test_the_filter_corrected_by_a_change_has_the_rate_it_would_have_had():
    rate = 3.0 / 86400.0
    times, balances = leaking(600, 1400, rate, seed=2)
    leaks, bank, *_ = run(times, balances)
    late, _ = leaks.rate(0)
    change = bank.rate_change(0, 0.01 / 86400.0, growth=True)
    leaks.correct(0, change.shift, change.spread)
    found, error = leaks.rate(0)
    assert abs(found - rate) < 3.0 * error
    assert abs(found - rate) < abs(late - rate)


def test_a_jump_of_mass_is_told_from_a_leak():
    times = 60.0 * np.arange(1, 711)
    rng = np.random.default_rng(3)
    balances = rng.normal(0.0, 0.05, 710) + np.where(times > 60.0 * 700, 0.6, 0.0)
    leaks, bank, *_ = run(times, balances)
    up, down, jump = (score[0] for score in bank.scores(np.array([0.01 / 86400.0])))
    assert jump > max(up, down) + 3.0
    change = bank.mass_jump(0)
    assert abs(change.size - 0.6) < 4.0 * change.size_sd
    assert change.onset_low_s <= 60.0 * 700 <= change.onset_high_s + 600.0
    leaks.correct(0, change.shift, change.spread)
    assert abs(leaks.rate(0)[0]) < 4.0 * leaks.rate(0)[1]


def test_a_candidate_of_a_long_pause_is_kept_where_it_lasts():
    bank = ChangeBank()
    bank.append()
    used = np.ones(1, np.bool_)
    times = np.concatenate([60.0 * np.arange(1, 40), 2.0 * PAUSE_S + 60.0 * np.arange(40, 400)])
    before = np.concatenate([[0.0], times[:-1]])
    for time_s, last_s in zip(times, before, strict=True):
        bank.breed(np.array([time_s]), np.array([last_s]), used)
    assert times[39] in bank.born_s[0]
    slot = int(np.flatnonzero(bank.born_s[0] == times[39])[0])
    assert bank.before_s[0, slot] == times[38]


def test_a_mass_measured_anew_leaves_no_mass_lacking():
    _, bank, *_ = run(60.0 * np.arange(1, 50), np.zeros(49))
    rate = bank.deviation[0, 1].copy()
    bank.restart_mass(0)
    assert np.array_equal(bank.deviation[0, 1], rate)
    assert np.count_nonzero(bank.deviation[0, [0, 2]]) == 0


def test_onset_quantiles_of_an_even_density_are_even():
    born = np.arange(1.0, 101.0)
    low, middle, high = _quantiles(born, born - 1.0, np.ones(100))
    assert (low, middle, high) == pytest.approx((2.5, 50.0, 97.5))


def test_one_moment_is_its_own_interval():
    assert _quantiles(np.array([7.0]), np.array([7.0]), np.ones(1)) == (7.0, 7.0, 7.0)


def test_an_onset_interval_does_not_end_within_a_pause():
    born, before = np.array([1.0, 2.0, 9000.0, 9001.0]), np.array([0.0, 1.0, 2.0, 9000.0])
    low, _, high = _quantiles(born, before, np.array([1e-9, 1.0, 1.0, 1e-9]))
    assert low <= 2.0
    assert high >= 9000.0
