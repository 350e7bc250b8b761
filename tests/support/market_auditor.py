"""An auditor that believes nothing but commands and events, keeps its own orders, and checks M1 to M4 after each."""

from collections import Counter
from dataclasses import dataclass

from energy.identity import ZERO_DIGEST, Address, Digest
from market.commands import AdmitAccount, CloseGate, Command, PlaceOrder, RateAccount, ReleaseInterval
from market.config import MarketConfig
from market.events import CancelReason, Event, GateClosed, OrderCancelled, OrderEntered, OrderPlaced, Trade
from market.mechanism import Mechanism
from market.orders import Order, SelfTrade, Side
from market.standing import Facts, Standing


@dataclass
class AuditedOrder:
    order: Order
    digest: Digest
    arrival: int
    open_wh: int
    shown_wh: int = 0
    is_beside: bool = False

    def priority(self, taker: Order, since: int) -> tuple[int, bool, bool, int, int]:
        """Price, partners, interval, time; what was shown after the taker came comes behind all intervals."""
        price = self.order.limit_price_ueur_per_kwh
        is_partner = taker.partner_group != ZERO_DIGEST and taker.partner_group == self.order.partner_group
        is_next = self.arrival > since
        cheapest = price if self.order.side == Side.SELL else -price
        return (cheapest, not is_partner, is_next, 0 if is_next else self.order.interval, self.arrival)

    def takes(self, maker: "AuditedOrder") -> bool:
        """Whether an incoming order takes what a maker shows now: all it can of it, in a lot that it accepts."""
        order, sold = self.order, maker.order
        minds = order.side == Side.BUY and order.max_carbon_g_per_kwh > 0
        green = 0 < sold.max_carbon_g_per_kwh <= order.max_carbon_g_per_kwh
        cheaper = order.limit_price_ueur_per_kwh - sold.limit_price_ueur_per_kwh
        if minds and not green and not 0 < order.green_premium_ueur_per_kwh <= cheaper:
            return False
        if sold.account == order.account:
            return order.self_trade is not SelfTrade.CANCEL_RESTING
        return min(maker.shown_wh, self.open_wh) >= min(order.min_lot_wh, self.open_wh)

    def show(self, arrival: int) -> None:
        self.arrival = arrival
        self.shown_wh = min(self.order.display_wh or self.open_wh, self.open_wh)


