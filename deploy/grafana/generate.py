# ruff: noqa: INP001  # run from the repository, in no package that is installed
"""Write the dashboard as JSON to standard output.

`python -m deploy.grafana.generate > deploy/grafana/dashboards/hullwatch.json`
"""

import json
import sys
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard, table, timeseries
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.grafana.panels import PLAIN, PROMETHEUS, number, plot, states, steps, words
from deploy.grafana.places import isolation, loops

Panels = list[Builder[model.Panel]]

HERE: Final = '{atmosphere=~"$atmosphere"}'
EVACUATION: Final = '{atmosphere=~"$atmosphere",floor="evacuation"}'
KG_PER_DAY: Final = "86.4 *"  # from g/s
MMHG: Final = "/ 133.322387415"  # from Pa

# The same thresholds as in deploy/prometheus/rules/hullwatch.yml; a test compares them.
RESERVE_WARNING_S: Final = 7 * 86400
RESERVE_CRITICAL_S: Final = 86400
SILENT_S: Final = 7800
REJECTED_RATIO: Final = 0.05
RESERVE_LEVELS: Final = (
    (None, "red"),
    (RESERVE_CRITICAL_S, "orange"),
    (RESERVE_WARNING_S, "green"),
)


def alerts() -> table.Panel:
    """Return the table of all alerts that are not at rest."""
    shown = {"severity": "Severity", "rule": "Rule", "atmosphere": "Atmosphere", "state": "State"}
    hidden = ("Time", "Value", "job", "instance", "__name__")
    return (
        table.Panel()
        .title("Alerts not at rest")
        .description(
            "Every alert of the daemon that is not normal, with its severity and its state. "
            "What to do about each is in deploy/RUNBOOK.md."
        )
        .datasource(PROMETHEUS)
        .height(6)
        .span(24)
        .unit("none")
        .thresholds(steps(*PLAIN))
        .no_value("No alert")
        .with_target(
            Dataquery()
            .expr(
                f"(hullwatch_alert_state{HERE} == 1) * on (job, instance, rule, atmosphere) "
                f"group_left (severity) (0 * hullwatch_alert_active{HERE} + 1)"
            )
            .format(PromQueryFormat.TABLE)
            .instant()
        )
        .with_transformation(
            model.DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": dict.fromkeys(hidden, True),
                    "indexByName": {label: i for i, label in enumerate(shown)},
                    "renameByName": shown,
                },
            )
        )
    )


def leak_rate() -> timeseries.Panel:
    """Return the plot of the leak rate within its interval, the bounds thin and dashed."""
    panel = plot(
        "Leak rate with its 95 % interval",
        "Mass of air lost per day by each atmosphere; positive is loss.",
        {
            "{{atmosphere}}": f"{KG_PER_DAY} hullwatch_leak_rate_grams_per_second{HERE}",
            "{{atmosphere}} low": (
                f"{KG_PER_DAY} hullwatch_leak_rate_lower_bound_grams_per_second{HERE}"
            ),
            "{{atmosphere}} high": (
                f"{KG_PER_DAY} hullwatch_leak_rate_upper_bound_grams_per_second{HERE}"
            ),
        },
        unit="suffix: kg/day",
    )
    return panel.override_by_regexp(
        "/ (low|high)$/",
        [
            model.DynamicConfigValue("custom.lineWidth", 1),
            model.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [6, 6]}),
        ],
    )


def build() -> model.Dashboard:
    """Return the dashboard, symptoms first, then what may cause them."""
    board = (
        dashboard.Dashboard("Hullwatch")
        .uid("hullwatch")
        .description("Leak, air, telemetry and outputs of a station watched by Hullwatch.")
        .tags(["hullwatch"])
        .readonly()
        .refresh("15s")
        .time("now-24h", "now")
        .timezone("utc")
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .with_variable(
            dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")
        )
        .with_variable(
            dashboard.QueryVariable("atmosphere")
            .label("Atmosphere")
            .description("Sections that share air, named after the largest of them.")
            .datasource(PROMETHEUS)
            .query("label_values(hullwatch_estimate_quality, atmosphere)")
            .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(model.VariableSort.ALPHABETICAL_ASC)
            .multi(multi=True)
            .include_all(include_all=True)
            .all_value(".*")
        )
        .annotation(
            dashboard.AnnotationQuery()
            .name("Prometheus alerts")
            .datasource(PROMETHEUS)
            .enable(enable=True)
            .icon_color("red")
            .expr(
                'ALERTS{alertname=~"Hullwatch.+",alertname!="HullwatchWatchdog",alertstate="firing"}'
            )
        )
    )
    rows: dict[str, Panels] = {
        "Now": now(),
        "Leak": leak(),
        "Where, and what else": isolation(),
        "Air": air(),
        "Coolant loops": loops(),
        "Telemetry": telemetry(),
        "Outputs and process": daemon(),
    }
    for title, panels in rows.items():
        board.with_row(dashboard.Row(title))
        for panel in panels:
            board.with_panel(panel)
    built = board.build()
    for position, placed in enumerate(built.panels or [], start=1):
        placed.id_val = position
    return built


