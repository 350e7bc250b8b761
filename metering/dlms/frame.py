"""HDLC frames out of a byte stream, and what they carry; no I/O.

A frame is ``7E``, format and length (``Axxx``), destination, source, control, header check (HCS), what it carries,
frame check (FCS), ``7E``; both checks are X.25's, low byte first. What is carried begins with ``E6 E7 00`` (LLC).
Source: IEC 62056-46 §6.4; DLMS UA Green Book 8 §8.4.
"""

from dataclasses import dataclass
from typing import Final

from energy.results import Rejected
from metering.checksums import crc16_x25
from metering.rejections import MeteringReject

FLAG: Final = 0x7E
LLC: Final = b"\xe6\xe7\x00"
FRAME_LEN_MAX: Final = 0x07FF + 2
"""Longest frame, bytes, its flags included."""

_FORMAT: Final = 0xA0
_SEGMENTED: Final = 0x08
_ADDRESS_LEN_MAX: Final = 4
_CHECK_LEN: Final = 2


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame whose checks are right."""

    carried: bytes
    """What it carries, the LLC header included where there is one."""
    segmented: bool
    """More follows in the next frame."""


class HdlcSplitter:
    """Cuts a stream of bytes, in pieces of any size, into frames."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that these bytes complete, both flags included.

        One that does not end where its length says is returned too, up to the next flag, so that a decoder refuses it
        and a reader counts it. Bytes outside frames are dropped.
        """
        self._waiting += data
        frames: list[bytes] = []
        while frame := self._cut():
            frames.append(frame)
        return frames

    def _cut(self) -> bytes | None:
        waiting = self._waiting
        while (start := waiting.find(FLAG)) >= 0:
            del waiting[:start]
            if len(waiting) < 3:
                return None
            # A flag that ends one frame may begin the next; one that begins none is dropped.
            if waiting[1] & 0xF0 == _FORMAT:
                end = ((waiting[1] & 0x07) << 8 | waiting[2]) + 2
                if len(waiting) < end:
                    return None
                if waiting[end - 1] != FLAG:
                    found = waiting.find(FLAG, 3)
                    end = found + 1 if 0 <= found < end else end
                frame = bytes(waiting[:end])
                del waiting[: end - 1]
                return frame
            del waiting[:1]
        waiting.clear()
        return None


def read_frame(frame: bytes) -> Frame | Rejected:
    """Return what a frame carries, if its checks are right."""
    if not 9 <= len(frame) <= FRAME_LEN_MAX or frame[0] != FLAG or frame[-1] != FLAG or frame[1] & 0xF0 != _FORMAT:
        return _torn(frame)
    if ((frame[1] & 0x07) << 8 | frame[2]) != len(frame) - 2:
        return _torn(frame)
    if crc16_x25(frame[1:-3]) != int.from_bytes(frame[-3:-1], "little"):
        return Rejected(MeteringReject.CHECKSUM, {"label": "FCS"})
    at = 3
    for _ in ("destination", "source"):
        begin = at
        while not frame[at] & 1:
            at += 1
            if at - begin == _ADDRESS_LEN_MAX or at >= len(frame) - 3:
                return _torn(frame)
        at += 1
    header_end = at + 1
    if header_end + _CHECK_LEN > len(frame) - 3:
        return _torn(frame)
    if crc16_x25(frame[1:header_end]) != int.from_bytes(frame[header_end : header_end + _CHECK_LEN], "little"):
        return Rejected(MeteringReject.CHECKSUM, {"label": "HCS"})
    return Frame(frame[header_end + _CHECK_LEN : -3], bool(frame[1] & _SEGMENTED))


def write_frame(carried: bytes, *, segmented: bool = False) -> bytes:
    """Return the frame that carries up to 2 000 bytes, from a meter to whoever listens."""
    length = 2 + 3 + 1 + _CHECK_LEN + len(carried) + _CHECK_LEN
    head = bytes([_FORMAT | _SEGMENTED * segmented | length >> 8, length & 0xFF, 0x2B, 0x02, 0x21, 0x13])
    head += crc16_x25(head).to_bytes(2, "little")
    body = head + carried
    return bytes([FLAG]) + body + crc16_x25(body).to_bytes(2, "little") + bytes([FLAG])


def _torn(frame: bytes) -> Rejected:
    return Rejected(MeteringReject.TORN_FRAME, {"length": len(frame)})
