"""The other end of the chain's socket, for the node's event loop.

Requests are pipelined over one connection each for public calls, dear ones, private calls and followers, and answered
in the sequence in which they were made. A connection that breaks fails what is under way; the next request opens a new
one.
"""

import asyncio
import itertools
import json
import re
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

from energy.errors import Unavailable
from node.chain.answers import Answers
from node.chain.errors import BODY_SIZE_MAX, ChainError, oversized_answer
from node.chain.framing import FRAMES_METHOD, frame, next_answer

_DEAR: Final = re.compile(
    rb'\{"jsonrpc":"2\.0","id":0,"method":"(?:eth_(?:call|estimateGas|simulateV1|createAccessList|getLogs)'
    rb'|debug_trace\w+|ots_\w+)"'
)
"""Strangers' calls that may execute or search for seconds: nobody's others stand in line behind them."""


class AsyncChainClient:
    """Speaks to a chain process; safe to share among the tasks of one event loop."""

    def __init__(self, ipc_path: Path) -> None:
        self._answers = Answers()
        self._public = _Connection(ipc_path, self._answers, public=True)
        self._dear = _Connection(ipc_path, self._answers, public=True)
        self._private = _Connection(ipc_path, self._answers, public=False)
        self._followers = _Connection(ipc_path, self._answers, public=True)
        """A standby's word must not stand in line behind an answer that waits for it."""
        self._identifiers = itertools.count(1)

    async def request_bytes(self, body: bytes) -> bytes:
        """Return the answer to a stranger's request or batch: public methods only, any bytes allowed.

        Returns:
            JSON text, errors included; empty when nothing is to be answered.
        Raises:
            Unavailable: the chain is away. Whether a request under way took effect is then unknown.
        """
        if len(body) > BODY_SIZE_MAX:
            return oversized_answer()
        clock = asyncio.get_running_loop().time
        remembered = self._answers.get(body, clock())
        if remembered is not None:
            return remembered
        connection = self._dear if _DEAR.match(body) else self._public
        if b'"resilia_getSealedBlocks"' in body:
            connection = self._followers
        generation, answer = await connection.exchange(body)
        self._answers.put(body, answer, generation)
        return answer

    async def call(self, method: str, params: Sequence[Any] = ()) -> Any:
        """Return the result of a method, private ones included.

        Raises:
            ChainError: the chain answered with an error.
            Unavailable: the chain is away. Whether a call under way took effect is then unknown.
        """
        request = {"jsonrpc": "2.0", "id": next(self._identifiers), "method": method, "params": list(params)}
        _, raw = await self._private.exchange(json.dumps(request).encode())
        answer = json.loads(raw)
        if "error" in answer:
            error = answer["error"]
            raise ChainError(error["code"], error["message"], error.get("data"))
        return answer["result"]

    async def close(self) -> None:
        """Close the connections."""
        await self._public.close()
        await self._dear.close()
        await self._private.close()
        await self._followers.close()


class _Connection:
    """One framed connection, opened when it is first needed and again after it broke."""

    def __init__(self, path: Path, answers: Answers, *, public: bool) -> None:
        self._path = path
        self._answers = answers
        self._public = public
        self._opening = asyncio.Lock()
        self._line: _Line | None = None

    async def exchange(self, body: bytes) -> tuple[int, bytes]:
        async with self._opening:
            line = self._line
            if line is None or line.lost.done():
                line = self._line = await self._opened()
            # Nothing may be awaited between these two lines: answers come in the sequence of the requests.
            answer: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
            line.waiting.append(answer)
            line.transport.write(frame(body))
        await line.room.wait()
        return await answer

    async def _opened(self) -> "_Line":
        loop = asyncio.get_running_loop()
        try:
            _, line = await loop.create_unix_connection(lambda: _Line(self._answers), str(self._path))
            request = {"jsonrpc": "2.0", "id": 0, "method": FRAMES_METHOD, "params": [self._public]}
            try:
                line.transport.write(json.dumps(request).encode() + b"\n")
                await line.begun
            except BaseException:
                line.transport.abort()
                raise
        except OSError as error:
            raise Unavailable(f"the chain is away: {error}") from None
        self._answers.begin()
        return line

    async def close(self) -> None:
        if self._line is not None:
            self._line.transport.abort()
            await asyncio.wait([self._line.lost])


class _Line(asyncio.Protocol):
    """What comes over a connection: a line of JSON, which says that frames may follow, then answers in frames.

    A protocol, and no stream: an answer comes to who waits for it one turn of the loop earlier.
    """

    def __init__(self, answers: Answers) -> None:
        loop = asyncio.get_running_loop()
        self.transport: asyncio.Transport
        self.begun: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        """Done when the connection has ended."""
        self.waiting: deque[asyncio.Future[tuple[int, bytes]]] = deque()
        """Who waits for an answer, in the sequence of the requests."""
        self.room = asyncio.Event()
        """Whether more may be written."""
        self.room.set()
        self._answers = answers
        self._clock = loop.time
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self.begun.done():
            _, end, rest = self._received.partition(b"\n")
            if not end:
                return
            self.begun.set_result(None)
            self._received = rest
        try:
            while (answer := next_answer(self._received)) is not None:
                self._answers.hear(answer[0], self._clock())
                waiting = self.waiting.popleft()
                if not waiting.done():  # its task was cancelled meanwhile
                    waiting.set_result(answer)
        except (ValueError, IndexError):  # no frame, or one that nobody asked for
            self.transport.abort()

    def pause_writing(self) -> None:
        self.room.clear()

    def resume_writing(self) -> None:
        self.room.set()

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.set_result(None)
        self.room.set()
        if not self.begun.done():
            self.begun.set_exception(ConnectionError("closed at once"))
        while self.waiting:
            waiting = self.waiting.popleft()
            if not waiting.done():
                waiting.set_exception(Unavailable("the chain went away before it answered"))
