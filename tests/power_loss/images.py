"""What a disk may hold after a power cut: made from a recording, by the rules of POSIX and no kinder.

What was synced is there. Of what was not: none, a beginning, any selection, or any selection of torn sectors, by seed.
A file whose name was not synced may be missing; one that was removed may be back. Method: Pillai et al., "All file
systems are not created equal" (OSDI 2014).
"""

import random
import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ACKNOWLEDGED: Final = "ACK"
"""File to which a workload writes what it has told others, a line each; no part of the image."""
SECTOR: Final = 512
_HEAD: Final = struct.Struct("<IcHHQI")


@dataclass(frozen=True, slots=True)
class Call:
    """One recorded call."""

    operation: str
    path: str
    other: str
    offset: int
    data: bytes


@dataclass(slots=True)
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Call] = field(default_factory=list)
    named: bool = False
    """Whether its name is on disk."""


def recorded(log: Path) -> Iterator[Call]:
    """Yield the calls of a recording."""
    raw = log.read_bytes()
    position = 0
    while position < len(raw):
        length, operation, first, second, offset, size = _HEAD.unpack_from(raw, position)
        at = position + _HEAD.size
        yield Call(
            operation.decode(),
            raw[at : at + first].decode(),
            raw[at + first : at + first + second].decode(),
            offset,
            raw[at + first + second : at + first + second + size],
        )
        position += 4 + length


@dataclass(frozen=True, slots=True)
class Image:
    """What a disk holds."""

    files: dict[Path, bytearray]
    """Contents by name."""

    def fingerprint(self) -> int:
        """Return 64 bits that tell it from other images: the same need not be looked at twice."""
        return hash(tuple((path, bytes(self.files[path])) for path in sorted(self.files)))

    def write(self, target: Path) -> None:
        """Write it into a folder, in the place of what is there."""
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        for path, data in self.files.items():
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            (target / path).write_bytes(data)


class Disk:
    """A disk that follows a recording, call by call."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, _File] = {}
        self._removed: dict[str, bytearray] = {}
        self.acknowledged: list[str] = []
        """What the workload has told others so far."""

    def follow(self, call: Call) -> None:
        """Take in the next call."""
        path = call.path
        if Path(path).name == ACKNOWLEDGED:
            if call.operation == "W":
                self.acknowledged += call.data.decode().splitlines()
        elif call.operation == "C":
            self._files[path] = _File()
        elif call.operation in "WT":
            self._files.setdefault(path, _File()).pending.append(call)
        elif call.operation == "S":
            self._sync(path)
        elif call.operation == "U" and path in self._files:
            self._removed[path] = self._files.pop(path).durable
        elif call.operation == "R" and path in self._files:
            self._files[call.other] = self._files.pop(path)

    def _sync(self, path: str) -> None:
        if path not in self._files:  # a folder: its names are on disk now
            self._removed = {name: data for name, data in self._removed.items() if Path(name).parent != Path(path)}
            for name, file in self._files.items():
                file.named = file.named or Path(name).parent == Path(path)
            return
        file = self._files[path]
        for call in file.pending:
            _apply(file.durable, call)
        file.pending.clear()
        file.named = True  # as the common file systems do; what lies in no synced folder is the stricter test

    def image(self, seed: int) -> Image:
        """Return what the disk may hold now, by chance but for the seed."""
        chance = random.Random(seed)
        files: dict[Path, bytearray] = {}
        for path, file in self._files.items():
            if path.endswith("-shm") or (not file.named and chance.random() < 0.5):
                continue
            files[Path(path).relative_to(self._folder)] = _surviving(file, chance)
        for path, data in self._removed.items():
            if path not in self._files and not path.endswith("-shm") and chance.random() < 0.5:
                files[Path(path).relative_to(self._folder)] = data
        return Image(files)


def _surviving(file: _File, chance: random.Random) -> bytearray:
    data = bytearray(file.durable)
    mode = chance.randrange(4)
    if mode == 1:
        kept = file.pending[: chance.randrange(len(file.pending) + 1)]
    else:
        kept = [call for call in file.pending if mode and chance.random() < 0.5]
    for call in kept:
        if mode != 3 or call.operation == "T":
            _apply(data, call)
            continue
        for start in range(0, len(call.data), SECTOR):
            if chance.random() < 0.5:
                _put(data, call.offset + start, call.data[start : start + SECTOR])
    return data


def _apply(data: bytearray, call: Call) -> None:
    if call.operation == "W":
        _put(data, call.offset, call.data)
    elif len(data) > call.offset:
        del data[call.offset :]
    else:
        data.extend(bytes(call.offset - len(data)))


def _put(data: bytearray, offset: int, written: bytes) -> None:
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    data[offset : offset + len(written)] = written
