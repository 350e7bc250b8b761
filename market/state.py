"""The state of a market: accounts, open books, and what closed intervals still hold of the collateral.

Only `market.engine.apply` changes it. Everybody else reads it through the queries of `MarketState`, which give copies.
Units: Wh, µ€/kWh, n€, UTC epoch seconds.
"""

from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import astuple, dataclass, field
from hashlib import sha256
from typing import Final

from energy.identity import Address, Digest
from energy.quantities import amount_neur, ratio_down
from market.book import Book, CollectingBook, OrderBook
from market.config import MarketConfig
from market.grid import Grid
from market.journal import encode_order
from market.orders import Order, Side, intervals_of
from market.standing import NEWCOMER, WHOLE_PERMILLE, Standing

BookFactory = Callable[[int, int], Book]
"""Makes an empty book for a number of levels and of orders: `OrderBook`, or `ReferenceBook` to check it."""

WAITING: Final = -1
"""Handle of an order that waits beside the book for what it may take."""
ASLEEP: Final = -2
"""Handle of an order that may not match yet."""

_STATE_FORMAT: Final = b"RESILIA-GRID market state 4"


@dataclass(slots=True)
class Account:
    """A member as the market knows it."""

    address: Address
    index: int
    """Place in the sequence of admission, from 0: the account's name inside the books."""
    collateral_neur: int
    needed_neur: int = 0
    """Collateral in use: the worst case of all intervals that are not released."""
    nonces: set[int] = field(default_factory=set)
    """Nonces of accepted orders."""
    resting: "dict[Digest, Resting]" = field(default_factory=dict, repr=False, compare=False)
    """Its resting orders, of all intervals, by digest."""
    halted_by_member: bool = False
    halted_by_operator: bool = False
    switch_nonce: int = -1
    """Nonce of its member's last switch."""
    pace: tuple[int, int] = (0, 0)
    """Minute of its last accepted order, and how many it has had in that minute."""
    standing: Standing = NEWCOMER
    """By the last run that was counted."""
    rated_run: int = 0
    """Number of that run."""

    @property
    def limit_neur(self) -> int:
        """What its worst case may come to: its collateral over the part that its standing asks for, rounded down."""
        return ratio_down(self.collateral_neur, WHOLE_PERMILLE, self.standing.collateral_permille)

    @property
    def is_halted(self) -> bool:
        """Say whether somebody has stopped it."""
        return self.halted_by_member or self.halted_by_operator


@dataclass(slots=True, eq=False)
class Resting:
    """An order in a book."""

    order: Order
    digest: Digest
    account: Account
    handle: int
    """The order's name inside its book; below zero while it is beside it."""
    arrival: int
    """Place in the sequence of the market's resting orders."""
    open_wh: int

    @property
    def price(self) -> int:
        """Its limit, µ€/kWh."""
        return self.order.limit_price_ueur_per_kwh

    @property
    def filled_wh(self) -> int:
        """Wh filled so far; the next fill starts here on the order's range."""
        return self.order.quantity_wh - self.open_wh


