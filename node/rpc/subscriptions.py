"""Subscriptions over a WebSocket: `eth_subscribe` to `newHeads`, `logs`, `newPendingTransactions` and `syncing`.

The chain lives in another process that answers and never calls. One task for all connections therefore asks it for its
height while somebody is subscribed, and each connection is sent what its subscriptions want of the blocks that are new
to it: fetched and written as JSON once for all who want the same, and sent in the slices of `node.rpc.pace`. Nothing is
queued: a client that reads slowly falls behind on its own, and reads old blocks from the chain. Transactions are
sealed as they come in: a pending one is told about when its block is.
"""

import asyncio
import contextlib
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from energy.errors import Unavailable
from node.rpc import codes
from node.rpc.pace import Pace
from node.rpc.ports import ChainRequests, JsonObject

POLL_S: Final = 0.1
"""How often the chain is asked for its height."""
SUBSCRIPTIONS_MAX: Final = 100
"""Of one connection."""
KEPT_MAX: Final = 64
"""Results of a kind of subscription and a block that are kept for others who want them."""
KEPT_CHARACTERS_MAX: Final = 1_000_000
"""Longer results are kept for nobody who comes later."""
KINDS: Final = ("newHeads", "logs", "newPendingTransactions", "syncing")


class SubscriptionError(Exception):
    """A subscription that cannot be had; carries the error object of the answer."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.error: JsonObject = {"code": code, "message": message}


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is told of each block; the same to all who wish the same."""

    kind: str
    detail: str = "null"
    """JSON: the filter of `logs`; whether `newPendingTransactions` wants whole transactions."""


WHOLE_TRANSACTIONS: Final = _Wish("newPendingTransactions", "true")


@dataclass(frozen=True, slots=True)
class _Subscription:
    wish: _Wish
    after: int
    """Height of the chain when it began: only later blocks are told about."""


class HeadFeed:
    """Tells everybody who waits that the chain has grown, and what is new in it."""

    def __init__(self, chain: ChainRequests, pace: Pace, poll_s: float = POLL_S) -> None:
        self._chain = chain
        self.pace = pace
        """In whose slices is told."""
        self._poll_s = poll_s
        self._results: dict[tuple[_Wish, int], asyncio.Task[list[str]]] = {}
        self._head = -1
        self._grown = asyncio.Condition()
        self._waiting = 0
        self._polling: asyncio.Task[None] | None = None

    async def ask(self, method: str, *params: Any) -> Any:
        """Return what the chain answers to a call.

        Raises:
            SubscriptionError: it answers with an error.
            Unavailable: it does not answer.
        """
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = json.loads(await self._chain.request_bytes(json.dumps(request).encode()))
        if "error" in answer:
            raise SubscriptionError(answer["error"]["code"], answer["error"]["message"])
        return answer["result"]

    async def ask_patiently(self, method: str, *params: Any) -> Any:
        """Return what the chain answers to a call, however long it takes to answer."""
        while True:
            with contextlib.suppress(Unavailable):
                return await self.ask(method, *params)
            await asyncio.sleep(self._poll_s)

    async def height(self) -> int:
        """Return the height of the chain now."""
        return int(await self.ask("eth_blockNumber"), 16)

    async def wait_beyond(self, number: int) -> int:
        """Wait until the chain is higher than a block, and return its height."""
        self._waiting += 1
        if self._polling is None or self._polling.done():
            self._polling = asyncio.create_task(self._poll())
        try:
            async with self._grown:
                await self._grown.wait_for(lambda: self._head > number)
                return self._head
        finally:
            self._waiting -= 1

    async def results(self, wish: _Wish, number: int) -> list[str]:
        """Return what is to be told of a block, each as JSON."""
        key = wish, number
        if key not in self._results:
            await self.pace.step()
        fetching = self._results.get(key)
        if fetching is None:
            if len(self._results) >= KEPT_MAX:
                del self._results[next(iter(self._results))]
            fetching = self._results[key] = asyncio.create_task(self._fetched(key))
        return await asyncio.shield(fetching)  # others may wait for the same

    async def _fetched(self, key: tuple[_Wish, int]) -> list[str]:
        is_kept = False
        try:
            results = [json.dumps(each, separators=(",", ":")) for each in await self._asked(*key)]
            is_kept = sum(map(len, results)) <= KEPT_CHARACTERS_MAX
            return results
        finally:
            if not is_kept:
                self._results.pop(key, None)

    async def _asked(self, wish: _Wish, number: int) -> list[Any]:
        at = hex(number)
        if wish.kind == "logs":
            query = {**json.loads(wish.detail), "fromBlock": at, "toBlock": at}
            return list(await self.ask_patiently("eth_getLogs", query))
        block = await self.ask_patiently("eth_getBlockByNumber", at, wish == WHOLE_TRANSACTIONS)
        if wish.kind == "newPendingTransactions":
            return list(block["transactions"])
        return [{key: value for key, value in block.items() if key not in ("transactions", "uncles", "size")}]

    async def _poll(self) -> None:
        while self._waiting:
            head = int(await self.ask_patiently("eth_blockNumber"), 16)
            if head != self._head:
                self._head = head
                async with self._grown:
                    self._grown.notify_all()
            await asyncio.sleep(self._poll_s)


