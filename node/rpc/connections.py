"""How long and how many: connections that send their requests drop by drop, or do nothing, must not keep others out.

uvicorn waits for ever for the rest of a request's head, and takes any number of connections. Here a head that is not
complete after `HEAD_S` ends its connection, and where there are too many, one that has nothing under way makes room.
"""

import asyncio
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S: Final = 10.0
"""From the first byte of a request, or the beginning of the connection, to the end of the request's head."""
BODY_S: Final = 30.0
"""For the body after it."""
CONNECTIONS_MAX: Final = 512
WEB_SOCKETS_MAX: Final = 256


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol with an end to patience."""

    began = 0.0
    """When the connection, or its latest request, began; seconds of the loop's clock."""
    _waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; where there are too many connections, end the oldest of those that have nothing under way."""
        super().connection_made(transport)
        self._wait()
        if len(self.connections) > CONNECTIONS_MAX:
            idle = (each for each in self.connections if isinstance(each, PatientProtocol) and not each.is_busy)
            oldest = min(idle, key=lambda each: each.began, default=self)
            oldest.transport.abort()

    @property
    def is_busy(self) -> bool:
        """Return whether a request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        """Take bytes; while they are no whole head, the time runs."""
        if self._waiting is None and not self.is_busy:
            self._wait()
        super().data_received(data)
        if self.is_busy:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._stop_waiting()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """Leave the connection to the WebSocket's own protocol."""
        self._stop_waiting()
        super().handle_websocket_upgrade()

    def _wait(self) -> None:
        self.began = self.loop.time()
        self._waiting = self.loop.call_later(HEAD_S, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
