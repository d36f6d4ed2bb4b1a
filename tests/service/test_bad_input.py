"""Whatever is sent, the daemon counts it by its reason, keeps it, and loses no good sample."""

import orjson
import pytest

from service.app import App
from service.clock import WallClock
from service.core.units import PA_PER_MMHG
from service.outputs.capture import PAYLOAD_BYTES
from service.sources.tables import read_telemetry
from tests.service.conftest import at_broker, connected, publish

PRESSURE = "iss/zvezda/pressure"
YEAR_1970_S = 86_400.0
YEAR_2100_S = 4_102_444_800.0
CLOCK = WallClock()


def reading(time_s: float | str, **changes: float | str) -> tuple[str, bytes]:
    return PRESSURE, orjson.dumps({"time": time_s, "value": 750.0, **changes})


def bad(now_s: float) -> dict[str, list[tuple[str, bytes]]]:
    """Return what is refused, by its reason."""
    return {
        "unknown_channel": [("iss/galley/pressure", b"750"), reading(now_s, channel="zvezda.co")],
        "malformed": [
            (PRESSURE, b'{"value": '),
            (PRESSURE, b"\xff\xfe\x00"),
            (PRESSURE, b""),
            (PRESSURE, b"[" * 100_000),
            ("iss/activity", b"[1]"),
        ],
        "wrong_unit": [reading(now_s, unit="degC"), reading(now_s, unit="furlong")],
        "not_finite": [(PRESSURE, b"NaN"), (PRESSURE, b'{"value": -Infinity}')],
        "not_a_number": [(PRESSURE, b'"750"'), (PRESSURE, b'{"value": true}')],
        "missing_value": [(PRESSURE, b"{}"), (PRESSURE, b"null")],
        "bad_time": [reading("yesterday"), reading("2024-02-12T00:00:00")],
        "unknown_quality": [reading(now_s, quality="superb")],
        "too_large": [(PRESSURE, b"9" * 10_000_000)],
        "out_of_range": [reading(now_s, value=1e9)],
        "bad_quality": [reading(now_s, quality="bad")],
        "implausible_time": [
            reading(YEAR_1970_S),
            reading(YEAR_2100_S),
            reading(now_s * 1000.0),
            reading("1970-01-01T00:00:00Z"),
        ],
    }


@pytest.mark.parametrize("clock", ["wall", "event"])
async def test_bad_input_is_counted_and_kept_and_costs_no_good_sample(
    mosquitto, settings, log_lines, tmp_path, clock
):
    good, refused = tmp_path / "capture.jsonl", tmp_path / "quarantine.jsonl"
    files = {"path": str(good), "quarantine_path": str(refused)}
    app = App(settings(clock=clock, capture=files, **at_broker(mosquitto)))
    now_s = CLOCK.now_s()
    junk = bad(now_s)
    sent = [message for messages in junk.values() for message in messages]
    between = [reading(now_s, value=700.0 + number) for number in range(len(sent))]
    async with connected(app) as daemon:
        first = [reading(now_s, value=700.0)] * 8  # the event clock believes eight
        await publish(mosquitto, first)
        await publish(mosquitto, [m for pair in zip(sent, between, strict=True) for m in pair])
        await daemon.until_accepted(len(first) + len(between))
        counted = {reason: await daemon.samples(reason) for reason in junk}
        assert counted == {reason: len(messages) for reason, messages in junk.items()}
        assert await daemon.metric("hullwatch_source_reconnects_total", source="mqtt") == 0.0
    values = read_telemetry([good], app.station).samples.value / PA_PER_MMHG
    assert values.round(6).tolist() == [700.0] * 8 + [700.0 + n for n in range(len(sent))]
    kept = [orjson.loads(line) for line in refused.read_bytes().splitlines()]
    assert {record["reason"] for record in kept} == set(junk)
    assert len(kept) == len(sent)
    assert max(len(record["payload"]) for record in kept) <= 4 * PAYLOAD_BYTES
    told = [line for line in log_lines() if line["message"] == "sample.refused"]
    assert {line["reason"] for line in told} == set(junk)
    assert all(line["detail"] for line in told)
