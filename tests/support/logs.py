"""Log files for tests: written in known groups, taken apart frame by frame, damaged, and kept from growing."""

import asyncio
import resource
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from node.storage.log import AppendLog

SEED: Final = b"\x05" * 32


def write_log(path: Path, groups: Sequence[Sequence[bytes]], seed: bytes = SEED) -> list[int]:
    """Write a log in which each group shares one frame; return the size of the file after each group."""

    async def write() -> list[int]:
        log = AppendLog(path, seed)
        sizes = []
        for group in groups:
            for record in group:
                log.append(record)
            await log.synced()
            sizes.append(path.stat().st_size)
        await log.close()
        return sizes

    return asyncio.run(write())


def read_log(path: Path, seed: bytes = SEED) -> list[bytes]:
    """Open a log as the node does and return its records."""

    async def read() -> list[bytes]:
        log = AppendLog(path, seed)
        records = list(log.records())
        assert log.count == log.durable == len(records)
        await log.close()
        return records

    return asyncio.run(read())


def frames_in(path: Path) -> int:
    """Count the frames of a whole log, without the one at its beginning."""
    data = path.read_bytes()
    offset = count = 0
    while offset < len(data):
        offset += 8 + struct.unpack_from(">I", data, offset)[0]
        count += 1
    return count - 1


@contextmanager
def full_disk(size_max: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size: writes beyond it fail as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_max, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
