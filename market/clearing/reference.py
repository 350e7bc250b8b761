"""`reference_uniform_price`: the rule of `market.clearing.uniform` word by word, to judge the compiled kernel by.

Slow on purpose: it tries every price of the ladder and sorts nothing but equal orders. Units: ticks, Wh.
"""

from array import array

from market.clearing.sealed_book import SealedBook
from market.clearing.uniform import UniformPrice
from market.orders import Side


def reference_uniform_price(book: SealedBook) -> UniformPrice:
    """Return what `uniform_price` returns; O(orders x levels)."""
    volume = max(min(_demand(book, tick), _supply(book, tick)) for tick in range(book.levels))
    filled = array("Q", bytes(8 * len(book)))
    if volume == 0:
        return UniformPrice(None, 0, filled)
    balanced = [
        tick
        for tick in range(book.levels)
        if _demand(book, tick + 1) <= volume <= _demand(book, tick)
        and _supply(book, tick - 1) <= volume <= _supply(book, tick)
    ]
    price = (balanced[0] + balanced[-1]) // 2
    for side in Side:
        left = volume
        for place in book.by_merit(side):
            order = book.orders[place]
            if order.tick >= price if side == Side.BUY else order.tick <= price:
                filled[place] = min(left, order.quantity_wh)
                left -= filled[place]
    return UniformPrice(price, volume, filled)


def _demand(book: SealedBook, tick: int) -> int:
    return sum(order.quantity_wh for order in book.orders if order.side == Side.BUY and order.tick >= tick)


def _supply(book: SealedBook, tick: int) -> int:
    return sum(order.quantity_wh for order in book.orders if order.side == Side.SELL and order.tick <= tick)