def document() -> dict[str, Any]:
    """Return the dashboard as plain JSON values."""
    plain: dict[str, Any] = json.loads(json.dumps(build(), cls=JSONEncoder))
    for annotation in plain["annotations"]["list"]:
        # the typed query has no field for the title of a mark
        annotation["titleFormat"] = "{{alertname}} {{atmosphere}}"
    return plain


def now() -> Panels:
    """Return the row that answers: is it leaking, is it growing, how long have we got."""
    return [
        number(
            "Active alerts",
            "Alerts of the daemon that are unacknowledged or acknowledged.",
            {"alerts": f"count(hullwatch_alert_active{HERE} == 1) or vector(0)"},
            unit="none",
            levels=((None, "green"), (1, "red")),
            width=4,
        ),
        number(
            "Leak rate",
            "Mass of air lost per day by each atmosphere.",
            {"{{atmosphere}}": f"{KG_PER_DAY} hullwatch_leak_rate_grams_per_second{HERE}"},
            unit="suffix: kg/day",
            decimals=2,
        ),
        number(
            "Evidence of leak growth",
            "Statistic of the growth detector over its threshold: an alert is raised from 1 on.",
            {"{{atmosphere}}": f"hullwatch_leak_growth_statistic_ratio{HERE}"},
            unit="none",
            levels=((None, "green"), (0.8, "orange"), (1, "red")),
            decimals=2,
        ),
        number(
            "Reserve time to evacuation",
            "Time until the atmosphere reaches evacuation pressure at its present leak rate.",
            {"{{atmosphere}}": f"hullwatch_reserve_time_seconds{EVACUATION}"},
            unit="s",
            levels=RESERVE_LEVELS,
        ),
        number(
            "Oldest section",
            "Age of the newest sample of the section heard least recently.",
            {"age": "max(section:hullwatch_sample_age_seconds:min)"},
            unit="s",
            levels=((None, "green"), (SILENT_S, "red")),
        ),
        alerts(),
    ]


def leak() -> Panels:
    """Return the row of the leak over time."""
    return [
        leak_rate(),
        plot(
            "Evidence of leak growth",
            "Statistic of the growth detector over its threshold.",
            {"{{atmosphere}}": f"hullwatch_leak_growth_statistic_ratio{HERE}"},
            unit="none",
            levels=((None, "transparent"), (1, "red")),
        ),
        plot(
            "Leak growth",
            "Estimated change of the leak rate; only there while the evidence says anything.",
            {"{{atmosphere}}": f"{KG_PER_DAY} hullwatch_leak_growth_grams_per_second{HERE}"},
            unit="suffix: kg/day",
            width=9,
        ),
        number(
            "Onset of growth",
            "When the leak began to grow; only there while the evidence says anything.",
            {"{{atmosphere}}": f"1000 * hullwatch_leak_growth_onset_timestamp_seconds{HERE}"},
            unit="dateTimeAsIso",
            width=6,
        ).height(8),
        plot(
            "Reserve time",
            "Time until each pressure floor is reached at the present leak rate.",
            {"{{atmosphere}} to {{floor}}": f"hullwatch_reserve_time_seconds{HERE}"},
            unit="s",
            levels=RESERVE_LEVELS,
            width=9,
        ),
        plot(
            "Reserve time to evacuation, with its band",
            "95 % band: by the high end of the leak rate through a hole, by its low end through a crack.",
            {
                "{{atmosphere}}": f"hullwatch_reserve_time_seconds{EVACUATION}",
                "{{atmosphere}} at least": f"hullwatch_reserve_time_lower_bound_seconds{EVACUATION}",
                "{{atmosphere}} at most": f"hullwatch_reserve_time_upper_bound_seconds{EVACUATION}",
            },
            unit="s",
            levels=RESERVE_LEVELS,
        ),
        plot(
            "Equivalent hole",
            "Diameter of the hole that would lose as much, by its discharge coefficient, 1 to 0.6.",
            {
                "{{atmosphere}} from": f"1000 * hullwatch_equivalent_hole_lower_bound_meters{HERE}",
                "{{atmosphere}} to": f"1000 * hullwatch_equivalent_hole_upper_bound_meters{HERE}",
            },
            unit="suffix: mm",
        ),
    ]


