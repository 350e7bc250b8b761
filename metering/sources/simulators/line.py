"""Lines of meters that are not there: a pseudo-terminal, or a TCP port as ser2net offers one.

Whoever reads a pseudo-terminal must have opened it before: it is emptied as it is opened, as a real line is.
"""

import os
import socket
import tty
from contextlib import suppress
from typing import Protocol

from energy.errors import Unavailable

_READ_LEN_MAX = 4096


class SimulatedLine(Protocol):
    """The meter's end of a line."""

    @property
    def place(self) -> str:
        """Where a reader finds the other end, as a source names it."""
        ...

    def send(self, data: bytes) -> None:
        """Send any bytes, as fast as the line takes them; where nobody listens, they are lost."""
        ...

    def hear(self) -> bytes:
        """Return what readers have sent since the last call."""
        ...

    def close(self) -> None:
        """Pull the plug: whoever reads sees the line break."""
        ...


class PtyLine:
    """A pseudo-terminal."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.place: str = os.ttyname(self._slave)

    def send(self, data: bytes) -> None:
        """Send any bytes; what a full line does not take is lost, as when nobody reads."""
        rest = memoryview(data)
        with suppress(BlockingIOError):
            while rest:
                rest = rest[os.write(self._master, rest) :]

    def hear(self) -> bytes:
        """Return what readers have sent since the last call."""
        with suppress(BlockingIOError):
            return os.read(self._master, _READ_LEN_MAX)
        return b""

    def close(self) -> None:
        """Pull the plug."""
        for descriptor in (self._master, self._slave):
            os.close(descriptor)


class TcpLine:
    """A TCP port that any number of readers share."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen.

        Args:
            host: Address to listen on.
            port: Number of the port; 0 for any free one.

        Raises:
            Unavailable: the port is taken, or not ours to take.
        """
        try:
            self._listener = socket.create_server((host, port))
        except OSError as error:
            raise Unavailable(f"the simulated meter cannot listen on {host}:{port}: {error.strerror}") from error
        self._listener.setblocking(False)
        self._readers: list[socket.socket] = []
        self.place: str = "tcp://{}:{}".format(*self._listener.getsockname()[:2])

    def send(self, data: bytes) -> None:
        """Send any bytes to all readers; one that does not keep up, or is gone, is dropped."""
        self._accept()
        for reader in list(self._readers):
            try:
                if reader.send(data) == len(data):
                    continue
            except OSError:
                pass
            self._drop(reader)

    def hear(self) -> bytes:
        """Return what readers have sent since the last call."""
        self._accept()
        heard = b""
        for reader in list(self._readers):
            try:
                data = reader.recv(_READ_LEN_MAX)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if not data:
                self._drop(reader)
            heard += data
        return heard

    def close(self) -> None:
        """Pull the plug."""
        for reader in list(self._readers):
            self._drop(reader)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(BlockingIOError):
            while True:
                reader, _ = self._listener.accept()
                reader.setblocking(False)
                self._readers.append(reader)

    def _drop(self, reader: socket.socket) -> None:
        self._readers.remove(reader)
        reader.close()
