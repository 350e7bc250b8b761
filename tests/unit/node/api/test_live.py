import asyncio

import pytest

from node.api.live import chosen_kinds, event_stream
from node.rpc.parameters import BadParameter
from node.views.events import USUAL_KINDS, Broadcaster, EventKind
from tests.support.asgi import run


async def stream(publish: int, silence_s_max: float, close_after_s: float) -> list[str]:
    broadcaster = Broadcaster()
    response = event_stream(broadcaster, silence_s_max)

    async def publishing() -> None:
        while not broadcaster.subscribers:
            await asyncio.sleep(0)
        for number in range(publish):
            broadcaster.publish(EventKind.RUN, {"runId": number})
        await asyncio.sleep(close_after_s)
        broadcaster.close()

    task = asyncio.create_task(publishing())
    blocks = [chunk if isinstance(chunk, str) else bytes(chunk).decode() async for chunk in response.body_iterator]
    await task
    assert broadcaster.subscribers == 0
    return blocks


def test_tells_each_event_with_its_number_and_kind() -> None:
    assert run(stream(2, 5, 0)) == [
        "retry: 3000\n\n",
        'id: 0-1\nevent: run\ndata: {"runId":0}\n\n',
        'id: 0-2\nevent: run\ndata: {"runId":1}\n\n',
    ]


def test_keeps_a_silent_connection_alive_and_loses_nothing_by_it() -> None:
    blocks = run(stream(1, 0.02, 0.1))
    assert blocks[1].startswith("id: 0-1\n")
    assert set(blocks[2:]) == {": still here\n\n"}


def test_a_watcher_chooses_what_it_is_told() -> None:
    assert chosen_kinds(None) == USUAL_KINDS
    assert chosen_kinds("trade,depth") == {EventKind.TRADE, EventKind.DEPTH}
    for text in ("", "trade,", "weather", "missed", "trade,dropped"):
        with pytest.raises(BadParameter, match="depth, interval, run, trade"):
            chosen_kinds(text)


async def heard_since(after: str | None, events: int = 5, kinds: frozenset[EventKind] = USUAL_KINDS) -> str:
    """Return the ids that somebody is told who comes back after some events."""
    broadcaster = Broadcaster(epoch=7)
    for number in range(events):
        broadcaster.publish(EventKind.RUN if number % 2 else EventKind.TRADE, {})
    response = event_stream(broadcaster, kinds=kinds, after=after)
    broadcaster.close()
    blocks = [bytes(chunk).decode() for chunk in [each async for each in response.body_iterator]]  # type: ignore[arg-type]
    return " ".join(line[4:] for block in blocks for line in block.splitlines() if line.startswith("id: "))


def test_who_comes_back_is_told_what_happened_since() -> None:
    assert run(heard_since(None)) == ""
    assert run(heard_since("7-3")) == "7-4 7-5"
    assert run(heard_since("7-5")) == ""
    assert run(heard_since("7-1", kinds=frozenset({EventKind.RUN}))) == "7-2 7-4"


@pytest.mark.parametrize("after", ["6-3", "7-9", "3", "x", "7-", "-1--1"])
def test_who_comes_back_too_late_is_told_that_something_is_gone(after: str) -> None:
    assert run(heard_since(after)) == "7-5"


def test_only_the_latest_events_are_kept() -> None:
    assert run(heard_since("7-1", events=1_200)) == "7-1200", "too long ago"
    assert run(heard_since("7-1190", events=1_200)).split() == [f"7-{number}" for number in range(1_191, 1_201)]
    assert run(heard_since("7-1", kinds=frozenset({EventKind.DEPTH}))) == "", "of depth nothing has happened"
