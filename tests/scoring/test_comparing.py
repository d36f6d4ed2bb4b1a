"""The detectors compared with see what they should, and are tuned on cases they are not judged on."""

import numpy as np
import pytest

from service.core.intake import ClockMode
from service.core.monitor import Policy
from service.core.samples import Activity, SampleBatch
from service.core.station import Channel, ChannelKind, Section, Station
from service.core.units import PA_PER_MMHG, S_PER_DAY
from service.scoring.comparing import Compared, Curve, at_tuned_levels, curves_of, tuned
from service.scoring.comparison import LEVELS, alarms, traces
from service.scoring.recordings import Recording
from service.scoring.truths import truth_of

CABIN_M3 = 100.0
DAYS = 4


def recording(
    pressure_mmhg: np.ndarray, kelvin: np.ndarray | None = None, *activities: Activity
) -> Recording:
    """Give a cabin that is read once a minute."""
    channels = [("p", ChannelKind.PRESSURE, "mmHg", pressure_mmhg * PA_PER_MMHG)]
    if kelvin is not None:
        channels.append(("t", ChannelKind.TEMPERATURE, "K", kelvin))
    count = len(pressure_mmhg)
    station = Station(
        name="can",
        sections=(Section(name="cabin", volume_m3=CABIN_M3),),
        hatches=(),
        channels=tuple(
            Channel(name=name, section="cabin", kind=kind, unit=unit)
            for name, kind, unit, _ in channels
        ),
        accepted_leak_kg_per_s=0.0,
    )
    times_s = np.arange(0.0, count) * 60.0
    batches = [
        SampleBatch(
            channel=np.full(count, i, np.int32),
            time_s=times_s,
            received_s=times_s,
            value=values,
            quality=np.zeros(count, np.uint8),
        )
        for i, (_, _, _, values) in enumerate(channels)
    ]
    truth = {"start": 0.0, "end": count * 60.0, "changes": []}
    return Recording(
        station=station,
        policy=Policy(rules=(), clock=ClockMode.EVENT),
        samples=SampleBatch.concatenate(batches),
        activities=activities,
        truth=truth,
        noise=None,
    )


def minutes() -> np.ndarray:
    return np.arange(DAYS * 1440) / 1440


@pytest.mark.parametrize("name", ["deriv 6 h", "deriv 24 h"])
def test_the_slope_is_that_of_least_squares(name):
    (trace,) = traces(recording(750 - 3 * minutes()))[name]
    assert trace.figure[-1] == pytest.approx(3.0, rel=1e-6)
    assert trace.figure[2000] == pytest.approx(3.0, rel=1e-6)
    assert np.isnan(trace.figure[:59]).all()


def test_the_limit_is_the_lowest_pressure():
    (trace,) = traces(recording(750 - 3 * minutes()))["limit"]
    assert trace.figure[-1] == pytest.approx(-738, abs=0.01)


def test_the_cusum_does_not_see_warmth_but_what_is_lost():
    days = minutes()
    kelvin = 295 + 2 * np.sin(2 * np.pi * days)
    (still,) = traces(recording(750 * kelvin / 295, kelvin))["CUSUM"]
    leaking = 750 - np.where(days > 3, 12 * (days - 3), 0.0)
    (growing,) = traces(recording(leaking * kelvin / 295, kelvin))["CUSUM"]
    assert np.nanmax(still.figure) < 0.05
    assert np.nanmax(growing.figure[: 3 * 1440]) < 0.05
    assert growing.figure[-1] > 5


def test_the_cusum_books_reported_people_and_oxygen():
    days = minutes()
    mmhg_per_kg = 287.05 * 295 / PA_PER_MMHG / CABIN_M3
    crew = Activity(time_s=0, received_s=0, name="crew", value=3.0)
    generation = Activity(
        time_s=2 * S_PER_DAY,
        received_s=2 * S_PER_DAY,
        name="oxygen_generation",
        value=2.52 / S_PER_DAY,
    )
    pressure = 750 - 3 * 0.84 * mmhg_per_kg * np.minimum(days, 2.0)
    (booked,) = traces(recording(pressure, None, crew, generation))["CUSUM"]
    assert np.nanmax(booked.figure) < 0.1


def test_an_alarm_is_a_rise_to_the_level():
    (trace,) = traces(recording(740 + 10 * np.cos(2 * np.pi * minutes())))["limit"]
    assert len(list(alarms("limit", trace, -735.0))) == DAYS
    assert not list(alarms("limit", trace, -729.0))


def test_a_higher_level_is_never_sooner_and_at_last_never_false():
    days = minutes()
    case = recording(750 - np.where(days > 3, 20 * (days - 3), 0.0))
    document = case.truth | {
        "changes": [
            {
                "time": 3 * S_PER_DAY,
                "sections": ["cabin"],
                "before_kg_per_day": 0.0,
                "after_kg_per_day": 3.0,
            }
        ]
    }
    for name, curve in curves_of(case, truth_of(document)).items():
        found = [delay for delay in curve.delays_s if delay is not None]
        assert found == sorted(found), name
        assert curve.false[-1] == 0
        assert len(curve.false) == len(LEVELS[name])


def compared(seed: int, false: tuple[int, ...]) -> Compared:
    curve = Curve(delays_s=(1.0, 2.0, 3.0), false=false)
    return Compared(seed=seed, quiet_s=90 * S_PER_DAY, curves={"x": curve})


def test_the_level_is_the_first_from_which_on_it_is_right_often_enough():
    assert tuned([compared(0, (9, 1, 0))], "x", 90 * S_PER_DAY) == 1
    assert tuned([compared(0, (0, 5, 1))], "x", 90 * S_PER_DAY) == 2
    assert tuned([compared(0, (0, 5, 2))], "x", 90 * S_PER_DAY) is None
    assert tuned([], "x", 90 * S_PER_DAY) is None


def test_in_less_quiet_time_than_the_interval_nothing_is_tuned():
    assert tuned([compared(0, (0, 0, 0))], "x", 91 * S_PER_DAY) is None


def test_each_half_is_judged_at_the_level_of_the_other():
    found = at_tuned_levels([compared(0, (9, 1, 0)), compared(1, (9, 9, 0))], "x", 90.0)
    assert found is not None
    assert [(case.delay_s, case.false) for case in found] == [(3.0, 0), (2.0, 9)]


def test_without_a_second_half_there_is_no_level():
    assert at_tuned_levels([compared(0, (0, 0, 0))], "x", 90.0) is None
