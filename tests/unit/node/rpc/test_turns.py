import asyncio

import pytest

from node.rpc import turns
from node.rpc.turns import LARGE, Busy, Turns


def test_large_bodies_come_one_after_the_other_and_small_ones_at_once() -> None:
    async def check() -> list[str]:
        queue, told = Turns(), []

        async def answer(name: str, size: int, seconds: float) -> None:
            async with queue.turn(size):
                told.append(f"{name} begins")
                await asyncio.sleep(seconds)
                told.append(f"{name} ends")

        large = [asyncio.create_task(answer(name, LARGE, 0.05)) for name in ("a", "b")]
        await asyncio.sleep(0.01)
        await answer("small", LARGE - 1, 0)
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*large)
        assert asyncio.get_running_loop().time() - began > 0.13  # each is followed by as long a pause
        return told

    assert asyncio.run(check()) == ["a begins", "small begins", "small ends", "a ends", "b begins", "b ends"]


def test_what_took_long_is_not_followed_by_as_long_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PAUSE_S_MAX", 0.01)

    async def check() -> float:
        queue = Turns()
        async with queue.turn(LARGE):
            await asyncio.sleep(0.2)
            ended = asyncio.get_running_loop().time()
        return asyncio.get_running_loop().time() - ended

    assert 0.01 <= asyncio.run(check()) < 0.19


def test_too_many_are_refused_and_a_failure_lets_the_next_one_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAITING_MAX", 1)

    async def check() -> None:
        queue = Turns()

        async def fail() -> None:
            async with queue.turn(LARGE):
                with pytest.raises(Busy):
                    await queue.turn(LARGE).__aenter__()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()
        async with queue.turn(LARGE):
            pass

    asyncio.run(check())
