"""What a book of one delivery interval promises, whoever implements it.

Rules: price priority, then time priority within a price (M4); every fill is at the resting order's price, so never
worse than either limit (M2); after each command the book is not crossed (M3); what one side loses the other gains (M1).

Self-trade prevention: an incoming order fills until the next order in priority is its own account's; there its rest
is cancelled and the resting order keeps its place. Nothing behind an own order is reached, or priority would break.

An order may show a part of itself: when the slice that it shows is used up, the next one comes behind whatever rests at
its price by then, an order of the taker's own account included. Sums and depths are of what is shown.

Units: ticks of the price ladder (the engine converts to µ€/kWh), Wh. Refuses: arguments out of range, with ValueError.
"""

from enum import IntEnum
from typing import Final, Protocol

LEVELS_MAX: Final = 1 << 18
"""Most price levels of one book."""

ORDERS_MAX: Final = 1 << 22
"""Most resting orders of one book; with ENERGY_WH_MAX per order every sum stays below 2^62."""


class Status(IntEnum):
    """What became of a placed order, or of an event of a batch.

    From UNFILLABLE on all are refusals that changed nothing, but for CANCELLED.
    """

    FILLED = 0
    RESTING = 1
    """Nothing or part of it was filled; the rest is in the book."""
    IMMEDIATE_REST = 2
    """Immediate-or-cancel: nothing or part of it was filled; the rest is gone."""
    SELF_TRADE = 3
    """The account's own order was next in priority: the rest is gone."""
    UNFILLABLE = 4
    """Fill-or-kill that could not be filled whole."""
    FULL = 5
    """The order would have to rest and no place is left."""
    CANCELLED = 6
    """Of a batch: the order is out of the book."""
    NOT_RESTING = 7
    """Of a batch: no order of that name rests in that book."""
    NAME_TAKEN = 8
    """Of a batch: an order of that name rests, in whatever book."""
    MALFORMED = 9
    """Of a batch: a field is out of its range."""


class Book(Protocol):
    """Orders of one delivery interval.

    A resting order is known by its handle. Handles are recycled: the one freed last is given first, else the lowest
    never used.
    """

    def __len__(self) -> int:
        """Return the number of resting orders."""

    def place(
        self, side: int, tick: int, quantity: int, account: int, time_in_force: int, shown: int = 0
    ) -> tuple[int, int, int]:
        """Match an order and rest what is left.

        Args:
            side: `Side.BUY` or `Side.SELL`.
            tick: Limit, 0 to levels - 1.
            quantity: Wh, 1 to ENERGY_WH_MAX.
            account: Index of the owner, 0 to 2^32 - 1.
            time_in_force: A `TimeInForce`.
            shown: Wh of the resting rest to show at a time; 0 for all of it.
        Returns:
            `Status`, Wh filled, and the handle of the resting rest or -1.
        """

    def fills(self) -> list[tuple[int, int, int, int, int]]:
        """Return the fills of the last `place`, in sequence.

        Returns:
            Per fill: the maker's handle, tick, Wh, the maker's account, Wh that the maker still has (0: handle freed).
        """

    def cancel(self, handle: int) -> int:
        """Take a resting order out and return its Wh, shown or not; 0 when no order rests under the handle."""

    def take(self, handle: int, quantity: int) -> None:
        """Fill a resting order out of turn by 1 Wh to what it shows; an order that is filled whole leaves."""

    def shrink(self, handle: int, quantity: int) -> None:
        """Lower a resting order by 1 Wh to one less than it has, first what it does not show; it keeps its place."""

    def fillable(self, side: int, tick: int, quantity: int, account: int) -> int:
        """Return how many of `quantity` Wh an order would fill if it were placed now."""

    def best_bid(self) -> int | None:
        """Return the highest tick bid."""

    def best_ask(self) -> int | None:
        """Return the lowest tick asked."""

    def depth(self, side: int, levels: int) -> list[tuple[int, int, int]]:
        """Return tick, Wh and number of orders of the best occupied levels of one side, best first."""

    def orders(self, side: int) -> list[tuple[int, int, int, int]]:
        """Return handle, tick, shown Wh and account of every resting order of one side, in priority sequence."""

    def reached(self, side: int, tick: int) -> list[tuple[int, int, int, int]]:
        """Return the same of those orders of the other side that an order with that limit would meet."""

    def total(self, side: int) -> int:
        """Return the Wh that one side shows."""

    def clear(self) -> None:
        """Drop every order; costs as much for a full book as for an empty one."""
