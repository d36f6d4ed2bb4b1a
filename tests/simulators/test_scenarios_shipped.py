"""Every scenario that ships runs, says where it is from, and tells a truth that fits its timeline."""

import re
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from simulators.entries import LeakEntry
from simulators.scenario import load, names
from simulators.schema import Scenario
from simulators.station import Simulation

LEAKS = ("leak", "patch", "intermittent_leak")
QUIET = ["drawn_quiet", "lying_sensor"] + [name for name in names() if name.startswith("quiet_")]


def coarse(name: str, step_s: float = 900.0) -> Scenario:
    """Load a scenario with longer steps; what lasts less than a day keeps its own."""
    scenario = load(name)
    if scenario.end - scenario.start < timedelta(days=1):
        return scenario
    channels = {
        key: channel.model_copy(update={"period_s": None})
        for key, channel in scenario.channels.items()
    }
    step_s = max(step_s, scenario.step_s)
    return scenario.model_copy(update={"step_s": step_s, "channels": channels})


@pytest.mark.parametrize("name", names())
def test_a_scenario_tells_its_story_its_source_and_the_right_answer(name):
    scenario = load(name)
    story = " ".join(scenario.story.split())
    sentences = re.findall(r"[.?!](?: |$)", story)
    assert 2 <= len(sentences) <= 6, "two to five sentences of story, and the right answer"
    assert re.search(r"Right answer:|must stay silent|empties only the PrK", story)
    assert len(scenario.source) > 40
    assert ".md" not in scenario.source, "a source is what others published"


def test_no_two_scenarios_have_the_same_title():
    titles = [load(name).title for name in names()]
    assert len(set(titles)) == len(titles)


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_a_scenario_runs_and_its_truth_fits_its_timeline(name):
    scenario = coarse(name)
    simulation = Simulation(scenario, seed=1)
    heard = np.zeros(len(scenario.channels), np.int64)
    for part in simulation.slices(block_s=10 * 86400):
        assert np.isfinite(part.value).all()
        assert (part.received_s >= part.time_s).all()
        heard += np.bincount(part.channel, minlength=len(heard))
    silent = {e.channel for e in scenario.timeline if e.what == "fault" and e.fault == "silent"}
    unheard = {c for c, readings in zip(scenario.channels, heard, strict=True) if not readings}
    assert unheard <= silent
    truth = simulation.truth()
    assert len(truth["changes"]) >= sum(entry.what in LEAKS for entry in scenario.timeline)
    assert all(c["before_kg_per_day"] != c["after_kg_per_day"] for c in truth["changes"])
    assert len(truth["sensor_faults"]) == sum(e.what == "fault" for e in scenario.timeline)
    total_kg = sum(truth["lost_kg"].values())
    assert 0 < total_kg < 4 * 905 * 1.18, "no more than a few times the air of a whole station"


@pytest.mark.parametrize("name", QUIET)
def test_in_a_quiet_scenario_no_leak_changes(name):
    assert not [entry for entry in load(name).timeline if entry.what in LEAKS]


@pytest.mark.parametrize("seed", range(5))
def test_each_seed_draws_a_growth_of_its_own_and_tells_it(seed):
    first, again, other = (load("drawn_growth", seed=s) for s in (seed, seed, seed + 100))
    leak = next(entry for entry in first.timeline if isinstance(entry, LeakEntry))
    assert first == again != other
    assert leak.kg_per_day is not None
    assert 0.41 <= leak.kg_per_day <= 2.16
    assert leak.kg_per_day in first.drawn.values()
    assert timedelta(days=3) < leak.at - first.start < timedelta(days=21)


