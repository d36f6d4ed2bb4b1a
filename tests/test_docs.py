"""What README.md and CONTRIBUTING.md show is what the code does."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.cli import cli
from service.core.alerts import TRANSITIONS, Input, Transition, Wait
from service.core.conditions import Conditions
from service.core.events import AlertState
from service.core.views import MonitorView
from service.outputs.families import Reading, families
from service.rule_tests import run_tests
from service.scoring.truths import ChangeKind, truth_of
from service.settings.build import policy_of, station_of
from service.settings.faults import variable
from service.settings.load import load
from service.settings.rule_files import RuleFile
from service.settings.rules import DEFAULT_RULES
from service.settings.schema import Settings
from service.sources.decode import Decoder, Message
from service.sources.tables import read_activities
from service.sources.topics import TopicTemplate

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = {
    name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md")
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands(program: str) -> list[list[str]]:
    """Return the arguments of every call of the program in the shell blocks."""
    lines = "\n".join(blocks("sh")).replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[1:] for line in words if line[:1] == [program]]


def rows(*first_cells: str) -> list[list[str]]:
    """Return the rows of the table with these column heads."""
    head = f"| {' | '.join(first_cells)} |\n"
    assert head in README, f"README.md has no table with the head {head}"
    table = README.partition(head)[2].partition("\n\n")[0].splitlines()[1:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


def environment() -> list[str]:
    return sorted(set(re.findall(r"HULLWATCH_\w+", README)) - {"HULLWATCH_SECRETS_DIR"})


@pytest.fixture(autouse=True)
def secrets(tmp_path, monkeypatch):
    """Leave nothing in the environment, and give the secrets that the examples need."""
    for name in environment():
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name in ("influx_token", "webhook_secret", "notify_duty_urls", "notify_office_urls"):
        (folder / name).write_text("secret")
    monkeypatch.setenv("HULLWATCH_SECRETS_DIR", str(folder))


def settings_of(document: Mapping[str, Any], folder: Path) -> Settings:
    path = folder / "station.yaml"
    path.write_text(yaml.safe_dump(dict(document)), encoding="utf-8")
    return load(path)


@pytest.mark.parametrize("arguments", commands("hullwatch"), ids=" ".join)
def test_every_command_in_the_readme_can_be_given(arguments):
    name, *rest = arguments
    assert name in cli.commands
    cli.commands[name].make_context(name, rest)


def test_the_readme_shows_every_command():
    assert {arguments[0] for arguments in commands("hullwatch")} >= set(cli.commands)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_make_target_named_is_in_the_makefile(document):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    assert set(re.findall(r"\bmake (\w+)`", DOCUMENTS[document])) <= targets
    assert {a[0] for a in commands("make")} <= targets


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_linked_to_or_named_is_there(document):
    linked = re.findall(r"\]\(([^)#]+)\)", DOCUMENTS[document])
    named = re.findall(
        r"\b(?:config|deploy|service|simulators|tests)/[\w./-]*\w", DOCUMENTS[document]
    )
    missing = [name for name in {*linked, *named} if not (ROOT / name).exists()]
    assert not missing


def test_the_example_config_is_whole_and_what_is_laid_over_it_fits(tmp_path):
    whole, *additions = (b for b in map(yaml.safe_load, blocks("yaml")) if "tests" not in b)
    settings_of(whole, tmp_path)
    assert additions
    (tmp_path / "my_rules.yaml").write_text("rules: []", encoding="utf-8")
    for addition in additions:
        settings_of(whole | addition, tmp_path)


def test_the_example_of_a_file_of_rules_passes_its_test(tmp_path):
    whole = yaml.safe_load(blocks("yaml")[0])
    (shown,) = (block for block in blocks("yaml") if "tests" in yaml.safe_load(block))
    (tmp_path / "my_rules.yaml").write_text(shown, encoding="utf-8")
    settings = settings_of(whole | {"rule_files": ["my_rules.yaml"]}, tmp_path)
    tests = RuleFile(**yaml.safe_load(shown)).tests
    outcomes = list(run_tests(station_of(settings), policy_of(settings), tests))
    assert [misses for _, misses in outcomes] == [[]]


def test_every_environment_variable_named_sets_a_key():
    known = {variable(tuple(key.split("."))) for key, _ in keys(Settings.model_json_schema())}
    assert set(environment()) - {"HULLWATCH_"} <= known


def test_every_message_shown_is_taken_by_the_daemon_of_the_example(tmp_path):
    settings = settings_of(yaml.safe_load(blocks("yaml")[0]), tmp_path)
    station = station_of(settings)
    telemetry = TopicTemplate("{station}/{section}/{quantity}", station=station.name)
    activity = TopicTemplate("{station}/activity", station=station.name)
    decoder = Decoder(station, telemetry=telemetry, activity=activity)
    shown = commands("mosquitto_pub")
    assert shown
    for words in shown:
        topic, payload = (words[words.index(option) + 1] for option in ("-t", "-m"))
        message = Message(topic=topic, payload=payload.encode(), received_s=1.7e9)
        delivery = decoder.decode([message])
        assert not delivery.rejected, delivery.rejected
        assert len(delivery.samples) or delivery.activities


def test_the_activities_shown_are_read_and_understood(tmp_path):
    path = tmp_path / "activities.jsonl"
    path.write_text(blocks("json")[0], encoding="utf-8")
    table = read_activities(path)
    assert not table.rejected
    parts = {
        "sections": {"lock": {"volume_m3": 10}, "node": {"volume_m3": 80}},
        "hatches": {"lock-node": {"between": ["lock", "node"]}},
        "channels": {"node.p": {"section": "node", "kind": "pressure", "unit": "mmHg"}},
    }
    settings = settings_of(yaml.safe_load(blocks("yaml")[0]) | parts, tmp_path)
    conditions = Conditions(station_of(settings))
    assert table.activities
    assert all(conditions.apply(activity).understood for activity in table.activities)


def test_the_truth_shown_is_a_growth_and_its_repair():
    shown = {"start": 0.0, "end": 1.0} | json.loads(blocks("json")[1])
    kinds = [change.kind for change in truth_of(shown).changes]
    assert kinds == [ChangeKind.GROWTH, ChangeKind.REPAIR]


def test_the_table_of_metrics_is_what_the_daemon_exports():
    view = MonitorView(
        now_s=None, sections=(), atmospheres=(), hatches={}, alerts=(), last_sample_s={}
    )
    reading = Reading(version="0", view=view, samples={}, alert_events={}, sources=(), outputs={})
    exported = {
        family.name + ("_total" if family.type == "counter" else "") for family in families(reading)
    }
    listed = {cell.strip("`").partition("{")[0] for cell, *_ in rows("Metric", "Says")}
    assert listed == exported


def test_the_life_of_an_alert_in_the_readme_is_that_of_the_code():
    assert rows("State", "What leads on") == [
        [f"`{state}`", _ways_out(state)] for state in AlertState
    ]
    (drawn,) = (block for block in blocks("mermaid") if block.startswith("stateDiagram"))
    assert drawn == _diagram()


def _ways_out(state: AlertState) -> str:
    return "; ".join(
        f"{what.value.replace('_', ' ')}: {_way(TRANSITIONS[state, what])}"
        for what in Input
        if TRANSITIONS[state, what].event is not None
    )


def _way(taken: Transition) -> str:
    wait = {
        Wait.NOTHING: "",
        Wait.HOLD: " after `hold_s`",
        Wait.KEEP: " after `keep_firing_s`",
        Wait.FADE: " once none is within `hold_within_s`",
    }
    to = f"`{taken.to.value}`"
    if taken.at_rest is not None:
        to += f" if the breach stands, else `{taken.at_rest.value}`"
    assert taken.event is not None
    return f"{to}, *{taken.event.value.replace('_', ' ')}*{wait[taken.wait]}"


def _diagram() -> str:
    lines = ["stateDiagram-v2", "    [*] --> normal"]
    for state in AlertState:
        ways: dict[AlertState, list[str]] = {}
        for what in Input:
            taken = TRANSITIONS[state, what]
            for to in (taken.to, taken.at_rest):
                if to is not None and to is not state:
                    ways.setdefault(to, []).append(what.value.replace("_", " "))
        lines += [f"    {state} --> {to} : {', '.join(words)}" for to, words in ways.items()]
    return "\n".join(lines) + "\n"


def test_the_shipped_rules_in_the_readme_are_those_of_the_code():
    told = {
        row[0].strip("`"): row[1].strip("`") for row in rows("Rule", "Kind", "Shipped thresholds")
    }
    assert told == {rule.name: rule.kind for rule in DEFAULT_RULES}


def test_the_table_of_keys_is_that_of_the_schema():
    told = rows("Key", "Default", "Meaning")
    assert told == [
        [f"`{key}`", _default(node), node.get("description", "which kind of rule it is")]
        for key, node in keys(Settings.model_json_schema())
    ]


def _default(node: Mapping[str, Any]) -> str:
    if "default" not in node:
        return "required"
    plain = node["default"]
    return "none" if plain in (None, "", [], {}) else f"`{str(plain).lower()}`"


def node_of(known: Mapping[str, Any], node: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a node stands for: the model that it refers to, or itself."""
    if "anyOf" in node:
        return node_of(known, node["anyOf"][0])
    found: Mapping[str, Any] = known[node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    return found


def keys(schema: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Return every key of a config that holds a value, with its node of the schema."""

    def resolved(node: Mapping[str, Any]) -> Mapping[str, Any]:
        return node_of(schema["$defs"], node)

    def below(node: Mapping[str, Any], path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for name, child in node["properties"].items():
            here, inner = f"{path}{name}", resolved(child)
            entries = inner.get("additionalProperties")
            if "properties" in inner:
                yield from below(inner, f"{here}.")
            elif name == "rules":
                yield from rules(child["items"]["discriminator"]["mapping"])
            elif "$ref" in inner.get("items", {}):
                yield from below(resolved(inner["items"]), f"{here}[].")
            elif isinstance(entries, dict) and "properties" in resolved(entries):
                yield from below(resolved(entries), f"{here}.NAME.")
            else:
                yield here, child

    def rules(kinds: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        found = {k: dict(below(resolved({"$ref": ref}), "")) for k, ref in kinds.items()}
        common = set.intersection(*map(set, found.values()))
        first = next(iter(found.values()))
        yield from ((f"rules[].{name}", first[name]) for name in first if name in common)
        for kind, own in found.items():
            yield from (
                (f"rules[].{name} ({kind})", node)
                for name, node in own.items()
                if name not in common
            )

    return list(below(schema, ""))
