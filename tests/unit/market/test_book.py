import pytest

from energy.quantities import ENERGY_WH_MAX
from market.book import LEVELS_MAX, Book, OrderBook, ReferenceBook, Status
from market.orders import Side, TimeInForce
from market.state import BookFactory

BUY, SELL = Side.BUY, Side.SELL
GTG, IOC, FOK = TimeInForce.GOOD_TILL_GATE, TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL
pytestmark = pytest.mark.parametrize("make", [OrderBook, ReferenceBook])


def rest(book: Book, side: Side, tick: int, quantity: int, account: int) -> int:
    status, filled, handle = book.place(side, tick, quantity, account, GTG)
    assert (status, filled) == (Status.RESTING, 0)
    return handle


def test_best_price_trades_first_in_both_directions(make: BookFactory) -> None:
    book = make(10, 10)
    dear, cheap = rest(book, SELL, 7, 5, 1), rest(book, SELL, 6, 5, 1)
    assert book.place(BUY, 9, 10, 2, GTG) == (Status.FILLED, 10, -1)
    assert book.fills() == [(cheap, 6, 5, 1, 0), (dear, 7, 5, 1, 0)]
    low, high = rest(book, BUY, 2, 5, 1), rest(book, BUY, 3, 5, 1)
    assert book.place(SELL, 0, 10, 2, GTG) == (Status.FILLED, 10, -1)
    assert book.fills() == [(high, 3, 5, 1, 0), (low, 2, 5, 1, 0)]


def test_oldest_order_of_a_price_trades_first_also_after_a_partial_fill(make: BookFactory) -> None:
    book = make(10, 10)
    first, second = rest(book, SELL, 5, 5, 1), rest(book, SELL, 5, 5, 2)
    book.place(BUY, 5, 2, 3, GTG)
    third = rest(book, SELL, 5, 5, 3)
    assert book.orders(SELL) == [(first, 5, 3, 1), (second, 5, 5, 2), (third, 5, 5, 3)]
    book.place(BUY, 5, 9, 4, GTG)
    assert book.fills() == [(first, 5, 3, 1, 0), (second, 5, 5, 2, 0), (third, 5, 1, 3, 4)]


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_cancel_of_head_middle_and_tail_keeps_the_others_in_sequence(make: BookFactory, gone: int) -> None:
    book = make(10, 10)
    handles = [rest(book, BUY, 4, 1 + account, account) for account in range(3)]
    assert book.cancel(handles[gone]) == 1 + gone
    left = [account for account in range(3) if account != gone]
    assert [account for *_, account in book.orders(BUY)] == left
    book.place(SELL, 4, 6, 9, IOC)
    assert [account for *_, account, _ in book.fills()] == left


def test_cancel_of_the_best_order_uncovers_the_next_level(make: BookFactory) -> None:
    book = make(200, 10)
    rest(book, BUY, 3, 1, 1)
    best_bid = rest(book, BUY, 150, 1, 1)
    best_ask = rest(book, SELL, 151, 1, 1)
    rest(book, SELL, 199, 1, 1)
    book.cancel(best_bid)
    book.cancel(best_ask)
    assert (book.best_bid(), book.best_ask()) == (3, 199)


def test_cancel_of_a_dead_handle_changes_nothing(make: BookFactory) -> None:
    book = make(10, 10)
    handle = rest(book, BUY, 4, 7, 1)
    assert book.cancel(handle) == 7
    assert [book.cancel(dead) for dead in (handle, 5, 10, 99, -1)] == [0] * 5
    assert len(book) == 0


def test_rest_of_a_marketable_order_rests_at_its_limit(make: BookFactory) -> None:
    book = make(10, 10)
    rest(book, SELL, 5, 4, 1)
    status, filled, handle = book.place(BUY, 6, 10, 2, GTG)
    assert (status, filled) == (Status.RESTING, 4)
    assert book.orders(BUY) == [(handle, 6, 6, 2)]
    assert book.best_ask() is None


def test_own_order_stops_the_taker_where_it_stands_in_priority(make: BookFactory) -> None:
    book = make(10, 10)
    other, own = rest(book, SELL, 5, 4, 1), rest(book, SELL, 5, 4, 2)
    behind = rest(book, SELL, 6, 4, 1)
    assert book.place(BUY, 9, 10, 2, GTG) == (Status.SELF_TRADE, 4, -1)
    assert book.fills() == [(other, 5, 4, 1, 0)]
    assert book.orders(SELL) == [(own, 5, 4, 2), (behind, 6, 4, 1)]
    assert book.orders(BUY) == []
    assert book.place(BUY, 9, 10, 2, GTG) == (Status.SELF_TRADE, 0, -1)


def test_own_order_behind_enough_others_does_not_matter(make: BookFactory) -> None:
    book = make(10, 10)
    rest(book, SELL, 5, 4, 1)
    rest(book, SELL, 5, 4, 2)
    assert book.place(BUY, 5, 4, 2, FOK) == (Status.FILLED, 4, -1)


def test_immediate_or_cancel_never_rests(make: BookFactory) -> None:
    book = make(10, 10)
    assert book.place(BUY, 5, 3, 1, IOC) == (Status.IMMEDIATE_REST, 0, -1)
    rest(book, SELL, 5, 2, 2)
    assert book.place(BUY, 5, 3, 1, IOC) == (Status.IMMEDIATE_REST, 2, -1)
    assert len(book) == 0


