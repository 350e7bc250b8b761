"""Events: what accepted commands brought about, in order. Units: Wh, µ€/kWh, n€; all int."""

from dataclasses import dataclass
from enum import IntEnum

from energy.identity import Address, Digest
from market.orders import Order


class Outcome(IntEnum):
    """What became of an order at the moment of its command; the member gets it signed in the receipt."""

    RESTING = 1
    """Nothing or part of it was filled; the rest is in the book."""
    FILLED = 2
    PARTLY_FILLED_REST_CANCELLED = 3
    """Immediate-or-cancel with a partial fill, or the rest met only the account's own orders."""
    CANCELLED = 4
    """By its owner, or an immediate order that met nothing."""


class CancelReason(IntEnum):
    """Why energy left the book without a trade."""

    BY_OWNER = 1
    IMMEDIATE_REST = 2
    SELF_TRADE = 3
    """It would have traded with an order of its own account."""
    EXPIRED = 4
    GATE_CLOSED = 5
    HALTED = 6
    """Its account was stopped."""
    REPLACED = 7
    """Another order of its account has taken its place."""
    BOOK_FULL = 8
    """Its time had come, and the book had no place left."""
    BUNDLE_BROKEN = 9
    """Another order of its bundle has left."""
    DISCONNECTED = 10
    """It asked to last no longer than the connection that brought it."""


class PriceBasis(IntEnum):
    """Where the price comes from that is published for an interval."""

    NONE = 0
    """Nobody traded and nobody bid or asked: there is no price."""
    CALL = 1
    """The one price of the call at the gate."""
    TRADES = 2
    """Mean of the trades, rounded down; kept between the best bid and the best ask that were left."""
    QUOTES = 3
    """Nobody traded: the middle of the best bid and the best ask, or the only one of them."""


@dataclass(frozen=True, slots=True)
class Trade:
    """One match: at the resting order's price, or at what the call at the gate decided. Financially firm."""

    interval: int
    number: int
    """Count from 0 within the interval, in matching sequence."""
    price_ueur_per_kwh: int
    quantity_wh: int
    buy_order: Digest
    sell_order: Digest
    buyer: Address
    seller: Address
    buy_from_wh: int
    """The fill is the range [buy_from_wh, buy_from_wh + quantity_wh) of the buy order."""
    sell_from_wh: int
    """The fill is the range [sell_from_wh, sell_from_wh + quantity_wh) of the sell order."""
    wedge_ueur_per_kwh: int = 0
    """What of the buyer's price the seller does not get, ≥ 0: the community's difference in an auction that keeps one.
    """

    @property
    def seller_price_ueur_per_kwh(self) -> int:
        """What the seller gets."""
        return self.price_ueur_per_kwh - self.wedge_ueur_per_kwh


@dataclass(frozen=True, slots=True)
class MatchedTrade:
    """A trade with its place in time: what a settled run commits to."""

    trade: Trade
    sequence: int
    """Place in the journal of the command that brought it about."""
    matched_at: int
    """Time of that command."""


@dataclass(frozen=True, slots=True)
class AccountAdmitted:
    """An account may trade, or its collateral was replaced."""

    account: Address
    collateral_neur: int


@dataclass(frozen=True, slots=True)
class AccountRated:
    """What a run said of an account was counted; it needs so much of the full collateral from now on."""

    account: Address
    run_id: int
    kept_wh: int
    """What speaks for it now, faded."""
    failed_wh: int
    """What speaks against it."""
    collateral_permille: int


@dataclass(frozen=True, slots=True)
class IntervalOpened:
    """Orders for an interval are taken from now on."""

    interval: int


@dataclass(frozen=True, slots=True)
class OrderPlaced:
    """An order was accepted; its trades and a cancellation of its rest follow as events of their own."""

    order: Order
    digest: Digest
    outcome: Outcome
    filled_wh: int
    resting_wh: int
    carried_wh: int = 0
    """What the order that it replaces had filled, which counts in its quantity."""
    waits: bool = False
    """What rests is not in the book: it waits beside it for what it may take, or until it is valid."""


@dataclass(frozen=True, slots=True)
class OrderEntered:
    """An order that waited has taken what it may, or has become valid; its trades follow as events of their own."""

    order: Order
    digest: Digest
    filled_wh: int
    resting_wh: int
    """In the book from now on."""


@dataclass(frozen=True, slots=True)
class OrderCancelled:
    """Energy of an order left the book without a trade."""

    digest: Digest
    account: Address
    interval: int
    cancelled_wh: int
    reason: CancelReason


@dataclass(frozen=True, slots=True)
class GateClosed:
    """Trading of an interval ended."""

    interval: int
    trades: int
    traded_wh: int
    turnover_neur: int
    """Sum of price x quantity; divided by `traded_wh` it is the mean price in µ€/kWh."""
    price_ueur_per_kwh: int | None = None
    """The interval's one published price; None for none."""
    price_basis: PriceBasis = PriceBasis.NONE


@dataclass(frozen=True, slots=True)
class IntervalReleased:
    """An interval is settled on chain: it holds no collateral any more."""

    interval: int


@dataclass(frozen=True, slots=True)
class AccountHalted:
    """An account's switches as they stand now; its orders have left the books as events of their own."""

    account: Address
    by_member: bool
    by_operator: bool


@dataclass(frozen=True, slots=True)
class LimitsSet:
    """Other limits hold for what is placed from now on."""

    account_orders_max: int
    account_open_max_wh: int
    account_notional_max_neur: int
    orders_per_minute_max: int
    collar_ueur_per_kwh: int


Event = (
    AccountAdmitted
    | IntervalOpened
    | OrderPlaced
    | OrderEntered
    | Trade
    | OrderCancelled
    | GateClosed
    | IntervalReleased
    | AccountHalted
    | AccountRated
    | LimitsSet
)
