from typing import Any

import pytest

from energy.errors import Unavailable
from energy.results import Rejected
from market.rejections import MarketReject
from node.api.app import create_web_app
from node.orders.typed_data import look_digest
from node.rejections import NodeReject
from node.rpc.schemas import SCHEMAS
from node.views.events import Broadcaster
from node.views.queries import Queries
from oracles.signatures import sign
from tests.support import small_node
from tests.support.asgi import request
from tests.support.chain_double import ChainDouble
from tests.support.small_community import FIRST, HOMES, LENGTH_S, NEXT, CoreDouble, filled_projection, word

QUERIES = Queries(filled_projection())
CORE = CoreDouble()
APP = create_web_app(CORE, QUERIES, ChainDouble(), Broadcaster())
SIGNATURE = "0x" + "1c" * 65
ORDER = {
    "account": HOMES[0],
    "interval": NEXT,
    "side": "sell",
    "quantityWh": 500,
    "limitPrice": 90_000,
    "timeInForce": 0,
    "nonce": 7,
    "expiry": 0,
}


def get(path: str, **arguments: Any) -> Any:
    return request(APP, "GET", f"/api/v1{path}", **arguments)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/status", CORE.status()),
        ("/domain", CORE.domain()),
        (f"/intervals?from={FIRST}&to={FIRST + LENGTH_S}", QUERIES.intervals(start=FIRST, end=FIRST + LENGTH_S)),
        (f"/trades?account={HOMES[0].upper().replace('0X', '0x')}&limit=3", QUERIES.trades(account=HOMES[0], limit=3)),
        ("/orders?status=filled&limit=2", QUERIES.orders(status="filled", limit=2)),
        (f"/orders/{word(0xC0, 30)}", QUERIES.order(word(0xC0, 30))),
        ("/book", CORE.book(None)),
        (f"/book/{NEXT}", CORE.book(NEXT)),
        ("/depth", CORE.depth.snapshot(None, 50)),
        (f"/depth/{NEXT}", CORE.depth.snapshot(NEXT, 50)),
        ("/candles?lengthS=3600&limit=2", QUERIES.candles(length_s=3_600, limit=2)),
        (f"/candles?interval={FIRST + 20 * LENGTH_S}", QUERIES.candles(interval=FIRST + 20 * LENGTH_S)),
        ("/runs?limit=2&lang=fr", QUERIES.runs(limit=2)),
        ("/certificates?runId=8", QUERIES.certificates(run_id=8)),
        ("/certificates/1", QUERIES.certificate(1)),
        ("/certificates/1/evidence", {"schema": "resilia/evidence/1", "certificate": {"number": 1}}),
        ("/accounts", QUERIES.accounts()),
        ("/summary", QUERIES.summary()),
    ],
)
def test_answers_what_json_rpc_answers(path: str, expected: Any) -> None:
    answer = get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == expected


@pytest.mark.parametrize(
    "path", [f"/orders/{word(0, 1)}", "/certificates/999999", "/certificates/2/evidence", "/book/0", "/depth/0", "/x"]
)
def test_what_does_not_exist_is_a_404_problem(path: str) -> None:
    answer = get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["status"] == 404


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/trades?colour=red", "filter.colour"),
        ("/trades?limit=many", "filter.limit"),
        ("/trades?cursor=5", "cursor"),
        ("/candles?lengthS=0", "filter.lengthS"),
        ("/candles?cursor=5-6", "cursor"),
        ("/depth/none", "interval"),
        ("/orders/0x12", "digest"),
        ("/certificates/one", "number"),
    ],
)
def test_what_cannot_be_understood_is_a_400_problem_naming_the_field(path: str, field: str) -> None:
    answer = get(path)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_places_an_order() -> None:
    answer = request(APP, "POST", "/api/v1/orders", json={"order": ORDER, "signature": SIGNATURE})
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/orders/{answer.json()['orderDigest']}"
    assert answer.json()["outcome"] == "resting"


def test_cancels_an_order() -> None:
    body = {"account": HOMES[0], "signature": SIGNATURE}
    answer = request(APP, "DELETE", f"/api/v1/orders/{word(0xC0, 30)}", json=body)
    assert (answer.status_code, answer.json()["orderDigest"]) == (200, word(0xC0, 30))


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        ("{", "application/json", 400),
        ('{"order":{},"order":{},"signature":""}', "application/json", 400),
        ('{"order":{}}', "application/json", 400),
        ("[]", "application/json", 400),
        ("{}", "text/plain", 415),
        (" " * 1_000_001, "application/json", 413),
    ],
)
def test_malformed_bodies_change_nothing(content: str, content_type: str, status: int) -> None:
    core = CoreDouble()
    app = create_web_app(core, QUERIES, ChainDouble(), Broadcaster())
    answer = request(app, "POST", "/api/v1/orders", content=content, headers={"content-type": content_type})
    assert (answer.status_code, answer.headers["content-type"], core.log) == (status, "application/problem+json", [])


