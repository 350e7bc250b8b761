"""Connections that take their time, over real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from node.rpc import connections
from node.serve import AppServer

REQUEST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi"


async def echo(request: Request) -> Response:
    body = await request.body()
    await asyncio.sleep(0.3 if body == b"zz" else 0)
    return PlainTextResponse(body)


@asynccontextmanager
async def server() -> AsyncIterator[int]:
    served = AppServer("127.0.0.1", 0, 0)
    await served.start(Starlette(routes=[Route("/", echo, methods=["POST"])]))
    try:
        yield served.port
    finally:
        await served.stop()


async def answered(reader: asyncio.StreamReader) -> bool:
    """Return whether an answer comes, and not the end of the connection."""
    try:
        return b"200 OK" in await asyncio.wait_for(reader.read(65_536), 5)
    except ConnectionError:
        return False


def test_a_head_that_never_ends_ends_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.2)

    async def talk() -> None:
        async with server() as port:
            for start in (b"", b"POST / HT", REQUEST[:40]):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(start)
                assert not await answered(reader)
                writer.close()
            # What is answered slowly, or asks again on the same connection, is not cut off.
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for body in (b"zz", b"hi", b"zz"):
                writer.write(REQUEST.replace(b"hi", body))
                assert await answered(reader)
            writer.write(REQUEST[:40])
            assert not await answered(reader)
            writer.close()

    asyncio.run(talk())


def test_an_idle_connection_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 2)

    async def talk() -> None:
        async with server() as port:
            first = await asyncio.open_connection("127.0.0.1", port)
            first[1].write(REQUEST.replace(b"hi", b"zz"))
            await asyncio.sleep(0.1)
            idle = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.sleep(0.05)
            third = await asyncio.open_connection("127.0.0.1", port)
            third[1].write(REQUEST)
            assert await answered(third[0])
            assert not await answered(idle[0])
            assert await answered(first[0])
            for _, writer in (first, idle, third):
                writer.close()

    asyncio.run(talk())