@dataclass(slots=True)
class Session:
    """Trading of one interval while its gate is open."""

    interval: int
    book: Book
    resting: dict[int, Resting] = field(default_factory=dict)
    """Orders in the book, by handle."""
    waiting: dict[Digest, Resting] = field(default_factory=dict)
    """Orders that take what they may as soon as it rests, and have no place in the book; by arrival."""
    asleep: dict[Digest, Resting] = field(default_factory=dict)
    """Orders that may not match yet."""
    expiries: list[tuple[int, int, Resting]] = field(default_factory=list)
    """(expiry, arrival, order), ascending, for orders with an expiry; those that left the book stay until then.
    A sorted list and not a heap, for what is due must be read before anything may change."""
    exposure_neur: dict[Address, int] = field(default_factory=dict)
    """Worst case of each account's open and filled energy."""
    trades: int = 0
    traded_wh: int = 0
    turnover_neur: int = 0
    last_price: int | None = None
    """Of its last trade, µ€/kWh."""
    loads_wh: list[int] = field(default_factory=list)
    """What its trades carry over each feeder: outwards less inwards."""

    def expired(self, now: int) -> list[Resting]:
        """Return the resting orders whose last second has passed, by expiry, then arrival."""
        if not self.has_expiries_before(now):
            return []
        due = self.expiries[: bisect_left(self.expiries, (now,))]
        return [resting for _, _, resting in due if self.is_resting(resting)]

    def has_expiries_before(self, now: int) -> bool:
        """Say whether an expiry has passed, of an order that may have left before."""
        return bool(self.expiries) and self.expiries[0][0] < now

    def forget_expiries(self, now: int) -> None:
        """Forget the expiries that have passed, after their orders have left."""
        del self.expiries[: bisect_left(self.expiries, (now,))]

    def is_resting(self, resting: Resting) -> bool:
        """Say whether an order is still in this book; its handle may since belong to another."""
        if resting.handle >= 0:
            return self.resting.get(resting.handle) is resting
        return self._beside(resting.handle).get(resting.digest) is resting

    def due(self, now: int) -> list[Resting]:
        """Return the orders that sleep and may match by now, by that time, then arrival."""
        due = [resting for resting in self.asleep.values() if resting.order.valid_from <= now]
        return sorted(due, key=lambda resting: (resting.order.valid_from, resting.arrival))

    def _beside(self, handle: int) -> dict[Digest, Resting]:
        return self.waiting if handle == WAITING else self.asleep

    def forget(self, resting: Resting) -> None:
        """Forget an order that has left."""
        if resting.handle >= 0:
            del self.resting[resting.handle]
        else:
            del self._beside(resting.handle)[resting.digest]

    def add(self, resting: Resting) -> None:
        """Keep an order that the book has just taken in, or that stays beside it."""
        if resting.handle >= 0:
            self.resting[resting.handle] = resting
        else:
            self._beside(resting.handle)[resting.digest] = resting
        resting.account.resting[resting.digest] = resting
        if resting.order.expiry:
            insort(self.expiries, (resting.order.expiry, resting.arrival, resting))

    def forget_expiry(self, sleeper: Resting) -> None:
        """Forget when an order expires that is placed again."""
        self.expiries = [each for each in self.expiries if each[2] is not sleeper]

    def put_in_place(self, old: Resting, new: Resting) -> None:
        """Let an order have the place of another of the same account, which is forgotten."""
        self.expiries = [each for each in self.expiries if each[2] is not old]
        del old.account.resting[old.digest]
        self.resting[new.handle] = new
        new.account.resting[new.digest] = new
        if new.order.expiry:
            insort(self.expiries, (new.order.expiry, new.arrival, new))

    def expose(self, account: Account, change_neur: int) -> None:
        """Add to what an account needs for this interval, or take from it."""
        self.exposure_neur[account.address] = self.exposure_neur.get(account.address, 0) + change_neur
        account.needed_neur += change_neur


@dataclass(frozen=True, slots=True)
class ClosedInterval:
    """An interval between gate closure and release: traded, not yet settled on chain."""

    interval: int
    trades: int
    traded_wh: int
    turnover_neur: int
    exposure_neur: dict[Address, int]


@dataclass(frozen=True, slots=True)
class AccountView:
    """What an account may know of itself."""

    address: Address
    collateral_neur: int
    needed_neur: int
    """In use by open orders and by trades of intervals that are not released."""
    standing: Standing = NEWCOMER
    limit_neur: int = 0
    """What may be in use."""

    @property
    def available_neur(self) -> int:
        """Left for further orders; negative after the collateral was lowered below its use."""
        return self.limit_neur - self.needed_neur


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """A resting order as it stands."""

    order: Order
    digest: Digest
    open_wh: int


