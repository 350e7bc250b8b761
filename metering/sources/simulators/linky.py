"""A Linky that is not there: writes frames of mode standard into a pseudo-terminal, for the demo and the tests.

The same values give the same bytes. Whoever reads must have opened the line before: a pseudo-terminal that is opened is
emptied first, as a real line is. Disturbances are functions from bytes to bytes, so that a test says what it does.
"""

import asyncio
import os
import termios
import tty
from typing import Final

from energy.errors import Unavailable
from metering.linky.decoder import Status
from metering.linky.encoder import encode_standard
from metering.linky.frame import EOT

_BITS_PER_CHARACTER: Final = 10
"""Start, 7 bits, parity, stop."""
_PACE_HZ: Final = 50


class LinkySimulator:
    """One meter and its line."""

    def __init__(self, serial: str, *, producer: bool = True) -> None:
        """Make a line.

        Args:
            serial: Twelve digits.
            producer: Whether the meter has an export register.
        """
        self._serial = serial
        self._producer = producer
        self._master, self._slave = os.openpty()
        _set_9600_7e1(self._slave)
        os.set_blocking(self._master, False)
        self.device: str = os.ttyname(self._slave)
        """Path of the end that a reader opens."""

    def frame(
        self, metered_at: int, import_index_wh: int, export_index_wh: int, *, status: Status = Status.NONE
    ) -> bytes:
        """Return the frame that the meter shows; nothing is sent."""
        export_wh = export_index_wh if self._producer else None
        return encode_standard(self._serial, metered_at, import_index_wh, export_wh, status=status)

    def emit(self, metered_at: int, import_index_wh: int, export_index_wh: int) -> bytes:
        """Send exactly one frame, as fast as the line takes it, and return it.

        Raises:
            Unavailable: nobody reads, and the line is full; the frame is torn.
        """
        frame = self.frame(metered_at, import_index_wh, export_index_wh)
        self.send(frame)
        return frame

    def send(self, data: bytes) -> None:
        """Send any bytes, as fast as the line takes them.

        Raises:
            Unavailable: nobody reads, and the line is full; the rest is not sent.
        """
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._master, rest) :]
            except BlockingIOError:
                raise Unavailable("nobody reads the simulated meter, and its line is full") from None

    async def send_paced(self, data: bytes, baud: int = 9600) -> None:
        """Send any bytes at the speed of a real line."""
        step = max(1, baud // _BITS_PER_CHARACTER // _PACE_HZ)
        for start in range(0, len(data), step):
            self.send(data[start : start + step])
            await asyncio.sleep(1 / _PACE_HZ)

    def close(self) -> None:
        """Pull the plug: whoever reads sees the line break."""
        for descriptor in (self._master, self._slave):
            os.close(descriptor)


def with_wrong_checksum(frame: bytes, label: str) -> bytes:
    """Return a frame in which the checksum of one label's group is off by one."""
    end = frame.index(b"\r", frame.index(b"\n" + label.encode() + b"\t"))
    wrong = 0x20 + (frame[end - 1] - 0x20 + 1) % 0x40
    return frame[: end - 1] + bytes([wrong]) + frame[end:]


def torn(frame: bytes, length: int) -> bytes:
    """Return the beginning of a frame, as when the line breaks."""
    return frame[:length]


def interrupted(frame: bytes, length: int) -> bytes:
    """Return the beginning of a frame and EOT, as when the meter needs its output for something else."""
    return frame[:length] + bytes([EOT])


def _set_9600_7e1(descriptor: int) -> None:
    tty.setraw(descriptor)
    attributes = termios.tcgetattr(descriptor)
    control, speeds = 2, (4, 5)
    attributes[control] = attributes[control] & ~termios.CSIZE | termios.CS7 | termios.PARENB
    for speed in speeds:
        attributes[speed] = termios.B9600
    termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
