"""People and programs can look at alerts and act on them, if they may."""

import json
from importlib.resources import files
from typing import Any

import aiohttp
import pytest

import service.console
from service.console import desk
from service.console.access import Access
from service.core.events import Order

ALERT = "leak_growth%2Fprk%2F1"
BODY = {"who": "kim", "why": "seen"}
OPENAPI = json.loads(files(service.console).joinpath("openapi.json").read_text("utf-8"))


async def call(url, method="GET", *, headers=None, **request: Any):
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, url, headers=headers, **request) as response,
    ):
        return response.status, await response.json()


async def test_the_list_shows_each_alert_in_the_words_of_the_contract(daemon):
    status, told = await call(f"{daemon.url}/api/v1/alerts")
    (alert,) = told["alerts"]
    assert status == 200
    assert (alert["rule"], alert["state"], alert["sections"]) == (
        "leak_growth",
        "unacknowledged",
        ["prk"],
    )


@pytest.mark.parametrize(("path", "order"), desk.PATHS.items())
async def test_each_act_reaches_the_monitor_and_its_outcome_the_sender(daemon, path, order):
    body = BODY | ({"lasting_s": 60} if order is Order.SHELVE else {})
    status, told = await call(f"{daemon.url}/api/v1/alerts/{ALERT}/{path}", "POST", json=body)
    (command,) = daemon.commands
    assert (status, told["command"], told["who"]) == (200, order.value, "kim")
    assert (command.order, command.alert_id) == (order, "leak_growth/prk/1")
    assert command.lasting_s == (60.0 if order is Order.SHELVE else None)


async def test_an_alert_at_rest_is_named_by_rule_and_atmosphere(daemon):
    url = f"{daemon.url}/api/v1/rules/silence/prk/out-of-service"
    assert (await call(url, "POST", json=BODY))[0] == 200
    assert (daemon.commands[0].rule, daemon.commands[0].atmosphere) == ("silence", "prk")


@pytest.mark.parametrize(
    ("refused", "status"), [("there is no such alert", 404), ("an alert that is pending", 409)]
)
async def test_what_the_monitor_refuses_is_no_success(daemon, refused, status):
    daemon.refused = refused
    url = f"{daemon.url}/api/v1/alerts/{ALERT}/acknowledge"
    assert (await call(url, "POST", json=BODY))[0] == status


async def test_a_command_that_no_tick_takes_is_said_to_wait(daemon, monkeypatch):
    monkeypatch.setattr(desk, "WAIT_S", 0.01)
    daemon.answers = False
    url = f"{daemon.url}/api/v1/alerts/{ALERT}/acknowledge"
    status, told = await call(url, "POST", json=BODY)
    assert (status, told["command_id"]) == (202, daemon.commands[0].command_id)


@pytest.mark.parametrize(
    "body",
    [
        "seen",
        [],
        {"who": "kim"},
        {**BODY, "why": " "},
        {**BODY, "who": 5},
        {**BODY, "why": "x" * 1001},
        {**BODY, "more": 1},
        {**BODY, "lasting_s": 0},
        {**BODY, "lasting_s": True},
        {**BODY, "lasting_s": 31 * 86400},
        {**BODY, "lasting_s": "8h"},
    ],
)
async def test_a_body_that_is_not_right_is_refused_and_does_nothing(daemon, body):
    url = f"{daemon.url}/api/v1/alerts/{ALERT}/shelve"
    status, told = await call(url, "POST", json=body)
    assert (status, daemon.commands) == (400, [])
    assert told["problem"]


async def test_what_is_not_json_is_refused_so_that_no_foreign_page_can_send_a_form(daemon):
    url = f"{daemon.url}/api/v1/alerts/{ALERT}/acknowledge"
    status, _ = await call(url, "POST", data=json.dumps(BODY).encode())
    assert (status, daemon.commands) == (415, [])


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
async def test_without_tokens_a_foreign_page_in_a_browser_here_cannot_act(daemon, headers):
    url = f"{daemon.url}/api/v1/alerts/{ALERT}/acknowledge"
    assert (await call(url, "POST", json=BODY, headers=headers))[0] == 403
    assert daemon.commands == []


