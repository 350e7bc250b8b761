"""MUDA: a double auction that is truthful because nobody's price is made by orders that it is cleared with.

The accounts are drawn into two halves. Each half is cleared at the price that balances the other: whoever agrees with
it trades, the shorter side whole, the longer side account by account in the sequence of a draw until nothing is left. A
half in which nobody meets gives the middle between its best bid and its best ask, or the only one of them; an empty one
gives none, and then nobody trades in the other. Buyers pay what sellers get, so the community keeps nothing.

No price that an account states has a part in its half, its price or its turn, so that no lie about prices pays, nor one
about the energy that it wants; what an account gets may depend on its luck. Few traders lose much by the halving; the
part that is lost goes to nothing as they become many. An account may have several orders.

Source: E. Segal-Halevi, A. Hassidim, Y. Aumann, MUDA: a truthful multi-unit double-auction mechanism, AAAI 2018, with
its lottery. The draw is a hash of a seed and the account's index: the same seed gives the same clearing.
Units: ticks, Wh. Refuses: nothing.
"""

from array import array
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from energy.quantities import mean_down
from market.clearing.outcome import Clearing, Deal, pair
from market.clearing.sealed_book import SealedBook
from market.clearing.uniform import uniform_price
from market.orders import Side

_ACCOUNT_BYTES: Final = 4


def muda(book: SealedBook, seed: bytes = b"") -> Clearing:
    """Clear a book of orders of any size, several of an account included.

    Args:
        book: The orders.
        seed: Of the draws; whoever could choose it after the orders could choose who trades.
    """
    halves: tuple[list[int], list[int]] = ([], [])
    for place, order in enumerate(book.orders):
        halves[drawn(seed, order.account)[0] & 1].append(place)
    prices = [balancing_tick(SealedBook(book.levels, (book.orders[place] for place in half))) for half in halves]
    filled = array("Q", bytes(8 * len(book)))
    deals: list[Deal] = []
    for half, tick in zip(halves, reversed(prices), strict=True):
        if tick is not None:
            deals += clear_at(book, half, tick, seed, filled)
    return Clearing(filled, tuple(deals))


def drawn(seed: bytes, account: int) -> bytes:
    """Return an account's lot: its first bit is the half, the rest the turn."""
    return sha256(seed + account.to_bytes(_ACCOUNT_BYTES, "big")).digest()


def balancing_tick(book: SealedBook) -> int | None:
    """Return the price at which as much is bid as asked; None for no orders at all."""
    found = uniform_price(book)
    if found.volume_wh:
        return found.tick
    quotes = [
        best(order.tick for order in book.orders if order.side == side)
        for side, best in ((Side.BUY, max), (Side.SELL, min))
        if side in book.sides
    ]
    return mean_down(sum(quotes), len(quotes)) if quotes else None


def clear_at(book: SealedBook, half: Sequence[int], tick: int, seed: bytes, filled: "array[int]") -> list[Deal]:
    """Fill those of a half who agree with a price that others have made; return their deals."""
    agreeing: dict[Side, list[int]] = {side: [] for side in Side}
    for place in half:
        order = book.orders[place]
        if order.tick >= tick if order.side == Side.BUY else order.tick <= tick:
            agreeing[Side(order.side)].append(place)
    volume_wh = min(sum(book.quantities_wh[place] for place in places) for places in agreeing.values())
    for places in agreeing.values():
        left_wh = volume_wh
        for place in sorted(places, key=lambda each: (drawn(seed, book.orders[each].account)[1:], each)):
            filled[place] = min(book.quantities_wh[place], left_wh)
            left_wh -= filled[place]
    places = [place for side in Side for place in agreeing[side]]
    cleared = SealedBook(book.levels, (book.orders[place] for place in places))
    joined = pair(cleared, [filled[place] for place in places])
    return [Deal(places[buy], places[sell], quantity_wh, tick, tick) for buy, sell, quantity_wh in joined]
