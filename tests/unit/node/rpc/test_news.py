"""What happens in the node, told over a WebSocket: in sequence, taken up again, and never waited for."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.rpc.news import News, NewsFeed
from node.rpc.pace import Pace
from node.rpc.subscriptions import SubscriptionError
from node.views.events import QUEUE_LEN_MAX, Broadcaster, EventKind, place_of
from tests.support.asgi import run

TOLD = [EventKind.TRADE, EventKind.DEPTH, EventKind.INTERVAL, EventKind.RUN]


class Listener:
    """A client that keeps what it is told, and may stop reading."""

    def __init__(self, broadcaster: Broadcaster) -> None:
        self.told: list[dict[str, Any]] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.news = News(NewsFeed(broadcaster, Pace()), self._send)

    async def _send(self, text: str) -> None:
        await self.reads.wait()
        notification = json.loads(text)
        assert notification["method"] == "energy_subscription"
        self.told.append(notification["params"]["result"])

    async def until_told(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.told) < count:
                await asyncio.sleep(0)

    def subscribe(self, **wish: Any) -> str:
        identifier = self.news.subscribe([wish])
        self.news.push()
        return identifier


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_tells_the_chosen_kinds_of_the_chosen_interval_in_sequence() -> None:
    async def scene() -> None:
        broadcaster = Broadcaster(epoch=7)
        client = Listener(broadcaster)
        client.subscribe(kinds=["trade", "interval"], interval=900)
        broadcaster.publish(EventKind.TRADE, {"interval": 900, "number": 0})
        broadcaster.publish(EventKind.TRADE, {"interval": 1_800, "number": 0})
        broadcaster.publish(EventKind.DEPTH, {"interval": 900})
        broadcaster.publish(EventKind.INTERVAL, {"start": 900, "status": "closed"})
        await settled()
        assert [(each["id"], each["kind"]) for each in client.told] == [("7-1", "trade"), ("7-4", "interval")]
        await client.news.close()
        assert broadcaster.subscribers == 0

    run(scene())


@given(st.lists(st.sampled_from(TOLD), max_size=60), st.data())
def test_whoever_comes_back_has_missed_nothing(published: list[EventKind], data: st.DataObject) -> None:
    """What was told before a connection was lost and after it was taken up again is everything, once, in sequence."""
    left = data.draw(st.integers(0, len(published)))
    back = data.draw(st.integers(left, len(published)))
    kinds = data.draw(st.sets(st.sampled_from(TOLD), min_size=1))

    async def scene() -> None:
        broadcaster = Broadcaster(epoch=3)
        client = Listener(broadcaster)
        client.subscribe(kinds=sorted(kinds))
        for number, kind in enumerate(published):
            if number == left:
                await settled_all(client)
                await client.news.close()
            if number == back:
                client.subscribe(kinds=sorted(kinds), after=client.told[-1]["id"] if client.told else "3-0")
            broadcaster.publish(kind, {"sequence": number})
        if len(published) == back:
            await settled_all(client)
            client.subscribe(kinds=sorted(kinds), after=client.told[-1]["id"] if client.told else "3-0")
        await settled_all(client)
        heard = list(dict.fromkeys(each["data"]["sequence"] for each in client.told))
        assert heard == [number for number, kind in enumerate(published) if kind in kinds]
        assert heard == sorted(heard)
        await client.news.close()

    async def settled_all(client: Listener) -> None:
        for _ in range(len(published) + 5):
            await asyncio.sleep(0)

    run(scene())


@pytest.mark.parametrize("after", ["7-1", "6-900", "no id", "7-99999"])
def test_whoever_comes_back_too_late_is_told_to_take_a_snapshot(after: str) -> None:
    async def scene() -> None:
        broadcaster = Broadcaster(epoch=7)
        for number in range(QUEUE_LEN_MAX + 5):
            broadcaster.publish(EventKind.DEPTH, {"sequence": number})
        client = Listener(broadcaster)
        client.subscribe(kinds=["depth"], after=after)
        await settled()
        ((missed),) = client.told
        assert (missed["kind"], missed["data"]) == ("missed", {"reason": "too old: take a snapshot"})
        broadcaster.publish(EventKind.DEPTH, {"sequence": 9_999})
        await settled()
        assert client.told[1]["data"] == {"sequence": 9_999}, "from there on it is told everything"
        assert place_of(missed["id"]) == (7, QUEUE_LEN_MAX + 5)
        await client.news.close()

    run(scene())


def test_a_client_that_does_not_read_is_dropped_with_the_reason_and_keeps_nobody_waiting() -> None:
    async def scene() -> None:
        broadcaster = Broadcaster()
        slow, quick = Listener(broadcaster), Listener(broadcaster)
        slow.subscribe(kinds=["depth"])
        quick.subscribe(kinds=["depth"])
        slow.reads.clear()
        for number in range(QUEUE_LEN_MAX + 10):
            broadcaster.publish(EventKind.DEPTH, {"sequence": number})
            await quick.until_told(number + 1)
        assert broadcaster.subscribers == 1
        slow.reads.set()
        await slow.until_told(QUEUE_LEN_MAX + 2)  # one was on its way, and the last says why
        assert slow.told[-1]["kind"] == "dropped"
        assert slow.told[-1]["data"] == {"reason": f"too slow: {QUEUE_LEN_MAX} events waited"}
        again = Listener(broadcaster)
        again.subscribe(kinds=["depth"], after=slow.told[-1]["id"])
        await settled()
        assert again.told[0]["data"]["sequence"] == slow.told[-2]["data"]["sequence"] + 1, "it is taken up there"

    run(scene())


@pytest.mark.parametrize(
    "params",
    [
        [],
        ["trade"],
        [{}],
        [{"kinds": []}],
        [{"kinds": ["missed"]}],
        [{"kinds": ["trade"], "interval": -1}],
        [{"kinds": ["trade"], "after": 5}],
        [{"kinds": ["trade"], "since": 5}],
    ],
)
def test_refuses_what_is_no_subscription(params: Any) -> None:
    with pytest.raises(SubscriptionError) as refused:
        Listener(Broadcaster()).news.subscribe(params)
    assert refused.value.error["code"] == -32602
