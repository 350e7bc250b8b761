"""What is to be cancelled and placed so that the book shows what a site wants, and nothing else of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dispatch.bidding import OrderProposal
from energy.identity import Digest
from market.orders import Side


@dataclass(frozen=True, slots=True)
class Resting:
    """An order that was not filled when last seen."""

    side: Side
    quantity_wh: int
    """As it was placed."""
    limit_price_ueur_per_kwh: int


@dataclass(frozen=True, slots=True)
class Changes:
    """From what rests to what is wanted."""

    kept: tuple[Digest, ...]
    cancelled: tuple[Digest, ...]
    placed: tuple[OrderProposal, ...]


def changes(
    resting: Mapping[Digest, Resting], wanted: Sequence[OrderProposal], filled_wh: Mapping[Digest, int]
) -> Changes:
    """Compare what rests with what is wanted; an order of the same side, rest and price stays where it is in the queue.

    Args:
        resting: What the site has in the book of one interval.
        wanted: What it should have there now.
        filled_wh: What was filled so far, by order.
    """
    kept, cancelled, missing = [], [], list(wanted)
    for digest, order in resting.items():
        left_wh = order.quantity_wh - filled_wh.get(digest, 0)
        has = (order.side, left_wh, order.limit_price_ueur_per_kwh)
        same = next((p for p in missing if (p.side, p.quantity_wh, p.limit_price_ueur_per_kwh) == has), None)
        if same is not None:
            missing.remove(same)
            kept.append(digest)
        elif left_wh:
            cancelled.append(digest)
    return Changes(tuple(kept), tuple(cancelled), tuple(missing))
