"""Pages that are written for one reader take turns: a few at a time, with a pause after each.

When something happens, hundreds of open pages fetch themselves again at once. Writing one holds the event loop for
some milliseconds, in which no order is acknowledged. The pause is `REST_FOR_EACH` times as long as the page took,
`REST_S_MAX` at most. Whoever asks for a list while one like it waits for its turn gets that one: it is written after
all of them have asked. What programs ask for, and files, never wait here.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from node import i18n
from node.api.metrics import part_of

WRITTEN_AT_ONCE: Final = 2
REST_FOR_EACH: Final = 3
REST_S_MAX: Final = 0.1
"""A page that takes longer waits for something, as for the chain, and holds the loop no more than others."""

Like = tuple[str, str, str, bytes, str]
"""What a page that holds nothing of its reader depends on: scheme, host, path, query, language."""


class PageTurns:
    """ASGI middleware that lets few pages be written at a time."""

    def __init__(self, app: ASGIApp, shared: Collection[str] = ()) -> None:
        """Take the application.

        Args:
            app: What writes the pages.
            shared: Paths of pages that hold nothing of the one who asks.
        """
        self._app = app
        self._shared = frozenset(shared)
        self._turns = asyncio.Semaphore(WRITTEN_AT_ONCE)
        self._rests_until = 0.0
        self._waiting: dict[Like, asyncio.Task[list[Message]]] = {}
        """Pages whose turn has not come, for all who ask until then."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on when its turn has come; it lasts until the answer begins: who reads slowly, holds none."""
        if scope["type"] != "http" or scope["method"] != "GET" or part_of(scope["path"]) != "page":
            await self._app(scope, receive, send)
        elif scope["path"] in self._shared:
            for message in await self._written_for_all(scope):
                # Each reader's answer gets headers of its own on its way.
                own = {**message, "headers": [*message["headers"]]} if "headers" in message else message
                await send(own)
        else:
            await self._in_turn(scope, receive, send, lambda: None)

    async def _written_for_all(self, scope: Scope) -> list[Message]:
        host = Headers(scope=scope).get("host", "")
        like = (scope["scheme"], host, scope["path"], scope["query_string"], i18n.language())
        if like not in self._waiting:
            self._waiting[like] = asyncio.create_task(self._kept(like, scope))
        # Who leaves does not take the page away from the others.
        return await asyncio.shield(self._waiting[like])

    async def _kept(self, like: Like, scope: Scope) -> list[Message]:
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        await self._in_turn(scope, _nothing_more, keep, lambda: self._waiting.pop(like))
        return messages

    async def _in_turn(self, scope: Scope, receive: Receive, send: Send, begins: Callable[[], object]) -> None:
        loop = asyncio.get_running_loop()
        await self._turns.acquire()
        try:
            await asyncio.sleep(self._rests_until - loop.time())
        except asyncio.CancelledError:
            self._turns.release()
            raise
        begins()
        began, holds = loop.time(), True

        def give_back() -> None:
            nonlocal holds
            if holds:
                holds = False
                now = loop.time()
                self._rests_until = now + min(REST_FOR_EACH * (now - began), REST_S_MAX)
                self._turns.release()

        async def send_after(message: Message) -> None:
            give_back()
            await send(message)

        try:
            await self._app(scope, receive, send_after)
        finally:
            give_back()


async def _nothing_more() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}
