"""The book of leaks over one tunnel whose readings are made by hand, with noise of known size."""

from dataclasses import replace

import numpy as np
import pytest

from service.core.air import NITROGEN_SHARE
from service.core.air_reading import AirReading
from service.core.causes import Cause
from service.core.conditions import CO2_KEPT_PER_CREW, UNMIXED_CO2, VAPOUR_PER_CREW
from service.core.growths import Explained, Growth
from service.core.leaks import LeakBook
from service.core.life_support import AIR_PER_CO2, CO2_PER_CREW, OXYGEN_PER_CREW, LifeSupport
from service.core.physics import R_AIR
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.core.views import Balance
from tests.core.airs import air_reading

START_S = 1.7e9
TUNNEL = (1,)
WARM_K = 294.0
FULL_PA = 740.0 * PA_PER_MMHG


def reading(
    minute: int, pressure_pa: float, rng: np.random.Generator, *, volume_m3=7.0, sd_k=0.05
) -> AirReading:
    """Return the tunnel as a gauge and a thermometer tell that err by 0.03 mmHg and by `sd_k`."""
    shown_pa = pressure_pa + float(rng.normal(0.0, 0.03 * PA_PER_MMHG))
    shown_k = WARM_K + float(rng.normal(0.0, sd_k))
    mass_kg = shown_pa * volume_m3 / (R_AIR * shown_k)
    return air_reading(
        START_S + 60.0 * minute,
        pressure_pa=shown_pa,
        mass_kg=mass_kg,
        bare_kg=shown_pa * volume_m3 / (R_AIR * WARM_K),
        temperature_k=shown_k,
        volume_m3=volume_m3,
    )


def leaking(
    days: float, kg_per_day: float, exponent: float, start_pa: float, volume_m3: float
) -> np.ndarray:
    """Return the pressures, one a minute, of a volume with a hole whose flow has this law."""
    pressures = np.empty(round(1440 * days))
    pressure_pa = start_pa
    for minute in range(len(pressures)):
        flow = kg_per_day / 1440.0 * (pressure_pa / FULL_PA) ** exponent
        pressure_pa -= flow * R_AIR * WARM_K / volume_m3
        pressures[minute] = pressure_pa
    return pressures


def watched(pressures: np.ndarray, seed: int) -> tuple[LeakBook, list[Growth]]:
    """Return a book that has seen the tunnel at these pressures, and the growths it told of."""
    book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=0), np.random.default_rng(seed)
    found = []
    for minute, pressure_pa in enumerate(pressures):
        found += book.step({TUNNEL: reading(minute, float(pressure_pa), rng)})
    return book, [event for event in found if isinstance(event, Growth)]


@pytest.mark.parametrize("exponent", [1.0, 1.8])
@pytest.mark.parametrize("seed", range(3))
def test_a_shut_tunnel_that_empties_tells_of_one_leak_and_no_change_of_it(seed, exponent):
    """From 740 mmHg to about 300 in eight days."""
    book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=0), np.random.default_rng(seed)
    found = []
    pressures = leaking(8.0, 0.8, exponent, FULL_PA, 7.0)
    for minute, pressure_pa in enumerate(pressures):
        found += book.step({TUNNEL: reading(minute, float(pressure_pa), rng)})
    assert pressures[-1] < 0.55 * FULL_PA
    assert found == []


@pytest.mark.parametrize("seed", range(3))
def test_a_vehicle_that_docks_at_a_shut_tunnel_makes_no_growth_of_its_noise(seed):
    """What no thermometer sees weighs twice as much where twice the air is."""
    book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=0), np.random.default_rng(seed)
    for minute in range(2880):
        book.step({TUNNEL: reading(minute, FULL_PA, rng)})
    book.admit_gas([TUNNEL], 8.0, START_S + 60.0 * 2890)
    found = []
    for minute in range(2880, 7200):
        found += book.step({TUNNEL: reading(minute, FULL_PA, rng, volume_m3=14.0)})
    assert found == []


@pytest.mark.parametrize("seed", range(3))
def test_a_tunnel_that_was_all_but_empty_makes_no_growth_of_its_noise_once_it_is_full(seed):
    book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=0), np.random.default_rng(seed)
    for minute in range(2880):
        book.step({TUNNEL: reading(minute, 0.25 * FULL_PA, rng)})
    book.regroup([(0, 1)], START_S + 60.0 * 2880)
    book.regroup([TUNNEL], START_S + 60.0 * 3000)
    found = []
    for minute in range(3000, 7200):
        found += book.step({TUNNEL: reading(minute, FULL_PA, rng)})
    assert found == []


