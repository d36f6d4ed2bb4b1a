"""What is said of the daemon itself, from what it is told of its parts."""

import pytest

from service.core.health import FRESH_S, LEAST_READINGS, REST_S, Health, HealthBook, Tally
from service.core.rules import Part

MINUTE_S = 60.0
FINE = Tally(written=10, failed=0, dropped=0)


def report(minute: float, *, up: bool = True, output: Tally = FINE, counts=(0, 0)) -> Health:
    return Health(
        received_s=minute * MINUTE_S,
        sources={"mqtt": up, "file": True},
        outputs={"webhook": output},
        accepted=counts[0],
        refused=counts[1],
    )


def book(*reports: Health) -> HealthBook:
    health = HealthBook()
    for one in reports:
        health.take(one)
    return health


def value(health: HealthBook, part: Part, minute: float) -> float | None:
    figure = health.figure(part, minute * MINUTE_S)
    return None if figure is None else figure.value


def test_a_source_counts_as_down_since_it_was_first_told_so_and_no_more_once_it_is_back():
    down = book(report(0), *(report(m, up=False) for m in (1, 2, 3)))
    assert value(down, Part.SOURCES, 3) == 2 * MINUTE_S
    figure = down.figure(Part.SOURCES, 3 * MINUTE_S)
    assert figure is not None
    assert figure.subjects == {"mqtt"}
    assert figure.claim == "the source mqtt is down since 1970-01-01 00:01 UTC"
    down.take(report(4))
    assert value(down, Part.SOURCES, 4) == 0.0


def test_what_was_told_long_ago_is_unknown():
    health = book(report(0, up=False))
    assert value(health, Part.SOURCES, FRESH_S / MINUTE_S) == FRESH_S
    assert value(health, Part.SOURCES, FRESH_S / MINUTE_S + 0.1) is None
    assert value(HealthBook(), Part.OUTPUTS, 0) is None


def failing(minute: int, written: int = 10, queued: int = 1) -> Health:
    return report(minute, output=Tally(written=written, failed=minute, dropped=0, queued=queued))


def test_an_output_fails_until_it_writes_however_long_it_waits_between_attempts():
    waits = Tally(written=10, failed=1, dropped=0, queued=1)
    health = book(report(0), failing(1), report(2, output=waits))
    assert value(health, Part.OUTPUTS, 2) == MINUTE_S
    health.take(report(3, output=Tally(written=11, failed=1, dropped=0)))
    assert value(health, Part.OUTPUTS, 3) == 0.0


def test_an_output_that_has_nothing_to_write_any_more_fails_no_more():
    health = book(report(0), failing(1, queued=0))
    last = int(REST_S / MINUTE_S) + 1
    for minute in range(2, last + 1):
        was = value(health, Part.OUTPUTS, minute - 1)
        assert was == (minute - 2) * MINUTE_S
        health.take(report(minute, output=Tally(written=10, failed=1, dropped=0)))
    assert value(health, Part.OUTPUTS, last) == 0.0


def test_counters_that_begin_anew_with_the_daemon_are_no_sign_of_anything():
    health = book(report(0), report(1, output=FINE, counts=(900, 0)))
    health.take(report(2, output=Tally(written=0, failed=0, dropped=0), counts=(100, 0)))
    assert value(health, Part.OUTPUTS, 2) == 0.0
    assert value(health, Part.READINGS, 2) == 0.0


@pytest.mark.parametrize(("accepted", "refused", "share"), [(95, 5, 0.05), (0, 200, 1.0)])
def test_the_share_of_refused_readings_is_that_of_the_last_hour(accepted, refused, share):
    health = book(report(0), report(1, counts=(accepted, refused)))
    assert value(health, Part.READINGS, 1) == pytest.approx(share)
    for minute in range(2, 62):
        health.take(report(minute, counts=(accepted + 10 * minute, refused)))
    assert value(health, Part.READINGS, 61) == 0.0


def test_of_a_handful_of_readings_no_share_is_told():
    health = book(report(0), report(1, counts=(LEAST_READINGS - 2, 1)))
    assert value(health, Part.READINGS, 1) is None


def test_a_snapshot_holds_all():
    health = book(report(0), failing(1), report(2, up=False, counts=(90, 30)))
    again = HealthBook()
    again.restore(health.snapshot())
    for part in Part:
        assert again.figure(part, 3 * MINUTE_S) == health.figure(part, 3 * MINUTE_S)
