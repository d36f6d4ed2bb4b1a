"""The command that replays recorded telemetry."""

import click


@click.command()
def replay() -> None:
    """Show the Zvezda leak of February 2024 being simulated, published, watched and alerted."""