TOKENS = {"viewer": "see-1", "operator": "act-2", "wrong": "see-", "none": None}


@pytest.mark.parametrize(
    ("access", "may_look", "may_act"),
    [
        (Access(host="0.0.0.0"), {"none", *TOKENS}, set()),
        (Access(host="0.0.0.0", operator_token="act-2"), {"none", *TOKENS}, {"operator"}),
        (Access(host="127.0.0.1", operator_token="act-2"), {"none", *TOKENS}, {"operator"}),
        (
            Access(host="127.0.0.1", viewer_token="see-1", operator_token="act-2"),
            {"viewer", "operator"},
            {"operator"},
        ),
        (Access(host="127.0.0.1", viewer_token="see-1"), {"viewer"}, set()),
    ],
)
async def test_a_role_may_do_what_its_token_says_and_nothing_more(daemon, may_look, may_act):
    for name, token in TOKENS.items():
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        for path in ("status", "alerts", f"alerts/{ALERT}"):
            status, _ = await call(f"{daemon.url}/api/v1/{path}", headers=headers)
            assert (status == 200) is (name in may_look), (name, path)
        url = f"{daemon.url}/api/v1/alerts/{ALERT}/acknowledge"
        status, _ = await call(url, "POST", json=BODY, headers=headers)
        assert (status == 200) is (name in may_act), name
    assert len(daemon.commands) == len(may_act)


async def test_the_openapi_document_has_exactly_the_routes_there_are(daemon):
    status, document = await call(f"{daemon.url}/api/v1/openapi.json")
    assert (status, document) == (200, OPENAPI)
    routes = {
        (route.method, route.resource.canonical)
        for route in daemon.console.application().router.routes()
        if route.method != "HEAD" and route.resource.canonical.startswith("/api/")
    }
    told = {(m.upper(), path) for path, methods in document["paths"].items() for m in methods}
    assert told == routes


async def test_answers_have_the_keys_that_the_document_promises(daemon):
    schemas = OPENAPI["components"]["schemas"]
    _, told = await call(f"{daemon.url}/api/v1/alerts")
    assert set(told["alerts"][0]) == set(schemas["Alert"]["required"])
    _, story = await call(f"{daemon.url}/api/v1/alerts/{ALERT}")
    assert set(story) == set(schemas["AlertStory"]["required"])
    url = f"{daemon.url}/api/v1/alerts/{ALERT}/comment"
    _, taken = await call(url, "POST", json=BODY)
    assert set(taken) == set(schemas["Command"]["required"])
    references = json.dumps(OPENAPI).split("#/components/schemas/")[1:]
    assert {part.partition('"')[0] for part in references} == set(schemas)
    ids = [m["operationId"] for methods in OPENAPI["paths"].values() for m in methods.values()]
    assert len(set(ids)) == len(ids)


def test_the_words_in_the_document_are_those_of_the_core():
    words = OPENAPI["components"]["schemas"]["Command"]["properties"]
    assert words["command"]["enum"] == [order.value for order in Order]


async def test_the_mode_of_the_station_is_set_by_who_may_act_with_a_reason(daemon):
    url = f"{daemon.url}/api/v1/mode"
    status, told = await call(url, "POST", json={**BODY, "mode": "eva"})
    (command,) = daemon.commands
    assert (status, told["command"]) == (200, "set_mode")
    assert (command.order, command.mode, command.alert_id) == (Order.SET_MODE, "eva", "")
    for wrong in (BODY, {**BODY, "mode": ""}, {**BODY, "mode": 5}):
        assert (await call(url, "POST", json=wrong))[0] == 400
    assert len(daemon.commands) == 1
