"""A small client for programs of members: reads the market, signs orders, follows what happens. Synchronous.

Units: Wh, µ€/kWh, n€, UTC epoch seconds; all int. What the node answers to an order is believed only when the node's
signature over it holds. Refuses: `NodeRefused` for what a rule refuses, `NotAReceipt` for an answer that is none.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import httpx

from energy.identity import Address, Digest, address_from_hex, digest_from_hex, hex_text
from market.events import Outcome
from market.orders import Order, Side, TimeInForce
from node.client_records import (
    OPENED,
    Book,
    Happened,
    Level,
    NodeRefused,
    NotAReceipt,
    Receipt,
    book_of,
    happenings,
    level_of,
)
from node.orders.typed_data import cancel_digest, look_digest, order_digest, order_json, receipt_digest
from node.rpc.ports import JsonObject
from node.rules.rule import Rule, SignedRule
from oracles.signatures import address_of, recover, sign
from oracles.typed_data import Domain

__all__ = ["Book", "Client", "Happened", "Level", "NodeRefused", "NotAReceipt", "Receipt", "Side", "TimeInForce"]

API: Final = "/api/v1"
TIMEOUT_S: Final = 30
LOOK_S: Final = 60
"""For how long the member signs that it wants to see what is its own."""
SILENCE_S_MAX: Final = 60
RECONNECTION_S: Final = 1
LEVELS_MAX: Final = 10_000
"""Prices per side of a snapshot: all that a book has."""
CANDLES_MAX: Final = 5_000
"""Of a snapshot: all that an interval has."""
RECONNECTIONS_MAX: Final = 5
"""Attempts in a row to follow a node that does not answer."""


class Client:
    """One member at one node; without a key it only looks."""

    def __init__(
        self,
        url: str,
        key: bytes | None = None,
        transport: httpx.BaseTransport | None = None,
        *,
        rpc_url: str = "http://127.0.0.1:8545",
    ) -> None:
        """Take the addresses of the node's page and JSON-RPC and a private key of 32 bytes; `transport` is for tests.

        Raises:
            ValueError: no valid key.
        """
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT_S, trust_env=False, transport=transport)
        self._rpc_url = rpc_url
        self._key = key
        self._account = None if key is None else address_of(key)
        self._settlement: Domain | None = None
        self._nonce = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    @property
    def account(self) -> str:
        """The member's account, lower-case 0x text."""
        return hex_text(self._own())

    # -- READING

    def status(self) -> JsonObject:
        """Return the state of the node."""
        return self._get("/status")

    def book(self, interval: int | None = None) -> Book | None:
        """Return the book of an interval, of the next one to close for None; None when there is none."""
        book = self._get_or_none("/book" if interval is None else f"/book/{interval}")
        if book is None:
            return None
        sides = (tuple(level_of(each) for each in book[side]) for side in ("bids", "asks"))
        return Book(book["interval"], book["gateClosure"], *sides)

    def trades(self, **query: Any) -> list[JsonObject]:
        """Return all trades of a filter: `interval`, `start`, `end`, `account`."""
        return self._list("/trades", query)

    def orders(self, **query: Any) -> list[JsonObject]:
        """Return all orders of a filter: `interval`, `status`, `account`."""
        return self._list("/orders", query)

    def intervals(self, **query: Any) -> list[JsonObject]:
        """Return delivery intervals with their totals, of a filter: `start`, `end`."""
        return self._list("/intervals", query)

    def signal(self) -> JsonObject:
        """Return the intervals of the next 48 h with the grid's tariffs and the index, and the community's goals."""
        return self._get("/signal")

    def facts(self) -> list[JsonObject]:
        """Return what the oracles agreed on of prices, carbon and weather, the newest of each kind and place."""
        answer: Any = self._get("/facts")
        return list(answer)

    def storage_plan(self) -> JsonObject | None:
        """Return what the community's storage plans, and why; None when nobody plans one."""
        return self._get_or_none("/storage")

    def position_wh(self, interval: int) -> int:
        """Return what the member bought less what it sold for an interval."""
        return sum(
            trade["quantityWh"] * ((trade["buyer"] == self.account) - (trade["seller"] == self.account))
            for trade in self.trades(interval=interval, account=self.account)
        )

    def positions(self, **query: int) -> list[JsonObject]:
        """Return what the member has traded and may still trade, by interval; `start` and `end` if need be."""
        items: list[JsonObject] = self._own_call("energy_getPositions", _named(query))["items"]
        return items

    def exposure(self) -> JsonObject:
        """Return the member's collateral, what of it is in use, its open orders, and its limits."""
        return self._own_call("energy_getExposure")

    def readings(self, **query: int) -> list[JsonObject]:
        """Return the signed readings of the member's meters; `start` and `end` if need be."""
        page = self._own_call("energy_getReadings", _named(query))
        items: list[JsonObject] = page["items"]
        while page["next"] is not None:
            page = self._own_call("energy_getReadings", _named(query) | {"cursor": page["next"]})
            items += page["items"]
        return items

    def balance(self, rating_w: int) -> JsonObject | None:
        """Return how the street goes now, to whom answers with stores of a rating; None where nothing is shared."""
        return self._get_or_none(f"/balance/{self.account}", {"ratingW": rating_w} | self._look())

    def rule(self) -> Rule | None:
        """Return the rule that the member has signed on the page for its agent; None when there is none.

        Raises:
            NotAReceipt: what the node tells is not signed by the member.
        """
        found = self._get_or_none(f"/rules/{self.account}", self._look())
        if found is None:
            return None
        signed = SignedRule.of(found)
        if signed.rule.account != self._own() or not signed.is_genuine(self._domain()):
            raise NotAReceipt("the rule is not the member's")
        return signed.rule

    def events(self, kinds: Sequence[str] = ("interval", "trade", "run")) -> Iterator[Happened]:
        """Yield what happens, for ever; a lost connection is taken up where it was.

        Raises:
            httpx.TransportError: the node does not answer any more.
        """
        return (event for event in self._events(kinds) if event.kind != OPENED)

    def follow_book(self, interval: int) -> Iterator[Book]:
        """Yield the book of an interval as it is and after each change, until its gate closes.

        Changes are put into a snapshot; where one was missed, a new snapshot is taken.

        Raises:
            httpx.TransportError: the node does not answer any more.
        """
        lead_s: int = self.status()["gateLeadS"]
        sides: dict[str, dict[int, Level]] = {}
        sequence = -1
        for event in self._events(("depth", "interval")):
            if event.kind == "interval":
                if event.data.get("start") == interval and event.data.get("status") != "open":
                    return
                continue
            if event.kind == "depth":
                if event.data["interval"] != interval or event.data["sequence"] <= sequence:
                    continue
                if event.data["previousSequence"] <= sequence:
                    for level in event.data["levels"]:
                        sides[level["side"]][level["price"]] = level_of(level)
                    sequence = event.data["sequence"]
                    yield book_of(interval, interval - lead_s, sides)
                    continue
            # A stream that has begun, missed or dropped something, or a change that does not follow what is here.
            snapshot = self._get_or_none(f"/depth/{interval}", {"levels": LEVELS_MAX})
            if snapshot is None:
                return
            sides = {
                side: {each["price"]: level_of(each) for each in snapshot[key]}
                for side, key in (("buy", "bids"), ("sell", "asks"))
            }
            sequence = snapshot["sequence"]
            yield book_of(interval, interval - lead_s, sides)

    def follow_candles(self, interval: int) -> Iterator[list[JsonObject]]:
        """Yield the candles of an open interval (of 900 s) as they are and after each change, until its gate closes.

        Changes are put into a snapshot; where one was missed, and at the end, a new snapshot is taken.

        Raises:
            httpx.TransportError: the node does not answer any more.
        """
        candles: dict[int, JsonObject] = {}
        sequence = -1
        for event in self._events(("candle", "interval")):
            closed = False
            if event.kind == "interval":
                closed = event.data.get("start") == interval and event.data.get("status") != "open"
                if not closed:
                    continue
            if event.kind == "candle":
                if event.data["interval"] != interval or event.data["sequence"] <= sequence:
                    continue
                if event.data["previousSequence"] <= sequence:
                    candles |= {each["start"]: each for each in event.data["candles"]}
                    sequence = event.data["sequence"]
                    yield [candles[start] for start in sorted(candles)]
                    continue
            page = self._get("/candles", {"interval": interval, "limit": CANDLES_MAX})
            candles, sequence = {each["start"]: each for each in page["items"]}, page["sequence"]
            yield [candles[start] for start in sorted(candles)]
            if closed:
                return

    def _events(self, kinds: Sequence[str]) -> Iterator[Happened]:
        """Yield what happens, and `OPENED` whenever a stream has begun."""
        last: str | None = None
        failures = 0
        while True:
            headers = {} if last is None else {"last-event-id": last}
            query = {"kinds": ",".join(kinds)}
            try:
                with self._http.stream(
                    "GET", "/events", params=query, headers=headers, timeout=SILENCE_S_MAX
                ) as stream:
                    for event in happenings(stream.iter_lines()):
                        failures, last = 0, event.id or last
                        yield event
            except httpx.TransportError:
                if failures >= RECONNECTIONS_MAX:
                    raise
            failures += 1
            if failures > 1:
                time.sleep(RECONNECTION_S)

    # -- TRADING

    def place(
        self,
        side: Side,
        quantity_wh: int,
        limit_price: int,
        *,
        interval: int,
        time_in_force: TimeInForce = TimeInForce.GOOD_TILL_GATE,
        **attributes: Any,
    ) -> Receipt:
        """Sign and place an order; `attributes` are further fields of `market.orders.Order`.

        Raises:
            NodeRefused: a rule refuses it, and nothing has changed.
            NotAReceipt: the answer is none that the node signed.
        """
        nonce = self._next_nonce()
        order = Order(self._own(), interval, side, quantity_wh, limit_price, time_in_force, nonce, 0, **attributes)
        digest = order_digest(self._domain(), order)
        body = {"order": order_json(order), "signature": self._signed(digest)}
        answer = self._send("POST", "/orders", body, {"idempotency-key": hex_text(digest)})
        return self._receipt(digest, answer)

    def cancel(self, order: Digest) -> Receipt:
        """Sign and send the cancellation of a resting order.

        Raises:
            NodeRefused: it rests no more.
            NotAReceipt: the answer is none that the node signed.
        """
        signature = self._signed(cancel_digest(self._domain(), self._own(), order))
        body = {"account": self.account, "signature": signature}
        return self._receipt(order, self._send("DELETE", f"/orders/{hex_text(order)}", body, {}))

    # -- INSIDE

    def _own(self) -> Address:
        if self._account is None:
            raise ValueError("a client without a key can only look")
        return self._account

    def _signed(self, digest: Digest) -> str:
        assert self._key is not None
        return hex_text(sign(self._key, digest))

    def _own_call(self, method: str, *wish: JsonObject) -> JsonObject:
        """Ask for what is the member's own, with a look that the member signs."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": [self.account, *wish, self._look()]}
        answer: JsonObject = self._http.post(self._rpc_url, json=body).json()
        if "error" in answer:
            raise NodeRefused(200, {"detail": answer["error"]["message"]})
        result: JsonObject = answer["result"]
        return result

    def _look(self) -> JsonObject:
        """Return a signed wish to see what is the member's own."""
        until = self.status()["now"] + LOOK_S
        return {"until": until, "signature": self._signed(look_digest(self._domain(), self._own(), until))}

    def _next_nonce(self) -> int:
        """Return a number above all that the account has used, whatever this client knows of it."""
        if not self._nonce:
            self._nonce = max((order["nonce"] for order in self.orders(account=self.account)), default=0)
        self._nonce += 1
        return self._nonce

    def _domain(self) -> Domain:
        if self._settlement is None:
            told = self._get("/domain")["settlement"]
            contract = address_from_hex(told["verifyingContract"])
            self._settlement = Domain(told["name"], told["version"], told["chainId"], contract)
        return self._settlement

    def _receipt(self, order: Digest, answer: JsonObject) -> Receipt:
        try:
            outcome = Outcome[answer["outcome"].upper().replace("-", "_")]
            signed = receipt_digest(
                self._domain(),
                answer["sequence"],
                digest_from_hex(answer["journalHash"]),
                digest_from_hex(answer["orderDigest"]),
                outcome,
                answer["acceptedAt"],
            )
            signer = hex_text(recover(signed, bytes.fromhex(answer["receiptSignature"][2:])))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NotAReceipt(f"{type(error).__name__} in {json.dumps(answer)[:200]}") from None
        if answer["orderDigest"] != hex_text(order) or signer != answer["node"]:
            raise NotAReceipt(f"it is for {answer['orderDigest']}, signed by {signer}")
        return Receipt(
            order,
            answer["sequence"],
            answer["outcome"],
            answer.get("filledWh", 0),
            answer.get("restingWh", 0),
            answer["acceptedAt"],
        )

    def _list(self, path: str, query: dict[str, Any]) -> list[JsonObject]:
        named = _named(query)
        items: list[JsonObject] = []
        cursor: str | None = None
        while True:
            page = self._get(path, named | ({"cursor": cursor} if cursor else {}))
            items += page["items"]
            cursor = page["next"]
            if cursor is None:
                return items

    def _get(self, path: str, query: dict[str, Any] | None = None) -> JsonObject:
        return _read(self._http.get(API + path, params=query))

    def _get_or_none(self, path: str, query: dict[str, Any] | None = None) -> JsonObject | None:
        try:
            return self._get(path, query)
        except NodeRefused as refused:
            if refused.status == 404:
                return None
            raise

    def _send(self, method: str, path: str, body: JsonObject, headers: dict[str, str]) -> JsonObject:
        return _read(self._http.request(method, API + path, json=body, headers=headers))


def _named(query: Mapping[str, Any]) -> JsonObject:
    return {{"start": "from", "end": "to"}.get(name, name): value for name, value in query.items()}


def _read(answer: httpx.Response) -> JsonObject:
    read: JsonObject = answer.json()
    if not answer.is_success:
        raise NodeRefused(answer.status_code, read)
    return read
