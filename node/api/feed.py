"""What an open page follows: news that it is out of date, or its new sections, made once for all who read it.

`GET /follow/now` sends the sections of the first page that changed, in the reader's language; `GET /follow` says that
something did, and a page of one reader's own fetches itself again. Both at most once in `QUIET_S`, the first at once.
Hundreds of open pages must not slow an order: nothing is written per reader, readers are woken a few at a time with
orders answered between, and who is slow is sent the latest state and not all that led to it.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from starlette.responses import StreamingResponse

from energy.strict_json import dumps
from node.api.live import RETRY_MS, SILENCE_S_MAX, STREAM_HEADERS
from node.views.events import Broadcaster

QUIET_S: Final = 1.0
"""Shortest time from one frame to the next."""
WOKEN_AT_ONCE: Final = 8
"""Readers that are written to before whatever else waits in the event loop has its turn."""

Sections = dict[str, str]
"""HTML by the id of the section; empty for pages that fetch themselves."""


async def no_sections() -> Sections:
    """Write nothing, for a page that fetches itself again."""
    return {}


@dataclass(frozen=True, slots=True)
class Frame:
    """One state of a page as it goes over the wire."""

    id: str
    before: str
    """Id of the state before it."""
    whole: bytes
    """For who has any other state."""
    change: bytes
    """For who has the one before."""


class Feed:
    """The followers of one page in one language, and the task that writes for them while there are any."""

    def __init__(self, broadcaster: Broadcaster, write: Callable[[], Awaitable[Sections]]) -> None:
        """Take whose news to follow, and what writes the sections."""
        self._broadcaster = broadcaster
        self._write = write
        self._numbers = itertools.count(1)
        self._sections: Sections = {}
        self._frame: Frame | None = None
        self._waiting: dict[asyncio.Future[None], None] = {}
        self._followers = 0
        self._task: asyncio.Task[None] | None = None
        self._quiet_until = 0.0

    def response(self, known: str | None, silence_s_max: float = SILENCE_S_MAX) -> StreamingResponse:
        """Return the answer that follows the page until either side ends it.

        Args:
            known: The last id that the reader was told; None for one that begins.
            silence_s_max: Longest silence.
        """
        stream = self._follow(known, silence_s_max)
        return StreamingResponse(stream, headers=STREAM_HEADERS, media_type="text/event-stream")

    async def _follow(self, known: str | None, silence_s_max: float) -> AsyncIterator[bytes]:
        yield f"retry: {RETRY_MS}\n\n".encode()
        self._followers += 1
        if self._task is None or self._task.done():
            self._frame, self._task = None, asyncio.create_task(self._run())
        writing = self._task
        try:
            while not writing.done():
                frame = self._frame
                if frame is None or frame.id == known:
                    if not await self._woken(silence_s_max):
                        yield b": still here\n\n"
                    continue
                if known is not None or self._sections:
                    yield frame.change if frame.before == known else frame.whole
                known = frame.id
        finally:
            self._followers -= 1
            if not self._followers:
                writing.cancel()

    async def _run(self) -> None:
        """Write a frame at each change until nobody follows or the node stops; then let the followers go."""
        loop = asyncio.get_running_loop()
        try:
            while not self._broadcaster.closed:
                with self._broadcaster.subscribe() as news:
                    await self._next_frame()
                    while await news.next_event() is not None:
                        await asyncio.sleep(self._quiet_until - loop.time())
                        news.forget()
                        await self._next_frame()
        finally:
            for waiting in self._waiting:
                waiting.cancel()

    async def _next_frame(self) -> None:
        self._quiet_until = asyncio.get_running_loop().time() + QUIET_S
        sections = await self._write()
        changed = {name: html for name, html in sections.items() if self._sections.get(name) != html}
        before = self._frame.id if self._frame else ""
        if sections and not changed and before:
            return
        self._sections = sections
        id = f"{self._broadcaster.epoch}-{next(self._numbers)}"
        self._frame = Frame(id, before, _block(id, sections), _block(id, changed))
        waiting, self._waiting = self._waiting, {}
        for place, reader in enumerate(waiting, 1):
            if not reader.done():
                reader.set_result(None)
            if place % WOKEN_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _woken(self, silence_s_max: float) -> bool:
        """Wait for the next frame, or the end; False when nothing came for so long that a sign of life is due."""
        reader: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[reader] = None
        done, _ = await asyncio.wait([reader], timeout=silence_s_max)
        self._waiting.pop(reader, None)
        return bool(done)


def _block(id: str, sections: Sections) -> bytes:
    return f"id: {id}\nevent: changed\ndata: ".encode() + dumps(sections) + b"\n\n"
