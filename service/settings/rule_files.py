"""Reads files of rules, which may carry tests of themselves."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, ValidationError

from service.core.events import AlertState, Severity
from service.errors import Fault
from service.settings import document
from service.settings.faults import explained
from service.settings.fields import Name, NotNegative, Number, Part, Positive, Text, fault
from service.settings.references import dangling
from service.settings.rules import Rule

UNIT_S: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def seconds(span: str) -> float:
    """Return the seconds of a span of time such as 90s, 30m, 8h or 2.5d.

    Examples
    --------
    >>> seconds("90s"), seconds("1.5h")
    (90.0, 5400.0)
    """
    return float(span[:-1]) * UNIT_S[span[-1:]]


def _check_span(span: str) -> str:
    try:
        is_span = seconds(span) >= 0.0
    except (ValueError, KeyError):
        is_span = False
    if not is_span:
        raise fault(f"{span!r} is no span of time", "write it like 90s, 30m, 8h or 2d")
    return span


Span = Annotated[str, AfterValidator(_check_span)]


class ExpectedAlert(Part):
    """An alert that is not at rest at a moment."""

    atmosphere: Name = Field(description="name of its atmosphere: that of the largest section")
    severity: Severity = Field(description="its severity")
    state: AlertState = Field(default=AlertState.UNACKNOWLEDGED, description="the state it is in")


class Expectation(Part):
    """All alerts of one rule at one moment."""

    at: Span = Field(description="when, after the start")
    rule: Name = Field(description="name of the rule")
    alerts: tuple[ExpectedAlert, ...] = Field(
        default=(), description="its alerts that are not at rest; none = it is quiet"
    )


class ToldHealth(Part):
    """How the daemon is from a moment on."""

    at: Span = Field(description="from when on, after the start")
    down: tuple[Name, ...] = Field(default=(), description="sources that are not connected")
    failing: tuple[Name, ...] = Field(default=(), description="outputs that fail")
    refused_percent: NotNegative = Field(
        default=0.0, le=100.0, description="share of the readings that are refused, percent"
    )


class RuleTest(Part):
    """What is fed to the rules, and what must come of it."""

    name: Text = Field(description="what it shows, as a sentence")
    every_s: Positive = Field(default=60.0, description="time between two readings of a channel, s")
    series: dict[Name, dict[Span, Number]] = Field(
        min_length=1,
        description="channel to its values at some times after the start, in its own unit; straight "
        "between them, none after the last",
    )
    frozen: dict[Name, tuple[Span, Span]] = Field(
        default={}, description="channel to the span in which it repeats its reading"
    )
    activities: tuple[dict[str, Any], ...] = Field(
        default=(), description="activity messages, each with `at` instead of a time"
    )
    modes: dict[Span, Name] = Field(
        default={}, description="when the station is put into which mode"
    )
    health: tuple[ToldHealth, ...] = Field(
        default=(), description="how the daemon is; without it nothing is told of it"
    )
    expect: tuple[Expectation, ...] = Field(
        min_length=1, description="what the alerts must be, and when"
    )


class RuleFile(Part):
    """Rules that a config can take over, and tests of them."""

    rules: tuple[Rule, ...] = Field(default=(), description="the alert rules")
    tests: tuple[RuleTest, ...] = Field(default=(), description="tests of the rules")


def read_rules(
    path: Path, places: Iterable[str], hatches: Iterable[str], modes: Iterable[str] = ()
) -> tuple[RuleFile, list[Fault]]:
    """Return what a file holds, empty if it is faulty, and every fault of it.

    Parameters
    ----------
    places, hatches, modes : iterable of str
        Names of the sections and loops of the config, of its hatches and modes, which rules may name.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    file = document.read_file(path, "give a file of rules under rule_files")
    if not file.content:
        return RuleFile(), list(file.faults)
    known = {"sections": dict.fromkeys(places), "hatches": dict.fromkeys(hatches)}
    findings = list(dangling({**file.content, **known, "modes": list(modes)}))
    found = RuleFile()
    try:
        found = RuleFile(**file.content)
    except ValidationError as error:
        findings += explained(error.errors(include_url=False), file.content)
    findings.sort(key=lambda finding: file.line(finding[0]))
    told = [Fault(file.place(at), problem, remedy) for at, problem, remedy in findings]
    return found, [*file.faults, *told]


def repeated(rules: tuple[Rule, ...]) -> Iterator[str]:
    """Yield each name that more than one rule has."""
    seen: set[str] = set()
    for rule in rules:
        if rule.name in seen:
            yield rule.name
        seen.add(rule.name)