class MarketState:
    """All that the market remembers."""

    def __init__(self, config: MarketConfig, book: BookFactory = OrderBook) -> None:
        """Start a market without accounts or intervals; `book` makes the book of each interval."""
        self.config = config
        self.make_book = book
        self.now = 0
        """Time of the last accepted command."""
        self.accounts: dict[Address, Account] = {}
        self.sessions: dict[int, Session] = {}
        self.closed: dict[int, ClosedInterval] = {}
        self.orders: dict[Digest, Resting] = {}
        """Every resting order, of all intervals."""
        self.arrivals = 0
        """How many orders have come to rest."""
        self.roaming: dict[Digest, Resting] = {}
        """The orders of several intervals; each waits beside the book of its last one."""
        self.bundles: dict[tuple[Address, int], list[Resting]] = {}
        """The orders that wait for each other, by account and number of their bundle."""
        self.grid = Grid(config.feeders, config.interval_length_s) if config.feeders else None
        self.last_price: int | None = None
        """The latest published price, µ€/kWh."""

    def new_book(self) -> Book:
        """Return an empty book for one interval, of the kind that the mechanism needs."""
        make = CollectingBook if self.config.mechanism.collects else self.make_book
        return make(self.config.levels, self.config.open_orders_max)

    def keep(self, session: Session, resting: Resting) -> None:
        """Keep an order that its book has just taken in, or that stays beside it."""
        session.add(resting)
        self.arrivals += 1
        self.orders[resting.digest] = resting
        order = resting.order
        if order.last_interval:
            self.roaming[resting.digest] = resting
        if order.bundle:
            self.bundles.setdefault((order.account, order.bundle), []).append(resting)

    def forget(self, session: Session, resting: Resting) -> None:
        """Forget an order that has left."""
        session.forget(resting)
        del self.orders[resting.digest], resting.account.resting[resting.digest]
        if resting.handle == WAITING:
            self.roaming.pop(resting.digest, None)
            if legs := self.legs(resting.order):
                legs.remove(resting)
                if not legs:
                    del self.bundles[resting.order.account, resting.order.bundle]

    def legs(self, order: Order) -> list[Resting]:
        """Return the orders that wait as parts of an order's bundle; none for an order that is alone."""
        return self.bundles.get((order.account, order.bundle), []) if order.bundle else []

    def tradable(self, order: Order, now: int) -> list[Session]:
        """Return where an order may trade now, by interval."""
        config = self.config
        return [
            self.sessions[interval]
            for interval in intervals_of(order, config.interval_length_s)
            if interval in self.sessions and now < config.gate_closure(interval)
        ]

    def open_intervals(self) -> tuple[int, ...]:
        """Return the starts of the intervals that have a book, ascending."""
        return tuple(sorted(self.sessions))

    def book_depth(self, interval: int, levels: int) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
        """Return bids and asks of an open interval, best first.

        An order past its expiry is counted until the next accepted command of its interval drops it.

        Args:
            interval: Start of an open interval.
            levels: Most prices per side.
        Returns:
            Per side a list of price (µ€/kWh), Wh, number of orders.
        Raises:
            ValueError: the interval has no book.
        """
        if interval not in self.sessions:
            raise ValueError(f"no book is open for interval {interval}")
        book, price_of = self.sessions[interval].book, self.config.price_of
        bids, asks = (
            [(price_of(tick), wh, orders) for tick, wh, orders in book.depth(side, levels)]
            for side in (Side.BUY, Side.SELL)
        )
        return bids, asks

    def account(self, address: Address) -> AccountView | None:
        """Return an account's collateral and its use; None for a stranger."""
        account = self.accounts.get(address)
        if account is None:
            return None
        return AccountView(address, account.collateral_neur, account.needed_neur, account.standing, account.limit_neur)

    def resting_orders(self, account: Address | None = None) -> tuple[OpenOrder, ...]:
        """Return the resting orders of one account or of all, by interval, then arrival."""
        found = [r for r in self.orders.values() if account is None or r.order.account == account]
        found.sort(key=lambda r: (r.order.interval, r.arrival))
        return tuple(OpenOrder(r.order, r.digest, r.open_wh) for r in found)

    def digest(self) -> bytes:
        """Return SHA-256 of the canonical encoding of the whole state: equal journals give equal digests (M5).

        Accounts and intervals come in ascending sequence, orders in priority sequence. What follows from these, such
        as handles, is left out, so that a book's inner workings are free.
        """
        hasher = sha256(_STATE_FORMAT)
        hasher.update(_agreed(self.config) + _maybe(self.last_price) + _integers(self.now, len(self.accounts)))
        for address, account in sorted(self.accounts.items()):
            hasher.update(address + _integers(account.collateral_neur, account.needed_neur))
            hasher.update(_integers(len(account.nonces), *sorted(account.nonces), *account.pace))
            hasher.update(_integers(account.halted_by_member, account.halted_by_operator, account.switch_nonce))
            standing = account.standing
            hasher.update(_integers(account.rated_run, standing.kept_wh, standing.failed_wh, standing.instant))
        hasher.update(_integers(len(self.sessions)))
        for _, session in sorted(self.sessions.items()):
            hasher.update(_integers(session.interval, session.trades, session.traded_wh, session.turnover_neur))
            hasher.update(_exposures(session.exposure_neur) + _maybe(session.last_price))
            hasher.update(_integers(*session.loads_wh))
            for side in (Side.BUY, Side.SELL):
                orders = session.book.orders(side)
                hasher.update(_integers(len(orders)))
                for handle, _, shown_wh, _ in orders:
                    resting = session.resting[handle]
                    hasher.update(encode_order(resting.order) + resting.digest + _integers(resting.open_wh, shown_wh))
            for beside in (session.waiting, session.asleep):
                hasher.update(_integers(len(beside)))
                for resting in beside.values():
                    hasher.update(encode_order(resting.order) + resting.digest + _integers(resting.open_wh))
        hasher.update(_integers(len(self.closed)))
        for _, closed in sorted(self.closed.items()):
            hasher.update(_integers(closed.interval, closed.trades, closed.traded_wh, closed.turnover_neur))
            hasher.update(_exposures(closed.exposure_neur))
        return hasher.digest()


