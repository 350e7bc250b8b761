"""Whatever a program sends to REST or to JSON-RPC, the server does not fail, and says what is wrong in a typed way."""

import json
import logging
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from node.api.app import create_web_app
from node.rpc.app import create_rpc_app
from node.views.events import Broadcaster
from tests.support.asgi import request
from tests.support.chain_double import ChainDouble
from tests.support.member_services import Services
from tests.support.small_community import HOMES

FOLDER = TemporaryDirectory()
PLACE = Services(Path(FOLDER.name))
APP = create_web_app(
    PLACE.core,
    PLACE.queries,
    ChainDouble(),
    Broadcaster(),
    allowed_hosts=["testserver"],
    held=PLACE.held,
    rules=PLACE.rules,
    ballots=PLACE.ballots,
)
RPC = create_rpc_app(PLACE.core, PLACE.queries, ChainDouble(), rules=PLACE.rules, ballots=PLACE.ballots)
METHODS = sorted(
    each["name"]
    for each in request(RPC, "GET", "/openrpc.json").json()["methods"]
    if each["name"].startswith("energy_") and "ubscri" not in each["name"]  # these are for a WebSocket alone
)
EXAMPLES = 5 if settings().max_examples <= 100 else 300
logging.getLogger("schemathesis").setLevel(logging.ERROR)

document = schemathesis.openapi.from_asgi("/openapi.json", APP)


@document.parametrize()
@settings(max_examples=EXAMPLES, phases=(Phase.generate,), deadline=None, suppress_health_check=list(HealthCheck))
def test_rest_never_fails_and_answers_what_its_document_says(case: Any) -> None:
    answer = case.call()
    assert answer.status_code < 500
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == ["application/problem+json"]
        assert {"type", "title", "status", "detail"} <= answer.json().keys()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=20) | st.sampled_from(HOMES),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)
filters = st.dictionaries(
    st.sampled_from(["interval", "from", "to", "account", "status", "limit", "cursor", "lengthS", "owner", "runId"]),
    json_values,
    max_size=3,
)


@settings(max_examples=20 * EXAMPLES, deadline=None)
@given(
    method=st.sampled_from(METHODS),
    params=st.none() | st.lists(json_values | filters, max_size=3) | st.dictionaries(st.text(max_size=10), json_values),
)
def test_json_rpc_never_fails_and_every_refusal_has_a_code(method: str, params: Any) -> None:
    call: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": method}
    if params is not None:
        call["params"] = params
    headers = {"content-type": "application/json"}
    answer = request(RPC, "POST", "/", content=json.dumps(call).encode(), headers=headers)
    assert answer.status_code == 200
    said = answer.json()
    assert said["id"] == 1
    if "error" in said:
        assert said["error"]["code"] in (-32602, -39001, -39002), said["error"]
        assert said["error"]["message"]


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"[1]", b"{", b"\xff", b'{"jsonrpc":"2.0"}', b'{"id":1e999}', b"[" * 10_000, b"null"]
)
def test_what_is_no_call_is_refused_as_the_standard_says(raw: bytes) -> None:
    answer = request(RPC, "POST", "/", content=raw, headers={"content-type": "application/json"})
    assert answer.status_code in (200, 400)
    said = answer.json()
    for each in said if isinstance(said, list) else [said]:
        assert each["error"]["code"] in (-32700, -32600)
