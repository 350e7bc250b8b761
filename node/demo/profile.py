"""From hours to quarter-hours: how the demo makes 96 intervals of a day out of hourly data, losing not one Wh.

Within an hour the energy follows the straight line whose slope is that between the hours before and after; the four
quarters are cut to at least zero, and get whole Wh by largest remainder, so that they sum to the hour exactly.
Units: Wh; all int.
"""

from collections.abc import Sequence

from energy.quantities import apportion

QUARTERS = 4


def quarter_hours(before_wh: int, hour_wh: int, after_wh: int) -> list[int]:
    """Split the energy of one hour into its four quarters.

    With slope ``(after - before) / 2`` per hour, the quarters' centres lie -3/8, -1/8, 1/8 and 3/8 of an hour from the
    middle; times 16, their weights are integers.

    Args:
        before_wh: Energy of the hour before, ≥ 0.
        hour_wh: Energy of the hour, ≥ 0.
        after_wh: Energy of the hour after, ≥ 0.
    """
    slope = after_wh - before_wh
    weights = [max(0, 16 * hour_wh + slope * (2 * quarter - 3)) for quarter in range(QUARTERS)]
    return apportion(hour_wh, weights)


def quarter_hour_series(hours_wh: Sequence[int]) -> list[int]:
    """Split a series of hours; the first and last take themselves as their missing neighbour."""
    padded = [hours_wh[0], *hours_wh, hours_wh[-1]]
    return [
        part
        for before, hour, after in zip(padded, padded[1:], padded[2:], strict=False)
        for part in quarter_hours(before, hour, after)
    ]
