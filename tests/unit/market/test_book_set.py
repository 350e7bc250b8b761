"""Batches of raw records, on `BookSet` and on its twins."""

import tracemalloc
from functools import partial

import pytest

from energy.quantities import ENERGY_WH_MAX
from market.book import LEVELS_MAX, Batches, BookSet, OrderBook, ReferenceBookSet, Status
from market.book.batch import BOOKS_MAX, CANCEL, EVENT, FILL, NAMES_MAX, RESULT
from market.orders import Side, TimeInForce

BUY, SELL = Side.BUY, Side.SELL
GTG, IOC, FOK = TimeInForce.GOOD_TILL_GATE, TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL
BOOKS, LEVELS, CAPACITY, NAMES = 2, 100, 4, 10

every_set = pytest.mark.parametrize(
    "make", [BookSet, ReferenceBookSet, partial(ReferenceBookSet, make_book=OrderBook)], ids=["set", "twin", "single"]
)


def order(
    name: int, side: int, tick: int, wh: int = 5, account: int | None = None, book: int = 0, kind: int = GTG
) -> bytes:
    return EVENT.pack(wh, name, name if account is None else account, tick, book, kind, side)


def cancel(name: int, book: int = 0) -> bytes:
    return EVENT.pack(0, name, 0, 0, book, CANCEL, 0)


def submit(
    book_set: Batches, *events: bytes
) -> tuple[list[tuple[Status, int, int]], list[tuple[int, int, int, int, int]]]:
    """Return status, Wh and number of fills of each event, and the fills."""
    fills, results = bytearray(FILL.size * 50), bytearray(RESULT.size * len(events))
    done, filled = book_set.submit(b"".join(events), fills, results)
    assert done == len(events)
    outcomes = [(Status(status), wh, count) for wh, count, status in RESULT.iter_unpack(results)]
    return outcomes, [FILL.unpack_from(fills, number * FILL.size) for number in range(filled)]


def statuses(book_set: Batches, *events: bytes) -> list[Status]:
    return [status for status, _, _ in submit(book_set, *events)[0]]


@pytest.fixture
def book_set(make: type[BookSet]) -> Batches:
    return make(BOOKS, LEVELS, CAPACITY, NAMES)


@every_set
def test_fills_name_maker_and_taker_at_the_maker_s_price(book_set: Batches) -> None:
    outcomes, fills = submit(
        book_set, order(0, SELL, 50), order(1, SELL, 40, wh=3), order(2, BUY, 60, wh=6), order(3, BUY, 60, wh=9)
    )
    assert outcomes == [
        (Status.RESTING, 0, 0),
        (Status.RESTING, 0, 0),
        (Status.FILLED, 6, 2),
        (Status.RESTING, 2, 1),
    ]
    assert fills == [(3, 1, 2, 1, 40), (3, 0, 2, 0, 50), (2, 0, 3, 0, 50)]
    assert book_set.orders(0, BUY) == [(3, 60, 7, 3)]


@every_set
def test_a_batch_may_cancel_what_it_placed(book_set: Batches) -> None:
    first, second = order(0, BUY, 10, wh=7), order(1, BUY, 10, wh=8)  # the first of all places is no special one
    outcomes, _ = submit(book_set, first, second, cancel(1), cancel(1), cancel(0), order(1, BUY, 11))
    cancelled = [(Status.CANCELLED, 8, 0), (Status.NOT_RESTING, 0, 0), (Status.CANCELLED, 7, 0)]
    assert outcomes == [(Status.RESTING, 0, 0)] * 2 + cancelled + [(Status.RESTING, 0, 0)]
    assert book_set.orders(0, BUY) == [(1, 11, 5, 1)]


@every_set
def test_time_in_force_and_self_trade_prevention(book_set: Batches) -> None:
    submit(book_set, order(0, SELL, 50), order(1, SELL, 51))
    outcomes, fills = submit(
        book_set,
        order(2, BUY, 51, wh=11, kind=FOK),
        order(2, BUY, 51, wh=2, kind=FOK),
        order(2, BUY, 51, wh=9, account=1, kind=IOC),
        order(2, BUY, 50, wh=9, kind=IOC),
        order(2, BUY, 50, wh=9, kind=FOK),
    )
    assert [status for status, _, _ in outcomes] == [
        Status.UNFILLABLE,
        Status.FILLED,
        Status.SELF_TRADE,
        Status.IMMEDIATE_REST,
        Status.UNFILLABLE,
    ]
    assert [(wh, maker) for wh, maker, *_ in fills] == [(2, 0), (3, 0)]
    assert book_set.orders(0, SELL) == [(1, 51, 5, 1)]


