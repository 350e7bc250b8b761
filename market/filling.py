"""From fills to trades: what a match changes of orders, of the interval's totals and of the worst cases.

Units: Wh, µ€/kWh, n€. Refuses nothing: who may trade with whom was decided before.
"""

from collections.abc import Iterable

from energy.quantities import amount_neur
from market.events import Event, Trade
from market.orders import Side
from market.state import MarketState, Resting, worst_case_neur


def trade_with(state: MarketState, taker: Resting, fills: Iterable[tuple[Resting, int, int]]) -> list[Event]:
    """Turn fills of an incoming order into trades, each at the maker's price; the way between them is the taker's.

    Args:
        state: Forgets makers that are filled whole; their books know the fills already.
        taker: The incoming order; its open Wh fall.
        fills: Makers, Wh, and the price of the way, µ€/kWh, in matching sequence.
    """
    trades: list[Event] = []
    config, limit = state.config, taker.price
    buys = taker.order.side == Side.BUY
    for maker, quantity_wh, way_price in fills:
        session = state.sessions[maker.order.interval]
        pays = maker.price + way_price if buys else maker.price
        taken_at = pays if buys else pays - way_price
        assert 0 < quantity_wh <= min(maker.open_wh, taker.open_wh), "M1: more filled than offered"
        assert taken_at <= limit if buys else taken_at >= limit, "M2: worse than the limit"
        buyer, seller = (taker, maker) if buys else (maker, taker)
        trades.append(
            Trade(
                interval=session.interval,
                number=session.trades,
                price_ueur_per_kwh=pays,
                quantity_wh=quantity_wh,
                buy_order=buyer.digest,
                sell_order=seller.digest,
                buyer=buyer.order.account,
                seller=seller.order.account,
                buy_from_wh=buyer.filled_wh,
                sell_from_wh=seller.filled_wh,
                wedge_ueur_per_kwh=way_price,
            )
        )
        # The maker's exposure stays: open at its limit or filled at that same price, the worst case is one.
        session.expose(taker.account, worst_case_neur(config, taker.order.side, quantity_wh, taken_at))
        taker.open_wh -= quantity_wh
        maker.open_wh -= quantity_wh
        if maker.open_wh == 0:
            state.forget(session, maker)
        if state.grid:
            state.grid.load(session.loads_wh, seller.order.account, buyer.order.account, quantity_wh)
            assert state.grid.carries(session.loads_wh), "M6: a feeder beyond its limit"
        session.trades += 1
        session.last_price = pays
        session.traded_wh += quantity_wh
        session.turnover_neur += amount_neur(quantity_wh, pays)
    return trades
