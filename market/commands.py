"""Commands: everything that can change the market. Each accepted one is a journal record.

Signatures were checked before: the market sees only commands whose author is known.
"""

from dataclasses import dataclass

from energy.identity import Address, Digest
from market.orders import Order


@dataclass(frozen=True, slots=True)
class AdmitAccount:
    """Let an account trade, with the collateral that the chain holds for it. Repeating it replaces the collateral."""

    account: Address
    collateral_neur: int
    """Free balance on chain, n€, ≥ 0."""


@dataclass(frozen=True, slots=True)
class OpenInterval:
    """Open the book of one delivery interval."""

    interval: int


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Add an order, match it, and rest what is left."""

    order: Order
    digest: Digest
    """EIP-712 digest of the order: its identity."""
    signature: bytes
    """The member's 65-byte signature, kept so that the journal alone proves the order."""


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Take a resting order out of its book."""

    account: Address
    digest: Digest
    signature: bytes
    """The member's 65-byte signature over `Cancel{account, orderDigest}`."""


@dataclass(frozen=True, slots=True)
class DropDisconnected:
    """Take out a resting order that asked for it, since the connection that brought it has ended."""

    digest: Digest


@dataclass(frozen=True, slots=True)
class CloseGate:
    """End trading for one interval and drop what rests in its book."""

    interval: int


@dataclass(frozen=True, slots=True)
class WakeOrders:
    """Let the orders of an interval match whose first second has come."""

    interval: int


@dataclass(frozen=True, slots=True)
class ReleaseInterval:
    """Free the collateral that an interval held, since the run that settles it is on chain."""

    interval: int


@dataclass(frozen=True, slots=True)
class HaltAccount:
    """Stop an account, or let it go on: its member's own switch, or the operator's."""

    account: Address
    halted: bool
    by_operator: bool
    nonce: int
    """Of a member's switch: above that of its last one, ≥ 0; an operator's has 0."""
    signature: bytes
    """The member's 65-byte signature over `Halt{account, halted, nonce}`; zero for the operator's, which the node
    gives itself."""


@dataclass(frozen=True, slots=True)
class RateAccount:
    """Count for and against an account what a final run says of it (`market.standing`); each run once, in sequence."""

    account: Address
    run_id: int
    kept_wh: int
    failed_wh: int


@dataclass(frozen=True, slots=True)
class SetLimits:
    """Set what protects a member from itself and the market from a member, as the members have decided; 0 for no limit.

    What is resting stays. The fields are those of `MarketConfig`.
    """

    account_orders_max: int
    account_open_max_wh: int
    account_notional_max_neur: int
    orders_per_minute_max: int
    collar_ueur_per_kwh: int


Command = (
    AdmitAccount
    | OpenInterval
    | PlaceOrder
    | CancelOrder
    | DropDisconnected
    | CloseGate
    | ReleaseInterval
    | HaltAccount
    | RateAccount
    | WakeOrders
    | SetLimits
)
