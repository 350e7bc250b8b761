"""An auditor of the market's journal: replays it by the rules alone and names every command that breaks one.

Independent of the engine and its order book on purpose: slow, obvious, and sharing nothing with them but the journal's
format and the vocabulary of orders. What a journal cannot tell by itself is told by what the node has said to others:
published trades (`market.audit_trades`), signed receipts (`market.audit_receipts`), signatures and settled runs.

After a breach the audit goes on as if the command had been right, so that one lie is not reported a hundred times.
Units: Wh, µ€/kWh, n€, UTC epoch seconds. Refuses nothing: whatever bytes it is given end as findings.
"""

from collections.abc import Iterable, Iterator

from energy.identity import ZERO_DIGEST, Address, Digest, hex_text
from market.audit_book import AuditedOrder, DerivedTrade, PlainBook
from market.audit_clearing import call_trades, misfit, published_price
from market.audit_conditions import misbundled, misreplaced, only_shrinks, unkept
from market.audit_findings import Breach, Finding
from market.audit_holding import Holding
from market.audit_matching import Matching
from market.audit_risk import RiskAudit
from market.commands import (
    AdmitAccount,
    CancelOrder,
    CloseGate,
    Command,
    DropDisconnected,
    HaltAccount,
    OpenInterval,
    PlaceOrder,
    RateAccount,
    ReleaseInterval,
    SetLimits,
    WakeOrders,
)
from market.config import MarketConfig
from market.events import PriceBasis
from market.journal import chain_hash, decode
from market.orders import Order, TimeInForce