@pytest.mark.parametrize("seed", range(3))
def test_the_size_of_a_growth_found_within_minutes_becomes_that_of_the_leak(seed):
    """Two days of quiet, then 0.6 kg/day for six hours; the first size is a guess."""
    pressures = np.concatenate([np.full(2880, FULL_PA), leaking(0.25, 0.6, 1.4, FULL_PA, 7.0)])
    book, (first,) = watched(pressures, seed)
    (now,) = book.growths
    assert now.size_sd < 0.5 * first.size_sd
    assert abs(now.size * S_PER_DAY - 0.6) < min(0.1, 3.0 * now.size_sd * S_PER_DAY)


@pytest.mark.parametrize("seed", range(3))
def test_the_statistic_of_a_quiet_tunnel_seldom_jumps_from_one_minute_to_the_next(seed):
    """A day; three changes in a hundred of a tenth of the threshold or more are left to the noise."""
    book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=0), np.random.default_rng(seed)
    scores = []
    for minute in range(1440):
        book.step({TUNNEL: reading(minute, FULL_PA, rng)})
        scores.append(book.scores.get((TUNNEL, Balance.TOTAL), 0.0))
    jumps = np.abs(np.diff(scores[120:])) > 0.1
    assert jumps.mean() < 0.03
    assert max(scores) < 1.0


@pytest.mark.parametrize("seed", range(3))
def test_a_leak_of_the_first_hour_is_not_said_to_have_begun_after_it(seed):
    """What the first hour tells of a rate counts for nothing, but the hour was there."""
    pressures = np.concatenate([np.full(40, FULL_PA), leaking(0.1, 20.0, 1.4, FULL_PA, 7.0)])
    _, (growth,) = watched(pressures, seed)
    assert growth.onset_low_s <= START_S + 60.0 * 40 <= growth.onset_high_s


@pytest.mark.parametrize("seed", range(3))
def test_a_growth_that_the_whole_does_not_show_ends_when_the_hatch_is_open_again(seed):
    """Three hours of 3 kg/day behind a closed hatch, which was no leak, and then the whole stays full."""
    book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=0), np.random.default_rng(seed)
    shut = np.concatenate([np.full(720, FULL_PA), leaking(0.125, 3.0, 1.4, FULL_PA, 7.0)])
    for minute in range(4320):
        book.step({(0, 1): reading(minute, FULL_PA, rng, volume_m3=107.0)})
    book.regroup([TUNNEL], START_S + 60.0 * 4320)
    for minute, pressure_pa in enumerate(shut, 4320):
        book.step({TUNNEL: reading(minute, float(pressure_pa), rng)})
    assert [growth.group for growth in book.growths] == [TUNNEL]
    opened = 4320 + len(shut)
    book.regroup([(0, 1)], START_S + 60.0 * opened)
    for minute in range(opened, opened + 1440):
        book.step({(0, 1): reading(minute, float(shut[-1]), rng, volume_m3=107.0)})
    assert book.growths == []


@pytest.mark.parametrize("seed", range(3))
def test_oxygen_that_nobody_told_of_is_not_taken_for_the_day_of_the_crew(seed):
    """8 kg within the 97th hour, into 400 m3 where people live; later nothing else seems to happen."""
    book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=0), np.random.default_rng(seed)
    book.knows_oxygen = True
    added_pa = 8.0 * R_AIR * WARM_K / 400.0
    gained_pa = added_pa * np.clip((np.arange(5 * 1440) - 4 * 1440) / 60.0, 0.0, 1.0)
    found: list[Growth | Explained] = []
    for minute, pa in enumerate(gained_pa):
        air = reading(minute, FULL_PA + float(pa), rng, volume_m3=400.0, sd_k=0.02)
        found += book.step({(0,): air})
    causes = [event for event in found if isinstance(event, Explained)]
    assert len(causes) == len(found) > 0
    assert max(cause.since_s for cause in causes) < START_S + 60.0 * (4 * 1440 + 60)


