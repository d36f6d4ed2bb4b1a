"""The command that tells every fault of a config."""

from collections.abc import Sequence
from pathlib import Path

import click

from service.app import access_of
from service.errors import ConfigError, Fault, InputError
from service.notifying import notifying_faults
from service.rule_tests import run_tests
from service.settings.build import policy_of, station_of
from service.settings.load import load
from service.settings.overrides import misplaced
from service.settings.rule_files import RuleFile, RuleTest, read_rules
from service.settings.schema import Settings

EXAMPLE = """\b
Examples:
  hullwatch check -c config/iss.yaml
  hullwatch check -c config/iss.yaml --rules config/rules/iss.yaml --test
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
    "--rules",
    "rule_files",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A file of rules to check instead of those of the config.",
)
@click.option("--test", "runs_tests", is_flag=True, help="Run the tests in the files of rules.")
def check(
    path: Path, secrets_dir: Path | None, *, rule_files: tuple[Path, ...], runs_tests: bool
) -> None:
    """Tell every fault of a config at once, with file, line, key path and remedy.

    Environment variables and secret files count as they would for the daemon. Exits with 0 if
    there is no fault, with 1 if a test fails, and with 2 if there is a fault.
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
    files = rule_files or tuple(path.parent / name for name in settings.rule_files)
    found: list[RuleFile] = []
    faults: list[Fault] = []
    for name in files:
        places = {**settings.sections, **settings.loops}
        file, faulty = read_rules(name, places, settings.hatches, settings.modes)
        found.append(file)
        faults += faulty
    if rule_files:
        rules = tuple(rule for file in found for rule in file.rules)
        settings = settings.model_copy(update={"rules": rules})
        faults += [
            Fault(".".join(map(str, at)), problem, remedy)
            for at, problem, remedy in misplaced(settings)
        ]
    faults += notifying_faults(settings)
    if faults:
        raise ConfigError(faults)
    click.echo(f"{path}: no fault; {_summary(settings)}")
    for problem, remedy in access_of(settings.http).warnings():
        click.echo(f"http.host {settings.http.host}: {problem}\n    {remedy}")
    if runs_tests and not _passes(settings, [test for file in found for test in file.tests]):
        raise SystemExit(1)


def _passes(settings: Settings, tests: Sequence[RuleTest]) -> bool:
    """Tell what became of each test, and return whether all of them hold."""
    failed = 0
    for test, misses in run_tests(station_of(settings), policy_of(settings), tests):
        click.echo(f"{'failed' if misses else 'passed'}  {test.name}")
        for miss in misses:
            click.echo(f"    {miss.rule} at {miss.at}: expected {miss.expected}, was {miss.found}")
        failed += bool(misses)
    click.echo(f"{_counted(len(tests), 'test')}, {failed} failed")
    return not failed


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
