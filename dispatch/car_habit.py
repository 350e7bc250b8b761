"""What a car is used for, learned from its stays: what its owner needs at departure, and what a drive takes.

When it is there is a forecast of its own (`dispatch.street_forecast`). Units: milli-Wh, UTC epoch seconds; all int.
Refuses: nothing.
"""

from dataclasses import dataclass
from typing import Final

NEW_PERMILLE: Final = 300
"""Weight of the newest drive in the mean of all."""


@dataclass(slots=True)
class CarHabit:
    """One car's."""

    wanted_milliwh: int = 0
    """Needed at the last departure that was told."""
    drive_milliwh: int = 0
    """What a drive takes, fading mean; 0 until a car told what it came back with."""
    left_milliwh: int | None = None
    """Content at the last departure; None while it is there."""

    def left(self, content_milliwh: int) -> None:
        """Note a departure."""
        self.left_milliwh = content_milliwh

    def came(self, wanted_milliwh: int, content_milliwh: int | None) -> None:
        """Note an arrival, or another word on the stay: what is needed, and what the car says it holds."""
        self.wanted_milliwh = wanted_milliwh
        if self.left_milliwh is not None and content_milliwh is not None:
            driven = max(0, self.left_milliwh - content_milliwh)
            kept = 1_000 - NEW_PERMILLE if self.drive_milliwh else 0
            self.drive_milliwh = (kept * self.drive_milliwh + (1_000 - kept) * driven) // 1_000
        self.left_milliwh = None