def air() -> Panels:
    """Return the row of what the leak is derived from."""
    return [
        plot(
            "Pressure",
            "Newest accepted total pressure of each section.",
            {"{{section}}": f"hullwatch_pressure_pascals {MMHG}"},
            unit="suffix: mmHg",
            width=8,
        ),
        plot(
            "Temperature",
            "Newest accepted air temperature of each section.",
            {"{{section}}": "hullwatch_temperature_celsius"},
            unit="celsius",
            width=8,
        ),
        plot(
            "Air mass",
            "Mass of air in each atmosphere; it jumps when hatches join or part sections.",
            {"{{atmosphere}}": f"hullwatch_air_mass_grams{HERE} / 1000"},
            unit="masskg",
            width=8,
        ),
        states(
            "Hatches",
            "Which hatches stand open; they decide which sections share air.",
            {"{{hatch}}": "hullwatch_hatch_open"},
            words({"1": ("open", "green"), "0": ("closed", "blue")}),
        ),
        states(
            "Quality of the estimates",
            "good, learning (too little history) or stale (no new data) for each atmosphere.",
            {"{{atmosphere}} {{quality}}": f"hullwatch_estimate_quality{HERE}"},
            words({"1": ("yes", "green"), "0": ("no", "transparent")}),
        ),
    ]


def telemetry() -> Panels:
    """Return the row of what comes in."""
    return [
        plot(
            "Samples by outcome",
            "Samples per second of each source, accepted or refused with the reason.",
            {
                "{{source}} {{outcome}}": (
                    "sum by (source, outcome) (rate(hullwatch_samples_total[$__rate_interval]))"
                )
            },
            unit="suffix: /s",
        ),
        plot(
            "Refused share",
            "Share of refused samples over 15 minutes; people are told from 5 % on.",
            {"{{source}}": "source:hullwatch_samples_rejected:ratio_rate15m"},
            unit="percentunit",
            levels=((None, "transparent"), (REJECTED_RATIO, "orange")),
        ),
        plot(
            "Age of the newest sample",
            "How long each section has been silent, on the daemon's clock.",
            {"{{section}}": "section:hullwatch_sample_age_seconds:min"},
            unit="s",
            levels=((None, "transparent"), (SILENT_S, "red")),
            width=8,
        ),
        states(
            "Sources",
            "Whether each source is connected.",
            {"{{source}}": "hullwatch_source_up"},
            words({"1": ("connected", "green"), "0": ("lost", "red")}),
        ).span(8),
        plot(
            "Reconnections and lost sessions",
            "Per hour. A lost session means that the broker kept nothing while we were away.",
            {
                "{{source}} reconnected": "increase(hullwatch_source_reconnects_total[1h])",
                "{{source}} session lost": "increase(hullwatch_source_sessions_lost_total[1h])",
            },
            unit="none",
            width=8,
        ),
    ]


def daemon() -> Panels:
    """Return the row of what goes out and of the process itself."""
    return [
        plot(
            "Writes by outcome",
            "Records per second of each output.",
            {
                "{{output}} {{outcome}}": (
                    "sum by (output, outcome) (rate(hullwatch_output_writes_total[$__rate_interval]))"
                )
            },
            unit="suffix: /s",
            width=8,
        ),
        plot(
            "Waiting and lost records",
            "Length of each queue, and records dropped from it per hour.",
            {
                "{{output}} waiting": "hullwatch_output_queue_length",
                "{{output}} dropped": "increase(hullwatch_output_dropped_total[1h])",
            },
            unit="short",
            width=8,
        ),
        plot(
            "Alert events",
            "Changes of alerts per hour, by rule.",
            {
                "{{rule}} {{event}}": (
                    "sum by (rule, event) (increase(hullwatch_alert_events_total[1h]))"
                )
            },
            unit="none",
            width=8,
        ),
        plot(
            "Processor",
            "Processor time per second of the daemon.",
            {"{{instance}}": 'rate(process_cpu_seconds_total{job="hullwatch"}[$__rate_interval])'},
            unit="percentunit",
            width=8,
        ),
        plot(
            "Memory",
            "Resident memory of the daemon.",
            {"{{instance}}": 'process_resident_memory_bytes{job="hullwatch"}'},
            unit="bytes",
            width=8,
        ),
        number(
            "Last tick",
            "Event time up to which the monitor has judged; on a wall clock that is now.",
            {"{{instance}}": "1000 * hullwatch_last_tick_timestamp_seconds"},
            unit="dateTimeAsIso",
            width=4,
        ).height(8),
        number(
            "Version",
            "Version of the daemon.",
            {"{{version}}": "hullwatch_build_info"},
            unit="none",
            width=4,
            show_name=True,
        ).height(8),
    ]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(), indent=2, sort_keys=True) + "\n")
