import pytest

from energy.quantities import ENERGY_WH_MAX
from market.book import LEVELS_MAX, OrderBook
from market.clearing import SealedBook, SealedOrder, call_auction
from market.orders import Side, TimeInForce
from tests.support.clearing import sealed


@pytest.mark.parametrize(
    ("order", "what"),
    [
        (SealedOrder(Side.BUY, -1, 1, 0), "tick"),
        (SealedOrder(Side.BUY, 10, 1, 0), "tick"),
        (SealedOrder(Side.SELL, 0, 0, 0), "quantity"),
        (SealedOrder(Side.SELL, 0, ENERGY_WH_MAX + 1, 0), "quantity"),
        (SealedOrder(Side.SELL, 0, 1, -1), "account"),
        (SealedOrder(Side.SELL, 0, 1, 1 << 32), "account"),
        (SealedOrder(2, 0, 1, 0), "side"),  # type: ignore[arg-type]
    ],
)
def test_orders_out_of_range_are_refused(order: SealedOrder, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        SealedBook(10, [order])


@pytest.mark.parametrize("levels", [0, LEVELS_MAX + 1])
def test_ladders_out_of_range_are_refused(levels: int) -> None:
    with pytest.raises(ValueError, match="levels"):
        SealedBook(levels, [])


def test_bounds_themselves_are_taken() -> None:
    book = SealedBook(10, [SealedOrder(Side.BUY, 9, ENERGY_WH_MAX, (1 << 32) - 1), SealedOrder(Side.SELL, 0, 1, 0)])
    assert call_auction(book).volume_wh == 1


@pytest.mark.parametrize("first", list(Side))
def test_own_orders_that_would_trade_are_refused(first: Side) -> None:
    orders = [SealedOrder(Side.BUY, 5, 1, 7), SealedOrder(Side.BUY, 3, 1, 7), SealedOrder(Side.SELL, 5, 1, 7)]
    with pytest.raises(ValueError, match="account 7"):
        SealedBook(10, orders if first == Side.BUY else reversed(orders))


def test_own_orders_apart_are_taken() -> None:
    assert len(SealedBook(10, [SealedOrder(Side.BUY, 5, 1, 7), SealedOrder(Side.SELL, 6, 1, 7)])) == 2


def test_merit_is_price_then_arrival() -> None:
    book = sealed("buy 1 at 5", "sell 1 at 5", "buy 1 at 6", "sell 1 at 4", "buy 1 at 5", "sell 1 at 5")
    assert book.by_merit(Side.BUY) == [2, 0, 4]
    assert book.by_merit(Side.SELL) == [3, 1, 5]


def test_order_book_is_taken_over_in_priority() -> None:
    ladder = OrderBook(10, 10)
    for order in ((0, 3, 5, 1), (0, 4, 6, 2), (0, 3, 7, 3), (1, 8, 1, 4), (1, 6, 2, 5)):
        ladder.place(*order, TimeInForce.GOOD_TILL_GATE)
    book = SealedBook.of(ladder, 10)
    assert [(order.side, order.tick, order.quantity_wh, order.account) for order in book.orders] == [
        (Side.BUY, 4, 6, 2),
        (Side.BUY, 3, 5, 1),
        (Side.BUY, 3, 7, 3),
        (Side.SELL, 6, 2, 5),
        (Side.SELL, 8, 1, 4),
    ]
    assert call_auction(book).deals == ()


def test_several_orders_of_one_account_are_noticed() -> None:
    book = SealedBook(10, [SealedOrder(Side.BUY, 5, 1, 7), SealedOrder(Side.BUY, 4, 1, 7)])
    with pytest.raises(ValueError, match="one order of each account"):
        book.require_one_order_each()
    sealed("buy 1 at 5", "buy 1 at 4").require_one_order_each()
