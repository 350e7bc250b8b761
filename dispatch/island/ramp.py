"""Back to normal without a jump: how far the exchange with the grid may have gone since the grid came back.

The exchange begins where it was in the island and may move by a tenth of the connection's power a minute either way,
the default of EN 50549-1 for generators that reconnect; ten minutes later the whole connection is free again.
Units: W (drawn > 0), UTC epoch seconds; all int. Refuses: nothing.
"""

from dataclasses import dataclass
from typing import Final

WHOLE_S: Final = 600
"""After so long the connection is free."""


@dataclass(frozen=True, slots=True)
class Ramp:
    """The way back of one connection."""

    begun: int
    """When the grid came back."""
    exchange_w: int
    """What was exchanged then."""
    import_max_w: int
    export_max_w: int

    def over(self, now: int) -> bool:
        """Tell whether the connection is free again."""
        return now - self.begun >= WHOLE_S

    def within(self, now: int, exchange_w: int) -> int:
        """Return the exchange nearest to a wish that is allowed at a moment."""
        passed_s = min(max(0, now - self.begun), WHOLE_S)
        low = self.exchange_w - self.export_max_w * passed_s // WHOLE_S
        high = self.exchange_w + self.import_max_w * passed_s // WHOLE_S
        return min(max(exchange_w, low), high)
