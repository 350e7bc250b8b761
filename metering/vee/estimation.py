"""Estimates: E1 (straight line), E2 (reference days) and E3 (end unknown). Pure; units: Wh, UTC epoch seconds.

An estimate settles provisionally and certifies nothing (S4, O3). Where the registers at both ends of a gap are known,
the estimates of the gap add up to exactly what really flowed. Storage is never guessed: nobody knows what it did.
Source: CPUC/California "Standards for Validating, Editing and Estimating", 2 h and reference-day rules.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from energy.quantities import apportion, ratio_down
from metering.intervals import Deltas
from metering.readings import QualityCode

LINEAR_S_MAX: Final = 2 * 3_600
"""E1: longest gap that a straight line may bridge."""
REFERENCE_DAYS: Final = 3
REFERENCE_REACH_DAYS: Final = 28
PROVISIONAL_S_MAX: Final = 45 * 86_400
"""E3: after this an estimate that nothing has replaced stands."""
_DAY_S: Final = 86_400
_EPOCH_WEEKDAY: Final = 3
"""1 January 1970 was a Thursday; Monday is 0."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The energy that is taken to have flowed in an interval, and by which method."""

    energy: Deltas
    code: QualityCode


def estimate_open_end(
    interval: int, history: Mapping[int, Deltas], limit: Deltas, *, storage: bool = False
) -> Estimate:
    """E3: estimate an interval whose end nobody knows yet, from the last valid days of the same type.

    Without such days, and for storage, nothing is taken to have flowed.

    Args:
        interval: Its start.
        history: The meter's valid intervals by start.
        limit: What the connection can carry (R07).
        storage: Whether the meter is a store's.
    """
    profile = Deltas(0, 0) if storage else reference(interval, history)
    energy = Deltas(min(profile.import_wh, limit.import_wh), min(profile.export_wh, limit.export_wh))
    return Estimate(energy, QualityCode.ESTIMATED_REFERENCE_DAY)


def estimate_gap(
    starts: Sequence[int], length_s: int, total: Deltas, history: Mapping[int, Deltas]
) -> tuple[Estimate, ...]:
    """E1 and E2: share what really flowed in a gap among its intervals; they add up to it exactly.

    Up to `LINEAR_S_MAX` evenly, beyond like the reference days; where these say nothing, evenly too. The
    parts are rounded by largest remainder.

    Args:
        starts: The intervals of the gap, rising, at least one.
        length_s: Of each.
        total: What the registers gained over the gap.
        history: The meter's valid intervals by start.
    """
    linear = len(starts) * length_s <= LINEAR_S_MAX
    code = QualityCode.ESTIMATED_LINEAR if linear else QualityCode.ESTIMATED_REFERENCE_DAY
    profiles = [Deltas(0, 0) if linear else reference(start, history) for start in starts]
    imports = apportion(total.import_wh, [each.import_wh for each in profiles])
    exports = apportion(total.export_wh, [each.export_wh for each in profiles])
    return tuple(Estimate(Deltas(*pair), code) for pair in zip(imports, exports, strict=True))


def reference(interval: int, history: Mapping[int, Deltas]) -> Deltas:
    """Return the mean of the last valid days of the same type at the same time of day, rounded down; else zero."""
    found: list[Deltas] = []
    for days in range(1, REFERENCE_REACH_DAYS + 1):
        before = interval - days * _DAY_S
        if before < 0:
            break
        if is_weekend(before) == is_weekend(interval) and before in history:
            found.append(history[before])
            if len(found) == REFERENCE_DAYS:
                break
    if not found:
        return Deltas(0, 0)
    return Deltas(
        ratio_down(sum(each.import_wh for each in found), 1, len(found)),
        ratio_down(sum(each.export_wh for each in found), 1, len(found)),
    )


def is_weekend(instant: int) -> bool:
    """Say whether an instant is on a Saturday or Sunday, in UTC."""
    return (ratio_down(instant, 1, _DAY_S) + _EPOCH_WEEKDAY) % 7 >= 5
