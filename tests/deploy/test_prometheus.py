import re

import pytest
import yaml

from service.settings.rules import DEFAULT_RULES
from tests.deploy.conftest import DEPLOY, ROOT, RULES, run

UNIT_TESTS = sorted((DEPLOY / "prometheus/tests").glob("*.yml"))
ALERTS = [
    rule
    for group in yaml.safe_load(RULES.read_text())["groups"]
    for rule in group["rules"]
    if "alert" in rule
]
NAMES = sorted({rule["alert"] for rule in ALERTS})


def heading_anchors(markdown):
    headings = re.findall(r"^#+ (.+)$", markdown, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_rules_have_no_lint():
    assert "rules found" in run("promtool", "check", "rules", "--lint=all", "--lint-fatal", RULES)


def test_the_shipped_config_is_valid():
    run("promtool", "check", "config", DEPLOY / "prometheus/prometheus.yml")


@pytest.mark.parametrize("file", UNIT_TESTS, ids=lambda file: file.stem)
def test_rules_fire_and_keep_quiet_as_their_unit_tests_say(file):
    run("promtool", "test", "rules", file)


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_is_seen_firing_in_a_unit_test(name):
    text = "".join(file.read_text() for file in UNIT_TESTS)
    assert f"runbook_url: deploy/RUNBOOK.md#{name.lower()}" in text or (
        f'alertname="{name}",alertstate="firing"' in text
    ), f"no test in deploy/prometheus/tests/ sees {name} firing"


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_tells_how_bad_it_is_and_where_to_read_on(rule):
    assert rule["alert"].startswith("Hullwatch")
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"]["summary"].endswith(".")
    assert rule["annotations"]["description"].endswith(".")
    path, anchor = rule["annotations"]["runbook_url"].split("#")
    assert anchor == rule["alert"].lower()
    assert anchor in heading_anchors((ROOT / path).read_text())


def test_the_growth_alert_knows_the_shipped_growth_rules_by_their_name():
    (alert,) = (rule for rule in ALERTS if rule["alert"] == "HullwatchLeakGrowth")
    (pattern,) = re.findall(r'rule=~"([^"]+)"', alert["expr"])
    known = {rule.name for rule in DEFAULT_RULES if re.fullmatch(pattern, rule.name)}
    assert known == {rule.name for rule in DEFAULT_RULES if rule.kind == "leak_growth"}
