"""Who asks for much waits: large bodies are taken one after the other, with as long a pause as each took, or a second.

Taking a body of a megabyte apart holds the event loop for many milliseconds, in which no order is acknowledged. Small
requests never wait here.
Refuses: a large body when `WAITING_MAX` others wait already.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

LARGE: Final = 16_384
"""Bytes from which on a body waits for its turn."""
PAUSE_S_MAX: Final = 1.0
WAITING_MAX: Final = 64


class Busy(Exception):
    """Too many large bodies wait already."""


class Turns:
    """The queue of the large bodies of one server."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting = 0

    @asynccontextmanager
    async def turn(self, size: int) -> AsyncIterator[None]:
        """Wait until a body of a size may be answered, and let the next one in when it has been.

        Raises:
            Busy: too many wait.
        """
        if size < LARGE:
            yield
            return
        if self._waiting >= WAITING_MAX:
            raise Busy
        self._waiting += 1
        try:
            async with self._turn:
                loop = asyncio.get_running_loop()
                began = loop.time()
                yield
                await asyncio.sleep(min(loop.time() - began, PAUSE_S_MAX))
        finally:
            self._waiting -= 1
