"""The books as everybody may see them: energy shown and orders at each price, followed from the journal's events.

Kept apart from the engine's books, which are ahead of the disk: what is shown here is on disk, and belongs to one place
in the journal. So a snapshot and the changes told after it fit together without a gap: see `changes`.
Units: Wh, µ€/kWh, UTC epoch seconds. An order past its expiry counts until the next command of its interval drops it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from energy.identity import Digest
from market.events import Event, GateClosed, IntervalOpened, OrderCancelled, OrderEntered, OrderPlaced, Trade
from market.orders import Order, Side

_SIDES = {Side.BUY: "buy", Side.SELL: "sell"}


@dataclass(slots=True)
class _Resting:
    order: Order
    open_wh: int
    shown_wh: int

    def show(self) -> int:
        """Show what of it may be shown at a time; return how much."""
        self.shown_wh = min(self.order.display_wh or self.open_wh, self.open_wh)
        return self.shown_wh


@dataclass(slots=True)
class _Level:
    quantity_wh: int = 0
    orders: int = 0


@dataclass(slots=True)
class _Book:
    levels: dict[tuple[Side, int], _Level] = field(default_factory=dict)
    """By side and price; only what is not empty."""
    changed: dict[tuple[Side, int], None] = field(default_factory=dict)
    """Side and price of what was changed since the last `changes`, in sequence."""
    told_at: int = 0
    """Journal record through which its changes were told."""


class Depth:
    """All open books by price level, through one record of the journal."""

    def __init__(self) -> None:
        self.sequence = 0
        """The latest record that was followed."""
        self._books: dict[int, _Book] = {}
        self._resting: dict[Digest, _Resting] = {}

    def follow(self, sequence: int, events: Sequence[Event]) -> None:
        """Take in the events of the journal's next record."""
        self.sequence = sequence
        incoming: Digest | None = None
        for event in events:
            match event:
                case IntervalOpened(interval):
                    self._books.setdefault(interval, _Book())
                case OrderPlaced():
                    incoming = event.digest
                    if event.resting_wh and not event.waits:
                        placed = self._resting[event.digest] = _Resting(event.order, event.resting_wh, 0)
                        self._change(event.order, placed.show(), 1)
                case OrderEntered():
                    incoming = event.digest
                    if event.resting_wh:
                        entered = self._resting[event.digest] = _Resting(event.order, event.resting_wh, 0)
                        self._change(event.order, entered.show(), 1)
                case Trade():
                    for resting in (event.buy_order, event.sell_order):  # in the call at the gate, both rested
                        if resting != incoming:
                            self._take(resting, event.quantity_wh)
                case OrderCancelled():
                    # The rest of an order that never rested is told as cancelled too.
                    if event.digest in self._resting:
                        self._take(event.digest, event.cancelled_wh)
                case GateClosed(interval):
                    self._books.pop(interval, None)
                case _:
                    pass

    def snapshot(self, interval: int | None, levels: int) -> dict[str, Any] | None:
        """Return a book as JSON, best prices first, and the record of the journal through which it is right.

        Args:
            interval: Start of the interval; None for the next one to close.
            levels: Most prices per side.
        Returns:
            None when the interval has no open book.
        """
        if interval is None:
            interval = min(self._books, default=None)
        if interval is None or interval not in self._books:
            return None
        found = self._books[interval].levels
        bids = sorted((price for side, price in found if side == Side.BUY), reverse=True)[:levels]
        asks = sorted(price for side, price in found if side == Side.SELL)[:levels]
        return {
            "interval": interval,
            "sequence": self.sequence,
            "bids": [_level_json(price, found[Side.BUY, price]) for price in bids],
            "asks": [_level_json(price, found[Side.SELL, price]) for price in asks],
        }

    def changes(self) -> list[dict[str, Any]]:
        """Return what has changed since the last call, one document per open book that did.

        Each holds the new totals of the changed levels, zero for one that is gone, and is right through `sequence`.
        Whoever has a book that is right through some record applies a document whose `previousSequence` is not after
        it and whose `sequence` is; one that starts later tells that something was missed.
        """
        documents: list[dict[str, Any]] = []
        for interval, book in self._books.items():
            if not book.changed:
                continue
            totals = [(side, price, book.levels.get((side, price), _Level())) for side, price in book.changed]
            documents.append(
                {
                    "interval": interval,
                    "previousSequence": book.told_at,
                    "sequence": self.sequence,
                    "levels": [{"side": _SIDES[side], **_level_json(price, level)} for side, price, level in totals],
                }
            )
            book.changed.clear()
            book.told_at = self.sequence
        return documents

    def _take(self, digest: Digest, quantity_wh: int) -> None:
        resting = self._resting[digest]
        was_wh = resting.shown_wh
        resting.open_wh -= quantity_wh
        resting.shown_wh -= min(quantity_wh, was_wh)
        if resting.open_wh == 0:
            del self._resting[digest]
        elif resting.shown_wh == 0:
            resting.show()
        self._change(resting.order, resting.shown_wh - was_wh, 0 if resting.open_wh else -1)

    def _change(self, order: Order, quantity_wh: int, orders: int) -> None:
        book = self._books.setdefault(order.interval, _Book())
        place = (order.side, order.limit_price_ueur_per_kwh)
        level = book.levels.setdefault(place, _Level())
        level.quantity_wh += quantity_wh
        level.orders += orders
        if level.orders == 0:
            del book.levels[place]
        book.changed[place] = None


def _level_json(price: int, level: _Level) -> dict[str, int]:
    return {"price": price, "quantityWh": level.quantity_wh, "orders": level.orders}
