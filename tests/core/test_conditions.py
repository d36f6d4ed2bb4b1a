"""What messages are taken to mean."""

from dataclasses import replace
from typing import Any

import pytest

from service.core.conditions import (
    AIR_DENSITY,
    CO2_KEPT_PER_CREW,
    LONGEST_MOVE_S,
    MIXING_S,
    MOVES_GAS,
    REMEMBER_S,
    SETTLE_S,
    VAPOUR_PER_CREW,
    Conditions,
)
from service.core.life_support import AIR_PER_CO2, CO2_PER_CREW, OXYGEN_PER_CREW, UNSURE
from service.core.samples import ACTIVITY_NAMES, Activity
from service.core.station import HatchState, Loop, Section, Station

NOW_S = 1_707_004_800.0


@pytest.fixture
def conditions(station) -> Conditions:
    return Conditions(station)


def message(name: str, *, at_s: float = NOW_S, **fields: Any) -> Activity:
    return Activity(time_s=at_s, received_s=at_s, name=name, **fields)


@pytest.mark.parametrize(
    ("activity", "reason"),
    [
        (message("hatch", hatch="nothing", state="open"), "no hatch 'nothing' in the config"),
        (message("hatch", hatch="door", state="ajar"), "a hatch is not 'ajar'"),
        (message("crew"), "a crew message needs a value"),
        (message("tea"), "'tea' is no known activity"),
        (message("vent", section="cellar"), "no section 'cellar' in the config"),
    ],
)
def test_what_is_not_understood_says_why(conditions, activity, reason):
    effect = conditions.apply(activity)
    assert (effect.understood, effect.reason) == (False, reason)


def test_every_activity_of_the_contract_is_understood(conditions):
    for name in sorted(ACTIVITY_NAMES - {"hatch"}):
        assert conditions.apply(message(name, value=1.0)).understood


@pytest.mark.parametrize("state", list(HatchState))
def test_a_hatch_stands_as_the_last_message_says(conditions, state):
    assert conditions.apply(message("hatch", hatch="door", state=state.value)).regroups
    assert conditions.hatches["door"] is state


def test_equalising_moves_gas_on_both_sides_but_not_in_vacuum(conditions):
    effect = conditions.apply(message("hatch", hatch="door", state="equalising"))
    assert effect.mass_sd_kg > 0.0
    assert not effect.regroups
    assert conditions.disturbed(NOW_S) == {0: True, 1: True}
    conditions.apply(message("hatch", hatch="port", state="equalising", at_s=NOW_S + 9e4))
    assert conditions.disturbed(NOW_S + 9e4) == {0: True}


def test_a_crew_that_changes_changes_the_oxygen_balance(conditions):
    assert conditions.apply(message("crew", value=11.0)).rate_sd == 0.0
    left = conditions.apply(message("crew", value=7.0))
    assert left.rate_sd == pytest.approx(4.0 * OXYGEN_PER_CREW)
    assert left.vapour_sd_kg == pytest.approx(4.0 * VAPOUR_PER_CREW)
    assert left.co2_kg == pytest.approx(-4.0 * CO2_KEPT_PER_CREW)


def test_of_a_change_that_is_booked_a_small_part_stays_open(conditions):
    conditions.apply(message("crew", value=7.0))
    conditions.apply(message("oxygen_generation", value=6e-5))
    left = conditions.apply(message("crew", value=3.0))
    assert left.rate_sd == pytest.approx(UNSURE * 4.0 * OXYGEN_PER_CREW)


def test_metabolism_is_known_once_crew_and_oxygen_are(conditions):
    assert conditions.life_support.gain_kg_per_s is None
    conditions.apply(message("crew", value=7.0))
    assert conditions.life_support.gain_kg_per_s is None
    conditions.apply(message("oxygen_generation", value=6e-5))
    gain = conditions.life_support.gain_kg_per_s
    assert gain == pytest.approx(6e-5 - 7.0 * OXYGEN_PER_CREW)
    off = conditions.apply(message("oxygen_generation", state="off"))
    assert off.rate_sd == pytest.approx(UNSURE * 6e-5)
    assert conditions.life_support.gain_kg_per_s == pytest.approx(-7.0 * OXYGEN_PER_CREW)


