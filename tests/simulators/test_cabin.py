import numpy as np
import pytest

from simulators.scenario import load
from simulators.station import Simulation, _Run
from simulators.truth import Truth


@pytest.mark.parametrize("name", ["demo_2024_02", "quiet_month"])
def test_every_mole_of_a_busy_station_is_accounted_for(name):
    """The books close to 1e-9: breath, machines, leaks, vents, seals, hatches, drift and all."""
    simulation = Simulation(load(name), 4)
    truth = Truth(simulation.scenario, 4, simulation.start_s, simulation.end_s)
    run = _Run(simulation, simulation._plan, simulation._board, truth)
    cabin = run._cabin
    before = cabin.amounts.sum(axis=1)
    for day in range(5):
        run.block(day * 1440, (day + 1) * 1440)
    after = cabin.amounts.sum(axis=1) + cabin.bed
    np.testing.assert_allclose(after, before + cabin.given - cabin.lost - cabin.removed, rtol=1e-9)
    assert (cabin.amounts >= 0).all()
