"""What state channels report, and that only changes count."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.reported import LEAST_CHANGE_KG_PER_S, UNKNOWN_AFTER_S, Reports
from service.core.samples import Quality, SampleBatch
from service.core.station import Channel, ChannelKind, Meaning, Section, Station
from service.core.units import KG_PER_LB, S_PER_DAY

ON, OFF = (1.0,), (0.0,)
MEANINGS = (
    Meaning(activity="valve", on=ON, off=OFF),
    Meaning(activity="crew"),
    Meaning(activity="oxygen_generation", scale=KG_PER_LB / S_PER_DAY),
    Meaning(activity="docking", on=ON, off=OFF),
    None,
)
VALVE, CREW, OXYGEN, PORT, MUTE = range(5)
STATION = Station(
    name="s",
    sections=(Section(name="lab", volume_m3=100.0),),
    hatches=(),
    channels=tuple(
        Channel(name=f"c{i}", section="lab", kind=ChannelKind.STATE, unit="state", means=meaning)
        for i, meaning in enumerate(MEANINGS)
    ),
    accepted_leak_kg_per_s=0.0,
)


def batch(channel: int, values, every_s: float = 60.0, quality: int = 0) -> SampleBatch:
    times = every_s * np.arange(1.0, len(values) + 1.0)
    return SampleBatch(
        channel=np.full(len(values), channel, np.int32),
        time_s=times,
        received_s=times + 3.0,
        value=np.array(values, np.float64),
        quality=np.full(len(values), quality, np.uint8),
    )


def told(channel: int, values, **how: Any) -> list[tuple[Any, ...]]:
    found = Reports(STATION).activities(batch(channel, values, **how))
    assert all(a.channel == f"c{channel}" and a.section == "lab" for a in found)
    assert all(a.received_s == a.time_s + 3.0 for a in found)
    return [(a.time_s / 60.0, a.name, a.state, a.value) for a in found]


def test_a_valve_is_told_of_when_it_moves_at_the_time_of_the_reading():
    assert told(VALVE, [0, 0, 1, 1, 0, 0]) == [(3, "valve", "on", None), (5, "valve", "off", None)]


def test_a_valve_open_at_first_is_told_of_and_a_shut_one_is_not():
    assert told(VALVE, [1]) == [(1, "valve", "on", None)]
    assert told(VALVE, [0]) == []


def test_a_valve_under_way_or_failed_is_where_it_was():
    assert told(VALVE, [0, 2, 1, 2, 1, 3, 3]) == [(3, "valve", "on", None)]
    assert told(VALVE, [1, 3, 0]) == [(1, "valve", "on", None), (3, "valve", "off", None)]


def test_a_vehicle_that_was_there_at_first_has_not_just_docked():
    assert told(PORT, [1, 1]) == []
    assert told(PORT, [0, 1, 0]) == [(2, "docking", "on", None), (3, "undocking", "on", None)]


def test_the_crew_is_told_of_at_first_and_when_it_changes_and_impossible_counts_are_not():
    assert told(CREW, [7, 7, 6.5, -1, 40, 11]) == [
        (1, "crew", "value", 7.0),
        (6, "crew", "value", 11.0),
    ]


def test_a_rate_is_in_si_and_noise_on_it_is_no_change():
    (first, second) = told(OXYGEN, [2.0, 2.1, 1.95, 0.15])
    assert first == (1, "oxygen_generation", "value", pytest.approx(2.0 * KG_PER_LB / S_PER_DAY))
    assert second == (4, "oxygen_generation", "value", pytest.approx(0.15 * KG_PER_LB / S_PER_DAY))


def test_a_rate_that_creeps_is_told_of_at_last():
    """By less than the least change each time."""
    found = Reports(STATION).activities(batch(OXYGEN, np.linspace(1.0, 3.0, 200)))
    values = [a.value for a in found if a.value is not None]
    assert 5 < len(values) < 12
    assert np.diff(values).min() >= LEAST_CHANGE_KG_PER_S


def test_an_impossible_rate_that_lasts_is_unknown_and_one_reading_is_not():
    """-59.46 lb/day was seen on the public feed."""
    assert len(told(OXYGEN, [2.0, -59.46, 2.0])) == 1
    long = round(UNKNOWN_AFTER_S / 60.0) + 3
    found = told(OXYGEN, [2.0, *[-59.46] * long, 2.0])
    assert [value is None for *_, value in found] == [False, True, False]
    assert found[1][0] == 2 + UNKNOWN_AFTER_S / 60.0


def test_readings_of_doubtful_quality_old_ones_and_mute_channels_report_nothing():
    assert told(VALVE, [0, 1], quality=int(Quality.SUSPECT)) == []
    assert told(MUTE, [0, 1]) == []
    reports = Reports(STATION)
    assert len(reports.activities(batch(VALVE, [0, 1]))) == 1
    assert reports.activities(batch(VALVE, [1, 0])) == []


@given(
    readings=st.lists(
        st.tuples(st.integers(0, 4), st.sampled_from([-59.46, 0.0, 1.0, 2.0, 3.0, 7.0, 1e9])),
        max_size=60,
    ),
    cuts=st.lists(st.integers(0, 60), max_size=6),
)
def test_cuts_and_a_restart_at_each_change_nothing(readings, cuts):
    times = 45.0 * np.arange(1.0, len(readings) + 1.0)
    whole = SampleBatch(
        channel=np.array([c for c, _ in readings], np.int32),
        time_s=times,
        received_s=times,
        value=np.array([v for _, v in readings], np.float64),
        quality=np.zeros(len(readings), np.uint8),
    )
    edges = sorted({0, len(readings), *(min(cut, len(readings)) for cut in cuts)})
    reports, found = Reports(STATION), []
    for first, last in pairwise(edges):
        found += reports.activities(whole[first:last])
        state, reports = reports.snapshot(), Reports(STATION)
        reports.restore(state)
    assert found == Reports(STATION).activities(whole)
