"""What a config might say instead is read and checked like a config."""

from pathlib import Path

import pytest

from service.core.events import Severity
from service.errors import ConfigError, InputError
from service.settings.build import policy_of
from service.settings.load import load
from service.settings.what_ifs import read_what_if

CONFIG = Path(__file__).parents[2] / "config"
SHIPPED = sorted((CONFIG / "what_ifs").glob("*.yaml"))


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "if.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
@pytest.mark.parametrize("config", ["iss.yaml", "demo.yaml"])
def test_a_shipped_what_if_fits_the_shipped_configs_and_changes_something(path, config):
    settings = load(CONFIG / config)
    what_if = read_what_if(path)
    assert what_if.name == path.stem
    assert what_if.policy(settings) != policy_of(settings)


def test_its_overrides_come_after_those_of_the_config(tmp_path):
    settings = load(CONFIG / "iss.yaml")
    what_if = read_what_if(
        written(
            tmp_path,
            "rule_overrides:\n"
            "  - {rule: leak_growth, change: {at_least_kg_per_day: {caution: 8.64}}}\n",
        )
    )
    (rule,) = (r for r in what_if.policy(settings).rules if r.name == "leak_growth")
    assert rule.thresholds == {Severity.CAUTION: pytest.approx(1e-4)}
    assert len(what_if.policy(settings).rules) == len(settings.rules)


def test_its_rules_stand_for_all_that_there_were(tmp_path):
    text = "rules: [{name: hush, kind: silence, silent_s: {advisory: 60}, response: listen}]\n"
    policy = read_what_if(written(tmp_path, text)).policy(load(CONFIG / "iss.yaml"))
    assert [rule.name for rule in policy.rules] == ["hush"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("growht: {false_alarm_interval_days: 3}", "did you mean 'growth'?"),
        ("station: iss", "there is no such key"),
        ("growth: {false_alarm_interval_days: 0}", "growth.false_alarm_interval_days: must be"),
        ("rule_overrides: [", "if.yaml:"),
        ("", "is empty"),
    ],
)
def test_a_faulty_what_if_is_told_with_its_place(tmp_path, text, said):
    with pytest.raises(ConfigError) as raised:
        read_what_if(written(tmp_path, text))
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rule_overrides: [{rule: leak_growth, within: [attic], disabled: true}]", "'attic'"),
        (
            "rules: [{name: a, kind: silence, silent_s: {advisory: 60}, response: b, sections: [attic]}]",
            "'attic'",
        ),
    ],
)
def test_a_place_that_a_station_does_not_have_is_told(tmp_path, text, said):
    what_if = read_what_if(written(tmp_path, text))
    with pytest.raises(ConfigError) as raised:
        what_if.policy(load(CONFIG / "iss.yaml"))
    assert said in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_what_if(tmp_path / "none.yaml")
