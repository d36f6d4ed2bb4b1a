"""Payloads become readings in SI, activities, or named reasons."""

import json

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.samples import Activity, Quality
from service.core.station import Channel, ChannelKind, Station
from service.core.units import PA_PER_MMHG
from service.sources.base import Delivery, RejectReason
from service.sources.columns import unix_s
from service.sources.decode import Decoder, Message
from service.sources.topics import TopicTemplate

PRESSURE = "iss/zvezda/pressure"
ARRIVAL_S = 1707700000.0


def decoded(
    decoder: Decoder, payload: bytes, topic: str = PRESSURE, *, is_repeat: bool = False
) -> Delivery:
    message = Message(topic=topic, payload=payload, received_s=ARRIVAL_S, is_repeat=is_repeat)
    return decoder.decode([message])


def reasons(delivery: Delivery) -> dict[RejectReason, int]:
    return {r.reason: r.count for r in delivery.rejected}


@pytest.mark.parametrize(
    ("topic", "payload", "expected_si"),
    [
        (PRESSURE, b"750", 750 * PA_PER_MMHG),
        (PRESSURE, b'{"value": 100, "unit": "kPa"}', 100_000.0),
        ("iss/prk/pressure", b"100", 100_000.0),
        ("iss/zvezda/temperature", b"21.5", 294.65),
        ("iss/zvezda/humidity", b"44.25", 0.4425),
        ("iss/all/telemetry", b'{"channel": "prk.pressure", "value": 1}', 1000.0),
    ],
)
def test_values_become_si_by_their_own_unit_or_that_of_the_channel(
    decoder, topic, payload, expected_si
):
    delivery = decoded(decoder, payload, topic)
    assert delivery.samples.value.tolist() == pytest.approx([expected_si])
    assert delivery.samples.time_s.tolist() == [ARRIVAL_S]
    assert delivery.rejected == ()


def test_a_quantity_in_percent_is_a_share_and_no_mass():
    quantity = Channel(
        name="loop.quantity", section="loop", kind=ChannelKind.QUANTITY, unit="percent"
    )
    station = Station(
        name="iss", sections=(), hatches=(), channels=(quantity,), accepted_leak_kg_per_s=0.0
    )
    decoder = Decoder(
        station,
        telemetry=TopicTemplate("{station}/{channel}", station="iss"),
        activity=TopicTemplate("acts", station="iss"),
    )
    delivery = decoded(decoder, b"64.5", "iss/loop.quantity")
    assert delivery.samples.value.tolist() == pytest.approx([0.645])
    refused = decoded(decoder, b'{"value": 12, "unit": "kg"}', "iss/loop.quantity")
    assert reasons(refused) == {RejectReason.WRONG_UNIT: 1}


