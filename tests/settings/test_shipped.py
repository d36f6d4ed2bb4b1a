"""The shipped configs are sound and describe the stations that the scenarios simulate."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from pydantic import BaseModel

from service.commands.check import check
from service.settings import connections, escalations, judgements, rules, schema, stations
from service.settings.load import load
from simulators import scenario

HERE = Path(__file__).parent
CONFIG = HERE.parents[1] / "config"
SHIPPED = sorted(CONFIG.glob("*.yaml"))
UNITS = (
    *("_m3", "_l", "_s", "_h", "_days", "_mmhg", "_mmhg_per_min", "_kpa", "_kg", "_kg_per_day"),
    *("_kg_per_m3", "_per_k", "_bytes", "_percent"),
)
UNITLESS = {
    "off",
    "on",
    "port",
    "receive_maximum",
    "noise",
    "step",
}  # the last two: the channel's unit


def parts(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((CONFIG / name).read_text(encoding="utf-8"))
    return read


def simulated(name: str) -> dict[str, Any]:
    return scenario.config_of(scenario.load(name))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_check_finds_no_fault_in_a_shipped_config(path: Path) -> None:
    result = CliRunner().invoke(check, ["-c", str(path)])
    assert result.exit_code == 0
    assert ": no fault; station iss" in result.stdout
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.parametrize("key", ["station", "sections", "hatches", "channels", "clock"])
def test_the_demo_config_is_that_of_its_scenario(key: str) -> None:
    assert parts("demo.yaml")[key] == simulated("demo_2024_02")[key]


@pytest.mark.parametrize("key", ["station", "sections", "loops", "channels", "clock"])
def test_the_coolant_config_is_that_of_its_scenario(key: str) -> None:
    assert parts("coolant.yaml")[key] == simulated("coolant_loop")[key]


@pytest.mark.parametrize("key", ["sections", "hatches", "channels"])
def test_the_iss_config_is_that_of_its_scenario_and_the_shut_beam(key: str) -> None:
    written = parts("iss.yaml")[key]
    written.pop("beam", None)
    written.pop("beam-tranquility", None)
    assert written == simulated("zvezda_2024_02")[key]


@pytest.mark.parametrize(("name", "total_m3"), [("iss.yaml", 918), ("demo.yaml", 905)])
def test_the_volumes_add_up(name: str, total_m3: float) -> None:
    volumes = [section.volume_m3 for section in load(CONFIG / name).sections.values()]
    assert sum(volumes) == pytest.approx(total_m3, abs=0.5)


def test_check_tells_all_faults_and_exits_with_two() -> None:
    path = HERE / "bad" / "five_mistakes.yaml"
    result = CliRunner().invoke(check, ["-c", str(path)])
    assert result.exit_code == 2
    assert result.stderr.endswith(f"5 faults in {path}\n")
    assert (
        f"{path}:7: clock: 'wal' is not possible here\n    did you mean 'wall'?\n" in result.stderr
    )


def test_check_tells_a_missing_file_and_exits_with_two() -> None:
    result = CliRunner().invoke(check, ["-c", "nowhere.yaml"])
    assert result.exit_code == 2
    assert "nowhere.yaml: cannot be read" in result.stderr


def test_check_helps_with_an_example() -> None:
    assert "hullwatch check -c config/iss.yaml" in CliRunner().invoke(check, ["--help"]).stdout


@pytest.mark.parametrize("rule", rules.DEFAULT_RULES, ids=lambda rule: rule.name)
def test_the_runbook_has_a_section_for_a_shipped_rule(rule: rules.Rule) -> None:
    name, _, anchor = rule.runbook.partition("#")
    lines = (CONFIG.parent / name).read_text(encoding="utf-8").lower().splitlines()
    assert f"### {anchor}" in lines


def models() -> list[type[BaseModel]]:
    found = [
        value
        for module in (connections, escalations, judgements, rules, schema, stations)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, BaseModel) and value.model_fields
    ]
    return sorted(set(found), key=lambda model: model.__name__)


@pytest.mark.parametrize("model", models(), ids=lambda model: model.__name__)
def test_every_key_is_described_and_every_number_has_its_unit_in_its_name(
    model: type[BaseModel],
) -> None:
    for name, field in model.model_fields.items():
        assert field.description or name == "kind"
        if any(kind in str(field.annotation) for kind in ("float", "int")):
            assert name.endswith(UNITS) or name in UNITLESS
