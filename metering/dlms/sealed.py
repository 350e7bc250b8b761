"""Encrypted messages out of what carries them: HDLC frames, or M-Bus frames as in most of Austria; no I/O.

In M-Bus a message that is too long for one frame comes in several. The control information of each counts them, with
bit 4 in the last; source and destination follow, then a piece of the message.
Source: TINETZ "Beschreibung Kundenschnittstelle" (2021); EN 13757-3 §5.
"""

from typing import Final

from energy.results import Rejected
from metering.dlms.frame import LLC, HdlcSplitter, read_frame, write_frame
from metering.mbus.frame import START, STOP, MbusSplitter

MESSAGE_LEN_MAX: Final = 8_192

_LAST: Final = 0x10
_CONTROL_AT: Final = 6
_PIECE_AT: Final = 9
_PIECE_LEN_MAX: Final = 245


class HdlcMessages:
    """Cuts a stream of bytes, in pieces of any size, into messages that HDLC carries."""

    def __init__(self) -> None:
        self._frames = HdlcSplitter()
        self._message = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that these bytes complete; a bad frame is returned itself, to be refused and counted."""
        messages: list[bytes] = []
        for frame in self._frames.feed(data):
            read = read_frame(frame)
            if isinstance(read, Rejected):
                self._message = b""
                messages.append(frame)
                continue
            self._message += read.carried.removeprefix(LLC)
            if not read.segmented or len(self._message) > MESSAGE_LEN_MAX:
                messages.append(self._message or frame)
                self._message = b""
        return messages


class MbusMessages:
    """Cuts a stream of bytes, in pieces of any size, into messages that M-Bus carries."""

    def __init__(self) -> None:
        self._frames = MbusSplitter()
        self._message = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that these bytes complete; a bad frame is returned itself, to be refused and counted."""
        messages: list[bytes] = []
        for frame in self._frames.feed(data):
            if len(frame) < _PIECE_AT + 2 or frame[-1] != STOP or sum(frame[4:-2]) & 0xFF != frame[-2]:
                self._message = b""
                messages.append(frame)
                continue
            self._message += frame[_PIECE_AT:-2]
            if frame[_CONTROL_AT] & _LAST or len(self._message) > MESSAGE_LEN_MAX:
                messages.append(self._message or frame)
                self._message = b""
        return messages


def in_mbus(message: bytes) -> bytes:
    """Return the M-Bus frames that carry an encrypted message."""
    pieces = [message[at : at + _PIECE_LEN_MAX] for at in range(0, len(message), _PIECE_LEN_MAX)]
    frames = b""
    for number, piece in enumerate(pieces):
        body = bytes([0x53, 0xFF, number | _LAST * (number == len(pieces) - 1), 0x01, 0x67]) + piece
        head = bytes([START, len(body), len(body), START])
        frames += head + body + bytes([sum(body) & 0xFF, STOP])
    return frames


def in_hdlc(message: bytes) -> bytes:
    """Return the HDLC frame that carries an encrypted message."""
    return write_frame(LLC + message)
