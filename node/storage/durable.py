"""Putting small files on disk so that a power cut leaves the old one or the new one, never a part, never none."""

import os
from pathlib import Path


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