@pytest.mark.parametrize("seed", range(3))
def test_a_rate_is_no_better_known_than_what_the_crew_breathes_where_no_sensor_hears_of_it(seed):
    """Five people use 8 % less than is booked for them: the air gains what the books do not know of."""
    book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=0), np.random.default_rng(seed)
    booked = 5.0 * OXYGEN_PER_CREW
    book.adapt(LifeSupport(crew=5.0, oxygen_kg_per_s=booked))
    book.knows_oxygen = True
    per_kg_pa = R_AIR * WARM_K / 400.0
    for minute in range(8 * 1440):
        gained_kg = 0.08 * booked * 60.0 * minute
        air = reading(minute, FULL_PA + gained_kg * per_kg_pa, rng, volume_m3=400.0, sd_k=0.02)
        book.step({(0,): air})
    low, _, high = book.leak(((0,), Balance.TOTAL)) or (np.nan,) * 3
    assert low <= 0.0 <= high
    assert (high - low) * S_PER_DAY < 2.0


@pytest.mark.parametrize("seed", range(3))
def test_gas_that_is_told_of_ten_minutes_late_is_not_taken_for_the_day_of_the_crew(seed):
    """8 kg within the 97th hour, told of from its eleventh minute on; nothing changes then or later."""
    book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=0), np.random.default_rng(seed)
    book.knows_oxygen = True
    begins, added_pa = 4 * 1440, 8.0 * R_AIR * WARM_K / 400.0
    gained_pa = added_pa * np.clip((np.arange(5 * 1440) - begins) / 60.0, 0.0, 1.0)
    found: list[Growth | Explained] = []
    for minute, pa in enumerate(gained_pa):
        now_s = START_S + 60.0 * minute
        if minute == begins + 10:
            book.admit_gas([(0,)], 20.0, now_s, since_s=now_s - 600.0)
        elif begins + 10 < minute < begins + 90:
            book.admit_gas([(0,)], 5.0, now_s)
        air = reading(minute, FULL_PA + float(pa), rng, volume_m3=400.0, sd_k=0.02)
        found += book.step({(0,): air})
    assert found == []


@pytest.mark.parametrize("seed", range(3))
def test_nitrogen_that_comes_in_is_a_source_of_gas_and_nothing_else_where_oxygen_is_measured(seed):
    """5 kg within two and a half hours of the fifth day, without a message, and two days after that."""
    book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=0), np.random.default_rng(seed)
    book.knows_oxygen = True
    full_kg = FULL_PA * CABIN_M3 / (R_AIR * WARM_K)
    found: list[Growth | Explained] = []
    for minute in range(6 * 1440):
        mass_kg = full_kg + 5.0 * float(np.clip((minute - 4 * 1440) / 150.0, 0.0, 1.0))
        pressure_pa = mass_kg * R_AIR * WARM_K / CABIN_M3
        air = reading(minute, pressure_pa, rng, volume_m3=CABIN_M3, sd_k=0.02)
        oxygen_kg = 0.22 * full_kg + float(rng.normal(0.0, 0.15))
        nitrogen_kg = ((air.total_kg or 0.0) - oxygen_kg) / NITROGEN_SHARE
        found += book.step({CABIN: replace(air, nitrogen_kg=nitrogen_kg, nitrogen_is_new=True)})
    assert [event.cause for event in found if isinstance(event, Explained)] == [Cause.GAS_SOURCE]
    assert len(found) == 1


@pytest.mark.parametrize("late_min", [0, 2, 9])
@pytest.mark.parametrize("seed", range(3))
def test_the_air_that_came_before_a_hatch_was_told_to_be_open_hides_no_growth_of_the_day(
    seed, late_min
):
    """Four nights of nine hours at 0.4 kg/day, then 0.9; each morning the tunnel fills at once."""
    book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=0), np.random.default_rng(seed)
    found = []
    for night, kg_per_day in enumerate([0.4, 0.4, 0.4, 0.4, 0.9]):
        shut = 1440 * night
        emptied = leaking(9.0 / 24.0, kg_per_day, 1.4, FULL_PA, 7.0)
        for minute, pressure_pa in enumerate([*emptied, *[FULL_PA] * late_min], shut):
            found += book.step({TUNNEL: reading(minute, float(pressure_pa), rng)})
        book.regroup([(0, 1)], START_S + 60.0 * (shut + len(emptied) + late_min))
        book.regroup([TUNNEL], START_S + 60.0 * (shut + 1440))
    (growth,) = [event for event in found if isinstance(event, Growth)]
    opened_min, shut_min = 3 * 1440 + 9 * 60, 4 * 1440
    low_min, high_min = ((t - START_S) / 60.0 for t in (growth.onset_low_s, growth.onset_high_s))
    assert low_min <= opened_min
    assert high_min >= shut_min