@pytest.mark.parametrize(
    ("written", "expected_s"),
    [
        (b"1707696000.5", 1707696000.5),
        (b"1707696000", 1707696000.0),
        (b'"2024-02-12T00:00:00Z"', 1707696000.0),
        (b'"2024-02-12t00:00:00.25z"', 1707696000.25),
        (b'"2024-02-12T03:00:00+03:00"', 1707696000.0),
        (b"null", ARRIVAL_S),
    ],
)
def test_times_are_rfc_3339_with_a_zone_or_unix_seconds(decoder, written, expected_s):
    delivery = decoded(decoder, b'{"value": 750, "time": ' + written + b"}")
    assert delivery.samples.time_s.tolist() == [expected_s]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", RejectReason.MALFORMED),
        (b"\xff\xfe", RejectReason.MALFORMED),
        (b"[" * 100_000, RejectReason.MALFORMED),
        (b"9" * 1_048_577, RejectReason.TOO_LARGE),
        (b"[750]", RejectReason.MALFORMED),
        (b'{"value": [1, 2], "time": [1]}', RejectReason.MALFORMED),
        (b"null", RejectReason.MISSING_VALUE),
        (b"{}", RejectReason.MISSING_VALUE),
        (b"true", RejectReason.NOT_A_NUMBER),
        (b'"750"', RejectReason.NOT_A_NUMBER),
        (b'{"value": {"raw": 1}}', RejectReason.NOT_A_NUMBER),
        (b"NaN", RejectReason.NOT_FINITE),
        (b'{"value": -Infinity}', RejectReason.NOT_FINITE),
        (b"1e999", RejectReason.NOT_FINITE),
        (b"9" * 400, RejectReason.NOT_FINITE),
        (b'{"value": 1, "time": "yesterday"}', RejectReason.BAD_TIME),
        (b'{"value": 1, "time": "2024-02-12T00:00:00"}', RejectReason.BAD_TIME),
        (b'{"value": 1, "time": true}', RejectReason.BAD_TIME),
        (b'{"value": 1, "time": 1707696000000}', RejectReason.IMPLAUSIBLE_TIME),
        (b'{"value": 1, "time": -1}', RejectReason.IMPLAUSIBLE_TIME),
        (b'{"value": 1, "unit": "degC"}', RejectReason.WRONG_UNIT),
        (b'{"value": 1, "unit": "furlong"}', RejectReason.WRONG_UNIT),
        (b'{"value": 1, "unit": 7}', RejectReason.WRONG_UNIT),
        (b'{"value": 1, "quality": "superb"}', RejectReason.UNKNOWN_QUALITY),
        (b'{"value": 1, "channel": "galley.pressure"}', RejectReason.UNKNOWN_CHANNEL),
    ],
)
def test_what_is_no_reading_is_refused_with_its_reason(decoder, payload, reason):
    delivery = decoded(decoder, payload)
    assert reasons(delivery) == {reason: 1}
    assert len(delivery.samples) == 0
    assert delivery.rejected[0].raw == payload[:2048]


@pytest.mark.parametrize("topic", ["", "iss", "mir/zvezda/pressure", "iss/galley/pressure", "/"])
def test_a_topic_of_no_channel_is_refused(decoder, topic):
    assert reasons(decoded(decoder, b"1", topic)) == {RejectReason.UNKNOWN_CHANNEL: 1}


def test_bad_items_of_an_array_cost_only_themselves(decoder):
    payload = (
        b'[{"value": 1}, 7, {"value": NaN}, {"value": Infinity}, {"value": "x"}, '
        b'{"value": 2, "quality": "suspect"}, {"value": 3, "unit": "degC"}]'
    )
    delivery = decoded(decoder, payload)
    assert delivery.samples.value / PA_PER_MMHG == pytest.approx([1.0, 2.0])
    assert delivery.samples.quality.tolist() == [Quality.GOOD, Quality.SUSPECT]
    assert reasons(delivery) == {
        RejectReason.MALFORMED: 1,
        RejectReason.NOT_FINITE: 2,
        RejectReason.NOT_A_NUMBER: 1,
        RejectReason.WRONG_UNIT: 1,
    }


def test_bad_cells_of_columns_cost_only_their_row(decoder):
    payload = orjson.dumps(
        {
            "channel": ["zvezda.pressure", "zvezda.temperature", "galley.smell", None],
            "time": [1, "1970-01-01T00:00:02Z", 3, 4],
            "value": [750, 20, 1, True],
            "quality": "held",
        }
    )
    delivery = decoded(decoder, payload)
    assert delivery.samples.value.tolist() == pytest.approx([750 * PA_PER_MMHG, 293.15])
    assert delivery.samples.time_s.tolist() == [1.0, 2.0]
    assert delivery.samples.quality.tolist() == [Quality.HELD, Quality.HELD]
    assert reasons(delivery) == {RejectReason.UNKNOWN_CHANNEL: 1, RejectReason.NOT_A_NUMBER: 1}


def test_a_repeat_is_held_only_if_it_has_no_time_of_its_own(decoder):
    assert decoded(decoder, b"750", is_repeat=True).samples.quality.tolist() == [Quality.HELD]
    timed = decoded(decoder, b'{"value": 750, "time": 1707696000}', is_repeat=True)
    assert timed.samples.quality.tolist() == [Quality.GOOD]


