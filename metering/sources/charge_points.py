"""Samples from charge points that report by OCPP: they call this node, over WebSocket, at ``ws://HOST:PORT/NAME``.

The node answers enough for them to go on charging; who may charge is not decided here. The port is to be offered in a
closed network only, or behind a proxy that asks for credentials.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from energy.results import Rejected
from metering.ocpp.decoder import MESSAGE_LEN_MAX
from metering.ocpp.messages import SUBPROTOCOLS, answer_to, read_call
from metering.readings import TrustClass
from metering.registers import RegisterSample
from metering.rejections import MeteringReject
from metering.sources.stream import Counters, Patience, pause

_WAITING_MAX = 1_024


class ChargePointSource:
    """Hears any number of charge points on one port."""

    def __init__(
        self,
        host: str,
        port: int,
        frames: Callable[[str, str], list[bytes]],
        decode: Callable[[bytes, int], RegisterSample | Rejected],
        trust: TrustClass,
        clock: Callable[[], int],
        *,
        patience: Patience | None = None,
    ) -> None:
        """Listen on a port.

        Args:
            host: Address to listen on.
            port: Its number.
            frames: What is to be decoded of a charge point's name and message.
            decode: From such a frame and the time of its arrival.
            trust: How far this is believed.
            clock: The node's clock, UTC epoch seconds.
            patience: How long to wait before a port that is taken is tried again.
        """
        self.trust = trust
        self.counters = Counters()
        self._where = (host, port)
        self._frames = frames
        self._decode = decode
        self._clock = clock
        self._patience = patience or Patience()
        self._outcomes: asyncio.Queue[RegisterSample | Rejected | None] = asyncio.Queue(_WAITING_MAX)
        self._closed = asyncio.Event()

    def close(self) -> None:
        """Stop listening; `samples` ends."""
        self._closed.set()

    async def samples(self) -> AsyncIterator[RegisterSample | Rejected]:
        """Yield a sample, or why there is none, for every frame; COMM_LOST once while the port is not to be had."""
        server: Server | None = None
        while server is None and not self._closed.is_set():
            try:
                server = await self._serve()
            except OSError:
                if not self.counters.outages:
                    self.counters.outages = 1
                    yield Rejected(MeteringReject.COMM_LOST, {"reason": "open"})
                await pause(self._closed, self._patience.retry_ms_first)
        closing = asyncio.ensure_future(self._closed.wait())
        try:
            while not self._closed.is_set():
                waiting = asyncio.ensure_future(self._outcomes.get())
                await asyncio.wait({waiting, closing}, return_when=asyncio.FIRST_COMPLETED)
                if waiting.done() and (outcome := waiting.result()) is not None:
                    yield outcome
                waiting.cancel()
        finally:
            closing.cancel()
            if server is not None:
                server.close()
                await server.wait_closed()

    async def _serve(self) -> Server:
        host, port = self._where
        protocols = [Subprotocol(name) for name in SUBPROTOCOLS]
        return await serve(
            self._converse,
            host,
            port,
            subprotocols=protocols,
            process_request=_refuse_nameless,
            max_size=MESSAGE_LEN_MAX,
        )

    async def _converse(self, connection: ServerConnection) -> None:
        name = _name_of(connection.request)
        try:
            async for message in connection:
                if not isinstance(message, str):
                    continue
                if call := read_call(message):
                    await connection.send(answer_to(call, self._clock()))
                for frame in self._frames(name, message) if call else ():
                    await self._outcomes.put(self.counters.count(self._decode(frame, self._clock())))
        except ConnectionClosed:
            return


def _name_of(request: Request | None) -> str:
    name = request.path.rpartition("/")[2] if request else ""
    return name if name.isascii() and name.isprintable() and len(name) <= 48 else ""


def _refuse_nameless(connection: ServerConnection, request: Request) -> Response | None:
    if _name_of(request):
        return None
    return connection.respond(HTTPStatus.NOT_FOUND, "a charge point connects to ws://HOST:PORT/NAME\n")
