"""Files of telemetry and activities become columns; bad rows are told, good rows kept."""

import gzip
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.samples import Quality
from service.core.station import Channel, ChannelKind
from service.core.units import PA_PER_MMHG
from service.errors import InputError
from service.sources.base import RejectReason
from service.sources.tables import read_activities, read_telemetry

LONG = """\
time,channel,value,unit,quality,received
2024-02-12T00:00:10Z,zvezda.pressure,750,,,2024-02-12T00:00:30Z
2024-02-12T00:00:20.5+00:00,zvezda.temperature,21.5,degC,suspect,
1707696000,prk.pressure,100,,held,1707696005.5
"""


def mmhg(samples) -> list[float]:
    return [round(v / PA_PER_MMHG, 6) for v in samples.value.tolist()]


def write(path, text: str):
    data = text.encode("utf-8", "surrogateescape")
    if path.suffix == ".gz":
        data = gzip.compress(data)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_rows_come_in_order_of_arrival_with_their_own_times(tmp_path, station, name):
    table = read_telemetry([write(tmp_path / name, LONG)], station)
    assert table.rejected == {}
    samples = table.samples
    assert samples.channel.tolist() == [3, 1, 0]
    assert samples.time_s.tolist() == [1707696000.0, 1707696020.5, 1707696010.0]
    assert samples.received_s.tolist() == [1707696005.5, 1707696020.5, 1707696030.0]
    assert samples.value.tolist() == pytest.approx([100_000.0, 294.65, 750 * PA_PER_MMHG])
    assert samples.quality.tolist() == [Quality.HELD, Quality.SUSPECT, Quality.GOOD]


def test_all_formats_hold_the_same(tmp_path, station):
    csv = write(tmp_path / "t.csv", LONG)
    frame = pl.read_csv(csv, schema_overrides={"value": pl.Float64})
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_ndjson(tmp_path / "t.jsonl")
    frame.write_csv(tmp_path / "t.csv.zst", compression="zstd")
    (tmp_path / "t.jsonl.gz").write_bytes(gzip.compress((tmp_path / "t.jsonl").read_bytes()))
    # In JSON a text is no number, so the one row with Unix seconds as a text is refused.
    expected = read_telemetry([csv], station).samples
    for name, kept in [("t.parquet", slice(0, 3)), ("t.csv.zst", slice(0, 3)),
                       ("t.jsonl", slice(1, 3)), ("t.jsonl.gz", slice(1, 3))]:  # fmt: skip
        samples = read_telemetry([tmp_path / name], station).samples
        for column in ("channel", "time_s", "received_s", "value", "quality"):
            np.testing.assert_array_equal(
                getattr(samples, column), getattr(expected[kept], column), err_msg=name
            )


def test_bad_rows_are_told_with_file_and_line_and_the_others_kept(tmp_path, station):
    text = (
        "time,channel,value\r\n"
        "1,zvezda.pressure,1\r\n"
        "2,zvezda.pressure,\r\n"
        "3,zvezda.pressure,nan\r\n"
        "4,zvezda.pressure,seven\r\n"
        "5,zvezda.pressure,754,91\r\n"
        "\r\n"
        "yesterday,zvezda.pressure,8\r\n"
        "2024-02-12T00:00:00,zvezda.pressure,9\r\n"
        "1707696000000,zvezda.pressure,10\r\n"
        "11,galley.smell,11\r\n"
        "12,zvezda.press\udcffre,12\r\n"
        "13,zvezda.pressure\r\n"
        "14, zvezda.pressure ,14.5\r\n"
    )
    path = write(tmp_path / "t.csv", text)
    table = read_telemetry([path], station)
    assert mmhg(table.samples) == [1.0, 14.5]
    assert table.rejected == {
        RejectReason.MISSING_VALUE: 2,
        RejectReason.NOT_FINITE: 1,
        RejectReason.NOT_A_NUMBER: 1,
        RejectReason.MALFORMED: 1,
        RejectReason.UNKNOWN_CHANNEL: 3,
        RejectReason.BAD_TIME: 2,
        RejectReason.IMPLAUSIBLE_TIME: 1,
    }
    told = {(e.reason, e.detail.split(":")[0], e.raw) for e in table.examples}
    assert (RejectReason.NOT_A_NUMBER, f"{path} line 5", b"4,zvezda.pressure,seven") in told
    assert (RejectReason.MALFORMED, f"{path} line 6", b"5,zvezda.pressure,754,91") in told


