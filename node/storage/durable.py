"""Putting small files on disk so that a power cut leaves the old one or the new one, never a part, never none."""

import os
from pathlib import Path
from typing import Final

from energy.errors import Unavailable

FREE_BYTES_MIN: Final = 16 * 1024 * 1024
"""Below so much free space nothing new is begun: room for what is under way, and for whoever has to clean up."""


def write_whole(path: Path, text: str) -> None:
    """Write a file in place of the one that may be there; it is on disk when this returns."""
    draft = path.with_name(path.name + ".draft")
    with open(draft, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on disk: new files, renamed files."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def require_space(folder: Path) -> None:
    """Check that something new may be begun on a disk.

    Raises:
        Unavailable: it is nearly full; nothing was written.
    """
    disk = os.statvfs(folder)
    if disk.f_bavail * disk.f_frsize < FREE_BYTES_MIN:
        raise Unavailable("the node's disk is full: nothing is begun before space is freed", retry_after_s=60)


def shred_into(path: Path, data: bytes) -> None:
    """Put a file in the place of one, with its rights, or else for its owner alone, and write over what that one held.

    A power cut leaves the old one or the new one. The old bytes go when the new file stands; a disk that writes
    elsewhere, or a backup, may still hold them.
    """
    draft = path.with_name(path.name + ".draft")
    draft.unlink(missing_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o600
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    old = open(path, "r+b", buffering=0) if path.exists() else None  # noqa: SIM115  (it outlives its name)
    draft.replace(path)
    sync_folder(path.parent)
    if old is not None:
        with old:
            old.write(bytes(os.fstat(old.fileno()).st_size))
            os.fsync(old.fileno())
