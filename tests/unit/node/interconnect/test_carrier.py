import asyncio
from typing import Any

import pytest
from nats.errors import ConnectionClosedError

from node.interconnect import carrier
from node.interconnect.carrier import Carrier


class Streams:
    """Lose the server the first time that a message is waited for."""

    is_connected = True
    opened = 0

    @classmethod
    async def open(cls, *given: object) -> "Streams":
        cls.opened += 1
        return cls()

    async def answer(self, heard: object) -> None:
        """Answer nobody."""

    async def publish(self, to: str, data: bytes) -> None:
        """Take everything."""

    async def ask(self, neighbour: str) -> bool:
        return False

    async def read(self, take: Any) -> None:
        if Streams.opened == 1:
            raise ConnectionClosedError
        await take("south", b"")

    async def close(self) -> None:
        """Hang up."""


def test_a_lost_server_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrier, "LinkStreams", Streams)
    monkeypatch.setattr(carrier, "AGAIN_S", 0)

    async def check() -> str:
        taken: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def take(name: str, data: bytes) -> bool:
            taken.set_result(name)
            return True

        running = asyncio.create_task(Carrier("nats://x", "north", ["south"], "", None).run(take, lambda _: None, 1))
        try:
            return await asyncio.wait_for(taken, 10)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    assert asyncio.run(check()) == "south"
