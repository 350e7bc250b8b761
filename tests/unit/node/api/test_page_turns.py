"""Few pages are written at a time; programs, files and readers who are slow to read hold up nobody."""

import asyncio
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from node.api.page_turns import WRITTEN_AT_ONCE, PageTurns
from node.i18n import speaking
from tests.support.asgi import run


class Counting:
    """An application that says for the how many-th time it writes, and to whom."""

    def __init__(self) -> None:
        self.written: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/broken":
            raise ValueError
        self.written.append(scope["path"] + scope["query_string"].decode())
        number = len(self.written)
        await asyncio.sleep(0.002)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(number).encode()})


def page(path: str, query: bytes = b"", host: bytes = b"here") -> Scope:
    return {
        "type": "http",
        "scheme": "http",
        "method": "GET",
        "path": path,
        "query_string": query,
        "headers": [(b"host", host)],
    }


async def told(app: Any, scope: Scope) -> tuple[list[Any], bytes]:
    answer: list[Any] = []

    async def send(message: Any) -> None:
        if "headers" in message:
            message["headers"].append((b"to", str(id(answer)).encode()))
        answer.append(message)

    await app(scope, None, send)
    return answer[0]["headers"], answer[1]["body"]


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


def test_a_list_is_written_once_for_all_who_wait_for_it() -> None:
    async def check() -> None:
        app = Counting()
        turns = PageTurns(app, shared=["/trades"])
        answers = await asyncio.gather(*(told(turns, page("/trades")) for _ in range(50)))
        assert {body for _, body in answers} == {b"1"}
        assert all(len(headers) == 1 for headers, _ in answers), "each has headers of its own"
        begun = asyncio.create_task(told(turns, page("/trades")))
        while len(app.written) < 2:
            await asyncio.sleep(0)
        _, later = await told(turns, page("/trades"))
        assert later == b"3", "what had begun before one asked may be older than what one knows"
        assert (await begun)[1] == b"2"

    run(check())


def test_other_queries_hosts_languages_and_pages_of_ones_own_are_not_shared() -> None:
    async def check() -> None:
        app = Counting()
        turns = PageTurns(app, shared=["/trades"])

        async def in_french() -> tuple[list[Any], bytes]:
            with speaking("fr"):
                return await told(turns, page("/trades"))

        asked = [told(turns, page("/trades")), told(turns, page("/trades", b"cursor=1")), in_french()]
        asked += [
            told(turns, page("/trades", host=b"there")),
            told(turns, {**page("/trades"), "scheme": "https"}),
            *(told(turns, page("/me")) for _ in range(3)),
        ]
        assert len({body for _, body in await asyncio.gather(*asked)}) == len(asked)

    run(check())


def test_who_leaves_does_not_take_the_page_away_and_a_failure_ends_with_those_who_asked() -> None:
    async def check() -> None:
        app = Counting()
        turns = PageTurns(app, shared=["/trades", "/broken"])
        first, second = (asyncio.create_task(told(turns, page("/trades"))) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second)[1] == b"1"
        for _ in range(3):
            with pytest.raises(ValueError):
                await told(turns, page("/broken"))
        assert (await told(turns, page("/trades")))[1] == b"2"

    run(check())
