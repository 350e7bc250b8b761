"""Linky frames out of a byte stream, and groups out of a frame; no I/O.

A frame is STX, groups, ETX; a group is LF, label, separator, [horodate, separator,] data, separator, checksum, CR.
The line is 7 bits with even parity; many dongles deliver all 8 bits. STX has one bit set, so it arrives as 0x02 where
parity was stripped and as 0x82 where it was not: each frame says by its first byte whether its parity can be checked.
Source: Enedis-NOI-CPT_54E v3 (2018), chapter 5.

Refuses, group by group, whatever is not exactly as the protocol says; the frame's other groups stay usable.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from energy.results import Rejected
from metering.linky.labels import TEXT, Dialect
from metering.rejections import MeteringReject

STX: Final = 0x02
ETX: Final = 0x03
EOT: Final = 0x04
HORODATE_LEN: Final = 13
FRAME_LEN_MAX: Final = 4096
"""Longest frame kept, bytes; a three-phase producer's holds about 1 500."""

_DAMAGED: Final = 0x7F
"""DEL stands for a byte of wrong parity: no group may hold it, so that the group it lies in is dropped."""
_STRIPPED: Final = bytes(byte & 0x7F for byte in range(256))
_PARITY_CHECKED: Final = bytes(byte & 0x7F if byte.bit_count() % 2 == 0 else _DAMAGED for byte in range(256))
_START: Final = re.compile(rb"[\x02\x82]")
_STARTS: Final = {
    b"\x02": (_STRIPPED, re.compile(rb"[\x02\x82\x03\x83\x04\x84]")),
    b"\x82": (_PARITY_CHECKED, re.compile(rb"[\x02\x82\x03\x84]")),
}
"""By a frame's first byte: what its bytes stand for, and which ones end it or start another."""


class FrameSplitter:
    """Cuts a stream of bytes, in pieces of any size, into frames."""

    def __init__(self) -> None:
        self._frame = bytearray()  # Empty until an STX has been seen.
        self._characters, self._marks = _STARTS[bytes([STX])]

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that these bytes complete, in 7-bit characters, STX and ETX included.

        A frame that broke off (EOT, a second STX, longer than `FRAME_LEN_MAX`) is returned too, without its ETX, so
        that a decoder refuses it and a reader counts it. Bytes outside frames are dropped.
        """
        frames: list[bytes] = []
        at = 0
        while at < len(data):
            mark = (self._marks if self._frame else _START).search(data, at)
            if self._frame:
                end = mark.start() if mark else len(data)
                room = FRAME_LEN_MAX - len(self._frame)
                self._frame += data[at : min(end, at + room)].translate(self._characters)
                if end - at >= room:
                    self._cut(frames)
                    at += room
                    continue
            if mark is None:
                break
            at = mark.end()
            if mark[0] in _STARTS:
                self._cut(frames)
                self._characters, self._marks = _STARTS[mark[0]]
                self._frame.append(STX)
            else:
                self._frame += mark[0].translate(self._characters)
                self._cut(frames)
        return frames

    def _cut(self, frames: list[bytes]) -> None:
        if self._frame:
            frames.append(bytes(self._frame))
            self._frame.clear()


@dataclass(frozen=True, slots=True)
class Group:
    """One group whose checksum, label, lengths and characters are right."""

    horodate: str
    """Thirteen characters, or none where the label has no horodate."""
    data: str


@dataclass(frozen=True, slots=True)
class FrameGroups:
    """What is left of a frame once its bad groups are dropped."""

    raw: bytes
    """The whole frame, STX and ETX included."""
    good: Mapping[str, Group]
    """By label."""
    bad: tuple[Rejected, ...]
    """Why the others were dropped, in the frame's sequence."""


def checksum(zone: bytes) -> int:
    """Return the checksum character of a group's zone: the low six bits of the sum, plus 0x20.

    It is weak: it cannot see a flip of bit 6, a permutation, or two digits changed by opposite amounts.
    """
    return (sum(zone) & 0x3F) + 0x20


def read_groups(frame: bytes, dialect: Dialect) -> FrameGroups | Rejected:
    """Return the groups of one frame; refuse the whole frame only when it is torn.

    A label that appears twice tells that the end of one frame and the start of the next were lost: their groups must
    not be mixed.
    """
    if len(frame) > FRAME_LEN_MAX or frame[:1] != bytes([STX]) or frame[-1:] != bytes([ETX]) or EOT in frame:
        return Rejected(MeteringReject.TORN_FRAME, {"length": len(frame)})
    good: dict[str, Group] = {}
    bad: list[Rejected] = []
    before_first, *pieces = frame[1:-1].split(b"\n")
    if before_first:
        pieces.insert(0, before_first)
    for position, piece in enumerate(pieces):
        match _read_group(piece, position, dialect):
            case Rejected() as rejected:
                bad.append(rejected)
            case label, _ if label in good:
                return Rejected(MeteringReject.TORN_FRAME, {"length": len(frame), "label": label})
            case label, group:
                good[label] = group
    return FrameGroups(frame, good, tuple(bad))


def _read_group(piece: bytes, position: int, dialect: Dialect) -> tuple[str, Group] | Rejected:
    """Read what stands between LF and the next LF or ETX: ``zone [separator] checksum CR``."""
    name, *rest = piece[:-3].decode("ascii", "replace").split(dialect.separator.decode())
    label = dialect.labels.get(name)
    if (
        label is not None
        and piece[-1:] == b"\r"
        and piece[-3:-2] == dialect.separator
        and checksum(_zone(piece, dialect)) == piece[-2]
        and len(rest) == 1 + label.stamped
        and len(rest[-1]) == label.length
        and label.charset.fullmatch(rest[-1])
    ):
        horodate = rest[0] if label.stamped else ""
        if not label.stamped or (len(horodate) == HORODATE_LEN and TEXT.fullmatch(horodate)):
            return name, Group(horodate, rest[-1])
    return _why_not(piece, position, dialect, name, rest)


def _zone(piece: bytes, dialect: Dialect) -> bytes:
    return piece[:-2] if dialect.checksum_takes_last_separator else piece[:-3]


def _why_not(piece: bytes, position: int, dialect: Dialect, name: str, rest: Sequence[str]) -> Rejected:
    """Return the first of all reasons why a group is not good."""
    label = dialect.labels.get(name)
    if piece[-1:] != b"\r" or piece[-3:-2] != dialect.separator:
        return Rejected(MeteringReject.TORN_GROUP, {"group": position})
    if checksum(_zone(piece, dialect)) != piece[-2]:
        return Rejected(MeteringReject.CHECKSUM, {"group": position} | ({"label": name} if label else {}))
    if not all(TEXT.fullmatch(field) for field in (name, *rest)):
        return Rejected(MeteringReject.TORN_GROUP, {"group": position})
    if label is None:
        return Rejected(MeteringReject.UNKNOWN_LABEL, {"group": position})
    if len(rest) != 1 + label.stamped:
        return Rejected(MeteringReject.TORN_GROUP, {"group": position})
    if label.stamped and len(rest[0]) != HORODATE_LEN:
        return _bad_length(name, len(rest[0]), HORODATE_LEN)
    if len(rest[-1]) != label.length:
        return _bad_length(name, len(rest[-1]), label.length)
    return Rejected(MeteringReject.BAD_DIGITS, {"label": name})


def _bad_length(label: str, length: int, expected: int) -> Rejected:
    return Rejected(MeteringReject.BAD_LENGTH, {"label": label, "length": length, "length_expected": expected})
