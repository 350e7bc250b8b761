"""Strangers misbehave in every way at once, and an honest order is acknowledged; `benchmarks.hostile` says how soon."""

import asyncio
import contextlib
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from benchmarks.hostile import HASH_FOR_EVER, attacked
from benchmarks.order_acknowledgements import acknowledged
from node.rpc import connections, turns
from tests.support.real_node import FIRST, found, homes_of, running, serving, tick_at

TOO_MANY = -32005
WAITING, CONNECTIONS = 4, 40
"""Limits for the test: the node's own are larger."""


async def post(client: httpx.AsyncClient, url: str, body: Any) -> Any:
    return (await client.post(url, json=body)).json()


async def large_requests_end(client: httpx.AsyncClient, url: str) -> None:
    """Of more batches than may wait at once, some are refused and all are answered."""
    batch = [
        {"jsonrpc": "2.0", "id": at, "method": "eth_getBalance", "params": ["0x" + "11" * 20]} for at in range(200)
    ]
    answers = await asyncio.gather(*(post(client, url, batch) for _ in range(WAITING + 8)))
    refused = [answer for answer in answers if isinstance(answer, dict)]
    assert {answer["error"]["code"] for answer in refused} == {TOO_MANY}
    assert 0 < len(refused) <= 8
    assert all(len(answer) == 200 for answer in answers if isinstance(answer, list))


async def dear_calls_end(client: httpx.AsyncClient, url: str) -> None:
    """What asks for 50 Mgas gets 10."""
    call = {"data": HASH_FOR_EVER, "gas": hex(50_000_000)}
    answer = await post(client, url, {"jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": [call, "latest"]})
    assert answer["error"]["message"] in ("out of gas", "execution aborted (timeout = 5s)")


async def idle_connections_make_room(client: httpx.AsyncClient, url: str) -> None:
    """With more connections than are kept, the first that has nothing under way is ended."""
    parts = urlsplit(url)
    with contextlib.ExitStack() as held:

        def hold() -> socket.socket:
            connection = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=8)
            held.enter_context(connection)
            connection.sendall(b"POST / HTTP/1.1\r\n")
            return connection

        first = await asyncio.to_thread(hold)
        for _ in range(CONNECTIONS + 20):
            await asyncio.to_thread(hold)
        with contextlib.suppress(ConnectionResetError):  # ended as well
            assert await asyncio.to_thread(first.recv, 1) == b""
        async with httpx.AsyncClient(timeout=60, trust_env=False) as another:
            answer = await post(another, url, {"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []})
        assert "result" in answer


def test_an_honest_order_is_acknowledged_among_strangers_who_misbehave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "WAITING_MAX", WAITING)
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", CONNECTIONS)
    found(tmp_path)

    async def run() -> None:
        with homes_of(tmp_path) as homes:
            async with running(tmp_path, FIRST - 1_200) as node, serving(node) as (url, client):
                await tick_at(node, FIRST - 1_200)
                for misbehave in (large_requests_end, dear_calls_end, idle_connections_make_room):
                    await misbehave(client, url)
                with attacked("all", url):
                    await acknowledged(node, homes, client, url, 10)

    asyncio.run(run())
