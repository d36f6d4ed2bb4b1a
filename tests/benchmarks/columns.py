"""What a reading in columns costs the core, on stations of more and more channels.

Run it with `.venv/bin/python -m tests.benchmarks.columns`. Times differ from machine to machine; the
last column, over the first line, does not much.
"""

import time
from itertools import pairwise
from typing import Any

import click
import numpy as np

from service.core.samples import Quality, SampleBatch
from service.core.station import ChannelKind
from service.replaying import replayed
from service.settings.build import policy_of, station_of
from service.settings.schema import Settings

SECTIONS = (4, 12, 30)
SPACINGS_S = (60.0, 10.0, 1.0)
READINGS = 200_000
START_S = 1.9e9
# Usual readings in SI units, and their noise.
USUAL = {
    ChannelKind.PRESSURE: (99_325.0, 3.0),
    ChannelKind.TEMPERATURE: (295.0, 0.02),
    ChannelKind.PPO2: (21_700.0, 10.0),
    ChannelKind.PPCO2: (400.0, 4.0),
    ChannelKind.HUMIDITY: (0.4, 0.002),
}


def config(count: int) -> dict[str, Any]:
    """Return so many sections in a row, each with a gauge and a thermometer, one with gas sensors."""
    names = [f"s{place}" for place in range(count)]
    channels = {f"{name}.p": ("pressure", "mmHg", name) for name in names}
    channels |= {f"{name}.t": ("temperature", "degC", name) for name in names}
    for kind, unit in (("ppo2", "mmHg"), ("ppco2", "mmHg"), ("humidity", "percent")):
        channels[f"s0.{kind}"] = (kind, unit, "s0")
    return {
        "station": "benchmark",
        "sections": {name: {"volume_m3": 50.0} for name in names},
        "hatches": {f"{a}-{b}": {"between": [a, b]} for a, b in pairwise(names)},
        "channels": {
            name: {"kind": kind, "unit": unit, "section": section}
            for name, (kind, unit, section) in channels.items()
        },
    }


def seconds_a_reading(count: int, spacing_s: float) -> tuple[int, float]:
    """Return how many channels so many sections have, and the processor time of a reading, s."""
    settings = Settings(**config(count))
    station = station_of(settings)
    usual = np.array([USUAL[channel.kind] for channel in station.channels])
    steps = READINGS // len(usual)
    noise = np.random.default_rng(1).normal(0.0, 1.0, (steps, len(usual)))
    time_s = np.repeat(START_S + spacing_s * np.arange(steps), len(usual))
    samples = SampleBatch(
        channel=np.tile(np.arange(len(usual), dtype=np.int32), steps),
        time_s=time_s,
        received_s=time_s,
        value=(usual[:, 0] + usual[:, 1] * noise).ravel(),
        quality=np.full(len(time_s), Quality.GOOD, np.uint8),
    )
    began_s = time.process_time()
    for _ in replayed(station, policy_of(settings), samples, ()):
        pass
    return len(usual), (time.process_time() - began_s) / len(samples)


def main() -> None:
    """Print a line for each station and spacing."""
    first_s = None
    click.echo("channels  spacing s  microseconds a reading  over the first")
    for spacing_s in SPACINGS_S:
        for count in SECTIONS:
            channels, cost_s = seconds_a_reading(count, spacing_s)
            first_s = first_s or cost_s
            ratio = cost_s / first_s
            click.echo(f"{channels:8}  {spacing_s:9.0f}  {1e6 * cost_s:22.2f}  {ratio:14.3f}")


if __name__ == "__main__":
    main()