def test_a_stray_quote_costs_one_row(tmp_path, station):
    text = 'time,channel,value\n1,"zvezda.pressure",1\n2,"zvezda.pressure,2\n3,zvezda.pressure,3\n'
    assert mmhg(read_telemetry([write(tmp_path / "t.csv", text)], station).samples)[-1] == 3.0


def test_jsonl_holds_readings_activities_and_junk(tmp_path, station):
    text = (
        '{"time": 20, "channel": "zvezda.pressure", "value": 1}\n'
        "\n"
        '{"time": 5, "activity": "crew", "value": 7, "received": 30}\n'
        '{"time": "1970-01-01T00:00:10Z", "channel": "zvezda.pressure", "value": 2}\n'
        '{"time": 11, "channel": "zvezda.pressure", "value": NaN}\n'
        '{"time": 12, "channel": "zvezda.pressure"\n'
        '{"channel": "zvezda.pressure", "value": 3}\n'
        '{"time": 14, "value": 3}\n'
        '{"time": 15, "activity": "crew", "value": "seven"}\n'
        "[1]"
    )
    path = write(tmp_path / "t.jsonl", text)
    table = read_telemetry([path], station)
    assert mmhg(table.samples) == [2.0, 1.0]
    assert [(a.name, a.time_s, a.received_s, a.value) for a in table.activities] == [
        ("crew", 5.0, 30.0, 7.0)
    ]
    assert table.rejected == {
        RejectReason.NOT_FINITE: 1,
        RejectReason.MALFORMED: 2,
        RejectReason.BAD_TIME: 1,
        RejectReason.UNKNOWN_CHANNEL: 1,
        RejectReason.NOT_A_NUMBER: 1,
    }
    assert f"{path} line 6" in {e.detail.split(":")[0] for e in table.examples}


def test_a_wide_table_has_one_reading_a_filled_cell(tmp_path, station):
    text = (
        "time,zvezda.pressure,zvezda.temperature,galley.smell\n"
        "1,750,20,a\n"
        "2,,21,b\n"
        "3,751,hot,c\n"
        "x,752,22,d\n"
    )
    path = write(tmp_path / "w.csv", text)
    table = read_telemetry([path], station, wide=True)
    assert table.samples.time_s.tolist() == [1.0, 1.0, 2.0, 3.0]
    assert table.samples.channel.tolist() == [0, 1, 1, 0]
    assert table.rejected == {
        RejectReason.NOT_A_NUMBER: 1,
        RejectReason.BAD_TIME: 2,
        RejectReason.UNKNOWN_CHANNEL: 4,
    }
    details = [e.detail for e in table.examples]
    assert any(d.startswith(f"{path} line 4, column 'zvezda.temperature'") for d in details)


def test_columns_can_have_other_names(tmp_path, station):
    """The public recordings name their columns `time_utc`, `pui` and `received_utc`."""
    pui = Channel(name="USLAB000058", section="zvezda", kind=ChannelKind.PRESSURE, unit="mmHg")
    named = replace(station, channels=(*station.channels, pui))
    text = (
        "received_utc,time_utc,timestamp_hours,pui,value\n"
        "2026-04-06T21:55:07.316785+00:00,2026-04-06T21:37:12.503Z,2325.6,USLAB000058,754.9166259765625\n"
        "2026-04-06T21:55:07.319549+00:00,2026-04-06T21:54:48.601Z,2325.9,NODE3000012,17.1\n"
    )
    table = read_telemetry(
        [write(tmp_path / "iss.csv", text)],
        named,
        columns={"time": "time_utc", "channel": "pui", "received": "received_utc"},
    )
    assert mmhg(table.samples) == [754.916626]
    assert table.samples.received_s.tolist() == [1775512507.316785]
    assert table.rejected == {RejectReason.UNKNOWN_CHANNEL: 1}