@pytest.mark.parametrize("moved_kg", [-0.02, 0.02])
@pytest.mark.parametrize("seed", range(3))
def test_gas_that_is_moved_once_the_leak_has_grown_does_not_hide_the_growth(seed, moved_kg):
    """Two days of quiet, then 0.06 kg/day more; once an hour, from two to five, gas is moved at once."""
    found = {}
    for is_moved in (False, True):
        book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=0), np.random.default_rng(seed)
        pressures = np.concatenate([np.full(2880, FULL_PA), leaking(2.0, 0.06, 1.4, FULL_PA, 7.0)])
        if is_moved:
            hours = np.clip((np.arange(len(pressures)) - 2880) // 60 - 1, 0, 4)
            pressures = pressures + hours * moved_kg * R_AIR * WARM_K / 7.0
        events = [
            event
            for minute, pressure_pa in enumerate(pressures)
            for event in book.step({TUNNEL: reading(minute, float(pressure_pa), rng)})
        ]
        growths = [event for event in events if isinstance(event, Growth)]
        assert (len(events) > len(growths) + 2) == is_moved, "what was moved is found, too"
        found[is_moved] = growths[0].found_s - START_S - 2880 * 60.0
    assert 0.0 < found[True] < 2.0 * found[False] + 3600.0


@pytest.mark.parametrize("late_min", [0, 9])
@pytest.mark.parametrize("seed", range(3))
def test_a_tunnel_that_was_all_but_half_empty_leaks_as_before_once_it_is_full(seed, late_min):
    """Four days at 0.8 kg/day of full pressure; its hatch is told to be open some minutes late."""
    book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=0), np.random.default_rng(seed)
    emptied = leaking(4.0, 0.8, 1.8, FULL_PA, 7.0)
    for minute, pressure_pa in enumerate([*emptied, *[FULL_PA] * late_min]):
        book.step({TUNNEL: reading(minute, float(pressure_pa), rng)})
    book.regroup([(0, 1)], START_S + 60.0 * (5760 + late_min))
    book.regroup([TUNNEL], START_S + 60.0 * 6000)
    book.step({TUNNEL: reading(6000, FULL_PA, rng)})
    rate, error = book.rate((TUNNEL, Balance.TOTAL)) or (0.0, 0.0)
    assert abs(rate * S_PER_DAY - 0.8) < max(3.0 * error * S_PER_DAY, 0.05)
    found = []
    for minute, pressure_pa in enumerate(leaking(1.0, 0.8, 1.8, FULL_PA, 7.0), 6001):
        found += book.step({TUNNEL: reading(minute, float(pressure_pa), rng)})
    assert [event for event in found if isinstance(event, Growth)] == []


GENERATOR = 5.0 / S_PER_DAY
CABIN, CABIN_M3 = (0,), 600.0


def generator_fails_for_a_day(minute: int) -> bool:
    return not 4 * 1440 <= minute < 5 * 1440


def generator_runs_while_the_sun_shines(minute: int) -> bool:
    return minute % 92 < 54


@pytest.mark.parametrize("runs", [generator_fails_for_a_day, generator_runs_while_the_sun_shines])
@pytest.mark.parametrize("seed", range(3))
def test_a_generator_that_runs_again_as_before_hides_no_growth(seed, runs):
    """A cabin of which pressure and temperature are known; the generator makes 3 % less than told."""
    book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=0), np.random.default_rng(seed)
    book.knows_oxygen = True
    mass_kg = FULL_PA * CABIN_M3 / (R_AIR * WARM_K)
    grown_min, found = round(4.9 * 1440), []
    for minute in range(8 * 1440):
        made = GENERATOR if runs(minute) else 0.0
        support = LifeSupport(crew=6.0, oxygen_kg_per_s=made)
        book.adapt(support)
        gain = support.gain_kg_per_s or 0.0
        book.book_inflow(CABIN, gain * 60.0)
        leak = (1.6 if minute >= grown_min else 0.2) / S_PER_DAY
        mass_kg += 60.0 * (gain - 0.03 * made - leak)
        pressure_pa = mass_kg * R_AIR * WARM_K / CABIN_M3
        air = reading(minute, pressure_pa, rng, volume_m3=CABIN_M3, sd_k=0.01)
        found += [event for event in book.step({CABIN: air}) if isinstance(event, Growth)]
    assert found, "a loss of 1.4 kg/day more in three days"
    assert found[0].found_s > START_S + 60.0 * grown_min
    assert found[0].size * S_PER_DAY == pytest.approx(1.4, abs=2.0 * found[0].size_sd * S_PER_DAY)


