"""A lived-in station of three rooms, two of which warm and cool by themselves without a thermometer."""

import pytest

from simulators.scenario import load
from tests.detection.watching import watched

ROOMS = """
title: Rooms without a thermometer
story: Nothing happens but days and nights.
source: made up
station: outpost
start: 2031-03-01T00:00:00Z
end: 2031-03-06T00:00:00Z
step_s: 60
free_fraction: 1.0
sections:
  core: {volume_m3: 240, temperature_degc: 22, slow_k: 0.2}
  lab: {volume_m3: 180, temperature_degc: 21, day_k: 0.3, slow_k: 0.3}
  node: {volume_m3: 180, temperature_degc: 23, day_k: 0.3, slow_k: 0.3}
hatches:
  lab-core: {between: [lab, core]}
  node-core: {between: [node, core]}
channels:
  core.pressure: {section: core, kind: pressure, unit: mmHg, noise: 0.03, step: 0.1, walk_per_root_day: 0.02}
  lab.pressure: {section: lab, kind: pressure, unit: mmHg, noise: 0.03, step: 0.1, walk_per_root_day: 0.02}
  core.temperature: {section: core, kind: temperature, unit: degC, noise: 0.02, step: 0.1}
  core.ppo2: {section: core, kind: ppo2, unit: mmHg, noise: 0.1, step: 0.1}
  core.ppco2: {section: core, kind: ppco2, unit: mmHg, noise: 0.03, step: 0.01}
  core.humidity: {section: core, kind: humidity, unit: percent, noise: 0.15, step: 0.1}
leaks:
  nominal: {section: core, kg_per_day: 0.2, exponent: 1.0}
air: {pressure_mmhg: 745, ppo2_mmhg: 160, crew: 4, oxygen_generation_kg_per_day: 3.36}
life_support: {section: core, bed_air_mmhg: 0.1}
drift: {oxygen: 0.003, carbon_dioxide: 0.001, water: 0.006, temperature: 0.03, unseen: 0.02, wander_k: 0.015}
timeline: []
"""


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 6])
def test_days_that_no_thermometer_sees_are_no_growth_in_the_first_five(tmp_path, seed):
    """Without a belief that such days may be, each of these seeds has a false alert within two."""
    path = tmp_path / "rooms.yaml"
    path.write_text(ROOMS, encoding="utf-8")
    assert not watched(load(path), seed).alerts
