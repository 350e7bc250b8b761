import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from node.rpc import app, pace
from node.rpc.app import Door, create_rpc_app
from node.rpc.router import BODY_BYTES_MAX
from node.views.queries import Queries
from tests.support.asgi import request, run, web_socket
from tests.support.chain_double import ChainDouble
from tests.support.small_community import HOMES, CoreDouble, filled_projection

APP = create_rpc_app(CoreDouble(), Queries(filled_projection()), ChainDouble())
CALL = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []})
ANSWER = {"jsonrpc": "2.0", "id": 1, "result": "eth_chainId"}


def post(content: str | bytes, content_type: str = "application/json", **arguments: Any) -> httpx.Response:
    return request(APP, "POST", "/", content=content, headers={"content-type": content_type}, **arguments)


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8"])
def test_answers_a_post(content_type: str) -> None:
    answer = post(CALL, content_type)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == ANSWER


def test_a_long_answer_is_sent_in_pieces_and_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    single = post(CALL)
    batch = json.dumps([{"jsonrpc": "2.0", "id": at, "method": "eth_chainId"} for at in range(60)])
    whole = post(batch)
    with monkeypatch.context() as patched:
        patched.setattr(pace, "PIECE_LEN", 64)
        patched.setattr(app, "PIECE_LEN", 64)
        in_pieces = post(batch)
    assert in_pieces.content == whole.content
    assert in_pieces.headers["content-length"] == str(len(whole.content))
    assert in_pieces.headers["content-type"] == single.headers["content-type"]


def test_errors_of_rpc_have_status_200() -> None:
    answer = post("{")
    assert (answer.status_code, answer.json()["error"]["code"]) == (200, -32700)


def test_a_notification_has_no_content() -> None:
    answer = post(json.dumps({"jsonrpc": "2.0", "method": "eth_chainId"}))
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_refuses_what_a_foreign_page_could_send_unasked(content_type: str) -> None:
    assert post(CALL, content_type).status_code == 415


def test_refuses_a_body_that_is_too_long() -> None:
    assert post(b" " * (BODY_BYTES_MAX + 1)).status_code == 413
    assert post(CALL.encode() + b" " * (BODY_BYTES_MAX - len(CALL))).json() == ANSWER


def test_refuses_foreign_host_names() -> None:
    assert request(APP, "POST", "/", content=CALL, headers={"host": "evil.example"}).status_code == 421


def test_a_statement_goes_only_to_this_machine() -> None:
    call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "energy_getStatement", "params": [HOMES[0]]})
    assert "result" in post(call).json()
    assert post(call, client=("192.168.1.9", 1)).json()["error"]["code"] == -39002


def test_says_what_it_is_and_describes_itself() -> None:
    assert "JSON-RPC" in request(APP, "GET", "/").text
    document = request(APP, "GET", "/openrpc.json").json()
    discovered = post(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "rpc.discover"})).json()["result"]
    assert document == discovered
    assert document["info"]["version"] == "0.1.0"


def test_pages_from_elsewhere_may_call_only_when_allowed() -> None:
    ask = {"origin": "https://app.example", "access-control-request-method": "POST"}
    assert "access-control-allow-origin" not in request(APP, "OPTIONS", "/", headers=ask).headers
    open_app = create_rpc_app(
        CoreDouble(), Queries(filled_projection()), ChainDouble(), allowed_origins=("https://app.example",)
    )
    allowed = request(open_app, "OPTIONS", "/", headers=ask).headers
    assert allowed["access-control-allow-origin"] == "https://app.example"


def test_web_socket_frames_are_answered_in_sequence_text_and_binary() -> None:
    second = CALL.replace('"id": 1', '"id": 2')
    messages = run(web_socket(APP, [CALL, second.encode(), "{"], {"host": "127.0.0.1"}))
    assert messages[0]["type"] == "websocket.accept"
    answers = [json.loads(message["text"]) for message in messages[1:]]
    assert answers[:2] == [ANSWER, {**ANSWER, "id": 2}]
    assert answers[2]["error"]["code"] == -32700


def test_serves_sources_to_explorers_and_nothing_beside_them(tmp_path: Path) -> None:
    folder = tmp_path / "sourcify"
    app = create_rpc_app(CoreDouble(), Queries(filled_projection()), ChainDouble(), sources=folder)
    name = "/sourcify/contracts/full_match/7/0xAbc/metadata.json"
    assert request(app, "GET", name).status_code == 404, "nobody has put sources there yet"
    (folder / name.removeprefix("/sourcify/")).parent.mkdir(parents=True)
    (folder / name.removeprefix("/sourcify/")).write_text("{}")
    (tmp_path / "secret").write_text("key")
    (folder / "link").symlink_to(tmp_path / "secret")
    answer = request(app, "GET", name, headers={"origin": "https://explorer.example"})
    assert (answer.status_code, answer.json(), answer.headers["access-control-allow-origin"]) == (200, {}, "*")
    for path in ("", "contracts", "../secret", "%2e%2e/secret", "link", "%2Fetc%2Fhostname", "a%00b", "a" * 300):
        assert request(app, "GET", f"/sourcify/{path}").status_code == 404, path
    assert request(app, "GET", name, headers={"host": "evil.example"}).status_code == 421


@pytest.mark.parametrize(
    ("kind", "method", "path", "by"),
    [
        ("http", "POST", "/", "the door"),
        ("http", "GET", "/", "behind"),
        ("http", "OPTIONS", "/", "behind"),
        ("http", "POST", "/openrpc.json", "behind"),
        ("http", "POST", "//", "behind"),
        ("websocket", None, "/", "behind"),
        ("lifespan", None, None, "behind"),
    ],
)
def test_the_door_answers_a_post_itself_and_lets_all_else_in(
    kind: str, method: str | None, path: str | None, by: str
) -> None:
    heard: list[Scope] = []
    sent: list[Any] = []

    async def behind(scope: Scope, receive: Receive, send: Send) -> None:
        heard.append(scope)
        await send({"type": "behind"})

    async def post(scope: Scope, receive: Receive) -> Response:
        assert (await receive())["body"] == b"asked"
        return PlainTextResponse("the door", 299)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"asked"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": kind} | {key: value for key, value in (("method", method), ("path", path)) if value}
    asyncio.run(Door(behind, post)(scope, receive, send))
    if by == "behind":
        assert (heard, sent) == ([scope], [{"type": "behind"}])
    else:
        assert not heard
        assert [each["type"] for each in sent] == ["http.response.start", "http.response.body"]
        assert (sent[0]["status"], sent[1]["body"]) == (299, b"the door")
