"""The commands of the alert desk: they talk to the API of a running daemon."""

import asyncio
import getpass
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp
import click
import orjson

from service.errors import HullwatchError, InputError

URL: Final = "http://127.0.0.1:9464"
PATIENCE_S: Final = 30.0  # a command waits for a tick, a tick at most ten seconds
UNITS_S: Final = {"m": 60.0, "h": 3600.0, "d": 86400.0}
EXAMPLE: Final = """\b
Examples:
  hullwatch alerts list
  hullwatch alerts ack leak_growth-prk-1707427560 --why "looking at the onset"
  hullwatch alerts shelve silence-lab-1707427560 --for 8h --why "sensor is being replaced"
  hullwatch alerts mode eva --why "airlock opens at 12:00"
  hullwatch alerts out-of-service silence@beam --why "no telemetry until August"
"""


@click.group(epilog=EXAMPLE)
@click.option("--url", default=URL, show_default=True, help="Where the daemon listens.")
@click.option(
    "--token-file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="File with the token of a viewer or an operator, where the daemon asks for one.",
)
@click.pass_context
def alerts(context: click.Context, url: str, token_file: Path | None) -> None:
    """Look at the alerts of a running daemon, and act on them."""
    headers = {}
    if token_file is not None:
        try:
            token = token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            remedy = "give a file that holds a token"
            raise InputError(str(token_file), f"cannot be read: {error}", remedy) from error
        headers["Authorization"] = f"Bearer {token}"
    context.obj = Desk(url.rstrip("/"), headers)


class Desk:
    """The API of a daemon as the commands need it."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url = url
        self._headers = dict(headers)

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        """Return status and answer of a request, which is a POST where it has a body.

        Raises
        ------
        InputError
            If there is no daemon.
        """
        return asyncio.run(self._asked(path, body))

    async def _asked(self, path: str, body: Mapping[str, Any] | None) -> tuple[int, dict[str, Any]]:
        patience = aiohttp.ClientTimeout(total=PATIENCE_S)
        try:
            async with (
                aiohttp.ClientSession(headers=self._headers, timeout=patience) as session,
                session.request(
                    "GET" if body is None else "POST", f"{self._url}{path}", json=body
                ) as response,
            ):
                answer: dict[str, Any] = orjson.loads(await response.read())
                return response.status, answer
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            problem = f"gives no answer: {str(error) or type(error).__name__}"
            raise InputError(self._url, problem, "start the daemon, or give its --url") from error


class RefusedError(HullwatchError):
    """The daemon did not do what was asked."""


@alerts.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def list_(desk: Desk, *, as_json: bool) -> None:
    """List the alerts that are not at rest, worst first."""
    rank = ("emergency", "warning", "caution", "advisory")
    found = _good(desk.ask("/api/v1/alerts"))["alerts"]
    for alert in sorted(found, key=lambda a: (rank.index(a["severity"]), a["since"])):
        if as_json:
            click.echo(orjson.dumps(alert))
            continue
        until = f" until {alert['shelved_until']}" if alert["shelved_until"] else ""
        state = alert["state"].replace("_", " ")
        stands = f"{alert['severity']}  {state} since {alert['since']}{until}"
        click.echo(f"{alert['alert_id']}  {stands}")
        click.echo(f"    {alert['text'] or alert['rule']}")
    if not found and not as_json:
        click.echo("no alerts")


@alerts.command()
@click.argument("alert_id", metavar="ALERT")
@click.pass_obj
def show(desk: Desk, alert_id: str) -> None:
    """Show one alert, what was announced of it and what people did to it, as JSON."""
    story = _good(desk.ask(f"/api/v1/alerts/{quote(alert_id, safe='')}"))
    click.echo(orjson.dumps(story, option=orjson.OPT_INDENT_2))


@alerts.command()
@click.argument("name", metavar="MODE", required=False)
@click.option(
    "--who", default=getpass.getuser, metavar="NAME", help="Your name.", show_default="user"
)
@click.option("--why", metavar="TEXT", help="The reason; needed with MODE.")
@click.pass_obj
def mode(desk: Desk, name: str | None, who: str, why: str | None) -> None:
    """Show the mode of the station, or put it into another one."""
    if name is None:
        click.echo(_good(desk.ask("/api/v1/status"))["view"]["mode"] or "no modes")
        return
    if why is None:
        raise click.UsageError("Missing option '--why'.")
    told = _good(desk.ask("/api/v1/mode", {"who": who, "why": why, "mode": name}))
    if "new_mode" in told:
        click.echo(f"{told['old_mode']} -> {told['new_mode']}")
    else:
        click.echo(f"{told['problem']} ({told['command_id']})")


def _good(answer: tuple[int, dict[str, Any]]) -> dict[str, Any]:
    status, told = answer
    if status >= 400:
        raise RefusedError(told.get("problem") or told.get("refused") or f"HTTP {status}")
    return told


def _lasting_s(_context: click.Context, _parameter: click.Parameter, text: str) -> float:
    """Read a span of time such as 90m, 8h or 2d."""
    try:
        return float(text[:-1]) * UNITS_S[text[-1:]]
    except (ValueError, KeyError):
        raise click.BadParameter(f"{text!r}; write it like 90m, 8h or 2d") from None


def _acting(word: str, path: str, text: str, *, lasts: bool = False) -> None:
    """Add the command that does one thing to an alert."""

    def act(desk: Desk, alert: str, who: str, why: str, lasting_s: float | None = None) -> None:
        rule, at, atmosphere = alert.partition("@")
        names = ("rules", rule, atmosphere) if at else ("alerts", alert)
        place = "/".join(quote(name, safe="") for name in names)
        body: dict[str, Any] = {"who": who, "why": why}
        if lasting_s is not None:
            body["lasting_s"] = lasting_s
        told = _good(desk.ask(f"/api/v1/{place}/{path}", body))
        if "new_state" in told:
            click.echo(f"{told['alert_id']}: {told['new_state'].replace('_', ' ')}")
        else:
            click.echo(f"{told['problem']} ({told['command_id']})")

    command: Callable[..., None] = click.pass_obj(act)
    command = click.option("--why", required=True, metavar="TEXT", help="The reason.")(command)
    command = click.option(
        "--who", default=getpass.getuser, metavar="NAME", help="Your name.", show_default="user"
    )(command)
    if lasts:
        command = click.option(
            "--for",
            "lasting_s",
            required=True,
            metavar="TIME",
            callback=_lasting_s,
            help="For how long, such as 90m, 8h or 2d.",
        )(command)
    command = click.argument("alert", metavar="ALERT")(command)
    alerts.command(word, help=text)(command)


_acting("ack", "acknowledge", "Say that an alert was seen and is being dealt with.")
_acting("reset", "reset", "Let go of a latched alert.")
_acting(
    "shelve",
    "shelve",
    "Put an alert aside for a time; it comes back at once when it gets worse.",
    lasts=True,
)
_acting("unshelve", "unshelve", "Take an alert from its shelf.")
_acting("comment", "comment", "Add a remark to the story of an alert.")
_acting(
    "out-of-service",
    "out-of-service",
    "Take an alert out of service; RULE@ATMOSPHERE names one that is at rest.",
)
_acting("in-service", "in-service", "Return an alert to service.")
