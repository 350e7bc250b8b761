"""What each mechanism would have made of the same orders: those of a journal, interval by interval, added up.

An order that its owner cancelled does not count, nor one that would meet an own order. Limits are taken for the truth.
Units: Wh, µ€/kWh, n€, UTC epoch seconds. Refuses, as `Misconfigured`: files that are no community's and its journal's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from market.clearing import REPORTED, Assessment, SealedBook, SealedOrder, compare
from market.commands import CancelOrder, PlaceOrder
from market.config import MarketConfig
from market.journal import decode
from market.orders import Order, Side
from node.audit.auditing import COMMUNITY_FILE, JOURNAL_FILE
from node.audit.files import read_journal
from node.coop.community import Community

LIARS_MAX = 60
"""Orders of one interval whose lies are tried; beyond, it would take minutes."""


@dataclass(slots=True)
class Totals:
    """What one mechanism did with all intervals that it can clear."""

    mechanism: str
    intervals: int = 0
    volume_wh: int = 0
    welfare_neur: int = 0
    optimum_neur: int = 0
    buyers_neur: int = 0
    sellers_neur: int = 0
    community_neur: int = 0
    lowest_ueur_per_kwh: int | None = None
    highest_ueur_per_kwh: int | None = None
    best_lie_neur: int | None = None
    """What the best misstatement of a price would have earned; None when none was looked for."""

    def add(self, found: Assessment, config: MarketConfig, with_lies: bool) -> None:
        """Add one interval."""
        tick = config.tick_ueur_per_kwh
        self.intervals += 1
        self.volume_wh += found.volume_wh
        self.welfare_neur += found.welfare_tick_wh * tick
        self.optimum_neur += found.optimum_tick_wh * tick
        self.buyers_neur += found.buyers_tick_wh * tick
        self.sellers_neur += found.sellers_tick_wh * tick
        self.community_neur += found.community_tick_wh * tick
        if found.lowest_tick is not None and found.highest_tick is not None:
            low, high = config.price_of(found.lowest_tick), config.price_of(found.highest_tick)
            self.lowest_ueur_per_kwh = min(low, low if self.lowest_ueur_per_kwh is None else self.lowest_ueur_per_kwh)
            self.highest_ueur_per_kwh = max(
                high, high if self.highest_ueur_per_kwh is None else self.highest_ueur_per_kwh
            )
        if with_lies:
            self.best_lie_neur = max(self.best_lie_neur or 0, found.lie.gain_tick_wh * tick if found.lie else 0)


def compare_folder(folder: Path, start: int, end: int | None, *, with_lies: bool = False) -> tuple[int, list[Totals]]:
    """Return how many intervals had orders, and the totals of each mechanism.

    Args:
        folder: Of a node, or copies of its `community.json` and `journal.log`.
        start: First delivery interval that counts.
        end: First that does not count any more; None for no end.
        with_lies: Whether to look for what lies would earn.
    Raises:
        Misconfigured: a file is missing or is something else.
        Corrupt: the journal is damaged.
    """
    community = Community.load(folder / COMMUNITY_FILE)
    commands = [decode(record)[2] for record in read_journal(folder / JOURNAL_FILE, community.digest())]
    cancelled = {command.digest for command in commands if isinstance(command, CancelOrder)}
    by_interval: dict[int, list[Order]] = {}
    for command in commands:
        if isinstance(command, PlaceOrder) and command.digest not in cancelled:
            if command.order.last_interval or command.order.bundle:
                continue  # no call of one interval can keep what it asks
            interval = command.order.interval
            if start <= interval and (end is None or interval < end):
                by_interval.setdefault(interval, []).append(command.order)
    return len(by_interval), totals(list(by_interval.values()), community.market, with_lies)


def totals(intervals: Sequence[Sequence[Order]], config: MarketConfig, with_lies: bool) -> list[Totals]:
    """Return the totals of each mechanism over the orders of some intervals; one that it can not clear is left out."""
    found: Mapping[str, Totals] = {name: Totals(name) for name in REPORTED}
    for orders in intervals:
        book = sealed(orders, config)
        liars = range(len(book)) if with_lies and len(book) <= LIARS_MAX else ()
        for name, mechanism in REPORTED.items():
            try:
                assessed = compare(book, {name: mechanism}, liars)[name]
            except ValueError:
                continue  # several orders of an account, or of several sizes: not for this mechanism
            found[name].add(assessed, config, bool(liars))
    return list(found.values())


def sealed(orders: Sequence[Order], config: MarketConfig) -> SealedBook:
    """Return the orders as a sealed book, without those that would meet an earlier order of the same account."""
    kept: list[Order] = []
    accounts: dict[bytes, int] = {}
    for order in orders:
        if not any(_meet(order, other) for other in kept if other.account == order.account):
            kept.append(order)
    return SealedBook(
        config.levels,
        [
            SealedOrder(
                order.side,
                config.level_of(order.limit_price_ueur_per_kwh),
                order.quantity_wh,
                accounts.setdefault(order.account, len(accounts)),
            )
            for order in kept
        ],
    )


def _meet(one: Order, other: Order) -> bool:
    bid, ask = (one, other) if one.side == Side.BUY else (other, one)
    return bid.side != ask.side and bid.limit_price_ueur_per_kwh >= ask.limit_price_ueur_per_kwh