@every_set
def test_books_of_different_intervals_do_not_meet(book_set: Batches) -> None:
    assert statuses(book_set, order(0, SELL, 10, book=0), order(1, BUY, 90, book=1)) == [Status.RESTING] * 2
    assert (book_set.best_ask(0), book_set.best_bid(0)) == (10, None)
    assert (book_set.best_ask(1), book_set.best_bid(1)) == (None, 90)
    assert (len(book_set), book_set.resting(0), book_set.resting(1)) == (2, 1, 1)


@every_set
def test_a_name_belongs_to_one_resting_order_of_all_books(book_set: Batches) -> None:
    assert statuses(book_set, order(0, BUY, 10), order(0, BUY, 9), order(0, BUY, 9, book=1)) == [
        Status.RESTING,
        Status.NAME_TAKEN,
        Status.NAME_TAKEN,
    ]
    assert statuses(book_set, cancel(0, book=1), cancel(0), cancel(1)) == [
        Status.NOT_RESTING,
        Status.CANCELLED,
        Status.NOT_RESTING,
    ]


@every_set
def test_a_name_is_free_once_its_order_is_filled(book_set: Batches) -> None:
    submit(book_set, order(0, SELL, 10), order(1, BUY, 10))
    assert statuses(book_set, cancel(0), order(0, BUY, 5, book=1)) == [Status.NOT_RESTING, Status.RESTING]


@every_set
def test_a_full_book_leaves_the_others_room(book_set: Batches) -> None:
    filling = [order(name, BUY, 10) for name in range(CAPACITY + 1)]
    assert statuses(book_set, *filling) == [Status.RESTING] * CAPACITY + [Status.FULL]
    assert statuses(book_set, order(9, BUY, 10, book=1)) == [Status.RESTING]


@every_set
def test_clear_drops_one_book_and_frees_its_names(book_set: Batches) -> None:
    submit(book_set, *[order(name, BUY, 10 + name) for name in range(4)], order(4, BUY, 10, book=1))
    book_set.clear(0)
    assert (book_set.resting(0), book_set.best_bid(0), book_set.resting(1)) == (0, None, 1)
    assert statuses(book_set, cancel(3), order(2, SELL, 1)) == [Status.NOT_RESTING, Status.RESTING]
    # Name 0 had the slot that name 2 has now, and name 2 one that nobody has.
    assert statuses(book_set, cancel(0), cancel(2)) == [Status.NOT_RESTING, Status.CANCELLED]


@every_set
@pytest.mark.parametrize(
    "event",
    [
        order(NAMES, BUY, 0),
        order(0, BUY, LEVELS),
        order(0, BUY, 2**32 - 1),
        order(0, 2, 0),
        order(0, BUY, 0, book=BOOKS),
        order(0, BUY, 0, wh=0),
        order(0, BUY, 0, wh=ENERGY_WH_MAX + 1),
        order(0, BUY, 0, wh=2**64 - 1),
        order(0, BUY, 0, kind=4),
        cancel(NAMES),
        cancel(0, book=BOOKS),
    ],
)
def test_a_malformed_event_changes_nothing(book_set: Batches, event: bytes) -> None:
    submit(book_set, order(0, BUY, 10), order(1, SELL, 90))
    outcomes, fills = submit(book_set, event, order(2, BUY, 11))
    assert outcomes == [(Status.MALFORMED, 0, 0), (Status.RESTING, 0, 0)]
    assert fills == []
    assert len(book_set) == 3


@every_set
def test_greatest_fields_fit(book_set: Batches) -> None:
    event = order(NAMES - 1, SELL, LEVELS - 1, wh=ENERGY_WH_MAX, account=2**32 - 1, book=BOOKS - 1)
    assert statuses(book_set, event) == [Status.RESTING]
    assert book_set.orders(BOOKS - 1, SELL) == [(NAMES - 1, LEVELS - 1, ENERGY_WH_MAX, 2**32 - 1)]


@every_set
def test_an_order_that_meets_another_waits_when_its_fills_might_find_no_room(book_set: Batches) -> None:
    submit(book_set, order(0, SELL, 10), order(1, SELL, 11), order(2, SELL, 12))
    events = order(3, BUY, 10, wh=1) + cancel(2) + order(4, BUY, 10, wh=1) + order(5, SELL, 13) + order(6, BUY, 10)
    fills, results = bytearray(FILL.size * 3), bytearray(RESULT.size * 5)
    assert book_set.submit(events, fills, results) == (4, 2), "what meets nothing does not wait"
    assert (book_set.resting(0), book_set.best_bid(0)) == (3, None)
    assert book_set.submit(events[4 * EVENT.size :], fills, results) == (1, 1)
    assert book_set.orders(0, BUY) == [(6, 10, 2, 6)]


