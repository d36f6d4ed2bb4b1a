"""Which air an open growth is laid to, of a station whose airlock is shut."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from service.core.estimates import Estimates
from service.core.station import Hatch, HatchState, Section, Station

VOLUMES_M3 = {"hall": 100.0, "lab": 50.0, "node": 50.0, "lock": 7.0}
HATCHES = {
    "lab-hall": HatchState.OPEN,
    "node-hall": HatchState.OPEN,
    "lock-hall": HatchState.CLOSED,
}
INSIDE, LOCK = (0, 1, 2), (3,)


def estimates(growth: Any) -> Estimates:
    """Return the estimates of the station with one open growth; what they do not ask is nothing."""
    station = Station(
        name="made up",
        sections=tuple(Section(name=n, volume_m3=v) for n, v in VOLUMES_M3.items()),
        hatches=tuple(
            Hatch(name=name, between=(name.split("-")[0], name.split("-")[1]), state=state)
            for name, state in HATCHES.items()
        ),
        channels=(),
        accepted_leak_kg_per_s=0.0,
    )
    parts: dict[str, Any] = dict.fromkeys(
        ("policy", "readings", "falls", "volumes", "loops", "laws", "faults")
    )
    parts["leaks"] = SimpleNamespace(growths=[growth])
    parts["conditions"] = SimpleNamespace(hatches=HATCHES)
    parts["hatches"] = SimpleNamespace(taken=lambda states: states)
    parts["closures"] = SimpleNamespace(chances=lambda: np.full(5, 0.2))
    return Estimates(station=station, **parts)


@pytest.mark.parametrize(("in_the_lock", "where"), [(0.4, INSIDE), (0.55, INSIDE), (0.7, LOCK)])
def test_a_growth_is_laid_to_the_air_it_is_likeliest_in_and_not_to_the_likeliest_section(
    in_the_lock, where
):
    others = (1.0 - in_the_lock) / 3.0
    suspects = {0: others, 1: others, 2: others, 3: in_the_lock}
    growth = SimpleNamespace(group=(0, 1, 2, 3), suspects=suspects)
    shown = estimates(growth)
    assert [air for air in (INSIDE, LOCK) if shown.growths_in(air)] == [where]
