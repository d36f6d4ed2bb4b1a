"""Line protocol that says exactly what the library would say."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from influxdb_client.client.write.point import Point

from service.core.samples import SampleBatch
from service.core.station import Channel, ChannelKind, Station
from service.outputs.line_protocol import LineProtocol, microseconds

NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=20
).filter(lambda name: not name.endswith("\\"))


@given(
    station=NAMES,
    channel=NAMES,
    section=NAMES,
    value=st.floats(allow_nan=False, allow_infinity=False),
    quality=st.integers(0, 3),
    time_s=st.floats(0, 4e9),
)
def test_a_sample_line_means_what_the_line_of_the_library_means(
    station, channel, section, value, quality, time_s
):
    protocol = LineProtocol(
        Station(
            name=station,
            sections=(),
            hatches=(),
            channels=(
                Channel(name=channel, section=section, kind=ChannelKind.PRESSURE, unit="Pa"),
            ),
            accepted_leak_kg_per_s=0.0,
        )
    )
    batch = SampleBatch(
        channel=np.zeros(1, np.int32),
        time_s=np.array([time_s]),
        received_s=np.array([time_s]),
        value=np.array([value]),
        quality=np.array([quality], np.uint8),
    )
    [line] = protocol.samples(batch)
    point = Point("sample").tag("station", station).tag("channel", channel).tag("section", section)
    point.field("quality", quality).field("value", value).time(microseconds(time_s))
    head, fields, time = parts(line.decode(), head_of(point))
    assert parts(point.to_line_protocol(), head) == (head, fields, time)


def head_of(point):
    """Return measurement and tags as the library writes them."""
    return point.to_line_protocol().rpartition(" quality=")[0]


def parts(line, head):
    """Split a line into its head, its fields with float values, and its time."""
    assert line.startswith(head + " ")
    fields, _, time = line.removeprefix(head + " ").partition(" ")
    values = dict(field.split("=") for field in fields.split(","))
    return head, {"value": float(values["value"]), "quality": values["quality"]}, time


def test_what_is_unknown_is_no_field(station, unknown_estimate):
    line = LineProtocol(station).estimate(unknown_estimate)
    assert line == (
        b'estimate,atmosphere=lab,station=iss quality="learning",sections="lab" 1708000000250000'
    )


def test_two_events_of_one_alert_at_one_time_are_two_points(station, alert_event):
    protocol = LineProtocol(station)
    again = replace(alert_event, event=type(alert_event.event).ESCALATED)
    heads = {
        protocol.alert_event(event).split(b" ")[0] for event in (alert_event, again, alert_event)
    }
    assert len(heads) == 2
