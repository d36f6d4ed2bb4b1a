"""Simulated noise, learned back."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.core.noise import (
    BREAK,
    HOURLY_S,
    IMBALANCE_S,
    AirNoise,
    NoiseModel,
    Record,
    fit_air_noise,
    fit_noise,
)
from service.core.priors import PRIOR_MMHG
from service.core.views import Balance

SPACING_S = 60.0
WEIGHT = 0.25
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
    fitted, _ = fit_noise(
        record(seed, white=0.1, correlated=0.1), SPACING_S, PRIOR, prior_weight=WEIGHT
    )
    assert fitted.white_var == pytest.approx(0.01, rel=0.1)
    assert 0.4 < fitted.hourly_var / 0.01 < 2.0


@pytest.mark.parametrize("seed", range(3))
def test_white_noise_and_a_walk_are_recovered_from_eight_days(seed):
    fitted, _ = fit_noise(record(seed, white=0.1, walk=0.01), SPACING_S, PRIOR, prior_weight=WEIGHT)
    assert fitted.white_var == pytest.approx(0.01, rel=0.1)
    assert 0.3 < fitted.walk_var_per_s / (0.01**2 / SPACING_S) < 2.0


@pytest.mark.parametrize("seed", range(3))
def test_a_constant_leak_is_not_learned_as_noise(seed):
    balance = record(seed, white=0.1, correlated=0.05)
    fitted, _ = fit_noise(balance, SPACING_S, PRIOR, prior_weight=WEIGHT)
    leaking, _ = fit_noise(
        balance - 1e-3 * np.arange(len(balance)), SPACING_S, PRIOR, prior_weight=WEIGHT
    )
    for part in ("white_var", "hourly_var", "walk_var_per_s"):
        assert getattr(leaking, part) == pytest.approx(getattr(fitted, part), rel=1e-3)


def test_nothing_is_compared_across_a_break():
    balance = record(1, white=0.1, count=2000)
    broken = np.concatenate([balance[:1000], [BREAK], balance[1000:] + 50.0])
    fitted, _ = fit_noise(broken, SPACING_S, PRIOR, prior_weight=WEIGHT)
    assert fitted.white_var == pytest.approx(0.01, rel=0.15)
    assert fitted.walk_var_per_s < 1e-5


def with_losses(balance: np.ndarray) -> np.ndarray:
    """Return the record with half an hour of it lost in each orbit, as signals of a station are."""
    return np.where(np.arange(len(balance)) % 93 < 30, np.nan, balance)


@pytest.mark.parametrize("seed", range(5))
def test_a_walk_of_hours_is_learned_across_losses_of_signal_of_half_an_hour(seed):
    """What is believed before is a tenth of the walk and ten times it; neither may stand."""
    balance = with_losses(record(seed, white=0.1, walk=0.01))
    for factor in (0.1, 10.0):
        believed = NoiseModel(white_var=0.03, walk_var_per_s=factor * 0.01**2 / SPACING_S)
        fitted, _ = fit_noise(balance, SPACING_S, believed, prior_weight=WEIGHT)
        assert fitted.white_var == pytest.approx(0.01, rel=0.2)
        assert 0.3 < fitted.walk_var_per_s / (0.01**2 / SPACING_S) < 3.0


@given(rate=st.floats(-1.0, 1.0), seed=st.integers(0, 9))
def test_a_constant_leak_is_not_learned_as_noise_across_gaps_either(rate, seed):
    balance = record(seed, white=0.1, walk=0.01, count=2000)
    lost = np.random.default_rng(seed).random(2000) < 0.4
    leaking = np.where(lost, np.nan, balance - rate * np.arange(2000))
    here, _ = fit_noise(np.where(lost, np.nan, balance), SPACING_S, PRIOR, prior_weight=WEIGHT)
    there, _ = fit_noise(leaking, SPACING_S, PRIOR, prior_weight=WEIGHT)
    for part in ("white_var", "hourly_var", "walk_var_per_s"):
        assert getattr(there, part) == pytest.approx(getattr(here, part), rel=1e-3, abs=1e-12)


def test_a_few_wild_values_are_cut():
    """Ten values of a thousand sigma would make the variance 2500 times as large."""
    balance = record(2, white=0.1, count=4000)
    balance[::400] += 100.0
    fitted, _ = fit_noise(balance, SPACING_S, PRIOR, prior_weight=WEIGHT)
    assert fitted.white_var < 0.1


def compared(balance: NDArray[np.float64]) -> tuple[float, ...]:
    return fit_noise(balance, SPACING_S, PRIOR, prior_weight=WEIGHT)[1]


def test_what_was_compared_at_a_length_of_block_counts_as_often_as_it_stands_apart():
    """In sixteen days; no more than sixty count, and overlapping blocks are worth little."""
    often = compared(record(0, white=0.1, count=23040))
    assert often[0] == often[5] == 60.0
    for octave, found in enumerate(often[9:], 9):
        blocks = 23040 / 2**octave
        assert 0.25 * blocks < found < blocks


def test_a_break_leaves_fewer_long_blocks_to_be_compared():
    whole = record(0, white=0.1, count=5760)
    broken = whole.copy()
    broken[720::720] = BREAK
    assert compared(broken)[3] == compared(whole)[3] == 60.0
    assert 0.0 < compared(broken)[7] < 0.6 * compared(whole)[7]
    assert len(compared(broken)) <= len(compared(whole))


@pytest.mark.parametrize("balance", [[], [1.0, 2.0], [1.0, np.nan, 2.0, BREAK]])
def test_without_a_second_difference_the_prior_stands(balance):
    fitted, often = fit_noise(np.array(balance), SPACING_S, PRIOR, prior_weight=WEIGHT)
    assert fitted == PRIOR
    assert not any(often)


def test_a_constant_record_gives_little_noise_but_never_none():
    fitted, _ = fit_noise(np.full(5000, 128.0), SPACING_S, PRIOR, prior_weight=WEIGHT)
    assert 0.0 < fitted.white_var < 0.1 * PRIOR.white_var
    assert fitted.hourly_var >= 0.0
    assert fitted.walk_var_per_s >= 0.0


def test_noise_in_another_unit_scales_with_the_square():
    scaled = PRIOR.scaled(3.0)
    assert scaled.white_var == pytest.approx(9.0 * PRIOR.white_var)
    assert scaled.walk_var_per_s == pytest.approx(9.0 * PRIOR.walk_var_per_s)
    balance = record(3, white=0.1, correlated=0.1, count=3000)
    one, _ = fit_noise(balance, SPACING_S, PRIOR, prior_weight=WEIGHT)
    three, _ = fit_noise(3.0 * balance, SPACING_S, scaled, prior_weight=WEIGHT)
    assert three.white_var == pytest.approx(9.0 * one.white_var)
    assert three.hourly_var == pytest.approx(9.0 * one.hourly_var)


@pytest.mark.parametrize("seed", range(3))
def test_a_daily_swing_is_taken_for_the_day_of_the_crew_and_not_for_a_walk(seed):
    hours = np.arange(11520) / 60.0
    swing = 0.3 * np.sin(2.0 * np.pi * (hours - 3.0 * seed) / 24.0)
    prior = replace(PRIOR, day_var=0.01, daily_var=0.001)
    fitted, _ = fit_noise(record(seed, white=0.1) + swing, SPACING_S, prior, prior_weight=WEIGHT)
    assert 0.5 < fitted.day_var / 0.045 < 2.0
    assert fitted.walk_var_per_s < 0.25 * prior.walk_var_per_s


@pytest.mark.parametrize("seed", range(3))
def test_the_line_of_the_orbit_is_not_taken_for_noise_of_hours(seed):
    """As large as the Astro Pi record of 2022 has it, in the record of one day."""
    minutes = np.arange(1440)
    line = 0.06 * np.sin(2.0 * np.pi * (minutes / 92.7 - seed / 3.0))
    calm = record(seed, white=0.02, count=len(minutes))
    prior = PRIOR_MMHG[Balance.TOTAL]
    without = replace(prior, orbit_var=0.0)
    fitted, _ = fit_noise(calm + line, SPACING_S, prior, prior_weight=1.0)
    blind, _ = fit_noise(calm + line, SPACING_S, without, prior_weight=1.0)
    assert 0.5 < fitted.orbit_var / (0.06**2 / 2.0) < 2.0
    assert fitted.hourly_var < 0.5 * blind.hourly_var


def wandering(noise: NoiseModel, hours: int) -> float:
    """Return the standard deviation of what the slow parts come to within so long."""
    return float(np.sqrt(noise.hourly_var + noise.walk_var_per_s * hours * 3600.0))


def test_a_calm_half_day_says_that_hours_not_seen_yet_are_calm_too():
    """All that is slow is a third of what was believed: means over 40 seeds."""
    prior = NoiseModel(white_var=0.03**2, hourly_var=0.06**2, walk_var_per_s=2.5e-7)
    truth = replace(prior, hourly_var=0.02**2, walk_var_per_s=2.5e-7 / 9.0)
    step = np.sqrt(truth.walk_var_per_s * SPACING_S)
    found: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(40):
        calm = record(seed, white=0.03, correlated=0.02, walk=step, count=720)
        for rescale, ratios in found.items():
            fitted, _ = fit_noise(calm, SPACING_S, prior, prior_weight=1.0, rescale=rescale)
            ratios.append(wandering(fitted, 8) / wandering(truth, 8))
    together, apart = (float(np.mean(found[rescale])) for rescale in (True, False))
    assert 1.0 < together < 1.6
    assert together < 0.8 * apart


def test_rescaled_noise_that_is_as_believed_stays_so():
    """Means over 40 seeds of twelve hours; no part is told from the others better than that."""
    prior = NoiseModel(white_var=0.03**2, hourly_var=0.06**2, walk_var_per_s=2.5e-7)
    step = np.sqrt(prior.walk_var_per_s * SPACING_S)
    ratios = []
    for seed in range(40):
        usual = record(seed, white=0.03, correlated=0.06, walk=step, count=720)
        fitted, _ = fit_noise(usual, SPACING_S, prior, prior_weight=1.0, rescale=True)
        ratios.append(wandering(fitted, 8) / wandering(prior, 8))
    assert 0.9 < np.mean(ratios) < 1.15


def test_a_part_that_the_prior_lacks_is_not_looked_for():
    fitted, _ = fit_noise(
        record(1, white=0.1, correlated=0.1), SPACING_S, PRIOR, prior_weight=WEIGHT
    )
    assert (fitted.day_var, fitted.cycle_var, fitted.brief_var) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("rescale", [False, True])
def test_an_imbalance_is_kept_where_a_quiet_week_says_nothing_of_a_busy_one(rescale):
    drift = np.cumsum(np.repeat(np.random.default_rng(3).normal(0.0, 2e-3, 16), 720))
    prior = replace(PRIOR, imbalance_var=(0.1 / 86400.0) ** 2)
    fitted, _ = fit_noise(drift, SPACING_S, prior, prior_weight=WEIGHT, rescale=rescale)
    assert fitted.imbalance_var == prior.imbalance_var


@pytest.mark.parametrize("seed", range(3))
def test_the_less_the_prior_weighs_the_sooner_a_day_is_believed_to_be_quieter(seed):
    day = record(seed, white=0.01, count=1440)
    light, heavy = (
        fit_noise(day, SPACING_S, PRIOR, prior_weight=weight)[0].hourly_var for weight in (1.0, 4.0)
    )
    assert light < 0.8 * heavy < PRIOR.hourly_var


SHARE = 0.22
AIR_PRIOR = AirNoise(
    air=NoiseModel(white_var=1e-3, walk_var_per_s=1e-7, imbalance_var=1e-11),
    oxygen_walk_var_per_s=1e-7,
    sensor=NoiseModel(white_var=1e-2, walk_var_per_s=1e-7),
)
WALKS = ("air", "oxygen", "sensor")


def air_fit(
    whole: Record, nitrogen: Record, breathed: Record, prior: AirNoise = AIR_PRIOR
) -> AirNoise:
    fitted, _ = fit_air_noise(whole, nitrogen, breathed, prior, prior_weight=WEIGHT, share=SHARE)
    return fitted


def fitted_air(seed: int, **walk: float) -> AirNoise:
    """Fit eight days of one air of which parts walk by so much a step, and the others hardly."""
    of = {
        name: record(seed + 100 * place, walk=walk.get(name, 1e-4))
        for place, name in enumerate(WALKS)
    }
    total = of["air"] + of["oxygen"] + record(seed + 300, white=0.05)
    oxygen = SHARE * of["air"] + of["oxygen"] + of["sensor"] + record(seed + 400, white=0.1)
    whole, nitrogen, breathed = (
        Record(values=values, spacing_s=SPACING_S)
        for values in (total, (total - oxygen) / (1.0 - SHARE), oxygen)
    )
    return air_fit(whole, nitrogen, breathed)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("walks", WALKS)
def test_a_walk_is_laid_to_the_air_the_oxygen_or_its_sensor_as_all_three_records_tell(seed, walks):
    fitted = fitted_air(seed, **{walks: 0.01})
    found = {
        "air": fitted.air.walk_var_per_s,
        "oxygen": fitted.oxygen_walk_var_per_s + fitted.air.imbalance_var * IMBALANCE_S,
        "sensor": fitted.sensor.walk_var_per_s,
    }
    assert 0.3 < found.pop(walks) / (0.01**2 / SPACING_S) < 2.0
    assert max(found.values()) < 0.2 * 0.01**2 / SPACING_S


@pytest.mark.parametrize("seed", range(3))
def test_white_noise_is_told_apart_by_the_sensor_it_is_of(seed):
    fitted = fitted_air(seed)
    assert fitted.air.white_var == pytest.approx(0.05**2, rel=0.1)
    assert fitted.sensor.white_var == pytest.approx(0.1**2, rel=0.1)


def test_one_air_without_any_record_keeps_what_was_believed():
    nothing = Record(values=np.array([]), spacing_s=SPACING_S)
    assert air_fit(nothing, nothing, nothing) == AIR_PRIOR


def briefly_heard(gauge: int, gauge_s: float, sensor: int, sensor_s: float) -> AirNoise:
    """Fit what an oxygen sensor has said so many times, beside a gauge of the air."""
    whole, nitrogen, breathed = (
        Record(values=record(seed, white=0.05, count=count), spacing_s=spacing_s)
        for seed, count, spacing_s in (
            (1, gauge, gauge_s),
            (2, sensor, sensor_s),
            (3, sensor, sensor_s),
        )
    )
    return air_fit(whole, nitrogen, breathed)


@pytest.mark.parametrize("heard", [0, 1, 2])
def test_a_sensor_that_has_hardly_spoken_yet_is_what_was_believed_of_it(heard):
    """A gas analyser that speaks every few minutes, beside a gauge of one a minute."""
    fitted = briefly_heard(20, 60.0, heard, 420.0)
    assert fitted.sensor == AIR_PRIOR.sensor
    assert fitted.air.white_var != AIR_PRIOR.air.white_var


@given(
    gauge=st.integers(0, 60),
    sensor=st.integers(0, 60),
    gauge_s=st.sampled_from([1.0, 60.0, 108.0, 600.0]),
    sensor_s=st.sampled_from([60.0, 240.0, 420.0, 3600.0]),
)
def test_however_little_was_heard_all_noise_has_a_strength(gauge, sensor, gauge_s, sensor_s):
    parts = briefly_heard(gauge, gauge_s, sensor, sensor_s).parts().values()
    assert all(np.isfinite(part) and part >= 0.0 for part in parts)


@pytest.mark.parametrize("seed", range(3))
def test_a_record_without_an_imbalance_does_not_lessen_the_one_that_is_believed(seed):
    drift = record(seed, walk=1e-4, white=0.05)
    prior = replace(PRIOR, imbalance_var=(2.0 / 86400.0) ** 2)
    fitted, _ = fit_noise(drift, SPACING_S, prior, prior_weight=WEIGHT)
    assert fitted.imbalance_var == prior.imbalance_var


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("is_breath", [False, True])
def test_a_daily_swing_of_one_air_is_laid_to_its_heat_or_to_what_is_breathed(seed, is_breath):
    """The heat shows in all that is there, what is breathed in the oxygen alone."""
    hours = np.arange(11520) / 60.0
    swing = 0.3 * np.sin(2.0 * np.pi * (hours - 3.0 * seed) / 24.0)
    total = swing + record(seed, white=0.05)
    oxygen = swing * (1.0 if is_breath else SHARE) + record(seed + 1, white=0.1)
    whole, nitrogen, breathed = (
        Record(values=values, spacing_s=SPACING_S)
        for values in (total, (total - oxygen) / (1.0 - SHARE), oxygen)
    )
    air = replace(AIR_PRIOR.air, day_var=0.01, heat_day_var=0.01)
    prior = replace(AIR_PRIOR, air=air)
    fitted = air_fit(whole, nitrogen, breathed, prior).air
    right, wrong = fitted.day_var, fitted.heat_day_var
    if not is_breath:
        right, wrong = wrong, right
    assert 0.5 < right / 0.045 < 2.0
    assert wrong < 0.1 * right


@pytest.mark.parametrize("seed", range(3))
def test_what_lasts_for_minutes_in_no_way_that_is_known_does_not_hide_what_lasts_for_hours(seed):
    """Thermometers that step every five minutes, on air that wanders for hours."""
    steps = np.repeat(np.random.default_rng(seed).uniform(-0.2, 0.2, 11520 // 5), 5)
    wandering = record(seed + 50, white=0.02, correlated=0.1)
    prior = NoiseModel(white_var=0.01, brief_var=0.01, hourly_var=0.003, walk_var_per_s=1e-8)
    fitted, _ = fit_noise(steps + wandering, SPACING_S, prior, prior_weight=WEIGHT)
    assert 0.2 < fitted.hourly_var / 0.1**2 < 2.0
