"""Where block timestamps come from: the wall clock, or a time that a demo sets. UTC epoch seconds."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the chain what time it is."""

    def now(self) -> int:
        """Return the UTC epoch second."""


class SystemClock:
    """The wall clock."""

    def now(self) -> int:
        """Return the UTC epoch second."""
        return int(time.time())


class ManualClock:
    """Stands still until it is set; the same settings and transactions give the same blocks, byte for byte."""

    def __init__(self, instant: int) -> None:
        self._instant = instant

    def now(self) -> int:
        """Return the UTC epoch second last set."""
        return self._instant

    def set(self, instant: int) -> None:
        """Set the time; going back is allowed, block timestamps still rise."""
        self._instant = instant
