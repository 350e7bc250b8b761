"""What the mechanisms do with the same orders: volume, prices, welfare, who gets it, and what a lie would earn.

The limits are taken for what the energy is truly worth to each member. Units: ticks, Wh; welfare and gains in
ticks x Wh, which times the tick in µ€/kWh are n€. Refuses: what a mechanism refuses.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from energy.quantities import ratio_down
from market.clearing.continuous import continuous
from market.clearing.huang import huang
from market.clearing.mcafee import mcafee
from market.clearing.muda import muda
from market.clearing.outcome import Clearing
from market.clearing.pay_as_bid import pay_as_bid
from market.clearing.sealed_book import SealedBook
from market.clearing.uniform import call_auction
from market.orders import Side

Mechanism = Callable[[SealedBook], Clearing]

MECHANISMS: Final[Mapping[str, Mechanism]] = {
    "continuous": continuous,
    "call": call_auction,
    "pay-as-bid": pay_as_bid,
    "huang": huang,
}
"""The mechanisms for orders of any size, by the name under which a community chooses one."""

LOT_MECHANISMS: Final[Mapping[str, Mechanism]] = {**MECHANISMS, "mcafee": mcafee}
"""The same and those for orders of one size."""

REPORTED: Final[Mapping[str, Mechanism]] = {**LOT_MECHANISMS, "muda": muda}
"""All that a report compares. No community can choose MUDA: its draw needs a seed that nobody can choose or foresee."""


@dataclass(frozen=True, slots=True)
class Lie:
    """The price misstatement that earns most."""

    order: int
    """Place of the order in the book."""
    tick: int
    """What to state instead of the truth."""
    gain_tick_wh: int
    """How much better off its account would be."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What one mechanism did with a book."""

    volume_wh: int
    welfare_tick_wh: int
    """What buyers' Wh are worth to them less what sellers' Wh are worth to those."""
    optimum_tick_wh: int
    """The greatest welfare that any mechanism could reach."""
    buyers_tick_wh: int
    """The buyers' part of the welfare."""
    sellers_tick_wh: int
    """The sellers' part."""
    community_tick_wh: int
    """What buyers pay and sellers do not get."""
    lowest_tick: int | None
    """Lowest price of a deal; None if there is none."""
    highest_tick: int | None
    lie: Lie | None
    """The lie that earns most; None if none earns anything, or none was looked for."""

    @property
    def efficiency_ppm(self) -> int:
        """Welfare in millionths of the optimum, rounded down; a million where there is nothing to gain."""
        if self.optimum_tick_wh == 0:
            return 1_000_000
        return ratio_down(self.welfare_tick_wh, 1_000_000, self.optimum_tick_wh)


def compare(
    book: SealedBook, mechanisms: Mapping[str, Mechanism] = MECHANISMS, liars: Iterable[int] = ()
) -> dict[str, Assessment]:
    """Return the assessment of each mechanism on the same orders.

    Args:
        book: The orders, taken for the truth.
        mechanisms: What to compare.
        liars: Places of the orders whose lies are tried; costs some 2 x orders clearings each.
    """
    tried = tuple(liars)
    optimum = welfare(book, call_auction(book))
    return {name: _assess(book, mechanism, optimum, tried) for name, mechanism in mechanisms.items()}


def welfare(book: SealedBook, clearing: Clearing) -> int:
    """Return what a clearing is worth: buyers' limits less sellers' limits over the Wh they trade."""
    return sum(deal.quantity_wh * (book.orders[deal.buy].tick - book.orders[deal.sell].tick) for deal in clearing.deals)


def gain(truth: SealedBook, clearing: Clearing, account: int) -> int:
    """Return how much better off an account is for a clearing, measured by its true limits.

    Args:
        truth: The orders with the true limits, in the same places.
        clearing: What a mechanism decided, maybe on other limits.
        account: Index of an account.
    """
    total = 0
    for deal in clearing.deals:
        buy, sell = truth.orders[deal.buy], truth.orders[deal.sell]
        if buy.account == account:
            total += deal.quantity_wh * (buy.tick - deal.buyer_tick)
        if sell.account == account:
            total += deal.quantity_wh * (deal.seller_tick - sell.tick)
    return total


def best_lie(book: SealedBook, mechanism: Mechanism, place: int) -> Lie | None:
    """Return the price misstatement of one order that earns its account most, the others telling the truth.

    Tried are the prices of all other orders, their neighbours, and both ends of the ladder: between those nothing in
    any of the mechanisms here changes but the liar's own price, which only matters where it is the next to another's.

    Returns:
        The lie with the greatest gain, the lowest tick among equals; None if none gains.
    """
    account = book.orders[place].account
    honest = gain(book, mechanism(book), account)
    best: Lie | None = None
    for tick in _prices_worth_trying(book, place):
        lied = replace(book.orders[place], tick=tick)
        others = book.orders[:place], book.orders[place + 1 :]
        try:
            stated = SealedBook(book.levels, (*others[0], lied, *others[1]))
        except ValueError:
            continue  # It would trade with an own order: no book takes it.
        gained = gain(book, mechanism(stated), account) - honest
        if gained > (best.gain_tick_wh if best else 0):
            best = Lie(place, tick, gained)
    return best


def _prices_worth_trying(book: SealedBook, place: int) -> list[int]:
    others = [order.tick for each, order in enumerate(book.orders) if each != place]
    near = {tick + step for tick in others for step in (-1, 0, 1)} | {0, book.levels - 1}
    return sorted(tick for tick in near if 0 <= tick < book.levels)


def _assess(book: SealedBook, mechanism: Mechanism, optimum: int, liars: tuple[int, ...]) -> Assessment:
    clearing = mechanism(book)
    lies = [lie for place in liars if (lie := best_lie(book, mechanism, place))]
    paid = [deal.buyer_tick for deal in clearing.deals]
    received = [deal.seller_tick for deal in clearing.deals]
    by_side = dict.fromkeys(Side, 0)
    for deal in clearing.deals:
        by_side[Side.BUY] += deal.quantity_wh * (book.orders[deal.buy].tick - deal.buyer_tick)
        by_side[Side.SELL] += deal.quantity_wh * (deal.seller_tick - book.orders[deal.sell].tick)
    return Assessment(
        volume_wh=clearing.volume_wh,
        welfare_tick_wh=welfare(book, clearing),
        optimum_tick_wh=optimum,
        buyers_tick_wh=by_side[Side.BUY],
        sellers_tick_wh=by_side[Side.SELL],
        community_tick_wh=sum(deal.quantity_wh * (deal.buyer_tick - deal.seller_tick) for deal in clearing.deals),
        lowest_tick=min(received, default=None),
        highest_tick=max(paid, default=None),
        lie=max(lies, key=lambda lie: lie.gain_tick_wh, default=None),
    )
