"""What came in is on disk and reads back the same."""

import asyncio
from contextlib import suppress

import orjson
import pytest

from service.core.samples import Activity, SampleBatch
from service.core.views import Outcome
from service.outputs.appender import Appender, Chunk
from service.outputs.capture import PAYLOAD_BYTES, Capture, Quarantine


def lines_of(path):
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


async def test_captured_floats_read_back_exactly(tmp_path, station, samples, running):
    capture = Capture(path=tmp_path / "deep" / "capture.jsonl", station=station)
    async with running(capture):
        capture.publish(samples, Outcome())
    rows = lines_of(tmp_path / "deep" / "capture.jsonl")
    assert [row["value"] for row in rows] == samples.value.tolist()
    assert [row["time"] for row in rows] == samples.time_s.tolist()
    assert [row["received"] for row in rows] == samples.received_s.tolist()
    assert [row["channel"] for row in rows] == [
        "zvezda.pressure",
        "prk.temperature",
        "zvezda.pressure",
    ]
    assert [row["unit"] for row in rows] == ["Pa", "K", "Pa"]
    assert [row["quality"] for row in rows] == ["good", "suspect", "held"]


async def test_activities_stand_between_the_samples_they_arrived_between(
    tmp_path, station, samples, running
):
    path = tmp_path / "capture.jsonl"
    capture = Capture(path=path, station=station)
    hatch = Activity(time_s=5.0, received_s=6.0, name="hatch", hatch="prk-zvezda", state="closed")
    async with running(capture):
        capture.publish(samples, Outcome())
        capture.declare([hatch])
        capture.declare([])
        capture.publish(SampleBatch.empty(), Outcome())
        capture.publish(samples[:1], Outcome())
    assert lines_of(path)[3] == {
        "time": 5.0,
        "activity": "hatch",
        "hatch": "prk-zvezda",
        "state": "closed",
        "received": 6.0,
    }
    assert len(lines_of(path)) == 5
    assert capture.status.queued == 0


async def test_a_line_that_a_crash_left_unfinished_is_cut_off(tmp_path, station, samples, running):
    path = tmp_path / "capture.jsonl"
    path.write_bytes(b'{"time": 1.0}\n{"time": 2')
    capture = Capture(path=path, station=station)
    async with running(capture):
        capture.publish(samples, Outcome())
    rows = lines_of(path)
    assert rows[0] == {"time": 1.0}
    assert len(rows) == 4


async def test_a_file_that_cannot_be_written_keeps_its_rows_until_it_can(tmp_path, running):
    folder = tmp_path / "captures"
    folder.write_text("a file stands where the folder should be")
    appender = Appender(name="capture", path=folder / "a.jsonl", retry_s=0.01)
    async with running(appender):
        appender.append(Chunk(1, lambda: b"one\n"))
        while appender.status.failed < 2:  # noqa: ASYNC110  a counter has no event
            await asyncio.sleep(0.005)
        folder.unlink()
        appender.append(Chunk(1, lambda: b"two\n"))
    assert (folder / "a.jsonl").read_text() == "one\ntwo\n"
    assert (appender.status.dropped, appender.status.queued) == (0, 0)


async def test_a_full_queue_gives_up_its_oldest_rows_and_counts_them(tmp_path, running):
    appender = Appender(name="capture", path=tmp_path / "a", queued_rows=2)
    for name in (b" 1 ", b" 2 ", b" 3 "):
        appender.append(Chunk(1, name.strip))
    assert (appender.status.dropped, appender.status.queued) == (1, 2)
    async with running(appender):
        pass
    assert (tmp_path / "a").read_bytes() == b"23"


async def test_rows_that_were_never_written_are_counted_as_dropped(tmp_path):
    (tmp_path / "file").write_text("")
    appender = Appender(name="capture", path=tmp_path / "file" / "a", retry_s=60.0)
    appender.append(Chunk(3, lambda: b"x\n"))
    with suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await appender.run()
    assert (appender.status.dropped, appender.status.queued) == (3, 0)


@pytest.mark.parametrize("payload", [b"\xff\x00", b"{not json", b"9" * 10_000_000])
async def test_a_refused_payload_is_kept_with_its_reason_and_cut(tmp_path, payload, running):
    path = tmp_path / "quarantine.jsonl"
    quarantine = Quarantine(path=path)
    async with running(quarantine):
        quarantine.keep(
            received_s=1.5,
            source="mqtt",
            place="iss/prk/pressure: not JSON",
            reason="malformed",
            payload=payload,
        )
    [row] = lines_of(path)
    assert len(row["payload"]) <= 4 * PAYLOAD_BYTES
    assert (row["source"], row["reason"]) == ("mqtt", "malformed")
    assert row["place"] == "iss/prk/pressure: not JSON"


async def test_the_quarantine_never_outgrows_its_two_files(tmp_path, running):
    quarantine = Quarantine(path=tmp_path / "q.jsonl", keep_bytes=2000)
    async with running(quarantine):
        for number in range(100):
            quarantine.keep(
                received_s=float(number), source="s", reason="r", place="p", payload=b"x" * 50
            )
            await quarantine.drain()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["q.jsonl", "q.jsonl.1"]
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2000
    assert lines_of(tmp_path / "q.jsonl")[-1]["received"] == 99.0
