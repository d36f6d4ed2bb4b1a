"""The coolant losses of 2022 and 2023, and healthy loops, through the whole core."""

from datetime import timedelta
from typing import Any

import pytest

from service.core.events import Severity
from simulators.scenario import load
from simulators.schema import Scenario
from tests.detection.watching import Watched, watched

SEEDS = (1, 2, 3)


def told(name: str, seed: int, hours: float) -> Watched:
    """Watch a scenario from six hours before its leak until some hours after it."""
    scenario = load(name)
    at = min(entry.at for entry in scenario.timeline if entry.what == "leak")
    return watched(scenario, seed, start=at - timedelta(hours=6), end=at + timedelta(hours=hours))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("name", "within_min"),
    [
        ("soyuz_ms22_2022_12", 10),  # a hole of 0.8 mm, empty within hours
        ("progress_ms21_2023_02", 10),  # a hole of 12 mm, over before the next minute
        ("nauka_radiator_2023_10", 60),  # some hours
    ],
)
def test_a_coolant_loss_is_an_emergency_of_its_loop_and_of_nothing_else(name, within_min, seed):
    seen = told(name, seed, hours=3.0)
    (first,) = seen.raised("coolant_reserve")
    assert 0.0 < first.time_s - seen.onset_s < 60.0 * within_min
    worst = [alert.severity for alert in seen.alerts if alert.rule == "coolant_reserve"]
    assert worst[-1] is Severity.EMERGENCY
    assert {alert.atmosphere for alert in seen.alerts} == {"radiator"}


def loop_alone(name: str, drop: tuple[str, ...], **changed: Any) -> Scenario:
    """Return a scenario whose only channels are those of its loop, without some kinds."""
    scenario = load(name)
    channels = {
        title: channel
        for title, channel in scenario.channels.items()
        if channel.section in scenario.loops and channel.kind not in drop
    }
    return scenario.model_copy(update={"channels": channels, **changed})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("drop", "seed"),
    [((), 1), (("temperature", "pressure"), 2), (("quantity",), 3)],
    ids=["all gauges", "quantity alone", "gas pressure"],
)
@pytest.mark.parametrize("name", ["coolant_loop", "nauka_radiator_2023_10"])
def test_a_healthy_loop_with_thermal_swings_raises_nothing_in_two_weeks(name, drop, seed):
    scenario = load(name)
    thermal = [entry for entry in scenario.timeline if entry.what == "thermal"]
    end = scenario.start + timedelta(days=14)
    healthy = loop_alone(name, drop, timeline=thermal, end=end, step_s=60.0)
    assert not watched(healthy, seed).alerts


@pytest.mark.slow
def test_a_weeping_fitting_is_found_within_days_and_its_dripping_within_one():
    """4 g/h from 10 May and 20 g/h from 20 May, both under thermal swings of 60 g a kelvin."""
    scenario = loop_alone("coolant_loop", ())
    seen = watched(scenario, 1, end=scenario.start + timedelta(days=22))
    (raised,) = seen.raised("coolant_growth")
    assert 0.0 < raised.time_s - seen.onset_s < 4 * 86400.0
    again = [alert for alert in seen.alerts if alert.event == "escalated"]
    dripping_s = seen.onset_s + 10.25 * 86400.0
    assert 0.0 < again[0].time_s - dripping_s < 86400.0
    assert {alert.rule for alert in seen.alerts} == {"coolant_growth"}
