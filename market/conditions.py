"""What an order may ask for beyond side, quantity, price and time in force: which conditions exist and go together.

Units: Wh, µ€/kWh, UTC epoch seconds. Refuses: conditions that contradict each other or that the mechanism can not keep.
"""

from collections.abc import Sequence
from operator import attrgetter
from typing import Final

from energy.identity import ZERO_DIGEST, hex_text
from energy.quantities import ratio_down
from energy.results import Rejected
from market.config import MarketConfig
from market.orders import ATTRIBUTES, Order, Side, TimeInForce
from market.rejections import MarketReject
from market.state import Account, MarketState, Resting

SLICES_MAX: Final = 100
"""An order that shows a part of itself comes in at most so many slices."""

_VALUES = attrgetter(*ATTRIBUTES)
_USUAL: Final = tuple(ATTRIBUTES.values())

WAITING_MAX: Final = 1_000
"""Orders of one interval that may wait beside its book: whoever comes to rest is offered to each of them."""

BUNDLE_LEGS_MAX: Final = 24
"""A bundle is tried whenever somebody comes to rest whom one of its orders reaches: so many books are asked then."""

_CONTINUOUS_ONLY: Final[tuple[str, ...]] = (
    "min_lot_wh",
    "green_premium_ueur_per_kwh",
    "partner_group",
    "self_trade",
    "all_or_none",
    "last_interval",
    "bundle",
    "bundle_legs",
)
"""In a call all orders meet at once, and any part of each may be filled; there is no first among equals to prefer, no
incoming order to give way, and no other interval that is called at the same time. The same goes for a buyer's
`max_carbon_g_per_kwh`; a seller's promise may stand."""

_ASIDE: Final = "all_or_none, min_lot_wh, max_carbon_g_per_kwh, last_interval, bundle"
_ACROSS: Final = (
    ("last_interval", ("time_in_force", "valid_from", "replaces")),
    ("bundle", ("time_in_force", "valid_from", "replaces", "expiry", "self_trade")),
)
"""What orders of several intervals can not ask for besides: one moment or one book does not tell what becomes of them.
"""


def is_plain(order: Order) -> bool:
    """Say whether an order asks for nothing but side, quantity, price and time."""
    return bool(_VALUES(order) == _USUAL)


def refuse_conditions(config: MarketConfig, order: Order) -> Rejected | None:
    """Return why the conditions of an order can not be kept, whatever is in the book; None when they can."""
    unsupported = _CONTINUOUS_ONLY if config.mechanism.collects else ()
    if config.mechanism.collects and order.side == Side.BUY:
        unsupported += ("max_carbon_g_per_kwh",)
    for name in unsupported:
        usual = ATTRIBUTES[name]
        if getattr(order, name) != usual:
            only = hex_text(usual) if isinstance(usual, bytes) else int(usual)
            return Rejected(MarketReject.UNSUPPORTED_ATTRIBUTE, {"field": name, "supported": only})
    for name, other, clash in _clashes(order):
        if clash:
            return Rejected(MarketReject.CONDITIONS_CLASH, {"field": name, "with_field": other})
    smallest = ratio_down(order.quantity_wh + SLICES_MAX - 1, 1, SLICES_MAX)
    if 0 < order.display_wh < smallest:
        facts = {"display_wh": order.display_wh, "display_min_wh": smallest}
        return Rejected(MarketReject.DISPLAY_TOO_SMALL, facts)
    valid_until = config.gate_closure(order.interval) - 1
    valid_until = min(valid_until, order.expiry) if order.expiry else valid_until
    if order.valid_from > valid_until:
        return Rejected(MarketReject.NEVER_VALID, {"valid_from": order.valid_from, "valid_until": valid_until})
    return None


def _clashes(order: Order) -> tuple[tuple[str, str, bool], ...]:
    at_once = order.time_in_force != TimeInForce.GOOD_TILL_GATE
    aside = waits(order)
    colour_blind = order.side == Side.SELL or order.max_carbon_g_per_kwh == 0
    return (
        ("green_premium_ueur_per_kwh", "max_carbon_g_per_kwh", order.green_premium_ueur_per_kwh > 0 and colour_blind),
        ("post_only", "valid_from", order.post_only and order.valid_from > 0),
        ("post_only", _ASIDE, order.post_only and aside),
        ("display_wh", _ASIDE, order.display_wh > 0 and aside),
        ("post_only", "time_in_force", order.post_only and at_once),
        ("display_wh", "time_in_force", order.display_wh > 0 and at_once),
        ("replaces", "time_in_force", order.replaces != ZERO_DIGEST and at_once),
        ("last_interval", "interval", 0 < order.last_interval <= order.interval),
        ("bundle_legs", "bundle", (order.bundle > 0) != (2 <= order.bundle_legs <= BUNDLE_LEGS_MAX)),
        ("bundle", "last_interval", order.bundle > 0 and order.last_interval > 0),
        *(
            (name, other, getattr(order, name) > 0 and getattr(order, other) != ATTRIBUTES.get(other, 0))
            for name, others in _ACROSS
            for other in others
        ),
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
    for name in ("interval", "side", "last_interval", "bundle"):
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
        and was.display_wh == order.valid_from == 0
        and old.handle >= 0
        and not waits(order)
        and order.quantity_wh <= was.quantity_wh
    )


def waits(order: Order) -> bool:
    """Say whether what is left of an order waits beside the book: it may not trade with everybody who reaches it."""
    minds_carbon = order.side == Side.BUY and order.max_carbon_g_per_kwh > 0
    across = order.last_interval > 0 or order.bundle > 0
    return order.all_or_none or order.min_lot_wh > 0 or minds_carbon or across


def accepts(order: Order, maker: Order) -> bool:
    """Say whether an order takes a resting one's energy at its price: promised green enough, or so much cheaper."""
    if order.side == Side.SELL or order.max_carbon_g_per_kwh == 0:
        return True
    if 0 < maker.max_carbon_g_per_kwh <= order.max_carbon_g_per_kwh:
        return True
    premium = order.green_premium_ueur_per_kwh
    return 0 < premium <= order.limit_price_ueur_per_kwh - maker.limit_price_ueur_per_kwh


def reaches(order: Order, price: int) -> bool:
    """Say whether an order's limit allows a price."""
    limit = order.limit_price_ueur_per_kwh
    return price <= limit if order.side == Side.BUY else price >= limit
