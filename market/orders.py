"""Orders: what a member signs. `docs/MARKET_RULES.md` says what each field does.

Units: Wh, µ€/kWh, g CO2e/kWh, UTC epoch seconds; all int. Refuses nothing: `market.engine` refuses, with a code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any, Final

from energy.identity import ZERO_DIGEST, Address, Digest


class Side(IntEnum):
    """Direction of an order; the book's sides are called bids and asks."""

    BUY = 0
    SELL = 1


class TimeInForce(IntEnum):
    """How long an order stays in the book."""

    GOOD_TILL_GATE = 0
    """Rests until it is filled, cancelled, expired, or the gate closes."""
    IMMEDIATE_OR_CANCEL = 1
    """Takes what it can at once; the rest is cancelled."""
    FILL_OR_KILL = 2
    """Is filled whole at once, or not at all."""


class SelfTrade(IntEnum):
    """Which of two orders of one account gives way when they would trade with each other."""

    CANCEL_INCOMING = 0
    """The rest of the incoming order is cancelled; the resting one stays."""
    CANCEL_RESTING = 1
    """The resting order is cancelled; the incoming one goes on."""
    CANCEL_BOTH = 2


@dataclass(frozen=True, slots=True)
class Order:
    """The fields of the signed EIP-712 `Order` in their sequence; from `display_wh` on those of its `Conditions`."""

    account: Address
    """Whose money and energy it is; must equal the signer."""
    interval: int
    """Start of the delivery interval, UTC epoch seconds."""
    side: Side
    quantity_wh: int
    """Energy to trade, ≥ 1; of a replacement, what the replaced order has filled counts in it."""
    limit_price_ueur_per_kwh: int
    """Highest price a buyer pays, lowest a seller takes; a multiple of the tick, may be negative."""
    time_in_force: TimeInForce
    nonce: int
    """Unique for the account, ≥ 0; repeats are refused, gaps are allowed."""
    expiry: int
    """Last second at which the order may still match; 0 for until gate closure."""
    max_carbon_g_per_kwh: int = 0
    """Of a buyer: the highest carbon content accepted; 0 for any. Of a seller: the highest that its energy has, which
    the seller promises; 0 promises nothing."""
    min_lot_wh: int = 0
    """Smallest acceptable trade, but for the one that completes the order; 0 for any."""
    partner_group: Digest = ZERO_DIGEST
    """At one price, orders that name the same group come first; zero for no preference."""
    valid_from: int = 0
    """First second at which the order may match; 0 for at once."""
    last_interval: int = 0
    """Start of the last interval in which the energy may be delivered; 0 for `interval` alone."""
    green_premium_ueur_per_kwh: int = 0
    """Of a buyer with `max_carbon_g_per_kwh`: takes energy beyond that too, at so much less than the limit price."""
    display_wh: int = 0
    """How much of the order the book shows at a time; 0 for all of it."""
    self_trade: SelfTrade = SelfTrade.CANCEL_INCOMING
    """What gives way when the order would trade with one of its own account."""
    all_or_none: bool = False
    """Is filled whole, or waits."""
    post_only: bool = False
    """Is refused if it would match at once."""
    cancel_on_disconnect: bool = False
    """Is cancelled when the connection that brought it ends."""
    replaces: Digest = ZERO_DIGEST
    """Digest of the resting order whose place it takes; zero for none."""
    bundle: int = 0
    """Orders of one account with the same number trade whole together or not at all; 0 for alone."""
    bundle_legs: int = 0
    """How many orders the bundle has; 0 for alone."""

    @property
    def home(self) -> int:
        """Start of the interval with whose gate the order ends."""
        return self.last_interval or self.interval


def intervals_of(order: Order, length_s: int) -> range:
    """Return the starts of the intervals in which an order may trade."""
    return range(order.interval, order.home + 1, length_s)


ATTRIBUTES: Final[Mapping[str, Any]] = {each.name: each.default for each in fields(Order)[8:]}
"""The fields that an order need not have, with what they are then."""