@pytest.mark.parametrize(
    ("text", "arguments", "said"),
    [
        ("time,value\n1,2\n", {}, "has no column 'channel'"),
        ("t,channel,value\n1,a,2\n", {"columns": {"time": "when"}}, "has no column 'when'"),
        ("time,channel,value\n1,a,2\n", {"columns": {"when": "time"}}, "there is no when"),
        ("time,channel,value\n1,a,2\n", {"columns": {"unit": "u"}}, "has no column 'u'"),
        ("time,a,b\n1,a,2\n", {"wide": True}, "as a configured channel"),
        ("", {}, "cannot be read"),
    ],
)
def test_a_table_that_cannot_be_used_is_an_input_error(tmp_path, station, text, arguments, said):
    with pytest.raises(InputError, match=said):
        read_telemetry([write(tmp_path / "t.csv", text)], station, **arguments)


def test_files_that_are_absent_broken_or_of_another_kind_are_input_errors(tmp_path, station):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 not really")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(LONG.encode())[:60])
    for name, said in [
        ("absent.csv", "is not there"),
        ("t.parquet", "cannot be read"),
        ("t.csv.gz", "cannot be read"),
        ("t.xlsx", "is no table"),
        ("none", "is no table"),
    ]:
        with pytest.raises(InputError, match=said):
            read_telemetry([tmp_path / name], station)


def test_parquet_times_may_be_typed_but_need_a_zone(tmp_path, station):
    frame = pl.DataFrame({"time": [1707696000_000_000], "channel": ["prk.pressure"], "value": [1]})
    path = tmp_path / "t.parquet"
    frame.with_columns(pl.col("time").cast(pl.Datetime("us", "UTC"))).write_parquet(path)
    assert read_telemetry([path], station).samples.time_s.tolist() == [1707696000.0]
    frame.with_columns(pl.col("time").cast(pl.Datetime("us"))).write_parquet(path)
    with pytest.raises(InputError, match="without a zone"):
        read_telemetry([path], station)


def test_several_files_are_one_table_and_ties_keep_their_order(tmp_path, station):
    one = write(
        tmp_path / "1.csv", "time,channel,value\n2,zvezda.pressure,1\n3,zvezda.pressure,2\n"
    )
    two = write(
        tmp_path / "2.csv", "time,channel,value\n1,zvezda.pressure,3\n2,zvezda.pressure,4\n"
    )
    assert mmhg(read_telemetry([one, two], station).samples) == [3.0, 1.0, 4.0, 2.0]


def test_a_table_without_rows_is_empty(tmp_path, station):
    empty = write(tmp_path / "t.csv", "time,channel,value\n")
    assert len(read_telemetry([empty], station).samples) == 0
    assert len(read_telemetry([write(tmp_path / "t.jsonl", "")], station).samples) == 0


def test_activity_files_of_all_formats_are_read(tmp_path):
    text = (
        "time,activity,received,section,hatch,state,value,unit,gas\n"
        "2024-02-12T00:00:00Z,oxygen_generation,1707696010,,,start,8.64,kg/day,O2\n"
        "1707696005,hatch,,,prk-zvezda,closed,,,\n"
        "1707696006,crew,,,,value,0,,\n"
        "soon,crew,,,,value,7,,\n"
    )
    csv = write(tmp_path / "a.csv", text)
    frame = pl.read_csv(csv)
    frame.write_parquet(tmp_path / "a.parquet")
    for path in (csv, tmp_path / "a.parquet"):
        table = read_activities(path)
        assert [a.name for a in table.activities] == ["hatch", "crew", "oxygen_generation"]
        hatch, crew, oxygen = table.activities
        assert (hatch.hatch, hatch.state, hatch.value) == ("prk-zvezda", "closed", None)
        assert (crew.value, crew.unit) == (0.0, "count")
        assert oxygen.value == pytest.approx(1e-4)
        assert (oxygen.unit, oxygen.gas) == ("kg/s", "O2")
        assert table.rejected == {RejectReason.BAD_TIME: 1}
    with pytest.raises(InputError, match="has no column 'activity'"):
        read_activities(write(tmp_path / "b.csv", "time\n1\n"))


@given(
    lines=st.lists(st.text("0123456789.,:-TZ\"' nainfzvezda.pressure\t", max_size=40), max_size=6)
)
def test_no_rows_whatever_raise_or_give_unreal_readings(tmp_path_factory, station, lines):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    write(path, "\n".join(["time,channel,value", *lines, ""]))
    samples = read_telemetry([path], station).samples
    assert np.isfinite(samples.value).all()
    assert np.isfinite(samples.time_s).all()
