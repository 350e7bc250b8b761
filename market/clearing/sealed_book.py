"""`SealedBook`: the orders of one delivery interval that nobody matched before its gate closed.

Every mechanism takes it and changes nothing in it. Units: ticks of the price ladder, as in `market.book`, and Wh.
Refuses: orders out of range, and orders of one account that would trade with each other, with ValueError.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from energy.quantities import ENERGY_WH_MAX
from market.book.interface import LEVELS_MAX, ORDERS_MAX, Book
from market.orders import Side

ACCOUNT_MAX: Final = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class SealedOrder:
    """What a mechanism may know of an order."""

    side: Side
    tick: int
    """Limit: the most a buyer pays for a Wh, the least a seller takes."""
    quantity_wh: int
    """1 to ENERGY_WH_MAX; any part of it may be filled."""
    account: int
    """Index of the owner, 0 to ACCOUNT_MAX."""


@dataclass(frozen=True, slots=True)
class SealedBook:
    """Orders in sequence of arrival: an order's place in it is its name and its priority among equal prices.

    Raises:
        ValueError: as the module says.
    """

    levels: int
    """Number of ticks of the ladder, 1 to LEVELS_MAX."""
    orders: tuple[SealedOrder, ...]
    sides: bytes = field(init=False, repr=False, compare=False)
    """The orders' sides, ticks and quantities once more, as columns for compiled code; not to be written."""
    ticks: "array[int]" = field(init=False, repr=False, compare=False)
    quantities_wh: "array[int]" = field(init=False, repr=False, compare=False)

    def __init__(self, levels: int, orders: Iterable[SealedOrder]) -> None:
        """Take the orders in sequence of arrival."""
        taken = tuple(orders)
        if not 1 <= levels <= LEVELS_MAX or len(taken) > ORDERS_MAX:
            raise ValueError(f"a book has 1 to {LEVELS_MAX} levels and at most {ORDERS_MAX} orders")
        sides = [order.side for order in taken]
        ticks = [order.tick for order in taken]
        quantities = [order.quantity_wh for order in taken]
        _require_in_range("side", sides, Side.BUY, Side.SELL)
        _require_in_range("tick", ticks, 0, levels - 1)
        _require_in_range("quantity", quantities, 1, ENERGY_WH_MAX)
        _require_in_range("account", [order.account for order in taken], 0, ACCOUNT_MAX)
        _require_own_orders_apart(taken)
        object.__setattr__(self, "levels", levels)
        object.__setattr__(self, "orders", taken)
        object.__setattr__(self, "sides", bytes(sides))
        object.__setattr__(self, "ticks", array("I", ticks))
        object.__setattr__(self, "quantities_wh", array("Q", quantities))

    @classmethod
    def of(cls, book: Book, levels: int) -> "SealedBook":
        """Return what rests in an order book; within a price the sequence of arrival is kept, which is all it decides.

        Args:
            book: An order book; after continuous trading nothing in it meets.
            levels: Its number of ticks.
        """
        return cls(
            levels,
            (
                SealedOrder(side, tick, quantity_wh, account)
                for side in Side
                for _, tick, quantity_wh, account in book.orders(side)
            ),
        )

    def __len__(self) -> int:
        """Return the number of orders."""
        return len(self.orders)

    def by_merit(self, side: Side) -> list[int]:
        """Return the places of one side's orders: best price first, and the earliest first at the same price."""
        sign = 1 if side == Side.SELL else -1
        places = [place for place, order in enumerate(self.orders) if order.side == side]
        return sorted(places, key=lambda place: sign * self.orders[place].tick)

    def require_one_order_each(self) -> None:
        """Raise ValueError if an account has several orders.

        No mechanism is truthful for an account whose one order sets the price for its others.
        """
        if len({order.account for order in self.orders}) < len(self.orders):
            raise ValueError("this mechanism takes one order of each account")


def _require_in_range(what: str, values: Sequence[int], low: int, high: int) -> None:
    if values and not (low <= min(values) and max(values) <= high):
        raise ValueError(f"{what} {min(values)} or {max(values)} is not in {low} to {high}")


def _require_own_orders_apart(orders: tuple[SealedOrder, ...]) -> None:
    """Refuse self-trades once, for all mechanisms: they fill a bid and an ask together only if the bid is as high."""
    highest_bid: dict[int, int] = {}
    for order in orders:
        if order.side == Side.BUY:
            highest_bid[order.account] = max(order.tick, highest_bid.get(order.account, 0))
    for order in orders:
        if order.side == Side.SELL and order.tick <= highest_bid.get(order.account, -1):
            raise ValueError(f"account {order.account} bids at least what it asks: its orders would trade together")
