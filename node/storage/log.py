"""An append-only, hash-chained, checksummed file: what was acknowledged is in it, whatever happens next.

On disk: frames of 4-byte big-endian length, 4-byte CRC-32, body; a body holds one or more records, each behind its own
4-byte length. The first frame names the format and the seed of the hash chain, so that a file is never read under
another agreement. A frame is what one fsync made durable, and the next is written only after it: so a bad frame at the
end marks a crash before its acknowledgement and is dropped, and a bad frame with a good one anywhere behind it is
`Corrupt`, even when it is the length that lies.
The chain hash is `sha256(previous hash || record)`, starting from the seed; it does not depend on the frames.

Where a standby is waited for, a record counts only when the standby has told that it is on its disk, too.
"""

import asyncio
import os
import struct
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

from energy.errors import Corrupt, Misconfigured, Unavailable
from node.storage.durable import shred_into, sync_folder

_FRAME: Final = struct.Struct(">II")
_LENGTH: Final = struct.Struct(">I")
_FORMAT: Final = b"RESILIA-GRID log 1 "
"""Beginning of the first frame's only record; the seed follows."""
RECORD_BYTES_MAX: Final = 1 << 20
RECENT_MAX: Final = 4_096
"""So many of the latest records stay in memory, for whoever follows."""
STANDBY_S: Final = 10.0
"""How long to wait for a standby's word."""


class AppendLog:
    """The file, opened for appending by one process."""

    def __init__(self, path: Path, seed: bytes) -> None:
        """Open or create the file, read it through, and cut a torn tail.

        Args:
            path: Where it lies; the folder must exist.
            seed: Start of the hash chain, 32 bytes; binds the file to its community.
        Raises:
            Misconfigured: the file was begun with another seed.
            Corrupt: a frame in the middle does not match its checksum, or the file is no log.
        """
        self.path = path
        self.hash = seed
        self.count = 0
        self.durable = 0
        """How many records are on disk: those may be shown to others."""
        self.torn_bytes = 0
        """Of a frame that a crash cut off, dropped at the opening."""
        self.recent: deque[tuple[bytes, bytes]] = deque(maxlen=RECENT_MAX)
        """The latest records, each with the chain hash behind it; of those that were appended since the opening."""
        self.confirmed: int | None = None
        """How many records the standby has; None when none has to."""
        self.grown: Callable[[], None] = _nothing
        """Is called when more is on disk."""
        self.standby_is_away = False
        """Whether nothing new counts, for want of the standby's word."""
        self._confirming = asyncio.Event()
        """Set, and replaced by another, at each word of the standby."""
        self._unsynced = bytearray()
        self._flushing: asyncio.Task[None] | None = None
        self._failure: Corrupt | None = None
        good = 0
        created = not path.exists()
        if not created:
            for records, end in _frames(path, seed):
                for record in records:
                    self.hash = sha256(self.hash + record).digest()
                    self.count += 1
                good = end
            self.torn_bytes = path.stat().st_size - good
        self.durable = self.count
        beginning = _framed(_FORMAT + seed)
        if not good and self.torn_bytes > _FRAME.size + len(beginning):
            raise Corrupt(f"{path.name} is no log of this program")
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115  (lives as long as the log)
        try:
            if self.torn_bytes:
                self._file.truncate(good)
                os.fsync(self._file.fileno())
            if not good:
                self._write(beginning)
            if created:
                sync_folder(path.parent)
        except (Corrupt, OSError):
            self._file.close()
            raise

    def records(self) -> Iterator[bytes]:
        """Yield every record on disk, oldest first."""
        for records, _ in _frames(self.path, None):
            yield from records

    def append(self, record: bytes) -> bytes:
        """Take a record in and return the chain hash behind it; it is on disk only after `synced`.

        Raises:
            Corrupt: the disk has refused a write before.
        """
        if not 0 < len(record) <= RECORD_BYTES_MAX:
            raise ValueError(f"a record holds 1 to {RECORD_BYTES_MAX} bytes, not {len(record)}")
        self._refuse_after_failure()
        self._unsynced += _framed(record)
        self.hash = sha256(self.hash + record).digest()
        self.count += 1
        self.recent.append((record, self.hash))
        return self.hash

    async def rewrite(self, records: list[bytes]) -> None:
        """Put other records in the place of all, for good: what is not among them is written over on disk.

        For an erasure alone. A power cut leaves the old file or the new one.

        Raises:
            Corrupt: the disk refuses, now or before.
        """
        await self.flushed()
        with open(self.path, "rb") as file:
            length, _ = _FRAME.unpack(file.read(_FRAME.size))
            beginning = file.read(length)
        seed = beginning[_LENGTH.size + len(_FORMAT) :]
        bodies = [beginning, *map(_framed, records)]
        try:
            shred_into(self.path, b"".join(_FRAME.pack(len(body), zlib.crc32(body)) + body for body in bodies))
            self._file.close()
            self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115  (lives as long as the log)
        except OSError as error:
            self._failure = Corrupt(f"{self.path.name} could not be written: {error.strerror}; free space and restart")
            raise self._failure from error
        self.hash, self.count, self.durable = seed, len(records), len(records)
        for record in records:
            self.hash = sha256(self.hash + record).digest()
        self.recent.clear()

    async def synced(self) -> None:
        """Wait until everything appended so far is on disk, and on the standby's where one has to have it.

        Calls that wait together share one fsync and one word of the standby.

        Raises:
            Corrupt: the disk refuses, now or before; nothing is written any more.
            Unavailable: no standby tells that it has it. What was appended may count or not: it does when a standby
                tells later, and does not when that takes over without it.
        """
        wanted = self.count
        await self.flushed()
        if self.confirmed is None or self.confirmed >= wanted:
            return
        try:
            async with asyncio.timeout(STANDBY_S):
                while self.confirmed < wanted:
                    self.require_standby()
                    await self._confirming.wait()
        except TimeoutError:
            self.standby_is_away = True
            self.require_standby()

    async def settled(self) -> None:
        """Wait until everything counts, however long the standby is away."""
        await self.flushed()
        while self.confirmed is not None and self.confirmed < self.count:
            await self._confirming.wait()

    @property
    def acknowledged(self) -> int:
        """How many records count: on disk, and on the standby's where one has to have them."""
        return self.durable if self.confirmed is None else min(self.durable, self.confirmed)

    def await_standby(self) -> None:
        """Let nothing count any more before a standby has it; none has told yet."""
        self.confirmed, self.standby_is_away = 0, True

    def confirm(self, count: int) -> None:
        """Hear the standby's word that it has so many records."""
        self.confirmed = max(self.confirmed or 0, count)
        self.standby_is_away = False
        """Whether nothing new counts, for want of the standby's word."""
        self._confirming.set()
        self._confirming = asyncio.Event()

    def require_standby(self) -> None:
        """Check that a standby is there, if one has to be.

        Raises:
            Unavailable: it has not told anything for too long.
        """
        if self.standby_is_away:
            raise Unavailable(f"no standby tells that it has {self.path.name}: what is done now may not count")

    async def flushed(self) -> None:
        """Wait until everything appended so far is on this disk.

        Raises:
            Corrupt: the disk refuses, now or before; nothing is written any more.
        """
        self._refuse_after_failure()
        wanted = self.count
        while self.durable < wanted:
            if self._flushing is None:
                self._flushing = asyncio.create_task(self._flush())
            await asyncio.shield(self._flushing)

    async def _flush(self) -> None:
        try:
            # A task of its own starts after every command that is ready now, so they all join this group.
            self._refuse_after_failure()
            pending, self._unsynced = self._unsynced, bytearray()
            reached = self.count
            await asyncio.to_thread(self._write, bytes(pending))
            self.durable = reached
            self.grown()
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

    async def close(self) -> None:
        """Write what is left, if the disk still takes it, and close the file."""
        try:
            if self._failure is None:
                await self.flushed()
        finally:
            self._file.close()


