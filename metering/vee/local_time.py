"""R18: local stamps to UTC. A UTC day has 96 quarter-hours; a local one 92 or 100 when the clocks change.

A stamp with its season (a Linky's letter, a P1's S or W) needs no rule. One without is unique on all days but two; when
the clocks go back, stamps of one hour come twice, and only their sequence tells them apart.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from energy.results import Accepted, Rejected
from metering.rejections import MeteringReject


def utc_of_local(stamps: Sequence[datetime], zone: ZoneInfo) -> Accepted[int] | Rejected:
    """Return the UTC epoch seconds of rising local stamps without a season.

    An hour that comes twice is told apart by sequence: a stamp that does not rise above the one before is the second.

    Args:
        stamps: Without a time zone, in the sequence of the source.
        zone: Where they are from.
    Returns:
        AMBIGUOUS_TIME when the sequence can not tell: only one of the two hours is there; or a stamp that does not
        exist, because the clocks skipped it.
    """
    instants: list[int] = []
    for place, stamp in enumerate(stamps):
        first, second = (_epoch(stamp.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
        if _skipped(stamp, zone):
            return Rejected(MeteringReject.AMBIGUOUS_TIME, {"place": place, "reason": "the clocks skipped it"})
        before = instants[-1] if instants else None
        if first == second or (before is not None and before < first and _repeats(stamps, place)):
            instants.append(first)
        elif before is not None and before >= first:
            instants.append(second)
        else:
            return Rejected(MeteringReject.AMBIGUOUS_TIME, {"place": place, "reason": "the hour comes twice"})
    if any(after <= before for before, after in pairwise(instants)):
        return Rejected(MeteringReject.AMBIGUOUS_TIME, {"place": 0, "reason": "the stamps do not rise"})
    return Accepted(tuple(instants))


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())


def _skipped(stamp: datetime, zone: ZoneInfo) -> bool:
    there = stamp.replace(tzinfo=zone)
    back = datetime.fromtimestamp(_epoch(there), tz=zone).replace(tzinfo=None)
    return back != stamp


def _repeats(stamps: Sequence[datetime], place: int) -> bool:
    """Say whether the same stamp, or an earlier one, comes again within the next hour's worth of stamps."""
    stamp = stamps[place]
    return any(later <= stamp for later in stamps[place + 1 :] if later < stamp + timedelta(hours=1))
