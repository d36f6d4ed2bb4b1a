"""Runs the tests that files of rules carry, through the same core as the daemon's."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.core.commands import Command
from service.core.events import Order
from service.core.health import TOLD_EVERY_S, Health, Tally
from service.core.intake import ClockMode
from service.core.monitor import Monitor, Policy
from service.core.samples import Activity, SampleBatch
from service.core.station import Station, dimension_of
from service.core.units import unit_of
from service.core.views import MonitorView
from service.errors import InputError
from service.settings.rule_files import Expectation, RuleTest, ToldHealth, seconds
from service.sources.activities import read_activity

READINGS: Final = 100  # that come in a minute, of which some are refused
START_S: Final = 1_704_067_200.0  # 1 January 2024, 00:00 UTC; a whole day, so that times are easy
SEED: Final = 1  # of the noise, which is that of the config


@dataclass(frozen=True, slots=True, kw_only=True)
class Miss:
    """An expectation that was not met."""

    at: str
    rule: str
    expected: str
    found: str


def run_test(station: Station, policy: Policy, test: RuleTest) -> Iterator[Miss]:
    """Yield what did not come out as the test expects.

    Raises
    ------
    InputError
        If the test names a channel, rule or activity that there is not.
    """
    _check(station, policy, test)
    monitor = Monitor(station, replace(policy, clock=ClockMode.WALL))
    samples = _samples(station, test)
    monitor.declare([_activity(test, told) for told in test.activities])
    monitor.command(_orders(test))
    for report in _reports(test):
        monitor.report(report)
    sent = 0
    for expected in sorted(test.expect, key=lambda e: seconds(e.at)):
        at_s = START_S + seconds(expected.at)
        until = int(np.searchsorted(samples.received_s, at_s, "left"))
        monitor.observe(samples[sent:until])
        sent = until
        monitor.advance(at_s)
        found = _shown(monitor.view(), expected.rule)
        wanted = _wanted(expected)
        if found != wanted:
            yield Miss(
                at=expected.at,
                rule=expected.rule,
                expected="; ".join(wanted) or "no alert",
                found="; ".join(found) or "no alert",
            )


def _shown(view: MonitorView, rule: str) -> list[str]:
    return sorted(
        f"{alert.severity} {alert.state} in {alert.atmosphere}"
        for alert in view.alerts
        if alert.rule == rule
    )


def _wanted(expected: Expectation) -> list[str]:
    return sorted(
        f"{alert.severity} {alert.state} in {alert.atmosphere}" for alert in expected.alerts
    )


def _check(station: Station, policy: Policy, test: RuleTest) -> None:
    channels = {channel.name for channel in station.channels}
    rules = {rule.name for rule in policy.rules}
    for name in test.modes.values():
        if name not in policy.modes:
            remedy = "name one of the modes of the config"
            raise InputError(f"test {test.name!r}", f"there is no mode {name!r}", remedy)
    place = f"test {test.name!r}"
    for name in (*test.series, *test.frozen):
        if name not in channels:
            raise InputError(place, f"there is no channel {name!r}", "name one of the config")
    for expected in test.expect:
        if expected.rule not in rules:
            raise InputError(place, f"there is no rule {expected.rule!r}", "name one of the rules")


def _samples(station: Station, test: RuleTest) -> SampleBatch:
    """Return the readings of all channels in order of arrival, with the noise of the config."""
    random = np.random.default_rng(SEED)
    index = station.channel_index()
    batches = []
    for name, points in test.series.items():
        channel = station.channels[index[name]]
        unit = unit_of(channel.unit, dimension_of(channel.kind, channel.unit))
        times_s, values = _line(points, test.every_s)
        value = values * unit.scale + unit.offset
        value += random.normal(0.0, channel.noise or 0.0, len(value))
        if name in test.frozen:
            first, last = (START_S + seconds(at) for at in test.frozen[name])
            inside = (times_s >= first) & (times_s < last)
            value[inside] = value[inside][:1]
        batches.append(
            SampleBatch(
                channel=np.full(len(value), index[name], np.int32),
                time_s=times_s,
                received_s=times_s.copy(),
                value=value,
                quality=np.zeros(len(value), np.uint8),
            )
        )
    joined = SampleBatch.concatenate(batches)
    return joined[np.argsort(joined.received_s, kind="stable")]


def _line(
    points: Mapping[str, float], every_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the times of readings and the values on the straight lines between the points."""
    known = sorted((seconds(at), value) for at, value in points.items())
    at_s, values = (np.array(column) for column in zip(*known, strict=True))
    after_s = np.arange(at_s[0], at_s[-1] + every_s / 2.0, every_s)
    return START_S + after_s, np.interp(after_s, at_s, values)


def _activity(test: RuleTest, told: Mapping[str, object]) -> Activity:
    place = f"test {test.name!r}"
    try:
        at_s = START_S + seconds(str(told.get("at")))
    except (ValueError, KeyError):
        problem = f"an activity happens at {told.get('at')!r}"
        raise InputError(place, problem, "give its `at` like 90s, 30m, 8h or 2d") from None
    record = {key: value for key, value in told.items() if key != "at"} | {"time": at_s}
    activity = read_activity(record, received_s=None)
    if not isinstance(activity, Activity):
        raise InputError(place, activity[1], "write it as in the activity table")
    return activity


def run_tests(
    station: Station, policy: Policy, tests: Sequence[RuleTest]
) -> Iterator[tuple[RuleTest, list[Miss]]]:
    """Yield each test with what did not come out as it expects."""
    for test in tests:
        yield test, list(run_test(station, policy, test))


def _orders(test: RuleTest) -> list[Command]:
    return [
        Command(
            received_s=START_S + seconds(at),
            command_id=at,
            order=Order.SET_MODE,
            who="test",
            why=test.name,
            mode=mode,
        )
        for at, mode in test.modes.items()
    ]


def _reports(test: RuleTest) -> Iterator[Health]:
    """Yield a report a minute of a daemon that is as the test tells."""
    steps = sorted(test.health, key=lambda step: seconds(step.at))
    if not steps:
        return
    sources = {name for step in steps for name in step.down}
    outputs = {name for step in steps for name in step.failing}
    tallies = dict.fromkeys(outputs, Tally(written=0, failed=0, dropped=0))
    accepted = refused = 0
    last_s = max(seconds(expected.at) for expected in test.expect)
    for at_s in np.arange(seconds(steps[0].at), last_s, TOLD_EVERY_S).tolist():
        now: ToldHealth = [step for step in steps if seconds(step.at) <= at_s][-1]
        for name, tally in tallies.items():
            failed = name in now.failing
            tallies[name] = replace(
                tally, written=tally.written + (not failed), failed=tally.failed + failed
            )
        refused += round(READINGS * now.refused_percent / 100.0)
        accepted += READINGS - round(READINGS * now.refused_percent / 100.0)
        yield Health(
            received_s=START_S + at_s,
            sources={name: name not in now.down for name in sources},
            outputs=dict(tallies),
            accepted=accepted,
            refused=refused,
        )
