import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from energy.identity import Digest, hex_text
from market.events import Outcome
from market.orders import Side
from node.client import Client, Happened, NodeRefused, NotAReceipt
from node.orders.typed_data import receipt_digest
from oracles.signatures import address_of, sign
from tests.support import small_node

ORDERS: dict[str, Any] = {"items": [{"nonce": 41}], "next": None}


def receipt(digest: str, **changes: Any) -> dict[str, Any]:
    signed = receipt_digest(small_node.DOMAIN, 5, b"\x07" * 32, Digest(bytes.fromhex(digest[2:])), Outcome.RESTING, 9)
    return {
        "orderDigest": digest,
        "sequence": 5,
        "journalHash": "0x" + "07" * 32,
        "outcome": "resting",
        "filledWh": 0,
        "restingWh": 500,
        "acceptedAt": 9,
        "receiptSignature": hex_text(sign(small_node.NODE_KEY, signed)),
        "node": hex_text(address_of(small_node.NODE_KEY)),
    } | changes


def client(orders: Callable[[httpx.Request], httpx.Response]) -> Client:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v1/domain":
            return httpx.Response(200, json=small_node.domain())
        if request.method == "GET":
            return httpx.Response(200, json=ORDERS)
        return orders(request)

    return Client("http://node", small_node.MEMBER_KEY, httpx.MockTransport(answer))


def test_an_order_is_signed_with_the_next_nonce_and_its_receipt_believed() -> None:
    bodies = []

    def take(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content)["order"])
        return httpx.Response(201, json=receipt(request.headers["idempotency-key"]))

    with client(take) as member:
        placed = member.place(Side.SELL, 500, 90_000, interval=small_node.INTERVAL)
        member.place(Side.SELL, 500, 90_000, interval=small_node.INTERVAL)
    assert (placed.outcome, placed.resting_wh, placed.sequence) == ("resting", 500, 5)
    assert [body["nonce"] for body in bodies] == [42, 43]
    assert bodies[0]["account"] == small_node.MEMBER


@pytest.mark.parametrize(
    "changes",
    [
        {"sequence": 6},
        {"node": "0x" + "01" * 20},
        {"orderDigest": "0x" + "01" * 32},
        {"outcome": "gone"},
        {"acceptedAt": None},
    ],
)
def test_an_answer_that_the_node_did_not_sign_is_not_believed(changes: dict[str, Any]) -> None:
    member = client(lambda asked: httpx.Response(201, json=receipt(asked.headers["idempotency-key"], **changes)))
    with member, pytest.raises(NotAReceipt):
        member.place(Side.SELL, 500, 90_000, interval=small_node.INTERVAL)


def test_a_refusal_has_its_code_and_says_what_would_be_right() -> None:
    problem = {"detail": "The gate is closed.", "hint": "Take the next interval.", "code": 1007}
    member = client(lambda _: httpx.Response(409, json=problem))
    with member, pytest.raises(NodeRefused, match=r"The gate is closed\. Take the next interval\.") as refused:
        member.cancel(Digest(bytes(32)))
    assert (refused.value.status, refused.value.code) == (409, 1007)


def test_without_a_key_one_only_looks() -> None:
    with Client("http://node", transport=httpx.MockTransport(lambda _: httpx.Response(404, json={}))) as visitor:
        assert visitor.book() is None
        with pytest.raises(ValueError, match="only look"):
            visitor.place(Side.BUY, 1, 1, interval=0)


def test_events_go_on_where_a_lost_connection_left_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("node.client.RECONNECTION_S", 0)
    seen, streams = (
        [],
        [
            'retry: 3000\n\nid: 7-1\nevent: trade\ndata: {"number":0}\n\n: still here\n\n',
            "id: 7-2\nevent: run\ndata: {}\n\n",
        ],
    )

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("last-event-id"))
        if not streams:
            raise httpx.ConnectError("gone")
        return httpx.Response(200, text=streams.pop(0))

    with Client("http://node", transport=httpx.MockTransport(answer)) as visitor:
        events = visitor.events()
        assert [next(events), next(events)] == [Happened("7-1", "trade", {"number": 0}), Happened("7-2", "run", {})]
        with pytest.raises(httpx.ConnectError):
            next(events)
    assert seen[:2] == [None, "7-1"]
    assert set(seen[2:]) == {"7-2"}


def _depth(sequence: int, previous: int, side: str, price: int, quantity_wh: int) -> str:
    level = {"side": side, "price": price, "quantityWh": quantity_wh, "orders": min(quantity_wh, 1)}
    data = {"interval": 900, "sequence": sequence, "previousSequence": previous, "levels": [level]}
    return f"id: 7-{sequence}\nevent: depth\ndata: {json.dumps(data)}\n\n"