@every_set
def test_a_batch_may_be_empty(book_set: Batches) -> None:
    assert book_set.submit(b"", bytearray(), bytearray()) == (0, 0)


@pytest.mark.parametrize(
    ("events", "fills", "results"),
    [
        (bytearray(EVENT.size + 1), bytearray(FILL.size), bytearray(RESULT.size)),
        (bytearray(EVENT.size), bytearray(FILL.size - 1), bytearray(RESULT.size)),
        (bytearray(2 * EVENT.size), bytearray(FILL.size), bytearray(RESULT.size)),
    ],
)
@every_set
def test_buffers_that_do_not_fit_are_a_value_error(
    book_set: Batches, events: bytearray, fills: bytearray, results: bytearray
) -> None:
    with pytest.raises(ValueError):
        book_set.submit(events, fills, results)


def test_buffers_must_be_aligned_and_writable() -> None:
    book_set = BookSet(1, 1, 1, 1)
    events = memoryview(bytearray(EVENT.size + 8))
    with pytest.raises(ValueError):
        book_set.submit(events[1 : 1 + EVENT.size], bytearray(FILL.size), bytearray(RESULT.size))
    with pytest.raises(BufferError):
        book_set.submit(events[:0], bytes(FILL.size), bytearray())
    events.release()


def test_buffers_are_let_go_of() -> None:
    buffers = [bytearray(EVENT.size), bytearray(FILL.size), bytearray(RESULT.size)]
    BookSet(1, 1, 1, 1).submit(*buffers)
    for buffer in buffers:
        buffer.append(0)


@every_set
def test_a_book_that_is_not_there_is_a_value_error(book_set: Batches) -> None:
    for ask in (book_set.clear, book_set.resting, book_set.best_bid, book_set.best_ask):
        for book in (-1, BOOKS):
            with pytest.raises(ValueError):
                ask(book)
    with pytest.raises(ValueError):
        book_set.orders(0, 2)


@every_set
@pytest.mark.parametrize(
    "dimensions",
    [(0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, 0), (BOOKS_MAX + 1, 1, 1, 1), (1, 1, 1, NAMES_MAX + 1)],
)
def test_impossible_dimensions_are_a_value_error(make: type[BookSet], dimensions: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError):
        make(*dimensions)


def test_more_slots_than_can_be_named_are_a_value_error() -> None:
    with pytest.raises(ValueError, match="slots"):
        BookSet(BOOKS_MAX, LEVELS_MAX, 1 << 22, 1)


@pytest.mark.parametrize("kind", [CANCEL, 4, 255])
@every_set
def test_only_a_time_in_force_is_placed(book_set: Batches, kind: int) -> None:
    assert book_set.place(0, 0, BUY, 1, 1, 1, kind) == (Status.MALFORMED, 0)


@pytest.mark.parametrize("beyond", [(1 << 16, 0), (0, 1 << 32), (-1, 0)])
def test_arguments_beyond_their_fields_are_an_overflow(beyond: tuple[int, int]) -> None:
    with pytest.raises(OverflowError):
        BookSet(1, 1, 1, 1).cancel(*beyond)


@pytest.mark.parametrize(("field", "bits"), enumerate([16, 32, 8, 32, 64, 32, 8]))
def test_an_order_beyond_its_fields_is_an_overflow(field: int, bits: int) -> None:
    book_set = BookSet(1, 1, 1, 1)
    for beyond in (1 << bits, -1):
        order = [0, 0, BUY, 0, 1, 0, GTG]
        order[field] = beyond
        with pytest.raises(OverflowError):
            book_set.place(*order)
    assert len(book_set) == 0


def test_batches_take_no_memory() -> None:
    book_set = BookSet(BOOKS, LEVELS, CAPACITY, NAMES)
    events = b"".join(order(name % NAMES, name % 2, 45 + name % 11, book=name % BOOKS) for name in range(5_000))
    fills, results = bytearray(FILL.size * 10_000), bytearray(RESULT.size * 5_000)
    book_set.submit(events, fills, results)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    book_set.submit(events, fills, results)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - before < 1_000
