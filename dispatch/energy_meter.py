"""Energy between two instants from the registers of a meter as they are heard: irregular, late, sometimes absurd.

Registers at an instant lie on the straight line between the readings around it, rounded down; so the energies of
neighbouring stretches add up exactly. A reading that goes back or rises faster than the connection can carry is not
believed, until three in a row agree with each other: then the meter was replaced or reset, and counting begins anew.
Units: Wh, W, UTC epoch seconds; all int. Refuses: nothing; what is not known is None.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final, TypeAlias

READINGS_MAX: Final = 5_000
"""Readings that are kept: half a day of a meter that speaks every ten seconds."""
CARRIED_TWICE_WH: Final = 5
"""Registers are whole, so two readings may be this far apart at once."""
BELIEVED_AFTER: Final = 3
POWER_OVER_S: Final = 30
"""Shortest stretch over which a power is believed: a step of one Wh is 120 W then."""

Reading: TypeAlias = tuple[int, int, int]
"""When, import register, export register."""


@dataclass(frozen=True, slots=True)
class Energies:
    """What a meter counted."""

    import_wh: int
    export_wh: int

    @property
    def net_wh(self) -> int:
        """Import less export."""
        return self.import_wh - self.export_wh


class EnergyMeter:
    """The registers of one meter."""

    def __init__(self, most_w: int) -> None:
        self._most_w = most_w
        self._readings: deque[Reading] = deque(maxlen=READINGS_MAX)
        self._unbelieved: list[Reading] = []
        self.doubted = 0
        """Readings that were not believed, so far."""

    @property
    def last_at(self) -> int | None:
        """When the newest reading was that was believed."""
        return self._readings[-1][0] if self._readings else None

    def heard(self, at: int, import_index_wh: int, export_index_wh: int) -> bool:
        """Take in a reading and return whether it is believed; one that is no newer says nothing new."""
        reading = (at, import_index_wh, export_index_wh)
        if self._readings and at <= self._readings[-1][0]:
            return True
        if not self._readings or self._follows(self._readings[-1], reading):
            self._unbelieved = []
            self._readings.append(reading)
            return True
        self.doubted += 1
        if self._unbelieved and not self._follows(self._unbelieved[-1], reading):
            self._unbelieved = []
        self._unbelieved.append(reading)
        if len(self._unbelieved) >= BELIEVED_AFTER:
            self._readings = deque(self._unbelieved, maxlen=READINGS_MAX)
            self._unbelieved = []
            return True
        return False

    def between(self, start: int, end: int) -> Energies | None:
        """Return what was counted from one instant to another; None unless readings reach around both."""
        first, last = self._at(start), self._at(end)
        if first is None or last is None:
            return None
        return Energies(last[0] - first[0], last[1] - first[1])

    def kept_from(self, start: int) -> list[Reading]:
        """Return the readings around an instant and the newest one: with them counting goes on from that instant."""
        before = [reading for reading in self._readings if reading[0] <= start][-1:]
        after = [reading for reading in self._readings if reading[0] > start]
        return before + after[:1] + after[1:][-1:]

    def power_w(self) -> int | None:
        """Return the newest mean power, drawn > 0; None when too little was heard."""
        if not self._readings:
            return None
        end = self._readings[-1]
        for at, bought, sold in reversed(self._readings):
            if end[0] - at >= POWER_OVER_S:
                return (end[1] - bought - end[2] + sold) * 3_600 // (end[0] - at)
        return None

    def _follows(self, before: Reading, after: Reading) -> bool:
        most_wh = self._most_w * (after[0] - before[0]) // 3_600 + CARRIED_TWICE_WH
        return after[0] > before[0] and all(0 <= after[i] - before[i] <= most_wh for i in (1, 2))

    def _at(self, instant: int) -> tuple[int, int] | None:
        later: Reading | None = None
        for reading in reversed(self._readings):
            if reading[0] <= instant:
                if reading[0] == instant or later is None:
                    return reading[1:] if reading[0] == instant else None
                share = instant - reading[0]
                whole = later[0] - reading[0]
                bought, sold = (reading[i] + (later[i] - reading[i]) * share // whole for i in (1, 2))
                return bought, sold
            later = reading
        return None
