"""Call auction: all orders meet once, at one price. The welfare is the greatest possible, to the Wh.

Rules. The volume is the largest that can trade. The price is the middle of all prices at which nobody filled is worse
off than unfilled and nobody better-priced is left out; half a tick goes to the buyers. Orders better than the price
are filled whole; those at the price share what is left by sequence of arrival, so at most one order is split.

Why it is exact: at such a price the filled bids are the most valuable Wh and the filled asks the cheapest, up to the
last Wh for which a bid is as high as an ask (the competitive equilibrium of Vernon Smith, JPE 70 (1962) 111).
Why the middle: neither side is favoured. Units: ticks, Wh. Refuses: nothing.
"""

from array import array
from dataclasses import dataclass

from market.clearing._uniform import clear_uniform
from market.clearing.outcome import Clearing, at_two_prices
from market.clearing.sealed_book import SealedBook


@dataclass(frozen=True, slots=True)
class UniformPrice:
    """What a call auction publishes."""

    tick: int | None
    """The price of every Wh; None if nothing is traded."""
    volume_wh: int
    filled_wh: "array[int]"
    """Wh of each order, by its place in the book."""


def uniform_price(book: SealedBook) -> UniformPrice:
    """Return price, volume and fills of a call auction, in compiled code; O(orders + levels)."""
    filled = array("Q", bytes(8 * len(book.orders)))
    tick, volume = clear_uniform(book.levels, book.sides, book.ticks, book.quantities_wh, filled)
    return UniformPrice(tick if volume else None, volume, filled)


def call_auction(book: SealedBook) -> Clearing:
    """Clear a book at one price and say who deals with whom."""
    result = uniform_price(book)
    if result.tick is None:
        return Clearing(result.filled_wh, ())
    return at_two_prices(book, result.filled_wh, result.tick, result.tick)
