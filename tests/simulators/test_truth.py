"""The true leak rates miss nothing, however short."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from simulators.gas import S_PER_DAY
from simulators.scenario import load
from simulators.station import Simulation
from simulators.truth import CLOSE_S, EVERY_S


def told(name, before_h=1.0, after_h=1.0):
    """Return the truth about the hours around the first change of a leak in a scenario."""
    scenario = load(name)
    first = min(entry.at for entry in scenario.timeline if entry.what == "leak")
    window = {"start": first - timedelta(hours=before_h), "end": first + timedelta(hours=after_h)}
    simulation = Simulation(scenario, 1, **window)
    for _ in simulation.slices():
        pass
    return simulation.truth(), first.timestamp()


def integral_kg(truth, place):
    """Return what a section lost by its rates, each of which holds until the next."""
    rates = truth["leak_rate_kg_per_day"]
    end_s = datetime.fromisoformat(truth["end"]).timestamp()
    return float(np.diff([*rates["time"], end_s]) @ np.array(rates["sections"][place])) / S_PER_DAY


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("progress_ms21_2023_02", "radiator"),  # empty within a minute
        ("soyuz_ms22_2022_12", "radiator"),
        ("nauka_radiator_2023_10", "radiator"),
        ("demo_2024_02", "prk"),
    ],
)
def test_the_rates_add_up_to_what_was_lost(name, place):
    truth, _ = told(name)
    assert integral_kg(truth, place) == pytest.approx(truth["lost_kg"][place], rel=0.05)


@pytest.mark.parametrize(
    ("name", "place"), [("progress_ms21_2023_02", "radiator"), ("demo_2024_02", "prk")]
)
def test_at_a_change_the_new_rate_holds_and_a_step_before_it_the_old(name, place):
    truth, onset_s = told(name)
    rates = truth["leak_rate_kg_per_day"]
    at = rates["time"].index(onset_s)
    (change,) = truth["changes"]
    before, after = (rates["sections"][place][row] for row in (at - 1, at))
    assert before == pytest.approx(change["before_kg_per_day"], rel=0.1)
    assert after == pytest.approx(change["after_kg_per_day"], rel=0.35)  # it weakens in the step
    assert onset_s - rates["time"][at - 1] <= 60.0


def test_the_times_ascend_and_lie_close_only_after_a_change():
    truth, onset_s = told("soyuz_ms22_2022_12", before_h=2.0)
    times_s = np.array(truth["leak_rate_kg_per_day"]["time"])
    steps_s = np.diff(times_s)
    assert (steps_s > 0).all()
    quiet = (times_s[1:] < onset_s - 600) | (times_s[:-1] >= onset_s + CLOSE_S)
    assert set(steps_s[quiet]) <= {EVERY_S, EVERY_S / 2}
