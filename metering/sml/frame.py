"""SML files out of a byte stream: the transport of version 1, its escapes and its checksum; no I/O.

A file is ``1B1B1B1B 01010101``, messages, zeros up to a multiple of four, ``1B1B1B1B 1A``, how many zeros, CRC-16 over
all before it (low byte first). Four bytes 1B inside are doubled.
Source: BSI TR-03109-1 Anlage IV, Feinspezifikation der drahtgebundenen LMN-Schnittstelle, Teil b: SML, chapter 8.
"""

import re
from typing import Final

from energy.results import Rejected
from metering.checksums import crc16_kermit, crc16_x25
from metering.rejections import MeteringReject

ESCAPE: Final = b"\x1b" * 4
BEGIN: Final = ESCAPE + b"\x01" * 4
END_LEN: Final = 8
END_MARK: Final = 0x1A
FILE_LEN_MAX: Final = 4_096
"""Longest file kept, bytes; a meter that shows all it has sends about 700."""

_PADDING_MAX: Final = 4
"""Three would do; some meters add four."""
_RUN: Final = re.compile(rb"\x1b{4,}")


class SmlSplitter:
    """Cuts a stream of bytes, in pieces of any size, into SML files."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Return the files that these bytes complete.

        One that broke off (another begins in it, or it is longer than `FILE_LEN_MAX`) is returned too, so that a
        decoder refuses it and a reader counts it. Bytes outside files are dropped.
        """
        self._waiting += data
        files: list[bytes] = []
        while file := self._cut():
            files.append(file)
        return files

    def _cut(self) -> bytes | None:
        start = self._waiting.find(BEGIN)
        if start < 0:
            del self._waiting[: max(0, len(self._waiting) - len(BEGIN) + 1)]
            return None
        del self._waiting[:start]
        end = self._end()
        if end is None or end > FILE_LEN_MAX:
            if len(self._waiting) < FILE_LEN_MAX:
                return None
            end = FILE_LEN_MAX
        file = bytes(self._waiting[:end])
        del self._waiting[:end]
        return file

    def _end(self) -> int | None:
        """Return where the waiting file ends, if that has come."""
        for run in _RUN.finditer(self._waiting, len(BEGIN)):
            if len(self._waiting) < run.end() + END_LEN - len(ESCAPE):
                return None
            if not _ends_in_escape(run):
                continue
            if self._waiting[run.end()] == END_MARK:
                return run.end() + END_LEN - len(ESCAPE)
            if self._waiting.startswith(BEGIN[len(ESCAPE) :], run.end()):
                return run.end() - len(ESCAPE)
        return None


def read_file(file: bytes) -> bytes | Rejected:
    """Return the messages of a file, without escapes and padding, if its checksum is right."""
    end = len(file) - END_LEN
    if len(file) > FILE_LEN_MAX or end < len(BEGIN) or not file.startswith(BEGIN) or file[end : end + 4] != ESCAPE:
        return _torn(file)
    padding = file[-3]
    if file[-4] != END_MARK or padding > _PADDING_MAX:
        return _torn(file)
    if not has_checksum(file[:-2], file[-2:]):
        return Rejected(MeteringReject.CHECKSUM, {"label": "file"})
    body = file[len(BEGIN) : end]
    if any(body[len(body) - padding :]):
        return _torn(file)
    return body[: len(body) - padding].replace(ESCAPE * 2, ESCAPE)


def has_checksum(data: bytes, checksum: bytes) -> bool:
    """Say whether two bytes are the checksum of data: X.25's, low byte first, or Kermit's, high byte first.

    The latter is that of meters that follow an old draft.
    """
    return checksum in (crc16_x25(data).to_bytes(2, "little"), crc16_kermit(data).to_bytes(2, "big"))


def write_file(messages: bytes) -> bytes:
    """Return the file that carries messages."""
    escaped = messages.replace(ESCAPE, ESCAPE * 2)
    padding = -len(escaped) % 4
    file = BEGIN + escaped + bytes(padding) + ESCAPE + bytes([END_MARK, padding])
    return file + crc16_x25(file).to_bytes(2, "little")


def _ends_in_escape(run: re.Match[bytes]) -> bool:
    """Say whether a run of bytes 1B ends in an escape that is not the second of a doubled one."""
    return len(run[0]) % (2 * len(ESCAPE)) >= len(ESCAPE)


def _torn(file: bytes) -> Rejected:
    return Rejected(MeteringReject.TORN_FRAME, {"length": len(file)})
