"""Published isolation tests of the ISS, simulated and fed to the real monitor."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from service.core.events import Doubt, Event, IsolationDoubted, IsolationTestJudged
from service.core.monitor import Monitor
from service.core.samples import Activity
from service.settings.build import policy_of, station_of
from service.settings.load import load as load_settings
from service.sources.activities import read_activity
from service.sources.simulator import SimulatedReadings
from simulators.scenario import config_of, load
from simulators.station import Simulation

pytestmark = pytest.mark.slow

FIVE_MIN_S = 300.0
SEEDS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Watched:
    """A monitor after a scenario, and what it said."""

    monitor: Monitor
    events: list[Event]

    def verdicts(self) -> list[IsolationTestJudged]:
        return [e for e in self.events if isinstance(e, IsolationTestJudged)]

    def doubts(self, doubt: Doubt) -> list[IsolationDoubted]:
        return [e for e in self.events if isinstance(e, IsolationDoubted) and e.doubt is doubt]


@pytest.fixture
def watch(tmp_path: Path):
    """Return how to watch some days of a scenario; between them nothing is received."""

    def watched(
        name: str, seed: int, *days: tuple[str, str], step_s: float | None = None
    ) -> Watched:
        scenario = load(name, seed)
        if step_s is not None:
            channels = {
                key: channel.model_copy(update={"period_s": None})
                for key, channel in scenario.channels.items()
            }
            scenario = scenario.model_copy(update={"step_s": step_s, "channels": channels})
        path = tmp_path / "station.yaml"
        path.write_text(yaml.safe_dump(config_of(scenario)))
        settings = load_settings(path)
        monitor = Monitor(station_of(settings), policy_of(settings))
        events: list[Event] = []
        for first, last in days:
            simulation = Simulation(scenario, seed, start=moment(first), end=moment(last))
            events += fed(monitor, simulation)
        return Watched(monitor, events)

    return watched


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def fed(monitor: Monitor, simulation: Simulation) -> list[Event]:
    """Feed a simulation to a monitor in pieces of six hours; return what it said."""
    readings = SimulatedReadings(simulation.scenario.channels, monitor.station)
    events: list[Event] = []
    for part in simulation.slices(6 * 3600.0):
        activities = [read_activity(message, received_s=None) for message in part.activities]
        monitor.declare([a for a in activities if isinstance(a, Activity)])
        monitor.observe(readings.of(part))
        events += monitor.advance(float(part.received_s.max())).events
    return events


def test_the_hatch_programme_of_2020_finds_the_prk(watch):
    seen = watch(
        "hatch_programme_2020",
        1,
        ("2020-09-22T00:00", "2020-09-29T06:00"),
        ("2020-10-14T00:00", "2020-10-15T16:00"),
    )
    segment, night, tunnel = seen.verdicts()
    assert segment.is_conclusive
    russian = {"pirs", "poisk", "prk", "rassvet", "zarya", "zvezda"}
    assert sum(segment.suspects[name] for name in russian) >= 0.95
    likeliest = sorted(night.suspects, key=lambda name: -night.suspects[name])[:2]
    assert set(likeliest) == {"prk", "zvezda"}
    assert tunnel.is_conclusive
    assert tunnel.hatches == ("prk-zvezda",)
    assert seen.monitor.view().isolation.suspects["prk"] > 0.95


@pytest.mark.parametrize("seed", SEEDS)
def test_an_hour_and_a_half_in_the_prk_of_october_2020_is_enough(watch, seed):
    """No account of the days before is needed."""
    seen = watch("prk_tests_2020_10", seed, ("2020-10-15T06:00", "2020-10-15T15:00"))
    (verdict,) = seen.verdicts()
    assert verdict.is_conclusive
    assert verdict.hours < 1.5
    assert verdict.suspects["prk"] > 0.95
    assert "The leak is in prk" in verdict.text


def test_the_test_of_august_2020_stays_inconclusive_and_says_why(watch):
    seen = watch(
        "isolation_2020_08", 1, ("2020-08-17T00:00", "2020-08-25T08:00"), step_s=FIVE_MIN_S
    )
    (verdict,) = seen.verdicts()
    assert not verdict.is_conclusive
    assert max(verdict.suspects.values()) < 0.9
    assert verdict.suspects["prk"] > 0.02, "the place where it was is not ruled out"
    assert verdict.hours > 80.0
    assert "Inconclusive" in verdict.text
    assert "prk" in verdict.reason
    assert "could not be read" in verdict.reason


def test_a_prk_that_stays_steady_below_the_station_is_told_as_sealed_or_fed(watch):
    seen = watch(
        "sealed_or_fed_2025_06", 1, ("2025-06-02T00:00", "2025-06-16T00:00"), step_s=FIVE_MIN_S
    )
    doubt = seen.doubts(Doubt.FED)[0]
    assert doubt.atmosphere == "prk"
    assert "sealed, or fed past the seal" in doubt.text
    view = seen.monitor.view()
    assert doubt.text in view.isolation.doubts
    assert view.isolation.suspects["prk"] > 0.95


@pytest.mark.parametrize("seed", SEEDS)
def test_the_phantom_of_2007_is_told_as_not_seen_by_the_whole_and_accuses_nobody(watch, seed):
    seen = watch(
        "phantom_2007_11", seed, ("2007-11-21T00:00", "2007-11-28T12:00"), step_s=FIVE_MIN_S
    )
    (doubt,) = seen.doubts(Doubt.PHANTOM)
    assert doubt.atmosphere == "harmony"
    assert "Phantom: not seen by the whole" in doubt.text
    (verdict,) = seen.verdicts()
    assert not verdict.is_conclusive
    assert verdict.suspects["harmony"] < 0.5


def test_no_doubt_is_cast_on_a_prk_that_leaks_as_the_whole_did(watch):
    seen = watch("prk_tests_2020_10", 1, ("2020-10-13T00:00", "2020-10-15T16:00"))
    assert seen.doubts(Doubt.PHANTOM) == []
    assert seen.doubts(Doubt.FED) == []
