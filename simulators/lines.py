"""Lays telemetry out as Influx line protocol: the lines that Hullwatch itself writes of samples."""

import polars as pl

from simulators.gas import ZERO_CELSIUS_K
from simulators.schema import UNITS, Channel, Scenario
from simulators.station import TelemetrySlice


def line_frame(scenario: Scenario, part: TelemetrySlice) -> pl.DataFrame:
    """Give one line a reading in SI units, stamped in microseconds, as a column of its own."""
    heads = pl.Series(
        [
            f"sample,channel={_escaped(name)},section={_escaped(channel.section)},"
            f"station={_escaped(scenario.station)}"
            for name, channel in scenario.channels.items()
        ],
        dtype=pl.String,
    )
    scales = pl.Series([UNITS[c.kind][c.unit] for c in scenario.channels.values()])
    zeros = pl.Series([_zero(channel) for channel in scenario.channels.values()])
    channel = pl.Series(part.channel).cast(pl.UInt32)
    columns = pl.DataFrame(
        {
            "head": heads.gather(channel),
            "value": pl.Series(part.value) * scales.gather(channel) + zeros.gather(channel),
            "quality": part.quality,
            "time": pl.Series(part.time_s * 1e6).round().cast(pl.Int64),
        }
    )
    line = pl.format("{} value={},quality={}i {}", "head", "value", "quality", "time")
    return columns.select(line.alias("line"))


def _zero(channel: Channel) -> float:
    return ZERO_CELSIUS_K if channel.unit == "degC" else 0.0


def _escaped(tag: str) -> str:
    r"""Escape the value of a tag.

    Examples
    --------
    >>> print(_escaped("crew lock,a=b"))
    crew\ lock\,a\=b
    """
    for special in (",", "=", " "):
        tag = tag.replace(special, f"\\{special}")
    return tag