@pytest.mark.parametrize("stays_days", [0.4, 0.9])
@pytest.mark.parametrize("seed", range(2))
def test_carbon_dioxide_that_gets_less_once_guests_have_left_is_no_growth(seed, stays_days):
    """Three guests of four leave; the generator makes less eleven hours later; nothing measures a gas."""
    book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=0), np.random.default_rng(seed)
    book.knows_oxygen = True
    volume_m3, came_min, left_min = 260.0, 3 * 1440, 6 * 1440
    mass_kg, found = FULL_PA * volume_m3 / (R_AIR * WARM_K), []
    breathed = AIR_PER_CO2 * CO2_PER_CREW  # kg/s a person, as air
    co2_kg = 4.0 * breathed * stays_days * S_PER_DAY
    for minute in range(round(7.5 * 1440)):
        guests = 3.0 if came_min <= minute < left_min else 0.0
        fed = 3.0 if came_min <= minute < left_min + 660 else 0.0
        for moved_min, more in ((came_min, 3.0), (left_min, -3.0)):
            if minute == moved_min:
                book.admit_breath([CABIN], 3.0 * VAPOUR_PER_CREW, more * CO2_KEPT_PER_CREW)
        support = LifeSupport(crew=4.0 + guests, oxygen_kg_per_s=(4.0 + fed) * OXYGEN_PER_CREW)
        book.adapt(support)
        gain = support.gain_kg_per_s or 0.0
        book.book_inflow(CABIN, gain * 60.0)
        kept = (4.0 + guests) * breathed - co2_kg / (stays_days * S_PER_DAY)
        co2_kg += 60.0 * kept
        mass_kg += 60.0 * (gain + kept - 0.2 / S_PER_DAY)
        air = reading(
            minute, mass_kg * R_AIR * WARM_K / volume_m3, rng, volume_m3=volume_m3, sd_k=0.01
        )
        found += book.step({CABIN: air})
    assert not [event for event in found if isinstance(event, Growth)]
    rate, _ = book.rate((CABIN, Balance.TOTAL)) or (np.nan, np.nan)
    assert rate * S_PER_DAY == pytest.approx(0.2, abs=0.25)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("seed", range(2))
def test_carbon_dioxide_that_a_sensor_misses_two_hours_after_it_went_is_no_growth(seed, told):
    """What five breathed out within six hours is taken out within three, five rooms from the sensor."""
    book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=0), np.random.default_rng(seed)
    volume_m3, on_min = 560.0, 2 * 1440
    gathered_kg = 6 * 3600.0 * 5.0 * CO2_PER_CREW * AIR_PER_CO2
    mass_kg, found = FULL_PA * volume_m3 / (R_AIR * WARM_K), []
    for minute in range(on_min + 720):
        if told and minute == on_min:
            book.admit_breath([CABIN], 0.0, -gathered_kg, UNMIXED_CO2 * gathered_kg)
        since_h = max(minute - on_min, 0) / 60.0
        gone, missed = 1.0 - np.exp(-since_h), 1.0 - np.exp(-since_h / 3.0)
        unseen_kg = gathered_kg * (gone - missed)
        air = reading(
            minute,
            (mass_kg - unseen_kg - 0.2 * minute / 1440.0) * R_AIR * WARM_K / volume_m3,
            rng,
            volume_m3=volume_m3,
            sd_k=0.01,
        )
        found += book.step({CABIN: replace(air, is_dry=True, sees_co2=True)})
    assert bool([event for event in found if isinstance(event, Growth)]) is not told


@pytest.mark.parametrize("seed", range(3))
def test_gas_that_goes_minutes_before_it_is_told_of_makes_no_growth(seed):
    """A vestibule takes 1.5 kg of a cabin within 6 minutes; it is told of after 8, and never as over."""
    book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=5), np.random.default_rng(seed)
    goes_min, over_min = 3 * 1440, 3 * 1440 + 720
    mass_kg, found = FULL_PA * CABIN_M3 / (R_AIR * WARM_K), []
    for minute in range(4 * 1440):
        at_s = START_S + 60.0 * minute
        mass_kg -= 0.25 if goes_min <= minute < goes_min + 6 else 0.0
        if minute == goes_min + 8:
            book.admit_gas([CABIN], 20.0, at_s, since_s=at_s)
        if goes_min + 8 <= minute < over_min:
            book.admit_gas([CABIN], 5.0, at_s)
        pressure_pa = mass_kg * R_AIR * WARM_K / CABIN_M3
        air = reading(minute, pressure_pa, rng, volume_m3=CABIN_M3, sd_k=0.01)
        found += [event for event in book.step({CABIN: air}) if isinstance(event, Growth)]
    assert found == []


