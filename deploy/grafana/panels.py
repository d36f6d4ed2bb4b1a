# ruff: noqa: INP001  # run from the repository, in no package that is installed
"""The kinds of panel that the dashboard is made of."""

from typing import Final

from grafana_foundation_sdk.builders import (
    common,
    dashboard,
    stat,
    statetimeline,
    timeseries,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model

PROMETHEUS: Final = model.DataSourceRef(type_val="prometheus", uid="${datasource}")
Series = dict[str, str]
"""Legend to expression; `{{label}}` in the legend stands for the value of that label."""


def steps(*levels: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Return colours by value, each from its value upward; None is minus infinity."""
    return dashboard.ThresholdsConfig().steps(
        [model.Threshold(value=v, color=c) for v, c in levels]
    )


PLAIN: Final = ((None, "text"),)


def words(
    options: dict[str, tuple[str, str]], unknown: str = "unknown"
) -> list[model.ValueMapping]:
    """Return a mapping of values to (text, colour), where NaN is unknown."""
    return [
        model.ValueMap(
            {value: model.ValueMappingResult(text=t, color=c) for value, (t, c) in options.items()}
        ),
        model.SpecialValueMap(
            model.DashboardSpecialValueMapOptions(
                match=model.SpecialValueMatch.NULL_AND_NAN,
                result=model.ValueMappingResult(text=unknown, color="purple"),
            )
        ),
    ]


def number(
    title: str,
    description: str,
    series: Series,
    *,
    unit: str,
    levels: tuple[tuple[float | None, str], ...] = PLAIN,
    decimals: float | None = None,
    width: int = 5,
    show_name: bool = False,
) -> stat.Panel:
    """Return a panel of big present values, one for each series."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .height(5)
        .span(width)
        .unit(unit)
        .thresholds(steps(*levels))
        .color_mode(common_model.BigValueColorMode.VALUE)
        .graph_mode(common_model.BigValueGraphMode.NONE)
        .no_value("unknown")
    )
    if decimals is not None:
        panel.decimals(decimals)
    if show_name:
        panel.text_mode(common_model.BigValueTextMode.NAME)
    for legend, expr in series.items():
        panel.with_target(Dataquery().expr(expr).legend_format(legend).instant())
    return panel


def plot(
    title: str,
    description: str,
    series: Series,
    *,
    unit: str,
    levels: tuple[tuple[float | None, str], ...] = (),
    width: int = 12,
) -> timeseries.Panel:
    """Return a plot over time; levels are drawn as dashed lines."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .height(8)
        .span(width)
        .unit(unit)
        .fill_opacity(0)
        .line_width(2)
        .show_points(common_model.VisibilityMode.NEVER)
        .tooltip(common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI))
        .legend(
            common.VizLegendOptions()
            .display_mode(common_model.LegendDisplayMode.TABLE)
            .placement(common_model.LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
            .calcs(["lastNotNull"])
        )
    )
    if levels:
        panel.thresholds(steps(*levels)).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(common_model.GraphThresholdsStyleMode.DASHED)
        )
    for legend, expr in series.items():
        panel.with_target(Dataquery().expr(expr).legend_format(legend))
    return panel


def states(
    title: str, description: str, series: Series, mappings: list[model.ValueMapping]
) -> statetimeline.Panel:
    """Return bars that change their colour and word with the state."""
    panel = (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .height(8)
        .span(12)
        .mappings(mappings)
        .unit("none")
        .thresholds(steps(*PLAIN))
        .show_value(common_model.VisibilityMode.AUTO)
    )
    for legend, expr in series.items():
        panel.with_target(Dataquery().expr(expr).legend_format(legend))
    return panel