class JournalAudit:
    """Everything that an auditor knows of a market after the records it was given."""

    def __init__(self, config: MarketConfig, seed: bytes) -> None:
        """Start with nothing.

        Args:
            config: The market's rules, as the community agreed on them.
            seed: 32 bytes: where the hash chain starts.
        """
        self.config = config
        self.findings: list[Finding] = []
        self.hashes = [seed]
        """Chain hash through each record: `hashes[n]` after the n-th."""
        self.commands: list[tuple[int, Command] | None] = [None]
        """Time and command of each record, by its place from 1; None for one that can not be read."""
        self.orders: dict[Digest, AuditedOrder] = {}
        """Every order, in the sequence of the journal."""
        self.matching = Matching(config)
        self.holding = Holding(config)
        self.prices: dict[int, tuple[int | None, PriceBasis]] = {}
        """What had to be published for each interval whose gate closed."""
        self.risk = RiskAudit(config)
        self._nonces: set[tuple[Address, int]] = set()
        self._closed: set[int] = set()

    @property
    def trades(self) -> dict[int, list[DerivedTrade]]:
        """Trades by interval, in matching sequence."""
        return self.matching.trades

    @property
    def _books(self) -> dict[int, PlainBook]:
        return self.matching.books

    @property
    def _now(self) -> int:
        return self.matching.now

    @property
    def records(self) -> int:
        """How many records were followed."""
        return len(self.hashes) - 1

    def follow_all(self, records: Iterable[bytes]) -> None:
        """Take in the records of a journal, from the first."""
        for record in records:
            self.follow(record)

    def follow(self, record: bytes) -> None:
        """Take in the next record."""
        self.hashes.append(chain_hash(self.hashes[-1], record))
        try:
            sequence, now, command = decode(record)
        except ValueError as error:
            self.commands.append(None)
            self._find(Breach.UNREADABLE_RECORD, problem=str(error))
            return
        self.commands.append((now, command))
        if sequence != self.records:
            self._find(Breach.OUT_OF_SEQUENCE, number=sequence, place=self.records)
        # Time never goes back: a clock that was set back counts as standing still.
        self.matching.now, self.matching.at = max(self._now, now), now
        match command:
            case AdmitAccount():
                self._admit(command)
            case OpenInterval(interval):
                self._open(interval)
            case PlaceOrder():
                self._place(command, now)
            case CancelOrder(account, digest):
                self._take_out(digest, account)
            case DropDisconnected(digest):
                self._take_out(digest, None)
            case CloseGate(interval):
                self._close(interval, now)
            case ReleaseInterval(interval):
                self._release(interval)
            case HaltAccount():
                self._halt(command)
            case RateAccount():
                if not self.holding.rate(command, self._now):
                    self._find(Breach.WRONG_RATING, account=hex_text(command.account), run_id=command.run_id)
            case WakeOrders(interval):
                self._wake(interval)
            case SetLimits():
                self.risk.limit(command)

    # -- ORDERS

    def _place(self, command: PlaceOrder, matched_at: int) -> None:
        order = command.order
        for breach, facts in self._refusals(command):
            self._find(breach, order.interval, **facts)
        book = self._books.get(order.home)
        if book is None or order.interval not in self._books or command.digest in self.orders:
            return
        incoming = AuditedOrder(order, command.digest, command.signature, self.records, matched_at)
        self._drop_expired(*self.matching.reach(incoming))
        self.orders[command.digest] = incoming
        self._nonces.add((order.account, order.nonce))
        old = self._replaced(incoming, book)
        self._check_collateral(incoming)
        traded_at = (
            self.trades[order.interval][-1].trade.price_ueur_per_kwh if self.trades.get(order.interval) else None
        )
        own = [each for each in self.matching.everyone() if each.account == order.account and each is not old]
        for limit in self.risk.breaches(order, own, traded_at, self._now):
            self._find(Breach.BEYOND_RISK_LIMIT, order.interval, limit=limit)
        if self.config.mechanism.collects:
            own = [each for each in book.everyone() if each.account == order.account and each is not old]
            unfit = misfit(self.config, order, own)
            if unfit is not None:
                self._find(Breach.NOT_OF_MECHANISM, order.interval, **unfit)
        if old is not None and only_shrinks(old, order, is_in_book=old in book.resting):
            book.replace(old, incoming)
            self.holding.hold_open(incoming)
            return
        if old is not None:
            book.remove(old)
        if order.valid_from > self._now:
            self._limit_those_beside(book, order)
            book.asleep.append(incoming)
            self.holding.hold_open(incoming)
        elif self.config.mechanism.collects:
            self._collect(incoming, book)
        else:
            self._check_entry(incoming, book)
            self._enter(incoming)

    def _check_entry(self, incoming: AuditedOrder, book: PlainBook) -> None:
        """Find what an order would have had to meet, or not to meet, and did not, and a place that there was not."""
        order, taking = incoming.order, self.matching.taking(incoming)
        if order.bundle:
            self._limit_those_beside(book, order)
            for name in misbundled(self.matching.bundle_of(incoming), order):
                self._find(Breach.WRONG_BUNDLE, order.interval, field=name)
            return
        if order.time_in_force == TimeInForce.FILL_OR_KILL and taking.wh < order.quantity_wh:
            available = {"quantity_wh": order.quantity_wh, "available_wh": taking.wh}
            self._find(Breach.NOT_FILLABLE, order.interval, **available)
        if order.post_only and (taking.wh or taking.giving_way or taking.is_ended):
            self._find(Breach.POST_ONLY_MATCHED, order.interval, order=hex_text(incoming.digest))
        is_full = len(book.resting) >= self.config.open_orders_max
        takes = taking.wh or taking.giving_way
        rests = order.time_in_force == TimeInForce.GOOD_TILL_GATE and not taking.is_ended
        aside = incoming.waits or taking.is_cut_off
        if rests and not aside and is_full and not takes:
            self._find(Breach.BOOK_FULL, order.interval, open_orders_max=self.config.open_orders_max)
        if rests and aside and taking.wh < order.quantity_wh:
            self._limit_those_beside(book, order)

    def _enter(self, incoming: AuditedOrder) -> None:
        """Let an order into its book and follow what everybody needs; nothing is held for it before."""
        entered = self.matching.enter(incoming, self.records)
        for derived, taker in zip(entered.trades, entered.takers, strict=True):
            # A maker's worst case stays: open at its limit or filled at that same price.
            if taker is not incoming:
                self.holding.fill(derived, taker, was_held=True)
            parties = (self.orders[derived.trade.buy_order], self.orders[derived.trade.sell_order])
            if incoming in parties:
                self.holding.fill(derived, incoming, was_held=False)
        for gone in entered.left:
            if gone is not incoming:
                self.holding.free_open(gone)
        if incoming in self._books[incoming.order.home].everyone():
            self.holding.hold_open(incoming)

    def _limit_those_beside(self, book: PlainBook, order: Order) -> None:
        roams = order.last_interval and len(self.matching.roaming()) >= 1_000
        if len(book.waiting) + len(book.asleep) >= 1_000 or roams:
            self._find(Breach.BOOK_FULL, order.interval, waiting_orders_max=1_000)

    def _wake(self, interval: int) -> None:
        """Let those match whose first second has come, as if each were placed now."""
        book = self._books.get(interval)
        if book is None:
            self._find(Breach.INTERVAL_NOT_OPEN, interval)
            return
        if self._now >= self.config.gate_closure(interval):
            self._find(Breach.AFTER_GATE, interval, gate_closure=self.config.gate_closure(interval), now=self._now)
        self._drop_expired(interval)
        due = [each for each in book.asleep if each.order.valid_from <= self._now]
        if not due:
            self._find(Breach.WOKEN_FOR_NOTHING, interval)
        for sleeper in sorted(due, key=lambda each: (each.order.valid_from, each.sequence)):
            book.asleep.remove(sleeper)
            self.holding.free_open(sleeper)
            outcome = sleeper.outcome
            if self.config.mechanism.collects:
                if len(book.resting) < self.config.open_orders_max:
                    book.rest(sleeper)
                    self.holding.hold_open(sleeper)
            elif self._may_enter(sleeper, book):
                self._enter(sleeper)
            sleeper.outcome = outcome

    def _may_enter(self, sleeper: AuditedOrder, book: PlainBook) -> bool:
        """Say whether an order that wakes finds what it must find, and a place."""
        taking, order = self.matching.taking(sleeper), sleeper.order
        if order.time_in_force != TimeInForce.GOOD_TILL_GATE:
            return order.time_in_force != TimeInForce.FILL_OR_KILL or taking.wh == sleeper.open_wh
        aside = sleeper.waits or taking.is_cut_off
        takes = bool(taking.wh or taking.giving_way) and not aside
        if takes or taking.is_ended or taking.wh == sleeper.open_wh:
            return True
        if aside:
            return len(book.waiting) + len(book.asleep) < 1_000
        return len(book.resting) < self.config.open_orders_max

    def _replaced(self, incoming: AuditedOrder, book: PlainBook) -> AuditedOrder | None:
        """Return the order whose place an incoming one takes, and free what it held; what it filled counts."""
        order = incoming.order
        if order.replaces == ZERO_DIGEST:
            return None
        old = self.orders.get(order.replaces)
        wrong = misreplaced(old, order, is_resting=old in book.everyone())
        if wrong:
            self._find(Breach.WRONG_REPLACEMENT, order.interval, fields=", ".join(wrong))
        if old is None or old not in book.everyone():
            return None
        incoming.filled_wh = old.filled_wh
        self.holding.free_open(old)
        return old

    def _collect(self, incoming: AuditedOrder, book: PlainBook) -> None:
        """Let an order wait for the call."""
        if len(book.resting) >= self.config.open_orders_max:
            self._find(Breach.BOOK_FULL, incoming.order.interval, open_orders_max=self.config.open_orders_max)
        book.rest(incoming)
        self.holding.hold_open(incoming)

    def _refusals(self, command: PlaceOrder) -> Iterator[tuple[Breach, dict[str, int | str]]]:
        """Yield the reasons why an order had to be refused, but for those that depend on other orders."""
        order, config = command.order, self.config
        if order.account not in self.holding.collateral_neur:
            yield Breach.STRANGER, {"account": hex_text(order.account)}
        if order.interval not in self._books or order.home not in self._books:
            yield Breach.INTERVAL_NOT_OPEN, {}
        if self._now >= config.gate_closure(order.interval):
            yield Breach.AFTER_GATE, {"gate_closure": config.gate_closure(order.interval), "now": self._now}
        if order.expiry and order.expiry < self._now:
            yield Breach.EXPIRED, {"expiry": order.expiry, "now": self._now}
        bounded: list[tuple[str, int | str, bool]] = [
            ("quantity_wh", order.quantity_wh, 1 <= order.quantity_wh <= config.quantity_max_wh),
            ("limit_price_ueur_per_kwh", order.limit_price_ueur_per_kwh, self._is_price(order)),
            *((name, str(getattr(order, name)), False) for name in unkept(config, order)),
        ]
        for name, value, is_right in bounded:
            if not is_right:
                yield Breach.OUT_OF_BOUNDS, {name: value}
        if (order.account, order.nonce) in self._nonces:
            yield Breach.REPEATED_NONCE, {"account": hex_text(order.account), "nonce": order.nonce}
        if command.digest in self.orders:
            yield Breach.REPEATED_ORDER, {"order": hex_text(command.digest)}

    def _is_price(self, order: Order) -> bool:
        config, price = self.config, order.limit_price_ueur_per_kwh
        in_range = config.price_floor_ueur_per_kwh <= price <= config.price_ceiling_ueur_per_kwh
        return in_range and price % config.tick_ueur_per_kwh == 0

    def _take_out(self, digest: Digest, account: Address | None) -> None:
        """Follow a cancellation: by an account, or, for None, because a connection has ended."""
        found = self.orders.get(digest)
        interval = found.order.home if found else None
        book = self._books.get(interval) if interval is not None else None
        if account is not None and account not in self.holding.collateral_neur:
            self._find(Breach.STRANGER, interval, account=hex_text(account))
        if interval is not None and book is not None:
            gate_closure = self.config.gate_closure(interval)
            if self._now >= gate_closure:
                self._find(Breach.AFTER_GATE, interval, gate_closure=gate_closure, now=self._now)
            self._drop_expired(interval)
        if found is None or book is None or found not in book.everyone():
            self._find(Breach.NOTHING_TO_CANCEL, interval, order=hex_text(digest))
            return
        if account is None and not found.order.cancel_on_disconnect:
            self._find(Breach.CANCELLED_UNASKED, interval, order=hex_text(digest))
        if account is not None and found.account != account:
            self._find(Breach.CANCELLED_BY_STRANGER, interval, account=hex_text(account))
        self._leave(found)

    def _leave(self, order: AuditedOrder) -> None:
        for gone in self.matching.leave(order):
            self.holding.free_open(gone)

    def _drop_expired(self, *intervals: int) -> None:
        for gone in self.matching.drop_expired(*intervals):
            self.holding.free_open(gone)

    # -- ACCOUNTS AND INTERVALS

    def _admit(self, command: AdmitAccount) -> None:
        known = command.account in self.holding.collateral_neur
        if not known and len(self.holding.collateral_neur) >= self.config.accounts_max:
            self._find(Breach.WRONG_ADMISSION, account=hex_text(command.account))
        self.holding.collateral_neur[command.account] = command.collateral_neur

    def _open(self, interval: int) -> None:
        gate_closure, is_whole = self.config.gate_closure(interval), interval % self.config.interval_length_s == 0
        if interval in self._books or not is_whole or self._now >= gate_closure:
            self._find(Breach.WRONG_OPENING, interval, gate_closure=gate_closure, now=self._now)
        self.matching.open(interval)

    def _close(self, interval: int, closed_at: int) -> None:
        book = self._books.get(interval)
        if book is None:
            self._find(Breach.INTERVAL_NOT_OPEN, interval)
            return
        if self._now < self.config.gate_closure(interval):
            gate_closure = self.config.gate_closure(interval)
            self._find(Breach.GATE_CLOSED_EARLY, interval, gate_closure=gate_closure, now=self._now)
        self._drop_expired(interval)
        traded = self.trades.setdefault(interval, [])
        called = call_trades(self.config, book.resting, len(traded), self.records, closed_at)
        traded += called
        for each in called:
            for digest in (each.trade.buy_order, each.trade.sell_order):
                self.holding.fill(each, self.orders[digest], was_held=True)
        left = [resting for resting in book.resting if resting.open_wh]
        to_publish, basis = published_price(self.config, left, traded)
        self.prices[interval] = (to_publish, basis)
        self.risk.last_price = self.risk.last_price if to_publish is None else to_publish
        for gone in (*left, *book.waiting, *book.asleep):
            self._leave(gone)
        del self._books[interval]
        self._closed.add(interval)

    def _halt(self, command: HaltAccount) -> None:
        """Turn a switch, and take the account's orders out of the books whose gate is open."""
        if command.account not in self.holding.collateral_neur:
            self._find(Breach.STRANGER, account=hex_text(command.account))
        if not self.risk.turn(command):
            self._find(Breach.REPEATED_NONCE, account=hex_text(command.account), nonce=command.nonce)
        for interval, book in self._books.items() if command.halted else ():
            own = [each for each in book.everyone() if each.account == command.account]
            if own and self._now < self.config.gate_closure(interval):
                self._drop_expired(interval)
                for gone in [each for each in book.everyone() if each.account == command.account]:
                    self._leave(gone)

    def _release(self, interval: int) -> None:
        if interval not in self._closed:
            self._find(Breach.WRONG_RELEASE, interval)
        self._closed.discard(interval)
        self.holding.release(interval)

    # -- COLLATERAL

    def _check_collateral(self, incoming: AuditedOrder) -> None:
        needed_neur = self.holding.open_neur(incoming)
        available_neur = self.holding.available_neur(incoming.account)
        if needed_neur > available_neur:
            interval = incoming.order.interval
            self._find(Breach.WITHOUT_COLLATERAL, interval, needed_neur=needed_neur, available_neur=available_neur)

    def _find(self, breach: Breach, interval: int | None = None, **facts: int | str) -> None:
        self.findings.append(Finding(breach, self.records, interval, facts))
