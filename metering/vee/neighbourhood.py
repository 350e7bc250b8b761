"""Rules on the whole neighbourhood: R20 (balance), R21 (peers), R22 (reconciliation). Pure; units: Wh.

Oracles on one wire catch a lying reader of a meter, never a lying meter. What leaves and enters the neighbourhood, what
comparable plants produce, and what the grid operator measured does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt
from statistics import median_low
from typing import Final

from energy.identity import MeterId
from energy.quantities import ratio_down

LOSSES_PERCENT_MAX: Final = 6
"""R20: what the street's cable may lose of what flows through the feeder."""
METER_PERCENT: Final = 2
"""R20: error of each meter; n of them add up like their square root."""
PEER_PERCENT: Final = 40
PEER_FLOOR_PERMILLE: Final = 200
"""R21: peers are compared while their median is above this share of their rated power."""
PEERS_MIN: Final = 3
RECONCILE_PERMILLE: Final = 5
RECONCILE_SLACK_WH: Final = 100


@dataclass(frozen=True, slots=True)
class Balance:
    """What the feeder says against what the meters say, in one stretch of time."""

    difference_wh: int
    """Feeder's net less the meters': positive is energy that no meter admits to have drawn."""
    low_wh: int
    high_wh: int
    """What losses and the meters' errors explain."""

    @property
    def holds(self) -> bool:
        """Say whether the difference is explained."""
        return self.low_wh <= self.difference_wh <= self.high_wh


def check_balance(
    meters: Sequence[tuple[int, int]], feeder_import_wh: int, feeder_export_wh: int, slack_wh: int = 10
) -> Balance:
    """R20: what enters a street through its feeder is what its meters draw less what they feed in, and losses.

    Args:
        meters: Import and export of every meter, Wh.
        feeder_import_wh: Into the street, by the feeder's meter or the grid operator.
        feeder_export_wh: Out of it.
        slack_wh: Rounding, a few Wh.
    """
    net_wh = sum(drawn - fed for drawn, fed in meters)
    flow_wh = sum(drawn + fed for drawn, fed in meters)
    through_wh = max(feeder_import_wh + feeder_export_wh, 0)
    # 2 % of the mean flow of a meter, times the square root of how many there are.
    count = max(len(meters), 1)
    error_wh = ratio_down(flow_wh * METER_PERCENT, isqrt(count * 10_000), 100 * count * 100) + slack_wh
    losses_wh = ratio_down(max(through_wh, flow_wh), LOSSES_PERCENT_MAX, 100)
    return Balance(feeder_import_wh - feeder_export_wh - net_wh, -error_wh, losses_wh + error_wh)


def suspects(
    meters: Mapping[MeterId, Sequence[tuple[int, int]]], unexplained_wh: Sequence[int]
) -> list[tuple[MeterId, int]]:
    """R20: rank the meters by how well a constant share of what each one says explains what the balance lacks.

    A meter that shows only a part of what it draws leaves a gap in proportion to what it shows; an innocent one does
    not follow the gap. The score is the covariance of gap and draw over the variance of the draw, in permille of the
    meter's draw, times how much of the gap's movement it explains, in permille.

    Args:
        meters: Import and export of every meter, interval by interval, Wh.
        unexplained_wh: The balance's difference in the same intervals.
    Returns:
        Meters with their scores, the likeliest first; only those with a positive one.
    """
    count = len(unexplained_wh)
    gap_mean = sum(unexplained_wh)
    gap = [each * count - gap_mean for each in unexplained_wh]
    gap_square = sum(each * each for each in gap)
    scores = []
    for meter, said in meters.items():
        flow = [drawn + fed for drawn, fed in said]
        flow_mean = sum(flow)
        moved = [each * count - flow_mean for each in flow]
        square = sum(each * each for each in moved)
        together = sum(one * other for one, other in zip(gap, moved, strict=True))
        if square and gap_square and together > 0:
            scores.append((meter, ratio_down(together * together, 1000, square * gap_square)))
    return sorted(((meter, score) for meter, score in scores if score), key=lambda each: (-each[1], each[0]))


def check_peers(yields_wh: Mapping[MeterId, int], rated_w: Mapping[MeterId, int], hours: int = 1) -> list[MeterId]:
    """R21: return the plants whose yield per rated W is beyond ±40 % of their peers' median.

    Nothing is said while the median is below a fifth of the rated power, or of fewer than `PEERS_MIN` plants.

    Args:
        yields_wh: What each plant fed in.
        rated_w: Its rated power, above 0.
        hours: Length of the stretch.
    """
    permille = {meter: ratio_down(wh, 1000, rated_w[meter] * hours) for meter, wh in yields_wh.items()}
    if len(permille) < PEERS_MIN:
        return []
    usual = median_low(permille.values())
    if usual < PEER_FLOOR_PERMILLE:
        return []
    return sorted(meter for meter, own in permille.items() if abs(own - usual) * 100 > usual * PEER_PERCENT)


def check_reconciled(own_wh: int, operator_wh: int) -> bool:
    """R22: a day's own sum agrees with the grid operator's, within the greater of 0.5 % and 100 Wh."""
    return abs(own_wh - operator_wh) <= max(ratio_down(operator_wh, RECONCILE_PERMILLE, 1000), RECONCILE_SLACK_WH)
