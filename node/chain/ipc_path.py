"""Where a chain's socket lies: in its data directory, or elsewhere when that path is too long for a socket.

The kernel takes about 107 bytes. A longer path is replaced by a short one in a directory of this user's own, and the
data directory notes it.
"""

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Final

from energy.errors import Misconfigured

SOCKET_NAME: Final = "chain.ipc"
NOTE_NAME: Final = "chain.ipc.path"
PATH_SIZE_MAX: Final = 100
"""Bytes; below the kernel's limit on every Unix."""


def ipc_path(datadir: Path) -> Path:
    """Return where the chain of a data directory listens, or will listen."""
    note = datadir / NOTE_NAME
    if note.exists():
        return Path(note.read_text(encoding="utf-8").strip())
    return datadir.resolve() / SOCKET_NAME


def choose_ipc_path(datadir: Path) -> Path:
    """Decide where the chain of a data directory listens, and note it there if it is elsewhere.

    Raises:
        Misconfigured: the short directory belongs to somebody else.
    """
    note = datadir / NOTE_NAME
    natural = datadir.resolve() / SOCKET_NAME
    if len(os.fsencode(natural)) <= PATH_SIZE_MAX:
        note.unlink(missing_ok=True)
        return natural
    name = hashlib.sha256(os.fsencode(natural)).hexdigest()[:16]
    path = _own_directory() / f"{name}.ipc"
    note.write_text(f"{path}\n", encoding="utf-8")
    return path


def _own_directory() -> Path:
    directory = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"resilia-{os.getuid()}"
    directory.mkdir(mode=0o700, exist_ok=True)
    status = directory.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise Misconfigured(f"{directory} is open to other users; remove it")
    return directory
