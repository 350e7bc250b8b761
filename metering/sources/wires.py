"""Where meters are read: serial lines (a pseudo-terminal is one) and TCP ports such as ser2net's. Without threads.

A wire is a descriptor that never blocks; whoever reads it waits with the event loop. A TCP port is expected to deliver
characters as a serial line does, with parity stripped.
"""

import asyncio
import os
import socket
import termios
from dataclasses import dataclass
from typing import Final, Protocol

import serial

from energy.errors import Unavailable

CONNECT_S_MAX: Final = 5
_INPUT_MODES: Final = 0
"""Place of the input modes among a terminal's attributes."""


class Wire(Protocol):
    """An open way to a meter."""

    def fileno(self) -> int:
        """Return the descriptor to read from."""
        ...

    def send(self, data: bytes) -> None:
        """Send a few bytes.

        Raises:
            OSError: the line is full or broken.
        """
        ...

    async def switch(self, baud: int) -> None:
        """Go on at another speed, once everything sent has left; no effect where there is no speed."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Place(Protocol):
    """Where a meter is read; can be opened as often as it breaks."""

    async def open(self) -> Wire:
        """Return an open wire.

        Raises:
            Unavailable: there is nothing, or it is in use.
        """
        ...


@dataclass(frozen=True, slots=True)
class SerialPlace:
    """A serial line or pseudo-terminal."""

    device: str
    baud: int
    seven_bits: bool = False
    """7E1; else 8N1 or 8E1."""
    even: bool = False
    """8E1."""

    async def open(self) -> Wire:
        """Return the line, open for nobody else."""
        checked = self.seven_bits or self.even
        try:
            port = serial.Serial(
                self.device,
                self.baud,
                bytesize=serial.SEVENBITS if self.seven_bits else serial.EIGHTBITS,
                parity=serial.PARITY_EVEN if checked else serial.PARITY_NONE,
                timeout=0,
                exclusive=True,
            )
            if checked:
                _mark_wrong_parity(port.fileno())
        except (OSError, ValueError, termios.error) as error:
            raise Unavailable(f"the meter's line cannot be opened: {error}") from error
        return _SerialWire(port)


@dataclass(frozen=True, slots=True)
class TcpPlace:
    """A TCP port."""

    host: str
    port: int

    async def open(self) -> Wire:
        """Return a connection."""
        loop = asyncio.get_running_loop()
        connection: socket.socket | None = None
        try:
            found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
            family, kind, protocol, _, address = found[0]
            connection = socket.socket(family, kind, protocol)
            connection.setblocking(False)
            await asyncio.wait_for(loop.sock_connect(connection, address), CONNECT_S_MAX)
        except (OSError, TimeoutError) as error:
            if connection is not None:
                connection.close()
            raise Unavailable(f"the meter's port cannot be reached: {error}") from error
        return _TcpWire(connection)


class _SerialWire:
    def __init__(self, port: serial.Serial) -> None:
        self._port = port

    def fileno(self) -> int:
        return int(self._port.fileno())

    def send(self, data: bytes) -> None:
        _send(self.fileno(), data)

    async def switch(self, baud: int) -> None:
        await asyncio.to_thread(termios.tcdrain, self.fileno())
        self._port.baudrate = baud

    def close(self) -> None:
        self._port.close()


class _TcpWire:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def fileno(self) -> int:
        return self._connection.fileno()

    def send(self, data: bytes) -> None:
        _send(self.fileno(), data)

    async def switch(self, baud: int) -> None:
        pass

    def close(self) -> None:
        self._connection.close()


def place_of(text: str, baud: int, *, seven_bits: bool = False, even: bool = False) -> Place:
    """Return the place that a text names: ``tcp://HOST:PORT``, or the path of a serial line.

    Raises:
        ValueError: the port is none.
    """
    if not text.startswith("tcp://"):
        return SerialPlace(text, baud, seven_bits, even)
    host, _, port = text.removeprefix("tcp://").rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 1 << 16:
        raise ValueError(f"a port is written tcp://HOST:PORT, not {text!r}")
    return TcpPlace(host.strip("[]"), int(port))


def _send(descriptor: int, data: bytes) -> None:
    if os.write(descriptor, data) != len(data):
        raise OSError("the line is full")


def _mark_wrong_parity(descriptor: int) -> None:
    """Let the line's driver replace a character of wrong parity by NUL, which no telegram may hold."""
    attributes = termios.tcgetattr(descriptor)
    attributes[_INPUT_MODES] |= termios.INPCK
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
