"""Commands for the books of many delivery intervals: as raw records, a batch at a time, or one by one.

Records are C structs in the machine's byte order, without padding. An order's name is a small number that the caller
gives it, such as its place in the sequence of admission; it names one resting order at most in the whole set. A name
is free again as soon as its order rests no more, so that a batch may cancel, or name anew, what it placed itself.

Units: ticks and Wh, as in `market.book.interface`. Refuses: by the status of the record, which then changed nothing.
"""

from struct import Struct
from typing import Final, Protocol

EVENT: Final = Struct("=QIIIHBB")
"""Wh (1 to ENERGY_WH_MAX), name, account, tick, book, kind (a `TimeInForce` or `CANCEL`), side (a `Side`).

Of a cancel only name, book and kind count.
"""

FILL: Final = Struct("=QIIII")
"""Wh, maker's name, taker's name, maker's account, tick."""

RESULT: Final = Struct("=QII")
"""Wh filled, or cancelled; number of fills; `Status`."""

CANCEL: Final = 3
"""Kind of an event that takes an order out."""

BOOKS_MAX: Final = 1 << 16
"""Most books of one set."""

NAMES_MAX: Final = 1 << 28
"""Most names of one set."""

Buffer = bytes | bytearray | memoryview
"""Anything that exports contiguous memory will do."""


class Batches(Protocol):
    """Books of several delivery intervals that share one sequence of events."""

    def __len__(self) -> int:
        """Return the number of orders resting in all books."""

    def submit(self, events: Buffer, fills: Buffer, results: Buffer) -> tuple[int, int]:
        """Carry out events in sequence.

        An order that meets another waits when the fills, if it filled all that rests in its book, might find no room;
        the caller takes the fills and submits what is left. An account never trades with itself, as in
        `market.book.interface`. The GIL is held all along. Books do not meet: whoever brings the events of each book
        together, in their sequence, gets the same and finds the processor's cache warmer, as long as no name goes from
        one book to another.

        Args:
            events: `EVENT` records.
            fills: Room for `FILL` records; for one more than the largest number of resting orders of a book, no
                event waits forever.
            results: Room for as many `RESULT` records as there are events.
        Returns:
            Number of events carried out, number of fills.

        Raises:
            ValueError: a buffer holds no whole records, is not aligned to 8 bytes, or is too small for the results.
        """

    def place(
        self, book: int, name: int, side: int, tick: int, quantity: int, account: int, time_in_force: int, /
    ) -> tuple[int, int]:
        """Carry out one order as an event of a batch, without the buffers.

        Returns: `Status`, Wh filled.

        Raises:
            OverflowError: an argument does not fit its field of an event.
        """

    def cancel(self, book: int, name: int, /) -> int:
        """Take a resting order out and return its Wh; 0 when no order of that name rests in that book."""

    def fills(self) -> list[tuple[int, int, int, int, int]]:
        """Return the fills of the last `place` as `FILL` has them."""

    def clear(self, book: int) -> None:
        """Drop every order of one book; costs as much for a full book as for an empty one."""

    def resting(self, book: int) -> int:
        """Return the number of orders resting in one book."""

    def best_bid(self, book: int) -> int | None:
        """Return the highest tick bid in one book."""

    def best_ask(self, book: int) -> int | None:
        """Return the lowest tick asked in one book."""

    def orders(self, book: int, side: int) -> list[tuple[int, int, int, int]]:
        """Return name, tick, Wh and account of every order resting on one side of a book, in priority sequence."""
