"""What an order may ask for, as an auditor repeats it: which conditions had to be refused, whatever was in the book.

Apart from `market.conditions`, which it judges. Units: Wh, UTC epoch seconds. Refuses nothing.
"""

from market.audit_book import AuditedOrder
from market.config import MarketConfig
from market.orders import ATTRIBUTES, Order, TimeInForce


def unkept(config: MarketConfig, order: Order) -> list[str]:
    """Return the fields of an order with which it had to be refused."""
    never = ["max_carbon_g_per_kwh", "min_lot_wh", "valid_from", "last_interval", "green_premium_ueur_per_kwh"]
    never += ["all_or_none", "cancel_on_disconnect", "bundle", "bundle_legs"]
    if config.mechanism.collects:
        never += ["partner_group", "self_trade"]
    found = [name for name in never if getattr(order, name) != ATTRIBUTES[name]]
    if order.time_in_force != TimeInForce.GOOD_TILL_GATE:
        found += [name for name in ("post_only", "display_wh", "replaces") if getattr(order, name) != ATTRIBUTES[name]]
    if order.display_wh and order.display_wh * 100 < order.quantity_wh:
        found.append("display_wh")
    return found


def misreplaced(old: AuditedOrder | None, order: Order, *, is_resting: bool) -> list[str]:
    """Return the fields in which an order does not fit the one that it replaces; `replaces` when there is none."""
    if old is None or not is_resting:
        return ["replaces"]
    found = [name for name in ("account", "interval", "side") if getattr(old.order, name) != getattr(order, name)]
    return [*found, "quantity_wh"] if order.quantity_wh <= old.filled_wh else found


def only_shrinks(old: AuditedOrder, order: Order) -> bool:
    """Say whether a replacement keeps its place: the same order for no more energy, all of it shown."""
    unchanged = ("limit_price_ueur_per_kwh", "partner_group", "max_carbon_g_per_kwh")
    same = all(getattr(order, name) == getattr(old.order, name) for name in unchanged)
    return same and order.display_wh == old.order.display_wh == 0 and order.quantity_wh <= old.order.quantity_wh
