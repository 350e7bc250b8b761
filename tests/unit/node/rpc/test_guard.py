from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from node.rpc.guard import HostGuard, caller_of, is_json
from tests.support.asgi import request, run, web_socket

APP = HostGuard(PlainTextResponse("in"), allowed_hosts=("Grid.Example",))


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST:8545", "127.0.0.1:8545", "127.0.0.1", "[::1]:8545", "192.168.1.20", "grid.example:80"],
)
def test_lets_addresses_and_known_names_in(host: str) -> None:
    assert request(APP, "GET", "/", headers={"host": host}).text == "in"


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "grid.example.evil", "", "[::1"]
)
def test_keeps_other_names_out(host: str) -> None:
    answer = request(APP, "GET", "/", headers={"host": host})
    assert (answer.status_code, "allowed hosts" in answer.text) == (421, True)


@pytest.mark.parametrize(
    ("origin", "welcome"),
    [
        (None, True),
        ("http://localhost:3000", True),
        ("https://grid.example", True),
        ("chrome-extension://abc", True),
        ("https://evil.example", False),
        ("null", False),
    ],
)
def test_a_web_socket_answers_no_foreign_page(origin: str | None, welcome: bool) -> None:
    async def accept(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})

    headers = {"host": "127.0.0.1"} | ({} if origin is None else {"origin": origin})
    messages = run(web_socket(HostGuard(accept, ("grid.example",)), [], headers))
    assert messages[0]["type"] == ("websocket.accept" if welcome else "websocket.close")


@pytest.mark.parametrize(
    ("content_type", "json"),
    [
        ("application/json", True),
        ("application/JSON; charset=utf-8", True),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("text/plain; application/json", False),
        ("", False),
    ],
)
def test_knows_json_by_its_declared_type(content_type: str, json: bool) -> None:
    assert is_json(content_type) is json


@pytest.mark.parametrize(
    ("client", "headers", "local"),
    [
        (("127.0.0.1", 1), [], True),
        (("::1", 1), [], True),
        (("192.168.1.20", 1), [], False),
        (("127.0.0.1", 1), [(b"x-forwarded-for", b"10.0.0.1")], False),
        (("127.0.0.1", 1), [(b"forwarded", b"for=10.0.0.1")], False),
        (("testclient", 1), [], False),
        (None, [], False),
    ],
)
def test_knows_callers_on_this_machine(client: Any, headers: Any, local: bool) -> None:
    assert caller_of({"type": "http", "client": client, "headers": headers}).local is local
