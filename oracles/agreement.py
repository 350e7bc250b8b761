"""What several oracles saw of one meter at one instant, brought to one: the median of those who agree.

Each reads the meter by its own cable, so a lying or broken reader stands alone. With n oracles up to f < n/3 may lie,
so 2f + 1 must agree; nobody's word counts that lies farther than `AGREE_WH` from the median of the others. A meter that
lies tells all of them the same, and is found by the neighbourhood's balance (R20 to R22) instead.
Units: Wh, UTC epoch seconds. Pure. Source: Chainlink OCR, for the median and the bounds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from energy.identity import Digest, MeterId, hex_text
from energy.quantities import ratio_down
from energy.results import Accepted, Rejected
from oracles.rejections import OracleReject

AGREE_WH: Final = 2
"""Farthest that two honest readers of one meter are apart: each interpolates to the boundary on its own."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What one oracle saw of a meter at the boundary of two intervals."""

    oracle: str
    """Its name."""
    import_wh: int
    export_wh: int
    flags: int
    """`ReadingFlag` bits."""
    observed_at: int
    """By the meter's clock."""
    raw_hash: Digest
    """Of the frame behind it."""


def lying_max(oracles: int) -> int:
    """Return how many of some oracles may lie: f < n/3."""
    return ratio_down(max(oracles - 1, 0), 1, 3)


def agreement_needed(oracles: int, quorum: int) -> int:
    """Return how many must agree: the community's quorum, and at least 2f + 1."""
    return max(quorum, 2 * lying_max(oracles) + 1)


def agree(
    meter: MeterId, observations: Sequence[Observation], oracles: int, quorum: int
) -> Accepted[Observation] | Rejected:
    """Return the observation that stands for all who agree.

    Args:
        meter: Whose registers.
        observations: At most one of each oracle, in any sequence.
        oracles: How many oracles there are, heard or not.
        quorum: The community's.
    Returns:
        The median of the largest group within `AGREE_WH`, with every flag that a majority of the group has seen; or
        NO_AGREEMENT when the group is smaller than `agreement_needed`.
    """
    needed = agreement_needed(oracles, quorum)
    group = max(
        ([other for other in observations if _near(each, other)] for each in sorted(observations, key=_place)),
        key=len,
        default=[],
    )
    if len(group) < needed:
        facts: dict[str, int | str] = {
            "meter": hex_text(meter),
            "heard": len(observations),
            "agree": len(group),
            "needed": needed,
        }
        return Rejected(OracleReject.NO_AGREEMENT, facts)
    ranked = sorted(group, key=_place)
    median = ranked[ratio_down(len(ranked) - 1, 1, 2)]
    flags = 0
    for bit in range(32):
        if 2 * sum(each.flags >> bit & 1 for each in group) > len(group):
            flags |= 1 << bit
    return Accepted(
        (Observation(median.oracle, median.import_wh, median.export_wh, flags, median.observed_at, median.raw_hash),)
    )


def outliers(agreed: Observation, observations: Sequence[Observation]) -> list[str]:
    """Return the oracles that saw something else than what was agreed on."""
    return sorted(each.oracle for each in observations if not _near(agreed, each))


def _near(one: Observation, other: Observation) -> bool:
    return abs(one.import_wh - other.import_wh) <= AGREE_WH and abs(one.export_wh - other.export_wh) <= AGREE_WH


def _place(each: Observation) -> tuple[int, int, str]:
    return each.import_wh, each.export_wh, each.oracle
