import asyncio
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt
import numpy as np
import orjson
import polars as pl
import pytest
from click.testing import CliRunner

from service.commands.simulate import simulate
from service.core.samples import SampleBatch
from service.core.station import Channel, ChannelKind, Station
from service.core.units import unit_of
from service.outputs.line_protocol import LineProtocol
from simulators.lines import line_frame
from simulators.publish import PublishError, messages_of, publish, run_simulate
from simulators.scenario import load
from simulators.station import Simulation
from simulators.tables import TableError, telemetry_frame

WINDOW = {
    "start": datetime(2024, 2, 8, 5, tzinfo=UTC),
    "end": datetime(2024, 2, 8, 7, tzinfo=UTC),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """One run in every format."""
    folder: Path = tmp_path_factory.mktemp("tables")
    for ending in ("csv", "csv.gz", "csv.zst", "jsonl", "jsonl.gz", "jsonl.zst", "parquet"):
        run_simulate(
            scenario="demo_2024_02",
            seed=9,
            out=str(folder / f"telemetry.{ending}"),
            activities=str(folder / f"activities.{ending}"),
            truth=str(folder / "truth.json"),
            config=str(folder / "config.yaml"),
            end=datetime(2024, 1, 30, tzinfo=UTC),
        )
    return folder


def read_station(simulation) -> Station:
    """Describe the channels of a simulation to the service."""
    channels = tuple(
        Channel(name=name, section=c.section, kind=ChannelKind(c.kind), unit=c.unit)
        for name, c in simulation.scenario.channels.items()
    )
    return Station(
        name=simulation.scenario.station,
        sections=(),
        hatches=(),
        channels=channels,
        accepted_leak_kg_per_s=0.0,
    )


@pytest.mark.parametrize("table", ["telemetry", "activities"])
def test_csv_json_lines_and_parquet_hold_the_same_rows(folder, table):
    parquet = pl.read_parquet(folder / f"{table}.parquet")
    assert len(parquet) > 5
    assert pl.read_csv(folder / f"{table}.csv", schema=parquet.schema).equals(parquet)
    lines = pl.read_ndjson(folder / f"{table}.jsonl", schema=parquet.schema)
    assert lines.equals(parquet)


@pytest.mark.parametrize("name", ["telemetry.csv", "telemetry.jsonl", "activities.csv"])
def test_a_compressed_table_holds_the_plain_one(folder, name):
    assert gzip.decompress((folder / f"{name}.gz").read_bytes()) == (folder / name).read_bytes()


def test_a_table_packed_by_zstandard_holds_the_plain_one(folder):
    plain = pl.read_csv(folder / "telemetry.csv")
    assert pl.read_csv(folder / "telemetry.csv.zst").equals(plain)
    assert pl.read_ndjson(folder / "activities.jsonl.zst").equals(
        pl.read_ndjson(folder / "activities.jsonl")
    )


def test_line_protocol_has_the_lines_that_hullwatch_writes_of_the_same_samples():
    simulation = Simulation(load("demo_2024_02"), 9, end=datetime(2024, 1, 29, tzinfo=UTC))
    scenario = simulation.scenario
    writer = LineProtocol(read_station(simulation))
    units = [unit_of(channel.unit) for channel in scenario.channels.values()]
    scale, offset = (np.array([getattr(u, k) for u in units]) for k in ("scale", "offset"))
    for part in simulation.slices():
        batch = SampleBatch(
            channel=part.channel,
            time_s=part.time_s,
            received_s=part.received_s,
            value=part.value * scale[part.channel] + offset[part.channel],
            quality=part.quality,
        )
        expected = [line.decode() for line in writer.samples(batch)]
        assert line_frame(scenario, part)["line"].to_list() == expected


def test_line_protocol_is_for_telemetry(tmp_path):
    with pytest.raises(TableError, match="line protocol holds telemetry"):
        run_simulate(
            scenario="demo_2024_02",
            out=str(tmp_path / "t.lp"),
            activities=str(tmp_path / "activities.lp"),
        )
    run_simulate(
        scenario="demo_2024_02",
        out=str(tmp_path / "t.lp"),
        end=datetime(2024, 1, 28, 0, 2, tzinfo=UTC),
    )
    lines = (tmp_path / "t.lp").read_text().splitlines()
    assert lines[0].startswith("sample,channel=prk.pressure,section=prk,station=iss value=")
    assert lines[-1].endswith(",quality=0i 1706400060000000")


def test_a_late_sample_tells_when_it_came(toy):
    late = toy(end="2024-02-01T01:00:00Z", faults=[{"fault": "late", "size": 600, "share": 0.5}])
    frame = telemetry_frame(late, next(Simulation(late, 1).slices()))
    assert (frame["received"] > frame["time"]).any()
    assert frame["received"].str.to_datetime().is_sorted()


def test_the_table_has_the_columns_of_the_contract(folder):
    with (folder / "telemetry.csv").open() as lines:
        assert next(lines).strip() == "time,channel,value,unit,quality,received"
        assert next(lines).startswith("2024-01-28T00:00:00Z,prk.pressure,7")


def test_the_truth_is_json_with_rates_of_the_leaking_section(folder):
    truth = json.loads((folder / "truth.json").read_text())
    assert truth["seed"] == 9
    assert truth["leak_rate_kg_per_day"]["sections"]["prk"][0] == pytest.approx(0.16, abs=0.01)


def test_a_name_without_format_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(TableError, match=r"must end in \.csv"):
        run_simulate(scenario="demo_2024_02", out=str(tmp_path / "telemetry.xlsx"))


async def receive(port, topic, ready, until):
    """Collect messages until one satisfies a condition."""
    found = []
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe(topic, qos=1)
        ready.set()
        async for message in client.messages:
            found.append((str(message.topic), orjson.loads(message.payload)))
            if until(found):
                return found
    return found


async def test_a_broker_gets_every_sample_and_activity_in_order(broker):
    simulation = Simulation(load("demo_2024_02"), 1, **WINDOW)
    parts = list(simulation.slices())
    expected = [
        (topic, orjson.loads(payload))
        for part in parts
        for _, topic, payload in messages_of(simulation, part)
    ]
    ready = asyncio.Event()
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        listening = group.create_task(
            receive(broker, "iss/#", ready, lambda found: len(found) == len(expected))
        )
        await ready.wait()
        shares: list[float] = []
        await publish(simulation, "127.0.0.1", broker, progress=shares.append)
    assert listening.result() == expected
    assert shares[-1] == 1.0
    telemetry = [columns for topic, columns in expected if topic == "iss/all/telemetry"]
    assert len(telemetry) <= 120
    assert sum(len(columns["time"]) for columns in telemetry) == sum(len(p.time_s) for p in parts)
    assert all(len(c["time"]) == len(c["channel"]) == len(c["value"]) for c in telemetry)
    opened = expected.index(
        (
            "iss/activity",
            {
                "time": datetime(2024, 2, 8, 6, tzinfo=UTC).timestamp(),
                "activity": "hatch",
                "hatch": "prk-zvezda",
                "state": "open",
            },
        )
    )
    assert expected[opened + 1][1]["time"][0] == datetime(2024, 2, 8, 6, tzinfo=UTC).timestamp()


async def test_a_factor_spaces_the_messages(broker, toy):
    scenario = toy(end="2024-02-01T00:10:00Z")
    simulation = Simulation(scenario, 1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await publish(simulation, "127.0.0.1", broker, speed=600.0)
    assert loop.time() - began == pytest.approx(0.9, abs=0.3)


async def test_without_a_broker_the_error_names_it(toy):
    with pytest.raises(PublishError, match=r"127\.0\.0\.1:1 cannot be reached"):
        await publish(Simulation(toy(), 1), "127.0.0.1", 1)


def test_the_command_lists_and_writes_and_mixes_on_standard_output():
    runner = CliRunner()
    listed = runner.invoke(simulate, ["--list"])
    assert listed.exit_code == 0
    assert max(map(len, listed.stdout.splitlines())) <= 80  # a terminal of the usual width
    assert "zvezda_2024_02: Zvezda 2024, the jump of 8 February\n  A crack" in listed.stdout
    done = runner.invoke(
        simulate,
        ["demo_2024_02", "--out", "-", "--activities", "-", "--end", "2024-01-28T07:00Z"],
    )
    assert done.exit_code == 0
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    opened = next(i for i, r in enumerate(rows) if r.get("state") == "open" and "hatch" in r)
    assert all(r.get("received", r["time"]) < "2024-01-28T06:00:00Z" for r in rows[:opened])
    assert all(r.get("received", r["time"]) >= "2024-01-28T06:00:00Z" for r in rows[opened:])


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "name a SCENARIO"),
        (["demo_2024_02"], 2, "say where to"),
        (["zvezda", "--out", "-"], 2, "no scenario 'zvezda'"),
        (["demo_2024_02", "--mqtt", "localhost"], 2, "use HOST:PORT"),
        (["demo_2024_02", "--out", "-", "--speed", "fast"], 2, "use real, full or a factor"),
        (["demo_2024_02", "--out", "-", "--start", "noon"], 2, "use a date or time"),
        (["demo_2024_02", "--mqtt", "127.0.0.1:1"], 1, "cannot be reached"),
        (["demo_2024_02", "--out", "/nowhere/t.csv"], 1, "/nowhere/t.csv"),
    ],
)
def test_the_command_says_what_is_wrong_and_what_to_do(arguments, code, told):
    done = CliRunner().invoke(simulate, arguments)
    assert done.exit_code == code
    assert told in done.stderr
