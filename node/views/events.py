"""What happens in the node, told at once to whoever watches: the page and other clients of server-sent events.

One process, one event loop. Events are news, not records: the latest ones are kept for whoever was away for a moment;
whoever misses more is told so, and asks `node.views.queries` for the truth.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

KEPT_MAX: Final = 1_000
"""Events of each kind that are kept for those who come back."""
QUEUE_LEN_MAX: Final = 256
"""Events that wait for one subscriber; a slower one is dropped and has to come back."""


class EventKind(StrEnum):
    """What an event is about."""

    INTERVAL = "interval"
    """An interval changed its status: opened, closed, attested, settled."""
    TRADE = "trade"
    RUN = "run"
    """A settlement run is on chain."""
    DECISION = "decision"
    """The registry was changed: members, meters, keys, quorums, terms."""
    DEPTH = "depth"
    """What rests at some prices of a book changed; only for who asks for it, for it comes with every order."""
    CANDLE = "candle"
    """Candles of an interval changed; only for who asks."""
    MISSED = "missed"
    """Some events are gone for the one who is told, who takes a snapshot: the truth is in the API."""
    DROPPED = "dropped"
    """The last event of a subscriber who was too slow."""


USUAL_KINDS: Final = frozenset({EventKind.INTERVAL, EventKind.TRADE, EventKind.RUN, EventKind.DECISION})
"""What a watcher is told that does not choose."""
TOLD_KINDS: Final = frozenset({*USUAL_KINDS, EventKind.DEPTH, EventKind.CANDLE})
"""What a watcher can choose from."""


@dataclass(frozen=True, slots=True)
class NodeEvent:
    """One piece of news."""

    number: int
    """Count from 1 since the node started."""
    kind: EventKind
    data: dict[str, Any]
    """The changed thing in the shape of `node.views.rows`, or part of it."""


class Subscription:
    """One watcher's place in the broadcast."""

    def __init__(self, queue_len_max: int, kinds: Collection[EventKind] = USUAL_KINDS) -> None:
        self.kinds = kinds
        """What it is told of."""
        self._queue: asyncio.Queue[NodeEvent | None] = asyncio.Queue(queue_len_max + 2)
        self._queue_len_max = queue_len_max
        self.ended = False
        """True once no further event will be added."""

    async def next_event(self) -> NodeEvent | None:
        """Wait for the next event; None when the broadcast has ended or has dropped this subscriber.

        One that was dropped still gets what already waited, and then the reason.
        """
        if self.ended and self._queue.empty():
            return None
        return await self._queue.get()

    async def events(self) -> AsyncIterator[NodeEvent]:
        """Yield events until there are no more."""
        while (event := await self.next_event()) is not None:
            yield event

    def offer(self, event: NodeEvent) -> bool:
        """Add an event; False, and the end of the subscription, when too many wait already."""
        if self._queue.qsize() >= self._queue_len_max:
            if not self.ended:
                reason = f"too slow: {self._queue_len_max} events waited"
                self._queue.put_nowait(NodeEvent(event.number - 1, EventKind.DROPPED, {"reason": reason}))
            self.end()
            return False
        self._queue.put_nowait(event)
        return True

    def forget(self) -> None:
        """Drop what waits: the subscriber is about to read the truth anyway."""
        while not self._queue.empty():
            if self._queue.get_nowait() is None:
                self._queue.put_nowait(None)
                return

    def end(self) -> None:
        """Let the subscriber finish what waits and stop."""
        if not self.ended:
            self.ended = True
            self._queue.put_nowait(None)  # fits: the queue has two places more than events may take


class Broadcaster:
    """Hands every event to every subscriber, and never waits for one."""

    def __init__(self, queue_len_max: int = QUEUE_LEN_MAX, epoch: int = 0) -> None:
        """Take how much may wait for one subscriber, and a number that no other start of the node has."""
        self.epoch = epoch
        self._kept: dict[EventKind, deque[NodeEvent]] = {kind: deque(maxlen=KEPT_MAX) for kind in TOLD_KINDS}
        self._queue_len_max = queue_len_max
        self._subscriptions: list[Subscription] = []
        self._count = 0
        self._closed = False

    def publish(self, kind: EventKind, data: dict[str, Any]) -> None:
        """Tell all subscribers of one of `TOLD_KINDS`; drops those that are too slow.

        Call it from the event loop's thread.
        """
        self._count += 1
        event = NodeEvent(self._count, kind, data)
        self._kept[kind].append(event)
        self._subscriptions = [each for each in self._subscriptions if kind not in each.kinds or each.offer(event)]

    @contextmanager
    def subscribe(
        self, kinds: Collection[EventKind] = USUAL_KINDS, after: tuple[int, int] | None = None
    ) -> Iterator[Subscription]:
        """Receive all events of some kinds from now on, until the block is left.

        Args:
            kinds: Which.
            after: Epoch and number of the last event that the subscriber knows: those since are told first, or that
                they are gone.
        """
        subscription = Subscription(self._queue_len_max, kinds)
        if after is not None:
            for event in self._since(*after, kinds):
                subscription.offer(event)
        self._subscriptions.append(subscription)
        if self._closed:
            subscription.end()
        try:
            yield subscription
        finally:
            self._subscriptions = [other for other in self._subscriptions if other is not subscription]

    def _since(self, epoch: int, number: int, kinds: Collection[EventKind]) -> list[NodeEvent]:
        """Return the events of some kinds since one, or the one that says that they are gone."""
        kept = [self._kept[kind] for kind in TOLD_KINDS.intersection(kinds)]
        known = epoch == self.epoch and 0 <= number <= self._count
        known &= all(len(of_kind) < KEPT_MAX or of_kind[0].number <= number + 1 for of_kind in kept)
        events = [event for of_kind in kept for event in of_kind if event.number > number]
        if known and len(events) < self._queue_len_max:
            return sorted(events, key=lambda event: event.number)
        return [NodeEvent(self._count, EventKind.MISSED, {"reason": "too old: take a snapshot"})]

    @property
    def closed(self) -> bool:
        """Whether there will be no more news."""
        return self._closed

    def close(self) -> None:
        """End all subscriptions, present and future, so that the server can stop."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.end()

    @property
    def subscribers(self) -> int:
        """How many are watching."""
        return len(self._subscriptions)


def place_of(text: str) -> tuple[int, int]:
    """Return epoch and number of an event's ``id``; one that nobody can have told for what is no id."""
    epoch, _, number = text.partition("-")
    if not all(part.isascii() and part.isdigit() and len(part) <= 18 for part in (epoch, number)):
        return -1, -1
    return int(epoch), int(number)
