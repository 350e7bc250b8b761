"""Huang's double auction: McAfee's idea for orders of any size. Stating another price than the true one never pays.

The last bid and the last ask that would trade in a call auction, wholly or in part, set the prices and are left out.
All better bids and asks trade: buyers pay the price of the bid left out, sellers get the price of the ask left out, and
the community keeps the difference. If one side has more Wh than the other, each of its orders gives up the same number
of Wh, those too small give up all, and odd Wh are given up by the earliest; no price has a part in that, for else
a better price would buy more Wh. Stating fewer Wh than one has can pay, though: it may shift who sets the prices.

Source: P. Huang, A. Scheller-Wolf, K. Sycara, Design of a multi-unit double auction e-market, Computational
Intelligence 18 (2002) 596-617. Units: ticks, Wh. Refuses: several orders of one account, with ValueError.
"""

from array import array
from collections.abc import Sequence
from itertools import accumulate

from market.clearing.outcome import Clearing, at_two_prices
from market.clearing.sealed_book import SealedBook
from market.clearing.sharing import in_equal_parts
from market.clearing.uniform import uniform_price
from market.orders import Side


def huang(book: SealedBook) -> Clearing:
    """Clear a book of orders of any size.

    Raises:
        ValueError: an account has several orders.
    """
    book.require_one_order_each()
    volume = uniform_price(book).volume_wh
    filled = array("Q", bytes(8 * len(book)))
    if volume == 0:
        return Clearing(filled, ())
    traders = []
    prices = []
    for side in Side:
        by_merit = book.by_merit(side)
        last = _last_to_trade(book, by_merit, volume)
        traders.append(sorted(by_merit[:last]))
        prices.append(book.orders[by_merit[last]].tick)
    offered = [sum(book.quantities_wh[place] for place in side) for side in traders]
    for places in traders:
        quantities = [book.quantities_wh[place] for place in places]
        given_up = in_equal_parts(sum(quantities) - min(offered), quantities)
        for place, quantity, less in zip(places, quantities, given_up, strict=True):
            filled[place] = quantity - less
    return at_two_prices(book, filled, *prices)


def _last_to_trade(book: SealedBook, by_merit: Sequence[int], volume: int) -> int:
    """Return how many orders come before the one that holds the last Wh of a volume."""
    reached = accumulate(book.quantities_wh[place] for place in by_merit)
    return next(number for number, total in enumerate(reached) if total >= volume)
