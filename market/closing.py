"""What happens to an interval's orders when its gate closes: the call, its trades, and the one price that is published.

In continuous trading the call takes place over what rests; in the other mechanisms all orders have waited for it.
Who trades what is `market.clearing`'s; here the orders go in and the trades come out, and the worst cases move.
Units: Wh, µ€/kWh, n€. Refuses, before the gate: orders that the community's mechanism can not take.
"""

from collections.abc import Sequence
from typing import Final

from energy.quantities import amount_neur, mean_down
from energy.results import Rejected
from market.clearing.gate import seal, trades
from market.clearing.report import LOT_MECHANISMS
from market.config import MarketConfig
from market.events import PriceBasis, Trade
from market.mechanism import Mechanism
from market.orders import Order, Side, TimeInForce
from market.rejections import MarketReject
from market.state import Account, MarketState, OpenOrder, Resting, Session, worst_case_neur

ONE_PRICE: Final = (Mechanism.CONTINUOUS, Mechanism.CALL)
"""Mechanisms whose call has one price."""


def call_at_gate(state: MarketState, session: Session) -> list[Trade]:
    """Let the orders of an interval meet whose gate closes; return the trades, in their sequence.

    Orders that are filled whole leave the session; the others stay, to be dropped by the caller.
    """
    config = state.config
    rests = sorted(session.resting.values(), key=lambda resting: resting.arrival)
    found = _cleared(config, rests, session.trades)
    by_digest = {resting.digest: resting for resting in rests}
    for trade in found:
        for digest, price in (
            (trade.buy_order, trade.price_ueur_per_kwh),
            (trade.sell_order, trade.seller_price_ueur_per_kwh),
        ):
            _fill(state, session, by_digest[digest], trade.quantity_wh, price)
        session.trades += 1
        session.traded_wh += trade.quantity_wh
        session.turnover_neur += amount_neur(trade.quantity_wh, trade.price_ueur_per_kwh)
    return found


def published_price(config: MarketConfig, session: Session, called: Sequence[Trade]) -> tuple[int | None, PriceBasis]:
    """Return the price of an interval, once its call is over, and where it comes from.

    Args:
        config: Tells the mechanism.
        session: What is left in it was not filled.
        called: The trades of its call.
    """
    if called and config.mechanism in ONE_PRICE:
        return called[-1].price_ueur_per_kwh, PriceBasis.CALL
    bid = max((r.price for r in session.resting.values() if r.order.side == Side.BUY), default=None)
    ask = min((r.price for r in session.resting.values() if r.order.side == Side.SELL), default=None)
    if session.traded_wh:
        price = mean_down(session.turnover_neur, session.traded_wh)
        if config.mechanism.collects:
            return price, PriceBasis.TRADES
        price = price if ask is None else min(price, ask)
        return price if bid is None else max(price, bid), PriceBasis.TRADES
    quotes = [price for price in (bid, ask) if price is not None]
    return (mean_down(sum(quotes), len(quotes)), PriceBasis.QUOTES) if quotes else (None, PriceBasis.NONE)


def refuse_collected(state: MarketState, order: Order, account: Account, leaving: Sequence[Resting]) -> Rejected | None:
    """Return why a mechanism that collects orders can not take one, or None; orders that leave first do not count.

    Own orders that would trade with each other are refused here: in a call there is no first and second of them.
    """
    mechanism = state.config.mechanism
    if not mechanism.collects:
        return None
    if order.time_in_force != TimeInForce.GOOD_TILL_GATE:
        facts: dict[str, int | str] = {"field": "time_in_force", "supported": int(TimeInForce.GOOD_TILL_GATE)}
        return Rejected(MarketReject.UNSUPPORTED_ATTRIBUTE, facts)
    if mechanism is Mechanism.MCAFEE and order.quantity_wh != state.config.lot_wh:
        return Rejected(MarketReject.NOT_ONE_LOT, {"quantity_wh": order.quantity_wh, "lot_wh": state.config.lot_wh})
    own = [r for r in account.resting.values() if r.order.interval == order.interval and r not in leaving]
    if mechanism.takes_one_order_each and own:
        return Rejected(MarketReject.ONE_ORDER_EACH, {"interval": order.interval, "open_orders": len(own)})
    for resting in own:
        bid, ask = (order, resting.order) if order.side == Side.BUY else (resting.order, order)
        if bid.side != ask.side and bid.limit_price_ueur_per_kwh >= ask.limit_price_ueur_per_kwh:
            prices = {"limit_price_ueur_per_kwh": order.limit_price_ueur_per_kwh}
            return Rejected(MarketReject.OWN_ORDERS_MEET, {**prices, "own_price_ueur_per_kwh": resting.price})
    return None


def _cleared(config: MarketConfig, rests: Sequence[Resting], first_number: int) -> list[Trade]:
    open_orders = [OpenOrder(resting.order, resting.digest, resting.open_wh) for resting in rests]
    name = Mechanism.CALL if config.mechanism is Mechanism.CONTINUOUS else config.mechanism
    clearing = LOT_MECHANISMS[name](seal(open_orders, config))
    return list(trades(clearing, open_orders, config, first_number))


def _fill(state: MarketState, session: Session, resting: Resting, quantity_wh: int, price: int) -> None:
    """Fill part of an order: the worst case of that part is now at the trade's price, no longer at the limit."""
    side = resting.order.side
    session.expose(
        resting.account,
        worst_case_neur(state.config, side, quantity_wh, price)
        - worst_case_neur(state.config, side, quantity_wh, resting.price),
    )
    resting.open_wh -= quantity_wh
    if resting.open_wh == 0:
        session.book.cancel(resting.handle)
        state.forget(session, resting)
