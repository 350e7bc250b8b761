"""Few pages are written at a time; programs, files and readers who are slow to read hold up nobody."""

import asyncio
from typing import Any

from starlette.types import Receive, Scope, Send

from node.api.page_turns import WRITTEN_AT_ONCE, PageTurns
from tests.support.asgi import run


class Slow:
    """An application that writes for a while, and whose readers then read for ever or not at all."""

    def __init__(self, reads_for_ever: bool = False) -> None:
        self.writing = 0
        self.most = 0
        self.answered = 0
        self.reads_for_ever = reads_for_ever

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.writing += 1
        self.most = max(self.most, self.writing)
        await asyncio.sleep(0.002)
        self.writing -= 1
        if scope["path"] == "/broken":
            raise ValueError
        await send({"type": "http.response.start", "status": 200, "headers": []})
        self.answered += 1
        if self.reads_for_ever:
            await asyncio.Event().wait()


async def ask(app: Any, *paths: str) -> None:
    async def send(message: Any) -> None:
        pass

    scopes = [{"type": "http", "method": "GET", "path": path} for path in paths]
    tasks = [asyncio.create_task(app(scope, None, send)) for scope in scopes]
    await asyncio.wait(tasks, timeout=0.5)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_few_pages_are_written_at_a_time() -> None:
    app = Slow()
    run(ask(PageTurns(app), *["/trades"] * 12))
    assert (app.most, app.answered) == (WRITTEN_AT_ONCE, 12)


def test_programs_and_streams_do_not_wait() -> None:
    app = Slow()
    run(ask(PageTurns(app), *["/api/v1/trades"] * 6, *["/follow/now"] * 6, *["/static/style.css"] * 6))
    assert app.most == 18


def test_a_turn_ends_when_the_answer_begins_or_fails() -> None:
    app = Slow(reads_for_ever=True)
    run(ask(PageTurns(app), *["/trades"] * 6, *["/broken"] * 6, *["/trades"] * 6))
    assert app.answered == 12
