"""Settings become a station and a policy in SI units."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from service.core.events import RuleKind, Severity
from service.core.intake import ClockMode
from service.core.monitor import Monitor
from service.core.rules import Handover, Part, Side, applied
from service.core.station import ChannelKind, HatchState, Loop, Meaning, Medium
from service.core.units import PA_PER_MMHG
from service.settings.build import policy_of, station_of
from service.settings.load import load
from service.settings.rules import DEFAULT_RULES

HERE = Path(__file__).parent
EVERYTHING = HERE / "good" / "everything.yaml"
MMHG = 133.322387415


def test_the_station_is_what_the_file_says() -> None:
    station = station_of(load(EVERYTHING))
    assert [(s.name, s.volume_m3) for s in station.sections] == [("lab", 100), ("lock", 10)]
    inner, outer = station.hatches
    assert (inner.between, inner.state) == (("lab", "lock"), HatchState.UNKNOWN)
    assert (outer.between, outer.state) == (("lock", "vacuum"), HatchState.CLOSED)
    assert station.accepted_leak_kg_per_s == pytest.approx(0.1 / 86400)


def test_a_loop_is_in_si() -> None:
    assert station_of(load(EVERYTHING)).loops == (
        Loop(
            name="radiator",
            floor_kg=2.0,
            coolant_kg=60.0,
            accumulator_m3=0.02,
            precharge_pa=120e3,
            density_kg_per_m3=640.0,
            expansion_per_k=2e-3,
        ),
    )


def test_noise_and_steps_are_scaled_without_an_offset() -> None:
    pressure, temperature, humidity, quantity, share = station_of(load(EVERYTHING)).channels
    assert (pressure.noise, pressure.step, pressure.period_s) == pytest.approx((2, 10, 60))
    assert temperature.noise == pytest.approx(0.5)
    assert temperature.step is None
    assert humidity.step == pytest.approx(0.005)
    assert quantity.noise == pytest.approx(0.045359237)
    assert share.step == pytest.approx(0.005)
    assert (pressure.kind, pressure.unit) == (ChannelKind.PRESSURE, "kPa")


def test_each_rule_is_in_the_unit_of_its_kind() -> None:
    rules = {rule.name: rule for rule in policy_of(load(EVERYTHING)).rules}
    first = {name: next(iter(rule.thresholds.values())) for name, rule in rules.items()}
    assert first == pytest.approx(
        {
            "low": 500 * MMHG,
            "stuffy": 4.5 * MMHG,
            "fast": 0.01 * MMHG,
            "rate": 2e-5,
            "growth": 1e-6,
            "time": 3600,
            "dry": 3,
            "quiet": 600,
            "frozen": 900,
            "apart": 2 * MMHG,
            "found": 0.9,
            "down": 60,
            "unheard": 70,
            "refused": 0.03,
        }
    )
    margins = {name: rule.clear_margin for name, rule in rules.items() if rule.clear_margin}
    assert margins == pytest.approx(
        {"low": MMHG, "fast": 0.001 * MMHG, "rate": 1e-6, "time": 1800, "dry": 0.5}
    )
    assert {rule.kind for rule in rules.values()} == set(RuleKind)


def test_a_rule_keeps_what_it_says_besides_thresholds() -> None:
    rules = {rule.name: rule for rule in policy_of(load(EVERYTHING)).rules}
    low, stuffy, time, dry = (rules[name] for name in ("low", "stuffy", "time", "dry"))
    parts = [rules[name].part for name in ("down", "unheard", "refused")]
    assert parts == [Part.SOURCES, Part.OUTPUTS, Part.READINGS]
    assert (low.side, stuffy.side) == (Side.BELOW, Side.ABOVE)
    assert (dry.side, dry.quantity, dry.medium) == (
        Side.BELOW,
        ChannelKind.QUANTITY,
        Medium.LIQUID,
    )
    assert (low.medium, dry.sections) == (Medium.AIR, frozenset({"radiator"}))
    assert (stuffy.quantity, time.floor) == (ChannelKind.PPCO2, "flight_rule")
    assert (low.hold_s, low.keep_firing_s, low.sections) == (60, 120, frozenset({"lab"}))
    assert (low.response, low.runbook) == ("Repressurise.", "docs/low.md")
    assert set(low.thresholds) == set(Severity)


def test_the_policy_is_what_the_file_says() -> None:
    policy = policy_of(load(EVERYTHING))
    assert policy.clock is ClockMode.EVENT
    assert policy.false_alarm_interval_s == 30 * 86400
    assert policy.floors_pa == pytest.approx(
        {"evacuation": 500 * MMHG, "certification": 700 * MMHG, "flight_rule": 730 * MMHG}
    )
    assert (policy.past_s, policy.ahead_s, policy.stale_s) == (2 * 86400, 10, 900)
    assert policy.modes == ("nominal", "eva")
    assert policy.chains == {
        Severity.WARNING: (
            Handover(after_s=600, notification="lead"),
            Handover(after_s=1800, notification="director"),
        )
    }
    assert {r.name for r in policy.rules if r.modes} == {"quiet"}
    assert (policy.estimate_every_s, policy.single_sensor_emergency) == (60, True)


def test_a_monitor_can_be_made_of_the_minimal_file(minimal: Path) -> None:
    settings = load(minimal)
    policy = policy_of(settings)
    assert len(Monitor(station_of(settings), policy).view().sections) == 2
    assert [rule.name for rule in policy.rules] == [rule.name for rule in DEFAULT_RULES]
    assert {rule.kind for rule in policy.rules} == set(RuleKind)


def test_what_a_state_means_is_in_si_and_bare_on_and_off_are_keys(
    write: Callable[[str], Path],
) -> None:
    path = write(
        """
        station: s
        sections: {a: {volume_m3: 10, volume_sd_m3: 2}, b: {volume_m3: 10}}
        channels:
          a.valve: {section: a, kind: state, unit: state, means: {activity: valve, on: [1], off: [0]}}
          a.oxygen: {section: a, kind: state, unit: state, means: {activity: oxygen_generation, unit: lb/day}}
          a.crew: {section: a, kind: state, unit: state, means: {activity: crew}}
          a.mute: {section: a, kind: state, unit: state}
        """
    )
    station = station_of(load(path))
    valve, oxygen, crew, mute = (channel.means for channel in station.channels)
    assert valve == Meaning(activity="valve", on=(1.0,), off=(0.0,))
    assert oxygen is not None
    assert oxygen.scale == pytest.approx(0.45359237 / 86400)
    assert crew == Meaning(activity="crew")
    assert mute is None
    assert [section.volume_sd_m3 for section in station.sections] == [2, None]


def test_an_override_changes_one_rule_within_some_sections_and_leaves_the_rest(tmp_path) -> None:
    told = {
        **yaml.safe_load(EVERYTHING.read_text(encoding="utf-8")),
        "rule_overrides": [
            {"rule": "low", "change": {"hold_s": 30}},
            {"rule": "time", "within": ["lock"], "change": {"floor": "evacuation"}},
            {"rule": "quiet", "within": ["lock"], "disabled": True},
            {"rule": "dry", "within": ["radiator"], "change": {"hold_s": 30}},
            {"rule": "stuffy", "disabled": True},
        ],
    }
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    found = {rule.name: rule for rule in policy_of(load(path)).rules}
    assert "stuffy" not in found
    low = found["low"]
    assert (low.hold_s, low.thresholds[Severity.CAUTION]) == (30.0, 734 * PA_PER_MMHG)
    shut = applied(found["time"], ["lock"])
    assert shut is not None
    assert (shut.floor, shut.thresholds) == ("evacuation", found["time"].thresholds)
    assert applied(found["time"], ["lab", "lock"]) is found["time"]
    wet = applied(found["dry"], ["radiator"])
    assert wet is not None
    assert wet.hold_s == 30.0
    assert applied(low, ["lock"]) is None
    assert applied(found["quiet"], ["lock"]) is None
    assert applied(found["quiet"], ["lab", "lock"]) is found["quiet"]
