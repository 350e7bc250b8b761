"""Seeded streams of commands for the order books, as `EVENT` records.

Of the measured events about 60 % are orders that rest, at an exponential distance from a walking middle price, 30 %
cancels (3 % of them of orders long gone) and 10 % orders that trade, sized so that the number of resting orders
stays where it began. A fifth of the orders that trade are immediate-or-cancel or fill-or-kill.
"""

import random
from dataclasses import dataclass
from typing import Final

from market.book import BookSet
from market.book.batch import CANCEL, EVENT, FILL, RESULT
from market.config import MarketConfig
from market.orders import Side, TimeInForce

SEED: Final = 42
ACCOUNTS: Final = 1_000
LEVELS: Final = MarketConfig().levels
OFFSET_TICKS: Final = 60
"""Mean distance of a resting order from the middle price."""
REACH_TICKS: Final = 120
"""How far beyond the middle price an order goes that is meant to trade."""
QUANTITY_MEAN_WH: Final = 1_050
TRADING: Final = (TimeInForce.GOOD_TILL_GATE,) * 8 + (TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL)


@dataclass(frozen=True, slots=True)
class Stream:
    """Events that fill the books, and the measured ones."""

    books: int
    capacity: int
    """Of each book."""
    names: int
    filling: bytes
    measured: bytes

    def filled(self) -> BookSet:
        """Return a set of books where the filling rests."""
        book_set = BookSet(self.books, LEVELS, self.capacity, self.names)
        book_set.submit(self.filling, bytearray(FILL.size * (self.capacity + 1)), self.results_of(self.filling))
        return book_set

    def fills(self) -> bytearray:
        """Return room for all fills that the measured events can have."""
        fills = 2 * len(self.measured) // EVENT.size + len(self.filling) // EVENT.size + self.capacity
        return bytearray(fills * FILL.size)

    @staticmethod
    def results_of(events: bytes) -> bytearray:
        """Return room for the results of some events."""
        return bytearray(len(events) // EVENT.size * RESULT.size)


class _Author:
    """Writes a stream, and keeps the books meanwhile to know what rests."""

    def __init__(self, resting: int, commands: int, books: int) -> None:
        self.chance = random.Random(SEED)
        self.resting = resting
        self.middles = [self.chance.uniform(0.4, 0.6) * LEVELS for _ in range(books)]
        self.capacity = max(4 * resting // books, 64)
        self.names = resting + commands
        self.book_set = BookSet(books, LEVELS, self.capacity, self.names)
        self.live: list[int] = []
        self.place_of: dict[int, int] = {}
        self.open_wh: dict[int, int] = {}
        self.book_of: list[int] = []
        self.fills = bytearray((self.capacity + 1) * FILL.size)
        self.result = bytearray(RESULT.size)

    def order(self, trades: bool) -> bytes:
        chance, name = self.chance, len(self.book_of)
        book = chance.randrange(len(self.middles))
        side = chance.getrandbits(1)
        if trades:
            share = 0.85 if len(self.live) < self.resting else 1.25
            quantity = int(share * chance.randint(1, 5) * QUANTITY_MEAN_WH)
            away = -REACH_TICKS
            kind = chance.choice(TRADING)
        else:
            quantity = chance.randint(100, 2 * QUANTITY_MEAN_WH - 100)
            away = 1 + int(chance.expovariate(1 / OFFSET_TICKS))
            kind = TimeInForce.GOOD_TILL_GATE
        tick = int(self.middles[book]) + (away if side == Side.SELL else -away)
        self.book_of.append(book)
        return EVENT.pack(quantity, name, chance.randrange(ACCOUNTS), min(max(tick, 0), LEVELS - 1), book, kind, side)

    def cancel(self) -> bytes:
        known = self.chance.random() < 0.97
        name = self.chance.choice(self.live) if known else self.chance.randrange(len(self.book_of))
        return EVENT.pack(0, name, 0, 0, self.book_of[name], CANCEL, 0)

    def write(self, number: int) -> bytes:
        if number % 256 == 0:
            self.middles = [
                min(max(middle + self.chance.uniform(-2, 2), 0.4 * LEVELS), 0.6 * LEVELS) for middle in self.middles
            ]
        kind = self.chance.random()
        event = self.cancel() if 0.6 <= kind < 0.9 and self.live else self.order(trades=kind >= 0.9)
        self.carry_out(event)
        return event

    def carry_out(self, event: bytes) -> None:
        quantity, name, _, _, _, kind, _ = EVENT.unpack(event)
        _, fills = self.book_set.submit(event, self.fills, self.result)
        filled, _, _ = RESULT.unpack(self.result)
        for wh, maker, *_ in FILL.iter_unpack(memoryview(self.fills)[: fills * FILL.size]):
            self.open_wh[maker] -= wh
            if self.open_wh[maker] == 0:
                self.remove(maker)
        if kind == CANCEL:
            if filled:
                self.remove(name)
        elif kind == TimeInForce.GOOD_TILL_GATE and self.result[-4] == 1:
            self.open_wh[name] = quantity - filled
            self.place_of[name] = len(self.live)
            self.live.append(name)

    def remove(self, name: int) -> None:
        place, last = self.place_of.pop(name), self.live.pop()
        if last != name:
            self.live[place] = last
            self.place_of[last] = place
        del self.open_wh[name]


def make_stream(resting: int, commands: int, books: int = 1) -> Stream:
    """Return a stream that keeps about `resting` orders in `books` books; the same for the same arguments."""
    author = _Author(resting, commands, books)
    filling = []
    for _ in range(resting):
        event = author.order(trades=False)
        author.carry_out(event)
        filling.append(event)
    measured = b"".join(author.write(number) for number in range(commands))
    return Stream(books, author.capacity, author.names, b"".join(filling), measured)
