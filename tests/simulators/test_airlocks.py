from typing import Any

import numpy as np
import pytest

from simulators.station import Simulation

NAMES = ("lock", "lab")


def after_an_outing(toy, airlock_m3, **about: Any):
    """Send people out of an airlock for an hour; give its pressures, the fall of the cabin, all."""
    base = toy().model_dump(mode="json")
    sections = base["sections"] | {"lock": {**base["sections"]["tunnel"], "volume_m3": airlock_m3}}
    entry = {
        "at": "2024-02-01T10:00:00Z",
        "what": "eva",
        "hatch": "lock-lab",
        "outer_hatch": "lock-space",
        "hours": 1,
    }
    scenario = toy(
        end="2024-02-01T14:00:00Z",
        sections=sections | {"hall": {**sections["lab"], "volume_m3": 700}},
        hatches=base["hatches"]
        | {
            "lock-lab": {"between": ["lock", "lab"]},
            "lock-space": {"between": ["lock", "vacuum"], "state": "closed"},
            "lab-hall": {"between": ["lab", "hall"]},
        },
        leaks={},
        channels={
            f"{name}.pressure": {"section": name, "kind": "pressure", "unit": "mmHg"}
            for name in NAMES
        },
        timeline=[entry | about],
    )
    simulation = Simulation(scenario, 1)
    parts = list(simulation.slices())
    value, channel = (np.concatenate([getattr(p, c) for p in parts]) for c in ("value", "channel"))
    lock, lab = (value[channel == list(scenario.channels).index(f"{n}.pressure")] for n in NAMES)
    return lock, lab, simulation, parts


def test_a_us_outing_costs_the_rest_of_the_crew_lock(toy):
    """The pump stops at 13 kPa of 4.25 m3: 0.65 kg, 0.45 mmHg on the whole station."""
    lock, lab, simulation, parts = after_an_outing(toy, 4.25)
    assert lock[10 * 60 + 39] == pytest.approx(98, abs=1)
    assert lab[10 * 60 + 39] > lab[0] + 2.5
    assert lock[10 * 60 + 55] < 1e-3
    assert lock[-1] == pytest.approx(lab[-1], abs=1e-6)
    assert lab[0] - lab[-1] == pytest.approx(0.45 * 916 / 911, abs=0.02)
    activities = [m for part in parts for m in part.activities]
    assert [(m["activity"], m["state"]) for m in activities if m["activity"] != "hatch"][2:] == [
        ("airlock_depressurisation", "start"),
        ("airlock_depressurisation", "stop"),
        ("eva", "start"),
        ("eva", "stop"),
        ("airlock_repressurisation", "start"),
        ("airlock_repressurisation", "stop"),
    ]
    (started,) = [m for m in activities if m.get("gas") == "air" and m.get("value", 9) < 1]
    assert started["value"] == pytest.approx(0.65, abs=0.02)
    assert started["section"] == "lock"
    assert simulation.truth()["hatches"]["lock-space"][-1]["state"] == "closed"


def test_a_russian_outing_without_a_pump_costs_all_the_air_of_poisk(toy):
    """14.8 m3 hold about 17 kg: 12 mmHg of the station."""
    _, lab, *_ = after_an_outing(toy, 14.8, pump_to_mmhg=None)
    assert lab[0] - lab[-1] == pytest.approx(12 * 916 / 922, rel=0.05)