@pytest.mark.parametrize("has_thermometer", [True, False])
def test_what_a_shut_tunnel_leaks_is_known_from_the_whole_by_its_best_account(has_thermometer):
    book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=5), np.random.default_rng(0)
    whole, whole_m3 = (0, 1), 100.0
    for minute, pressure_pa in enumerate(leaking(3.0, 0.2, 1.4, FULL_PA, whole_m3)):
        air = reading(minute, float(pressure_pa), rng, volume_m3=whole_m3, sd_k=0.01)
        book.step({whole: air})
    rate, error = book.rate((whole, Balance.TOTAL)) or (0.0, 0.0)
    book.regroup([(0,), TUNNEL], START_S + 60.0 * 4320)
    air = reading(4330, FULL_PA, rng)
    book.step({TUNNEL: air if has_thermometer else replace(air, temperature_k=None)})
    balance = Balance.TOTAL if has_thermometer else Balance.PRESSURE
    believed, doubt = book.rate((TUNNEL, balance)) or (0.0, 0.0)
    assert 0.0 <= believed <= rate
    assert doubt < rate + 2.0 * error
    assert believed + doubt > rate, "all of it may leak there"


@pytest.mark.parametrize("seed", range(3))
def test_an_oxygen_sensor_that_hears_of_a_failed_generator_hours_later_makes_no_growth(seed):
    """Seven people lose their generator; the sensor follows the oxygen with a time constant of 2 h."""
    book, rng = LeakBook(90 * S_PER_DAY, 0.0, home=0), np.random.default_rng(seed)
    book.knows_oxygen = True
    mass_kg, found = FULL_PA * CABIN_M3 / (R_AIR * WARM_K), []
    oxygen_kg = shown_kg = 0.22 * mass_kg
    for minute in range(6 * 1440):
        made = GENERATOR if minute < 5 * 1440 else 0.0
        support = LifeSupport(crew=7.0, oxygen_kg_per_s=made)
        book.adapt(support)
        gained_kg = 60.0 * (support.gain_kg_per_s or 0.0)
        book.book_inflow(CABIN, gained_kg)
        mass_kg, oxygen_kg = mass_kg + gained_kg, oxygen_kg + gained_kg
        shown_kg += (oxygen_kg - shown_kg) / 120.0
        pressure_pa = mass_kg * R_AIR * WARM_K / CABIN_M3
        air = reading(minute, pressure_pa, rng, volume_m3=CABIN_M3, sd_k=0.01)
        nitrogen_kg = ((air.total_kg or 0.0) - shown_kg - rng.normal(0.0, 0.05)) / NITROGEN_SHARE
        air = replace(air, nitrogen_kg=nitrogen_kg, nitrogen_is_new=True)
        found += [event for event in book.step({CABIN: air}) if isinstance(event, Growth)]
    assert found == []


@pytest.mark.parametrize("seed", range(3))
def test_a_growth_is_less_sure_where_noise_that_lasts_as_long_was_hardly_ever_seen(seed):
    """Three quiet days, then half a day at 2 kg/day more, in a station that is never to be alarmed."""
    book, rng = LeakBook(1e30 * S_PER_DAY, 0.0, home=0), np.random.default_rng(seed)
    book.knows_oxygen = True
    for minute in range(3 * 1440 + 720):
        lost_kg = 2.0 * max(minute - 3 * 1440, 0) / 1440.0
        pressure_pa = FULL_PA - lost_kg * R_AIR * WARM_K / CABIN_M3
        book.step({CABIN: reading(minute, pressure_pa, rng, volume_m3=CABIN_M3, sd_k=0.01)})
    (account, *_) = book.accounts

    def sureness(longest_min: float) -> float:
        account.compared = (60.0,) * (round(np.log2(longest_min)) + 1)
        weighed = book.weighing(0).log_odds
        return weighed[Cause.LEAK_GROWTH] - weighed[Cause.NOTHING]

    assert sureness(128) < sureness(512) < sureness(1024) - 3.0
