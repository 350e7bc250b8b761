"""Pay-as-bid: the fills of the call auction, but each buyer pays its own bid, to the seller that it is joined with.

The highest bid is joined with the lowest ask, and so on, so that no deal is at less than the seller's ask. The welfare
is that of the call auction if members bid what energy is worth to them; the rule rewards those who bid less, and the
report shows by how much. Units: ticks, Wh. Refuses: nothing.
"""

from market.clearing.outcome import Clearing, Deal, pair
from market.clearing.sealed_book import SealedBook
from market.clearing.uniform import uniform_price


def pay_as_bid(book: SealedBook) -> Clearing:
    """Clear a book with each deal at its buyer's price."""
    filled = uniform_price(book).filled_wh
    deals = tuple(
        Deal(buy, sell, quantity, book.orders[buy].tick, book.orders[buy].tick)
        for buy, sell, quantity in pair(book, filled)
    )
    return Clearing(filled, deals)
