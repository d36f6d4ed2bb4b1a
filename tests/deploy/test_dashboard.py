import json
import re
import sys
from math import prod

import pytest
import yaml

from tests.deploy.conftest import (
    DASHBOARD,
    EXPOSITION,
    ROOT,
    RULES,
    dashboard_expressions,
    poll,
    query,
    run,
)

BOARD = json.loads(DASHBOARD.read_text())
PANELS = [panel for panel in BOARD["panels"] if panel["type"] != "row"]


def test_the_dashboard_is_what_its_generator_writes():
    written = run(sys.executable, "-m", "deploy.grafana.generate", cwd=ROOT)
    assert written == DASHBOARD.read_text(), (
        "run `python -m deploy.grafana.generate > deploy/grafana/dashboards/hullwatch.json`"
    )


@pytest.mark.parametrize("name", dashboard_expressions())
def test_every_dashboard_expression_has_data_in_a_real_prometheus(name, stand_in_prometheus):
    expression = dashboard_expressions()[name]
    assert poll(lambda: query(stand_in_prometheus, expression), bool), expression


def test_the_shipped_leak_growth_alert_fires_in_a_real_prometheus(stand_in_prometheus):
    firing = 'ALERTS{alertname="HullwatchLeakGrowth",alertstate="firing"}'
    (alert,) = poll(lambda: query(stand_in_prometheus, firing), bool)
    assert alert["metric"]["atmosphere"] == "zvezda"


def test_every_metric_of_rules_and_dashboard_is_one_the_daemon_exposes():
    metric = re.compile(r"(?<![:\w])hullwatch_\w+(?!\w|:)")
    exposed = set(metric.findall(EXPOSITION.read_text()))
    expressions = [
        r["expr"] for g in yaml.safe_load(RULES.read_text())["groups"] for r in g["rules"]
    ]
    used = set(metric.findall("\n".join([*expressions, *dashboard_expressions().values()])))
    assert used
    assert used <= exposed


def test_every_panel_says_what_it_shows_in_which_unit_from_the_chosen_datasource():
    for panel in PANELS:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]


def test_panels_fit_side_by_side_without_overlap():
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        grid = panel["gridPos"]
        x, y = grid.get("x", 0), grid.get("y", 0)
        cells = {(x + dx, y + dy) for dx in range(grid["w"]) for dy in range(grid["h"])}
        assert x + grid["w"] <= 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells


def test_panel_numbers_are_unique():
    numbers = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize(
    ("title", "alert"),
    [
        ("Reserve time to evacuation", "HullwatchReserveTimeLow"),
        ("Oldest section", "HullwatchSectionSilent"),
        ("Refused share", "HullwatchSamplesRejected"),
    ],
)
def test_thresholds_of_panels_are_those_of_the_alerts(title, alert):
    (panel,) = (panel for panel in PANELS if panel["title"] == title)
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    rules = [r for g in yaml.safe_load(RULES.read_text())["groups"] for r in g["rules"]]
    limits = {
        prod(float(factor) for factor in re.split("[<>]", rule["expr"])[1].split("*"))
        for rule in rules
        if rule.get("alert") == alert
    }
    assert {step["value"] for step in steps if step.get("value") is not None} == limits