def test_activities_come_with_si_values_and_bad_ones_with_reasons(decoder):
    payload = orjson.dumps(
        [
            {"activity": "oxygen_generation", "value": 8.64, "time": "2024-02-12T00:00:00Z"},
            {"activity": "hatch", "hatch": "prk-zvezda", "state": "closed"},
            {"activity": "crew", "value": 7, "unit": "kg"},
            {"activity": "crew", "value": "seven"},
            {"activity": "crew", "state": 1},
            {"value": 3},
            12,
        ]
    )
    delivery = decoded(decoder, payload, "iss/activity")
    assert delivery.activities == (
        Activity(
            time_s=1707696000.0,
            received_s=ARRIVAL_S,
            name="oxygen_generation",
            value=8.64 / 86400.0,
            unit="kg/s",
        ),
        Activity(
            time_s=ARRIVAL_S, received_s=ARRIVAL_S, name="hatch", hatch="prk-zvezda", state="closed"
        ),
    )
    assert reasons(delivery) == {
        RejectReason.WRONG_UNIT: 1,
        RejectReason.NOT_A_NUMBER: 1,
        RejectReason.MALFORMED: 3,
    }


def test_a_station_without_channels_refuses_all() -> None:
    bare = Station(name="iss", sections=(), hatches=(), channels=(), accepted_leak_kg_per_s=0.0)
    template = TopicTemplate("{station}/{channel}", station="iss")
    activity = TopicTemplate("{station}/activity", station="iss")
    delivery = decoded(Decoder(bare, telemetry=template, activity=activity), b"1", "iss/x")
    assert reasons(delivery) == {RejectReason.UNKNOWN_CHANNEL: 1}


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
cells = scalars | st.lists(scalars, max_size=4)
keys = st.sampled_from(["channel", "time", "value", "unit", "quality", "activity", "section"])
documents = st.recursive(
    cells, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5)
)


@given(
    payload=st.binary(max_size=200) | documents.map(lambda d: json.dumps(d).encode()),
    topic=st.sampled_from([PRESSURE, "iss/activity", "iss/a/b"]) | st.text(max_size=12),
)
def test_nothing_that_can_be_sent_raises_or_gives_an_unreal_reading(decoder, payload, topic):
    delivery = decoded(decoder, payload, topic)
    assert np.isfinite(delivery.samples.value).all()
    assert np.isfinite(delivery.samples.time_s).all()


rows = st.fixed_dictionaries(
    {"channel": st.sampled_from(["zvezda.pressure", "prk.pressure", "galley.smell", None])},
    optional={
        "time": st.sampled_from([1707696000, 1707696000.5, "2024-02-12T00:00:00Z", "x", None]),
        "value": st.sampled_from([1, 2.5, "x", None, True, float("nan")]),
        "unit": st.sampled_from(["mmHg", "kPa", "degC", "x", None]),
        "quality": st.sampled_from(["good", "bad", "x", None]),
    },
)


@given(items=st.lists(rows, max_size=8))
def test_one_by_one_an_array_and_columns_mean_the_same(decoder, items):
    """The shape of the payload and the cut into messages change nothing."""
    columns = {
        key: [i.get(key) for i in items] for key in ("channel", "time", "value", "unit", "quality")
    }
    messages = [
        Message(topic=PRESSURE, payload=json.dumps(item).encode(), received_s=ARRIVAL_S)
        for item in items
    ]
    shapes = [
        decoder.decode(messages),
        Delivery.joined([decoder.decode([message]) for message in messages]),
        decoded(decoder, json.dumps(items).encode()),
        decoded(decoder, json.dumps(columns).encode()),
    ]
    for other in shapes[1:]:
        for name in ("channel", "time_s", "received_s", "value", "quality"):
            np.testing.assert_array_equal(
                getattr(shapes[0].samples, name), getattr(other.samples, name)
            )
        assert _totals(shapes[0]) == _totals(other)


def _totals(delivery: Delivery) -> dict[RejectReason, int]:
    totals: dict[RejectReason, int] = {}
    for rejected in delivery.rejected:
        totals[rejected.reason] = totals.get(rejected.reason, 0) + rejected.count
    return totals


@given(moment=st.datetimes(timezones=st.timezones(), allow_imaginary=False))
def test_a_written_time_is_read_back(moment):
    if moment.utcoffset() is not None:
        assert unix_s(moment.isoformat()) == moment.timestamp()
