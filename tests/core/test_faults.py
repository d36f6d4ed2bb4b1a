"""What rules say of sensors, of closed hatches and of the daemon, in a whole monitor."""

import re
from dataclasses import replace

import numpy as np
import pytest

from service.core.events import AlertEvent, AlertState, RuleKind, Severity
from service.core.health import Health, Tally
from service.core.rules import Part, Rule
from service.core.samples import Quality, SampleBatch
from service.core.units import PA_PER_MMHG

FROZEN = Rule(
    name="frozen",
    kind=RuleKind.FROZEN_VALUE,
    thresholds={Severity.ADVISORY: 7200.0},
    response="Read it by hand.",
)
APART = Rule(
    name="apart",
    kind=RuleKind.SENSOR_DISAGREEMENT,
    thresholds={Severity.CAUTION: 5.0 * PA_PER_MMHG, Severity.ADVISORY: 0.4 * PA_PER_MMHG},
    response="Read a third one.",
)
RESULT = Rule(
    name="result",
    kind=RuleKind.ISOLATION_RESULT,
    thresholds={Severity.ADVISORY: 0.95},
    response="Leave it shut.",
)
DOWN = Rule(
    name="down",
    kind=RuleKind.DAEMON_HEALTH,
    thresholds={Severity.CAUTION: 900.0},
    response="Bring it back.",
)
FAILING = replace(DOWN, name="failing", part=Part.OUTPUTS)


def raised(watching, rule: str) -> list[AlertEvent]:
    """Return what asked for attention under a rule."""
    found: list[AlertEvent] = watching.alerts(rule, "raised", "escalated")
    return found


def frozen_from(samples: SampleBatch, channel: int, hour: float) -> SampleBatch:
    """Return the readings with one channel that repeats its value from an hour on."""
    value = samples.value.copy()
    later = (samples.channel == channel) & (samples.time_s >= samples.time_s[0] + hour * 3600.0)
    value[later] = value[later][0]
    return replace(samples, value=value)


def test_a_thermometer_that_freezes_is_named_with_its_value_and_a_healthy_day_is_quiet(
    watch, flight, station
):
    noisy = replace(
        station,
        channels=tuple(replace(c, noise=0.02) for c in station.channels),
    )
    samples = flight(hours=12).samples()
    quiet = watch(noisy, rules=(FROZEN,)).feed(samples)
    assert raised(quiet, "frozen") == []
    stands = watch(noisy, rules=(FROZEN,)).feed(frozen_from(samples, 3, 4.0))
    (event,) = raised(stands, "frozen")
    assert event.time_s - samples.time_s[0] == pytest.approx(6 * 3600.0, abs=120.0)
    assert event.text.startswith("cabin: cabin.temperature has stood at 2")
    assert "degC since 2024-02-04 04:00 UTC" in event.text
    assert "longer than its noise and its habit allow" in event.text
    assert "Leak now" not in event.text


def test_a_gauge_that_stands_while_the_others_fall_is_frozen_though_its_noise_is_not_known(
    watch, flight
):
    samples = flight(hours=24, leak_kg_per_day=lambda _: 3.0).samples()
    stands = watch(rules=(FROZEN,)).feed(frozen_from(samples, 0, 4.0))
    assert any("while the others of its air moved" in e.text for e in raised(stands, "frozen"))
    assert {e.alert_id for e in raised(stands, "frozen")} == {raised(stands, "frozen")[0].alert_id}


def test_readings_that_the_sender_marks_as_held_are_frozen_after_two_hours(watch, flight):
    samples = flight(hours=8).samples()
    quality = samples.quality.copy()
    quality[(samples.channel == 3) & (samples.time_s >= samples.time_s[0] + 3 * 3600.0)] = (
        Quality.HELD
    )
    held = watch(rules=(FROZEN,)).feed(replace(samples, quality=quality))
    (event,) = raised(held, "frozen")
    assert event.time_s - samples.time_s[0] == pytest.approx(5 * 3600.0, abs=120.0)
    assert "its sender marks it as held" in event.text


def lying(samples: SampleBatch, channel: int, mmhg: float, hour: float = 4.0) -> SampleBatch:
    value = samples.value.copy()
    later = (samples.channel == channel) & (samples.time_s >= samples.time_s[0] + hour * 3600.0)
    value[later] += mmhg * PA_PER_MMHG
    return replace(samples, value=value)


