"""What the sensors of one atmosphere say together."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.air import NITROGEN_SHARE, Readings
from service.core.gases import TYPICAL_CO2_PA, TYPICAL_VAPOUR_PA
from service.core.physics import R_AIR, air_mass_kg, saturation_pressure_pa
from service.core.station import Channel, ChannelKind, Section, Station
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
        told = np.array(list(values.values()))
        self.readings.take(channels, at_s, told, told, np.ones_like(channels))
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


def test_a_coarse_gauge_that_tells_changes_only_is_new_while_others_are_heard(station):
    """It has codes of 0.5 mmHg; the thermometer goes on, and then is not heard for six minutes."""
    cabin = Cabin(station)
    code_pa = 66.7
    for minute in range(26):
        told = {"cabin.temperature": 295.0}
        if minute < 22 and minute % 4 < 2:
            told["cabin.pressure"] = LEVEL_PA + code_pa * (minute % 4)
        air = cabin.step(told)
    assert air.pressure_is_new
    assert sum(air.rounding_pa) == pytest.approx(code_pa)
    assert air.air_mass_sd_kg / air.air_mass_kg > code_pa / np.sqrt(12.0) / LEVEL_PA
    assert LEVEL_PA + code_pa / 2.0 - air.rounding_pa[0] <= air.pressure_pa
    later = cabin.step({"cabin.temperature": 295.0}, span_s=360.0)
    assert later.pressure_pa == air.pressure_pa
    assert not later.pressure_is_new
    assert later.rounding_pa == (0.0, 0.0)


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


def test_a_thermometer_that_falls_silent_or_comes_back_does_not_step_the_temperature(station):
    """The tunnel is four kelvin colder than the cabin, and both cool down."""
    cabin = Cabin(station)
    warmth = []
    for minute in range(600):
        told = {"cabin.pressure": LEVEL_PA, "cabin.temperature": 297.0 - 0.001 * minute}
        if not 100 <= minute < 400:
            told["tunnel.temperature"] = 293.0 - 0.001 * minute
        warmth.append(cabin.step(told).temperature_k)
    assert np.abs(np.diff(warmth)).max() < 0.01


@pytest.mark.parametrize("is_warmed", [True, False])
def test_after_a_break_a_pressure_waits_for_the_thermometer_but_not_for_long(station, is_warmed):
    cabin = Cabin(station)
    for _ in range(5):
        cabin.step({"cabin.pressure": LEVEL_PA, "cabin.temperature": 295.0})
    assert not cabin.step({"cabin.pressure": LEVEL_PA + 30.0}, span_s=3600.0).pressure_is_new
    if is_warmed:
        air = cabin.step({"cabin.temperature": 295.1})
        assert air.pressure_is_new
        assert air.pressure_pa == pytest.approx(LEVEL_PA + 30.0)
        assert not cabin.step({"cabin.temperature": 295.1}).pressure_is_new
    else:
        assert not cabin.step({"cabin.pressure": LEVEL_PA + 30.0}).pressure_is_new
        assert cabin.step({"cabin.pressure": LEVEL_PA + 30.0}, span_s=200.0).pressure_is_new


@pytest.mark.parametrize("spacing_s", [600.0, 3600.0])
def test_a_station_that_tells_rarely_is_weighed_although_a_thermometer_is_dead(station, spacing_s):
    cabin = Cabin(station)
    for _ in range(5):
        cabin.step({"cabin.pressure": LEVEL_PA, "cabin.temperature": 295.0}, span_s=spacing_s)
        cabin.step({"tunnel.temperature": 291.0})
    for hour in range(24):
        told = {"cabin.pressure": LEVEL_PA, "cabin.temperature": 295.0}
        air = cabin.step(told, span_s=spacing_s)
        assert air.pressure_is_new or hour < 1


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
    channel, once = np.array([0], np.intp), np.ones(1, np.int64)
    level, low = np.array([LEVEL_PA]), np.array([1.0])
    assert readings.take(channel, np.array([100.0]), level, level, once).tolist() == [True]
    assert readings.take(channel, np.array([100.0]), low, low, once).tolist() == [False]
    assert readings.take(channel, np.array([40.0]), low, low, once).tolist() == [False]
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


def test_air_is_weighed_without_vapour_and_carbon_dioxide_that_come_and_go(station):
    """A shower and a scrubber move pressure by 4 mmHg, and the dry air not at all."""
    damp = with_channels(
        station, ("cabin.dew", ChannelKind.DEW_POINT), ("cabin.ppco2", ChannelKind.PPCO2)
    )
    cabin = Cabin(damp)
    seen = []
    for dew_k, co2_pa in ((280.0, 300.0), (284.0, 300.0), (284.0, 550.0)):
        pressure = LEVEL_PA + float(saturation_pressure_pa(dew_k)) + co2_pa
        air = cabin.step(
            {
                "cabin.pressure": pressure,
                "cabin.temperature": WARM_K,
                "cabin.dew": dew_k,
                "cabin.ppco2": co2_pa,
            }
        )
        assert air.is_dry
        seen.append(air)
    assert [air.total_kg for air in seen] == pytest.approx([seen[0].total_kg] * 3)
    assert seen[2].air_mass_kg - seen[0].air_mass_kg > 0.5
    assert seen[0].total_kg == pytest.approx(seen[0].air_mass_kg, rel=0.02)


@given(
    spans=st.lists(st.booleans(), min_size=3, max_size=30),
    levels=st.lists(st.floats(270.0, 289.0), min_size=30, max_size=30),
    kind=st.sampled_from(["cabin.dew", "cabin.ppco2"]),
)
def test_a_sensor_of_vapour_or_carbon_dioxide_that_comes_or_goes_steps_no_balance(
    station, spans, levels, kind
):
    """The pressure stands still; only in steps where it spoke before and now does the term move."""
    damp = with_channels(
        station,
        ("cabin.ppo2", ChannelKind.PPO2),
        ("cabin.dew", ChannelKind.DEW_POINT),
        ("cabin.ppco2", ChannelKind.PPCO2),
    )
    cabin = Cabin(damp)
    plain = {"cabin.pressure": LEVEL_PA, "cabin.temperature": WARM_K, "cabin.ppo2": 22_000.0}
    before = cabin.step(plain)
    was_heard = False
    for speaks, level in zip(spans, levels, strict=False):
        values = plain | ({kind: level} if speaks else {})
        air = cabin.step(values, span_s=STALE_S + 1.0)
        assert air.is_dry is speaks
        if not (speaks and was_heard):
            assert air.total_kg == pytest.approx(before.total_kg, rel=1e-9)
            assert air.nitrogen_kg == pytest.approx(before.nitrogen_kg, rel=1e-9)
        before, was_heard = air, speaks


def test_without_a_sensor_of_vapour_or_carbon_dioxide_the_balance_is_of_all_air(station):
    air = Cabin(station).step({"cabin.pressure": LEVEL_PA, "cabin.temperature": WARM_K})
    assert not air.is_dry
    assert air.total_kg == air.air_mass_kg


def test_what_is_not_measured_makes_a_mass_less_sure(station):
    rich = with_channels(
        station,
        ("cabin.ppo2", ChannelKind.PPO2),
        ("cabin.dew", ChannelKind.DEW_POINT),
        ("cabin.ppco2", ChannelKind.PPCO2),
    )
    best = {
        **{name: LEVEL_PA + off for name, off in GAUGES.items()},
        "cabin.temperature": WARM_K,
        "tunnel.temperature": WARM_K,
        "cabin.ppo2": 22_000.0,
        "cabin.dew": 285.0,
        "cabin.ppco2": 400.0,
    }
    sure = Cabin(rich).step(best)

    def without(*names: str) -> Any:
        return Cabin(rich).step({k: v for k, v in best.items() if k not in names})

    assert without("cabin.dew").nitrogen_sd_kg > sure.nitrogen_sd_kg
    assert without("cabin.ppco2").nitrogen_sd_kg > sure.nitrogen_sd_kg
    assert without("tunnel.temperature").air_mass_sd_kg > sure.air_mass_sd_kg
    cold = without("cabin.temperature", "tunnel.temperature")
    assert cold.air_mass_sd_kg == pytest.approx(cold.bare_sd_kg)
    assert cold.air_mass_sd_kg > 2.0 * sure.air_mass_sd_kg
    assert without("cabin.pressure2", "tunnel.pressure").air_mass_sd_kg > sure.air_mass_sd_kg
    assert sure.total_sd_kg > sure.air_mass_sd_kg
    assert 0.0 < sure.air_mass_sd_kg / sure.air_mass_kg < 0.005


def test_two_gauges_that_part_make_the_mass_unsure_by_half_of_it(station):
    cabin = Cabin(station)
    pair = {"cabin.pressure": LEVEL_PA, "cabin.pressure2": LEVEL_PA, "cabin.temperature": WARM_K}
    together = cabin.step(pair)
    apart = cabin.step(pair | {"cabin.pressure2": LEVEL_PA + 1000.0})
    per_pa = apart.air_mass_kg / apart.pressure_pa
    assert (together.agreeing, apart.agreeing) == (2, 0)
    assert apart.air_mass_sd_kg > 500.0 * per_pa > together.air_mass_sd_kg


@given(
    st.lists(st.floats(-300.0, 300.0), min_size=5, max_size=5),
    st.lists(st.floats(288.0, 299.0), min_size=5, max_size=5),
    st.lists(st.floats(1.0, 150.0), min_size=5, max_size=5),
    st.lists(st.integers(0, 2), min_size=5, max_size=5),
    st.lists(st.integers(0, 2), min_size=5, max_size=5),
)
def test_regrouping_sections_leaves_the_sum_of_their_air_unchanged(
    offsets, kelvins, volumes, first, second
):
    """Five sections with gauges that differ, each with its thermometer; groups split and merge."""
    names = [f"s{i}" for i in range(5)]
    kinds = (ChannelKind.PRESSURE, ChannelKind.TEMPERATURE)
    house = Station(
        name="house",
        sections=tuple(Section(name=n, volume_m3=v) for n, v in zip(names, volumes, strict=True)),
        hatches=(),
        channels=tuple(
            Channel(name=f"{n}.{kind.value}", section=n, kind=kind, unit="x")
            for n in names
            for kind in kinds
        ),
        accepted_leak_kg_per_s=0.0,
    )
    cabin = Cabin(house)
    values = {f"{n}.pressure": LEVEL_PA + o for n, o in zip(names, offsets, strict=True)}
    values |= {f"{n}.temperature": k for n, k in zip(names, kelvins, strict=True)}
    whole = (0, 1, 2, 3, 4)

    def mass_of(labels: list[int]) -> float:
        groups = tuple(
            tuple(i for i in whole if labels[i] == label) for label in sorted(set(labels))
        )
        cabin.readings.regroup(groups, cabin.time_s)
        masses = [
            cabin.step(values, span_s=1.0, sections=group, added=(0.0,) * 5).air_mass_kg
            for group in groups
        ]
        return float(sum(masses))

    together = mass_of([0] * 5)
    assert mass_of(first) == pytest.approx(together, rel=1e-9)
    assert mass_of(second) == pytest.approx(together, rel=1e-9)
    assert mass_of([0] * 5) == pytest.approx(together, rel=1e-9)
