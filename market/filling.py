"""From fills to trades: what a match changes of orders, of the interval's totals and of the worst cases.

Units: Wh, µ€/kWh, n€. Refuses nothing: who may trade with whom was decided before.
"""

from collections.abc import Iterable
from typing import NamedTuple

from energy.identity import Address, Digest
from energy.quantities import amount_neur
from market.events import Event, Trade
from market.orders import Side
from market.state import MarketState, Resting, Session, worst_case_neur


class _Leg(NamedTuple):
    """One side of a trade."""

    order: Digest
    account: Address
    from_wh: int


def trade_with(
    state: MarketState, session: Session, taker: Resting, fills: Iterable[tuple[Resting, int]]
) -> list[Event]:
    """Turn fills of an incoming order into trades, each at the maker's price.

    Args:
        state: Forgets makers that are filled whole; the book knows the fills already.
        session: Where the makers rest.
        taker: The incoming order; its open Wh fall.
        fills: Makers and Wh, in matching sequence.
    """
    config, trades = state.config, list[Event]()
    side, account = taker.order.side, taker.account
    for maker, quantity_wh in fills:
        price = maker.price
        assert 0 < quantity_wh <= min(maker.open_wh, taker.open_wh), "M1: more filled than offered"
        assert price <= taker.price if side == Side.BUY else price >= taker.price, "M2: worse than the limit"
        taken = _Leg(taker.digest, taker.order.account, taker.filled_wh)
        made = _Leg(maker.digest, maker.order.account, maker.filled_wh)
        buy, sell = (taken, made) if side == Side.BUY else (made, taken)
        trades.append(
            Trade(
                interval=session.interval,
                number=session.trades,
                price_ueur_per_kwh=price,
                quantity_wh=quantity_wh,
                buy_order=buy.order,
                sell_order=sell.order,
                buyer=buy.account,
                seller=sell.account,
                buy_from_wh=buy.from_wh,
                sell_from_wh=sell.from_wh,
            )
        )
        # The maker's exposure stays: open at its limit or filled at that same price, the worst case is one.
        session.expose(account, worst_case_neur(config, side, quantity_wh, price))
        taker.open_wh -= quantity_wh
        maker.open_wh -= quantity_wh
        if maker.open_wh == 0:
            state.forget(session, maker)
        session.trades += 1
        session.last_price = price
        session.traded_wh += quantity_wh
        session.turnover_neur += amount_neur(quantity_wh, price)
    return trades
