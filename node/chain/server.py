"""The chain's socket: a Unix domain socket that answers JSON-RPC, as geth's ``geth.ipc`` does.

Whoever may open the socket (the same user) may call every method. Who forwards requests of strangers opens a connection
and calls ``chain_frames`` with ``[true]``: from then on the connection carries frames and public methods only.
Bodies are answered one after the other, over all connections: the chain is a single sequence. After a dear one of
strangers their connection rests for as long as it took, and the others' bodies come. Where a standby is waited for, an
answer to what was sealed is held back until the standby has it; if that takes too long, the connection is closed, and
whoever asked knows that the outcome is unknown.
"""

import asyncio
import contextlib
import json
import os
import time
from pathlib import Path
from typing import Final

from energy import strict_json
from energy.errors import Corrupt
from node.chain.dispatcher import SEND, Dispatcher
from node.chain.errors import BODY_SIZE_MAX, PARSE_ERROR, ChainError, failure
from node.chain.framing import FRAMES_METHOD, JsonSplitter, answer_frame, read_frame

_CHUNK: Final = 65_536
DEAR_S: Final = 0.005
"""CPU time of a stranger's body from which on its connection rests after it."""
STANDBY_S: Final = 10.0
"""How long to wait for a standby's word."""


class ChainServer:
    """Serves one dispatcher on one socket."""

    def __init__(self, dispatcher: Dispatcher, path: Path) -> None:
        self._dispatcher = dispatcher
        self._path = path
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._progress = asyncio.Event()
        """Set, and replaced by another, when a body has been answered."""
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        """Listen; the socket can be opened by this user only. A socket left by a dead process is replaced."""
        self._path.unlink(missing_ok=True)
        previous = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._connected, self._path)
        finally:
            os.umask(previous)

    async def wait_failed(self) -> None:
        """Wait until an invariant of the chain breaks.

        Raises:
            Corrupt: it broke.
        """
        await self._failed

    async def close(self) -> None:
        """Stop listening, drop all connections and remove the socket."""
        if self._server is not None:
            self._server.close()
        for writer in self._connections.values():
            writer.transport.abort()
        await asyncio.gather(*self._connections, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        try:
            await self._serve(reader, writer)
        except ConnectionError:
            pass  # the client went away; it knows
        except Corrupt as error:
            if not self._failed.done():
                self._failed.set_exception(error)
        finally:
            del self._connections[task]
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        splitter = JsonSplitter(BODY_SIZE_MAX)
        while chunk := await reader.read(_CHUNK):
            try:
                bodies = splitter.feed(chunk)
            except ValueError as error:
                await _send(writer, json.dumps(failure(None, ChainError(PARSE_ERROR, str(error)))).encode() + b"\n")
                return
            for body in bodies:
                asked = _frames_request(body)
                if asked is not None:
                    identifier, public = asked
                    await _send(
                        writer, json.dumps({"jsonrpc": "2.0", "id": identifier, "result": True}).encode() + b"\n"
                    )
                    await self._serve_frames(reader, writer, public)
                    return
                answer, _ = await self._answered(body, private=True)
                if answer:
                    await _send(writer, answer + b"\n")

    async def _answered(self, body: bytes, *, private: bool) -> tuple[bytes, float]:
        """Return the answer, and the CPU time in seconds that it took."""
        awaited = self._dispatcher.awaits_standby
        if awaited and SEND.encode() in body:
            await self._until_confirmed(self._dispatcher.head)  # else the transaction is refused
        before, began = self._dispatcher.head, time.process_time()
        answer = self._dispatcher.answer(body, private=private)
        spent_s = time.process_time() - began
        self._progress.set()
        self._progress = asyncio.Event()
        if awaited and self._dispatcher.head > before and not await self._until_confirmed(self._dispatcher.head):
            raise ConnectionAbortedError("no standby has what was sealed")
        return answer, spent_s

    async def _until_confirmed(self, number: int) -> bool:
        """Wait until a standby has all blocks through one, and return whether it does."""
        try:
            async with asyncio.timeout(STANDBY_S):
                while not self._dispatcher.is_confirmed(number):
                    await self._progress.wait()
        except TimeoutError:
            return False
        return True

    async def _serve_frames(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, public: bool) -> None:
        while (body := await read_frame(reader)) is not None:
            answer, spent_s = await self._answered(body, private=not public)
            await _send(writer, answer_frame(self._dispatcher.generation, answer))
            if public and spent_s > DEAR_S:
                await asyncio.sleep(spent_s)


async def _send(writer: asyncio.StreamWriter, payload: bytes) -> None:
    writer.write(payload)
    await writer.drain()
    await asyncio.sleep(0)  # another connection's turn


def _frames_request(body: bytes) -> tuple[object, bool] | None:
    if FRAMES_METHOD.encode() not in body:
        return None
    try:
        request = strict_json.loads(body)
    except strict_json.BadJson:
        return None
    if not isinstance(request, dict) or request.get("method") != FRAMES_METHOD:
        return None
    return request.get("id"), request.get("params") != [False]
