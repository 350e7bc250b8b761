"""The node's end of the chain's socket, at the other end of which somebody may do anything."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from energy.errors import Unavailable
from node.chain.client import AsyncChainClient
from node.chain.framing import answer_frame

Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
YES = b'{"jsonrpc":"2.0","id":0,"result":true}\n'
ANSWER = answer_frame(1, b'{"jsonrpc":"2.0","id":1,"result":"0x1"}')


def talk(folder: Path, peer: Peer, told: Callable[[AsyncChainClient], Awaitable[None]]) -> None:
    peers: list[asyncio.Task[None] | None] = []

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await peer(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def run() -> None:
        server = await asyncio.start_unix_server(served, folder / "socket")
        client = AsyncChainClient(folder / "socket")
        async with asyncio.timeout(10):
            await told(client)
            await client.close()
        server.close()
        await asyncio.gather(*(each for each in peers if each is not None))

    asyncio.run(run())


async def refused(client: AsyncChainClient) -> None:
    with pytest.raises(Unavailable):
        await client.call("eth_chainId")


@pytest.mark.parametrize(
    "said",
    [
        b"",
        YES[:-1],
        YES,
        YES + ANSWER[:-1],
        YES + (7).to_bytes(4, "big"),
        YES + b"\xff" * 4,
        YES + ANSWER + ANSWER,  # before anything was asked
    ],
)
def test_whoever_hangs_up_or_talks_nonsense_is_away(tmp_path: Path, said: bytes) -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(said)

    talk(tmp_path, peer, refused)


def test_an_answer_that_nobody_asked_for_ends_the_connection(tmp_path: Path) -> None:
    connections = 0

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.readline()
        writer.write(YES)
        await reader.readexactly(4)
        writer.write(ANSWER * 2)
        await reader.read()

    async def told(client: AsyncChainClient) -> None:
        for _ in range(3):
            assert await client.call("eth_chainId") == "0x1"
            await asyncio.sleep(0.05)

    talk(tmp_path, peer, told)
    assert connections == 3


def test_who_is_cancelled_while_the_connection_opens_leaves_none_open(tmp_path: Path) -> None:
    ended = asyncio.Event()

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        ended.set()

    async def told(client: AsyncChainClient) -> None:
        asking = asyncio.create_task(client.call("eth_chainId"))
        await asyncio.sleep(0.05)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await ended.wait()

    talk(tmp_path, peer, told)


def test_answers_in_pieces_come_to_who_asked(tmp_path: Path) -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        stream = YES + b"".join(
            answer_frame(1, b'{"jsonrpc":"2.0","id":1,"result":%d}' % number) for number in range(20)
        )
        for start in range(0, len(stream), 13):
            writer.write(stream[start : start + 13])
            await asyncio.sleep(0.001)
            if start == len(YES) // 13 * 13:
                await reader.readexactly(20 * 4)  # all have asked
        await reader.read()

    async def told(client: AsyncChainClient) -> None:
        assert await asyncio.gather(*(client.call("eth_chainId") for _ in range(20))) == list(range(20))

    talk(tmp_path, peer, told)
