"""The other end of the chain's socket, for the node's event loop.

Requests are pipelined over one connection each for public and private calls, and answered in the sequence in which they
were made. A connection that breaks fails what is under way; the next request opens a new one.
"""

import asyncio
import contextlib
import itertools
import json
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from energy.errors import Unavailable
from node.chain.errors import BODY_SIZE_MAX, ChainError, oversized_answer
from node.chain.framing import FRAMES_METHOD, frame, read_frame


class AsyncChainClient:
    """Speaks to a chain process; safe to share among the tasks of one event loop."""

    def __init__(self, ipc_path: Path) -> None:
        self._public = _Connection(ipc_path, public=True)
        self._private = _Connection(ipc_path, public=False)
        self._identifiers = itertools.count(1)

    async def request_bytes(self, body: bytes) -> bytes:
        """Return the answer to a stranger's request or batch: public methods only, any bytes allowed.

        Returns:
            JSON text, errors included; empty when nothing is to be answered.
        Raises:
            Unavailable: the chain is away. Whether a request under way took effect is then unknown.
        """
        return oversized_answer() if len(body) > BODY_SIZE_MAX else await self._public.exchange(body)

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Return the result of a method, private ones included.

        Raises:
            ChainError: the chain answered with an error.
            Unavailable: the chain is away. Whether a call under way took effect is then unknown.
        """
        request = {"jsonrpc": "2.0", "id": next(self._identifiers), "method": method, "params": list(params)}
        answer = json.loads(await self._private.exchange(json.dumps(request).encode()))
        if "error" in answer:
            error = answer["error"]
            raise ChainError(error["code"], error["message"], error.get("data"))
        return answer["result"]

    async def close(self) -> None:
        """Close the connections."""
        await self._public.close()
        await self._private.close()


class _Connection:
    """One framed connection, opened when it is first needed and again after it broke."""

    def __init__(self, path: Path, *, public: bool) -> None:
        self._path = path
        self._public = public
        self._opening = asyncio.Lock()
        self._waiting: deque[asyncio.Future[bytes]] = deque()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def exchange(self, body: bytes) -> bytes:
        async with self._opening:
            writer = self._writer or await self._open()
            # Nothing may be awaited between these two lines: answers come in the sequence of the requests.
            answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
            self._waiting.append(answer)
            writer.write(frame(body))
        with contextlib.suppress(ConnectionError):  # then the reading task fails the answer
            await writer.drain()
        return await answer

    async def _open(self) -> asyncio.StreamWriter:
        try:
            reader, writer = await asyncio.open_unix_connection(self._path)
            request = {"jsonrpc": "2.0", "id": 0, "method": FRAMES_METHOD, "params": [self._public]}
            writer.write(json.dumps(request).encode() + b"\n")
            await writer.drain()
            if not await reader.readline():
                raise ConnectionError("closed at once")
        except OSError as error:
            raise Unavailable(f"the chain is away: {error}") from None
        self._writer = writer
        self._reading = asyncio.create_task(self._read(reader, writer))
        return writer

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (answer := await read_frame(reader)) is not None:
                waiting = self._waiting.popleft()
                if not waiting.done():  # its task was cancelled meanwhile
                    waiting.set_result(answer)
        finally:
            self._writer = None
            writer.close()
            while self._waiting:
                waiting = self._waiting.popleft()
                if not waiting.done():
                    waiting.set_exception(Unavailable("the chain went away before it answered"))

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
