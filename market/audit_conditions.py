"""What an order may ask for, as an auditor repeats it: which conditions had to be refused, whatever was in the book.

Apart from `market.conditions`, which it judges. Units: Wh, UTC epoch seconds. Refuses nothing.
"""

from collections.abc import Sequence
from typing import Final

from market.audit_book import AuditedOrder
from market.config import MarketConfig
from market.orders import ATTRIBUTES, Order, Side, TimeInForce

_SAME: Final = ("account", "interval", "side", "last_interval", "bundle")
"""In these a replacement is like what it replaces."""


def unkept(config: MarketConfig, order: Order) -> list[str]:
    """Return the fields of an order with which it had to be refused."""
    never: list[str] = []
    if config.mechanism.collects:
        never += ["last_interval", "bundle", "bundle_legs"]
        never += ["partner_group", "self_trade", "all_or_none", "min_lot_wh", "green_premium_ueur_per_kwh"]
        never += ["max_carbon_g_per_kwh"] if order.side == Side.BUY else []
    found = [name for name in never if getattr(order, name) != ATTRIBUTES[name]]
    if order.time_in_force != TimeInForce.GOOD_TILL_GATE:
        found += [name for name in ("post_only", "display_wh", "replaces") if getattr(order, name) != ATTRIBUTES[name]]
    minds_carbon = order.side == Side.BUY and order.max_carbon_g_per_kwh > 0
    if order.green_premium_ueur_per_kwh and not minds_carbon:
        found.append("green_premium_ueur_per_kwh")
    found += _unkept_across(order)
    if order.all_or_none or order.min_lot_wh or minds_carbon or order.last_interval or order.bundle:
        found += [name for name in ("post_only", "display_wh") if getattr(order, name)]
    if order.post_only and order.valid_from:
        found.append("post_only")
    if order.valid_from and (
        order.valid_from >= config.gate_closure(order.interval) or 0 < order.expiry < order.valid_from
    ):
        found.append("valid_from")
    if order.display_wh and order.display_wh * 100 < order.quantity_wh:
        found.append("display_wh")
    return found


def _unkept_across(order: Order) -> list[str]:
    """Return what an order of several intervals, or of a bundle, can not ask for."""
    if order.bundle_legs and not order.bundle:
        return ["bundle_legs"]
    asked = ["time_in_force", "valid_from", "replaces"]
    if order.bundle:
        asked += ["last_interval", "expiry", "self_trade"]
        return [*(["bundle_legs"] if not 2 <= order.bundle_legs <= 24 else []), *_given(order, asked)]
    if not order.last_interval:
        return []
    return _given(order, asked) + (["last_interval"] if order.last_interval <= order.interval else [])


def _given(order: Order, names: list[str]) -> list[str]:
    return [name for name in names if getattr(order, name) != ATTRIBUTES.get(name, 0)]


def misbundled(legs: Sequence[AuditedOrder], order: Order) -> list[str]:
    """Return the fields in which an order does not fit those that wait for it."""
    found = [] if all(leg.order.bundle_legs == order.bundle_legs for leg in legs) else ["bundle_legs"]
    if len(legs) >= order.bundle_legs:
        found.append("bundle")
    return found if all(leg.order.interval != order.interval for leg in legs) else [*found, "interval"]


def misreplaced(old: AuditedOrder | None, order: Order, *, is_resting: bool) -> list[str]:
    """Return the fields in which an order does not fit the one that it replaces; `replaces` when there is none."""
    if old is None or not is_resting:
        return ["replaces"]
    found = [name for name in _SAME if getattr(old.order, name) != getattr(order, name)]
    return [*found, "quantity_wh"] if order.quantity_wh <= old.filled_wh else found


def only_shrinks(old: AuditedOrder, order: Order, *, is_in_book: bool) -> bool:
    """Say whether a replacement keeps its place: the same order for no more energy, all of it shown, in the book."""
    minds_carbon = order.side == Side.BUY and order.max_carbon_g_per_kwh > 0
    if not is_in_book or order.valid_from or order.all_or_none or order.min_lot_wh or minds_carbon:
        return False
    unchanged = ("limit_price_ueur_per_kwh", "partner_group", "max_carbon_g_per_kwh")
    same = all(getattr(order, name) == getattr(old.order, name) for name in unchanged)
    return same and order.display_wh == old.order.display_wh == 0 and order.quantity_wh <= old.order.quantity_wh
