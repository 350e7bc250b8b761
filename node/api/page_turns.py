"""Pages that are written for one reader take turns: a few at a time, with a pause after each.

When something happens, hundreds of open pages fetch themselves again at once. Writing one holds the event loop for
some milliseconds, in which no order is acknowledged. The pause is as long as the page took, `REST_S_MAX` at most. What
programs ask for, and files, never wait here.
"""

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from node.api.metrics import part_of

WRITTEN_AT_ONCE: Final = 2
REST_S_MAX: Final = 0.1
"""A page that takes longer waits for something, as for the chain, and holds the loop no more than others."""


class PageTurns:
    """ASGI middleware that lets few pages be written at a time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._turns = asyncio.Semaphore(WRITTEN_AT_ONCE)
        self._rests_until = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on when its turn has come; it lasts until the answer begins: who reads slowly, holds none."""
        if scope["type"] != "http" or scope["method"] != "GET" or part_of(scope["path"]) != "page":
            await self._app(scope, receive, send)
            return
        loop = asyncio.get_running_loop()
        await self._turns.acquire()
        try:
            await asyncio.sleep(self._rests_until - loop.time())
        except asyncio.CancelledError:
            self._turns.release()
            raise
        began, holds = loop.time(), True

        def give_back() -> None:
            nonlocal holds
            if holds:
                holds = False
                now = loop.time()
                self._rests_until = now + min(now - began, REST_S_MAX)
                self._turns.release()

        async def send_after(message: Message) -> None:
            give_back()
            await send(message)

        try:
            await self._app(scope, receive, send_after)
        finally:
            give_back()
