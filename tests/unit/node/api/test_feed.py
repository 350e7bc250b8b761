"""Hundreds of open pages are one page written once: what each is sent, when, and who has its turn between."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from node.api import feed as feeds
from node.api.feed import WOKEN_AT_ONCE, Feed, Sections
from node.views.events import Broadcaster, EventKind
from tests.support.asgi import run


class Writer:
    """Sections of a page that a test changes, and how often they were written."""

    def __init__(self, **sections: str) -> None:
        self.sections = dict(sections)
        self.count = 0

    async def __call__(self) -> Sections:
        self.count += 1
        return dict(self.sections)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "QUIET_S", 0.05)


def opened(feed: Feed, known: str | None = None, silence_s_max: float = 5) -> AsyncIterator[Any]:
    return aiter(feed.response(known, silence_s_max).body_iterator)


async def told(stream: AsyncIterator[Any]) -> tuple[str, Any]:
    """Return id and content of the next frame."""
    while True:
        lines = bytes(await asyncio.wait_for(anext(stream), 5)).decode().splitlines()
        if lines[0].startswith("id: "):
            assert lines[1] == "event: changed"
            return lines[0][4:], json.loads(lines[2].removeprefix("data: "))


def test_a_page_that_opens_is_sent_everything_and_then_what_changed() -> None:
    async def follow() -> None:
        broadcaster, writer = Broadcaster(epoch=7), Writer(book="a", trades="b")
        stream = opened(Feed(broadcaster, writer))
        assert await told(stream) == ("7-1", {"book": "a", "trades": "b"})
        writer.sections["book"] = "c"
        broadcaster.publish(EventKind.TRADE, {})
        assert await told(stream) == ("7-2", {"book": "c"})
        broadcaster.close()
        assert [each async for each in stream] == []

    run(follow())


def test_a_burst_of_news_is_written_once_for_all_who_follow() -> None:
    async def follow() -> None:
        broadcaster, writer = Broadcaster(), Writer(book="0")
        feed = Feed(broadcaster, writer)
        streams = [opened(feed) for _ in range(20)]
        await asyncio.gather(*(told(stream) for stream in streams))
        for number in range(600):  # more than may wait for one subscriber
            writer.sections["book"] = str(number)
            broadcaster.publish(EventKind.TRADE, {})
        frames = await asyncio.gather(*(told(stream) for stream in streams))
        assert frames == [("0-2", {"book": "599"})] * 20
        assert writer.count <= 3

    run(follow())


def test_who_was_away_or_is_slow_is_sent_the_latest_state_whole() -> None:
    async def follow() -> None:
        broadcaster, writer = Broadcaster(), Writer(book="0", trades="0")
        feed = Feed(broadcaster, writer)
        slow, quick = opened(feed), opened(feed)
        first, _ = await told(slow)
        await told(quick)
        for number in ("1", "2"):
            writer.sections["book"] = number
            broadcaster.publish(EventKind.TRADE, {})
            latest, content = await told(quick)
            assert content == {"book": number}
        assert await told(slow) == (latest, {"book": "2", "trades": "0"})
        assert (await told(opened(feed, first)))[1] == {"book": "2", "trades": "0"}
        silent = opened(feed, latest, silence_s_max=0.02)
        assert [bytes(await anext(silent)) for _ in range(3)][1:] == [b": still here\n\n"] * 2

    run(follow())


def test_a_page_that_fetches_itself_hears_of_news_alone() -> None:
    async def follow() -> None:
        broadcaster = Broadcaster()
        feed = Feed(broadcaster, feeds.no_sections)
        stream = opened(feed)
        await anext(stream)
        waiting = asyncio.create_task(told(stream))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        broadcaster.publish(EventKind.RUN, {})
        assert (await waiting)[1] == {}
        assert (await told(opened(feed, "0-0")))[1] == {}, "who comes back may have missed something"

    run(follow())


def test_others_have_their_turn_while_readers_are_woken() -> None:
    async def follow() -> None:
        broadcaster, writer = Broadcaster(), Writer(book="0")
        feed = Feed(broadcaster, writer)
        streams = [opened(feed) for _ in range(10 * WOKEN_AT_ONCE)]
        for stream in streams:
            await told(stream)
        awake = 0

        async def count(stream: AsyncIterator[Any]) -> None:
            nonlocal awake
            await told(stream)
            awake += 1

        tasks = [asyncio.create_task(count(stream)) for stream in streams]
        writer.sections["book"] = "1"
        broadcaster.publish(EventKind.TRADE, {})
        seen = [0]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            seen.append(awake)
        steps = [after - before for before, after in itertools.pairwise(seen)]
        assert max(steps) <= 2 * WOKEN_AT_ONCE

    run(follow())


def test_nothing_is_written_when_nobody_follows() -> None:
    async def follow() -> None:
        broadcaster, writer = Broadcaster(), Writer(book="0")
        stream = opened(Feed(broadcaster, writer))
        await told(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        assert broadcaster.subscribers == 0
        broadcaster.publish(EventKind.TRADE, {})
        await asyncio.sleep(0.1)
        assert writer.count == 1

    run(follow())
