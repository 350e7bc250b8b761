"""Traders without intelligence on the order book: how much of the possible welfare the market itself brings about.

Gode and Sunder (Journal of Political Economy 101 (1993) 119) let programs quote at random, only never at a loss, and
their continuous double auction still reached nearly all of the possible gains. Here the same, with energy: again and
again a trader chosen by chance withdraws its quote and states another, for all that it still wants or has.
"""

import random
from collections.abc import Callable, Mapping
from typing import Final

from market.book import OrderBook
from market.clearing import SealedBook, SealedOrder, call_auction
from market.clearing.report import welfare
from market.orders import Side, TimeInForce

QUOTES_PER_TRADER: Final = 60
"""How often a trader is chosen on average, unless all are done before."""

Environment = Callable[[random.Random], SealedBook]
"""Makes traders: orders at what a Wh is worth to each."""


def units(traders: int) -> Environment:
    """Buyers and sellers of one unit, worth 1 to 200 to each."""
    return lambda chance: _traders(chance, traders, 201, (1, 200), (1, 200), lambda: 1)


def flat_supply(traders: int) -> Environment:
    """The same buyers, but sellers all alike."""
    return lambda chance: _traders(chance, traders, 201, (1, 200), (100, 100), lambda: 1)


def energy(traders: int) -> Environment:
    """Households between feed-in and retail price, 8 to 30 ct/kWh in hundredths, with 100 to 2000 Wh."""
    return lambda chance: _traders(chance, traders, 2_201, (0, 2_200), (0, 2_200), lambda: 100 * chance.randint(1, 20))


ENVIRONMENTS: Final[Mapping[str, Environment]] = {
    "units_12": units(12),
    "units_100": units(100),
    "flat_supply_50": flat_supply(50),
    "energy_50": energy(50),
    "energy_500": energy(500),
}


def efficiency(environment: Environment, seed: int) -> tuple[float, float]:
    """Return welfare over the possible welfare: of the continuous double auction, and of the call auction."""
    chance = random.Random(seed)
    traders = environment(chance)
    optimum = possible_welfare(traders)
    if optimum == 0:
        return 1.0, 1.0
    return session(traders, chance) / optimum, welfare(traders, call_auction(traders)) / optimum


def possible_welfare(traders: SealedBook) -> int:
    """Return the gains from trade if the best bids meet the best asks, Wh by Wh."""
    gains, buyers, sellers = 0, _sorted(traders, Side.BUY), _sorted(traders, Side.SELL)
    while buyers and sellers and buyers[-1][0] > sellers[-1][0]:
        (bid, wanted), (ask, offered) = buyers.pop(), sellers.pop()
        traded = min(wanted, offered)
        gains += traded * (bid - ask)
        if wanted > traded:
            buyers.append((bid, wanted - traded))
        if offered > traded:
            sellers.append((ask, offered - traded))
    return gains


def session(traders: SealedBook, chance: random.Random) -> int:
    """Let the traders quote until all are done or time is up; return the welfare of their deals."""
    book = OrderBook(traders.levels, len(traders))
    left = [order.quantity_wh for order in traders.orders]
    handles: list[int | None] = [None] * len(traders)
    active = list(range(len(traders)))
    gains = 0
    for _ in range(QUOTES_PER_TRADER * len(traders)):
        if not active:
            break
        index = chance.randrange(len(active))
        trader = active[index]
        if left[trader] == 0:
            active[index] = active[-1]
            active.pop()
            continue
        order = traders.orders[trader]
        if (handle := handles[trader]) is not None:
            book.cancel(handle)
        low, high = (0, order.tick) if order.side == Side.BUY else (order.tick, traders.levels - 1)
        tick = chance.randint(low, high)
        _, traded, handle = book.place(order.side, tick, left[trader], trader, TimeInForce.GOOD_TILL_GATE)
        left[trader] -= traded
        handles[trader] = handle if handle >= 0 else None
        for _, _, quantity, maker, remaining in book.fills():
            left[maker] -= quantity
            if remaining == 0:
                handles[maker] = None
            other = traders.orders[maker].tick
            gains += quantity * (order.tick - other if order.side == Side.BUY else other - order.tick)
    return gains


def _traders(
    chance: random.Random,
    count: int,
    levels: int,
    bids: tuple[int, int],
    asks: tuple[int, int],
    quantity: Callable[[], int],
) -> SealedBook:
    orders = [
        SealedOrder(side, chance.randint(*worth), quantity(), account)
        for side, worth, first in ((Side.BUY, bids, 0), (Side.SELL, asks, count))
        for account in range(first, first + count)
    ]
    return SealedBook(levels, orders)


def _sorted(traders: SealedBook, side: Side) -> list[tuple[int, int]]:
    """Return what a Wh is worth and how many, the best last."""
    quotes = [(order.tick, order.quantity_wh) for order in traders.orders if order.side == side]
    return sorted(quotes, reverse=side == Side.SELL)
