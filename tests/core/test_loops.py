"""Coolant loops: weighed by quantity or gas pressure, temperature taken out, watched like air."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.air import Readings
from service.core.events import RuleKind, Severity
from service.core.loops import FLOOR_PERCENT, RAPID_PERCENT_PER_H, Loops
from service.core.physics import LIQUID_REFERENCE_K, accumulated_kg
from service.core.rules import Rule, Side
from service.core.samples import Activity, SampleBatch
from service.core.station import Channel, ChannelKind, Loop, Medium, Section, Station
from service.core.units import S_PER_DAY
from service.core.views import LOOP_FLOOR, Balance, EstimateQuality

START_S = 1_707_004_800.0  # 4 February 2024
LITRES, PRECHARGE_PA, DENSITY, EXPANSION, COOLANT_KG = 20.0, 120e3, 800.0, 1e-3, 60.0
FULL_KG = LITRES / 1000.0 * DENSITY
FLOOR_KG = 1.0
LOOP = Loop(
    name="radiator",
    floor_kg=FLOOR_KG,
    coolant_kg=COOLANT_KG,
    accumulator_m3=LITRES / 1000.0,
    precharge_pa=PRECHARGE_PA,
    density_kg_per_m3=DENSITY,
    expansion_per_k=EXPANSION,
)
CHANNELS = {
    "quantity": Channel(
        name="radiator.quantity", section="radiator", kind=ChannelKind.QUANTITY, unit="kg"
    ),
    "share": Channel(
        name="radiator.share", section="radiator", kind=ChannelKind.QUANTITY, unit="percent"
    ),
    "pressure": Channel(
        name="radiator.pressure", section="radiator", kind=ChannelKind.PRESSURE, unit="kPa"
    ),
    "temperature": Channel(
        name="radiator.temperature", section="radiator", kind=ChannelKind.TEMPERATURE, unit="degC"
    ),
}
RULES = (
    Rule(
        name="coolant_growth",
        kind=RuleKind.LEAK_GROWTH,
        medium=Medium.LIQUID,
        thresholds={Severity.CAUTION: 0.05 / S_PER_DAY},
        response="Look along its lines.",
    ),
    Rule(
        name="coolant_reserve",
        kind=RuleKind.RESERVE_TIME,
        medium=Medium.LIQUID,
        thresholds={Severity.EMERGENCY: 24 * 3600.0, Severity.WARNING: 72 * 3600.0},
        hold_s=60.0,
        clear_margin=3600.0,
        response="Shut its valves.",
    ),
    Rule(
        name="coolant_low",
        kind=RuleKind.LIMIT,
        medium=Medium.LIQUID,
        quantity=ChannelKind.QUANTITY,
        side=Side.BELOW,
        thresholds={Severity.CAUTION: 5.0},
        response="Refill.",
    ),
    Rule(
        name="air_growth",
        kind=RuleKind.LEAK_GROWTH,
        thresholds={Severity.CAUTION: 0.01 / S_PER_DAY},
        response="Shut the hatch.",
    ),
)


def station(*names: str) -> Station:
    """Return a cabin without a gauge and a loop with the channels named."""
    return Station(
        name="small",
        sections=(Section(name="cabin", volume_m3=100.0),),
        hatches=(),
        channels=tuple(CHANNELS[name] for name in names),
        accepted_leak_kg_per_s=0.3 / S_PER_DAY,
        loops=(LOOP,),
    )


def gas_pressure_pa(held_kg: Any, temperature_k: Any) -> Any:
    """Return what the gas of the accumulator is at when so much liquid is in it."""
    gas_share = 1.0 - np.maximum(held_kg, 0.0) / FULL_KG
    return PRECHARGE_PA / gas_share * temperature_k / LIQUID_REFERENCE_K


def told(
    names: tuple[str, ...],
    mass_kg: np.ndarray,
    *,
    swing_k: float = 2.0,
    seed: int = 1,
    noise_kg: float = 0.03,
) -> SampleBatch:
    """Return what the channels say, once a minute, while the loop swings with the orbit."""
    rng = np.random.default_rng(seed)
    minutes = np.arange(len(mass_kg))
    temperature_k = 285.0 + swing_k * np.sin(2.0 * np.pi * minutes / 93.0)
    expanded_kg = COOLANT_KG * EXPANSION * (temperature_k - LIQUID_REFERENCE_K)
    held_kg = np.clip(mass_kg + expanded_kg, 0.0, 0.99 * FULL_KG)
    shown = {
        "quantity": held_kg + rng.normal(0.0, noise_kg, len(minutes)),
        "share": (held_kg + rng.normal(0.0, noise_kg, len(minutes))) / FULL_KG,
        "pressure": gas_pressure_pa(held_kg, temperature_k) + rng.normal(0.0, 500.0, len(minutes)),
        "temperature": temperature_k + rng.normal(0.0, 0.05, len(minutes)),
    }
    time_s = np.repeat(START_S + 60.0 * minutes, len(names)) + np.tile(
        0.5 * np.arange(len(names)), len(minutes)
    )
    return SampleBatch(
        channel=np.tile(np.arange(len(names), dtype=np.int32), len(minutes)),
        time_s=time_s,
        received_s=time_s + 1.0,
        value=np.stack([shown[name] for name in names], axis=1).ravel(),
        quality=np.zeros(len(time_s), np.uint8),
    )


def draining(hours: float, *steps: tuple[float, float], first_kg: float = 10.0) -> np.ndarray:
    """Return the mass each minute while it leaks at rates in kg/h from the given hours on."""
    at_h = np.arange(round(hours * 60)) / 60.0
    rate = np.zeros_like(at_h)
    for since_h, kg_per_h in steps:
        rate[at_h >= since_h] = kg_per_h
    return first_kg - np.cumsum(rate) / 60.0


@pytest.fixture(scope="module")
def run(watch) -> Callable[..., Any]:
    """Return how to let a monitor watch the loop with some channels."""

    def watched(*names: str, mass_kg: np.ndarray, activities: Any = (), **how: Any) -> Any:
        monitor = watch(station(*names), rules=RULES)
        return monitor.feed(told(names, mass_kg, **how), activities)

    return watched


@pytest.mark.parametrize("gauge", ["quantity", "share", "pressure"])
def test_each_kind_of_gauge_weighs_the_same_liquid(run, gauge):
    seen = run(gauge, "temperature", mass_kg=draining(2), swing_k=0.0, noise_kg=0.0).last(
        "radiator"
    )
    assert seen.coolant.mass_kg == pytest.approx(10.0, abs=0.1)
    expansion_kg = COOLANT_KG * EXPANSION * (LIQUID_REFERENCE_K - 285.0)
    assert seen.coolant.held_kg == pytest.approx(10.0 - expansion_kg, abs=0.1)
    assert seen.air_mass_kg is None
    assert seen.volume_m3 is None


@given(held_kg=st.floats(0.0, 0.95 * FULL_KG), kelvin=st.floats(250.0, 330.0))
def test_the_gas_of_an_accumulator_tells_what_it_holds(held_kg, kelvin):
    pressure_pa = gas_pressure_pa(held_kg, kelvin)
    found_kg = accumulated_kg(pressure_pa, kelvin, LITRES / 1000.0, PRECHARGE_PA, DENSITY)
    assert found_kg == pytest.approx(held_kg, abs=1e-9)


@given(pressure_pa=st.floats(-1e3, 1e7), kelvin=st.floats(150.0, 400.0))
def test_an_accumulator_holds_nothing_at_least_and_never_more_than_it_can(pressure_pa, kelvin):
    held_kg = accumulated_kg(pressure_pa, kelvin, LITRES / 1000.0, PRECHARGE_PA, DENSITY)
    assert 0.0 <= held_kg <= FULL_KG


@pytest.mark.parametrize(
    ("names", "balance"),
    [
        (("quantity", "temperature"), Balance.LIQUID),
        (("pressure", "temperature"), Balance.LIQUID),
        (("quantity",), Balance.QUANTITY),
    ],
)
def test_the_balance_says_whether_the_temperature_is_taken_out(run, names, balance):
    assert run(*names, mass_kg=draining(2)).last("radiator").balance is balance


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_leak_of_a_loop_is_found_within_hours_with_its_onset_and_rate(run, seed):
    seen = run("quantity", "temperature", mass_kg=draining(72, (48, 0.03)), seed=seed)
    (raised,) = seen.alerts("coolant_growth", "raised")
    onset_s = START_S + 48 * 3600.0
    assert onset_s < raised.time_s < onset_s + 6 * 3600.0
    assert abs(raised.onset_time_s - onset_s) < 3 * 3600.0
    assert raised.atmosphere == "radiator"
    assert raised.suspects == {"radiator": 1.0}
    leak = seen.last("radiator").leak
    assert leak.low_kg_per_s < 0.03 / 3600.0 < leak.high_kg_per_s


def test_the_text_of_a_loop_speaks_of_coolant_by_the_hour(run):
    seen = run("quantity", "pressure", "temperature", mass_kg=draining(72, (48, 0.03)))
    (raised,) = seen.alerts("coolant_growth", "raised")
    for part in ("Coolant of radiator", "in its accumulator", "kg/h", "mm", "least quantity"):
        assert part in raised.text
    for part in ("Air of", "hatch", "kg/day", "evacuation"):
        assert part not in raised.text


def test_the_reserve_time_is_what_is_held_above_the_floor_over_the_rate(run):
    seen = run("quantity", "temperature", mass_kg=draining(96, (24, 0.05)))
    view = seen.last("radiator")
    left_s = (view.coolant.held_kg - FLOOR_KG) / view.leak.rate_kg_per_s
    assert view.reserve_time_s == pytest.approx({LOOP_FLOOR: left_s})
    assert view.reserve_s == pytest.approx(left_s)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_loss_within_hours_is_a_warning_within_ten_minutes_by_one_gauge(run, seed):
    seen = run("quantity", "temperature", mass_kg=draining(13, (12, 6.0)), seed=seed)
    raised = seen.alerts("coolant_reserve", "raised")[0]
    assert 0.0 < raised.time_s - (START_S + 12 * 3600.0) < 600.0
    assert raised.severity is Severity.WARNING
    assert raised.leak_rate_low < 6.0 * 24.0 < raised.leak_rate_high


def test_two_gauges_that_agree_make_it_an_emergency(run):
    seen = run("quantity", "pressure", "temperature", mass_kg=draining(13, (12, 6.0)))
    assert seen.alerts("coolant_reserve")[-1].severity is Severity.EMERGENCY


def test_one_gauge_that_lies_makes_no_emergency_beside_one_that_does_not(watch):
    names = ("quantity", "pressure", "temperature")
    sound = told(names, draining(13))
    value = sound.value.copy()
    value[0 :: len(names)] -= 10.0 - draining(13, (12, 6.0))
    seen = watch(station(*names), rules=RULES).feed(replace(sound, value=value))
    severities = {event.severity for event in seen.alerts("coolant_reserve", "raised", "escalated")}
    assert severities == {Severity.WARNING}


def test_a_loop_that_is_empty_at_once_is_told_though_nothing_falls_any_more(run):
    mass_kg = draining(14)
    mass_kg[12 * 60 :] = -5.0
    seen = run("quantity", "pressure", "temperature", mass_kg=mass_kg)
    raised = seen.alerts("coolant_reserve", "raised")[0]
    assert raised.time_s - (START_S + 12 * 3600.0) < 300.0
    view = seen.last("radiator")
    assert view.reserve_s == 0.0
    assert view.leak is None  # an empty accumulator says nothing of what the pipes still lose
    assert view.quality is EstimateQuality.STALE
    assert not seen.alerts("coolant_reserve", "returned", "cleared")
    assert not seen.alerts("coolant_growth")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("names", [("quantity", "temperature"), ("pressure", "temperature")])
def test_a_healthy_loop_that_swings_with_the_orbit_raises_nothing_in_a_week(run, names, seed):
    seen = run(*names, mass_kg=draining(7 * 24), swing_k=3.0, seed=seed)
    assert not seen.outcome.events


def test_a_limit_can_look_at_the_quantity(run):
    seen = run("quantity", "temperature", mass_kg=draining(20, (2, 0.4)))
    raised = seen.alerts("coolant_low", "raised")[0]
    assert "quantity is 5.0" in raised.text or "quantity is 4.9" in raised.text
    assert "below 5.0 kg" in raised.text


def test_rules_of_air_do_not_judge_a_loop_and_those_of_liquid_no_air(run):
    seen = run("quantity", "temperature", mass_kg=draining(72, (48, 0.03)))
    assert not seen.alerts("air_growth")
    assert {event.atmosphere for event in seen.alerts("coolant_growth")} == {"radiator"}


def test_what_people_and_machines_do_to_the_air_leaves_a_loop_alone(run):
    messages = [
        Activity(time_s=at_s, received_s=at_s, name=name, state=state, value=value)
        for at_s, name, state, value in (
            (START_S + 3600.0, "crew", None, 7.0),
            (START_S + 3600.0, "oxygen_generation", None, 9.0),
            (START_S + 7200.0, "repressurisation", "start", None),
            (START_S + 9000.0, "repressurisation", "stop", None),
        )
    ]
    names, mass_kg = ("quantity", "temperature"), draining(12)
    with_them = run(*names, mass_kg=mass_kg, activities=messages).last("radiator")
    assert with_them == run(*names, mass_kg=mass_kg).last("radiator")


def test_without_its_thermometer_a_loop_is_not_weighed_and_its_floor_still_watched(watch):
    names = ("quantity", "temperature")
    mass_kg = draining(24)
    mass_kg[20 * 60 :] = 0.0
    sent = told(names, mass_kg)
    heard = (sent.channel == 0) | (sent.time_s < START_S + 12 * 3600.0)
    seen = watch(station(*names), rules=RULES).feed(sent[heard])
    view = seen.last("radiator")
    assert view.coolant.mass_kg is None
    assert view.coolant.held_kg == pytest.approx(0.0, abs=0.2)
    assert seen.alerts("coolant_reserve", "raised")


def test_a_rule_that_spares_sections_that_are_alone_spares_no_loop(watch):
    """A loop is always by itself, and that explains nothing."""
    rules = tuple(replace(rule, not_alone=True) for rule in RULES)
    names = ("quantity", "temperature")
    seen = watch(station(*names), rules=rules).feed(told(names, draining(3, first_kg=4.0)))
    assert seen.alerts("coolant_low", "raised")


def test_a_loop_goes_on_from_a_snapshot_as_if_nothing_had_been(watch):
    names = ("quantity", "pressure", "temperature")
    sent = told(names, draining(14, (12, 6.0)))
    half = len(sent) * 12 // 14 + 12
    first, whole = watch(station(*names), rules=RULES), watch(station(*names), rules=RULES)
    first.feed(sent[:half])
    second = watch(station(*names), rules=RULES)
    second.monitor.restore(first.monitor.snapshot())
    second.feed(sent[half:])
    whole.feed(sent[:half]).feed(sent[half:])
    assert second.monitor.view() == whole.monitor.view()
    assert first.outcome.events + second.outcome.events == whole.outcome.events


@given(
    fall=st.floats(1.5 * RAPID_PERCENT_PER_H, 2000.0),
    noise=st.floats(0.0, FLOOR_PERCENT),
    seed=st.integers(0, 99),
)
def test_the_bound_of_a_rapid_loss_is_below_the_loss(fall, noise, seed):
    plain = station("quantity")
    loops = Loops(plain, readings := Readings(plain, 7800.0))
    rng = np.random.default_rng(seed)
    rate = fall / 100.0 * FULL_KG / 3600.0
    found = None
    for minute in range(40):
        time_s = START_S + 60.0 * minute
        held_kg = 12.0 - max(minute - 20, 0) * 60.0 * rate
        if held_kg < FLOOR_KG:
            break
        value = np.array([held_kg + rng.normal(0.0, noise / 100.0 * FULL_KG)])
        readings.take(np.zeros(1, np.intp), np.array([time_s]), value, value, np.ones(1, np.int64))
        loops.read((1,), time_s, np.ones(1, np.bool_))
        found = loops.rapid_loss((1,), time_s) or found
    assert found is None or 0.0 < found.low < 1.05 * rate


def test_a_loop_of_which_only_the_floor_is_known_is_watched_by_its_quantity(watch):
    bare = replace(LOOP, coolant_kg=None, accumulator_m3=None, precharge_pa=None)
    channel = CHANNELS["quantity"]
    stranger = Channel(name="cabin.pressure", section="cabin", kind=ChannelKind.PRESSURE, unit="Pa")
    plain = replace(station("quantity"), loops=(bare,), channels=(channel, stranger))
    seen = watch(plain, rules=RULES).feed(told(("quantity",), draining(13, (12, 6.0))))
    assert seen.last("radiator").balance is Balance.QUANTITY
    assert seen.alerts("coolant_reserve", "raised")


def test_while_the_first_gauge_is_silent_the_second_tells_what_is_held(watch):
    names = ("quantity", "pressure", "temperature")
    sent = told(names, draining(12))
    heard = (sent.channel != 0) | (sent.time_s < START_S + 6 * 3600.0)
    seen = watch(station(*names), rules=RULES).feed(sent[heard])
    expansion_kg = COOLANT_KG * EXPANSION * (LIQUID_REFERENCE_K - 285.0)
    assert seen.last("radiator").coolant.held_kg == pytest.approx(10.0 - expansion_kg, abs=0.3)
    assert not seen.alerts("coolant_growth")


def test_before_anything_is_heard_nothing_is_known_of_a_loop(watch):
    seen = watch(station("quantity", "temperature"), rules=RULES)
    sent = told(("quantity", "temperature"), draining(1))
    view = seen.feed(sent[sent.channel == 1]).last("radiator")
    assert view.coolant.held_kg is None
    assert view.reserve_s is None
    assert view.leak is None