class Readings:
    """What the sensors of a scenario say, to be asked for the mean of a channel around a time."""

    def __init__(self, name: str, step_s: float, start: str, end: str) -> None:
        scenario = coarse(name, step_s)
        self.simulation = Simulation(scenario, start=moment(start), end=moment(end))
        parts = list(self.simulation.slices())
        self._channels = list(scenario.channels)
        self._channel = np.concatenate([part.channel for part in parts])
        self._time_s = np.concatenate([part.time_s for part in parts])
        self._value = np.concatenate([part.value for part in parts])

    def mean(self, channel: str, around: str, minutes: float = 30.0) -> float:
        """Average the readings of some minutes."""
        away_s = np.abs(self._time_s - moment(around).timestamp())
        rows = self._channel == self._channels.index(channel)
        found = self._value[rows & (away_s <= 30 * minutes)]
        assert len(found), (channel, around)
        return float(found.mean())

    def change(self, channel: str, before: str, after: str, minutes: float = 30.0) -> float:
        """Give what a channel gained."""
        return self.mean(channel, after, minutes) - self.mean(channel, before, minutes)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_the_prk_falls_from_733_to_681_mmhg_in_the_night_of_october_2020():
    seen = Readings("prk_tests_2020_10", 300, "2020-10-15T00:00", "2020-10-19T00:00")
    fall = seen.change("prk.pressure", "2020-10-16T20:15", "2020-10-17T07:15", 20)
    assert fall == pytest.approx(-(733 - 681) * 11 / 11.5, abs=3)
    hour = seen.change("prk.pressure", "2020-10-15T13:00", "2020-10-15T14:00")
    assert -9 < hour < -7
    overnight = seen.change("prk.pressure", "2020-10-17T20:15", "2020-10-18T07:45", 20)
    assert overnight == pytest.approx(-(733 - 670) * 11.5 / 12, abs=4)


def test_the_prk_passes_the_pressures_published_in_july_2021():
    seen = Readings("prk_decay_2021_07", 900, "2021-07-12T00:00", "2021-07-29T12:00")
    for day, published in ((14, 473), (20, 273), (25, 200), (28, 167), (29, 160)):
        assert seen.mean("prk.pressure", f"2021-07-{day}T00:00") == pytest.approx(published, abs=4)


def test_the_hole_of_ms09_costs_what_controllers_saw():
    seen = Readings("soyuz_ms09_2018_08", 120, "2018-08-29T12:00", "2018-08-31T00:00")
    per_hour = seen.change("destiny.pressure", "2018-08-29T21:00", "2018-08-30T07:00") / 10
    assert -0.8 < per_hour < -0.6
    reserve_days = (seen.mean("destiny.pressure", "2018-08-29T23:00") - 490) / -per_hour / 24
    assert 13 < reserve_days < 18
    refill = seen.change("destiny.pressure", "2018-08-30T18:45", "2018-08-30T21:45")
    assert refill == pytest.approx(10, abs=1)


def test_without_elektron_oxygen_falls_and_nitrogen_stays():
    seen = Readings("elektron_2004_09", 900, "2004-09-08T00:00", "2004-09-14T00:00")
    span = ("2004-09-09T00:00", "2004-09-13T00:00", 240.0)
    pressure = seen.change("destiny.pressure", *span) / 4
    oxygen = seen.change("destiny.ppo2", *span) / 4
    assert pressure == pytest.approx(-2.5, abs=0.5)
    assert oxygen == pytest.approx(-2.5, abs=0.4)
    water = seen.change("destiny.humidity", *span) * 0.2  # mmHg a percent at 22 degC
    co2 = seen.change("destiny.ppco2", *span)
    warmth = seen.change("destiny.temperature", *span) * 2.5  # mmHg a kelvin
    assert 4 * (pressure - oxygen) - water - co2 - warmth == pytest.approx(0, abs=1.5)


