"""Rules on intervals and days: R13 (partial), R14 (spike), R15 (high or low), R17 (zero), R19 (second reading).

Pure. Units: Wh, UTC epoch seconds. A day is 96 quarter-hours of UTC, whatever the clocks do (R18).
"""

from collections.abc import Sequence
from enum import Enum
from statistics import median_low
from typing import Final

from metering.readings import Reading, ReadingFlag

NO_FLAG: Final = ReadingFlag(0)
SPIKE_FLOOR_WH: Final = 500
HIGH_LOW_DAYS_MIN: Final = 3
LATE_AFTER_S: Final = 48 * 3_600
"""R19: what comes later than this after the interval's end corrects, and never replaces."""


def partial_flags(power_failed: bool) -> ReadingFlag:
    """R13: the supply was cut within the interval: it is real, and no end point for anything else."""
    return ReadingFlag.PARTIAL if power_failed else NO_FLAG


def spikes(day_wh: Sequence[int]) -> tuple[int, ...]:
    """R14: return the places of intervals that stand out of their day.

    The greatest is a spike when it is above `SPIKE_FLOOR_WH` and 180 % above the third greatest.

    Args:
        day_wh: The energy of each interval of one day, one register.
    """
    if len(day_wh) < 3:
        return ()
    third_wh = sorted(day_wh)[-3]
    greatest_wh = max(day_wh)
    if greatest_wh <= SPIKE_FLOOR_WH or (greatest_wh - third_wh) * 10 <= third_wh * 18:
        return ()
    return tuple(place for place, wh in enumerate(day_wh) if wh == greatest_wh)


def is_high_or_low(day_wh: int, same_days_wh: Sequence[int]) -> bool:
    """R15: a day's total is below a fifth or above four times the median of the same days of the last four weeks.

    Args:
        day_wh: Total of the day.
        same_days_wh: Totals of the days of the same type; fewer than `HIGH_LOW_DAYS_MIN` say nothing.
    """
    if len(same_days_wh) < HIGH_LOW_DAYS_MIN:
        return False
    usual_wh = median_low(same_days_wh)
    return day_wh * 5 < usual_wh or day_wh > usual_wh * 4


def is_zero_day(day_wh: Sequence[int], neighbours_wh: Sequence[Sequence[int]] = ()) -> bool:
    """R17: an active meter shows nothing for a whole day; or a plant nothing while its neighbours produce.

    Args:
        day_wh: Energy of each interval of the day, one register.
        neighbours_wh: The same of comparable meters; none to look at the meter alone.
    """
    if any(day_wh):
        return False
    return not neighbours_wh or median_low(sum(each) for each in neighbours_wh) > 0


class Second(Enum):
    """What a second reading of an interval is."""

    SAME = "same"
    """Said again: nothing changes."""
    DISPUTED = "disputed"
    """Something else within the time for it: neither is believed until a person has looked."""
    CORRECTION = "correction"
    """Something else after finality, or instead of an estimate: a new version, the first one stays."""


def judge_second(first: Reading, second: Reading, now: int) -> Second:
    """R19: judge a second reading of one meter and interval."""
    if (first.import_wh, first.export_wh) == (second.import_wh, second.export_wh):
        return Second.SAME
    late = now > first.interval + first.period_s + LATE_AFTER_S
    return Second.CORRECTION if late or first.quality & 0xFF in (8, 9) else Second.DISPUTED
