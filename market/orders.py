"""Orders: what a member signs. Units: Wh, µ€/kWh, UTC epoch seconds; all int."""

from dataclasses import dataclass
from enum import IntEnum

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


@dataclass(frozen=True, slots=True)
class Order:
    """The fields of the signed EIP-712 `Order`, in their signed sequence."""

    account: Address
    """Whose money and energy it is; must equal the signer."""
    interval: int
    """Start of the delivery interval, UTC epoch seconds."""
    side: Side
    quantity_wh: int
    """Energy to trade, ≥ 1."""
    limit_price_ueur_per_kwh: int
    """Highest price a buyer pays, lowest a seller takes; a multiple of the tick, may be negative."""
    time_in_force: TimeInForce
    nonce: int
    """Unique for the account, ≥ 0; repeats are refused, gaps are allowed."""
    expiry: int
    """Last second at which the order may still match; 0 for until gate closure."""
    max_carbon_g_per_kwh: int = 0
    """Highest carbon content accepted; 0 for any. Only 0 is accepted so far."""
    min_lot_wh: int = 0
    """Smallest acceptable fill; 0 for any. Only 0 is accepted so far."""
    partner_group: Digest = ZERO_DIGEST
    """Preferred partners; zero for anybody. Only zero is accepted so far."""
