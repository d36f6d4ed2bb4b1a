"""Groups the commands and turns errors a user can mend into a message and exit code 2."""

from typing import Any

import click

from service.commands.alerts import alerts
from service.commands.check import check
from service.commands.demo import demo
from service.commands.explain import explain
from service.commands.replay import replay
from service.commands.run import run
from service.commands.score import score
from service.commands.simulate import simulate
from service.errors import ConfigError, HullwatchError

EXAMPLE = """\b
Example:
  hullwatch demo
"""


class Commands(click.Group):
    """A group whose commands report a `HullwatchError` plainly."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command of the context."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            for fault in error.faults:
                click.echo(f"{fault.place}: {fault.problem}\n    {fault.remedy}", err=True)
            ctx.exit(2)
        except HullwatchError as error:
            click.echo(str(error), err=True)
            ctx.exit(2)


@click.group(cls=Commands, epilog=EXAMPLE)
@click.version_option(package_name="hullwatch")
def cli() -> None:
    """Watch the air pressure of a crewed spacecraft and tell when its leak grows."""


for command in (demo, run, check, simulate, replay, explain, score, alerts):
    cli.add_command(command)