def test_a_docked_vehicle_joins_at_open_and_leaves_at_closed(conditions):
    docked = conditions.apply(message("docking", section="tunnel", state="open", value=6.0))
    assert conditions.added_m3.tolist() == [0.0, 6.0]
    assert docked.mass_sd_kg >= 6.0 * AIR_DENSITY
    conditions.apply(message("undocking", section="tunnel", state="closed", value=6.0))
    conditions.apply(message("undocking", section="tunnel", state="closed", value=6.0))
    assert conditions.added_m3.tolist() == [0.0, 0.0]
    conditions.apply(message("docking", state="open", value=2.0))
    assert conditions.added_m3.tolist() == [2.0, 0.0]
    conditions.apply(message("docking", state="start", value=2.0))
    assert conditions.added_m3.tolist() == [2.0, 0.0]


@pytest.mark.parametrize("name", sorted(MOVES_GAS))
def test_moved_gas_disturbs_while_it_moves_then_settles_and_mixes(conditions, name):
    conditions.apply(message(name, section="tunnel", state="start"))
    # What fills an airlock may be the air of the cabin, and a pump may save it that of the airlock.
    where = (1, 0) if name.startswith("airlock") else (1,)
    assert conditions.disturbed(NOW_S + 3600.0) == dict.fromkeys(where, True)
    end_s = NOW_S + 7200.0
    conditions.apply(message(name, section="tunnel", state="stop", at_s=end_s))
    assert conditions.disturbed(end_s + 0.5 * SETTLE_S) == dict.fromkeys(where, True)
    assert conditions.disturbed(end_s + 1.5 * SETTLE_S) == dict.fromkeys(where, False)
    assert conditions.disturbed(end_s + MIXING_S + 1.0) == {}


def test_a_pump_that_empties_an_airlock_explains_no_fall_in_the_cabin(conditions):
    conditions.apply(message("airlock_depressurisation", section="tunnel", state="start"))
    assert conditions.drained(NOW_S + 600.0) == {1}
    conditions.apply(message("airlock_repressurisation", section="tunnel", state="start"))
    assert conditions.drained(NOW_S + 600.0) == {0, 1}


def test_people_outside_explain_a_fall_in_their_airlock_but_not_in_the_cabin(conditions):
    conditions.apply(message("eva", state="start"))
    assert conditions.drained(NOW_S + 600.0) == set()
    conditions.apply(message("eva", state="start", section="tunnel"))
    assert conditions.drained(NOW_S + 600.0) == {1}


def test_carbon_dioxide_that_has_gathered_goes_once_it_is_removed_again(conditions):
    conditions.apply(message("crew", value=4.0))
    switched_off = conditions.apply(message("co2_removal", state="off"))
    assert switched_off.co2_kg == 0.0
    six_hours_s = 6 * 3600.0
    on = message("co2_removal", state="on", at_s=NOW_S + six_hours_s)
    gathered_kg = 4.0 * CO2_PER_CREW * six_hours_s
    removed = conditions.apply(on)
    assert removed.co2_kg == pytest.approx(-AIR_PER_CO2 * gathered_kg)
    assert 0.0 < removed.unmixed_co2_kg < -removed.co2_kg
    assert conditions.apply(on).co2_kg == 0.0


def test_a_start_without_a_stop_is_over_after_half_a_day(conditions):
    conditions.apply(message("vent", state="start"))
    assert conditions.disturbed(NOW_S + LONGEST_MOVE_S) == {None: True}
    over_s = NOW_S + LONGEST_MOVE_S + SETTLE_S
    assert conditions.disturbed(over_s - 1.0) == {None: True}
    assert conditions.disturbed(over_s + 1.0) == {None: False}


