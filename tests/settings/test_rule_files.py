"""Rules can stand in files of their own, which are checked and tried like the config."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from service.cli import cli
from service.errors import ConfigError
from service.settings.load import load
from service.settings.rule_files import RuleFile
from service.settings.rules import DEFAULT_RULES

CONFIG = Path(__file__).parents[2] / "config"
SHIPPED = {name: CONFIG / "rules" / f"{name}.yaml" for name in ("iss", "coolant")}
STATION = """
station: s
sections: {a: {volume_m3: 100}, b: {volume_m3: 10}}
hatches: {a-b: {between: [a, b]}}
channels:
  a.pressure: {section: a, kind: pressure, unit: kPa}
  b.pressure: {section: b, kind: pressure, unit: kPa}
"""
LOW = """
rules:
- {name: low, kind: limit, below_mmhg: {caution: 734}, hold_s: 300, response: Look.}
tests:
- name: it alerts at a low pressure
  series: {a.pressure: {0m: 99, 9m: 99, 10m: 97, 30m: 97}}
  expect:
  - {at: 9m, rule: low}
  - {at: 20m, rule: low, alerts: [{atmosphere: a, severity: caution}]}
"""


@pytest.fixture
def checked(tmp_path: Path):
    """Check a config that names one file of rules."""

    def run(rules: str, *words: str, config: str = "") -> Result:
        (tmp_path / "rules.yaml").write_text(rules, encoding="utf-8")
        path = tmp_path / "config.yaml"
        path.write_text(f"{STATION}\nrule_files: [rules.yaml]\n{config}", encoding="utf-8")
        return CliRunner().invoke(cli, ["check", "-c", str(path), *words])

    return run


def shipped() -> list[RuleFile]:
    return [
        RuleFile(**yaml.safe_load(path.read_text(encoding="utf-8"))) for path in SHIPPED.values()
    ]


def test_the_shipped_files_hold_the_rules_that_hold_without_any():
    assert tuple(rule for file in shipped() for rule in file.rules) == DEFAULT_RULES


def test_every_shipped_rule_has_a_test_in_which_it_alerts_and_one_in_which_it_is_quiet():
    expected = [e for file in shipped() for test in file.tests for e in test.expect]
    active = {e.rule for e in expected if any(a.state == "unacknowledged" for a in e.alerts)}
    quiet = {e.rule for e in expected if not e.alerts}
    names = {rule.name for rule in DEFAULT_RULES}
    assert active == names
    assert quiet == names - {"silence"}  # quiet for one atmosphere while the other one alerts


@pytest.mark.slow
@pytest.mark.parametrize(("name", "tests"), [("iss", 16), ("coolant", 5)])
def test_the_shipped_rules_pass_their_tests(name, tests):
    config = CONFIG / f"{name}.yaml"
    words = ["check", "-c", str(config), "--rules", str(SHIPPED[name]), "--test"]
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.stdout
    assert result.stdout.endswith(f"{tests} tests, 0 failed\n")


def test_a_test_that_fails_says_what_was_and_exits_with_one(checked):
    assert checked(LOW, "--test").exit_code == 0
    result = checked(LOW.replace("734", "720"), "--test")
    assert result.exit_code == 1
    assert "low at 20m: expected caution unacknowledged in a, was no alert" in result.stdout
    assert result.stdout.endswith("1 test, 1 failed\n")


def test_without_the_option_no_test_is_run(checked):
    result = checked(LOW.replace("734", "720"))
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 1)


def test_activities_of_a_test_reach_the_rules(checked):
    told = LOW.replace(
        "  expect:",
        "  activities: [{at: 5m, activity: repressurisation, state: start}]\n  expect:",
    ).replace("hold_s: 300,", "hold_s: 300, suppressed_by: [repressurisation],")
    result = checked(told, "--test")
    assert "was caution suppressed in a" in result.stdout


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "response: Look.",
            "respons: Look.",
            "rules.yaml:3: rules.0.respons: there is no such key",
        ),
        ("at: 9m", "at: soon", "rules.yaml:8: tests.0.expect.0.at: 'soon' is no span of time"),
        ("kind: limit", "kind: limits", "rules.yaml:3: rules.0.kind: there is no kind 'limits'"),
        (
            "hold_s: 300",
            "sections: [c]",
            "rules.yaml:3: rules.0.sections.0: there is no section 'c'",
        ),
        ("rules:", "rules: [", "rules.yaml:3: is not YAML"),
    ],
)
def test_a_fault_of_a_rule_file_is_told_with_file_and_line(checked, old, new, problem):
    result = checked(LOW.replace(old, new))
    assert result.exit_code == 2
    assert problem in result.stderr


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("a.pressure:", "c.pressure:", "there is no channel 'c.pressure'"),
        ("rule: low", "rule: high", "there is no rule 'high'"),
        ("  expect:", "  activities: [{activity: crew}]\n  expect:", "an activity happens at None"),
        (
            "  expect:",
            "  activities: [{at: 5m, activity: crew, value: many}]\n  expect:",
            "is not a finite number",
        ),
    ],
)
def test_a_test_that_cannot_be_run_is_told(checked, old, new, problem):
    result = checked(LOW.replace(old, new), "--test")
    assert result.exit_code == 2
    assert problem in result.stderr


def test_rules_of_files_join_those_of_the_config_and_no_name_stands_twice(checked, tmp_path):
    quiet = "rules: [{name: quiet, kind: silence, silent_s: {advisory: 60}, response: Listen.}]"
    assert checked(LOW, config=quiet).exit_code == 0
    settings = load(tmp_path / "config.yaml")
    assert [rule.name for rule in settings.rules] == ["quiet", "low"]
    assert checked(LOW).exit_code == 0
    assert [rule.name for rule in load(tmp_path / "config.yaml").rules] == ["low"]
    checked(LOW, config=quiet.replace("name: quiet", "name: low"))
    with pytest.raises(ConfigError, match="two rules are named 'low'"):
        load(tmp_path / "config.yaml")