@pytest.mark.parametrize(("mmhg", "severity"), [(-2.0, "advisory"), (8.0, "caution")])
def test_a_gauge_that_parts_is_named_with_its_offset_and_those_it_stands_against(
    watch, flight, mmhg, severity
):
    samples = flight(hours=8).samples()
    found = watch(rules=(APART,)).feed(lying(samples, 2, mmhg))
    event = raised(found, "apart")[-1]
    side = "above" if mmhg > 0 else "below"
    assert event.severity == severity
    said = (
        rf"tunnel.pressure is (\S+) mmHg {side} cabin.pressure, cabin.pressure2 since 2024-02-04 04"
    )
    found_mmhg = re.search(said, event.text)
    assert found_mmhg is not None
    assert float(found_mmhg[1]) == pytest.approx(abs(mmhg), abs=0.2)
    assert raised(watch(rules=(APART,)).feed(samples), "apart") == []


def test_of_two_gauges_that_part_the_alert_names_both_and_blames_neither(watch, flight, station):
    two = replace(station, channels=tuple(c for c in station.channels if c.section == "cabin"))
    samples = flight(hours=8).samples()
    inside = np.isin(samples.channel, [0, 1])
    found = watch(two, rules=(APART,)).feed(lying(samples[inside], 1, 3.0))
    (event,) = raised(found, "apart")
    assert "cabin.pressure and cabin.pressure2 part by 3.0 mmHg" in event.text
    assert "either may be wrong" in event.text


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_closure_that_shows_the_leak_is_told_once_and_not_again_when_it_is_repeated(
    watch, flight, seed
):
    """The tunnel leaks 1 kg/day and is shut for a night, three nights running."""
    nights = tuple((72.0 + 24.0 * n, 84.0 + 24.0 * n) for n in range(3))
    story = flight(hours=150, leak_kg_per_day=lambda _: 1.0, shut=nights, seed=seed)
    found = watch(rules=(RESULT,)).feed(story.samples(), story.activities())
    (event,) = raised(found, "result")
    assert event.atmosphere == "tunnel"
    assert "tunnel: the leak is in tunnel (9" in event.text
    assert "as door shut has shown" in event.text
    assert event.suspects == {"tunnel": 1.0}
    (back,) = found.alerts("result", "returned")
    assert back.time_s > event.time_s


@pytest.mark.slow
def test_a_closure_without_a_conclusion_is_no_result(watch, flight):
    story = flight(hours=80, leak_kg_per_day=lambda _: 0.0, shut=((72.0, 74.0),))
    found = watch(rules=(RESULT,)).feed(story.samples(), story.activities())
    assert found.alerts("result") == []


def health(at_s: float, *, up: bool, failed: int = 0) -> Health:
    tally = Tally(written=1, failed=failed, dropped=0, queued=1)
    return Health(
        received_s=at_s, sources={"mqtt": up}, outputs={"influx": tally}, accepted=0, refused=0
    )


def test_a_source_that_is_away_from_the_start_is_told_though_nothing_ever_came(watch):
    found = watch(rules=(DOWN, FAILING))
    for minute in range(40):
        found.monitor.report(health(60.0 * minute + 1.0, up=False, failed=minute))
        found.advance(60.0 * (minute + 1))
    for name in ("down", "failing"):
        (event,) = raised(found, name)
        assert (event.atmosphere, event.sections) == ("hullwatch", ())
        assert 900.0 <= event.time_s <= 1020.0
    (down,) = raised(found, "down")
    assert down.text == (
        "hullwatch: the source mqtt is down since 1970-01-01 00:00 UTC. Next: Bring it back."
    )


def test_the_alert_of_the_daemon_stays_where_it_is_when_hatches_move_and_ends_when_it_is_well(
    watch, flight
):
    story = flight(hours=2, shut=((1.0, 2.0),))
    samples = story.samples()
    start_s = float(samples.time_s[0])
    found = watch(rules=(DOWN,))
    for minute in range(100):
        found.monitor.report(health(start_s + 60.0 * minute, up=minute >= 90))
    found.feed(samples, story.activities(), every_s=600.0)
    assert [(e.event, e.atmosphere) for e in found.alerts("down", "raised", "returned")] == [
        ("raised", "hullwatch"),
        ("returned", "hullwatch"),
    ]
    (view,) = found.monitor.view().alerts
    assert view.state is AlertState.RETURNED_UNACKNOWLEDGED


def test_silence_names_the_channels_that_are_silent(watch, flight):
    samples = flight(hours=6).samples()
    kept = (samples.channel != 4) | (samples.time_s < samples.time_s[0] + 3600.0)
    found = watch().feed(samples[kept])
    (event,) = raised(found, "silence")
    assert "tunnel.temperature has said nothing for 2 h" in event.text
