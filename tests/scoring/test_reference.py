"""The reference detector is as quick as theory says that the best can be, and no quicker."""

import math

import numpy as np
import pytest

from service.scoring import reference
from service.scoring.knowing import MMHG_M3_PER_KG
from service.scoring.reference import Task, delays

MINUTE = 1 / 1440


def theory(task: Task) -> float:
    """Give the exact delay of the CUSUM in a random walk (Moustakides 2004)."""
    scale = 2 * task.drift / task.slope**2
    level = 1.0
    for _ in range(100):
        level = math.log(task.interval / scale + level + 1)
    return scale * (math.exp(-level) + level - 1)


@pytest.mark.parametrize(("slope", "drift"), [(0.35, 0.02), (0.35, 0.005), (1.4, 0.2), (0.7, 0.06)])
def test_in_a_random_walk_the_mean_delay_is_the_least_possible(slope, drift):
    """Six seeds of sixty draws; their spread makes the mean uncertain by about a tenth."""
    task = Task(slope=slope, drift=drift, white=1e-4, period=MINUTE, interval=90.0)
    found = [d for seed in range(6) for d in delays(task, np.random.default_rng(seed))]
    assert None not in found
    assert np.mean([d for d in found if d is not None]) == pytest.approx(theory(task), rel=0.2)


def test_in_white_noise_it_takes_the_cube_root_of_what_theory_gives():
    """3.5 hours for 0.5 kg/day on 905 m3 at 0.1 mmHg and one reading a minute, within a fifth."""
    task = Task(slope=0.351, drift=1e-7, white=0.1, period=MINUTE, interval=90.0)
    found = [d for seed in range(4) for d in delays(task, np.random.default_rng(seed))]
    assert np.mean([d for d in found if d is not None]) * 24 == pytest.approx(3.3, rel=0.2)


def test_more_drift_more_noise_and_a_ramp_all_take_longer():
    """Four seeds of sixty draws for each."""

    def median(**other: float) -> float:
        figures = {"slope": 0.7, "drift": 0.01, "white": 0.03, "period": MINUTE, "interval": 90.0}
        task = Task(**(figures | other))
        found = [d for seed in range(4) for d in delays(task, np.random.default_rng(seed))]
        return float(np.median([math.inf if d is None else d for d in found]))

    plain = median()
    assert median(drift=0.06) > plain
    assert median(white=0.5) > plain
    assert median(ramp=4.0) > plain
    assert median(interval=900.0) > plain
    assert median(slope=1.4) < plain


def test_its_threshold_is_passed_by_chance_about_once_an_interval():
    """Four hundred runs without a change, each as long as the interval: 1 - 1/e of them alarm."""
    task = Task(slope=2.0, drift=0.5, white=0.05, period=0.02, interval=8.0)
    whitened = reference._Whitened(task, task.period, 1)
    rng = np.random.default_rng(3)
    level = np.mean(
        [reference._threshold(whitened, task, task.period, 30, 300, rng) for _ in range(8)]
    )
    steps = round(task.interval / task.period)
    passed = [
        whitened.likelihoods(whitened.innovations(steps, steps, 0.0, 0.0, rng)).max() >= level
        for _ in range(400)
    ]
    assert np.mean(passed) == pytest.approx(1 - math.exp(-1), abs=0.12)


def test_a_kilogram_is_what_the_gas_law_makes_of_it():
    assert pytest.approx(0.70, abs=0.01) == MMHG_M3_PER_KG / 905.0
