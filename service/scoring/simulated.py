"""Makes the recording of a simulated case; of the scorer this module alone knows the simulators."""

from collections.abc import Sequence

from service.core.samples import Activity, SampleBatch
from service.errors import InputError
from service.scoring.recordings import Noise, Recording
from service.scoring.suites import Case
from service.settings.build import policy_of, station_of
from service.settings.schema import Settings
from service.settings.what_ifs import WhatIf
from service.sources.activities import read_activity
from service.sources.simulator import SimulatedReadings
from simulators.messages import Message
from simulators.scenario import ScenarioError, config_of, made
from simulators.station import Simulation


def recorded(case: Case, what_ifs: Sequence[WhatIf] = ()) -> Recording:
    """Simulate a case from its start to its end.

    Raises
    ------
    InputError, ConfigError
        If its scenario has faults, or a what-if does not fit its station.
    """
    try:
        scenario = made(case.tree, case.draw_seed, f"case {case.name}")
    except ScenarioError as error:
        raise InputError("the suite", str(error), "correct its parts or families") from error
    settings = Settings(**config_of(scenario))
    simulation = Simulation(scenario, case.draw_seed)
    station = station_of(settings)
    readings = SimulatedReadings(scenario.channels, station)
    batches: list[SampleBatch] = []
    activities: list[Activity] = []
    for part in simulation.slices():
        batches.append(readings.of(part))
        activities += [_activity(message) for message in part.activities]
    return Recording(
        station=station,
        policy=policy_of(settings),
        samples=SampleBatch.concatenate(batches),
        activities=tuple(activities),
        truth=simulation.truth(),
        noise=Noise(drift_mmhg2_per_day=scenario.drift.unseen, period_s=scenario.step_s),
        supposed={what_if.name: what_if.policy(settings) for what_if in what_ifs},
    )


def _activity(message: Message) -> Activity:
    read = read_activity(message, received_s=None)
    if not isinstance(read, Activity):
        raise InputError("the suite", read[1], "correct its timelines")
    return read
