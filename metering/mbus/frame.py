"""M-Bus long frames out of a byte stream, and how a meter is asked for one; no I/O.

A long frame is ``68 L L 68``, control, address, control information, data, the sum of all these (its low byte), ``16``.
Source: EN 13757-2 §5 (link layer), EN 13757-3 §4.
"""

from typing import Final

from energy.results import Rejected
from metering.rejections import MeteringReject

START: Final = 0x68
STOP: Final = 0x16
ANSWER: Final = 0x08
"""Control field of an answer with data; bits 4 and 5 may be set."""
ANY_ADDRESS: Final = 254
"""To which whichever meter is there answers."""

_SHORT_START: Final = 0x10
_REQUEST: Final = 0x5B
_FRAME_COUNT: Final = 0x20
_RESET: Final = 0x40
_OVERHEAD: Final = 6


class MbusSplitter:
    """Cuts a stream of bytes, in pieces of any size, into long frames."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that these bytes complete; one that does not end as it should is returned too."""
        self._waiting += data
        frames: list[bytes] = []
        waiting = self._waiting
        while (start := waiting.find(START)) >= 0:
            del waiting[:start]
            if len(waiting) < 4:
                return frames
            if waiting[1] != waiting[2] or waiting[3] != START:
                del waiting[:1]
                continue
            end = waiting[1] + _OVERHEAD
            if len(waiting) < end:
                return frames
            frames.append(bytes(waiting[:end]))
            del waiting[:end]
        waiting.clear()
        return frames


class MbusDialogue:
    """Asks one meter again and again."""

    def __init__(self, address: int = ANY_ADDRESS) -> None:
        """Speak to a meter.

        Args:
            address: Its primary address, 0 to 250; 254 for the only one on the line.
        """
        if not (0 <= address <= 250 or address == ANY_ADDRESS):
            raise ValueError("an M-Bus address is a number from 0 to 250, or 254 for the only meter")
        self._address = address
        self._count = 0

    def begin(self) -> list[bytes]:
        """Return what asks for the data once more: a reset first, then requests whose count bit alternates.

        A meter that hears the same count bit twice sends what it sent before.
        """
        self._count ^= _FRAME_COUNT
        reset = short_frame(_RESET, self._address) if self._count else b""
        return [part for part in (reset, short_frame(_REQUEST | self._count, self._address)) if part]

    def hear(self, data: bytes) -> list[bytes]:
        """An answer asks for nothing more."""
        return []


def read_long(frame: bytes) -> bytes | Rejected:
    """Return what a long frame carries from its control information on, if its sum is right."""
    well_formed = len(frame) >= _OVERHEAD + 3 and frame[0] == frame[3] == START and frame[1] == frame[2]
    if not well_formed or frame[1] + _OVERHEAD != len(frame) or frame[-1] != STOP or frame[4] & 0xCF != ANSWER:
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(frame)})
    if sum(frame[4:-2]) & 0xFF != frame[-2]:
        return Rejected(MeteringReject.CHECKSUM, {"label": "sum"})
    return frame[6:-2]


def long_frame(carried: bytes, address: int) -> bytes:
    """Return the long frame with which a meter answers; at most 253 bytes."""
    body = bytes([ANSWER, address]) + carried
    return bytes([START, len(body), len(body), START]) + body + bytes([sum(body) & 0xFF, STOP])


def short_frame(control: int, address: int) -> bytes:
    """Return a frame that carries nothing."""
    return bytes([_SHORT_START, control, address, control + address & 0xFF, STOP])
