"""One interval's book as an auditor keeps it: a list, searched whenever somebody asks.

What an order does not show comes behind what others show at its price. Who trades with whom is `market.audit_matching`.
Units: Wh, µ€/kWh, UTC epoch seconds. Refuses nothing: what was allowed to be placed is the auditor's matter.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from energy.identity import Address, Digest
from market.audit_grid import Loads
from market.events import Outcome, Trade
from market.orders import Order, Side


@dataclass(slots=True, eq=False)
class AuditedOrder:
    """An order of the journal and what became of it."""

    order: Order
    digest: Digest
    signature: bytes
    sequence: int
    """Its place in the journal, from 1."""
    accepted_at: int
    filled_wh: int = 0
    outcome: Outcome = Outcome.RESTING
    """At the moment of its own command."""
    place: int = 0
    """Its time priority, or that of the slice that it shows: a count over all intervals."""
    shown_wh: int = 0
    """Of what is open, what the book shows."""

    @property
    def account(self) -> Address:
        """Whose order it is."""
        return self.order.account

    @property
    def price(self) -> int:
        """Its limit, µ€/kWh."""
        return self.order.limit_price_ueur_per_kwh

    @property
    def open_wh(self) -> int:
        """What is not filled; cancelled or not."""
        return self.order.quantity_wh - self.filled_wh

    @property
    def waits(self) -> bool:
        """Say whether what is left of it has no place in the book, for it may not trade with everybody."""
        order = self.order
        across = order.last_interval > 0 or order.bundle > 0
        minds_carbon = order.side == Side.BUY and order.max_carbon_g_per_kwh > 0
        return order.all_or_none or order.min_lot_wh > 0 or minds_carbon or across

    def is_green_enough(self, sold: Order) -> bool:
        """Say whether a buyer that minds carbon takes what is sold, for its promise or for its price."""
        order = self.order
        if order.side == Side.SELL or order.max_carbon_g_per_kwh == 0:
            return True
        promised = sold.max_carbon_g_per_kwh
        if promised and promised <= order.max_carbon_g_per_kwh:
            return True
        cheaper = order.limit_price_ueur_per_kwh - sold.limit_price_ueur_per_kwh
        return order.green_premium_ueur_per_kwh > 0 and cheaper >= order.green_premium_ueur_per_kwh

    def has_expired(self, now: int) -> bool:
        """Say whether its last second has passed."""
        return 0 < self.order.expiry < now

    def reaches(self, price: int) -> bool:
        """Say whether its limit allows a price."""
        return price <= self.price if self.order.side == Side.BUY else price >= self.price


@dataclass(frozen=True, slots=True)
class DerivedTrade:
    """A trade that the journal gives."""

    trade: Trade
    sequence: int
    """Of the incoming order that brought it about."""
    matched_at: int
    """Time of that order's record."""
    in_call: bool = False
    """Of the call at the gate: both orders rested, and `sequence` is that of the record that closed it."""


@dataclass(slots=True)
class Taking:
    """What an order would take of a book."""

    fills: list[tuple[AuditedOrder, int, int]] = field(default_factory=list)
    """Maker, Wh, and price of the way between them, slice by slice."""
    giving_way: list[AuditedOrder] = field(default_factory=list)
    """Own orders that leave."""
    is_ended: bool = False
    """What is left of the order is cancelled, for its own account's order is next."""
    is_cut_off: bool = False
    """It reaches orders that it may not take, and waits beside the book with what is left."""
    wh: int = 0
    """Of all fills."""


@dataclass(slots=True)
class Entered:
    """What an order brought about that entered a book."""

    trades: list[DerivedTrade] = field(default_factory=list)
    takers: list[AuditedOrder] = field(default_factory=list)
    """The incoming order of each trade."""
    left: list[AuditedOrder] = field(default_factory=list)
    """Orders that left without a trade: so that an account does not trade with itself, or expired."""


class PlainBook:
    """The orders of one open interval: in the book, and beside it."""

    def __init__(self, arrivals: Iterator[int]) -> None:
        self._arrivals = arrivals
        self.loads = Loads()
        self.resting: list[AuditedOrder] = []
        self.waiting: list[AuditedOrder] = []
        """For what they may take as soon as it rests; the earliest first."""
        self.asleep: list[AuditedOrder] = []
        """Not valid yet."""

    def everyone(self) -> list[AuditedOrder]:
        """Return all orders, in the book and beside it."""
        return [*self.resting, *self.waiting, *self.asleep]

    def remove(self, order: AuditedOrder) -> None:
        """Take an order out, wherever it is."""
        for orders in (self.resting, self.waiting, self.asleep):
            if order in orders:
                orders.remove(order)

    def show(self, order: AuditedOrder) -> None:
        """Show an order, or its next slice, behind all others at its price."""
        order.place = next(self._arrivals)
        order.shown_wh = min(order.order.display_wh or order.open_wh, order.open_wh)

    def wait(self, incoming: AuditedOrder) -> None:
        """Let an order wait beside the book, behind all others."""
        incoming.place = next(self._arrivals)
        self.waiting.append(incoming)

    def replace(self, old: AuditedOrder, new: AuditedOrder) -> None:
        """Let an order have the place of another, with no more energy."""
        new.place, new.shown_wh = old.place, new.open_wh
        self.resting[self.resting.index(old)] = new

    def rest(self, incoming: AuditedOrder) -> None:
        """Take in an order behind all others at its price."""
        self.show(incoming)
        self.resting.append(incoming)
