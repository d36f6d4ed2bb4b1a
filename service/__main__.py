"""Runs the command line; the one place where an unforeseen error ends the program."""

from service.cli import cli


def main() -> None:
    """Run the command of the arguments; exit 0, 1 (ran and failed) or 2 (bad input)."""
    cli(prog_name="hullwatch")


if __name__ == "__main__":
    main()