def worst_case_neur(config: MarketConfig, side: Side, quantity_wh: int, price_ueur_per_kwh: int) -> int:
    """Return the most that energy bought or sold at a price can cost its account, n€.

    A buyer pays the price. A seller who delivers nothing is paid the price and charged the shortfall price.
    """
    if side == Side.BUY:
        return amount_neur(quantity_wh, max(0, price_ueur_per_kwh))
    return amount_neur(quantity_wh, max(0, config.shortfall_price_max_ueur_per_kwh - price_ueur_per_kwh))


def _agreed(config: MarketConfig) -> bytes:
    """Return the parameters in their sequence; names in 16 bytes too, by their hash, and feeders, if there are any."""
    *values, feeders = astuple(config)
    named = [
        sha256(str(value).encode()).digest()[:16] if isinstance(value, str) else _integers(value) for value in values
    ]
    return b"".join(named) + (sha256(repr(feeders).encode()).digest() if feeders else b"")


def _integers(*values: int) -> bytes:
    return b"".join(value.to_bytes(16, "big", signed=True) for value in values)


def _maybe(value: int | None) -> bytes:
    return _integers(0) if value is None else _integers(1, value)


def _exposures(exposure_neur: dict[Address, int]) -> bytes:
    exposed = [(address, neur) for address, neur in sorted(exposure_neur.items()) if neur]
    return _integers(len(exposed)) + b"".join(address + _integers(neur) for address, neur in exposed)
