"""What the sensors of one atmosphere say together."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.air import NITROGEN_SHARE, Readings
from service.core.gases import TYPICAL_CO2_PA, TYPICAL_VAPOUR_PA
from service.core.physics import R_AIR, air_mass_kg, saturation_pressure_pa
from service.core.station import Channel, ChannelKind
from service.core.units import PA_PER_MMHG
from service.core.votes import DISAGREEMENT_PA

STALE_S = 600.0
LEVEL_PA, WARM_K = 99_000.0, 295.0
BOTH = (0, 1)


class Cabin:
    """Readings of a station, entered one step at a time."""

    def __init__(self, station) -> None:
        self.station = station
        self.readings = Readings(station, STALE_S)
        self.index = station.channel_index()
        self.time_s = 0.0

    def step(self, values: dict[str, float], span_s: float = 60.0, sections=BOTH, added=(0.0, 0.0)):
        self.time_s += span_s
        channels = np.array([self.index[name] for name in values], np.intp)
        at_s = np.full(len(channels), self.time_s)
        self.readings.take(channels, at_s, np.array(list(values.values())))
        is_new = np.zeros(len(self.station.channels), np.bool_)
        is_new[channels] = True
        return self.readings.read(sections, self.time_s, span_s, is_new, np.array(added))


def with_channels(station, *channels: tuple[str, ChannelKind]):
    more = tuple(Channel(name=n, section=n.split(".")[0], kind=k, unit="x") for n, k in channels)
    return replace(station, channels=station.channels[:5] + more)


GAUGES = {"cabin.pressure": 0.0, "cabin.pressure2": 45.0, "tunnel.pressure": -60.0}


@settings(max_examples=40)
@given(st.lists(st.sets(st.sampled_from(sorted(GAUGES)), min_size=1), min_size=5, max_size=40))
def test_a_gauge_that_drops_out_or_returns_does_not_step_the_agreed_pressure(station, speaking):
    """The gauges differ by 105 Pa; while one is stale the others speak for it."""
    cabin = Cabin(station)
    first = cabin.step({name: LEVEL_PA + off for name, off in GAUGES.items()})
    for names in speaking:
        air = cabin.step({n: LEVEL_PA + GAUGES[n] for n in names}, span_s=400.0)
        assert air.pressure_pa == pytest.approx(first.pressure_pa, abs=0.5)


def test_a_gauge_unknown_at_first_joins_without_a_step(station):
    cabin = Cabin(station)
    before = cabin.step({"cabin.pressure": LEVEL_PA}).pressure_pa
    after = cabin.step({"cabin.pressure": LEVEL_PA, "tunnel.pressure": LEVEL_PA - 500.0})
    assert before == after.pressure_pa == LEVEL_PA
    alone = cabin.step({"tunnel.pressure": LEVEL_PA - 510.0}, span_s=STALE_S + 1.0)
    assert alone.pressure_pa == pytest.approx(LEVEL_PA - 10.0)


def test_a_gauge_far_from_the_others_is_left_out(station):
    cabin = Cabin(station)
    cabin.step(dict.fromkeys(GAUGES, LEVEL_PA))
    lying = dict.fromkeys(GAUGES, LEVEL_PA) | {"tunnel.pressure": LEVEL_PA + 2.0 * DISAGREEMENT_PA}
    assert cabin.step(lying).pressure_pa == pytest.approx(LEVEL_PA, abs=0.1)


def test_two_gauges_that_part_company_agree_on_the_middle(station):
    cabin = Cabin(station)
    pair = {"cabin.pressure": LEVEL_PA, "cabin.pressure2": LEVEL_PA}
    cabin.step(pair)
    apart = {"cabin.pressure": LEVEL_PA, "cabin.pressure2": LEVEL_PA + 4.0 * DISAGREEMENT_PA}
    assert cabin.step(apart).pressure_pa == pytest.approx(LEVEL_PA + 2.0 * DISAGREEMENT_PA)


def test_nothing_is_known_before_a_reading_and_after_staleness(station):
    cabin = Cabin(station)
    assert cabin.step({}).pressure_pa is None
    cabin.step({"cabin.pressure": LEVEL_PA})
    gone = cabin.step({}, span_s=STALE_S + 1.0)
    assert (gone.pressure_pa, gone.total_kg, gone.nitrogen_kg) == (None, None, None)
    assert cabin.readings.pressure_of(0, cabin.time_s) is None
    assert not gone.pressure_is_new


def test_mass_is_the_sum_over_sections_at_their_own_temperatures(station):
    cabin = Cabin(station)
    air = cabin.step(
        {"cabin.pressure": LEVEL_PA, "cabin.temperature": 300.0, "tunnel.temperature": 285.0}
    )
    expected = air_mass_kg(LEVEL_PA, 100.0, 300.0) + air_mass_kg(LEVEL_PA, 10.0, 285.0)
    assert air.total_kg == pytest.approx(float(expected))
    assert LEVEL_PA * air.volume_m3 / (R_AIR * air.temperature_k) == pytest.approx(air.total_kg)
    assert air.pressure_is_new


def test_a_section_without_a_thermometer_has_the_mean_of_the_rest(station):
    cabin = Cabin(station)
    air = cabin.step({"cabin.pressure": LEVEL_PA, "cabin.temperature": 300.0})
    assert air.temperature_k == pytest.approx(300.0)
    assert cabin.step({}, sections=(1,)).temperature_k is None


def test_a_docked_vehicle_adds_its_volume(station):
    cabin = Cabin(station)
    alone = cabin.step({"cabin.pressure": LEVEL_PA, "cabin.temperature": WARM_K})
    docked = cabin.step({"cabin.pressure": LEVEL_PA}, added=(11.0, 0.0))
    assert docked.volume_m3 == alone.volume_m3 + 11.0
    assert docked.total_kg == pytest.approx(alone.total_kg * 1.1)


@given(st.floats(1.0, 2000.0))
def test_oxygen_that_comes_and_goes_leaves_nitrogen_alone(station, oxygen_pa):
    """Pressure and oxygen rise together, so the nitrogen account stays where it was."""
    cabin = Cabin(station)
    start = {"cabin.pressure": LEVEL_PA, "cabin.temperature": WARM_K, "cabin.ppo2": 22_000.0}
    before = cabin.step(start)
    after = cabin.step(
        start | {"cabin.pressure": LEVEL_PA + oxygen_pa, "cabin.ppo2": 22_000.0 + oxygen_pa}
    )
    assert after.nitrogen_kg == pytest.approx(before.nitrogen_kg)
    assert after.total_kg > before.total_kg
    assert before.nitrogen_is_new


def test_nitrogen_is_what_oxygen_carbon_dioxide_and_vapour_leave(station):
    rich = with_channels(
        station,
        ("cabin.ppo2", ChannelKind.PPO2),
        ("cabin.ppco2", ChannelKind.PPCO2),
        ("cabin.dew", ChannelKind.DEW_POINT),
    )
    values = {"cabin.pressure": LEVEL_PA, "cabin.temperature": WARM_K, "cabin.ppo2": 22_000.0}
    plain = Cabin(rich).step(values)
    typical = (LEVEL_PA - 22_000.0 - TYPICAL_CO2_PA - TYPICAL_VAPOUR_PA) / NITROGEN_SHARE
    assert plain.nitrogen_kg / plain.total_kg == pytest.approx(typical / LEVEL_PA)
    full = Cabin(rich).step(values | {"cabin.ppco2": 500.0, "cabin.dew": 285.0})
    vapour = float(saturation_pressure_pa(285.0))
    measured = (LEVEL_PA - 22_000.0 - 500.0 - vapour) / NITROGEN_SHARE
    assert full.nitrogen_kg / full.air_mass_kg == pytest.approx(measured / LEVEL_PA)


def test_vapour_comes_from_humidity_where_no_dew_point_is_known(station):
    damp = with_channels(
        station, ("cabin.ppo2", ChannelKind.PPO2), ("cabin.humidity", ChannelKind.HUMIDITY)
    )
    values = {"cabin.pressure": LEVEL_PA, "cabin.temperature": WARM_K, "cabin.ppo2": 22_000.0}
    air = Cabin(damp).step(values | {"cabin.humidity": 0.4})
    vapour = 0.4 * float(saturation_pressure_pa(WARM_K))
    measured = (LEVEL_PA - 22_000.0 - TYPICAL_CO2_PA - vapour) / NITROGEN_SHARE
    assert air.nitrogen_kg / air.air_mass_kg == pytest.approx(measured / LEVEL_PA)


def test_a_nitrogen_sensor_is_used_where_there_is_no_oxygen_sensor(station):
    direct = with_channels(station, ("cabin.ppn2", ChannelKind.PPN2))
    air = Cabin(direct).step({"cabin.pressure": LEVEL_PA, "cabin.ppn2": 75_000.0})
    assert air.nitrogen_kg / air.total_kg == pytest.approx(75_000.0 / NITROGEN_SHARE / LEVEL_PA)
    assert Cabin(direct).step({"cabin.pressure": LEVEL_PA}).nitrogen_kg is None


def test_an_older_reading_does_not_replace_a_newer(station):
    readings = Readings(station, STALE_S)
    channel = np.array([0], np.intp)
    assert readings.take(channel, np.array([100.0]), np.array([LEVEL_PA])).tolist() == [True]
    assert readings.take(channel, np.array([100.0]), np.array([1.0])).tolist() == [False]
    assert readings.take(channel, np.array([40.0]), np.array([1.0])).tolist() == [False]
    assert readings.pressure_of(0, 100.0) == LEVEL_PA


def test_offsets_follow_a_slow_drift_and_survive_a_snapshot(station):
    cabin = Cabin(station)
    for hour in range(72):
        drifting = dict.fromkeys(GAUGES, LEVEL_PA)
        drifting["tunnel.pressure"] += 0.1 * PA_PER_MMHG * hour / 24.0
        air = cabin.step(drifting, span_s=400.0)
    assert air.pressure_pa == pytest.approx(LEVEL_PA, abs=0.15 * PA_PER_MMHG)
    other = Readings(station, STALE_S)
    other.restore(cabin.readings.snapshot())
    assert np.array_equal(other.votes.offset, cabin.readings.votes.offset, equal_nan=True)