def test_cygnus_takes_two_steps_and_gives_one_back():
    seen = Readings("cygnus_steps_2016_03", 60, "2016-03-26T12:00", "2016-03-27T12:00")
    steps = (
        ("2016-03-26T15:50", "2016-03-26T16:12", -0.49),
        ("2016-03-26T16:32", "2016-03-26T16:52", -1.05),
        ("2016-03-27T09:20", "2016-03-27T09:36", 0.49),
    )
    for before, after, published in steps:
        seen_mmhg = seen.change("columbus.barometer", before, after, minutes=10)
        assert seen_mmhg == pytest.approx(published, abs=0.15)


def test_the_false_jump_looks_like_15_pounds_a_day():
    seen = Readings("false_jump_2020_09", 300, "2020-09-28T12:00", "2020-09-29T03:00")
    cooled = seen.change("destiny.temperature", "2020-09-28T17:30", "2020-09-28T21:30") / 4
    assert cooled == pytest.approx(-0.08, abs=0.03)
    fall = seen.change("destiny.pressure", "2020-09-28T17:30", "2020-09-28T21:30") / 4
    kg_per_day = -fall * 24 * 830 / 905 * 1.424  # kg a mmHg in 905 m3
    assert 10 < kg_per_day / 0.45359 < 22
    assert not seen.simulation.truth()["changes"]


def test_the_window_hose_costs_about_ten_mmhg():
    seen = Readings("flex_hose_2003_12", 900, "2003-12-21T00:00", "2004-01-13T00:00")
    fall = seen.change("destiny.pressure", "2003-12-21T12:00", "2004-01-12T12:00", minutes=1440)
    assert -13 < fall < -9


def test_in_the_isolation_of_august_2020_no_module_with_a_gauge_loses_more_than_the_others():
    seen = Readings("isolation_2020_08", 900, "2020-08-21T00:00", "2020-08-25T06:00")
    span = ("2020-08-22T06:00", "2020-08-25T05:00", 60.0)
    for section in ("zvezda", "zarya", "unity", "destiny", "columbus", "kibo_jpm"):
        warmth = seen.change(f"{section}.temperature", *span) * 2.51
        assert abs(seen.change(f"{section}.pressure", *span) - warmth) < 3
    truth = seen.simulation.truth()["leak_rate_kg_per_day"]["atmospheres"]
    assert truth["prk"][-1] > 0.3 > max(r[-1] for name, r in truth.items() if name != "prk")


def test_the_fed_prk_is_steady_while_the_station_loses_what_flows_into_it():
    seen = Readings("sealed_or_fed_2025_06", 900, "2025-06-14T00:00", "2025-06-20T00:00")
    assert abs(seen.change("prk.pressure", "2025-06-14T12:00", "2025-06-19T12:00", 240)) < 4
    rates = seen.simulation.truth()["leak_rate_kg_per_day"]["atmospheres"]
    assert rates["kibo_jpm"][-1] > 0.8
    assert abs(rates["prk"][-1]) < 0.05


def test_only_the_lying_sensor_parts_from_the_others():
    seen = Readings("lying_sensor", 900, "2020-05-09T00:00", "2020-05-30T00:00")
    span = ("2020-05-09T12:00", "2020-05-29T12:00", 240.0)
    usual = seen.change("destiny.pressure", *span)
    assert seen.change("zvezda.pressure", *span) - usual == pytest.approx(-0.45 * 19.5, abs=0.5)
    assert seen.change("unity.pressure", *span) - usual == pytest.approx(0, abs=0.2)


def test_a_hole_of_13_mm_costs_a_mmhg_a_minute_until_its_hatch_is_shut():
    seen = Readings("hole_13mm", 1, "2024-06-01T10:58", "2024-06-01T11:40")
    per_minute = seen.change("unity.pressure", "2024-06-01T11:02", "2024-06-01T11:22", 1) / 20
    assert -1.3 < per_minute < -0.8
    assert abs(seen.change("unity.pressure", "2024-06-01T11:27", "2024-06-01T11:38", 1)) < 0.3
    assert seen.change("columbus.pressure", "2024-06-01T11:27", "2024-06-01T11:38", 1) < -100
