"""The filter against the textbook: all balances at once, as one Gaussian."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.estimators import (
    CREEP_VAR_PER_S,
    DISTURBANCE,
    IMBALANCE,
    MASS,
    RATE,
    STATES,
    LeakFilter,
)
from service.core.noise import CORRELATION_S, IMBALANCE_S, NoiseModel

NOISE = NoiseModel(
    white_var=0.04, correlated_var=0.02, walk_var_per_s=1e-7, imbalance_var=(0.5 / 86400.0) ** 2
)
FIRST_KG, RATE_SD = 128.0, 2.0 / 86400.0


def started(rows: int = 1, noise: NoiseModel = NOISE) -> LeakFilter:
    leaks = LeakFilter()
    for _ in range(rows):
        leaks.start(0.0, FIRST_KG, 0.0, RATE_SD, noise)
    return leaks


def feed(leaks: LeakFilter, times_s, balances_kg, gained_kg=None) -> list[tuple[float, float]]:
    """Return innovation and variance of the first row at each balance."""
    gained = np.zeros(len(times_s)) if gained_kg is None else gained_kg
    rows = len(leaks)
    seen = []
    for time_s, balance, gain in zip(times_s, balances_kg, gained, strict=True):
        *_, innovation, variance = leaks.update(
            np.full(rows, time_s),
            np.full(rows, balance),
            np.full(rows, gain),
            np.ones(rows, np.bool_),
        )
        seen.append((float(innovation[0]), float(variance[0])))
    return seen


def conditioned(times_s, balances_kg, gained_kg):
    """Return mean and covariance of the last state, given all balances at once."""
    count = len(times_s)
    prior = started()
    mean, spread = prior.state[0].copy(), prior.covariance[0].copy()
    means = np.zeros((count, STATES))
    joint = np.zeros((count, STATES, count, STATES))
    last_s = 0.0
    for k, time_s in enumerate(times_s):
        span_s = time_s - last_s
        move = np.eye(STATES)
        move[MASS, RATE] = -span_s
        move[MASS, IMBALANCE] = -IMBALANCE_S * (1.0 - np.exp(-span_s / IMBALANCE_S))
        move[DISTURBANCE, DISTURBANCE] = np.exp(-span_s / CORRELATION_S)
        move[IMBALANCE, IMBALANCE] = np.exp(-span_s / IMBALANCE_S)
        shake = np.zeros((STATES, STATES))
        shake[MASS, MASS] = NOISE.walk_var_per_s * span_s
        shake[RATE, RATE] = CREEP_VAR_PER_S * span_s
        for part, var in ((DISTURBANCE, NOISE.correlated_var), (IMBALANCE, NOISE.imbalance_var)):
            shake[part, part] = var * (1.0 - move[part, part] ** 2)
        mean = move @ mean
        mean[MASS] += gained_kg[k]
        spread = move @ spread @ move.T + shake
        for j in range(k):
            joint[k, :, j, :] = move @ joint[k - 1, :, j, :]
            joint[j, :, k, :] = joint[k, :, j, :].T
        means[k], joint[k, :, k, :] = mean, spread
        last_s = time_s
    look = np.zeros((count, count * STATES))
    for k in range(count):
        look[k, k * STATES + MASS] = look[k, k * STATES + DISTURBANCE] = 1.0
    whole = joint.reshape(count * STATES, count * STATES)
    seen = look @ whole @ look.T + NOISE.white_var * np.eye(count)
    gain = whole @ look.T @ np.linalg.inv(seen)
    mean = means.ravel() + gain @ (balances_kg - look @ means.ravel())
    spread = whole - gain @ look @ whole
    return mean[-STATES:], spread[-STATES:, -STATES:]


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.floats(1.0, 20_000.0), st.floats(-0.2, 0.2), st.floats(-1.0, 1.0)),
        min_size=1,
        max_size=12,
    )
)
def test_the_filter_equals_the_joint_gaussian_solution_at_irregular_times(steps):
    spans, errors, gained = (np.array(column) for column in zip(*steps, strict=True))
    times = np.cumsum(spans)
    balances = FIRST_KG + np.cumsum(gained) - times * 1e-6 + errors
    leaks = started()
    feed(leaks, times, balances, gained)
    mean, spread = conditioned(times, balances, gained)
    scale = np.sqrt(np.diag(spread))
    assert leaks.state[0] / scale == pytest.approx(mean / scale, abs=1e-4)
    together = leaks.covariance[0] / np.outer(scale, scale)
    assert together == pytest.approx(spread / np.outer(scale, scale), abs=1e-4)


def test_a_row_that_has_no_new_balance_stays_as_it_is():
    leaks = started(rows=2)
    before = leaks.take(1)
    leaks.update(
        np.array([60.0, 60.0]), np.array([127.9, 0.0]), np.zeros(2), np.array([True, False])
    )
    after = leaks.take(1)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert leaks.time_s.tolist() == [60.0, 0.0]


def test_rows_do_not_know_of_each_other():
    alone, together = started(), started(rows=3)
    times, balances = 60.0 * np.arange(1, 30), 128.0 - 0.01 * np.arange(29)
    feed(alone, times, balances)
    feed(together, times, balances)
    assert np.array_equal(together.state[2], alone.state[0])


def test_an_outlier_moves_the_filter_no_further_than_four_sigma():
    one, other = started(), started()
    feed(one, [60.0], [1e9])
    ((_, variance),) = feed(other, [60.0], [FIRST_KG + 5.0])
    assert np.array_equal(one.state, other.state)
    assert one.state[0, MASS] - FIRST_KG < 4.0 * np.sqrt(variance)


def test_the_interval_holds_the_true_rate_as_often_as_it_says():
    rng = np.random.default_rng(5)
    times = 600.0 * np.arange(1, 145)
    calm = NoiseModel(white_var=0.04, correlated_var=0.0, walk_var_per_s=1e-7, imbalance_var=0.0)
    inside = 0
    for _ in range(200):
        rate = rng.normal(0.0, RATE_SD)
        walk = np.cumsum(rng.normal(0.0, np.sqrt(calm.walk_var_per_s * 600.0), len(times)))
        leaks = started(noise=calm)
        true_kg = FIRST_KG + rng.normal(0.0, 0.2)
        feed(leaks, times, true_kg - rate * times + walk + rng.normal(0.0, 0.2, len(times)))
        found, error = leaks.rate(0)
        inside += abs(found - rate) < 1.96 * error
    assert 180 <= inside <= 198


def test_reopened_variances_are_added_where_they_belong():
    leaks = started()
    before = leaks.covariance[0].copy()
    leaks.reopen(0, mass_var=2.0, rate_var=3.0)
    added = leaks.covariance[0] - before
    assert added[MASS, MASS] == 2.0
    assert added[RATE, RATE] == 3.0
    assert np.count_nonzero(added) == 2


def test_restarting_the_mass_keeps_the_rate_and_restarting_the_rate_keeps_the_mass():
    leaks = started()
    feed(leaks, 600.0 * np.arange(1, 50), 128.0 - 0.01 * np.arange(49))
    rate = leaks.rate(0)
    leaks.restart_mass(0, 40_000.0, 90.0)
    assert leaks.rate(0) == rate
    assert (leaks.state[0, MASS], leaks.time_s[0]) == (90.0, 40_000.0)
    leaks.restart_rate(0, 1e-6, 2e-6)
    assert leaks.rate(0) == pytest.approx((1e-6, 2e-6))
    assert leaks.state[0, MASS] == pytest.approx(90.0)


def test_the_noise_of_a_row_is_the_one_set():
    leaks = started()
    other = NOISE.scaled(2.0)
    leaks.set_noise(0, other)
    assert leaks.white_var[0] == pytest.approx(4.0 * NOISE.white_var)
    assert leaks.walk_var_per_s[0] == pytest.approx(other.walk_var_per_s)
