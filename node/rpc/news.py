"""`energy_subscribe` over a WebSocket: trades, depth, candles, intervals and runs, as they happen, and taken up again.

A subscription may begin after an event that its client knows (`after`, the `id` of a notification): it is told all
since, or `missed`, and takes a snapshot (`energy_getDepth`, `energy_getCandles`). One that is too slow is told
`dropped`, with the reason, and ends; nobody waits for it. Refuses: kinds that there are not, and more than
`SUBSCRIPTIONS_MAX` of one connection. An event is written as JSON once for all, and sent in the slices of
`node.rpc.pace`.
"""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from node.rpc import codes, parameters
from node.rpc.pace import Pace
from node.rpc.parameters import BadParameter
from node.rpc.subscriptions import SUBSCRIPTIONS_MAX, SubscriptionError
from node.views.events import TOLD_KINDS, Broadcaster, EventKind, NodeEvent, Subscription, place_of

WRITTEN_MAX: Final = 64
"""Events that are kept as JSON."""
METHODS: Final = ("energy_subscribe", "energy_unsubscribe")


@dataclass(slots=True)
class _Followed:
    events: Subscription
    interval: int | None
    """Of which alone is told; None for all."""
    leave: ExitStack
    telling: asyncio.Task[None] | None = None


class NewsFeed:
    """What all connections to one port are told of the node."""

    def __init__(self, broadcaster: Broadcaster, pace: Pace) -> None:
        """Take what happens, and in whose slices is told."""
        self.broadcaster = broadcaster
        self.pace = pace
        self._written: dict[tuple[int, EventKind], str] = {}

    def written(self, event: NodeEvent) -> str:
        """Return an event as JSON."""
        key = event.number, event.kind
        if key not in self._written:
            told = {"id": f"{self.broadcaster.epoch}-{event.number}", "kind": event.kind, "data": event.data}
            if len(self._written) >= WRITTEN_MAX:
                del self._written[next(iter(self._written))]
            self._written[key] = json.dumps(told, separators=(",", ":"))
        return self._written[key]


class News:
    """The subscriptions of one connection to what happens in the node."""

    def __init__(self, feed: NewsFeed, send: Callable[[str], Awaitable[None]]) -> None:
        self._feed = feed
        self._send = send
        self._active: dict[str, _Followed] = {}

    def subscribe(self, params: Any) -> str:
        """Begin a subscription and return its id; `push` then starts to tell.

        Raises:
            SubscriptionError: a filter that can not be read, or too many subscriptions.
        """
        try:
            kinds, interval, after = _parsed(params)
        except BadParameter as error:
            raise SubscriptionError(codes.INVALID_PARAMS, f"{error.field}: {error.problem}") from None
        if len(self._active) >= SUBSCRIPTIONS_MAX:
            raise SubscriptionError(codes.LIMIT_EXCEEDED, f"too many subscriptions, at most {SUBSCRIPTIONS_MAX}")
        leave = ExitStack()
        events = leave.enter_context(self._feed.broadcaster.subscribe(kinds, after))
        identifier = hex(secrets.randbits(127) | 1 << 127)
        self._active[identifier] = _Followed(events, interval, leave)
        return identifier

    def unsubscribe(self, params: Any) -> bool:
        """End a subscription.

        Raises:
            SubscriptionError: there is none with that id.
        """
        identifier = params[0] if isinstance(params, list) and len(params) == 1 else None
        followed = self._active.pop(identifier, None) if isinstance(identifier, str) else None
        if followed is None:
            raise SubscriptionError(codes.SERVER_ERROR, "subscription not found")
        followed.leave.close()
        if followed.telling is not None:
            followed.telling.cancel()
        return True

    def push(self) -> None:
        """Tell from now on; to be called when the answers with the ids are on their way."""
        for identifier, followed in self._active.items():
            if followed.telling is None:
                followed.telling = asyncio.create_task(self._tell(identifier, followed))

    async def close(self) -> None:
        """End all subscriptions."""
        tasks = [followed.telling for followed in self._active.values() if followed.telling is not None]
        for identifier in list(self._active):
            self.unsubscribe([identifier])
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _tell(self, identifier: str, followed: _Followed) -> None:
        async for event in followed.events.events():
            if followed.interval in (None, event.data.get("interval", event.data.get("start", followed.interval))):
                await self._feed.pace.step()
                await self._send(
                    '{"jsonrpc":"2.0","method":"energy_subscription","params":'
                    f'{{"subscription":"{identifier}","result":{self._feed.written(event)}}}}}'
                )
        # Whoever was dropped, or watches a node that ends, is told nothing more.
        self._active.pop(identifier, None)
        followed.leave.close()


def _parsed(params: Any) -> tuple[frozenset[EventKind], int | None, tuple[int, int] | None]:
    """Return kinds, interval and place of ``[{"kinds": ["trade", "depth"], "interval": 0, "after": "1-2"}]``."""
    if not isinstance(params, list) or len(params) != 1 or not isinstance(params[0], dict):
        raise BadParameter("params", "must hold one object with kinds, and interval and after if need be")
    wish = params[0]
    unknown = set(wish) - {"kinds", "interval", "after"}
    if unknown:
        raise BadParameter(min(unknown), "is none of kinds, interval, after")
    kinds = wish.get("kinds")
    known = [str(kind) for kind in TOLD_KINDS]
    if not isinstance(kinds, list) or not kinds or any(kind not in known for kind in kinds):
        raise BadParameter("kinds", f"must be a list of {', '.join(sorted(known))}")
    interval = wish.get("interval")
    after = wish.get("after")
    return (
        frozenset(EventKind(kind) for kind in kinds),
        None if interval is None else parameters.natural("interval", interval),
        None if after is None else place_of(parameters.text(40)("after", after)),
    )
