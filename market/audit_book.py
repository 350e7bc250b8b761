"""One interval's book as an auditor keeps it: a list, searched whenever somebody asks.

Written from the rules alone, apart from the engine and the order book that it judges: price priority, then partners of
the incoming order, then time; every trade at the resting order's price; what an order does not show comes behind what
others show at its price; orders of one account do not trade with each other.
Units: Wh, µ€/kWh, UTC epoch seconds. Refuses nothing: what was allowed to be placed is the auditor's matter.
"""

from dataclasses import dataclass, field

from energy.identity import ZERO_DIGEST, Address, Digest
from market.events import Outcome, Trade
from market.orders import Order, SelfTrade, Side, TimeInForce


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
    """Its time priority, or that of the slice that it shows: a count within the interval."""
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
        return order.all_or_none or order.min_lot_wh > 0 or (order.side == Side.BUY and order.max_carbon_g_per_kwh > 0)

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

    fills: list[tuple[AuditedOrder, int]] = field(default_factory=list)
    """Maker and Wh, slice by slice."""
    giving_way: list[AuditedOrder] = field(default_factory=list)
    """Own orders that leave."""
    is_ended: bool = False
    """What is left of the order is cancelled, for its own account's order is next."""
    wh: int = 0
    """Of all fills."""


@dataclass(slots=True)
class Entered:
    """What an order brought about that entered a book."""

    trades: list[DerivedTrade] = field(default_factory=list)
    takers: list[AuditedOrder] = field(default_factory=list)
    """The incoming order of each trade."""
    left: list[AuditedOrder] = field(default_factory=list)
    """Orders that left without a trade, so that an account does not trade with itself."""


class PlainBook:
    """The orders of one open interval: in the book, and beside it."""

    def __init__(self) -> None:
        self.resting: list[AuditedOrder] = []
        self.waiting: list[AuditedOrder] = []
        """For what they may take as soon as it rests; the earliest first."""
        self.asleep: list[AuditedOrder] = []
        """Not valid yet."""
        self._places = 0

    def everyone(self) -> list[AuditedOrder]:
        """Return all orders, in the book and beside it."""
        return [*self.resting, *self.waiting, *self.asleep]

    def remove(self, order: AuditedOrder) -> None:
        """Take an order out, wherever it is."""
        for orders in (self.resting, self.waiting, self.asleep):
            if order in orders:
                orders.remove(order)

    def taking(self, incoming: AuditedOrder) -> Taking:
        """Return what an order would take now, slice after slice."""
        taking, order = Taking(), incoming.order
        cheapest_first = 1 if order.side == Side.BUY else -1
        # Wh shown, Wh hidden and place of each order that is reached, as they would become.
        reached = {
            each: (each.shown_wh, each.open_wh - each.shown_wh, each.place)
            for each in self.resting
            if each.order.side != order.side and incoming.reaches(each.price)
        }

        def priority(other: AuditedOrder) -> tuple[int, bool, int]:
            is_partner = order.partner_group != ZERO_DIGEST and other.order.partner_group == order.partner_group
            return cheapest_first * other.price, not is_partner, reached[other][2]

        places = self._places
        while reached and taking.wh < incoming.open_wh:
            maker = min(reached, key=priority)
            shown_wh, hidden_wh, _ = reached.pop(maker)
            if not incoming.is_green_enough(maker.order):
                continue
            if maker.account == incoming.account:
                if order.self_trade != SelfTrade.CANCEL_INCOMING:
                    taking.giving_way.append(maker)
                if order.self_trade != SelfTrade.CANCEL_RESTING:
                    taking.is_ended = True
                    break
                continue
            wanted_wh = incoming.open_wh - taking.wh
            wh = min(shown_wh, wanted_wh)
            if wh < min(order.min_lot_wh, wanted_wh):
                continue
            taking.fills.append((maker, wh))
            taking.wh += wh
            if wh == shown_wh and hidden_wh:
                places += 1
                following = min(maker.order.display_wh, hidden_wh)
                reached[maker] = (following, hidden_wh - following, places)
        return Taking() if order.all_or_none and taking.wh < incoming.open_wh else taking

    def fillable_wh(self, incoming: AuditedOrder) -> int:
        """Return how much an order would fill if it were matched now."""
        return self.taking(incoming).wh

    def enter(self, incoming: AuditedOrder, first_number: int, sequence: int, at: int) -> Entered:
        """Match an order, rest what is left of it, if it may, and offer that to those that wait.

        Args:
            incoming: Nothing of it is filled but what the order that it replaces had; its `outcome` is set.
            first_number: Number of the interval's next trade.
            sequence: Of the record that brings it.
            at: Time of that record.
        """
        entered = Entered()
        taking = self._carry_out(incoming, entered, first_number, sequence, at)
        if incoming.open_wh == 0:
            incoming.outcome = Outcome.FILLED
        elif incoming.order.time_in_force == TimeInForce.GOOD_TILL_GATE and not taking.is_ended:
            incoming.outcome = Outcome.RESTING
            if incoming.waits:
                self.waiting.append(incoming)
            else:
                self.rest(incoming)
                self._offer(incoming, entered, first_number, sequence, at)
        elif taking.wh:
            incoming.outcome = Outcome.PARTLY_FILLED_REST_CANCELLED
        else:
            incoming.outcome = Outcome.CANCELLED
        return entered

    def _offer(self, newcomer: AuditedOrder, entered: Entered, first_number: int, sequence: int, at: int) -> None:
        calling = [each for each in self.waiting if each.order.side != newcomer.order.side]
        calling.sort(key=lambda each: each.price if each.order.side == Side.SELL else -each.price)
        for waiting in calling:
            if newcomer not in self.resting or not waiting.reaches(newcomer.price):
                continue
            taking = self._carry_out(waiting, entered, first_number, sequence, at)
            ends = taking.is_ended and bool(taking.giving_way)
            if ends and waiting.open_wh:
                entered.left.append(waiting)
            if ends or waiting.open_wh == 0:
                self.waiting.remove(waiting)

    def _carry_out(self, taker: AuditedOrder, entered: Entered, first_number: int, sequence: int, at: int) -> Taking:
        taking = self.taking(taker)
        for maker, quantity_wh in taking.fills:
            trade = _trade(maker, taker, first_number + len(entered.trades), quantity_wh)
            entered.trades.append(DerivedTrade(trade, sequence, at))
            entered.takers.append(taker)
            maker.filled_wh += quantity_wh
            maker.shown_wh -= quantity_wh
            taker.filled_wh += quantity_wh
            if maker.shown_wh == 0 and maker.open_wh:
                self._show(maker)
        entered.left += taking.giving_way
        self.resting = [order for order in self.resting if order.open_wh and order not in taking.giving_way]
        return taking

    def _show(self, order: AuditedOrder) -> None:
        """Show an order, or its next slice, behind all others at its price."""
        self._places += 1
        order.place = self._places
        order.shown_wh = min(order.order.display_wh or order.open_wh, order.open_wh)

    def replace(self, old: AuditedOrder, new: AuditedOrder) -> None:
        """Let an order have the place of another, with no more energy."""
        new.place, new.shown_wh = old.place, new.open_wh
        self.resting[self.resting.index(old)] = new

    def rest(self, incoming: AuditedOrder) -> None:
        """Take in an order behind all others at its price."""
        self._show(incoming)
        self.resting.append(incoming)

    def drop_expired(self, now: int) -> list[AuditedOrder]:
        """Take out the orders whose last second has passed; return them."""
        gone = [order for order in self.everyone() if order.has_expired(now)]
        for order in gone:
            self.remove(order)
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
