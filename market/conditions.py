"""What an order may ask for beyond side, quantity, price and time in force: which conditions exist and go together.

Units: Wh, µ€/kWh, UTC epoch seconds. Refuses: conditions that contradict each other or that the mechanism can not keep.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from energy.identity import ZERO_DIGEST, hex_text
from energy.results import Rejected
from market.config import MarketConfig
from market.orders import ATTRIBUTES, Order, SelfTrade, Side, TimeInForce
from market.rejections import MarketReject
from market.state import Account, MarketState, Resting

SLICES_MAX: Final = 100
"""An order that shows a part of itself comes in at most so many slices."""

_VALUES = attrgetter(*ATTRIBUTES)
_USUAL: Final = tuple(ATTRIBUTES.values())

_NOT_YET: Final = (
    "max_carbon_g_per_kwh",
    "min_lot_wh",
    "valid_from",
    "last_interval",
    "green_premium_ueur_per_kwh",
    "all_or_none",
    "cancel_on_disconnect",
    "bundle",
    "bundle_legs",
)
_CONTINUOUS_ONLY: Final = ("partner_group", "self_trade")
"""In a call all orders meet at once: there is no first among equals to prefer, and no incoming order to give way."""


def is_plain(order: Order) -> bool:
    """Say whether an order asks for nothing but side, quantity, price and time."""
    return bool(_VALUES(order) == _USUAL)


def refuse_conditions(config: MarketConfig, order: Order) -> Rejected | None:
    """Return why the conditions of an order can not be kept, whatever is in the book; None when they can."""
    unsupported = _NOT_YET + (_CONTINUOUS_ONLY if config.mechanism.collects else ())
    for name in unsupported:
        usual = ATTRIBUTES[name]
        if getattr(order, name) != usual:
            only = hex_text(usual) if isinstance(usual, bytes) else int(usual)
            return Rejected(MarketReject.UNSUPPORTED_ATTRIBUTE, {"field": name, "supported": only})
    for name, other, clash in _clashes(order):
        if clash:
            return Rejected(MarketReject.CONDITIONS_CLASH, {"field": name, "with_field": other})
    smallest = -(-order.quantity_wh // SLICES_MAX)
    if 0 < order.display_wh < smallest:
        facts = {"display_wh": order.display_wh, "display_min_wh": smallest}
        return Rejected(MarketReject.DISPLAY_TOO_SMALL, facts)
    return None


def _clashes(order: Order) -> tuple[tuple[str, str, bool], ...]:
    at_once = order.time_in_force != TimeInForce.GOOD_TILL_GATE
    return (
        ("post_only", "time_in_force", order.post_only and at_once),
        ("display_wh", "time_in_force", order.display_wh > 0 and at_once),
        ("replaces", "time_in_force", order.replaces != ZERO_DIGEST and at_once),
    )


def refuse_replacement(
    state: MarketState, order: Order, account: Account, expired: Sequence[Resting]
) -> Rejected | None:
    """Return why an order can not take the place of the one that it names, or None."""
    old = state.orders.get(order.replaces)
    if old is None or any(old is gone for gone in expired):
        return Rejected(MarketReject.UNKNOWN_ORDER, {"digest": hex_text(order.replaces)})
    if old.account is not account:
        facts = {"account": hex_text(account.address), "digest": hex_text(order.replaces)}
        return Rejected(MarketReject.NOT_THE_OWNER, facts)
    for name in ("interval", "side"):
        if getattr(order, name) != getattr(old.order, name):
            return Rejected(MarketReject.WRONG_REPLACEMENT, {"field": name, "right": int(getattr(old.order, name))})
    if order.quantity_wh <= old.filled_wh:
        most = state.config.quantity_max_wh
        bounds = {"quantity_min_wh": old.filled_wh + 1, "quantity_max_wh": most}
        return Rejected(MarketReject.QUANTITY_OUT_OF_RANGE, {"quantity_wh": order.quantity_wh, **bounds})
    return None


def keeps_place(old: Resting, order: Order) -> bool:
    """Say whether a replacement keeps its place: nothing but the quantity falls, and all of it is shown."""
    same = (order.limit_price_ueur_per_kwh, order.partner_group, order.max_carbon_g_per_kwh, order.display_wh)
    was = old.order
    return (
        same == (was.limit_price_ueur_per_kwh, was.partner_group, was.max_carbon_g_per_kwh, 0)
        and was.display_wh == 0
        and order.quantity_wh <= was.quantity_wh
    )


def picks(order: Order) -> bool:
    """Say whether an order may pass over the next in priority, so that the book can not match it by itself."""
    return order.partner_group != ZERO_DIGEST or order.self_trade != SelfTrade.CANCEL_INCOMING


def reaches(order: Order, price: int) -> bool:
    """Say whether an order's limit allows a price."""
    limit = order.limit_price_ueur_per_kwh
    return price <= limit if order.side == Side.BUY else price >= limit
