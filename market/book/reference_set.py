"""`ReferenceBookSet`: what `BookSet` does with a batch, one order at a time through the books of the intervals.

On `ReferenceBook`s it is the plain truth that `BookSet` is judged by; on `OrderBook`s it shows that a batch gives what
single orders give. Units: ticks and Wh.
"""

from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

from energy.quantities import ENERGY_WH_MAX
from market.book.batch import BOOKS_MAX, CANCEL, EVENT, FILL, NAMES_MAX, RESULT, Buffer
from market.book.interface import Book, Status
from market.book.reference import ReferenceBook
from market.orders import Side


class _Event(NamedTuple):
    quantity: int
    name: int
    account: int
    tick: int
    book: int
    kind: int
    side: int


class _Outcome(NamedTuple):
    status: Status
    quantity: int = 0
    fills: tuple[tuple[int, int, int, int, int], ...] = ()


class ReferenceBookSet:
    """One single book per interval, and what is called how in each."""

    def __init__(
        self,
        books: int,
        levels: int,
        capacity: int,
        names: int,
        make_book: Callable[[int, int], Book] = ReferenceBook,
    ) -> None:
        """Make `books` empty books of at most `capacity` resting orders each, with `names` names for all of them."""
        if not (1 <= books <= BOOKS_MAX and 1 <= names <= NAMES_MAX):
            raise ValueError(f"a set has 1 to {BOOKS_MAX} books and 1 to {NAMES_MAX} names")
        self._books = [make_book(levels, capacity) for _ in range(books)]
        self._fills: tuple[tuple[int, int, int, int, int], ...] = ()
        self._levels = levels
        self._names = names
        self._handles: dict[int, tuple[int, int]] = {}
        self._named: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        """Return the number of orders resting in all books."""
        return sum(map(len, self._books))

    def submit(self, events: Buffer, fills: Buffer, results: Buffer) -> tuple[int, int]:
        """Carry out events in sequence; see `Batches.submit`."""
        fills, results = memoryview(fills).cast("B"), memoryview(results).cast("B")
        room = _records(fills, FILL)
        if _records(results, RESULT) < _records(memoryview(events), EVENT):
            raise ValueError("fewer results than events")
        done = filled = 0
        for event in map(_Event._make, EVENT.iter_unpack(events)):
            if self._meets(event) and room - filled < len(self._books[event.book]):
                break
            outcome = self._carry_out(event)
            for fill in outcome.fills:
                FILL.pack_into(fills, filled * FILL.size, *fill)
                filled += 1
            RESULT.pack_into(results, done * RESULT.size, outcome.quantity, len(outcome.fills), outcome.status)
            done += 1
        return done, filled

    def place(
        self, book: int, name: int, side: int, tick: int, quantity: int, account: int, time_in_force: int, /
    ) -> tuple[int, int]:
        """Carry out one order; see `Batches.place`."""
        event = _Event(quantity, name, account, tick, book, time_in_force, side)
        outcome = self._place(event) if self._is_order(event) else _Outcome(Status.MALFORMED)
        self._fills = outcome.fills
        return outcome.status, outcome.quantity

    def cancel(self, book: int, name: int, /) -> int:
        """Take a resting order out and return its Wh; 0 when no order of that name rests in that book."""
        self._fills = ()
        return self._carry_out(_Event(0, name, 0, 0, book, CANCEL, 0)).quantity

    def fills(self) -> list[tuple[int, int, int, int, int]]:
        """Return the fills of the last `place` as `FILL` has them."""
        return list(self._fills)

    def clear(self, book: int) -> None:
        """Drop every order of one book."""
        self._book(book).clear()
        for place in [place for place in self._named if place[0] == book]:
            del self._handles[self._named.pop(place)]

    def resting(self, book: int) -> int:
        """Return the number of orders resting in one book."""
        return len(self._book(book))

    def best_bid(self, book: int) -> int | None:
        """Return the highest tick bid in one book."""
        return self._book(book).best_bid()

    def best_ask(self, book: int) -> int | None:
        """Return the lowest tick asked in one book."""
        return self._book(book).best_ask()

    def orders(self, book: int, side: int) -> list[tuple[int, int, int, int]]:
        """Return name, tick, Wh and account of every order resting on one side of a book, in priority sequence."""
        orders = self._book(book).orders(side)
        return [(self._named[book, handle], tick, quantity, account) for handle, tick, quantity, account in orders]

    def _book(self, index: int) -> Book:
        if not 0 <= index < len(self._books):
            raise ValueError(f"book {index} is not in 0 to {len(self._books) - 1}")
        return self._books[index]

    def _is_known(self, event: _Event) -> bool:
        return event.book < len(self._books) and event.name < self._names and event.kind <= CANCEL

    def _is_order(self, event: _Event) -> bool:
        fields_fit = event.tick < self._levels and event.side <= 1 and 1 <= event.quantity <= ENERGY_WH_MAX
        return self._is_known(event) and event.kind != CANCEL and fields_fit

    def _meets(self, event: _Event) -> bool:
        if not self._is_order(event) or event.name in self._handles:
            return False
        bid, ask = self._books[event.book].best_bid(), self._books[event.book].best_ask()
        if event.side == Side.BUY:
            return ask is not None and ask <= event.tick
        return bid is not None and event.tick <= bid

    def _carry_out(self, event: _Event) -> _Outcome:
        if self._is_order(event):
            return self._place(event)
        return self._cancel(event) if self._is_known(event) and event.kind == CANCEL else _Outcome(Status.MALFORMED)

    def _place(self, event: _Event) -> _Outcome:
        if event.name in self._handles:
            return _Outcome(Status.NAME_TAKEN)
        book = self._books[event.book]
        status, filled, handle = book.place(event.side, event.tick, event.quantity, event.account, event.kind)
        fills = []
        for maker_handle, tick, quantity, account, rest in book.fills() if filled else ():
            maker = self._named[event.book, maker_handle]
            fills.append((quantity, maker, event.name, account, tick))
            if rest == 0:
                self._forget(maker)
        if handle >= 0:
            self._handles[event.name] = event.book, handle
            self._named[event.book, handle] = event.name
        return _Outcome(Status(status), filled, tuple(fills))

    def _cancel(self, event: _Event) -> _Outcome:
        book, handle = self._handles.get(event.name, (event.book, -1))
        quantity = self._books[book].cancel(handle) if book == event.book else 0
        if quantity == 0:
            return _Outcome(Status.NOT_RESTING)
        self._forget(event.name)
        return _Outcome(Status.CANCELLED, quantity)

    def _forget(self, name: int) -> None:
        del self._named[self._handles.pop(name)]


def _records(buffer: memoryview, record: Struct) -> int:
    records, odd_bytes = divmod(buffer.nbytes, record.size)
    if odd_bytes:
        raise ValueError(f"{buffer.nbytes} bytes are no whole records of {record.size}")
    return records
