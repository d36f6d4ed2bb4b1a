import asyncio
import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import aiomqtt
import orjson
import polars as pl
import pytest
from click.testing import CliRunner

from service.commands.simulate import simulate
from simulators.publish import PublishError, messages_of, publish, run_simulate
from simulators.scenario import load
from simulators.station import Simulation
from simulators.tables import TableError

WINDOW = {
    "start": datetime(2024, 2, 8, 5, tzinfo=UTC),
    "end": datetime(2024, 2, 8, 7, tzinfo=UTC),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """One run in every format."""
    folder: Path = tmp_path_factory.mktemp("tables")
    for ending in ("csv", "csv.gz", "jsonl", "jsonl.gz", "parquet"):
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
    assert "zvezda_2024_02" in listed.stdout
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
