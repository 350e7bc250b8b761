"""From the market's open orders to a sealed book, and from a clearing back to trades, when a gate closes.

A deal whose buyer pays more than its seller gets becomes a trade with a wedge. Units: Wh, µ€/kWh, ticks.
Refuses: prices off the ladder, with ValueError.
"""

from collections.abc import Sequence

from market.clearing.outcome import Clearing
from market.clearing.sealed_book import SealedBook, SealedOrder
from market.config import MarketConfig
from market.events import Trade
from market.state import OpenOrder


def seal(open_orders: Sequence[OpenOrder], config: MarketConfig) -> SealedBook:
    """Return the sealed book of one interval's open orders.

    Args:
        open_orders: In sequence of arrival; their places are the places in the book.
        config: Tells the ladder.
    """
    accounts: dict[bytes, int] = {}
    return SealedBook(
        config.levels,
        [
            SealedOrder(
                each.order.side,
                config.level_of(each.order.limit_price_ueur_per_kwh),
                each.open_wh,
                accounts.setdefault(each.order.account, len(accounts)),
            )
            for each in open_orders
        ],
    )


def trades(
    clearing: Clearing, open_orders: Sequence[OpenOrder], config: MarketConfig, first_number: int = 0
) -> tuple[Trade, ...]:
    """Return the deals of a clearing as trades, in their sequence.

    Args:
        clearing: Of `seal(open_orders, config)`.
        open_orders: The same as there.
        config: The same as there.
        first_number: How many trades the interval has had.
    """
    filled_wh = [each.order.quantity_wh - each.open_wh for each in open_orders]
    made = []
    for number, deal in enumerate(clearing.deals, start=first_number):
        buy, sell = open_orders[deal.buy], open_orders[deal.sell]
        made.append(
            Trade(
                interval=buy.order.interval,
                number=number,
                price_ueur_per_kwh=config.price_of(deal.buyer_tick),
                quantity_wh=deal.quantity_wh,
                buy_order=buy.digest,
                sell_order=sell.digest,
                buyer=buy.order.account,
                seller=sell.order.account,
                buy_from_wh=filled_wh[deal.buy],
                sell_from_wh=filled_wh[deal.sell],
                wedge_ueur_per_kwh=(deal.buyer_tick - deal.seller_tick) * config.tick_ueur_per_kwh,
            )
        )
        filled_wh[deal.buy] += deal.quantity_wh
        filled_wh[deal.sell] += deal.quantity_wh
    return tuple(made)
