"""The filter against the textbook: all measurements at once, as one Gaussian."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.estimators import (
    BRIEF,
    CREEP_VAR_PER_S,
    CYCLE,
    CYCLE_TURN,
    DAILY,
    DAY,
    DAY_TURN,
    DEFICIT,
    FLOW_EXPONENT,
    HEAT_DAY,
    HEAT_DAY_TURN,
    HOURLY,
    IMBALANCE,
    LAG,
    LOOKS,
    MASS,
    OFFSET,
    ORBIT,
    ORBIT_TURN,
    OUTLIER,
    OXYGEN,
    OXYGEN_IN_IT,
    OXYGEN_SHARE,
    RATE,
    STATES,
    TOTAL,
    LeakFilter,
)
from service.core.noise import (
    BRIEF_S,
    CYCLE_MEMORY_S,
    DAILY_S,
    DAY_MEMORY_S,
    HOURLY_S,
    IMBALANCE_S,
    ORBIT_MEMORY_S,
    ORBIT_S,
    REMOVAL_CYCLE_S,
    AirNoise,
    NoiseModel,
)

NOISE = AirNoise(
    air=NoiseModel(
        white_var=0.04,
        brief_var=0.01,
        hourly_var=0.02,
        daily_var=0.03,
        day_var=0.05,
        cycle_var=0.004,
        heat_day_var=0.006,
        orbit_var=0.003,
        walk_var_per_s=1e-7,
        imbalance_var=(0.5 / 86400.0) ** 2,
    ),
    oxygen_walk_var_per_s=2e-7,
    sensor=NoiseModel(white_var=0.09, hourly_var=0.01, walk_var_per_s=1e-8),
)
FIRST_KG, RATE_SD = 128.0, 2.0 / 86400.0


def started(rows: int = 1, noise: AirNoise = NOISE) -> LeakFilter:
    """Start rows that are linear: their leak flows the same, however much is left."""
    leaks = LeakFilter()
    for _ in range(rows):
        leaks.start(0.0, FIRST_KG, 0.0, RATE_SD, noise, flow_exponent=0.0)
    return leaks


def feed(leaks: LeakFilter, times_s, balances_kg, gained_kg=None, oxygen_kg=None) -> None:
    """Let all rows see the same balances, and oxygen where it is given and not NaN."""
    gained = np.zeros(len(times_s)) if gained_kg is None else gained_kg
    oxygen = np.full(len(times_s), np.nan) if oxygen_kg is None else oxygen_kg
    rows = len(leaks)
    used = np.ones(rows, np.bool_)
    for time_s, balance, gain, breath in zip(times_s, balances_kg, gained, oxygen, strict=True):
        leaks.advance(np.full(rows, time_s), np.full(rows, gain), used)
        leaks.weigh(TOTAL, np.full(rows, balance), used)
        if np.isfinite(breath):
            leaks.weigh(OXYGEN_IN_IT, np.full(rows, breath), used)


def moved(span_s: float) -> np.ndarray:
    """Return how the state moves, written out from the meaning of its parts."""
    move = np.eye(STATES)
    move[MASS, RATE] = -span_s
    move[OXYGEN, IMBALANCE] = -IMBALANCE_S * (1.0 - np.exp(-span_s / IMBALANCE_S))
    move[OXYGEN, DEFICIT] = -span_s
    for part, memory_s in (
        (BRIEF, BRIEF_S),
        (HOURLY, HOURLY_S),
        (DAILY, DAILY_S),
        (LAG, HOURLY_S),
        (IMBALANCE, IMBALANCE_S),
    ):
        move[part, part] = np.exp(-span_s / memory_s)
    for part, turn, period_s, memory_s in (
        (DAY, DAY_TURN, 86400.0, DAY_MEMORY_S),
        (CYCLE, CYCLE_TURN, REMOVAL_CYCLE_S, CYCLE_MEMORY_S),
        (HEAT_DAY, HEAT_DAY_TURN, 86400.0, DAY_MEMORY_S),
        (ORBIT, ORBIT_TURN, ORBIT_S, ORBIT_MEMORY_S),
    ):
        angle = 2.0 * np.pi * span_s / period_s
        turned = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
        move[part : turn + 1, part : turn + 1] = np.exp(-span_s / memory_s) * np.array(turned)
    return move


def shaken(span_s: float) -> np.ndarray:
    shake = np.zeros((STATES, STATES))
    for part, var_per_s in (
        (MASS, NOISE.air.walk_var_per_s),
        (RATE, CREEP_VAR_PER_S),
        (OXYGEN, NOISE.oxygen_walk_var_per_s),
        (OFFSET, NOISE.sensor.walk_var_per_s),
    ):
        shake[part, part] = var_per_s * span_s
    for part, var, memory_s in (
        (BRIEF, NOISE.air.brief_var, BRIEF_S),
        (HOURLY, NOISE.air.hourly_var, HOURLY_S),
        (DAILY, NOISE.air.daily_var, DAILY_S),
        (LAG, NOISE.sensor.hourly_var, HOURLY_S),
        (IMBALANCE, NOISE.air.imbalance_var, IMBALANCE_S),
        (DAY, NOISE.air.day_var, DAY_MEMORY_S),
        (DAY_TURN, NOISE.air.day_var, DAY_MEMORY_S),
        (CYCLE, NOISE.air.cycle_var, CYCLE_MEMORY_S),
        (CYCLE_TURN, NOISE.air.cycle_var, CYCLE_MEMORY_S),
        (HEAT_DAY, NOISE.air.heat_day_var, DAY_MEMORY_S),
        (HEAT_DAY_TURN, NOISE.air.heat_day_var, DAY_MEMORY_S),
        (ORBIT, NOISE.air.orbit_var, ORBIT_MEMORY_S),
        (ORBIT_TURN, NOISE.air.orbit_var, ORBIT_MEMORY_S),
    ):
        shake[part, part] = var * (1.0 - np.exp(-2.0 * span_s / memory_s))
    return shake


def conditioned(times_s, balances_kg, gained_kg, oxygen_kg):
    """Return mean and covariance of the last state, given all measurements at once."""
    count = len(times_s)
    prior = started()
    mean, spread = prior.state[0].copy(), prior.covariance[0].copy()
    means = np.zeros((count, STATES))
    joint = np.zeros((count, STATES, count, STATES))
    last_s = 0.0
    for k, time_s in enumerate(times_s):
        move = moved(time_s - last_s)
        mean = move @ mean
        mean[OXYGEN] += gained_kg[k]
        spread = move @ spread @ move.T + shaken(time_s - last_s)
        for j in range(k):
            joint[k, :, j, :] = move @ joint[k - 1, :, j, :]
            joint[j, :, k, :] = joint[k, :, j, :].T
        means[k], joint[k, :, k, :] = mean, spread
        last_s = time_s
    look = np.zeros((2 * count, count, STATES))
    for k in range(count):
        look[k, k], look[count + k, k] = LOOKS[TOTAL], LOOKS[OXYGEN_IN_IT]
        look[count + k, k, [MASS, BRIEF, HOURLY, DAILY, HEAT_DAY, ORBIT]] = OXYGEN_SHARE
    looks = look.reshape(2 * count, count * STATES)
    whole = joint.reshape(count * STATES, count * STATES)
    white = np.repeat([NOISE.air.white_var, NOISE.sensor.white_var], count)
    gain = whole @ looks.T @ np.linalg.inv(looks @ whole @ looks.T + np.diag(white))
    measured = np.concatenate([balances_kg, oxygen_kg])
    mean = means.ravel() + gain @ (measured - looks @ means.ravel())
    spread = whole - gain @ looks @ whole
    return mean[-STATES:], spread[-STATES:, -STATES:]


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.floats(1.0, 20_000.0),
            st.floats(-0.2, 0.2),
            st.floats(-0.05, 0.05),
            st.floats(-0.3, 0.3),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_the_filter_equals_the_joint_gaussian_solution_at_irregular_times(steps):
    spans, errors, gained, breaths = (np.array(column) for column in zip(*steps, strict=True))
    times = np.cumsum(spans)
    gains = np.cumsum(gained)
    balances = FIRST_KG + gains - times * 1e-6 + errors
    oxygen = OXYGEN_SHARE * FIRST_KG + gains + breaths
    leaks = started()
    feed(leaks, times, balances, gained, oxygen)
    mean, spread = conditioned(times, balances, gained, oxygen)
    scale = np.sqrt(np.diag(spread)) + 1e-12
    assert leaks.state[0] / scale == pytest.approx(mean / scale, abs=1e-3)
    together = leaks.covariance[0] / np.outer(scale, scale)
    assert together == pytest.approx(spread / np.outer(scale, scale), abs=1e-3)


@pytest.mark.parametrize("off", [-1.5, 0.0, 0.4, 2.5])
def test_a_rounded_balance_leaves_what_the_distribution_cut_to_it_has(off):
    """The mass as it is measured, before and after: drawn 400 000 times, those that round to it."""
    leaks = started()
    used, now_s = np.ones(1, np.bool_), np.array([600.0])
    leaks.advance(now_s, np.zeros(1), used)
    look = LOOKS[TOTAL]
    mean, var = leaks.state[0] @ look, look @ leaks.covariance[0] @ look
    noise_var, half = float(leaks.white_var[0]), float(np.sqrt(var))
    rng = np.random.default_rng(2)
    mass = rng.normal(mean, np.sqrt(var), 400_000)
    told = np.abs(mass + rng.normal(0.0, np.sqrt(noise_var), len(mass)) - mean - off * half) <= half
    leaks.weigh(TOTAL, np.array([mean + off * half]), used, np.array([half]))
    found_sd = np.sqrt(look @ leaks.covariance[0] @ look)
    assert leaks.state[0] @ look == pytest.approx(mass[told].mean(), abs=0.03 * half)
    assert found_sd == pytest.approx(mass[told].std(), rel=0.04)


def test_a_step_seen_in_wide_codes_is_followed_and_less_well_known_than_one_seen_exactly():
    """Gas comes in at once: the second balance beyond reach is where the mass is, give or take."""
    used, look = np.ones(1, np.bool_), LOOKS[TOTAL]
    coarse, exact = started(), started()
    for minute in range(1, 11):
        for leaks, half in ((coarse, 0.5), (exact, 0.0)):
            leaks.advance(np.array([60.0 * minute]), np.zeros(1), used)
            leaks.weigh(TOTAL, np.array([FIRST_KG + 5.0]), used, half)
        if minute >= 2:
            known = [look @ leaks.covariance[0] @ look for leaks in (coarse, exact)]
            assert known[0] > known[1]
    assert coarse.balance(0) == pytest.approx(FIRST_KG + 5.0, abs=1.0)


def test_a_balance_that_rounds_to_anything_says_nothing():
    leaks = started()
    before = leaks.take(0)
    leaks.weigh(TOTAL, np.array([FIRST_KG]), np.ones(1, np.bool_), np.array([1e6]))
    assert leaks.state[0] == pytest.approx(before["state"])
    assert leaks.covariance[0] == pytest.approx(before["covariance"], rel=1e-5, abs=1e-6)


def test_a_row_that_has_no_new_balance_stays_as_it_is():
    leaks = started(rows=2)
    before = leaks.take(1)
    used = np.array([True, False])
    leaks.advance(np.array([60.0, 60.0]), np.zeros(2), used)
    leaks.weigh(TOTAL, np.array([127.9, 0.0]), used)
    after = leaks.take(1)
    assert all(np.array_equal(before[name], after[name]) for name in before)
    assert leaks.time_s.tolist() == [60.0, 0.0]


def test_rows_do_not_know_of_each_other():
    alone, together = started(), started(rows=3)
    times, balances = 60.0 * np.arange(1, 30), 128.0 - 0.01 * np.arange(29)
    feed(alone, times, balances)
    feed(together, times, balances)
    assert together.state[2] == pytest.approx(alone.state[0], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("wild", [1e9, -1e9, FIRST_KG + 20.0])
def test_a_lone_outlier_is_left_out(wild):
    with_it, without = started(), started()
    feed(with_it, [60.0, 120.0], [wild, FIRST_KG])
    feed(without, [60.0], [FIRST_KG])
    assert with_it.state[0, MASS] == pytest.approx(without.state[0, MASS], abs=1e-3)


def test_a_second_outlier_on_the_same_side_is_believed_and_one_on_the_other_is_not():
    leaks = started()
    far = 2.0 * OUTLIER
    feed(leaks, [60.0, 120.0], [FIRST_KG + far, FIRST_KG - far])
    assert leaks.state[0, MASS] == FIRST_KG
    feed(leaks, [180.0], [FIRST_KG - far])
    assert leaks.balance(0) < FIRST_KG - 0.4 * far


def test_a_leak_takes_oxygen_with_it_and_breathing_takes_only_oxygen():
    """The same fall of the whole mass, with a fifth or all of it missing from the oxygen."""
    times = 600.0 * np.arange(1, 145)
    loss = 2.0 / 86400.0 * times
    rates = []
    for share in (OXYGEN_SHARE, 1.0):
        leaks = started()
        feed(leaks, times, FIRST_KG - loss, oxygen_kg=OXYGEN_SHARE * FIRST_KG - share * loss)
        rates.append(leaks.rate(0)[0] * 86400.0)
    assert rates[0] > 1.2
    assert rates[1] < 0.5


def test_the_interval_holds_the_true_rate_as_often_as_it_says():
    rng = np.random.default_rng(5)
    times = 600.0 * np.arange(1, 145)
    none = NoiseModel(white_var=0.0, walk_var_per_s=0.0)
    calm = AirNoise(
        air=NoiseModel(white_var=0.04, walk_var_per_s=1e-7),
        oxygen_walk_var_per_s=0.0,
        sensor=none,
    )
    inside = 0
    for _ in range(200):
        rate = rng.normal(0.0, RATE_SD)
        walk = np.cumsum(rng.normal(0.0, np.sqrt(1e-7 * 600.0), len(times)))
        leaks = started(noise=calm)
        true_kg = FIRST_KG + rng.normal(0.0, 0.2)
        feed(leaks, times, true_kg - rate * times + walk + rng.normal(0.0, 0.2, len(times)))
        found, error = leaks.rate(0)
        inside += abs(found - rate) < 1.96 * error
    assert 180 <= inside <= 198


def test_reopened_variances_are_added_where_they_belong():
    leaks = started()
    before = leaks.covariance[0].copy()
    leaks.reopen(0, mass_var=2.0, rate_var=3.0, lag_var=4.0, deficit_var=5.0)
    for part, var in ((MASS, 2.0), (RATE, 3.0), (LAG, 4.0), (DEFICIT, 5.0)):
        assert leaks.covariance[0, part, part] == before[part, part] + var
    added = leaks.covariance[0] - before
    assert np.count_nonzero(added) == 4


def test_restarting_the_mass_keeps_the_rates_and_restarting_the_rate_keeps_the_mass():
    leaks = started()
    leaks.reopen(0, deficit_var=1e-10)
    feed(leaks, 600.0 * np.arange(1, 50), 128.0 - 0.01 * np.arange(49))
    rate, deficit = leaks.rate(0), leaks.state[0, DEFICIT]
    leaks.restart_mass(0, 40_000.0, 90.0)
    assert (leaks.rate(0), leaks.state[0, DEFICIT]) == (rate, deficit)
    assert (leaks.state[0, MASS], leaks.time_s[0]) == (90.0, 40_000.0)
    leaks.restart_rate(0, 1e-6, 2e-6)
    assert leaks.rate(0) == pytest.approx((1e-6, 2e-6))
    assert leaks.balance(0) == pytest.approx(90.0)


def test_the_noise_of_a_row_is_the_one_set():
    leaks = started()
    leaks.set_noise(0, NOISE)
    assert {name: getattr(leaks, name)[0] for name in NOISE.parts()} == NOISE.parts()


@pytest.mark.parametrize("exponent", [1.0, 1.4, 1.8])
def test_the_leak_of_a_section_that_empties_is_followed_as_it_gets_weaker(exponent):
    """Half of the air goes within two days; nothing but the law of the flow says how it ends."""
    rng = np.random.default_rng(1)
    leaks = LeakFilter()
    leaks.start(
        0.0,
        8.0,
        4.0 / 86400.0,
        RATE_SD,
        AirNoise(
            air=NoiseModel(white_var=0.01**2, walk_var_per_s=1e-10),
            oxygen_walk_var_per_s=0.0,
            sensor=NoiseModel(white_var=0.09, walk_var_per_s=1e-8),
        ),
    )
    left_kg, flow_kg_per_s, worst = 8.0, 4.0 / 86400.0, 0.0
    for minute in range(1, 2880):
        flow_kg_per_s = 4.0 / 86400.0 * (left_kg / 8.0) ** exponent
        left_kg -= 60.0 * flow_kg_per_s
        feed(leaks, [60.0 * minute], [left_kg + rng.normal(0.0, 0.01)])
        rate, error = leaks.rate(0)
        worst = max(worst, abs(rate - flow_kg_per_s) / error)
    assert left_kg < 5.0
    assert worst < 4.0


@given(ratio=st.floats(0.5, 2.0))
def test_driven_by_another_pressure_a_leak_flows_as_the_power_of_it(ratio):
    leaks = LeakFilter()
    leaks.start(0.0, FIRST_KG, 1e-5, RATE_SD, NOISE)
    before = leaks.rate(0)
    leaks.drive(0, ratio)
    rate, error = leaks.rate(0)
    assert rate == pytest.approx(before[0] * ratio**FLOW_EXPONENT)
    assert error >= before[1] * ratio**FLOW_EXPONENT


def test_a_liquid_leaks_the_same_at_any_pressure():
    leaks = started()
    feed(leaks, [60.0], [FIRST_KG - 1.0])
    before = leaks.rate(0)
    leaks.drive(0, 0.5)
    assert leaks.rate(0) == before


def test_more_air_makes_the_noise_of_its_row_alone_stronger_by_the_square():
    leaks = started(rows=2)
    leaks.enlarge(0, 2.0)
    for name in NOISE.parts():
        first, second = getattr(leaks, name)
        assert (first, second) == pytest.approx((4.0 * second, NOISE.parts()[name]))
