import asyncio

import pytest

from node.api.live import chosen_kinds, event_stream
from node.events import USUAL_KINDS, Broadcaster, EventKind
from node.rpc.parameters import BadParameter
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
        'id: 1\nevent: run\ndata: {"runId":0}\n\n',
        'id: 2\nevent: run\ndata: {"runId":1}\n\n',
    ]


def test_keeps_a_silent_connection_alive_and_loses_nothing_by_it() -> None:
    blocks = run(stream(1, 0.02, 0.1))
    assert blocks[1].startswith("id: 1\n")
    assert set(blocks[2:]) == {": still here\n\n"}


def test_a_watcher_chooses_what_it_is_told() -> None:
    assert chosen_kinds(None) == USUAL_KINDS
    assert chosen_kinds("trade,depth") == {EventKind.TRADE, EventKind.DEPTH}
    for text in ("", "trade,", "weather"):
        with pytest.raises(BadParameter, match="interval, trade, run, depth"):
            chosen_kinds(text)
