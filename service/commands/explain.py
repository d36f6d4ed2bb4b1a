"""The command that shows what the detector saw about an alert."""

from pathlib import Path
from typing import Final

import click

from service.errors import InputError
from service.evidence import read
from service.explain_page import page_of, write_page
from service.explaining import explained, lines

EXAMPLE: Final = """\b
Example:
  hullwatch replay telemetry.csv -c station.yaml --activities activities.jsonl --out result
  hullwatch explain leak_growth-prk-1707427260 --from result
"""
MOST_LISTED: Final = 30


@click.command(epilog=EXAMPLE)
@click.argument("alert_id", metavar="ALERT")
@click.option(
    "--from",
    "directory",
    default=".",
    show_default=True,
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="The directory that the replay wrote.",
)
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the page; without it DIR/explain/ALERT.html.",
)
@click.pass_context
def explain(context: click.Context, alert_id: str, *, directory: Path, out: Path | None) -> None:
    """Show what the detector saw about ALERT: mass with model, statistic, onset, hypotheses.

    ALERT is an alert_id of DIR/alerts.jsonl. Ends with 1 if nothing was recorded of its air, as of
    an alert in the first minutes.
    """
    exhibits = {exhibit.alert_id: exhibit for exhibit in read(directory)}
    if alert_id not in exhibits:
        there = ", ".join(list(exhibits)[:MOST_LISTED]) or "none"
        raise InputError(alert_id, "is no alert of that replay", f"there are: {there}")
    explanation = explained(exhibits[alert_id])
    path = out or page_of(directory, alert_id)
    try:
        write_page(path, explanation)
    except OSError as error:
        raise InputError(str(path), str(error.strerror), "name a file to write to") from error
    click.echo("\n".join(lines(explanation)))
    click.echo(f"\nThe plots are in {path}")
    if explanation.series is None:
        click.echo("Nothing was recorded of this air.", err=True)
        context.exit(1)
