"""Whoever tells news shares the event loop in short slices, and leaves it free between them.

A block of a hundred logs is ten thousand messages to a hundred subscribers: sent at one go they would hold the loop for
most of a second, in which no order is acknowledged. A WebSocket's `send` gives way only when its buffers are full.
"""

import asyncio
from collections import deque
from typing import Final

SLICE_LEN: Final = 32
"""Messages of a slice, some 20 µs each."""
PAUSE_S: Final = 0.002


class Pace:
    """The slices of all who tell news on one port."""

    def __init__(self) -> None:
        self._left = SLICE_LEN
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._next: asyncio.TimerHandle | None = None

    async def step(self) -> None:
        """Wait until one message may be sent, behind those who wait already."""
        loop = asyncio.get_running_loop()
        if self._next is None:
            self._next = loop.call_later(PAUSE_S, self._begin)
        if self._left:
            self._left -= 1
            return
        place = loop.create_future()
        self._waiting.append(place)
        await place

    def _begin(self) -> None:
        """Begin a slice: nobody new comes before those who wait."""
        self._left = SLICE_LEN
        while self._waiting and self._left:
            place = self._waiting.popleft()
            if not place.done():  # its connection has ended meanwhile
                place.set_result(None)
                self._left -= 1
        is_idle = self._left == SLICE_LEN
        self._next = None if is_idle else asyncio.get_running_loop().call_later(PAUSE_S, self._begin)
