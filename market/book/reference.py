"""`ReferenceBook`: the rules of `market.book.interface.Book` in the plainest Python, to judge `OrderBook` by.

Slow on purpose: every query sorts the whole side. Units: ticks and Wh.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from energy.quantities import ENERGY_WH_MAX
from market.book.interface import LEVELS_MAX, ORDERS_MAX, Status
from market.orders import Side, TimeInForce


@dataclass(slots=True)
class _Resting:
    handle: int
    side: int
    tick: int
    quantity: int
    account: int
    arrival: int
    reserve: int = 0
    slice: int = 0


class ReferenceBook:
    """A list of orders, sorted whenever somebody asks."""

    def __init__(self, levels: int, capacity: int) -> None:
        """Make an empty book of `levels` price levels for at most `capacity` resting orders."""
        if not (1 <= levels <= LEVELS_MAX and 1 <= capacity <= ORDERS_MAX):
            raise ValueError(f"a book has 1 to {LEVELS_MAX} levels and 1 to {ORDERS_MAX} orders")
        self._levels = levels
        self._capacity = capacity
        self._fills: list[tuple[int, int, int, int, int]] = []
        self.clear()

    def __len__(self) -> int:
        """Return the number of resting orders."""
        return len(self._resting)

    def clear(self) -> None:
        """Drop every order."""
        self._resting: dict[int, _Resting] = {}
        self._freed_handles: list[int] = []
        self._arrivals = 0
        self._handles_used = 0
        self._fills.clear()

    def place(
        self, side: int, tick: int, quantity: int, account: int, time_in_force: int, shown: int = 0
    ) -> tuple[int, int, int]:
        """Match an order and rest what is left; see `Book.place`."""
        self._check(side, tick, quantity, account)
        if time_in_force not in list(TimeInForce):
            raise ValueError(f"no time in force {time_in_force}")
        if not 0 <= shown <= ENERGY_WH_MAX:
            raise ValueError(f"no such slice of {shown} Wh")
        self._fills.clear()
        would_fill = self.fillable(side, tick, quantity, account)
        if time_in_force == TimeInForce.FILL_OR_KILL and would_fill < quantity:
            return Status.UNFILLABLE, 0, -1
        crosses = bool(list(self._crossing(side, tick)))
        if time_in_force == TimeInForce.GOOD_TILL_GATE and not crosses and len(self) == self._capacity:
            return Status.FULL, 0, -1

        left = quantity
        while left and (maker := next(self._crossing(side, tick), None)):
            if maker.account == account:
                return Status.SELF_TRADE, quantity - left, -1
            filled = min(left, maker.quantity)
            left -= filled
            rest = maker.quantity - filled + maker.reserve
            self._fills.append((maker.handle, maker.tick, filled, maker.account, rest))
            self.take(maker.handle, filled)

        if left == 0:
            return Status.FILLED, quantity, -1
        if time_in_force == TimeInForce.IMMEDIATE_OR_CANCEL:
            return Status.IMMEDIATE_REST, quantity - left, -1
        handle = self._rest(side, tick, left, account)
        if 0 < shown < left:
            resting = self._resting[handle]
            resting.quantity, resting.reserve, resting.slice = shown, left - shown, shown
        return Status.RESTING, quantity - left, handle

    def fills(self) -> list[tuple[int, int, int, int, int]]:
        """Return the fills of the last `place`."""
        return list(self._fills)

    def cancel(self, handle: int) -> int:
        """Take a resting order out and return its Wh; 0 when no order rests under the handle."""
        if handle not in self._resting:
            return 0
        gone = self._remove(handle)
        return gone.quantity + gone.reserve

    def take(self, handle: int, quantity: int) -> None:
        """Fill a resting order out of turn; see `Book.take`."""
        resting = self._resting.get(handle)
        if resting is None or not 1 <= quantity <= resting.quantity:
            raise ValueError(f"order {handle} does not show {quantity} Wh")
        resting.quantity -= quantity
        if resting.quantity == 0 and resting.reserve == 0:
            self._remove(handle)
        elif resting.quantity == 0:
            resting.quantity = min(resting.slice, resting.reserve)
            resting.reserve -= resting.quantity
            resting.arrival = self._arrivals
            self._arrivals += 1

    def shrink(self, handle: int, quantity: int) -> None:
        """Lower a resting order, which keeps its place; see `Book.shrink`."""
        resting = self._resting.get(handle)
        if resting is None or not 1 <= quantity < resting.quantity + resting.reserve:
            raise ValueError(f"order {handle} does not have {quantity} Wh and more")
        unseen = min(resting.reserve, quantity)
        resting.reserve -= unseen
        resting.quantity -= quantity - unseen

    def fillable(self, side: int, tick: int, quantity: int, account: int) -> int:
        """Return how many of `quantity` Wh an order would fill if it were placed now."""
        self._check(side, tick, quantity, account)
        available = 0
        reached = list(self._crossing(side, tick))
        own = next((maker for maker in reached if maker.account == account), None)
        for maker in reached:
            if maker is own:
                break
            # Behind an own order at the same price comes what a maker does not show yet.
            available += maker.quantity + (0 if own and own.tick == maker.tick else maker.reserve)
        return min(quantity, available)

    def best_bid(self) -> int | None:
        """Return the highest tick bid."""
        return self._best(Side.BUY)

    def best_ask(self) -> int | None:
        """Return the lowest tick asked."""
        return self._best(Side.SELL)

    def depth(self, side: int, levels: int) -> list[tuple[int, int, int]]:
        """Return tick, Wh and number of orders of the best occupied levels of one side, best first."""
        by_tick: dict[int, list[int]] = {}
        for order in self._by_priority(side):
            by_tick.setdefault(order.tick, []).append(order.quantity)
        return [(tick, sum(wh), len(wh)) for tick, wh in by_tick.items()][: max(levels, 0)]

    def orders(self, side: int) -> list[tuple[int, int, int, int]]:
        """Return handle, tick, Wh and account of every resting order of one side, in priority sequence."""
        return [(order.handle, order.tick, order.quantity, order.account) for order in self._by_priority(side)]

    def reached(self, side: int, tick: int) -> list[tuple[int, int, int, int]]:
        """Return what an order would meet; see `Book.reached`."""
        self._check(side, tick, 1, 0)
        return [(maker.handle, maker.tick, maker.quantity, maker.account) for maker in self._crossing(side, tick)]

    def total(self, side: int) -> int:
        """Return the Wh that one side shows."""
        return sum(order.quantity for order in self._by_priority(side))

    def _by_priority(self, side: int) -> list[_Resting]:
        if side not in list(Side):
            raise ValueError(f"no side {side}")
        orders = [order for order in self._resting.values() if order.side == side]
        return sorted(orders, key=lambda order: (order.tick if side == Side.SELL else -order.tick, order.arrival))

    def _crossing(self, side: int, tick: int) -> Iterator[_Resting]:
        for maker in self._by_priority(1 - side):
            if maker.tick <= tick if side == Side.BUY else maker.tick >= tick:
                yield maker

    def _best(self, side: int) -> int | None:
        orders = self._by_priority(side)
        return orders[0].tick if orders else None

    def _rest(self, side: int, tick: int, quantity: int, account: int) -> int:
        if self._freed_handles:
            handle = self._freed_handles.pop()
        else:
            handle = self._handles_used
            self._handles_used += 1
        self._resting[handle] = _Resting(handle, side, tick, quantity, account, self._arrivals)
        self._arrivals += 1
        return handle

    def _remove(self, handle: int) -> _Resting:
        self._freed_handles.append(handle)
        return self._resting.pop(handle)

    def _check(self, side: int, tick: int, quantity: int, account: int) -> None:
        if side not in list(Side):
            raise ValueError(f"no side {side}")
        if not 0 <= tick < self._levels:
            raise ValueError(f"tick {tick} is not in 0 to {self._levels - 1}")
        if not 1 <= quantity <= ENERGY_WH_MAX:
            raise ValueError(f"quantity {quantity} Wh is not in 1 to {ENERGY_WH_MAX}")
        if not 0 <= account < 1 << 32:
            raise ValueError(f"account index {account} has more than 32 bits")
