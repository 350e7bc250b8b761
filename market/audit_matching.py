"""Who trades with whom, as an auditor repeats it: over the books of all intervals, without haste.

Written from the rules alone, apart from the engine and the order book that it judges: price priority, then partners of
the incoming order, then interval, then time; every trade at the resting order's price; orders of one account do not
trade with each other; the orders of a bundle trade whole together. Units: Wh, µ€/kWh, UTC epoch seconds.
Refuses nothing: what was allowed to be placed is the auditor's matter.
"""

from collections.abc import Iterator
from itertools import count

from energy.identity import ZERO_DIGEST
from market.audit_book import AuditedOrder, DerivedTrade, Entered, PlainBook, Taking
from market.audit_grid import GridAudit, Loads
from market.config import MarketConfig
from market.events import Outcome, Trade
from market.orders import SelfTrade, Side, TimeInForce


class Matching:
    """The books of all open intervals, and what happens in them."""

    def __init__(self, config: MarketConfig) -> None:
        self._config = config
        self.now = 0
        """Time of the market: it never goes back."""
        self.at = 0
        """Time of the latest record."""
        self.books: dict[int, PlainBook] = {}
        self.trades: dict[int, list[DerivedTrade]] = {}
        """By interval, in matching sequence."""
        self._arrivals = count()
        self._grid = GridAudit(config)

    def open(self, interval: int) -> None:
        """Open the book of an interval."""
        self.books.setdefault(interval, PlainBook(self._arrivals))

    def everyone(self) -> Iterator[AuditedOrder]:
        """Yield the orders of all books and beside them."""
        for book in self.books.values():
            yield from book.everyone()

    def roaming(self) -> list[AuditedOrder]:
        """Return the orders of several intervals."""
        return [each for book in self.books.values() for each in book.waiting if each.order.last_interval]

    def bundle_of(self, order: AuditedOrder) -> list[AuditedOrder]:
        """Return the orders that wait as parts of an order's bundle, by interval; none for an order that is alone."""
        key = (order.account, order.order.bundle)
        legs = [each for book in self.books.values() for each in book.waiting if each.order.bundle]
        return sorted(
            (each for each in legs if (each.account, each.order.bundle) == key), key=lambda each: each.order.interval
        )

    def leave(self, order: AuditedOrder) -> list[AuditedOrder]:
        """Take an order out, with the others of its bundle; return all that left."""
        gone = [order, *(each for each in self.bundle_of(order) if each is not order)]
        for each in gone:
            self.books[each.order.home].remove(each)
        return gone

    def reach(self, order: AuditedOrder) -> list[int]:
        """Return the intervals in which an order may trade now."""
        first, last = order.order.interval, order.order.home
        return sorted(i for i in self.books if first <= i <= last and self.now < self._config.gate_closure(i))

    def drop_expired(self, *intervals: int) -> list[AuditedOrder]:
        """Take out the orders of some intervals whose last second has passed; return them."""
        gone = [each for i in intervals for each in self.books[i].everyone() if each.has_expired(self.now)]
        return [left for each in gone for left in self.leave(each)]

    def _reached(self, incoming: AuditedOrder) -> dict[AuditedOrder, tuple[int, int, int, int]]:
        """Return Wh shown, Wh hidden, interval and place of each order that an order's limit reaches."""
        return {
            each: (each.shown_wh, each.open_wh - each.shown_wh, each.order.interval, each.place)
            for interval in self.reach(incoming)
            for each in self.books[interval].resting
            if each.order.side != incoming.order.side
            and incoming.reaches(each.price)
            and not each.has_expired(self.now)
        }

    def taking(self, incoming: AuditedOrder) -> Taking:
        """Return what an order would take now, slice after slice."""
        taking, order, sliced = Taking(), incoming.order, set[AuditedOrder]()
        cheapest_first = 1 if order.side == Side.BUY else -1
        reached = self._reached(incoming)

        loads = {interval: Loads(self.books[interval].loads) for interval in self.reach(incoming)}

        def way(other: AuditedOrder) -> tuple[int, int]:
            buys = order.side == Side.BUY
            seller, buyer = (other.account, incoming.account) if buys else (incoming.account, other.account)
            return self._grid.room(loads[other.order.interval], seller, buyer)

        def is_open(other: AuditedOrder) -> bool:
            room_wh, way_price = way(other)
            return room_wh > 0 and incoming.reaches(other.price + cheapest_first * way_price)

        def priority(other: AuditedOrder) -> tuple[int, int, bool, bool, int, int]:
            is_partner = order.partner_group != ZERO_DIGEST and other.order.partner_group == order.partner_group
            _, _, interval, place = reached[other]
            # Of several books, next slices come behind what all of them show.
            is_next = other in sliced
            way_price = way(other)[1]
            total = cheapest_first * other.price + way_price
            return total, way_price, not is_partner, is_next, 0 if is_next else interval, place

        places = max((each.place for each in self.everyone()), default=0)
        passed_over = 0
        while (now_open := [each for each in reached if is_open(each)]) and taking.wh < incoming.open_wh:
            maker = min(now_open, key=priority)
            room_wh, way_price = way(maker)
            shown_wh, hidden_wh, interval, place = reached.pop(maker)
            if not incoming.is_green_enough(maker.order):
                passed_over += 1
                continue
            if maker.account == incoming.account:
                if order.self_trade != SelfTrade.CANCEL_INCOMING:
                    taking.giving_way.append(maker)
                if order.self_trade != SelfTrade.CANCEL_RESTING:
                    taking.is_ended = True
                    break
                continue
            wanted_wh = incoming.open_wh - taking.wh
            wh = min(shown_wh, wanted_wh, room_wh)
            if wh < min(order.min_lot_wh, wanted_wh):
                passed_over += 1
                continue
            taking.fills.append((maker, wh, way_price))
            taking.wh += wh
            self._grid.load(loads[interval], _trade(maker, incoming, 0, wh, 0))
            if wh < shown_wh:
                reached[maker] = (shown_wh - wh, hidden_wh, interval, place)
            elif hidden_wh:
                places += 1
                sliced.add(maker)
                following = min(maker.order.display_wh, hidden_wh)
                reached[maker] = (following, hidden_wh - following, interval, places)
        taking.is_cut_off = taking.wh < incoming.open_wh and bool(reached or passed_over)
        return Taking() if order.all_or_none and taking.wh < incoming.open_wh else taking

    def enter(self, incoming: AuditedOrder, sequence: int) -> Entered:
        """Match an order, rest what is left of it, if it may, and offer that to those that wait.

        Args:
            incoming: Nothing of it is filled but what the order that it replaces had; its `outcome` is set.
            sequence: Of the record that brings it.
        """
        entered, book = Entered(), self.books[incoming.order.home]
        if incoming.order.bundle:
            book.wait(incoming)
            self._try_bundle(incoming, entered, sequence)
            incoming.outcome = Outcome.RESTING if incoming.open_wh else Outcome.FILLED
            self._relieve(entered, sequence)
            return entered
        taking = self._carry_out(incoming, self.taking(incoming), entered, sequence)
        if incoming.open_wh == 0:
            incoming.outcome = Outcome.FILLED
        elif incoming.order.time_in_force == TimeInForce.GOOD_TILL_GATE and not taking.is_ended:
            incoming.outcome = Outcome.RESTING
            if incoming.waits or taking.is_cut_off:
                book.wait(incoming)
            else:
                book.rest(incoming)
                self._offer(incoming, entered, sequence)
        elif taking.wh:
            incoming.outcome = Outcome.PARTLY_FILLED_REST_CANCELLED
        else:
            incoming.outcome = Outcome.CANCELLED
        outcome = incoming.outcome
        self._relieve(entered, sequence)
        incoming.outcome = outcome
        return entered

    def _relieve(self, entered: Entered, sequence: int) -> None:
        """Let those that wait look again wherever trades may have made room on a feeder, until none of them trades."""
        seen = 0
        while self._config.feeders and len(entered.trades) > seen:
            intervals = sorted({each.trade.interval for each in entered.trades[seen:]})
            seen = len(entered.trades)
            for interval in intervals:
                for side in (Side.BUY, Side.SELL):
                    for waiting in self._waiting_for(interval, side):
                        self._offer_to(waiting, entered, sequence)

    def _offer(self, newcomer: AuditedOrder, entered: Entered, sequence: int) -> None:
        interval = newcomer.order.interval
        for waiting in self._waiting_for(interval, Side(1 - newcomer.order.side)):
            if newcomer in self.books[interval].resting and waiting.reaches(newcomer.price):
                self._offer_to(waiting, entered, sequence)

    def _waiting_for(self, interval: int, side: Side) -> list[AuditedOrder]:
        waiting = [*self.books[interval].waiting]
        waiting += [each for each in self.roaming() if each.order.interval <= interval < each.order.home]
        waiting = [each for each in waiting if each.order.side == side]
        return sorted(waiting, key=lambda each: (each.price if side == Side.SELL else -each.price, each.place))

    def _offer_to(self, waiting: AuditedOrder, entered: Entered, sequence: int) -> None:
        book = self.books[waiting.order.home]
        if waiting not in book.waiting or waiting.has_expired(self.now):
            return
        if waiting.order.bundle:
            self._try_bundle(waiting, entered, sequence)
            return
        taking = self._carry_out(waiting, self.taking(waiting), entered, sequence)
        ends = taking.is_ended and bool(taking.giving_way)
        if ends and waiting.open_wh:
            entered.left.append(waiting)
        if ends or waiting.open_wh == 0:
            book.waiting.remove(waiting)

    def _try_bundle(self, first: AuditedOrder, entered: Entered, sequence: int) -> None:
        """Let a bundle trade if all of it can: the order that brings it about first, then the others by interval."""
        legs = [first, *(each for each in self.bundle_of(first) if each is not first)]
        takings = [self.taking(leg) for leg in legs]
        whole = all(taking.wh == leg.open_wh for leg, taking in zip(legs, takings, strict=True))
        if whole and len(legs) == first.order.bundle_legs:
            entered.left += self.drop_expired(*(leg.order.interval for leg in legs))
            for leg, taking in zip(legs, takings, strict=True):
                self._carry_out(leg, taking, entered, sequence)
                self.books[leg.order.interval].waiting.remove(leg)

    def _carry_out(self, taker: AuditedOrder, taking: Taking, entered: Entered, sequence: int) -> Taking:
        if taking.fills or taking.giving_way:
            entered.left += self.drop_expired(*self.reach(taker))
        for maker, quantity_wh, way_price in taking.fills:
            trades = self.trades.setdefault(maker.order.interval, [])
            derived = DerivedTrade(_trade(maker, taker, len(trades), quantity_wh, way_price), sequence, self.at)
            self._grid.load(self.books[maker.order.interval].loads, derived.trade)
            trades.append(derived)
            entered.trades.append(derived)
            entered.takers.append(taker)
            maker.filled_wh += quantity_wh
            maker.shown_wh -= quantity_wh
            taker.filled_wh += quantity_wh
            book = self.books[maker.order.interval]
            if maker.open_wh == 0:
                book.resting.remove(maker)
            elif maker.shown_wh == 0:
                book.show(maker)
        for own in taking.giving_way:
            self.books[own.order.interval].resting.remove(own)
        entered.left += taking.giving_way
        return taking


def _trade(maker: AuditedOrder, taker: AuditedOrder, number: int, quantity_wh: int, way_price: int) -> Trade:
    """Return a trade at the maker's price; the way between them is the taker's to pay."""
    buy, sell = (taker, maker) if taker.order.side == Side.BUY else (maker, taker)
    return Trade(
        interval=maker.order.interval,
        number=number,
        price_ueur_per_kwh=maker.price + (way_price if buy is taker else 0),
        quantity_wh=quantity_wh,
        buy_order=buy.digest,
        sell_order=sell.digest,
        buyer=buy.account,
        seller=sell.account,
        buy_from_wh=buy.filled_wh,
        sell_from_wh=sell.filled_wh,
        wedge_ueur_per_kwh=way_price,
    )
