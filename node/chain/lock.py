"""The lock of a chain's folder: one process has it, says who it is, and lets go of it when it ends, however it ends.

Whoever starts a chain again at once may meet the process of before, which ends when its starter has gone, but not in
the same instant: that one is waited for a while. A process that somebody still runs is not: it is named instead.
"""

import fcntl
import logging
import os
import time
from pathlib import Path
from typing import Any, Final

from energy.errors import Misconfigured

LOCK_FILE: Final = "chain.lock"
ENDING_S: Final = 10.0
"""How long a process whose starter is gone is waited for."""
_LOOK_AGAIN_S: Final = 0.1

logger = logging.getLogger(__name__)


def locked(datadir: Path) -> Any:
    """Return the open lock of a folder, which is let go of when it is closed.

    Raises:
        Misconfigured: another process has it; says which.
    """
    file = (datadir / LOCK_FILE).open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder, *_ = file.read().split() or ["unknown"]
        file.close()
        raise Misconfigured(f"{datadir} is in use by another chain process (pid {holder})") from None
    file.truncate(0)
    file.write(f"{os.getpid()} {os.getppid()}\n")
    file.flush()
    return file


def wait_for_ending(datadir: Path, at_most_s: float = ENDING_S) -> None:
    """Wait while the lock is held by a process whose starter is gone, but not for ever."""
    deadline, told = time.monotonic() + at_most_s, False
    while (holder := _ending(datadir / LOCK_FILE)) is not None and time.monotonic() < deadline:
        if not told:
            logger.warning("waiting for the chain's last process (pid %d) to end, %g s at most", holder, at_most_s)
            told = True
        time.sleep(_LOOK_AGAIN_S)


def _ending(path: Path) -> int | None:
    """Return who has a lock although its starter is gone; None when nobody has it, or somebody runs it."""
    try:
        with path.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except OSError:
                holder, starter = map(int, file.read().split())
                return None if _is_alive(starter) else holder
    except (OSError, ValueError):
        return None  # no lock, or that of a process of before which does not say who started it
    return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # A process that has ended stays in the table until whoever started it has asked how.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except OSError:
        return True
