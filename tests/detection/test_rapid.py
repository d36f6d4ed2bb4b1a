"""The bars of rapid depressurisation, by the shipped rules: how soon, and never by one gauge."""

from typing import Any

import numpy as np
import pytest

from service.core.events import AlertEvent, Severity
from service.core.monitor import Monitor
from service.core.units import PA_PER_MMHG
from service.settings.build import policy_of, station_of
from service.settings.schema import Settings
from tests.core.conftest import START_S, series

SEEDS = range(5)
SECONDS = np.arange(600.0)
# What a hole does to 900 m3, by its area.
MMHG_PER_MIN = {13: 1.0, 50: 15.0}
GAUGES = ("core.pressure", "core.spare", "lab.pressure")
STATION: dict[str, Any] = {
    "station": "three_gauges",
    "sections": {"core": {"volume_m3": 500}, "lab": {"volume_m3": 400}},
    "hatches": {"door": {"between": ["core", "lab"], "state": "open"}},
    "channels": {
        name: {"section": name.split(".")[0], "kind": "pressure", "unit": "mmHg"} for name in GAUGES
    },
}


def told(
    seed: int, mmhg_per_min: float, falling: tuple[int, ...]
) -> tuple[list[AlertEvent], float]:
    """Return the rapid alerts of ten minutes at 1 Hz, and when some gauges began to fall.

    They have a noise of 0.05 mmHg and tell tenths.
    """
    settings = Settings(**STATION)
    monitor = Monitor(station_of(settings), policy_of(settings))
    rng = np.random.default_rng(seed)
    since_s = float(rng.uniform(60.0, 240.0))
    fallen = np.clip(SECONDS - since_s, 0.0, None) * mmhg_per_min / 60.0
    values = 745.0 + rng.normal(0.0, 0.05, (len(SECONDS), len(GAUGES)))
    values[:, falling] -= fallen[:, None]
    readings = PA_PER_MMHG * np.round(values, 1)
    monitor.observe(series(START_S + SECONDS, dict(enumerate(readings.T))))
    events = monitor.advance(START_S + SECONDS[-1]).events
    alerts = [e for e in events if isinstance(e, AlertEvent)]
    return [e for e in alerts if e.rule == "rapid_depressurisation"], START_S + since_s


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("hole_mm", "within_s"), [(13, 60.0), (50, 15.0)])
def test_a_hole_is_an_emergency_within_seconds(hole_mm, within_s, seed):
    alerts, since_s = told(seed, MMHG_PER_MIN[hole_mm], falling=(0, 1, 2))
    raised = next(alert for alert in alerts if alert.event == "raised")
    assert raised.severity is Severity.EMERGENCY
    assert 0.0 < raised.time_s - since_s < within_s


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("liar", range(len(GAUGES)))
def test_one_gauge_that_falls_alone_raises_nothing(seed, liar):
    alerts, _ = told(seed, MMHG_PER_MIN[50], falling=(liar,))
    assert alerts == []
