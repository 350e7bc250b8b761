"""Where the node's time comes from: the only place that reads a clock."""

import time
from typing import Protocol


class Clock(Protocol):
    """Gives the present to everything outside the core."""

    def now(self) -> int:
        """Return UTC epoch seconds."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        """Return UTC epoch seconds."""
        return int(time.time())


class SimulatedClock:
    """A clock that moves only when it is told to, for the demo and for tests."""

    def __init__(self, start: int) -> None:
        self._now = start

    def now(self) -> int:
        """Return UTC epoch seconds."""
        return self._now

    def advance_to(self, instant: int) -> None:
        """Move to a later instant; going back is refused."""
        if instant < self._now:
            raise ValueError(f"time can not go back from {self._now} to {instant}")
        self._now = instant
