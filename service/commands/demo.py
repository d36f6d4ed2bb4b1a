"""The command that shows all of it at work on a fresh machine."""

import click


@click.command()
def demo() -> None:
    """Show the Zvezda leak of February 2024 being simulated, published, watched and alerted."""
