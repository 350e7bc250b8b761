"""What protects a member from itself and the market from a member: limits, collar, pace, and the switch that stops it.

All are parameters of the community, and off while they are 0. Every refusal is decided by the journal alone, so that an
auditor can repeat it (`market.audit_risk`). Units: Wh, µ€/kWh, n€, UTC epoch seconds.
"""

from collections.abc import Sequence
from typing import Final

from energy.identity import hex_text
from energy.quantities import amount_neur, mean_down
from energy.results import Rejected
from market.config import MarketConfig
from market.orders import Order, Side
from market.rejections import MarketReject
from market.state import Account, MarketState, Resting

MINUTE_S: Final = 60


def refuse_risk(
    state: MarketState, order: Order, account: Account, leaving: Sequence[Resting], now: int
) -> Rejected | None:
    """Return why an order is too much of a risk, or None; orders that leave before it is placed do not count."""
    config = state.config
    if account.is_halted:
        by = "operator" if account.halted_by_operator else "member"
        return Rejected(MarketReject.ACCOUNT_HALTED, {"account": hex_text(account.address), "by": by})
    minute, orders = account.pace
    if config.orders_per_minute_max and minute == minute_of(now) and orders >= config.orders_per_minute_max:
        facts: dict[str, int | str] = {"orders_per_minute_max": config.orders_per_minute_max}
        return Rejected(MarketReject.TOO_FAST, {**facts, "retry_at": (minute + 1) * MINUTE_S})
    traded_at = state.sessions[order.interval].last_price
    refusal = _outside_collar(config, order, state.last_price if traded_at is None else traded_at)
    if refusal is not None or not config.limits_open_orders:
        return refusal
    return _beyond_limits(config, order, [r for r in account.resting.values() if r not in leaving])


def note_accepted(account: Account, now: int) -> None:
    """Count an accepted order in its account's minute."""
    minute, orders = account.pace
    this_minute = minute_of(now)
    account.pace = (minute, orders + 1) if minute == this_minute else (this_minute, 1)


def minute_of(now: int) -> int:
    """Return the minute of an instant, counted from the epoch."""
    return mean_down(now, MINUTE_S)


def notional_neur(quantity_wh: int, price_ueur_per_kwh: int) -> int:
    """Return the money that an order is about, whatever its sign."""
    return abs(amount_neur(quantity_wh, price_ueur_per_kwh))


def _outside_collar(config: MarketConfig, order: Order, reference: int | None) -> Rejected | None:
    """Refuse a bid far above, or an ask far below, the last price: it would trade at once at a price hardly meant."""
    if not config.collar_ueur_per_kwh or reference is None:
        return None
    price = order.limit_price_ueur_per_kwh
    low, high = reference - config.collar_ueur_per_kwh, reference + config.collar_ueur_per_kwh
    if price > high if order.side == Side.BUY else price < low:
        facts: dict[str, int | str] = {"limit_price_ueur_per_kwh": price}
        bounds = {"collar_low_ueur_per_kwh": low, "collar_high_ueur_per_kwh": high}
        return Rejected(MarketReject.OUTSIDE_COLLAR, {**facts, **bounds})
    return None


def _beyond_limits(config: MarketConfig, order: Order, own: Sequence[Resting]) -> Rejected | None:
    open_wh = sum(r.open_wh for r in own) + order.quantity_wh
    notional = sum(notional_neur(r.open_wh, r.price) for r in own)
    notional += notional_neur(order.quantity_wh, order.limit_price_ueur_per_kwh)
    for code, name, value, limit in (
        (MarketReject.TOO_MANY_ORDERS, "account_orders", len(own) + 1, config.account_orders_max),
        (MarketReject.TOO_MUCH_ENERGY, "account_open_wh", open_wh, config.account_open_max_wh),
        (MarketReject.TOO_MUCH_MONEY, "account_notional_neur", notional, config.account_notional_max_neur),
    ):
        if limit and value > limit:
            return Rejected(code, {name: value, "limit_" + name.removeprefix("account_"): limit})
    return None
