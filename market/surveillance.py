"""What the trades of an interval show to whoever watches the market: energy that went in a circle.

An account that sells to another and buys it back, straight or by way of others, moved no energy and made a price: a
wash trade. Every pair of honest neighbours may do so by chance; so it is a flag to look at, not a breach.
Units: Wh, µ€/kWh, UTC epoch seconds. Refuses nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple


class SeenTrade(NamedTuple):
    """What of a trade counts here."""

    interval: int
    seller: str
    buyer: str
    quantity_wh: int


@dataclass(frozen=True, slots=True)
class Circle:
    """Accounts that all sold to each other, straight or by way of one another, in one interval."""

    interval: int
    accounts: tuple[str, ...]
    """Ascending."""
    traded_wh: int
    """Of all trades among them."""
    washed_wh: int
    """Of it, what none of them kept: the trades among them less what each bought, or sold, on balance."""


def circles(trades: Iterable[SeenTrade]) -> list[Circle]:
    """Return the circles in some trades, by interval, the most washed energy first."""
    by_interval: dict[int, dict[str, dict[str, int]]] = {}
    for trade in trades:
        sold = by_interval.setdefault(trade.interval, defaultdict(lambda: defaultdict(int)))
        sold[trade.seller][trade.buyer] += trade.quantity_wh
    found = [
        _measured(interval, sold, members)
        for interval, sold in by_interval.items()
        for members in _strongly_connected(sold)
    ]
    return sorted(found, key=lambda circle: (circle.interval, -circle.washed_wh, circle.accounts))


def _measured(interval: int, sold: Mapping[str, Mapping[str, int]], members: frozenset[str]) -> Circle:
    balance: dict[str, int] = dict.fromkeys(members, 0)
    traded_wh = 0
    for seller in members:
        for buyer, wh in sold.get(seller, {}).items():
            if buyer in members:
                traded_wh += wh
                balance[seller] -= wh
                balance[buyer] += wh
    kept_wh = sum(wh for wh in balance.values() if wh > 0)
    return Circle(interval, tuple(sorted(members)), traded_wh, traded_wh - kept_wh)


def _strongly_connected(sold: Mapping[str, Mapping[str, int]]) -> list[frozenset[str]]:
    """Return the sets of at least two accounts each of which sold to every other, straight or by way of others."""
    reached = {seller: _reached(sold, seller) for seller in sold}
    sets = {
        frozenset(other for other in reached[seller] if seller in reached.get(other, ())) | {seller}
        for seller in sold
        if seller in reached[seller]
    }
    return sorted((members for members in sets if len(members) > 1), key=sorted)


def _reached(sold: Mapping[str, Mapping[str, int]], seller: str) -> set[str]:
    reached: set[str] = set()
    frontier = list(sold[seller])
    while frontier:
        account = frontier.pop()
        if account not in reached:
            reached.add(account)
            frontier += sold.get(account, {})
    return reached
