"""What changes the air is named, a leak or not, with its size, its time and its evidence."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.causes import Cause, Weighing
from service.core.events import CauseNamed
from service.core.growths import Explained, Growth
from service.core.leaks import LeakBook
from service.core.samples import Activity
from service.core.units import S_PER_DAY
from tests.core.airs import air_reading

SEEDS = (1, 2)


@pytest.fixture(scope="session")
def fly(flight, watch):
    """Return how to fly a story and watch it."""
    return lambda **story: watch().feed(flight(**story).samples())


@pytest.fixture(scope="session")
def grown(fly):
    """Return a leak that has grown, watched, by seed; each is flown once."""
    return cache(lambda seed: fly(hours=40.0, leak_kg_per_day=step(24.0, 0.1, 0.8), seed=seed))


def named(watched, *causes: Cause):
    """Return what was named, of these causes or of all."""
    found = [e for e in watched.outcome.events if isinstance(e, CauseNamed)]
    return [e for e in found if not causes or e.cause in causes]


def step(at_h, before, after, until_h=np.inf):
    return lambda hour: after if at_h <= hour < until_h else before


@given(st.dictionaries(st.sampled_from(list(Cause)), st.floats(-1e4, 1e4), min_size=1))
def test_probabilities_of_causes_add_up_to_one_and_stand_likeliest_first(log_odds):
    weighing = Weighing(log_odds=log_odds)
    shares = list(weighing.probabilities().values())
    assert sum(shares) == pytest.approx(1.0)
    assert shares == sorted(shares, reverse=True)


@given(
    st.dictionaries(st.sampled_from(list(Cause)), st.floats(-50, 50), min_size=2), st.floats(-9, 9)
)
def test_the_lead_over_the_rival_is_the_log_of_the_odds_between_the_two(log_odds, shift):
    cause = next(iter(log_odds))
    rival, lead = Weighing(log_odds=log_odds).rival(cause)
    assert rival is not cause
    assert log_odds[rival] == max(log for c, log in log_odds.items() if c is not cause)
    assert lead == pytest.approx(log_odds[cause] - log_odds[rival])
    shifted = Weighing(log_odds={c: log + shift for c, log in log_odds.items()})
    assert shifted.rival(cause)[1] == pytest.approx(lead)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_undeclared_lack_of_oxygen_is_named_with_its_rate_and_no_leak(flight, watch, seed):
    flown = flight(hours=60.0, oxygen_kg=lambda h: -4.0 * max(h - 40.0, 0.0) / 24.0, seed=seed)
    watched = watch().feed(flown.samples())
    assert watched.alerts("leak_growth") == []
    first = named(watched)[0]
    assert first.cause is Cause.OXYGEN_BALANCE
    assert first.since_low_s <= first.since_s <= first.since_high_s <= first.time_s
    assert first.since_s == pytest.approx(flown.start_s + 40 * 3600.0, abs=3600.0)
    assert first.rate_kg_per_day == pytest.approx(4.0, rel=0.5)
    assert (first.until_s, first.mass_kg, first.declared_as) == (None, None, None)
    for word in ("oxygen deficit", "kg/day", "Nobody declared it", "log-likelihood"):
        assert word in first.text


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("over_min", "lost_kg"), [(10.0, 0.6), (30.0, 1.2), (90.0, 3.0)])
def test_air_that_is_vented_for_a_while_is_named_with_its_mass_and_its_interval(
    flight, watch, seed, over_min, lost_kg
):
    at_h = 34.0
    rate = lost_kg * 24.0 / (over_min / 60.0)
    leak = step(at_h, 0.1, 0.1 + rate, at_h + over_min / 60.0)
    flown = flight(hours=44.0, leak_kg_per_day=leak, seed=seed)
    watched = watch().feed(flown.samples())
    assert watched.alerts("leak_growth") == []
    found = named(watched, Cause.GAS_AT_ONCE, Cause.GAS_10_MIN, Cause.GAS_30_MIN, Cause.GAS_90_MIN)
    assert sum(e.mass_kg for e in found) == pytest.approx(-lost_kg, rel=0.4)
    first = found[0]
    assert first.since_s == pytest.approx(flown.start_s + at_h * 3600.0, abs=1800.0)
    assert first.until_s <= first.time_s
    assert "venting" in first.text
    assert max(first.hypotheses, key=first.hypotheses.get) == first.cause


@pytest.mark.parametrize("seed", SEEDS)
def test_what_the_thermometers_alone_show_is_told_as_temperature_and_no_growth(seed):
    """Thermometers wander by the hour; after a day they make the mass fall, and no pressure does."""
    book = LeakBook(90 * S_PER_DAY, 0.0, home=1)
    rng = np.random.default_rng(seed)
    found = []
    wander = 0.0
    for minute in range(48 * 60):
        wander += rng.normal(0.0, 0.02 * (2.0 / 60.0) ** 0.5) - wander / 60.0
        falls = 0.5 * max(minute - 1440, 0) / 1440.0
        whole, bare = 8.0 + rng.normal(0.0, 3e-4, 2) - [falls - wander, 0.0]
        air = air_reading(60.0 * minute, pressure_pa=1.2e4 * bare, mass_kg=whole, bare_kg=bare)
        found += book.step({(0,): air})
    told = [f for f in found if isinstance(f, Explained) and f.cause is Cause.TEMPERATURE]
    assert 1 <= len(told) <= 3, "not at every minute of the day that it lasts"
    assert all(f.size > 0.0 and f.lasts_s is None for f in told)
    assert not any(isinstance(f, Growth) for f in found)
    assert book.growths == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_a_leak_that_grows_and_shrinks_is_named_both_times(fly, seed):
    grows_s, shrinks_h = 24 * 3600.0, 40.0
    flown = fly(hours=60.0, leak_kg_per_day=step(24.0, 0.1, 0.8, shrinks_h), seed=seed)
    growth, decrease = named(flown, Cause.LEAK_GROWTH, Cause.LEAK_DECREASE)
    assert (growth.cause, decrease.cause) == (Cause.LEAK_GROWTH, Cause.LEAK_DECREASE)
    start_s = flown.outcome.estimates[0].time_s
    assert growth.since_low_s - 600.0 <= start_s + grows_s <= growth.since_high_s + 600.0
    assert decrease.rate_kg_per_day < 0.0 < growth.rate_kg_per_day
    assert growth.time_s < start_s + shrinks_h * 3600.0 < decrease.time_s


@pytest.mark.parametrize("seed", SEEDS)
def test_a_growth_alert_lists_what_else_it_might_have_been(grown, seed):
    flown = grown(seed)
    (raised,) = flown.alerts("leak_growth", "raised")
    (growth,) = named(flown, Cause.LEAK_GROWTH)
    assert raised.hypotheses == {c: round(p, 4) for c, p in growth.hypotheses.items()}
    assert max(raised.hypotheses, key=raised.hypotheses.get) == "leak_growth"
    assert sum(raised.hypotheses.values()) == pytest.approx(1.0, abs=1e-3)
    assert {"oxygen_balance", "gas_at_once", "nothing"} < set(raised.hypotheses)
    assert "When found it was taken for a leak that grew" in raised.text
    assert [e.hypotheses for e in flown.alerts("pressure_low")] == [
        {} for _ in flown.alerts("pressure_low")
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_likely_onsets_of_a_growth_stand_about_its_median(grown, seed):
    flown = grown(seed)
    (growth,) = named(flown, Cause.LEAK_GROWTH)
    times, heights = np.array(growth.onsets).T
    assert (np.diff(times) > 0).all()
    assert heights.max() == 1.0
    assert times[0] <= growth.since_s <= times[-1]


def test_what_was_declared_near_is_said(flight, watch):
    flown = flight(hours=34.0, oxygen_kg=lambda h: -0.5 if h >= 30.0 else 0.0)
    at_s = flown.start_s + 30 * 3600.0
    told = [Activity(time_s=at_s, received_s=at_s - 1e4, name="vent", section="cabin")]
    (found,) = named(watch().feed(flown.samples(), told))
    assert found.declared_as == "vent"
    assert "Near it was declared: vent." in found.text


def test_the_newest_causes_are_shown_and_remembered(grown, watch):
    flown = grown(1)
    shown = flown.monitor.view().causes
    assert list(shown) == named(flown)
    again = watch()
    again.monitor.restore(flown.monitor.snapshot())
    assert again.monitor.view().causes == shown