class Auditor:
    """Follows one market; every method asserts."""

    def __init__(self, config: MarketConfig) -> None:
        self.config = config
        self.now = 0
        self.collateral: dict[Address, int] = {}
        self.standings: dict[Address, tuple[int, Standing]] = {}
        self.resting: dict[Digest, AuditedOrder] = {}
        self.orders: dict[Digest, Order] = {}
        self.trades: list[Trade] = []
        self.released: set[int] = set()
        self.arrivals = 0
        self.since = 0
        self.passed: set[Digest] = set()
        """Whom the incoming order has passed over for their size, which it does not come back to."""

    def follow(self, command: Command, now: int, events: tuple[Event, ...]) -> None:
        """Take in an accepted command."""
        self.now = max(now, self.now)
        self._learn(command, events)
        taker: AuditedOrder | None = None
        placed: OrderPlaced | None = None
        replaced: AuditedOrder | None = None
        before = len(self.trades)
        for event in events:
            match event:
                case OrderPlaced(order, digest, _, _, _, carried_wh):
                    assert isinstance(command, PlaceOrder)
                    placed = event
                    self.orders[digest] = order
                    taker = AuditedOrder(order, digest, 0, order.quantity_wh - carried_wh)
                    taker.show(self._next_arrival())
                    self.since, self.passed = self.arrivals, set()
                    if replaced is not None:
                        assert carried_wh == replaced.order.quantity_wh - replaced.open_wh
                        if self._only_shrinks(replaced, order):
                            taker.arrival = replaced.arrival
                case OrderEntered(order, digest, _, resting_wh):
                    if placed is not None and taker is not None:
                        self._placed(taker, placed, before)
                    placed = None
                    taker = self.resting[digest]
                    self.since, self.passed = self.arrivals, set()
                    assert taker.is_beside
                    assert self.now >= order.valid_from
                    if resting_wh:
                        taker.show(self._next_arrival())
                        taker.shown_wh = min(order.display_wh or resting_wh, resting_wh)
                        taker.is_beside = False
                case Trade():
                    if taker is not None:
                        self._trade(event, taker)
                        continue
                    assert isinstance(command, CloseGate), "only a call trades without an incoming order"
                    self._called(event)
                case OrderCancelled(digest, _, _, cancelled_wh, reason):
                    own = taker is not None and placed is not None and taker.digest == digest
                    leaving = taker if own and taker is not None else self.resting.pop(digest)
                    assert leaving.open_wh == cancelled_wh
                    if reason is CancelReason.REPLACED:
                        assert isinstance(command, PlaceOrder)
                        assert command.order.replaces == digest
                        replaced = leaving
                        continue
                    leaving.open_wh = 0
                case GateClosed(interval, trades, traded_wh, turnover_neur):
                    of_interval = [trade for trade in self.trades if trade.interval == interval]
                    assert trades == len(of_interval)
                    assert traded_wh == sum(trade.quantity_wh for trade in of_interval)
                    assert turnover_neur == sum(trade.quantity_wh * trade.price_ueur_per_kwh for trade in of_interval)
        if placed is not None and taker is not None:
            self._placed(taker, placed, before)
        self._check_bundles(events)
        if not self.config.mechanism.collects:
            self._assert_not_crossed()

    def _learn(self, command: Command, events: tuple[Event, ...]) -> None:
        if isinstance(command, AdmitAccount):
            self.collateral[command.account] = command.collateral_neur
        if isinstance(command, RateAccount):
            _, standing = self.standings.get(command.account, (0, Standing()))
            standing = standing.with_facts(Facts(command.kept_wh, command.failed_wh), self.now)
            self.standings[command.account] = (command.run_id, standing)
        if isinstance(command, ReleaseInterval):
            self.released.add(command.interval)
        if isinstance(command, CloseGate):
            self._check_call(command.interval, [event for event in events if isinstance(event, Trade)])

    def needed_neur(self, account: Address) -> int:
        """Recompute an account's worst case from nothing but open orders and trades."""
        bought = [
            (t.interval, Side.BUY, t.quantity_wh, t.price_ueur_per_kwh) for t in self.trades if t.buyer == account
        ]
        sold = [
            (t.interval, Side.SELL, t.quantity_wh, t.price_ueur_per_kwh - t.wedge_ueur_per_kwh)
            for t in self.trades
            if t.seller == account
        ]
        open_orders = [
            (r.order.last_interval or r.order.interval, r.order.side, r.open_wh, r.order.limit_price_ueur_per_kwh)
            for r in self.resting.values()
            if r.order.account == account
        ]
        shortfall = self.config.shortfall_price_max_ueur_per_kwh
        return sum(
            wh * max(0, price if side == Side.BUY else shortfall - price)
            for interval, side, wh, price in bought + sold + open_orders
            if interval not in self.released
        )

    def _check_call(self, interval: int, called: list[Trade]) -> None:
        """Hold a call against what must be true of it whatever its rule: envy, and prices."""
        mechanism = self.config.mechanism
        if not mechanism.collects:
            assert called == [], "continuous trading leaves nothing that could meet"
        live = [r for r in self.resting.values() if r.order.interval == interval and not self._has_expired(r)]
        live = [r for r in live if not r.is_beside]
        filled = Counter[Digest]()
        for trade in called:
            filled[trade.buy_order] += trade.quantity_wh
            filled[trade.sell_order] += trade.quantity_wh
        if mechanism in (Mechanism.CALL, Mechanism.PAY_AS_BID):
            left = [(r.order, r.open_wh - filled[r.digest]) for r in live if r.open_wh > filled[r.digest]]
            bids = [o.limit_price_ueur_per_kwh for o, _ in left if o.side == Side.BUY]
            asks = [o.limit_price_ueur_per_kwh for o, _ in left if o.side == Side.SELL]
            assert not bids or not asks or max(bids) < min(asks), "M3 after the call: more could have traded"
        if mechanism is Mechanism.CALL:
            assert len({trade.price_ueur_per_kwh for trade in called}) <= 1
            assert all(trade.wedge_ueur_per_kwh == 0 for trade in called)
        if mechanism in (Mechanism.HUANG, Mechanism.MCAFEE):
            assert len({(t.price_ueur_per_kwh, t.wedge_ueur_per_kwh) for t in called}) <= 1
            assert all(trade.wedge_ueur_per_kwh >= 0 for trade in called), "the community pays in"

    def _next_arrival(self) -> int:
        self.arrivals += 1
        return self.arrivals

    def _only_shrinks(self, replaced: AuditedOrder, new: Order) -> bool:
        old = replaced.order
        if replaced.is_beside or new.valid_from or new.all_or_none or new.min_lot_wh:
            return False
        if new.side == Side.BUY and new.max_carbon_g_per_kwh:
            return False
        unchanged = (old.limit_price_ueur_per_kwh, old.partner_group, old.display_wh, old.max_carbon_g_per_kwh)
        same = unchanged == (new.limit_price_ueur_per_kwh, new.partner_group, 0, new.max_carbon_g_per_kwh)
        return same and new.display_wh == 0 and new.quantity_wh <= old.quantity_wh

    def _delivers(self, order: Order, interval: int) -> bool:
        last = order.last_interval or order.interval
        return order.interval <= interval <= last and self.now < self.config.gate_closure(interval)

    def _check_bundles(self, events: tuple[Event, ...]) -> None:
        """Whoever of a bundle has traded has traded whole, and so have the others; nobody is left alone."""
        filled = [each for each in events if isinstance(each, OrderPlaced | OrderEntered) and each.filled_wh]
        for one in filled:
            if one.order.bundle:
                key = (one.order.account, one.order.bundle)
                legs = [each for each in filled if (each.order.account, each.order.bundle) == key]
                assert all(each.filled_wh == each.order.quantity_wh for each in legs), "a part of a bundle"
                assert len({each.order.interval for each in legs}) == one.order.bundle_legs, "a bundle in parts"
        gone = {
            (self.orders[each.digest].account, self.orders[each.digest].bundle)
            for each in events
            if isinstance(each, OrderCancelled) and each.digest in self.orders and self.orders[each.digest].bundle
        }
        assert not [r for r in self.resting.values() if (r.order.account, r.order.bundle) in gone], "a leg left alone"

    def _has_expired(self, resting: AuditedOrder) -> bool:
        return 0 < resting.order.expiry < self.now

    def _called(self, trade: Trade) -> None:
        """Follow a trade of the call: both orders rested."""
        buy, sell = self.resting[trade.buy_order], self.resting[trade.sell_order]
        assert (buy.order.side, sell.order.side) == (Side.BUY, Side.SELL)
        assert (trade.buyer, trade.seller) == (buy.order.account, sell.order.account)
        assert trade.buyer != trade.seller
        pays, gets = trade.price_ueur_per_kwh, trade.price_ueur_per_kwh - trade.wedge_ueur_per_kwh
        assert sell.order.limit_price_ueur_per_kwh <= gets <= pays <= buy.order.limit_price_ueur_per_kwh, "M2"
        assert not self._has_expired(buy)
        assert not self._has_expired(sell)
        assert trade.buy_from_wh == buy.order.quantity_wh - buy.open_wh, "M1"
        assert trade.sell_from_wh == sell.order.quantity_wh - sell.open_wh, "M1"
        assert 0 < trade.quantity_wh <= min(buy.open_wh, sell.open_wh), "M1"
        assert trade.number == sum(other.interval == trade.interval for other in self.trades)
        for order in (buy, sell):
            order.open_wh -= trade.quantity_wh
            if order.open_wh == 0:
                del self.resting[order.digest]
        self.trades.append(trade)

    def _trade(self, trade: Trade, taker: AuditedOrder) -> None:
        buys = taker.order.side == Side.BUY
        assert taker.digest == (trade.buy_order if buys else trade.sell_order)
        maker = self.resting[trade.sell_order if buys else trade.buy_order]
        price = trade.price_ueur_per_kwh
        opposite = [
            resting
            for resting in self.resting.values()
            if self._delivers(taker.order, resting.order.interval) and resting.order.side != taker.order.side
        ]
        opposite = [each for each in opposite if not each.is_beside and each.digest not in self.passed]
        place = maker.priority(taker.order, self.since)
        ahead = [each for each in opposite if each.priority(taker.order, self.since) < place]
        self.passed |= {each.digest for each in ahead if not taker.takes(each)}
        opposite = [each for each in opposite if taker.takes(each)]
        assert maker is min(opposite, key=lambda resting: resting.priority(taker.order, self.since)), "M4"
        assert price == maker.order.limit_price_ueur_per_kwh, "M2: at the resting order's price"
        limit = taker.order.limit_price_ueur_per_kwh
        assert price <= limit if buys else price >= limit, "M2"
        assert trade.buyer != trade.seller
        assert {trade.buyer, trade.seller} == {maker.order.account, taker.order.account}
        assert trade.interval == maker.order.interval
        assert self._delivers(taker.order, trade.interval)
        assert self.now < self.config.gate_closure(trade.interval)
        assert maker.order.expiry == 0 or maker.order.expiry >= self.now
        made, taken = (maker, taker) if buys else (taker, maker)
        assert trade.sell_from_wh == made.order.quantity_wh - made.open_wh, "M1"
        assert trade.buy_from_wh == taken.order.quantity_wh - taken.open_wh, "M1"
        assert 0 < trade.quantity_wh <= min(maker.shown_wh, taker.open_wh), "M1"
        assert trade.number == sum(other.interval == trade.interval for other in self.trades)
        maker.open_wh -= trade.quantity_wh
        maker.shown_wh -= trade.quantity_wh
        if maker.shown_wh == 0:
            maker.show(self._next_arrival())
        taker.open_wh -= trade.quantity_wh
        if maker.open_wh == 0:
            del self.resting[maker.digest]
        if taker.open_wh == 0 and taker.digest in self.resting:
            del self.resting[taker.digest]
        self.trades.append(trade)

    def _placed(self, taker: AuditedOrder, placed: OrderPlaced, before: int) -> None:
        filled = sum(trade.quantity_wh for trade in self.trades[before:])
        assert (placed.filled_wh, placed.resting_wh) == (filled, taker.open_wh)
        assert not taker.order.all_or_none or not filled or not taker.open_wh, "a part of an order for all or nothing"
        taker.is_beside = placed.waits
        if taker.open_wh:
            taker.shown_wh = min(taker.order.display_wh or taker.open_wh, taker.open_wh)
            self.resting[taker.digest] = taker
        account = taker.order.account
        _, standing = self.standings.get(account, (0, Standing()))
        assert self.needed_neur(account) * standing.collateral_permille <= self.collateral[account] * 1_000

    def _assert_not_crossed(self) -> None:
        in_book = [resting for resting in self.resting.values() if not resting.is_beside]
        for bid in in_book:
            for ask in in_book:
                if (bid.order.side, ask.order.side) == (Side.BUY, Side.SELL):
                    apart = bid.order.limit_price_ueur_per_kwh < ask.order.limit_price_ueur_per_kwh
                    assert apart or bid.order.interval != ask.order.interval, "M3"
