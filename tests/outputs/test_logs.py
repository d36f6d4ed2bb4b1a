"""One line per fact, readable by machines, without secrets."""

import ast
import logging
import os
import re
from contextlib import suppress
from dataclasses import replace
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

import service
from service.core.events import AlertEventKind, AlertState, IncidentChange, Severity
from service.core.samples import SampleBatch
from service.core.views import Outcome
from service.outputs import log_events, logs
from service.outputs.log_events import EVENTS
from service.outputs.logs import LogOutput, RateLimit, log_name, redact
from service.outputs.records import alert_record


def test_an_alert_line_carries_the_contract_fields(log_lines, alert_event):
    LogOutput().publish(SampleBatch.empty(), Outcome(events=(alert_event,)))
    [line] = log_lines()
    assert line["message"] == "alert.raised"
    assert line["level"] == "error"
    assert {key: line[key] for key in alert_record(alert_event)} == alert_record(alert_event)


@pytest.mark.parametrize(
    ("severity", "level"),
    [
        (Severity.EMERGENCY, "critical"),
        (Severity.WARNING, "error"),
        (Severity.CAUTION, "warning"),
        (Severity.ADVISORY, "info"),
    ],
)
def test_a_raised_alert_is_logged_at_the_level_of_its_severity(
    log_lines, alert_event, severity, level
):
    events = (
        replace(alert_event, severity=severity),
        replace(
            alert_event,
            severity=severity,
            event=AlertEventKind.CLEARED,
            state=AlertState.NORMAL,
        ),
    )
    LogOutput().publish(SampleBatch.empty(), Outcome(events=events))
    assert [line["level"] for line in log_lines()] == [level, "info"]


def test_each_fact_is_one_line_and_samples_are_none(log_lines, alert_event, other_events, samples):
    LogOutput().publish(samples, Outcome(events=(alert_event, *other_events)))
    assert [line["message"] for line in log_lines()] == [
        "alert.raised",
        "atmosphere.changed",
        "cause.named",
        "activity.noted",
        "isolation.began",
        "isolation.judged",
        "isolation.doubted",
        "sensor.doubted",
        "sensor.trusted",
        "volume.estimated",
        "command.taken",
        "incident.opened",
    ]


def test_people_get_text_without_the_fields_that_are_unknown(alert_event):
    stream = TextIOWrapper(BytesIO(), write_through=True)
    logs.configure(stream=stream, human=True)
    LogOutput().publish(SampleBatch.empty(), Outcome(events=(alert_event,)))
    structlog.reset_defaults()
    text = stream.buffer.getvalue().decode()
    assert "alert.raised" in text
    assert "close hatch prk-zvezda" in text
    assert "onset_low" not in text


@pytest.mark.parametrize("human", [True, False])
def test_a_log_whose_reader_has_gone_is_counted_and_stops_nothing(alert_event, human):
    reader, writer = os.pipe()
    os.close(reader)
    stream = os.fdopen(writer, "w", encoding="utf-8")
    logs.configure(stream=stream, human=human)
    output = LogOutput()
    before = replace(output.status)
    output.publish(SampleBatch.empty(), Outcome(events=(alert_event,)))
    structlog.reset_defaults()
    with suppress(BrokenPipeError):
        stream.close()
    assert output.status.written == before.written
    assert output.status.failed == before.failed + 1
    assert output.status.dropped == before.dropped + 1


def test_libraries_are_folded_in_and_held_back_when_they_repeat(log_lines):
    library = logging.getLogger("paho")
    for _ in range(100):
        library.warning("Message queue is full. Discarding message.")
    library.info("not worth a line")
    lines = log_lines()
    assert len(lines) == logs.FOREIGN_LINES
    assert lines[0]["message"] == "library.message"
    assert (lines[0]["library"], lines[0]["level"]) == ("paho", "warning")


def test_the_exception_of_a_library_stands_in_its_line(log_lines):
    try:
        int("gone")
    except ValueError:
        logging.getLogger("aiohttp.client").exception("request failed")
    assert "invalid literal for int() with base 10: 'gone'" in log_lines()[0]["exception"]


@pytest.mark.parametrize(
    "line",
    [
        {"token": "SECRET"},
        {"mqtt_password": "SECRET"},
        {"text": "connecting to mqtts://ops:SECRET@broker:8883"},
        {"text": "Authorization: Token SECRETSECRETSECRET"},
        {"text": "headers {'Authorization': 'Bearer SECRETSECRETSECRET'}"},
        {"text": "sent password=SECRET&user=ops"},
        {"exception": "Token SECRETSECRETSECRET== refused"},
    ],
)
def test_a_secret_never_reaches_the_log(log_lines, line):
    structlog.get_logger().warning("library.message", **line)
    assert "SECRET" not in str(log_lines()[0])


def test_alert_text_is_left_as_it_is():
    text = "Keep hatch prk-zvezda closed: 2.4 days are left to 490 mmHg (see basic rule 7)."
    assert redact(None, "", {"text": text}) == {"text": text}


@given(st.lists(st.floats(0, 1e4), max_size=50))
def test_a_rate_limit_never_loses_count(times_s):
    limit = RateLimit(per_window=2, window_s=60.0)
    answers = [limit.admit("key", time_s) for time_s in sorted(times_s)]
    told = sum(answer for answer in answers if answer is not None)
    after = limit.admit("key", 1e9)
    assert after is not None
    assert told + after == answers.count(None)


def test_every_log_name_in_the_code_is_explained_and_no_other(alert_event, other_events):
    used = {f"alert.{kind.value}" for kind in AlertEventKind}
    used |= {f"incident.{change.value}" for change in IncidentChange}
    used |= {log_name(event) for event in (alert_event, *other_events)}
    for path in Path(service.__path__[0]).rglob("*.py"):
        if path != Path(log_events.__file__):
            used |= log_names(ast.parse(path.read_text()))
    assert used == set(EVENTS)


def log_names(tree):
    """Return all dotted names in log calls, and those elsewhere that begin like a log name."""
    methods = {"debug", "info", "warning", "error", "critical", "exception", "log"}
    dotted = re.compile(r"[a-z_]+\.[a-z_]+")
    areas = {name.partition(".")[0] for name in EVENTS}
    top = Path(service.__path__[0])
    modules = {f"{top.name}.{path.stem}" for path in top.iterdir()}
    logged = {
        id(argument)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in methods
        for argument in call.args
    }
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and dotted.fullmatch(node.value)
        and node.value not in modules
        and (id(node) in logged or node.value.partition(".")[0] in areas)
    }
