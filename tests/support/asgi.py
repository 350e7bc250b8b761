"""Talk to an ASGI application in the same process: HTTP by httpx, WebSocket frames by hand."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

import httpx
from starlette.types import ASGIApp

Answer = TypeVar("Answer")
BASE_URL = "http://127.0.0.1:8545"


def run(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    """Run a coroutine in a new event loop."""
    return asyncio.run(coroutine)


def request(
    app: ASGIApp, method: str, path: str, client: tuple[str, int] = ("127.0.0.1", 40_000), **arguments: Any
) -> httpx.Response:
    """Return the application's answer to one request."""

    async def once() -> httpx.Response:
        transport = httpx.ASGITransport(app, client=client)
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as http:
            return await http.request(method, path, **arguments)

    return run(once())


async def web_socket(app: ASGIApp, frames: Sequence[str | bytes], headers: dict[str, str]) -> list[Any]:
    """Send frames over one WebSocket and return all messages of the application, handshake included."""
    inbox: list[dict[str, Any]] = [{"type": "websocket.connect"}]
    for frame in frames:
        inbox.append({"type": "websocket.receive", "text" if isinstance(frame, str) else "bytes": frame})
    inbox.append({"type": "websocket.disconnect", "code": 1000})
    outbox: list[Any] = []

    async def receive() -> dict[str, Any]:
        return inbox.pop(0)

    async def send(message: Any) -> None:
        outbox.append(message)

    scope = {
        "type": "websocket",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 40_000),
        "scheme": "ws",
        "subprotocols": [],
        "asgi": {"version": "3.0"},
    }
    call: Callable[..., Awaitable[None]] = app
    await call(scope, receive, send)
    return outbox