@pytest.mark.parametrize("code", [*MarketReject, *NodeReject], ids=lambda code: code.name)
def test_a_refusal_is_a_problem_with_its_code(code: Any) -> None:
    app = create_web_app(CoreDouble(refusal=Rejected(code, {"now": 5})), QUERIES, ChainDouble(), Broadcaster())
    answer = request(app, "POST", "/api/v1/orders", json={"order": ORDER, "signature": SIGNATURE})
    problem = answer.json()
    assert answer.status_code in (403, 404, 409, 422, 429, 503)
    assert (problem["code"], problem["name"], problem["facts"]["now"]) == (int(code), code.name, 5)
    assert problem["type"] == f"urn:resilia-grid:refusal:{code.name.lower().replace('_', '-')}"
    assert problem["detail"]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (NodeReject.BAD_SIGNATURE, 403),
        (MarketReject.UNKNOWN_ACCOUNT, 403),
        (MarketReject.UNKNOWN_ORDER, 404),
        (MarketReject.GATE_CLOSED, 409),
        (MarketReject.DUPLICATE_NONCE, 409),
        (MarketReject.INSUFFICIENT_COLLATERAL, 409),
        (MarketReject.EXPIRED, 422),
        (MarketReject.PRICE_OFF_TICK, 422),
        (MarketReject.BOOK_FULL, 503),
    ],
)
def test_the_status_of_a_refusal_tells_whose_turn_it_is(code: Any, status: int) -> None:
    app = create_web_app(CoreDouble(refusal=Rejected(code, {})), QUERIES, ChainDouble(), Broadcaster())
    answer = request(app, "POST", "/api/v1/orders", json={"order": ORDER, "signature": SIGNATURE})
    assert answer.status_code == status


def test_a_refusal_speaks_the_callers_language() -> None:
    refusal = Rejected(MarketReject.DUPLICATE_NONCE, {"nonce": 7})
    app = create_web_app(CoreDouble(refusal=refusal), QUERIES, ChainDouble(), Broadcaster())
    body = {"order": ORDER, "signature": SIGNATURE}
    french = request(app, "POST", "/api/v1/orders", json=body, headers={"accept-language": "fr"}).json()
    assert french["detail"] == "Le compte a déjà utilisé le nonce 7."
    assert french["name"] == "DUPLICATE_NONCE"


def test_what_is_away_is_a_503_that_says_when_to_come_back() -> None:
    chain = ChainDouble(error=Unavailable("the chain restarts", retry_after_s=7))
    app = create_web_app(CoreDouble(), QUERIES, chain, Broadcaster())
    answer = request(app, "GET", "/readyz")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert request(app, "GET", "/healthz").text == "ok\n"
    assert request(APP, "GET", "/readyz").text == "ready\n"


def test_openapi_describes_every_address_and_refers_only_to_what_is_there() -> None:
    document = request(APP, "GET", "/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert set(SCHEMAS) <= set(document["components"]["schemas"])
    paths = {(path, method) for path, methods in document["paths"].items() for method in methods}
    assert ("/api/v1/orders", "post") in paths
    assert ("/api/v1/orders/{digest}", "delete") in paths
    assert len(paths) == 30
    parameters = document["paths"]["/api/v1/trades"]["get"]["parameters"]
    assert [parameter["name"] for parameter in parameters] == list(SCHEMAS["TradeFilter"]["properties"])
    names = [p["name"] for p in document["paths"]["/api/v1/orders/{digest}"]["delete"]["parameters"]]
    assert names == ["digest"]


def test_the_streets_balance_is_told_to_whoever_shows_a_look() -> None:
    until = small_node.NOW + 60
    signature = sign(
        small_node.MEMBER_KEY, look_digest(small_node.DOMAIN, small_node.bytes_of(small_node.MEMBER), until)
    )
    path, look = f"/api/v1/balance/{small_node.MEMBER}", f"until={until}&signature=0x{signature.hex()}"
    told = request(APP, "GET", f"{path}?ratingW=3000&{look}")
    assert told.json() == small_node.balance(3_000)
    assert told.headers["cache-control"] == "no-store"
    assert request(APP, "GET", f"{path}?{look}").json()["answering"] is False
    for refused in (path, f"{path}?ratingW=3000", f"{path}?until={until + 1}&signature=0x{signature.hex()}"):
        assert request(APP, "GET", refused).status_code == 403
    assert request(APP, "GET", f"{path}?ratingW=-1&{look}").status_code == 400
