"""What one meter's valid intervals were in the last four weeks: for estimates, and for the rules on whole days.

R14 (spike), R15 (high or low) and R17 (zero) look back from an interval over the day that ends with it. Units: Wh, UTC
epoch seconds.
"""

from typing import Final

from metering.intervals import Deltas
from metering.readings import ReadingFlag
from metering.vee.days import NO_FLAG, is_high_or_low, is_zero_day, spikes
from metering.vee.estimation import REFERENCE_REACH_DAYS, is_weekend

_DAY_S: Final = 86_400


class History:
    """The valid intervals of one meter."""

    def __init__(self, length_s: int) -> None:
        self.valid: dict[int, Deltas] = {}
        """By start, rising; the last `REFERENCE_REACH_DAYS` days and one."""
        self._length_s = length_s

    def add(self, interval: int, energy: Deltas) -> None:
        """Remember a valid interval, later than all before."""
        self.valid[interval] = energy
        while (oldest := next(iter(self.valid))) < interval - (REFERENCE_REACH_DAYS + 1) * _DAY_S:
            del self.valid[oldest]

    def remarks(self, interval: int, energy: Deltas) -> ReadingFlag:
        """Return what the last day says of a valid interval that is about to be added; nothing before a full day."""
        starts = range(interval - _DAY_S + self._length_s, interval, self._length_s)
        before = [self.valid[start] for start in starts if start in self.valid]
        if len(before) < len(starts):
            return NO_FLAG
        day = [*before, energy]
        place = len(day) - 1
        columns = [each.import_wh for each in day], [each.export_wh for each in day]
        flags = ReadingFlag.SPIKE if any(place in spikes(column) for column in columns) else NO_FLAG
        if (interval + self._length_s) % _DAY_S:
            return flags
        if is_zero_day([each.import_wh + each.export_wh for each in day]):
            flags |= ReadingFlag.ZERO
        earlier = [self._day(interval - days * _DAY_S) for days in range(1, REFERENCE_REACH_DAYS + 1)]
        same = [each for each, weekend in earlier if each and weekend == is_weekend(interval)]
        for register, column in enumerate(columns):
            if is_high_or_low(sum(column), [each[register] for each in same]):
                flags |= ReadingFlag.HIGH_LOW
        return flags

    def _day(self, last: int) -> tuple[Deltas | None, bool]:
        """Return the energy of the day that ends with an interval, None if not whole; and whether it is a weekend's."""
        found = [self.valid.get(start) for start in range(last - _DAY_S + self._length_s, last + 1, self._length_s)]
        whole = [each for each in found if each is not None]
        if len(whole) < len(found):
            return None, False
        return Deltas(sum(each.import_wh for each in whole), sum(each.export_wh for each in whole)), is_weekend(last)
