"""Topic templates give subscriptions and channel names."""

import pytest

from service.errors import InputError
from service.sources.topics import TopicTemplate


@pytest.mark.parametrize(
    ("template", "subscription", "topic", "channel"),
    [
        ("{station}/{section}/{quantity}", "iss/+/+", "iss/prk/pressure", "prk.pressure"),
        ("{station}/{channel}", "iss/+", "iss/USLAB000058", "USLAB000058"),
        ("raw/{quantity}/at/{section}", "raw/+/at/+", "raw/pressure/at/prk", "prk.pressure"),
        ("{station}/{section}/{quantity}", "iss/+/+", "mir/prk/pressure", None),
        ("{station}/{section}/{quantity}", "iss/+/+", "iss/prk", None),
        ("{station}/activity", "iss/activity", "iss/activity", None),
    ],
)
def test_a_template_subscribes_and_names(template, subscription, topic, channel):
    made = TopicTemplate(template, station="iss")
    assert made.subscription == subscription
    assert made.channel(topic) == channel


@pytest.mark.parametrize(
    "template",
    ["{station}/{section}", "{station}/+/{channel}", "a{section}b/{quantity}", "{channel}/{channel}", "{crew}"],
)  # fmt: skip
def test_a_template_that_cannot_name_a_channel_is_refused(template):
    with pytest.raises(InputError, match="topic template"):
        TopicTemplate(template, station="iss")


def test_a_station_name_with_a_wildcard_is_refused():
    with pytest.raises(InputError, match="station"):
        TopicTemplate("{station}/{channel}", station="is#s")
