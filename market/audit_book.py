"""One interval's book as an auditor keeps it: a list, sorted whenever somebody asks.

Written from the rules alone, apart from the engine and the order book that it judges: price priority, then time
priority; every trade at the resting order's price; an order stops where its own account's order is next.
Units: Wh, µ€/kWh, UTC epoch seconds. Refuses nothing: what was allowed to be placed is the auditor's matter.
"""

from dataclasses import dataclass

from energy.identity import Address, Digest
from market.events import Outcome, Trade
from market.orders import Order, Side, TimeInForce


@dataclass(slots=True, eq=False)
class AuditedOrder:
    """An order of the journal and what became of it."""

    order: Order
    digest: Digest
    signature: bytes
    sequence: int
    """Its place in the journal, from 1: its time priority."""
    accepted_at: int
    filled_wh: int = 0
    outcome: Outcome = Outcome.RESTING
    """At the moment of its own command."""

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


class PlainBook:
    """The resting orders of one open interval."""

    def __init__(self) -> None:
        self.resting: list[AuditedOrder] = []

    def opposite(self, incoming: AuditedOrder) -> list[AuditedOrder]:
        """Return the resting orders that an incoming one reaches, the first in priority first."""
        reached = [
            other for other in self.resting if other.order.side != incoming.order.side and incoming.reaches(other.price)
        ]
        cheapest_first = 1 if incoming.order.side == Side.BUY else -1
        return sorted(reached, key=lambda other: (cheapest_first * other.price, other.sequence))

    def fillable_wh(self, incoming: AuditedOrder) -> int:
        """Return how much an order would fill if it were matched now."""
        available_wh = 0
        for other in self.opposite(incoming):
            if other.account == incoming.account:
                break
            available_wh += other.open_wh
        return min(available_wh, incoming.open_wh)

    def match(self, incoming: AuditedOrder, first_number: int, matched_at: int) -> list[DerivedTrade]:
        """Match an order and rest what is left of it, if it may; return its trades.

        Args:
            incoming: Not filled yet; its `filled_wh` and `outcome` are set.
            first_number: Number of the interval's next trade.
            matched_at: Time of the order's record.
        """
        trades: list[DerivedTrade] = []
        met_own = False
        for maker in self.opposite(incoming):
            if incoming.open_wh == 0:
                break
            if maker.account == incoming.account:
                met_own = True
                break
            quantity_wh = min(maker.open_wh, incoming.open_wh)
            trade = _trade(maker, incoming, first_number + len(trades), quantity_wh)
            trades.append(DerivedTrade(trade, incoming.sequence, matched_at))
            maker.filled_wh += quantity_wh
            incoming.filled_wh += quantity_wh
        self.resting = [order for order in self.resting if order.open_wh]
        if incoming.open_wh == 0:
            incoming.outcome = Outcome.FILLED
        elif incoming.order.time_in_force == TimeInForce.GOOD_TILL_GATE and not met_own:
            incoming.outcome = Outcome.RESTING
            self.resting.append(incoming)
        elif incoming.filled_wh:
            incoming.outcome = Outcome.PARTLY_FILLED_REST_CANCELLED
        else:
            incoming.outcome = Outcome.CANCELLED
        return trades

    def rest(self, incoming: AuditedOrder) -> None:
        """Take in an order that waits for the call."""
        self.resting.append(incoming)

    def drop_expired(self, now: int) -> list[AuditedOrder]:
        """Take out the orders whose last second has passed; return them."""
        gone = [order for order in self.resting if order.has_expired(now)]
        self.resting = [order for order in self.resting if not order.has_expired(now)]
        return gone


def _trade(maker: AuditedOrder, taker: AuditedOrder, number: int, quantity_wh: int) -> Trade:
    buy, sell = (taker, maker) if taker.order.side == Side.BUY else (maker, taker)
    return Trade(
        interval=taker.order.interval,
        number=number,
        price_ueur_per_kwh=maker.price,
        quantity_wh=quantity_wh,
        buy_order=buy.digest,
        sell_order=sell.digest,
        buyer=buy.account,
        seller=sell.account,
        buy_from_wh=buy.filled_wh,
        sell_from_wh=sell.filled_wh,
    )
