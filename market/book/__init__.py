"""One delivery interval's limit order book: `OrderBook` in Cython and its slow, obvious twin `ReferenceBook`.

Both keep the same contract, `Book`; the engine runs on either and gives the same events. Prices are ladder ticks
0 to levels - 1, quantities Wh, accounts and orders small integers: money, addresses and time stay with the engine.
"""

from market.book._book import OrderBook
from market.book.interface import LEVELS_MAX, ORDERS_MAX, Book, Status
from market.book.reference import ReferenceBook

__all__ = ["LEVELS_MAX", "ORDERS_MAX", "Book", "OrderBook", "ReferenceBook", "Status"]