def test_what_is_told_without_a_place_explains_nothing_but_the_air_that_is_lived_in(
    conditions,
):
    """A shut tunnel and a coolant loop, numbered after the sections, must not be hidden by it."""
    conditions.apply(message("eva", state="start"))
    at_s = NOW_S + 60.0
    assert conditions.goes_on({"eva"}, (0,), at_s)
    assert conditions.goes_on({"eva"}, (0, 1), at_s)
    assert not conditions.goes_on({"eva"}, (1,), at_s)
    assert not conditions.goes_on({"eva"}, (2,), at_s)
    conditions.apply(message("eva", section="tunnel", state="start"))
    assert conditions.goes_on({"eva"}, (1,), at_s)


def test_a_cause_is_looked_for_within_an_hour(conditions):
    conditions.apply(message("note"))
    conditions.apply(message("vent"))
    conditions.apply(message("tea"))
    assert conditions.declared_near(NOW_S + 3000.0) == "vent"
    assert conditions.declared_near(NOW_S + 4000.0) is None


def test_causes_long_ago_are_forgotten(conditions):
    conditions.apply(message("vent"))
    conditions.apply(message("crew", value=7.0, at_s=NOW_S + REMEMBER_S + 1.0))
    assert [a.name for a in conditions.recent] == ["crew"]


def test_people_are_where_most_of_the_air_is():
    """Once the largest section is shut off it is not where they are."""
    rooms = {"node": 70.0, "lab": 105.0, "tunnel": 7.0, "store": 60.0}
    named = Station(
        name="ring",
        sections=tuple(Section(name=name, volume_m3=volume) for name, volume in rooms.items()),
        hatches=(),
        channels=(),
        accepted_leak_kg_per_s=0.0,
        loops=(Loop(name="cold", floor_kg=1.0, density_kg_per_m3=600.0, expansion_per_k=2e-3),),
    )
    conditions = Conditions(named)
    assert conditions.home == 1
    conditions.live_in(((0, 2, 3), (1,), (4,)))
    assert conditions.home == 0
    conditions.live_in(((0, 1, 2, 3), (4,)))
    assert conditions.home == 1


def test_a_snapshot_holds_all(station, conditions):
    told = (
        message("hatch", hatch="door", state="closed"),
        message("crew", value=7.0),
        message("oxygen_generation", value=6e-5),
        message("docking", state="open", value=5.0),
        message("vent", section="tunnel", state="start"),
    )
    for activity in told:
        conditions.apply(activity)
    state = conditions.snapshot()
    conditions.apply(replace(told[0], state="open"))
    conditions.apply(replace(told[4], state="stop"))
    other = Conditions(station)
    other.restore(state)
    assert other.hatches["door"] is HatchState.CLOSED
    assert other.disturbed(NOW_S + 3600.0) == {1: True}
    assert other.added_m3.tolist() == [5.0, 0.0]
    assert other.life_support.gain_kg_per_s == conditions.life_support.gain_kg_per_s
    assert len(other.recent) == 4


def test_a_crew_that_telemetry_knows_no_more_is_unknown_and_not_nobody(conditions):
    conditions.apply(message("crew", value=7.0, channel="count"))
    effect = conditions.apply(message("crew", channel="count"))
    assert effect.understood
    assert effect.rate_sd == pytest.approx(7.0 * OXYGEN_PER_CREW)
    assert conditions.life_support.crew is None


def test_two_valves_of_one_section_run_each_by_itself(conditions):
    for channel in ("oxygen", "nitrogen"):
        conditions.apply(message("valve", section="cabin", state="on", channel=channel))
    conditions.apply(
        message("valve", section="cabin", state="off", channel="oxygen", at_s=NOW_S + 60.0)
    )
    assert conditions.disturbed(NOW_S + 60.0 + 2.0 * SETTLE_S) == {0: True}
