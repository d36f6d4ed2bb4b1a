"""The reference detector is as quick as theory says that the best can be, and no quicker."""

import math

import numpy as np
import pytest

from service.core.intake import ClockMode
from service.core.monitor import Policy
from service.core.samples import SampleBatch
from service.core.station import Channel, ChannelKind, Section, Station
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.scoring import reference
from service.scoring.knowing import MMHG_M3_PER_KG, reference_delays
from service.scoring.recordings import Noise, Recording
from service.scoring.reference import Task, delays
from service.scoring.truths import truth_of

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


@pytest.mark.slow
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


def ring(shut_at_h: float | None, *, drift: float | None = 0.02) -> Recording:
    """Give a station of 500 m3 whose ring of 7 m3 leaks 0.5 kg/day more from the tenth hour on."""
    together = {"time": 0, "sections": {"core": ["core", "ring"]}}
    apart = (
        []
        if shut_at_h is None
        else [{"time": shut_at_h * 3600, "sections": {"core": ["core"], "ring": ["ring"]}}]
    )
    change = {
        "time": 36000,
        "sections": ["ring"],
        "before_kg_per_day": 0.0,
        "after_kg_per_day": 0.5,
    }
    gauges = [
        Channel(
            name=f"{section}.pressure",
            section=section,
            kind=ChannelKind.PRESSURE,
            unit="mmHg",
            noise=0.03 * PA_PER_MMHG,
        )
        for section in ("core", "ring")
    ]
    return Recording(
        station=Station(
            name="s",
            sections=(Section(name="core", volume_m3=493.0), Section(name="ring", volume_m3=7.0)),
            hatches=(),
            channels=tuple(gauges),
            accepted_leak_kg_per_s=0.0,
        ),
        policy=Policy(rules=(), clock=ClockMode.EVENT, false_alarm_interval_s=90 * S_PER_DAY),
        samples=SampleBatch.empty(),
        activities=(),
        truth={
            "start": 0,
            "end": 20 * S_PER_DAY,
            "changes": [change],
            "atmospheres": [together, *apart],
        },
        noise=None if drift is None else Noise(drift_mmhg2_per_day=drift, period_s=60.0),
    )


def median_h(recording: Recording) -> float:
    (draws,) = reference_delays(recording, truth_of(recording.truth), 1)
    return float(np.median([math.inf if d is None else d for d in draws])) / 3600


def test_a_shut_section_is_found_in_minutes_and_an_open_station_in_hours():
    assert median_h(ring(9.0)) < 0.2
    assert median_h(ring(None)) > 5


def test_a_leak_that_grows_before_its_hatch_is_shut_is_found_soon_after():
    assert 1.0 < median_h(ring(11.0)) < 1.2


def test_where_the_noise_is_not_known_there_is_no_reference():
    recording = ring(None, drift=None)
    assert reference_delays(recording, truth_of(recording.truth), 1) == ((),)
