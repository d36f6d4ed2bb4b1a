from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from simulators.scenario import load, names
from simulators.station import Simulation, _Run
from simulators.truth import Truth

DAY = "2024-02-01T"
BUSY_YEAR = {
    "end": "2025-01-31T00:00:00Z",
    "step_s": 300.0,
    "air": {"crew": 7},
    "life_support": {"section": "lab"},
    "drift": {},
    "signal_gaps": {"every_h": 9, "minutes": [4, 35]},
}


def books(simulation, end_step):
    """Run block by block; give what there was and what the books say there should be."""
    no_moments_s = np.empty(0)
    truth = Truth(simulation.scenario, 4, simulation.start_s, simulation.end_s, no_moments_s)
    run = _Run(simulation, simulation._plan, simulation._board, truth)
    cabin = run._cabin
    before = cabin.amounts.sum(axis=1)
    for first in range(0, end_step, 1440):
        run.block(first, min(first + 1440, end_step))
    after = cabin.amounts.sum(axis=1) + cabin.bed
    return after, before + cabin.given - cabin.lost - cabin.removed, cabin


@pytest.mark.parametrize("name", ["demo_2024_02", "quiet_month"])
def test_every_mole_of_a_busy_station_is_accounted_for(name):
    """The books close to 1e-9: breath, machines, leaks, vents, seals, hatches, drift and all."""
    after, expected, cabin = books(Simulation(load(name), 4), 5 * 1440)
    np.testing.assert_allclose(after, expected, rtol=1e-9)
    assert (cabin.amounts >= 0).all()


def year_of(scenario):
    """Fill a year with everything that moves air, week after week."""
    timeline: list[dict[str, Any]] = []
    for week in range(52):
        at = scenario.start + timedelta(days=7 * week)

        def line(after_h: float, at: datetime = at, **entry: Any) -> None:
            timeline.append({"at": (at + timedelta(hours=after_h)).isoformat(), **entry})

        line(1, what="eva", hatch="lock-lab", outer_hatch="lock-space", hours=6)
        line(20, what="hatch", hatch="tunnel-cabin", state="closed")
        line(60, what="hatch", hatch="tunnel-cabin", state="equalising")
        line(61, what="hatch", hatch="tunnel-cabin", state="open")
        line(62, what="leak", leak="crack", kg_per_day=0.1 + week % 5)
        line(63, what="patch", leak="crack", factor=0.5)
        line(70, what="repressurisation", section="cabin", kg=20, over_h=3)
        line(72, what="repressurisation", section="lab", kg=4, gas="O2", over_h=1)
        line(75, what="vent", section="lab", kg=0.5, over_h=0.2)
        line(80, what="dry_out", section="cabin")
        line(90, what="co2_removal", state="off")
        line(96, what="co2_removal", state="on")
        line(100, what="handover", until=(at + timedelta(hours=130)).isoformat(),
             arriving=4, leaving=4)  # fmt: skip
        line(110, what="oxygen_generation", kg_per_day=5 + week % 3, mode="cyclic")
        line(140, what="thermal", sections=["lab"], change_k=0.2 * (-1) ** week, over_h=3)
    return timeline


@pytest.mark.slow
def test_a_year_of_everything_balances_to_one_in_a_billion(toy):
    base = toy().model_dump(mode="json")
    tunnel = base["sections"]["tunnel"]
    station = {
        **BUSY_YEAR,
        "sections": base["sections"] | {"lock": {**tunnel, "volume_m3": 4.25}},
        "hatches": base["hatches"]
        | {
            "lock-lab": {"between": ["lock", "lab"], "seal_kg_per_day_per_mmhg": 1e-4},
            "lock-space": {
                "between": ["lock", "vacuum"],
                "state": "closed",
                "seal_kg_per_day_per_mmhg": 1e-6,
            },
        },
        "leaks": {
            "crack": {"section": "tunnel", "kg_per_day": 0.5},
            "inner": {"section": "cabin", "into": "tunnel", "kg_per_day": 0.3},
        },
    }
    scenario = toy(**station, timeline=year_of(toy()))
    simulation = Simulation(scenario, 4)
    after, expected, cabin = books(simulation, 365 * 288)
    np.testing.assert_allclose(after, expected, rtol=1e-9)
    assert cabin.amounts.sum() > 0.2 * after.sum()


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_the_first_week_of_every_scenario_balances(name):
    scenario = load(name)
    steps = round(min(7 * 86400, (scenario.end - scenario.start).total_seconds()) / scenario.step_s)
    simulation = Simulation(scenario, 4)
    after, expected, _ = books(simulation, min(steps, 20000) // 1440 * 1440 or 1440)
    np.testing.assert_allclose(after, expected, rtol=1e-9)
