"""An append-only, hash-chained, checksummed file: what was acknowledged is in it, whatever happens next.

On disk: frames of 4-byte big-endian length, 4-byte CRC-32, body; a body holds one or more records, each behind its own
4-byte length. A frame is what one fsync made durable, and the next is written only after it: so a bad frame at the end
marks a crash before its acknowledgement and is dropped, and a bad frame with a good one behind it is `Corrupt`.
The chain hash is `sha256(previous hash || record)`, starting from a given seed; it does not depend on the frames.
"""

import asyncio
import os
import struct
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from energy.errors import Corrupt

_FRAME: Final = struct.Struct(">II")
_LENGTH: Final = struct.Struct(">I")
RECORD_BYTES_MAX: Final = 1 << 20


class AppendLog:
    """The file, opened for appending by one process."""

    def __init__(self, path: Path, seed: bytes) -> None:
        """Open or create the file, read it through, and cut a torn tail.

        Args:
            path: Where it lies; the folder must exist.
            seed: Start of the hash chain, 32 bytes; binds the file to its community.
        Raises:
            Corrupt: a frame in the middle does not match its checksum.
        """
        self.path = path
        self.hash = seed
        self.count = 0
        self._seed = seed
        self._unsynced = bytearray()
        self._flushing: asyncio.Task[None] | None = None
        self._failure: Corrupt | None = None
        created = not path.exists()
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115  (lives as long as the log)
        if created:
            _sync_folder(path.parent)
        good = 0
        for records, end in _frames(path):
            for record in records:
                self.hash = sha256(self.hash + record).digest()
                self.count += 1
            good = end
        self.torn_bytes = path.stat().st_size - good
        if self.torn_bytes:
            self._file.truncate(good)
            os.fsync(self._file.fileno())

    def records(self) -> Iterator[bytes]:
        """Yield every record on disk, oldest first."""
        for records, _ in _frames(self.path):
            yield from records

    def append(self, record: bytes) -> bytes:
        """Take a record in and return the chain hash behind it; it is on disk only after `synced`."""
        if not 0 < len(record) <= RECORD_BYTES_MAX:
            raise ValueError(f"a record holds 1 to {RECORD_BYTES_MAX} bytes, not {len(record)}")
        self._refuse_after_failure()
        self._unsynced += _LENGTH.pack(len(record)) + record
        self.hash = sha256(self.hash + record).digest()
        self.count += 1
        return self.hash

    def sync(self) -> None:
        """Write and fsync everything appended so far."""
        self._refuse_after_failure()
        pending, self._unsynced = self._unsynced, bytearray()
        if pending:
            self._write(bytes(pending))

    async def synced(self) -> None:
        """Wait until everything appended so far is on disk; calls that wait together share one fsync."""
        self._refuse_after_failure()
        while self._unsynced or self._flushing is not None:
            if self._flushing is None:
                self._flushing = asyncio.create_task(self._flush())
            task = self._flushing
            covered = not self._unsynced
            await asyncio.shield(task)
            if covered:
                return

    async def _flush(self) -> None:
        # Yield once, so that every command that is ready now joins this group.
        await asyncio.sleep(0)
        pending, self._unsynced = self._unsynced, bytearray()
        try:
            await asyncio.to_thread(self._write, bytes(pending))
        finally:
            self._flushing = None

    def _write(self, body: bytes) -> None:
        # A failed write or fsync leaves the file in an unknown state: never retry, stop and recover at the next start.
        try:
            view = memoryview(_FRAME.pack(len(body), zlib.crc32(body)) + body)
            while view:
                view = view[self._file.write(view) or 0 :]
            os.fsync(self._file.fileno())
        except OSError as error:
            self._failure = Corrupt(f"{self.path.name} could not be written: {error.strerror}; free space and restart")
            raise self._failure from error

    def _refuse_after_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Sync and close."""
        if self._failure is None:
            self.sync()
        self._file.close()


def replay(path: Path, seed: bytes) -> tuple[bytes, list[bytes]]:
    """Read a log without opening it for writing; return its chain hash and its records."""
    chain = seed
    found: list[bytes] = []
    for records, _ in _frames(path):
        for record in records:
            chain = sha256(chain + record).digest()
        found += records
    return chain, found


def _frames(path: Path) -> Iterator[tuple[list[bytes], int]]:
    """Yield the records of each whole frame with the offset behind it; stop at a torn tail."""
    data = path.read_bytes()
    offset = 0
    while offset < len(data):
        frame = _frame_at(data, offset)
        if frame is None:
            length = _FRAME.unpack_from(data, offset)[0] if offset + _FRAME.size <= len(data) else 0
            if length and _frame_at(data, offset + _FRAME.size + length) is not None:
                raise Corrupt(f"{path.name}: the frame at byte {offset} does not match its checksum; restore a backup")
            return
        records, offset = frame
        yield records, offset


def _frame_at(data: bytes, offset: int) -> tuple[list[bytes], int] | None:
    """Return the records of the frame that starts at an offset and the offset behind it, or None if it is not whole."""
    if offset + _FRAME.size > len(data):
        return None
    length, checksum = _FRAME.unpack_from(data, offset)
    start, end = offset + _FRAME.size, offset + _FRAME.size + length
    if not length or end > len(data) or zlib.crc32(data[start:end]) != checksum:
        return None
    records = []
    while start < end:
        (size,) = _LENGTH.unpack_from(data, start)
        records.append(data[start + _LENGTH.size : start + _LENGTH.size + size])
        start += _LENGTH.size + size
    return records, end


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
