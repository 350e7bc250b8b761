"""From fills to trades: what a match changes of orders, of the interval's totals and of the worst cases.

Units: Wh, µ€/kWh, n€. Refuses nothing: who may trade with whom was decided before.
"""

from collections.abc import Iterable

from energy.quantities import amount_neur
from market.events import Event, Trade
from market.orders import Side
from market.state import MarketState, Resting, worst_case_neur


def trade_with(state: MarketState, taker: Resting, fills: Iterable[tuple[Resting, int]]) -> list[Event]:
    """Turn fills of an incoming order into trades, each at the maker's price.

    Args:
        state: Forgets makers that are filled whole; their books know the fills already.
        taker: The incoming order; its open Wh fall.
        fills: Makers and Wh, in matching sequence.
    """
    trades: list[Event] = []
    config, account, limit = state.config, taker.account, taker.price
    buys = taker.order.side == Side.BUY
    for maker, quantity_wh in fills:
        session, price = state.sessions[maker.order.interval], maker.price
        assert 0 < quantity_wh <= min(maker.open_wh, taker.open_wh), "M1: more filled than offered"
        assert price <= limit if buys else price >= limit, "M2: worse than the limit"
        buyer, seller = (taker, maker) if buys else (maker, taker)
        trades.append(
            Trade(
                interval=session.interval,
                number=session.trades,
                price_ueur_per_kwh=price,
                quantity_wh=quantity_wh,
                buy_order=buyer.digest,
                sell_order=seller.digest,
                buyer=buyer.order.account,
                seller=seller.order.account,
                buy_from_wh=buyer.filled_wh,
                sell_from_wh=seller.filled_wh,
            )
        )
        # The maker's exposure stays: open at its limit or filled at that same price, the worst case is one.
        session.expose(account, worst_case_neur(config, taker.order.side, quantity_wh, price))
        taker.open_wh -= quantity_wh
        maker.open_wh -= quantity_wh
        if maker.open_wh == 0:
            state.forget(session, maker)
        session.trades += 1
        session.last_price = price
        session.traded_wh += quantity_wh
        session.turnover_neur += amount_neur(quantity_wh, price)
    return trades
