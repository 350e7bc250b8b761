"""The way to the neighbours, whether or not the own NATS server is there just now: a node never waits for it.

What is to go out waits in memory until the server has it on its disk; after a crash the station's journal gives it
again. The neighbour above is asked every `every_s` whether it answers.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from energy.errors import Unavailable
from node.interconnect.streams import LOST, Heard, LinkStreams, Take

logger = logging.getLogger(__name__)

AGAIN_S: Final = 1.0


class Carrier:
    """Keeps the streams open, and what waits for them."""

    def __init__(self, server: str, name: str, neighbours: Sequence[str], seed: str, above: str | None) -> None:
        """Take everything needed to connect; nothing is opened yet.

        Args:
            server: URL of the own NATS server.
            name: The own name.
            neighbours: Everybody's.
            seed: nkey seed that opens the server.
            above: The parent's name; None at the top.
        """
        self._server = server
        self._name = name
        self._neighbours = tuple(neighbours)
        self._seed = seed
        self._above = above
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._more = asyncio.Event()
        self._streams: LinkStreams | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the own server answers."""
        return self._streams is not None and self._streams.is_connected

    @property
    def waiting(self) -> int:
        """Messages that no server has yet."""
        return len(self._waiting)

    async def publish(self, to: str, data: bytes) -> None:
        """Take a message for a neighbour."""
        self._waiting.append((to, data))
        self._more.set()

    async def run(self, take: Take, heard: Heard, every_s: float) -> None:
        """Carry for ever."""
        while True:
            try:
                streams = await LinkStreams.open(self._server, self._name, self._neighbours, self._seed)
            except Unavailable:
                await asyncio.sleep(AGAIN_S)
                continue
            self._streams = streams
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(streams.answer(heard))
                    group.create_task(self._send(streams))
                    group.create_task(streams.read(take))
                    group.create_task(self._ask(streams, heard, every_s))
            except* (Unavailable, *LOST) as lost:
                logger.warning("the own NATS server is lost, and tried again: %s", lost.exceptions[0])
            finally:
                self._streams = None
                await streams.close()
            await asyncio.sleep(AGAIN_S)

    async def _send(self, streams: LinkStreams) -> None:
        while True:
            self._more.clear()
            while self._waiting:
                try:
                    await streams.publish(*self._waiting[0])
                except Unavailable:
                    await asyncio.sleep(AGAIN_S)
                    continue
                self._waiting.popleft()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._more.wait(), AGAIN_S)

    async def _ask(self, streams: LinkStreams, heard: Heard, every_s: float) -> None:
        while self._above is not None:
            if await streams.ask(self._above):
                heard(self._above)
            await asyncio.sleep(every_s)