class Subscriptions:
    """The subscriptions of one connection."""

    def __init__(self, feed: HeadFeed, send: Callable[[str], Awaitable[None]]) -> None:
        self._feed = feed
        self._send = send
        self._active: dict[str, _Subscription] = {}
        self._pushing: asyncio.Task[None] | None = None

    async def subscribe(self, params: Any) -> str:
        """Begin a subscription and return its id; `push` then starts to tell.

        Raises:
            SubscriptionError: unknown kind, malformed filter, or too many.
            Unavailable: the chain does not answer.
        """
        kind, detail = _parsed(params)
        if len(self._active) >= SUBSCRIPTIONS_MAX:
            raise SubscriptionError(codes.LIMIT_EXCEEDED, f"too many subscriptions, at most {SUBSCRIPTIONS_MAX}")
        if kind == "logs":
            detail = {key: value for key, value in (detail or {}).items() if key in ("address", "topics")}
            await self._feed.ask("eth_getLogs", detail)  # refuses a malformed filter in the chain's words
        identifier = hex(secrets.randbits(127) | 1 << 127)
        wish = _Wish(kind, json.dumps(detail, sort_keys=True))
        self._active[identifier] = _Subscription(wish, await self._feed.height())
        return identifier

    def unsubscribe(self, params: Any) -> bool:
        """End a subscription.

        Raises:
            SubscriptionError: there is none with that id.
        """
        identifier = params[0] if isinstance(params, list) and len(params) == 1 else None
        if not isinstance(identifier, str) or self._active.pop(identifier, None) is None:
            raise SubscriptionError(codes.SERVER_ERROR, "subscription not found")
        return True

    def push(self) -> None:
        """Tell about new blocks from now on; to be called when the answer with the id is on its way."""
        if self._active and (self._pushing is None or self._pushing.done()):
            first = min(subscription.after for subscription in self._active.values())
            self._pushing = asyncio.create_task(self._push_after(first))

    async def close(self) -> None:
        """End all subscriptions."""
        self._active.clear()
        if self._pushing is not None:
            self._pushing.cancel()
            await asyncio.gather(self._pushing, return_exceptions=True)

    async def _push_after(self, seen: int) -> None:
        while self._active:
            head = await self._feed.wait_beyond(seen)
            for number in range(seen + 1, head + 1):
                await self._push_block(number)
            seen = head

    async def _push_block(self, number: int) -> None:
        for identifier, subscription in list(self._active.items()):
            if subscription.after >= number or subscription.wish.kind == "syncing":  # it never is
                continue
            for result in await self._feed.results(subscription.wish, number):
                await self._feed.pace.step()
                if identifier in self._active:
                    await self._send(
                        '{"jsonrpc":"2.0","method":"eth_subscription","params":'
                        f'{{"subscription":"{identifier}","result":{result}}}}}'
                    )


def _parsed(params: Any) -> tuple[str, Any]:
    if not isinstance(params, list) or not 1 <= len(params) <= 2 or params[0] not in KINDS:
        raise SubscriptionError(codes.INVALID_PARAMS, f"invalid subscription: expected one of {', '.join(KINDS)}")
    kind, detail = params[0], params[1] if len(params) == 2 else None
    expected = {"logs": dict, "newPendingTransactions": bool}.get(kind)
    if detail is not None and (expected is None or not isinstance(detail, expected)):
        raise SubscriptionError(codes.INVALID_PARAMS, f"invalid parameter of the subscription to {kind}")
    return kind, detail