def test_a_followed_book_is_the_snapshot_with_the_changes_and_a_new_one_where_something_was_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("node.client.RECONNECTION_S", 0)
    level = {"price": 90_000, "quantityWh": 500, "orders": 1}
    snapshots = [{"sequence": 5, "bids": [level], "asks": []}, {"sequence": 9, "bids": [], "asks": [level]}]
    opened = "retry: 3000\n\n"
    closed = 'id: 7-12\nevent: interval\ndata: {"start":900,"status":"closed"}\n\n'
    stream = [
        opened,
        _depth(5, 0, "buy", 90_000, 1),  # told before the snapshot was taken
        _depth(6, 0, "buy", 80_000, 300),
        _depth(7, 6, "buy", 90_000, 0),
        _depth(9, 8, "buy", 1_000, 1),  # one was missed
        _depth(10, 9, "sell", 85_000, 200),
        closed,
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v1/status":
            return httpx.Response(200, json={"gateLeadS": 300})
        if request.url.path == "/api/v1/depth/900":
            return httpx.Response(200, json=snapshots.pop(0))
        return httpx.Response(200, text="".join(stream))

    with Client("http://node", transport=httpx.MockTransport(answer)) as visitor:
        seen = [
            ([(each.price, each.quantity_wh) for each in book.bids], [each.price for each in book.asks])
            for book in visitor.follow_book(900)
        ]
    assert seen == [
        ([(90_000, 500)], []),
        ([(90_000, 500), (80_000, 300)], []),
        ([(80_000, 300)], []),
        ([], [90_000]),
        ([], [85_000, 90_000]),
    ]


def _candle(start: int, trades: int) -> dict[str, int]:
    return {"start": start, "trades": trades}


def _candles(sequence: int, previous: int, *candles: dict[str, int], interval: int = 900) -> str:
    data = {"interval": interval, "sequence": sequence, "previousSequence": previous, "candles": candles}
    return f"id: 7-{sequence}\nevent: candle\ndata: {json.dumps(data)}\n\n"


def test_followed_candles_are_the_snapshot_with_the_changes_and_a_new_one_where_something_was_missed() -> None:
    snapshots = [
        {"sequence": 5, "items": [_candle(0, 2)], "next": None},
        {"sequence": 9, "items": [_candle(0, 4), _candle(900, 2)], "next": None},
        {"sequence": 12, "items": [_candle(0, 4), _candle(900, 5)], "next": None},
    ]
    stream = [
        "retry: 3000\n\n",
        _candles(5, 0, _candle(0, 2)),  # told before the snapshot was taken
        _candles(6, 0, _candle(0, 4), _candle(900, 1)),
        _candles(7, 0, _candle(0, 9), interval=1_800),
        _candles(9, 8, _candle(900, 2)),  # one was missed
        'id: 7-12\nevent: interval\ndata: {"start":900,"status":"closed"}\n\n',
    ]

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v1/candles":
            return httpx.Response(200, json=snapshots.pop(0))
        return httpx.Response(200, text="".join(stream))

    with Client("http://node", transport=httpx.MockTransport(answer)) as visitor:
        seen = [{each["start"]: each["trades"] for each in candles} for candles in visitor.follow_candles(900)]
    assert seen == [{0: 2}, {0: 4, 900: 1}, {0: 4, 900: 2}, {0: 4, 900: 5}], "the last trades are those of the gate"


def test_a_followed_book_is_taken_anew_when_the_node_says_that_something_is_gone() -> None:
    snapshots = [{"sequence": 5, "bids": [], "asks": []}, {"sequence": 8, "bids": [], "asks": []}]
    missed = 'id: 7-8\nevent: missed\ndata: {"reason":"too old: take a snapshot"}\n\n'

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v1/status":
            return httpx.Response(200, json={"gateLeadS": 300})
        if request.url.path == "/api/v1/depth/900":
            return httpx.Response(200, json=snapshots.pop(0)) if snapshots else httpx.Response(404, json={})
        return httpx.Response(200, text=f"retry: 3000\n\n{missed}{missed}")

    with Client("http://node", transport=httpx.MockTransport(answer)) as visitor:
        assert len(list(visitor.follow_book(900))) == 2, "and it ends when the book is gone"


def test_what_is_not_there_is_none() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v1/storage":
            return httpx.Response(200, json={"label": "Battery"})
        return httpx.Response(404, json={"detail": "There is nothing under this address."})

    with Client("http://node", transport=httpx.MockTransport(answer)) as looking:
        assert looking.storage_plan() == {"label": "Battery"}
        assert looking.book() is None
    gone = httpx.MockTransport(lambda request: httpx.Response(404, json={"detail": "nothing"}))
    with Client("http://node", transport=gone) as looking:
        assert looking.storage_plan() is None
