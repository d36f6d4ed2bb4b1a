"""The command that tells every fault of a config."""

from pathlib import Path

import click

from service.errors import ConfigError, InputError
from service.settings.build import policy_of, station_of
from service.settings.load import load
from service.settings.schema import Settings

EXAMPLE = """\b
Example:
  hullwatch check -c config/iss.yaml
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
def check(path: Path, secrets_dir: Path | None) -> None:
    """Tell every fault of a config at once, with file, line, key path and remedy.

    Environment variables and secret files count as they would for the daemon. Exits with 0 if
    there is no fault and with 2 if there is one.
    """
    try:
        settings = load(path, secrets_dir=secrets_dir)
    except ConfigError as error:
        for fault in error.faults:
            click.echo(f"{fault.place}: {fault.problem}\n    {fault.remedy}", err=True)
        click.echo(f"{_counted(len(error.faults), 'fault')} in {path}", err=True)
        raise SystemExit(2) from None
    except InputError as error:
        click.echo(str(error), err=True)
        raise SystemExit(2) from None
    click.echo(f"{path}: no fault; {_summary(settings)}")


def _summary(settings: Settings) -> str:
    station, policy = station_of(settings), policy_of(settings)
    volume_m3 = sum(section.volume_m3 for section in station.sections)
    parts = {
        "section": station.sections,
        **({"coolant loop": station.loops} if station.loops else {}),
        "hatch": station.hatches,
        "channel": station.channels,
        "rule": policy.rules,
    }
    counts = ", ".join(_counted(len(items), word) for word, items in parts.items())
    return f"station {station.name}, {volume_m3:.0f} m3: {counts}"


def _counted(count: int, word: str) -> str:
    plural = f"{word}es" if word.endswith("h") else f"{word}s"
    return f"{count} {word if count == 1 else plural}"