def _nothing() -> None:
    """Nobody follows."""


def replay(path: Path, seed: bytes) -> tuple[bytes, list[bytes]]:
    """Read a log without opening it for writing; return its chain hash and its records.

    Raises:
        Misconfigured: there is no such file, or it was begun with another seed.
        Corrupt: a frame in the middle does not match its checksum, or the file is no log.
    """
    chain = seed
    found: list[bytes] = []
    for records, _ in _frames(path, seed):
        for record in records:
            chain = sha256(chain + record).digest()
        found += records
    return chain, found


def _framed(record: bytes) -> bytes:
    return _LENGTH.pack(len(record)) + record


def _frames(path: Path, seed: bytes | None) -> Iterator[tuple[list[bytes], int]]:
    """Yield the records of each whole frame with the offset behind it; stop at a torn tail.

    Args:
        path: The file.
        seed: What its first frame must name; None when that was checked before.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise Misconfigured(f"{path} is missing") from None
    offset = 0
    while offset < len(data):
        frame = _frame_at(data, offset)
        if frame is None:
            if any(_frame_at(data, behind) for behind in range(offset + 1, len(data) - _FRAME.size)):
                raise Corrupt(f"{path.name}: the frame at byte {offset} does not match its checksum; restore a backup")
            return
        records, end = frame
        if offset == 0:
            _check_format(path, records, seed)
            records = []
        yield records, end
        offset = end


def _check_format(path: Path, records: list[bytes], seed: bytes | None) -> None:
    if len(records) != 1 or not records[0].startswith(_FORMAT):
        raise Corrupt(f"{path.name} is no log of this program, or of another version")
    if seed is not None and records[0] != _FORMAT + seed:
        raise Misconfigured(f"{path.name} was begun under another agreement: put the old community.json back")


def _frame_at(data: bytes, offset: int) -> tuple[list[bytes], int] | None:
    """Return the records of the frame that starts at an offset and the offset behind it, or None if it is not whole."""
    if offset + _FRAME.size > len(data):
        return None
    length, checksum = _FRAME.unpack_from(data, offset)
    start, end = offset + _FRAME.size, offset + _FRAME.size + length
    if not length or end > len(data) or zlib.crc32(data[start:end]) != checksum:
        return None
    records = []
    while start + _LENGTH.size <= end:
        (size,) = _LENGTH.unpack_from(data, start)
        records.append(data[start + _LENGTH.size : start + _LENGTH.size + size])
        start += _LENGTH.size + size
    return (records, end) if start == end else None
