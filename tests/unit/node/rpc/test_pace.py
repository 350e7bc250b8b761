import asyncio

import pytest

from node.rpc import pace
from node.rpc.pace import SLICE_LEN, Pace
from tests.support.asgi import run


def test_a_flood_leaves_the_loop_to_others_and_keeps_the_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "PAUSE_S", 0.02)

    async def scene() -> None:
        shared, told = Pace(), []

        async def tell(who: int) -> None:
            for number in range(SLICE_LEN):
                await shared.step()
                told.append((number, who))

        tellers = [asyncio.create_task(tell(who)) for who in range(4)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert told == [(number, 0) for number in range(SLICE_LEN)], "one slice, whoever comes first"
        await asyncio.sleep(0.005)
        assert len(told) == SLICE_LEN, "then nobody tells for a while"
        await asyncio.gather(*tellers)
        assert {who for _, who in told[SLICE_LEN : 2 * SLICE_LEN]} == {1, 2, 3}, "nobody waits for another to end"
        assert len(told) == 4 * SLICE_LEN

    run(scene())


def test_whoever_has_left_takes_nobodys_place() -> None:
    async def scene() -> None:
        shared = Pace()
        for _ in range(SLICE_LEN):
            await shared.step()
        gone = [asyncio.create_task(shared.step()) for _ in range(SLICE_LEN)]
        stays = [asyncio.create_task(shared.step()) for _ in range(SLICE_LEN)]
        await asyncio.sleep(0)
        for task in gone:
            task.cancel()
        await asyncio.sleep(0)
        shared._begin()
        await asyncio.sleep(0)
        assert all(task.done() for task in stays)

    run(scene())
