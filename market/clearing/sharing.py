"""What nobody traded, shared within the community after the fact, to the Wh.

The surplus of some covers the need of others as far as it goes: the smaller of the two sums. Whoever gives, gives in
proportion to the surplus; who takes how much is the community's key. Nothing is taken beyond a need, nothing given
beyond a surplus, and as much is given as taken. Units: Wh. Refuses: negative quantities, with ValueError.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from energy.quantities import apportion

Key = Callable[[int, Sequence[int]], list[int]]
"""How much each takes of a total, given what each needs: at most that, and together at most the total."""


@dataclass(frozen=True, slots=True)
class Sharing:
    """Who gives and who takes; both sums are `shared_wh`."""

    shared_wh: int
    given_wh: tuple[int, ...]
    taken_wh: tuple[int, ...]


def in_proportion(total_wh: int, needs_wh: Sequence[int]) -> list[int]:
    """Share in proportion to needs, by largest remainder: the default key of French collective self-consumption.

    Args:
        total_wh: Wh to share, ≥ 0.
        needs_wh: Wh that each can take, ≥ 0.
    Returns:
        Wh of each; they sum to the smaller of the total and the needs.
    """
    _require_quantities(total_wh, needs_wh)
    shared = min(total_wh, sum(needs_wh))
    return apportion(shared, needs_wh) if shared else [0] * len(needs_wh)


def in_equal_parts(total_wh: int, needs_wh: Sequence[int]) -> list[int]:
    """Give everybody the same, but nobody more than the need; what is left of a part goes to the others.

    The rule of constrained equal awards (Thomson, Mathematical Social Sciences 45 (2003) 249). Wh that can not be split
    go to the earliest of those whose need is not met. Arguments and returns as `in_proportion`.
    """
    _require_quantities(total_wh, needs_wh)
    parts = [0] * len(needs_wh)
    left = min(total_wh, sum(needs_wh))
    smallest_first = sorted(range(len(needs_wh)), key=lambda place: needs_wh[place])
    for met, place in enumerate(smallest_first):
        others = len(needs_wh) - met
        if needs_wh[place] * others > left:
            unmet = sorted(smallest_first[met:])
            for each, part in zip(unmet, apportion(left, [1] * others), strict=True):
                parts[each] = part
            return parts
        parts[place] = needs_wh[place]
        left -= needs_wh[place]
    return parts


def by_fixed_shares(shares: Sequence[int]) -> Key:
    """Return the static key: each takes its agreed share of the total, by largest remainder, up to its need.

    What somebody does not need goes to nobody else: it stays with the givers.

    Args:
        shares: Whole numbers ≥ 0, such as percentages; only their proportions matter, and not all are zero.
    """
    if not any(shares) or min(shares) < 0:
        raise ValueError("fixed shares are whole numbers of at least 0, and one is more")

    def key(total_wh: int, needs_wh: Sequence[int]) -> list[int]:
        _require_quantities(total_wh, needs_wh)
        return [min(part, need) for part, need in zip(apportion(total_wh, shares), needs_wh, strict=True)]

    return key


def share(surpluses_wh: Sequence[int], needs_wh: Sequence[int], key: Key = in_proportion) -> Sharing:
    """Share surpluses among needs.

    Args:
        surpluses_wh: Wh that each giver did not trade, ≥ 0.
        needs_wh: Wh that each taker still needs, ≥ 0.
        key: `in_proportion`, `in_equal_parts`, or `by_fixed_shares(...)`.
    """
    taken = key(sum(surpluses_wh), needs_wh)
    return Sharing(sum(taken), tuple(in_proportion(sum(taken), surpluses_wh)), tuple(taken))


def _require_quantities(total_wh: int, needs_wh: Sequence[int]) -> None:
    if total_wh < 0 or min(needs_wh, default=0) < 0:
        raise ValueError("quantities to share are at least 0 Wh")
