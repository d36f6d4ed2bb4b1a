"""What each hatch parts, and how well the air behind it can be weighed."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.air import Readings
from service.core.doors import DoorPlan
from service.core.station import Channel, ChannelKind, Hatch, HatchState, Section, Station

VOLUMES = {"node": 70.0, "lab": 105.0, "tunnel": 7.0, "lock": 4.0}
NODE, LAB, TUNNEL, LOCK = range(4)
OPEN = HatchState.OPEN
ENDS = {
    "node-lab": ("node", "lab"),
    "node-lab-2": ("node", "lab"),
    "node-tunnel": ("node", "tunnel"),
    "lab-lock": ("lab", "lock"),
    "lock-space": ("lock", "vacuum"),
}
CHANNELS = {
    "node": (ChannelKind.PRESSURE, ChannelKind.TEMPERATURE),
    "lab": (ChannelKind.PRESSURE, ChannelKind.TEMPERATURE, ChannelKind.PPO2),
    "tunnel": (ChannelKind.PRESSURE,),
    "lock": (),
}
STATION = Station(
    name="ring",
    sections=tuple(Section(name=name, volume_m3=volume) for name, volume in VOLUMES.items()),
    hatches=tuple(Hatch(name=n, between=ends, state=OPEN) for n, ends in ENDS.items()),
    channels=tuple(
        Channel(name=f"{section}.{kind}", section=section, kind=kind, unit="Pa")
        for section, kinds in CHANNELS.items()
        for kind in kinds
    ),
    accepted_leak_kg_per_s=0.0,
)
HATCHES = dict.fromkeys(ENDS, OPEN)
NOW_S = 1.7e9


def plan_of(station: Station) -> DoorPlan:
    """Return the plan of a station all of whose channels have just spoken."""
    readings = Readings(station, stale_s=7800.0)
    count = len(station.channels)
    level, once = np.full(count, 1e5), np.ones(count, np.int64)
    readings.take(np.arange(count), np.full(count, NOW_S), level, level, once)
    return DoorPlan(station, readings)


@pytest.fixture
def plan() -> DoorPlan:
    return plan_of(STATION)


@pytest.fixture
def living() -> DoorPlan:
    """Return the plan of the same with a node so large that people are in it and not in the lab."""
    node = replace(STATION.sections[NODE], volume_m3=200.0)
    return plan_of(replace(STATION, sections=(node, *STATION.sections[1:])))


def test_only_a_hatch_that_would_part_the_atmosphere_is_a_door(plan):
    """Node and lab are joined twice, so that neither of these hatches parts them alone."""
    doors = plan.doors((NODE, LAB, TUNNEL, LOCK), HATCHES, NOW_S, knows_oxygen=True)
    assert {door.hatch: door.sides for door in doors} == {
        "node-tunnel": ((TUNNEL,), (NODE, LAB, LOCK)),
        "lab-lock": ((LOCK,), (NODE, LAB, TUNNEL)),
    }


def test_hatches_of_other_atmospheres_and_closed_ones_are_no_doors(plan):
    shut = HATCHES | {"node-lab": HatchState.CLOSED, "node-lab-2": HatchState.CLOSED}
    doors = plan.doors((NODE, TUNNEL), shut, NOW_S, knows_oxygen=True)
    assert [door.hatch for door in doors] == ["node-tunnel"]


def test_a_closed_hatch_makes_neighbours_of_the_atmospheres_it_parts(plan):
    shut = HATCHES | {"node-tunnel": HatchState.CLOSED, "node-lab": HatchState.CLOSED}
    assert plan.neighbours([(NODE, LAB, LOCK), (TUNNEL,)], shut) == [(0, 1)]


def test_a_section_without_a_gauge_or_with_a_silent_one_cannot_be_weighed(plan):
    assert plan.wander((LOCK,), NOW_S, knows_oxygen=True) is None
    assert plan.wander((TUNNEL,), NOW_S + 1e5, knows_oxygen=True) is None
    assert plan.wander((TUNNEL,), NOW_S, knows_oxygen=True) is not None


def test_nitrogen_is_weighed_best_and_a_bare_pressure_worst(plan, living):
    """By the cubic metre, with the crew at home in the lab, then in the node."""
    per_m3 = []
    for of, group in ((plan, (LAB,)), (living, (NODE,)), (plan, (TUNNEL,))):
        wander = of.wander(group, NOW_S, knows_oxygen=True)
        assert wander is not None
        per_m3.append(wander.rate_error(86400.0) / of.volume_m3(group))
    assert per_m3[0] < per_m3[1] < per_m3[2]


def test_where_people_breathe_and_nobody_says_how_much_the_total_tells_less(living):
    known, unknown = (living.wander((NODE,), NOW_S, knows_oxygen=knows) for knows in (True, False))
    assert known is not None
    assert unknown is not None
    assert unknown.rate_error(86400.0) > 2.0 * known.rate_error(86400.0)


def test_an_atmosphere_is_named_after_its_largest_section_and_has_its_share_of_the_volume(plan):
    assert plan.name((NODE, LAB)) == "lab"
    assert plan.names((NODE, LAB)) == ("node", "lab")
    assert plan.share((LAB,)) + plan.share((NODE, TUNNEL, LOCK)) == pytest.approx(1.0)
