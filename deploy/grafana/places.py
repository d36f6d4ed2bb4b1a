# ruff: noqa: INP001  # run from the repository, in no package that is installed
"""The rows that tell where a leak is, what else changed the air, and how the coolant loops are."""

from typing import Final

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as model

from deploy.grafana.panels import number, plot, states, words

Panels = list[Builder[model.Panel]]

OF_LOOPS: Final = (
    "* on (instance, job, atmosphere) group_left () (0 * label_replace(hullwatch_coolant_mass_grams, "
    '"atmosphere", "$1", "loop", "(.*)") + 1)'
)
RESERVE_LEVELS: Final = (
    (None, "red"),
    (86400, "orange"),
    (259200, "green"),
)  # as shipped, 24 h, 72 h


def isolation() -> Panels:
    """Return the row of what closed hatches and the other causes tell."""
    return [
        plot(
            "Where the leak is",
            "Probability that the leak is in the section, by the closures so far; what they lack to "
            "1 is that of no one section.",
            {"{{section}}": "hullwatch_leak_suspect_probability_ratio"},
            unit="percentunit",
            levels=((None, "transparent"), (0.95, "red")),
        ),
        states(
            "Isolation tests",
            "Whether a closed hatch is being watched as a test of where the leak is.",
            {"test": "hullwatch_isolation_test_running"},
            words({"1": ("under way", "blue"), "0": ("none", "transparent")}),
        ),
        number(
            "Doubts about closed sections",
            "Closed sections whose loss may be a phantom, or that may be fed past a seal; the status "
            "page says which and why.",
            {"doubts": "hullwatch_isolation_doubts"},
            unit="none",
            levels=((None, "green"), (1, "orange")),
            width=4,
        ).height(8),
        states(
            "Sensors",
            "Whether each sensor agrees with the others of its gas; a doubted one is left out.",
            {"{{channel}}": "hullwatch_sensor_trusted"},
            words({"1": ("agrees", "green"), "0": ("doubted", "orange")}),
        ).span(10),
        plot(
            "What changed the air",
            "Times a day that a cause was recognised, a leak or not; see cause.named in the log.",
            {"{{cause}}": "sum by (cause) (increase(hullwatch_causes_named_total[1d])) > 0"},
            unit="none",
            width=10,
        ),
    ]


def loops() -> Panels:
    """Return the row of the coolant loops."""
    return [
        plot(
            "Coolant",
            "Coolant in the accumulator of each loop, its expansion taken out.",
            {"{{loop}}": "hullwatch_coolant_mass_grams / 1000"},
            unit="masskg",
            width=8,
        ),
        plot(
            "Loss of coolant",
            "Coolant lost per hour by each loop, with its 95 % interval.",
            {
                "{{atmosphere}}": f"3.6 * hullwatch_leak_rate_grams_per_second {OF_LOOPS}",
                "{{atmosphere}} low": (
                    f"3.6 * hullwatch_leak_rate_lower_bound_grams_per_second {OF_LOOPS}"
                ),
                "{{atmosphere}} high": (
                    f"3.6 * hullwatch_leak_rate_upper_bound_grams_per_second {OF_LOOPS}"
                ),
            },
            unit="suffix: kg/h",
            width=8,
        ),
        plot(
            "Reserve time of the loops",
            "Time until each loop holds no more than its pump needs, with its 95 % band.",
            {
                "{{atmosphere}}": 'hullwatch_reserve_time_seconds{floor="coolant"}',
                "{{atmosphere}} at least": (
                    'hullwatch_reserve_time_lower_bound_seconds{floor="coolant"}'
                ),
            },
            unit="s",
            levels=RESERVE_LEVELS,
            width=8,
        ),
    ]
