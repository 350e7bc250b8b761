"""One delivery interval's limit order book: `OrderBook` in Cython and its slow, obvious twin `ReferenceBook`.

Both keep the same contract, `Book`; the engine runs on either and gives the same events. `BookSet` is the book of many
intervals at once, driven in batches of raw records; its twin, `ReferenceBookSet`, drives single books one order at a
time. `CollectingBook` matches nothing, for mechanisms in which all orders meet at the gate. Prices are ladder ticks 0
to levels - 1, quantities Wh, accounts and orders small integers: money, addresses and time stay with the engine.
"""

from market.book._book import BookSet, OrderBook
from market.book.batch import Batches
from market.book.collecting import CollectingBook
from market.book.interface import LEVELS_MAX, ORDERS_MAX, Book, Status
from market.book.reference import ReferenceBook
from market.book.reference_set import ReferenceBookSet

__all__ = [
    "LEVELS_MAX",
    "ORDERS_MAX",
    "Batches",
    "Book",
    "BookSet",
    "CollectingBook",
    "OrderBook",
    "ReferenceBook",
    "ReferenceBookSet",
    "Status",
]
