"""`CollectingBook`: a book that matches nothing, for mechanisms in which all orders meet at the gate.

It keeps `market.book.interface`'s promises but for one: its orders may cross (no M3), for nothing is matched before
the gate. Units: ticks, Wh. Refuses: arguments out of range, with ValueError.
"""

from dataclasses import dataclass

from energy.quantities import ENERGY_WH_MAX
from market.book.interface import LEVELS_MAX, ORDERS_MAX, Status

_BUY, _SELL = 0, 1


@dataclass(slots=True)
class _Kept:
    side: int
    tick: int
    quantity: int
    account: int
    arrival: int
    shown: int

    def priority(self) -> tuple[int, int]:
        return (self.tick if self.side == _SELL else -self.tick, self.arrival)


class CollectingBook:
    """The orders of one interval, until its gate closes."""

    def __init__(self, levels: int, orders_max: int) -> None:
        """Start an empty book; the bounds are those of `OrderBook`."""
        if not 1 <= levels <= LEVELS_MAX or not 1 <= orders_max <= ORDERS_MAX:
            raise ValueError(f"a book has 1 to {LEVELS_MAX} levels and 1 to {ORDERS_MAX} orders")
        self._levels = levels
        self._orders_max = orders_max
        self._kept: dict[int, _Kept] = {}
        self._free: list[int] = []
        self._arrivals = 0

    def __len__(self) -> int:
        """Return the number of orders."""
        return len(self._kept)

    def place(
        self, side: int, tick: int, quantity: int, account: int, time_in_force: int, shown: int = 0
    ) -> tuple[int, int, int]:
        """Keep an order; nothing is matched."""
        in_range = side in (_BUY, _SELL) and 0 <= tick < self._levels and 1 <= quantity <= ENERGY_WH_MAX
        if not in_range or not 0 <= account < 1 << 32 or time_in_force != 0 or shown < 0:
            raise ValueError("no such order")
        if len(self._kept) >= self._orders_max:
            return Status.FULL, 0, -1
        handle = self._free.pop() if self._free else len(self._kept)
        self._kept[handle] = _Kept(side, tick, quantity, account, self._arrivals, shown or quantity)
        self._arrivals += 1
        return Status.RESTING, 0, handle

    def fills(self) -> list[tuple[int, int, int, int, int]]:
        """Return nothing: no order is filled before the gate."""
        return []

    def cancel(self, handle: int) -> int:
        """Take an order out and return its Wh; 0 when none is kept under the handle."""
        kept = self._kept.pop(handle, None)
        if kept is None:
            return 0
        self._free.append(handle)
        return kept.quantity

    def take(self, handle: int, quantity: int) -> None:
        """Refuse: no order is filled before the gate."""
        raise ValueError(f"order {handle} is not filled before the gate")

    def shrink(self, handle: int, quantity: int) -> None:
        """Lower an order, which keeps its place."""
        kept = self._kept.get(handle)
        if kept is None or not 1 <= quantity < kept.quantity:
            raise ValueError(f"order {handle} does not have {quantity} Wh and more")
        kept.quantity -= quantity

    def reached(self, side: int, tick: int) -> list[tuple[int, int, int, int]]:
        """Return nothing: no order meets another before the gate."""
        return []

    def fillable(self, side: int, tick: int, quantity: int, account: int) -> int:
        """Return 0: nothing is filled before the gate."""
        return 0

    def best_bid(self) -> int | None:
        """Return the highest tick bid."""
        return max((kept.tick for kept in self._kept.values() if kept.side == _BUY), default=None)

    def best_ask(self) -> int | None:
        """Return the lowest tick asked."""
        return min((kept.tick for kept in self._kept.values() if kept.side == _SELL), default=None)

    def depth(self, side: int, levels: int) -> list[tuple[int, int, int]]:
        """Return tick, Wh and number of orders of the best occupied levels of one side, best first."""
        found: dict[int, tuple[int, int]] = {}
        for _, tick, quantity, _ in self.orders(side):
            wh, orders = found.get(tick, (0, 0))
            found[tick] = (wh + quantity, orders + 1)
        return [(tick, *found[tick]) for tick in list(found)[:levels]]

    def orders(self, side: int) -> list[tuple[int, int, int, int]]:
        """Return handle, tick, Wh and account of every order of one side, in priority sequence."""
        of_side = [(handle, kept) for handle, kept in self._kept.items() if kept.side == side]
        of_side.sort(key=lambda each: each[1].priority())
        return [(handle, kept.tick, min(kept.shown, kept.quantity), kept.account) for handle, kept in of_side]

    def total(self, side: int) -> int:
        """Return the Wh that one side shows."""
        return sum(shown for _, _, shown, _ in self.orders(side))

    def clear(self) -> None:
        """Drop every order."""
        self._kept.clear()
        self._free.clear()
