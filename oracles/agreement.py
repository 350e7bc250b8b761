"""What several oracles saw of one meter at one instant, brought to one: the median of those who agree.

Each reads the meter by its own cable, so a lying or broken reader stands alone. Of n oracles up to f < n/3 may lie: of
those who are heard all but f must agree, so at least one honest one is among them, and two groups can never both be
large enough. Who is silent says nothing either way (docs/adr/0019). A meter that lies tells all of them the same, and
is found by the neighbourhood's balance (R20 to R22) instead.
Units: Wh, UTC epoch seconds; of facts, the unit of their kind. Pure. Source: Chainlink OCR, for the median and f < n/3.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from energy.identity import Digest, MeterId, hex_text
from energy.quantities import ratio_down
from energy.results import Accepted, Rejected
from oracles.rejections import OracleReject

Said = TypeVar("Said")

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


def agreement_needed(oracles: int, quorum: int, heard: int) -> int:
    """Return how many must agree: the community's quorum, f + 1, and all who were heard but f.

    Fewer than four oracles can not bear a liar by that bound; of three, two outvote one, as with the chain's quorum.
    """
    liars = lying_max(oracles) or ratio_down(max(oracles - 1, 0), 1, 2)
    return max(quorum, liars + 1, heard - liars)


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
    needed = agreement_needed(oracles, quorum, len(observations))
    group = _largest_group(sorted(observations, key=_place), _near)
    if len(group) < needed:
        return _disagreement({"meter": hex_text(meter)}, len(observations), len(group), needed)
    median = group[ratio_down(len(group) - 1, 1, 2)]
    flags = 0
    for bit in range(32):
        if 2 * sum(each.flags >> bit & 1 for each in group) > len(group):
            flags |= 1 << bit
    return Accepted((replace(median, flags=flags),))


def agree_on_values(
    what: Mapping[str, int | str], values: Mapping[str, int], oracles: int, quorum: int, tolerance: int
) -> Accepted[int] | Rejected:
    """Return the value that stands for all oracles that agree on a fact.

    Args:
        what: Names the fact in the refusal.
        values: What each oracle says, by its name.
        oracles: How many oracles there are, heard or not.
        quorum: The community's.
        tolerance: Farthest that two honest values are apart.
    Returns:
        The median of the largest group within the tolerance; or NO_AGREEMENT.
    """
    needed = agreement_needed(oracles, quorum, len(values))
    group = _largest_group(sorted(values.values()), lambda one, other: abs(one - other) <= tolerance)
    if len(group) < needed:
        return _disagreement(what, len(values), len(group), needed)
    return Accepted((group[ratio_down(len(group) - 1, 1, 2)],))


def _largest_group(ranked: Sequence[Said], near: Callable[[Said, Said], bool]) -> list[Said]:
    """Return those that are near one of them, for whom these are the most; in their sequence."""
    return max(([other for other in ranked if near(each, other)] for each in ranked), key=len, default=[])


def _disagreement(what: Mapping[str, int | str], heard: int, agreeing: int, needed: int) -> Rejected:
    return Rejected(OracleReject.NO_AGREEMENT, {**what, "heard": heard, "agree": agreeing, "needed": needed})


def outliers(agreed: Observation, observations: Sequence[Observation]) -> list[str]:
    """Return the oracles that saw something else than what was agreed on."""
    return sorted(each.oracle for each in observations if not _near(agreed, each))


def _near(one: Observation, other: Observation) -> bool:
    return abs(one.import_wh - other.import_wh) <= AGREE_WH and abs(one.export_wh - other.export_wh) <= AGREE_WH


def _place(each: Observation) -> tuple[int, int, str]:
    return each.import_wh, each.export_wh, each.oracle
