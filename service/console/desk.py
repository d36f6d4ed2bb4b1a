"""Shows the alerts to people and programs, and takes what they do to them."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final
from uuid import uuid4

import orjson
from aiohttp import web

from service.console.access import Access, Role
from service.core.commands import Command
from service.core.events import AlertEvent, CommandTaken, Event, Order
from service.core.views import IncidentView, MonitorView
from service.outputs.records import alert_record, alert_summary, command_record, timestamp

WAIT_S: Final = 10.0  # a command takes effect at the next tick, of a busy daemon a little late
LONGEST_TEXT: Final = 1000  # characters of a name or a reason
LONGEST_SHELF_S: Final = 30 * 86400.0  # Phoebus offers as much; longer is out of service
BODY_BYTES: Final = 16_384
PATHS: Final = {
    order.value.replace("_", "-"): order for order in Order if order is not Order.SET_MODE
}
KEYS: Final = {Order.SHELVE: {"lasting_s"}, Order.SET_MODE: {"mode"}}  # beside who and why
BY_PLACE: Final = frozenset({Order.OUT_OF_SERVICE, Order.IN_SERVICE})  # of alerts at rest too

History = Callable[[str], tuple[list[AlertEvent], list[CommandTaken]]]


class Desk:
    """Routes about alerts.

    Parameters
    ----------
    command : callable
        Hands a command to the monitor.
    history : callable or None
        Returns what was announced of an alert and done to it; None where nothing is remembered.
    """

    def __init__(
        self,
        *,
        view: Callable[[], MonitorView],
        command: Callable[[Command], None],
        access: Access,
        history: History | None = None,
    ) -> None:
        self._view = view
        self._command = command
        self._access = access
        self._history = history
        self._waiting: dict[str, asyncio.Future[CommandTaken]] = {}

    def tell(self, events: Iterable[Event]) -> None:
        """Answer those who wait for what became of their command."""
        for event in events:
            if isinstance(event, CommandTaken) and event.command_id in self._waiting:
                answer = self._waiting[event.command_id]
                if not answer.done():
                    answer.set_result(event)

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add what this desk serves."""
        router.add_get("/api/v1/alerts", self._list)
        router.add_get("/api/v1/alerts/{alert_id}", self._show)
        router.add_get("/api/v1/incidents", self._incidents)
        for path, order in PATHS.items():
            act = partial(self._act, order)
            router.add_post(f"/api/v1/alerts/{{alert_id}}/{path}", act)
            if order in BY_PLACE:
                router.add_post(f"/api/v1/rules/{{rule}}/{{atmosphere}}/{path}", act)
        router.add_post("/api/v1/mode", partial(self._act, Order.SET_MODE))

    async def _list(self, request: web.Request) -> web.Response:
        refusal = self._access.refusal(request, Role.VIEWER)
        if refusal is not None:
            return refusal
        return _json({"alerts": [alert_summary(alert) for alert in self._view().alerts]})

    async def _incidents(self, request: web.Request) -> web.Response:
        refusal = self._access.refusal(request, Role.VIEWER)
        if refusal is not None:
            return refusal
        return _json({"incidents": [incident_record(i) for i in self._view().incidents]})

    async def _show(self, request: web.Request) -> web.Response:
        refusal = self._access.refusal(request, Role.VIEWER)
        if refusal is not None:
            return refusal
        alert_id = request.match_info["alert_id"]
        now = next((a for a in self._view().alerts if a.alert_id == alert_id), None)
        told, done = self._history(alert_id) if self._history is not None else ([], [])
        if now is None and not told and not done:
            return _problem(404, f"there is no alert {alert_id!r}")
        return _json(
            {
                "alert": alert_summary(now) if now is not None else None,
                "events": [alert_record(event) for event in told],
                "commands": [command_record(taken) for taken in done],
            }
        )

    async def _act(self, order: Order, request: web.Request) -> web.Response:
        refusal = self._access.refusal(request, Role.OPERATOR)
        if refusal is not None:
            return refusal
        if request.content_type != "application/json":
            return _problem(415, "send JSON, with Content-Type: application/json")
        body = await request.content.read(BODY_BYTES + 1)
        try:
            told = orjson.loads(body) if len(body) <= BODY_BYTES else None
        except orjson.JSONDecodeError:
            told = None
        command = command_of(order, request.match_info, told)
        if not isinstance(command, Command):
            return _problem(400, command)
        answer = asyncio.get_running_loop().create_future()
        self._waiting[command.command_id] = answer
        try:
            self._command(command)
            async with asyncio.timeout(WAIT_S):
                taken = await answer
        except TimeoutError:
            waits = {"command_id": command.command_id, "problem": "it waits for the next tick"}
            return _json(waits, status=202)
        finally:
            del self._waiting[command.command_id]
        status = 200 if not taken.refused else 404 if "no such" in taken.refused else 409
        return _json(command_record(taken), status=status)


def command_of(order: Order, named: Mapping[str, str], told: object) -> Command | str:
    """Return the command of a request, or what is wrong with its body."""
    keys = {"who", "why", *KEYS.get(order, ())}
    if not isinstance(told, Mapping) or set(told) != keys:
        return f"the body is a JSON object with the keys {', '.join(sorted(keys))}"
    for key in sorted(keys - {"lasting_s"}):
        text = told[key]
        if not isinstance(text, str) or not 0 < len(text.strip()) <= LONGEST_TEXT:
            return f"{key} is a text of 1 to {LONGEST_TEXT} characters"
    lasting_s = told.get("lasting_s")
    if order is Order.SHELVE and (
        isinstance(lasting_s, bool)
        or not isinstance(lasting_s, int | float)
        or not 0.0 < lasting_s <= LONGEST_SHELF_S
    ):
        return f"lasting_s is a number of seconds up to {LONGEST_SHELF_S:.0f} (30 days)"
    return Command(
        received_s=0.0,  # stamped where it enters
        command_id=uuid4().hex,
        order=order,
        who=told["who"].strip(),
        why=told["why"].strip(),
        mode=told.get("mode", "").strip(),
        lasting_s=None if lasting_s is None else float(lasting_s),
        **{key: named[key] for key in ("alert_id", "rule", "atmosphere") if key in named},
    )


def incident_record(incident: IncidentView) -> dict[str, Any]:
    """Return an open incident with its story."""
    return {
        "incident_id": incident.incident_id,
        "since": timestamp(incident.since_s),
        "severity": incident.severity.value,
        "headline": incident.headline,
        "sections": list(incident.sections),
        "alerts": list(incident.alerts),
        "timeline": [
            {
                "time": timestamp(entry.time_s),
                "alert_id": entry.alert_id,
                "rule": entry.rule,
                "event": entry.event.value,
                "severity": entry.severity.value,
            }
            for entry in incident.timeline
        ],
    }


def _json(record: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(record), content_type="application/json", status=status)


def _problem(status: int, problem: str) -> web.Response:
    return _json({"problem": problem}, status)
