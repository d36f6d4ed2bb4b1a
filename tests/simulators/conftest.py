"""A small station that a test can change."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulators.scenario import load
from simulators.schema import Scenario
from tests.sources.conftest import mosquitto_in

STILL = {"orbit_k": 0, "day_k": 0, "slow_k": 0, "temperature_degc": 22.0}
EXACT: dict[str, Any] = {
    "title": "Two rooms and a tunnel",
    "story": "Nothing moves unless a test says so.",
    "source": "made up",
    "station": "toy",
    "start": "2024-02-01T00:00:00Z",
    "end": "2024-02-03T00:00:00Z",
    "free_fraction": 1.0,
    "sections": {
        "cabin": {"volume_m3": 80, **STILL},
        "lab": {"volume_m3": 120, **STILL},
        "tunnel": {"volume_m3": 7, **STILL},
    },
    "hatches": {
        "cabin-lab": {"between": ["cabin", "lab"]},
        "tunnel-cabin": {"between": ["tunnel", "cabin"]},
    },
    "channels": {
        f"{section}.{kind}": {"section": section, "kind": kind, "unit": unit}
        for section in ("cabin", "lab", "tunnel")
        for kind, unit in (("pressure", "Pa"), ("temperature", "K"), ("ppo2", "Pa"))
    },
    "leaks": {"crack": {"section": "tunnel", "kg_per_day": 0.5, "exponent": 1.8}},
    "air": {"crew": 0, "oxygen_generation_kg_per_day": 0, "ppco2_mmhg": 1e-9, "pph2o_mmhg": 1e-9},
    "life_support": {
        "section": "lab",
        "co2_removal_kg_per_day_per_mmhg": 0,
        "condensation_kg_per_day_per_mmhg": 0,
        "bed_air_mmhg": 0,
    },
    "drift": {"oxygen": 0, "carbon_dioxide": 0, "water": 0, "temperature": 0, "unseen": 0},
}


@pytest.fixture
def toy(tmp_path: Path) -> Callable[..., Scenario]:
    """Build the exact toy station with some top-level keys replaced."""

    def build(**changes: Any) -> Scenario:
        path = tmp_path / "toy.yaml"
        path.write_text(yaml.safe_dump({**EXACT, **changes}))
        return load(path)

    return build


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run a real mosquitto and give its port."""
    running = mosquitto_in(tmp_path_factory.mktemp("broker"))
    running.start()
    yield running.port
    running.stop()
