"""Whoever tells news or sends long answers shares the event loop in short slices, and leaves it free between them.

A block of a hundred logs is ten thousand messages to a hundred subscribers: sent at one go they would hold the loop for
most of a second, in which no order is acknowledged. A WebSocket's `send` gives way only when its buffers are full.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

SLICE_LEN: Final = 32
"""Messages of a slice, some 20 µs each."""
PIECES: Final = 4
"""Pieces of long answers in a slice."""
PIECE_LEN: Final = 65_536
PAUSE_S: Final = 0.002


async def in_pieces(text: bytes | bytearray, pace: "Pace") -> AsyncIterator[bytes]:
    """Yield a long answer in pieces of `PIECE_LEN`, each in a slice."""
    for begin in range(0, len(text), PIECE_LEN):
        await pace.step()
        yield bytes(text[begin : begin + PIECE_LEN])


class Pace:
    """The slices of all who send the same kind of thing on one port."""

    def __init__(self, slice_len: int = SLICE_LEN) -> None:
        self._slice_len = self._left = slice_len
        self._next_at = 0.0
        """When the next slice may begin; seconds of the loop's clock."""
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def step(self) -> None:
        """Wait until one thing may be sent, behind those who wait already."""
        loop = asyncio.get_running_loop()
        if not self._waiting and loop.time() >= self._next_at:
            self._begin()
        if self._left:
            self._left -= 1
            return
        place = loop.create_future()
        self._waiting.append(place)
        if len(self._waiting) == 1:
            loop.call_at(self._next_at, self._begin)
        await place

    def _begin(self) -> None:
        """Begin a slice: nobody new comes before those who wait."""
        loop = asyncio.get_running_loop()
        self._left = self._slice_len
        self._next_at = loop.time() + PAUSE_S
        while self._waiting and self._left:
            place = self._waiting.popleft()
            if not place.done():  # its connection has ended meanwhile
                place.set_result(None)
                self._left -= 1
        if self._waiting:
            loop.call_at(self._next_at, self._begin)
