"""Market time units: half-open stretches of UTC time in which energy is traded, metered and settled.

Units: UTC epoch seconds. Source of the term: Regulation (EU) 543/2013, art. 2(19).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Self

QUARTER_HOUR_S: Final = 900
LENGTHS_S: Final = (300, 900, 1800, 3600)


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """One delivery interval, ``[start, start + length_s)``."""

    start: int
    """First second, UTC epoch; a multiple of `length_s`."""
    length_s: int = QUARTER_HOUR_S
    """One of `LENGTHS_S`; the same for a whole community."""

    def __post_init__(self) -> None:
        if self.length_s not in LENGTHS_S:
            raise ValueError(f"an interval lasts one of {LENGTHS_S} s, not {self.length_s}")
        if self.start < 0 or self.start % self.length_s:
            raise ValueError(f"interval start {self.start} is no multiple of {self.length_s} s")

    @classmethod
    def containing(cls, instant: int, length_s: int = QUARTER_HOUR_S) -> Self:
        """Return the interval in which a UTC epoch second lies."""
        return cls(instant - instant % length_s, length_s)

    @property
    def end(self) -> int:
        """First second after the interval."""
        return self.start + self.length_s

    def next(self, steps: int = 1) -> "Interval":
        """Return the interval that many steps later (earlier when negative)."""
        return Interval(self.start + steps * self.length_s, self.length_s)

    def __str__(self) -> str:
        return f"{datetime.fromtimestamp(self.start, UTC):%Y-%m-%dT%H:%MZ}/PT{self.length_s // 60}M"
