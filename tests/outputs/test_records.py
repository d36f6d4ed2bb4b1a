"""The records of the file, log and API contracts."""

from dataclasses import replace
from datetime import datetime
from math import inf, nan

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.outputs.records import (
    ESTIMATE_COLUMNS,
    alert_line,
    alert_record,
    estimate_record,
    estimate_row,
    event_record,
    figure,
    timestamp,
)
from tests.contract import ALERT_FIELDS


def test_an_alert_record_has_exactly_the_keys_of_the_contract(alert_event):
    assert list(alert_record(alert_event)) == list(ALERT_FIELDS)


def test_what_is_not_known_stays_null(alert_event):
    record = orjson.loads(alert_line(replace(alert_event, leak_rate_low=nan, reserve_time_s=inf)))
    assert [record[key] for key in ("onset_low", "onset_high", "leak_rate_low")] == [None] * 3
    assert record["reserve_time_s"] is None


def test_suspects_stand_likeliest_first_whatever_their_order_was(alert_event):
    swapped = replace(alert_event, suspects=dict(reversed(alert_event.suspects.items())))
    assert alert_line(swapped) == alert_line(alert_event)
    assert list(alert_record(alert_event)["suspects"]) == ["zvezda", "prk"]


def test_an_alert_line_is_one_line_of_json(alert_event):
    line = alert_line(replace(alert_event, text="first\nsecond"))
    assert line.count(b"\n") == 1
    assert orjson.loads(line)["time"] == "2024-02-15T12:26:40.250Z"


def test_an_estimate_row_follows_the_columns_and_leaves_unknowns_empty(estimate, unknown_estimate):
    assert tuple(estimate_record(estimate)) == ESTIMATE_COLUMNS
    assert estimate_row(estimate) == [
        "2024-02-15T12:26:40.250Z",
        "zvezda",
        "zvezda prk",
        "1.0368",
        "0.9504",
        "1.1232",
        "99800.0",
        "3000000.0",
        "good",
        "2500000.0",
        "",
        "",
        "",
        "31.104",
        "0.25",
        "0.32",
        "1.8",
    ]
    assert estimate_row(unknown_estimate)[3:] == ["", "", "", "", "", "learning", *[""] * 8]


def test_every_kind_of_event_becomes_json(alert_event, other_events):
    for event in (alert_event, *other_events):
        assert orjson.loads(orjson.dumps(event_record(event)))["time"] == timestamp(event.time_s)


@given(st.integers(0, 4_000_000_000_000))
def test_a_timestamp_reads_back_to_the_same_millisecond(milliseconds):
    text = timestamp(milliseconds / 1000.0)
    assert round(datetime.fromisoformat(text).timestamp() * 1000) == milliseconds
    assert len(text) == len("2024-02-13T00:00:00.000Z")


@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False))
def test_a_figure_is_within_half_a_unit_of_its_last_digit(value):
    rounded = figure(value)
    assert rounded == pytest.approx(value, rel=5.1e-7)
    assert figure(rounded) == rounded


def test_the_reserve_time_of_a_loop_is_that_to_its_least_quantity(loop_estimate):
    record = estimate_record(loop_estimate)
    assert (record["atmosphere"], record["sections"]) == ("radiator", "radiator")
    assert record["reserve_time_s"] == 86_400.0
