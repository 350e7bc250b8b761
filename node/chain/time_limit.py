"""How long a stranger's question may take: a timer of the operating system interrupts whatever is under way.

What it interrupts must be thrown away: `Interrupted` may be raised between any two steps of Python. It is no
`Exception`, so that no library takes it for one of its own. Only the main thread can be interrupted so, which is the
one that executes in the chain's process; elsewhere nothing is.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

CALL_S: Final = 5.0
"""For one call, as in geth."""
BODY_S: Final = 10.0
"""For all calls of a batch."""


class Interrupted(BaseException):
    """The time is up."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Let a block run so long.

    Raises:
        Interrupted: it took longer.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGALRM, _interrupt)
    seconds = max(seconds, 1e-3)
    try:
        # Again and again: a destructor or a callback of the garbage collector swallows what is raised in it.
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
        yield
    finally:
        _disarm(previous)


def _disarm(previous: Any) -> None:
    while True:
        try:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)
        except Interrupted:  # it rang once more meanwhile
            continue
        return


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted
