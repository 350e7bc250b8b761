"""What happens in the node, told at once to whoever watches: the page and other clients of server-sent events.

One process, one event loop. Events are news, not records: the latest ones are kept for whoever was away for a moment;
whoever misses more is told so, and asks `node.queries` for the truth.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

KEPT_MAX: Final = 1_000
"""Events that are kept for those who come back; of `USUAL_KINDS` only."""
QUEUE_LEN_MAX: Final = 256
"""Events that wait for one subscriber; a slower one is dropped and has to come back."""


class EventKind(StrEnum):
    """What an event is about."""

    INTERVAL = "interval"
    """An interval changed its status: opened, closed, attested, settled."""
    TRADE = "trade"
    RUN = "run"
    """A settlement run is on chain."""
    DEPTH = "depth"
    """What rests at some prices of a book changed; only for who asks for it, for it comes with every order."""
    MISSED = "missed"
    """Some events are gone for the one who is told: the truth is in the API."""


USUAL_KINDS: Final = frozenset({EventKind.INTERVAL, EventKind.TRADE, EventKind.RUN})
"""What a watcher is told that does not choose."""


@dataclass(frozen=True, slots=True)
class NodeEvent:
    """One piece of news."""

    number: int
    """Count from 1 since the node started."""
    kind: EventKind
    data: dict[str, Any]
    """The changed thing in the shape of `node.query_rows`, or part of it."""


class Subscription:
    """One watcher's place in the broadcast."""

    def __init__(self, queue_len_max: int, kinds: Collection[EventKind] = USUAL_KINDS) -> None:
        self.kinds = kinds
        """What it is told of."""
        self._queue: asyncio.Queue[NodeEvent | None] = asyncio.Queue(queue_len_max + 1)
        self._queue_len_max = queue_len_max
        self.ended = False
        """True once no further event will be added."""

    async def next_event(self) -> NodeEvent | None:
        """Wait for the next event; None when the broadcast has ended or has dropped this subscriber.

        One that was dropped still gets what already waited.
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
            self._queue.put_nowait(None)  # fits: the queue has one place more than events may take


class Broadcaster:
    """Hands every event to every subscriber, and never waits for one."""

    def __init__(self, queue_len_max: int = QUEUE_LEN_MAX, epoch: int = 0) -> None:
        """Take how much may wait for one subscriber, and a number that no other start of the node has."""
        self.epoch = epoch
        self._kept: deque[NodeEvent] = deque(maxlen=KEPT_MAX)
        self._queue_len_max = queue_len_max
        self._subscriptions: list[Subscription] = []
        self._count = 0
        self._closed = False

    def publish(self, kind: EventKind, data: dict[str, Any]) -> None:
        """Tell all subscribers; drops those that are too slow. Call it from the event loop's thread."""
        self._count += 1
        event = NodeEvent(self._count, kind, data)
        if kind in USUAL_KINDS:
            self._kept.append(event)
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
        oldest = self._kept[0].number if self._kept else self._count + 1
        known = epoch == self.epoch and oldest - 1 <= number <= self._count and USUAL_KINDS.issuperset(kinds)
        events = [event for event in self._kept if event.number > number and event.kind in kinds]
        if known and len(events) < self._queue_len_max:
            return events
        return [NodeEvent(self._count, EventKind.MISSED, {})]

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
