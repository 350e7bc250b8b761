"""Encrypted messages out of what carries them: HDLC frames, or M-Bus frames as in most of Austria; no I/O.

An M-Bus frame is ``68 L L 68``, ``53 FF``, a byte that counts the segments and has bit 4 in the last, source and
destination, a piece of the message, the sum of all bytes between (its low byte), ``16``. A message too long for one
frame comes in several. Source: TINETZ "Beschreibung Kundenschnittstelle" (2021); EN 13757-3 §5.
"""

from typing import Final

from energy.results import Rejected
from metering.dlms.frame import FLAG, LLC, HdlcSplitter, read_frame, write_frame

MBUS_START: Final = 0x68
MBUS_END: Final = 0x16
MESSAGE_LEN_MAX: Final = 8_192

_LAST: Final = 0x10
_OVERHEAD: Final = 6
_HEAD_LEN: Final = 5
_PIECE_LEN_MAX: Final = 245


class SealedPushSplitter:
    """Cuts a stream of bytes, in pieces of any size, into encrypted messages."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._hdlc = HdlcSplitter()
        self._message = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that these bytes complete.

        A frame whose check is wrong is returned itself, so that it is refused and counted.
        """
        self._waiting += data
        messages: list[bytes] = []
        while self._waiting:
            if self._message or self._waiting[0] != MBUS_START:
                start = self._waiting.find(MBUS_START)
                flag = self._waiting.find(FLAG)
                if flag >= 0 and (start < 0 or flag < start):
                    self._take_hdlc(messages)
                    break
                del self._waiting[: len(self._waiting) if start < 0 else start]
                if start < 0:
                    break
            if not self._take_mbus(messages):
                break
        return messages

    def _take_hdlc(self, messages: list[bytes]) -> None:
        """A line that has begun in HDLC goes on so: all is the frames' splitter's from here."""
        waiting, self._waiting = bytes(self._waiting), bytearray()
        for frame in self._hdlc.feed(waiting):
            read = read_frame(frame)
            if isinstance(read, Rejected):
                self._message.clear()
                messages.append(frame)
                continue
            self._message += read.carried.removeprefix(LLC)
            self._finish(messages, last=not read.segmented)

    def _take_mbus(self, messages: list[bytes]) -> bool:
        """Take one M-Bus frame, or drop what is none; False when it has not all come."""
        waiting = self._waiting
        if len(waiting) < 4:
            return False
        length = waiting[1]
        if waiting[2] != length or waiting[3] != MBUS_START or length < _HEAD_LEN:
            del waiting[:1]
            return True
        end = length + _OVERHEAD
        if len(waiting) < end:
            return False
        frame = bytes(waiting[:end])
        del waiting[:end]
        if frame[-1] != MBUS_END or sum(frame[4:-2]) & 0xFF != frame[-2]:
            self._message.clear()
            messages.append(frame)
            return True
        self._message += frame[4 + _HEAD_LEN : -2]
        self._finish(messages, last=bool(frame[6] & _LAST))
        return True

    def _finish(self, messages: list[bytes], *, last: bool) -> None:
        # Kaifa's first frame of two says 00, and the last 11; a message in one frame says 10, or 00 and is whole.
        if last or len(self._message) > MESSAGE_LEN_MAX:
            messages.append(bytes(self._message))
            self._message.clear()


def in_mbus(message: bytes) -> bytes:
    """Return the M-Bus frames that carry an encrypted message."""
    pieces = [message[at : at + _PIECE_LEN_MAX] for at in range(0, len(message), _PIECE_LEN_MAX)]
    frames = b""
    for number, piece in enumerate(pieces):
        body = bytes([0x53, 0xFF, number | _LAST * (number == len(pieces) - 1), 0x01, 0x67]) + piece
        head = bytes([MBUS_START, len(body), len(body), MBUS_START])
        frames += head + body + bytes([sum(body) & 0xFF, MBUS_END])
    return frames


def in_hdlc(message: bytes) -> bytes:
    """Return the HDLC frame that carries an encrypted message."""
    return write_frame(LLC + message)
