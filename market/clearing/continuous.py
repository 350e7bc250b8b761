"""The continuous double auction, to be compared with the others: the same orders, matched one by one as they arrive.

It is the order book itself that matches, at the resting order's price. Units: ticks, Wh. Refuses: nothing.
"""

from array import array

from market.book import OrderBook
from market.clearing.outcome import Clearing, Deal
from market.clearing.sealed_book import SealedBook
from market.orders import Side, TimeInForce


def continuous(book: SealedBook) -> Clearing:
    """Match the orders of a book in their sequence of arrival, all of them good till the gate."""
    ladder = OrderBook(book.levels, max(len(book), 1))
    resting: dict[int, int] = {}
    filled = array("Q", bytes(8 * len(book)))
    deals = []
    for place, order in enumerate(book.orders):
        _, filled_wh, handle = ladder.place(
            order.side, order.tick, order.quantity_wh, order.account, TimeInForce.GOOD_TILL_GATE
        )
        filled[place] += filled_wh
        for maker_handle, tick, quantity, _, _ in ladder.fills():
            maker = resting[maker_handle]
            filled[maker] += quantity
            buy, sell = (place, maker) if order.side == Side.BUY else (maker, place)
            deals.append(Deal(buy, sell, quantity, tick, tick))
        if handle >= 0:
            resting[handle] = place
    return Clearing(filled, tuple(deals))
