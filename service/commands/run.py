"""The command that runs the daemon."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from service.app import App
from service.clock import Clock
from service.core.intake import ClockMode
from service.core.station import Station
from service.errors import InputError
from service.outputs.logs import configure
from service.settings.load import load
from service.settings.schema import Settings
from service.sources.base import Source
from service.sources.simulator import simulator_source

EXAMPLE = """\b
Examples:
  hullwatch run -c config/iss.yaml
  hullwatch run -c config/demo.yaml --simulate demo_2024_02 --speed 3600
"""


@click.command(epilog=EXAMPLE)
@click.option(
    "-c",
    "--config",
    "path",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The config file.",
)
@click.option(
    "--secrets-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Directory with one file a secret, such as mqtt_password.",
)
@click.option(
    "--simulate",
    "scenario",
    metavar="SCENARIO",
    help="Watch a simulated station instead of the sources of the config.",
)
@click.option(
    "--seed",
    default=1,
    show_default=True,
    type=click.IntRange(min=0),
    help="Seed of the simulation.",
)
@click.option(
    "--speed",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=0.0, min_open=True),
    help="Simulated seconds in a second.",
)
def run(
    path: Path, secrets_dir: Path | None, scenario: str | None, seed: int, speed: float
) -> None:
    """Run the daemon until SIGTERM or Ctrl-C."""
    settings = load(path, secrets_dir=secrets_dir)
    sources = simulated(scenario, seed=seed, speed=speed) if scenario is not None else None
    if sources is None and settings.mqtt is None:
        raise InputError(str(path), "names no source of telemetry", "add mqtt: {host: ...}")
    if sources is not None and settings.clock is ClockMode.WALL:
        problem = "clock: wall would refuse all of a simulation, which is of another time"
        raise InputError(str(path), problem, "set clock: event, for once by HULLWATCH_CLOCK=event")
    configure_log(settings)
    asyncio.run(serve(settings, sources))


async def serve(
    settings: Settings,
    sources: Callable[[Station, Clock], Sequence[Source]] | None,
) -> None:
    """Run the daemon of the settings until it is stopped.

    Raises
    ------
    InputError
        If the HTTP address cannot be used.
    """
    app = App(settings, sources=sources)
    try:
        await app.run()
    except OSError as error:
        place = f"http: {settings.http.host}:{settings.http.port}"
        remedy = "stop what uses it, or set another http.port"
        raise InputError(place, str(error.strerror or error), remedy) from error


def configure_log(settings: Settings) -> None:
    """Set up the log as the settings want it."""
    human = {"auto": None, "json": False, "console": True}[settings.log.format]
    configure(level=settings.log.level, human=human)


def simulated(
    scenario: str, *, seed: int, speed: float
) -> Callable[[Station, Clock], Sequence[Source]]:
    """Return what makes the simulator a source of the daemon."""

    def build(station: Station, clock: Clock) -> Sequence[Source]:
        return [simulator_source(scenario, station, seed=seed, speed=speed, clock=clock)]

    return build
