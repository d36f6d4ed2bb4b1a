"""Simulated noise, learned back."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.noise import BRIEF_S, DAILY_S, HOURLY_S, NoiseModel, fit_noise, split_noise

SPACING_S = 60.0
PRIOR = NoiseModel(white_var=0.03, hourly_var=0.01, walk_var_per_s=1e-6, imbalance_var=1e-12)


def record(seed: int, *, white=0.0, correlated=0.0, walk=0.0, count=11520) -> np.ndarray:
    """Return noise of the given standard deviations; the walk's is that of one step."""
    rng = np.random.default_rng(seed)
    decay = np.exp(-SPACING_S / HOURLY_S)
    kicks = rng.normal(0.0, correlated * np.sqrt(1.0 - decay**2), count)
    slow = np.empty(count)
    level = rng.normal(0.0, correlated)
    for i, kick in enumerate(kicks):
        level = decay * level + kick
        slow[i] = level
    walked = np.cumsum(rng.normal(0.0, walk, count))
    return np.asarray(rng.normal(0.0, white, count) + slow + walked)


@pytest.mark.parametrize("seed", range(3))
def test_white_and_correlated_noise_are_recovered_from_eight_days(seed):
    fitted, count = fit_noise(record(seed, white=0.1, correlated=0.1), SPACING_S, PRIOR)
    assert count == 11518
    assert fitted.white_var == pytest.approx(0.01, rel=0.1)
    assert 0.4 < fitted.hourly_var / 0.01 < 2.0


@pytest.mark.parametrize("seed", range(3))
def test_white_noise_and_a_walk_are_recovered_from_eight_days(seed):
    fitted, _ = fit_noise(record(seed, white=0.1, walk=0.01), SPACING_S, PRIOR)
    assert fitted.white_var == pytest.approx(0.01, rel=0.1)
    assert 0.3 < fitted.walk_var_per_s / (0.01**2 / SPACING_S) < 2.0


@pytest.mark.parametrize("seed", range(3))
def test_a_constant_leak_is_not_learned_as_noise(seed):
    balance = record(seed, white=0.1, correlated=0.05)
    fitted, _ = fit_noise(balance, SPACING_S, PRIOR)
    leaking, _ = fit_noise(balance - 1e-3 * np.arange(len(balance)), SPACING_S, PRIOR)
    for part in ("white_var", "hourly_var", "walk_var_per_s"):
        assert getattr(leaking, part) == pytest.approx(getattr(fitted, part), rel=1e-3)


def test_nothing_is_compared_across_a_break():
    balance = record(1, white=0.1, count=2000)
    broken = np.concatenate([balance[:1000], [np.nan], balance[1000:] + 50.0])
    fitted, _ = fit_noise(broken, SPACING_S, PRIOR)
    assert fitted.white_var == pytest.approx(0.01, rel=0.15)
    assert fitted.walk_var_per_s < 1e-5


def test_a_few_wild_values_are_cut():
    """Ten values of a thousand sigma would make the variance 2500 times as large."""
    balance = record(2, white=0.1, count=4000)
    balance[::400] += 100.0
    fitted, _ = fit_noise(balance, SPACING_S, PRIOR)
    assert fitted.white_var < 0.1


@pytest.mark.parametrize("balance", [[], [1.0, 2.0], [1.0, np.nan, 2.0, np.nan]])
def test_without_a_second_difference_the_prior_stands(balance):
    assert fit_noise(np.array(balance), SPACING_S, PRIOR) == (PRIOR, 0)


def test_a_constant_record_gives_little_noise_but_never_none():
    fitted, _ = fit_noise(np.full(5000, 128.0), SPACING_S, PRIOR)
    assert 0.0 < fitted.white_var < 0.1 * PRIOR.white_var
    assert fitted.hourly_var >= 0.0
    assert fitted.walk_var_per_s >= 0.0


def test_noise_in_another_unit_scales_with_the_square():
    scaled = PRIOR.scaled(3.0)
    assert scaled.white_var == pytest.approx(9.0 * PRIOR.white_var)
    assert scaled.walk_var_per_s == pytest.approx(9.0 * PRIOR.walk_var_per_s)
    balance = record(3, white=0.1, correlated=0.1, count=3000)
    one, _ = fit_noise(balance, SPACING_S, PRIOR)
    three, _ = fit_noise(3.0 * balance, SPACING_S, scaled)
    assert three.white_var == pytest.approx(9.0 * one.white_var)
    assert three.hourly_var == pytest.approx(9.0 * one.hourly_var)


@pytest.mark.parametrize("seed", range(3))
def test_a_daily_swing_is_taken_for_the_day_of_the_crew_and_not_for_a_walk(seed):
    hours = np.arange(11520) / 60.0
    swing = 0.3 * np.sin(2.0 * np.pi * (hours - 3.0 * seed) / 24.0)
    prior = replace(PRIOR, day_var=0.01, daily_var=0.001)
    fitted, _ = fit_noise(record(seed, white=0.1) + swing, SPACING_S, prior)
    assert 0.5 < fitted.day_var / 0.045 < 2.0
    assert fitted.walk_var_per_s < 0.25 * prior.walk_var_per_s


def test_a_part_that_the_prior_lacks_is_not_looked_for():
    fitted, _ = fit_noise(record(1, white=0.1, correlated=0.1), SPACING_S, PRIOR)
    assert (fitted.day_var, fitted.cycle_var, fitted.brief_var) == (0.0, 0.0, 0.0)


def test_an_imbalance_is_never_learned_for_a_growth_looks_like_one():
    drift = np.cumsum(np.repeat(np.random.default_rng(3).normal(0.0, 2e-3, 16), 720))
    prior = replace(PRIOR, imbalance_var=(0.1 / 86400.0) ** 2)
    fitted, _ = fit_noise(drift, SPACING_S, prior)
    assert fitted.imbalance_var == prior.imbalance_var


strength = st.floats(1e-6, 1.0)
model = st.builds(
    NoiseModel,
    white_var=strength,
    brief_var=strength,
    hourly_var=strength,
    daily_var=strength,
    walk_var_per_s=strength,
)


@given(total=model, nitrogen=model)
def test_noise_split_over_air_and_oxygen_is_never_less_than_what_was_seen(total, nitrogen):
    split = split_noise(total, nitrogen, 0.235)
    slow = ("brief_var", "hourly_var", "daily_var")

    def diffusion(noise: NoiseModel) -> float:
        spans = (BRIEF_S, HOURLY_S, DAILY_S)
        parts = (2.0 * getattr(noise, n) / s for n, s in zip(slow, spans, strict=True))
        return float(noise.walk_var_per_s + sum(parts))

    assert diffusion(split.total()) >= 0.999 * diffusion(total)
    assert split.total().white_var == total.white_var
    assert split.nitrogen(0.235).white_var >= 0.999 * nitrogen.white_var
    assert all(getattr(split.air, n) <= getattr(nitrogen, n) for n in slow)
    assert min(split.parts().values()) >= 0.0