def test_fill_or_kill_takes_all_or_changes_nothing(make: BookFactory) -> None:
    book = make(10, 10)
    rest(book, SELL, 5, 4, 1)
    rest(book, SELL, 6, 4, 1)
    rest(book, SELL, 7, 4, 1)
    before = book.orders(SELL)
    assert book.fillable(BUY, 6, 9, 2) == 8
    assert book.place(BUY, 6, 9, 2, FOK) == (Status.UNFILLABLE, 0, -1)
    assert (book.orders(SELL), book.fills()) == (before, [])
    assert book.place(BUY, 6, 8, 2, FOK) == (Status.FILLED, 8, -1)


def test_fill_or_kill_is_stopped_by_an_own_order(make: BookFactory) -> None:
    book = make(10, 10)
    rest(book, SELL, 5, 4, 1)
    rest(book, SELL, 5, 4, 2)
    rest(book, SELL, 5, 4, 1)
    assert book.fillable(BUY, 5, 8, 2) == 4
    assert book.place(BUY, 5, 8, 2, FOK) == (Status.UNFILLABLE, 0, -1)


def test_full_book_refuses_only_what_would_need_a_place(make: BookFactory) -> None:
    book = make(10, 2)
    rest(book, SELL, 5, 4, 1)
    rest(book, BUY, 2, 4, 2)
    assert book.place(BUY, 4, 1, 3, GTG) == (Status.FULL, 0, -1)
    assert book.place(BUY, 4, 1, 3, IOC) == (Status.IMMEDIATE_REST, 0, -1)
    assert book.place(BUY, 5, 1, 1, GTG) == (Status.SELF_TRADE, 0, -1)
    assert book.place(BUY, 5, 9, 3, GTG) == (Status.RESTING, 4, 0)
    assert len(book) == 2


def test_handle_freed_last_is_given_first(make: BookFactory) -> None:
    book = make(10, 10)
    assert [rest(book, BUY, 1, 1, 1) for _ in range(4)] == [0, 1, 2, 3]
    book.cancel(2)
    book.cancel(0)
    assert [rest(book, BUY, 1, 1, 1) for _ in range(3)] == [0, 2, 4]


def test_depth_and_total_add_up_levels_from_the_best(make: BookFactory) -> None:
    book = make(10, 10)
    for tick, quantity in ((3, 5), (1, 2), (3, 4)):
        rest(book, BUY, tick, quantity, 1)
    assert book.depth(BUY, 9) == [(3, 9, 2), (1, 2, 1)]
    assert book.depth(BUY, 1) == [(3, 9, 2)]
    assert book.depth(BUY, 0) == []
    assert (book.total(BUY), book.total(SELL)) == (11, 0)


@pytest.mark.parametrize("levels", [1, 64, 4_096, 4_097, LEVELS_MAX])
def test_both_ends_of_every_ladder_work(make: BookFactory, levels: int) -> None:
    book = make(levels, 4)
    low = rest(book, BUY, 0, 1, 1)
    assert book.best_bid() == 0
    book.cancel(low)
    high = rest(book, SELL, levels - 1, 1, 1)
    assert book.best_ask() == levels - 1
    book.cancel(high)
    for side, best, other in ((BUY, levels - 1, 0), (SELL, 0, levels - 1)):
        behind, ahead = rest(book, side, other, 1, 1), rest(book, side, best, 2, 1)
        assert book.depth(side, 2)[0][0] == best
        book.cancel(ahead)
        assert book.depth(side, 2) == [(other, 1, 1)], "the other end is found from this one"
        book.cancel(behind)
    rest(book, BUY, levels - 1, 1, 1)
    assert book.place(SELL, 0, 1, 2, GTG)[0] == Status.FILLED
    assert (book.best_bid(), book.best_ask()) == (None, None)


def test_greatest_quantities_add_up(make: BookFactory) -> None:
    book = make(10, 4)
    for _ in range(4):
        rest(book, SELL, 5, ENERGY_WH_MAX, 1)
    assert book.total(SELL) == 4 * ENERGY_WH_MAX


def test_clear_drops_everything_and_the_book_works_on(make: BookFactory) -> None:
    book = make(100, 3)
    for tick in (10, 20, 90):
        rest(book, SELL, tick, 1, 1)
    book.clear()
    assert (len(book), book.best_ask(), book.orders(SELL), book.fills()) == (0, None, [], [])
    assert [rest(book, SELL, 50, 1, 1) for _ in range(3)] == [0, 1, 2]
    assert book.cancel(2) == 1


@pytest.mark.parametrize(
    "order",
    [
        (2, 0, 1, 0, 0),
        (-1, 0, 1, 0, 0),
        (0, -1, 1, 0, 0),
        (0, 10, 1, 0, 0),
        (0, 0, 0, 0, 0),
        (0, 0, ENERGY_WH_MAX + 1, 0, 0),
        (0, 0, 1, -1, 0),
        (0, 0, 1, 1 << 32, 0),
        (0, 0, 1, 0, 3),
        (0, 0, 1, 0, -1),
    ],
)
def test_arguments_out_of_range_are_a_value_error(make: BookFactory, order: tuple[int, int, int, int, int]) -> None:
    book = make(10, 10)
    with pytest.raises(ValueError):
        book.place(*order)
    assert len(book) == 0


@pytest.mark.parametrize(("levels", "capacity"), [(0, 1), (1, 0), (LEVELS_MAX + 1, 1), (1, 1 << 23), (-1, 1)])
def test_impossible_dimensions_are_a_value_error(make: BookFactory, levels: int, capacity: int) -> None:
    with pytest.raises(ValueError):
        make(levels, capacity)
