"""What a mechanism decided, in one shape for all of them: how much of each order is filled, and who deals with whom.

Units: ticks, Wh, and ticks x Wh for sums of money: times the tick in µ€/kWh they are n€. Refuses: nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from market.clearing.sealed_book import SealedBook
from market.orders import Side


@dataclass(frozen=True, slots=True)
class Deal:
    """Energy of one seller for one buyer."""

    buy: int
    """Place of the buy order in the book."""
    sell: int
    """Place of the sell order in the book."""
    quantity_wh: int
    buyer_tick: int
    """What the buyer pays for each Wh."""
    seller_tick: int
    """What the seller gets for each Wh; never more, and what is left stays with the community."""


@dataclass(frozen=True, slots=True)
class Clearing:
    """Fills and deals of one book; the Wh of an order's deals sum to its fill."""

    filled_wh: Sequence[int]
    """Wh of each order, by its place in the book."""
    deals: tuple[Deal, ...]

    @property
    def volume_wh(self) -> int:
        """Energy bought, which is the energy sold (M1)."""
        return sum(deal.quantity_wh for deal in self.deals)


def pair(book: SealedBook, filled_wh: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Join the filled Wh of buyers and sellers, both by merit: the highest bid with the lowest ask, and so on.

    Args:
        book: The orders.
        filled_wh: Wh of each; as much bought as sold.
    Returns:
        Place of the buy order, place of the sell order, Wh; at most one fewer than the orders that are filled.
    """
    sellers = ((place, filled_wh[place]) for place in book.by_merit(Side.SELL) if filled_wh[place])
    seller, offered = 0, 0
    for buyer in book.by_merit(Side.BUY):
        wanted = filled_wh[buyer]
        while wanted:
            if offered == 0:
                seller, offered = next(sellers)
            quantity = min(wanted, offered)
            wanted -= quantity
            offered -= quantity
            yield buyer, seller, quantity


def at_two_prices(book: SealedBook, filled_wh: Sequence[int], buyer_tick: int, seller_tick: int) -> Clearing:
    """Return the clearing in which every buyer pays one price and every seller gets one price, maybe the same."""
    deals = tuple(Deal(*joined, buyer_tick, seller_tick) for joined in pair(book, filled_wh))
    return Clearing(filled_wh, deals)
