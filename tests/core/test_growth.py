"""The bank of candidate changes against brute force: the same filter with the change injected."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.estimators import DEFICIT, OXYGEN_IN_IT, OXYGEN_SHARE, RATE, TOTAL, LeakFilter
from service.core.growth import (
    CANDIDATES,
    JUMP,
    KINDS,
    LEAK,
    OXYGEN,
    OXYGEN_JUMP,
    PAUSE_S,
    PULSE,
    PULSES_S,
    ChangeBank,
    _quantiles,
    mixture_interval,
)
from service.core.noise import HOURLY_S, AirNoise, NoiseModel

NOISE = AirNoise(
    air=NoiseModel(white_var=0.01, hourly_var=0.02, walk_var_per_s=1e-8, imbalance_var=1e-14),
    oxygen_walk_var_per_s=1e-8,
    sensor=NoiseModel(white_var=0.04, hourly_var=0.01, walk_var_per_s=1e-9),
)
RATE_SD = 1.0 / 86400.0
SURE = np.ones((1, CANDIDATES))
ASKED = np.ones(1, np.bool_)
ODDS = {LEAK: 1.0 / (30 * 86400.0), JUMP: 1.0 / (5 * 86400.0)}  # 1/s


def run(times_s, balances_kg, oxygen_kg=None):
    """Return filter and bank after all balances, with every innovation and its variance."""
    leaks, bank = LeakFilter(), ChangeBank()
    leaks.start(0.0, 0.0, 0.0, RATE_SD, NOISE, flow_exponent=0.0)
    bank.append()
    used = np.ones(1, np.bool_)
    measured = [(TOTAL, balances_kg)] + ([] if oxygen_kg is None else [(OXYGEN_IN_IT, oxygen_kg)])
    innovations, variances = [], []
    for step, time_s in enumerate(times_s):
        now, before = np.array([time_s]), leaks.time_s.copy()
        bank.advance(leaks.advance(now, np.zeros(1), used), now, before)
        for what, values in measured:
            look, gain, innovation, variance, believed = leaks.weigh(
                what, values[step : step + 1], used
            )
            bank.see(look, gain, innovation, variance, believed)
            innovations.append(innovation[0])
            variances.append(variance[0])
        bank.breed(now, before, used)
    return leaks, bank, np.array(innovations), np.array(variances)


def shown(kind: int, since_s):
    """Return what a unit change so long ago has done to the whole mass and to the oxygen in it."""
    lasting_s = np.clip(since_s, 0.0, PULSES_S[kind - PULSE] if kind >= PULSE else None)
    if kind == OXYGEN_JUMP:
        return 1.0 * (since_s > 0.0), 1.0 * (since_s > 0.0)
    if kind == JUMP:
        return 1.0 * (since_s > 0.0), OXYGEN_SHARE * (since_s > 0.0)
    share = 1.0 if kind == OXYGEN else OXYGEN_SHARE
    return -lasting_s, -share * lasting_s


@settings(max_examples=40)
@given(seed=st.integers(0, 1000), kind=st.integers(0, len(KINDS) - 1), data=st.data())
def test_each_candidate_sums_what_its_change_would_have_shown(seed, kind, data):
    times = 60.0 * np.arange(1, 60)
    rng = np.random.default_rng(seed)
    total, oxygen = rng.normal(0.0, 0.03, (2, len(times)))
    _, bank, innovation, variance = run(times, total, oxygen)
    living = np.flatnonzero(np.isfinite(bank.born_s[0]))
    slot = int(data.draw(st.sampled_from(living.tolist())))
    on_total, on_oxygen = shown(kind, times - bank.born_s[0, slot])
    unit = 1e-7
    _, _, changed, _ = run(times, total + unit * on_total, oxygen + unit * on_oxygen)
    signature = (changed - innovation) / unit
    place = kind * CANDIDATES + slot
    assert bank.correlation[0, place] == pytest.approx(
        float((signature * innovation / variance).sum()), rel=1e-4, abs=1e-3
    )
    assert bank.information[0, place] == pytest.approx(
        float((np.square(signature) / variance).sum()), rel=1e-4, abs=1e-3
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


def evidence(bank):
    return bank.evidence(np.full(1, 100.0), SURE, ASKED)


@pytest.mark.parametrize("seed", range(6))
def test_a_change_of_rate_is_found_with_its_size_and_onset(seed):
    rate, onset_s = 3.0 / 86400.0, 60.0 * 600
    times, balances = leaking(600, 1400, rate, seed)
    _, bank, *_ = run(times, balances)
    found = evidence(bank)
    assert found.growth[0] > np.log(30 * 86400.0)
    assert found.growth[0] > max(found.decrease[0], found.jump[0], found.pulse[0]) + 3.0
    change = bank.rate_change(0, 0.01 / 86400.0, growth=True)
    assert abs(change.size - rate) < 3.0 * change.size_sd < rate
    assert change.onset_low_s - 1800.0 < onset_s < change.onset_high_s + 1800.0
    assert change.onset_low_s <= change.onset_s <= change.onset_high_s
    assert np.linalg.eigvalsh(change.spread).min() > -1e-9 * np.linalg.eigvalsh(change.spread).max()


@pytest.mark.parametrize("trust", [1.0, 0.2, 0.01])
def test_nothing_that_was_seen_is_evidence_of_no_more_than_the_time_that_has_passed(trust):
    times = 60.0 * np.arange(1, 2001)
    _, bank, *_ = run(times, np.zeros(len(times)))
    found = bank.evidence(np.full(1, 100.0), trust * SURE, ASKED)
    for told in (found.growth, found.decrease, found.jump, found.oxygen, found.pulse):
        assert told[0] <= np.log(times[-1])


def test_a_decrease_is_a_growth_seen_in_the_mirror():
    times, balances = leaking(600, 1400, 3.0 / 86400.0, seed=1)
    least = 0.01 / 86400.0
    _, bank, *_ = run(times, balances)
    _, mirror, *_ = run(times, -balances)
    one = bank.rate_change(0, least, growth=True)
    other = mirror.rate_change(0, least, growth=False)
    assert other.size == pytest.approx(-one.size)
    assert (other.onset_s, other.size_sd) == pytest.approx((one.onset_s, one.size_sd))
    assert evidence(mirror).decrease[0] == pytest.approx(evidence(bank).growth[0])


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
    found = evidence(bank)
    assert found.jump[0] > max(found.growth[0], found.decrease[0]) + 3.0
    change, place = bank.event(0, JUMP)
    assert place == JUMP
    assert abs(change.size - 0.6) < 4.0 * change.size_sd
    assert change.onset_low_s <= 60.0 * 701 <= change.onset_high_s + 600.0
    leaks.correct(0, change.shift, change.spread)
    assert abs(leaks.rate(0)[0]) < 4.0 * leaks.rate(0)[1]


@pytest.mark.parametrize("seed", range(4))
def test_gas_let_out_for_half_an_hour_is_told_from_a_leak_once_it_is_over(seed):
    times = 60.0 * np.arange(1, 761)
    rng = np.random.default_rng(seed)
    let_out = 80.0 / 86400.0 * np.clip(times - 60.0 * 700, 0.0, 1800.0)
    _, bank, *_ = run(times, rng.normal(0.0, 0.05, 760) - let_out)
    found = evidence(bank)
    assert found.pulse[0] > max(found.growth[0], found.jump[0]) + 3.0
    change, place = bank.event(0, PULSE)
    assert place == PULSE + 1
    assert change.size * 86400.0 == pytest.approx(80.0, rel=0.15)
    assert change.onset_s == pytest.approx(60.0 * 700, abs=240.0)


@pytest.mark.parametrize("seed", range(4))
def test_oxygen_that_is_no_longer_made_is_told_from_a_leak_by_the_nitrogen(seed):
    times, total = leaking(600, 900, 5.0 / 86400.0, seed)
    rng = np.random.default_rng(100 + seed)
    loss = 5.0 / 86400.0 * np.clip(times - 60.0 * 600, 0.0, None)
    for share, breathed in ((1.0, True), (OXYGEN_SHARE, False)):
        oxygen = rng.normal(0.0, 0.1, len(times)) - share * loss
        _, bank, *_ = run(times, total, oxygen)
        found = evidence(bank)
        assert bool(found.oxygen[0] > found.growth[0] + 3.0) is breathed
        assert bool(found.growth[0] > found.oxygen[0] + 3.0) is not breathed


def test_while_nothing_changes_the_mean_evidence_is_the_time_that_has_passed():
    """The property by which the threshold needs no calibration; 400 volumes over two days.

    The evidence is heavy-tailed, so what is checked is the frequency of its passing a threshold:
    by Markov's inequality at most time over threshold.
    """
    rows, steps, spacing_s = 400, 288, 600.0
    leaks, bank = LeakFilter(), ChangeBank()
    for _ in range(rows):
        leaks.start(0.0, 0.0, 0.0, RATE_SD, NOISE, flow_exponent=0.0)
        bank.append()
    rng = np.random.default_rng(7)
    mass = np.zeros(rows)
    rate = rng.normal(0.0, RATE_SD, rows)
    hidden = rng.normal(0.0, np.sqrt(NOISE.air.hourly_var), rows)
    decay = np.exp(-spacing_s / HOURLY_S)
    used, passed = np.ones(rows, np.bool_), np.zeros(rows, np.bool_)
    limit_s = 20 * 86400.0
    for step in range(1, steps + 1):
        now, before = np.full(rows, step * spacing_s), leaks.time_s.copy()
        mass -= rate * spacing_s
        mass += rng.normal(0.0, np.sqrt(2e-8 * spacing_s), rows)
        kick = np.sqrt(NOISE.air.hourly_var * (1.0 - decay**2))
        hidden = decay * hidden + rng.normal(0.0, kick, rows)
        bank.advance(leaks.advance(now, np.zeros(rows), used), now, before)
        seen = mass + hidden + rng.normal(0.0, 0.1, rows)
        bank.see(*leaks.weigh(TOTAL, seen, used))
        bank.breed(now, before, used)
        growth = bank.evidence(np.full(rows, 100.0), np.ones((rows, CANDIDATES)), used).growth
        passed |= growth > np.log(limit_s)
    expected = steps * spacing_s / limit_s * rows
    assert passed.sum() <= expected + 3.0 * np.sqrt(expected)


@settings(max_examples=30)
@given(st.lists(st.floats(-5.0, 5.0), min_size=1, max_size=6), st.floats(0.1, 3.0))
def test_the_interval_of_a_mixture_holds_95_percent_of_draws(centres, sd):
    rng = np.random.default_rng(1)
    weights = np.arange(1.0, len(centres) + 1.0)
    weights /= weights.sum()
    low, mean, high = mixture_interval(np.array(centres), weights, sd)
    draws = rng.choice(centres, 20000, p=weights) + rng.normal(0.0, sd, 20000)
    assert np.mean((draws > low) & (draws < high)) == pytest.approx(0.95, abs=0.01)
    assert mean == pytest.approx(draws.mean(), abs=0.1 + 0.03 * sd)


def test_where_nothing_stirs_the_rate_is_one_and_a_suspected_change_adds_others():
    times, balances = leaking(600, 590, 3.0 / 86400.0, seed=1)
    _, calm, *_ = run(times, balances)
    rates, weights = calm.possible_rates(0, 1e-6, 100.0, ODDS, SURE[0])
    assert (rates.tolist(), weights.tolist()) == ([1e-6], [1.0])
    times, balances = leaking(600, 850, 3.0 / 86400.0, seed=1)
    leaks, stirred, *_ = run(times, balances)
    rates, weights = stirred.possible_rates(0, leaks.rate(0)[0], 100.0, ODDS, SURE[0])
    assert len(rates) > 1
    assert weights.sum() == pytest.approx(1.0)
    assert rates.min() >= min(leaks.rate(0)[0], 0.0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", [JUMP, OXYGEN, PULSE])
def test_what_is_no_leak_is_no_rate_while_it_is_not_booked(seed, kind):
    """Of a jump of 1 kg, 6 kg/day of oxygen, or 60 kg/day for ten minutes; five seeds each."""
    since_s = {JUMP: 180.0, OXYGEN: 4 * 3600.0, PULSE: 1200.0}[kind]
    size = {JUMP: -1.0, OXYGEN: 6.0 / 86400.0, PULSE: 60.0 / 86400.0}[kind]
    times = 60.0 * np.arange(1, 901)
    on_total, on_oxygen = shown(kind, times - times[-1] + since_s)
    rng = np.random.default_rng(seed)
    total, oxygen = rng.normal(0.0, 0.05, (2, len(times)))
    leaks, bank, *_ = run(times, total + size * on_total, oxygen + size * on_oxygen)
    found = []
    for odds in ({LEAK: ODDS[LEAK], kind: ODDS[JUMP]}, {LEAK: ODDS[LEAK]}):
        rates, weights = bank.possible_rates(0, leaks.rate(0)[0], 100.0, odds, SURE[0])
        found.append(weights[rates > 3.0 / 86400.0].sum())
    aware, unaware = found
    assert aware < 0.5 < unaware


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


def test_a_row_that_has_rested_lacks_as_much_of_its_rates_and_nothing_of_its_mass():
    _, bank, *_ = run(60.0 * np.arange(1, 50), np.zeros(49))
    before = {name: column.copy() for name, column in bank.take(0).items()}
    row = bank.wake(bank.rest(0))
    after = bank.take(row)
    for name in before.keys() - {"deviation"}:
        assert after[name] == pytest.approx(before[name], rel=1e-6, nan_ok=True)
    stays = before["deviation"][[RATE, DEFICIT]]
    assert after["deviation"][[RATE, DEFICIT]] == pytest.approx(stays, rel=1e-6)
    assert np.count_nonzero(np.delete(after["deviation"], [RATE, DEFICIT], axis=0)) == 0


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
