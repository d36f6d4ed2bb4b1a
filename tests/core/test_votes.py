"""Which sensor of one gas is doubted, and which never is."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.events import SensorDoubted, SensorFault, SensorTrusted
from service.core.motions import Poll
from service.core.station import Channel, ChannelKind
from service.core.suspicions import BACK_S
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.core.votes import DISAGREEMENT_PA, Votes

LEVEL_PA = 99_000.0
MINUTE_S = 60.0
NOISE_PA = 0.03 * PA_PER_MMHG


def polled(sensors, readings, times_s, is_new) -> Poll:
    """Return what sensors say that are finer than their noise."""
    return Poll(
        sensors=sensors,
        level=readings,
        level_var=np.zeros(len(sensors)),
        reading=readings,
        time_s=times_s,
        is_new=is_new,
    )


class Cabin:
    """Gauges of one air that all speak every minute, and what the votes say of them."""

    def __init__(self, station, count: int, step: float | None = None) -> None:
        gauge = Channel(name="", section="cabin", kind=ChannelKind.PRESSURE, unit="mmHg", step=step)
        channels = tuple(replace(gauge, name=f"g{i}") for i in range(count))
        self.votes = Votes(replace(station, channels=channels))
        self.gauges = np.arange(count, dtype=np.intp)
        self.time_s = 0.0
        self.rng = np.random.default_rng(5)
        self.events: list[SensorDoubted | SensorTrusted] = []
        self.agreed: list[float] = []

    def minutes(self, count: int, values, *, noisy: bool = True) -> "Cabin":
        """Let time go on; `values` gives the true readings at each minute since now."""
        for minute in range(count):
            self.time_s += MINUTE_S
            read = np.array(values(minute), np.float64)
            if noisy:
                read = read + self.rng.normal(0.0, NOISE_PA, len(read))
            times = np.full(len(read), self.time_s)
            poll = polled(self.gauges, read, times, np.ones(len(read), np.bool_))
            said = self.votes.agree(poll, self.time_s, MINUTE_S, has_others=True, may_doubt=True)
            self.agreed.append(said.value_pa)
            self.events += self.votes.drain(self.time_s)
        return self

    def doubts(self) -> list[SensorDoubted]:
        return [event for event in self.events if isinstance(event, SensorDoubted)]

    def doubted(self) -> list[str]:
        return [event.channel for event in self.doubts()]


def steady(*offsets: float):
    return lambda _: [LEVEL_PA + offset for offset in offsets]


@settings(max_examples=30)
@given(
    offsets=st.lists(st.floats(-400.0, 400.0), min_size=3, max_size=6),
    liar=st.integers(0, 2),
    lie=st.floats(1.5, 600.0),
    sign=st.sampled_from([-1.0, 1.0]),
)
def test_the_one_that_parts_from_two_or_more_is_named_and_moves_nothing(
    station, offsets, liar, lie, sign
):
    """Whatever the offsets, one liar of 1.5 to 600 mmHg is named within twenty minutes."""
    cabin = Cabin(station, len(offsets)).minutes(30, steady(*offsets))
    before = np.mean(cabin.agreed)
    off = list(offsets)
    off[liar] += sign * lie * PA_PER_MMHG
    cabin.minutes(20, steady(*off))
    assert cabin.doubted() == [f"g{liar}"]
    (event,) = cabin.doubts()
    assert event.is_named
    assert event.fault is SensorFault.APART
    assert len(event.against) == len(offsets) - 1
    assert event.difference_pa == pytest.approx(sign * lie * PA_PER_MMHG, abs=20.0)
    assert event.since_s >= 30 * MINUTE_S
    assert np.abs(np.array(cabin.agreed) - before).max() < 30.0


@settings(max_examples=30)
@given(
    st.integers(1, 25),
    st.integers(0, 2),
    st.floats(-16.0, 16.0).filter(lambda size: abs(size) > 1.0),
)
def test_a_spike_among_the_first_readings_is_no_part_of_an_offset(station, minute, liar, mmhg):
    def reading(now: int) -> np.ndarray:
        offsets = [0.0, 50.0, -50.0]
        offsets[liar] += mmhg * PA_PER_MMHG * (now == minute)
        return np.array(steady(*offsets)(now))

    cabin = Cabin(station, 3).minutes(30, reading, noisy=False)
    assert cabin.votes.offset == pytest.approx([0.0, 50.0, -50.0], abs=1.0)


@pytest.mark.parametrize("liar", range(3))
def test_a_first_reading_that_was_a_spike_is_no_offset_for_long(station, liar):
    first = np.where(np.arange(3) == liar, 16.0 * PA_PER_MMHG, 0.0)
    cabin = Cabin(station, 3).minutes(1, steady(*first)).minutes(10, steady(0.0, 50.0, -50.0))
    apart = cabin.votes.offset - cabin.votes.offset.mean()
    assert apart == pytest.approx([0.0, 50.0, -50.0], abs=15.0)


def test_one_that_wanders_off_while_its_offset_is_learned_is_named(station):
    def reading(minute: int) -> np.ndarray:
        return np.array(steady(0.6 * PA_PER_MMHG * max(minute - 5, 0), 0.0, 0.0)(minute))

    assert Cabin(station, 3).minutes(60, reading, noisy=False).doubted()[0] == "g0"


def test_a_spike_of_one_makes_no_liars_of_those_that_stand_still(station):
    """Of four with wide codes that say the same for hours, one says something else now and then."""

    def reading(minute: int) -> np.ndarray:
        spike_pa = 16.0 * PA_PER_MMHG * (minute % 7 == 0 and minute > 60)
        return np.array(steady(spike_pa, 0.0, 5.0, 9.0)(minute))

    cabin = Cabin(station, 4, step=66.7).minutes(1440, reading, noisy=False)
    assert cabin.doubts() == []
    assert cabin.votes.offset == pytest.approx(np.array([0.0, 0.0, 5.0, 9.0]) - 2.5, abs=3.0)


def test_of_two_that_part_both_are_doubted_and_neither_is_named(station):
    cabin = Cabin(station, 2).minutes(30, steady(0.0, 100.0)).minutes(20, steady(0.0, 400.0))
    assert sorted(cabin.doubted()) == ["g0", "g1"]
    assert not any(event.is_named for event in cabin.doubts())
    assert [event.against for event in cabin.doubts()] == [("g1",), ("g0",)]
    assert cabin.agreed[-1] - cabin.agreed[0] == pytest.approx(150.0, abs=20.0)


def test_a_doubted_sensor_is_believed_after_an_hour_of_agreement_without_a_step(station):
    cabin = Cabin(station, 3).minutes(30, steady(0, 0, 0)).minutes(30, steady(0, 0, 500))
    assert cabin.votes.doubt(2) is not None
    cabin.minutes(55, steady(0, 0, 0))
    assert cabin.votes.doubt(2) is not None
    cabin.minutes(20, steady(0, 0, 0))
    assert isinstance(cabin.events[-1], SensorTrusted)
    assert cabin.events[-1].time_s - 60 * MINUTE_S >= BACK_S
    assert cabin.votes.doubt(2) is None
    assert np.abs(np.diff(cabin.agreed[-70:])).max() < 30.0


@given(spike=st.floats(-90_000.0, 90_000.0), count=st.integers(2, 4))
@settings(max_examples=20)
def test_one_spike_is_no_reason_to_doubt(station, spike, count):
    cabin = Cabin(station, count).minutes(60, steady(*[0.0] * count))
    cabin.minutes(1, steady(*[0.0] * (count - 1), spike)).minutes(60, steady(*[0.0] * count))
    assert cabin.events == []


def test_a_noisy_gauge_of_coarse_codes_read_now_and_then_is_not_doubted(station):
    """Noise of 0.5 mmHg and codes of 1 mmHg, a reading in four hours, for a month; three seeds."""
    for seed in range(3):
        cabin = Cabin(station, 4, step=PA_PER_MMHG)
        rng = np.random.default_rng(seed)
        for hours in range(0, 30 * 24, 4):
            rough = np.round(rng.normal(0.0, 0.5)) * PA_PER_MMHG
            cabin.time_s = hours * 3600.0
            cabin.minutes(1, steady(0.0, 0.0, 0.0, rough))
        assert cabin.doubted() == []


@pytest.mark.parametrize("count", [2, 3])
def test_a_sensor_that_stands_still_while_the_others_move_is_named_even_by_one(station, count):
    """The air falls and rises by 0.7 mmHg in five hours; the last gauge repeats one reading."""

    def values(minute: int) -> list[float]:
        swing = 0.7 * PA_PER_MMHG * np.sin(2.0 * np.pi * minute / 300.0)
        return [LEVEL_PA + swing] * (count - 1) + [LEVEL_PA]

    cabin = Cabin(station, count, step=0.05 * PA_PER_MMHG)
    for minute in range(400):
        noise = cabin.rng.normal(0.0, NOISE_PA, count)
        noise[-1] = 0.0
        cabin.minutes(1, lambda _, m=minute, n=noise: values(m) + n, noisy=False)
    stuck = [event for event in cabin.doubts() if event.is_named]
    assert {event.channel for event in stuck} == {f"g{count - 1}"}
    assert SensorFault.STUCK in {event.fault for event in stuck}


@pytest.mark.parametrize("every", [2, 10])
def test_a_sensor_that_stands_still_whenever_it_is_looked_at_is_not_stuck(station, every):
    """It is a code higher now and then, while the other falls and rises by 0.7 mmHg."""
    code_pa = 0.1 * PA_PER_MMHG
    cabin = Cabin(station, 2, step=code_pa)
    for minute in range(600):
        swing = 0.7 * PA_PER_MMHG * np.sin(2.0 * np.pi * minute / 300.0)
        noise = float(cabin.rng.normal(0.0, NOISE_PA))
        repeats = LEVEL_PA + code_pa * (minute % every == 1)
        cabin.minutes(1, lambda _, a=LEVEL_PA + swing + noise, b=repeats: [a, b], noisy=False)
    assert SensorFault.STUCK not in {event.fault for event in cabin.doubts()}


def test_a_coarse_sensor_that_cannot_show_so_small_a_move_is_not_stuck(station):
    """Codes of 1 mmHg; the air moves by 0.4 mmHg within one code."""
    cabin = Cabin(station, 3, step=PA_PER_MMHG)
    for minute in range(600):
        swing = 0.2 * PA_PER_MMHG * np.sin(2.0 * np.pi * minute / 300.0)
        noise = cabin.rng.normal(0.0, NOISE_PA, 3)
        noise[2] = -swing
        cabin.minutes(1, lambda _, s=swing, n=noise: LEVEL_PA + s + n, noisy=False)
    assert cabin.events == []


def _drifting(station, count: int, mmhg_per_day: float, days: float) -> Cabin:
    cabin = Cabin(station, count)
    per_minute = mmhg_per_day * PA_PER_MMHG * MINUTE_S / S_PER_DAY
    return cabin.minutes(
        round(days * 1440), lambda m: [LEVEL_PA] * (count - 1) + [LEVEL_PA + per_minute * m]
    )


def test_a_drift_of_a_few_tenths_a_day_is_named(station):
    cabin = _drifting(station, 4, 0.25, 9.0)
    assert cabin.doubted() == ["g3"]
    assert cabin.doubts()[0].fault is SensorFault.DRIFTING
    assert cabin.doubts()[0].is_named


def test_the_drift_that_good_sensors_have_is_none(station):
    """0.1 mmHg in a week, for three weeks."""
    assert _drifting(station, 4, 0.1 / 7.0, 21.0).events == []


def test_in_air_that_falls_fast_readings_of_different_moments_doubt_nobody(station):
    """Ten mmHg a minute; the gauges are read up to half a minute apart."""
    late = np.array([0.0, 0.25, 0.5])
    cabin = Cabin(station, 3).minutes(30, steady(0, 0, 0))
    cabin.minutes(20, lambda m: LEVEL_PA - 10.0 * PA_PER_MMHG * (m - late))
    assert cabin.events == []


def test_a_sensor_read_two_hours_ago_is_not_compared_with_new_ones(station):
    """The air loses 3 mmHg since the old reading was taken."""
    votes = Cabin(station, 2).minutes(30, steady(0, 0)).votes
    now_s = 30 * MINUTE_S
    for minute in range(1, 120):
        time_s = now_s + MINUTE_S * minute
        read = np.array([LEVEL_PA - 400.0 * minute / 120.0, LEVEL_PA])
        poll = polled(np.arange(2), read, np.array([time_s, now_s]), np.array([True, False]))
        votes.agree(poll, time_s, MINUTE_S, has_others=True, may_doubt=True)
    assert votes.drain(now_s) == []


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=10)
def test_noise_alone_doubts_nobody(station, seed):
    """Two days of three gauges with noise of 0.03 mmHg and constant offsets."""
    cabin = Cabin(station, 3)
    cabin.rng = np.random.default_rng(seed)
    assert cabin.minutes(2880, steady(0.0, 66.0, -200.0)).events == []


def test_a_snapshot_goes_on_alike(station):
    first = Cabin(station, 3).minutes(30, steady(0, 0, 0)).minutes(3, steady(0, 0, 120.0))
    second = Cabin(station, 3)
    second.votes.restore(first.votes.snapshot())
    second.time_s, second.rng = first.time_s, np.random.default_rng(1)
    first.rng = np.random.default_rng(1)
    seen = len(first.events)
    first.minutes(30, steady(0, 0, 120.0))
    second.minutes(30, steady(0, 0, 120.0))
    assert first.events[seen:] == second.events != []
    assert first.agreed[-30:] == second.agreed


def test_offsets_no_sensor_has_are_forgotten_and_others_kept(station):
    votes = Cabin(station, 2).minutes(5, steady(0.0, 4000.0)).votes
    votes.offset[0] = 50.0
    votes.forget_beyond(DISAGREEMENT_PA * 10.0)
    assert votes.offset[0] == 50.0
    assert np.isnan(votes.offset[1])
