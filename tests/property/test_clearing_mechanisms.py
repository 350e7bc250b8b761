"""What every mechanism owes its members, whatever they state; and, for two of them, that nothing beats the truth."""

from collections import Counter
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.clearing import (
    MECHANISMS,
    REPORTED,
    Mechanism,
    SealedBook,
    SealedOrder,
    best_lie,
    call_auction,
    huang,
    mcafee,
    muda,
    uniform_price,
)
from market.clearing.report import gain, welfare
from market.orders import Side
from tests.support.clearing import sealed_books


@pytest.mark.parametrize("mechanism", REPORTED.values(), ids=REPORTED)
@given(sealed_books(lots=True))
def test_deals_are_fair_on_lots(mechanism: Mechanism, book: SealedBook) -> None:
    assert_fair(mechanism, book)


@pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=MECHANISMS)
@given(sealed_books())
def test_deals_are_fair(mechanism: Mechanism, book: SealedBook) -> None:
    assert_fair(mechanism, book)


def assert_fair(mechanism: Mechanism, book: SealedBook) -> None:
    clearing = mechanism(book)
    assert len(clearing.filled_wh) == len(book)
    assert all(wh <= order.quantity_wh for wh, order in zip(clearing.filled_wh, book.orders, strict=True))
    dealt: Counter[int] = Counter()
    for deal in clearing.deals:
        buy, sell = book.orders[deal.buy], book.orders[deal.sell]
        assert (buy.side, sell.side) == (Side.BUY, Side.SELL)
        assert deal.quantity_wh > 0
        assert buy.tick >= deal.buyer_tick, "no buyer pays more than it bid (M2)"
        assert deal.buyer_tick >= deal.seller_tick, "the community pays nothing in"
        assert deal.seller_tick >= sell.tick, "no seller gets less than it asked (M2)"
        dealt[deal.buy] += deal.quantity_wh
        dealt[deal.sell] += deal.quantity_wh
    assert [dealt[place] for place in range(len(book))] == list(clearing.filled_wh), "M1"
    assert welfare(book, clearing) <= welfare(book, call_auction(book))


@pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=MECHANISMS)
@given(sealed_books(orders_max=6), st.data())
def test_best_lie_is_the_best_of_all(mechanism: Mechanism, book: SealedBook, data: st.DataObject) -> None:
    """Trying few prices finds as good a lie as trying all of them."""
    if not len(book):
        return
    place = data.draw(st.integers(0, len(book) - 1))
    gains = [gain(book, mechanism(restated(book, place, tick)), place) for tick in range(book.levels)]
    lie = best_lie(book, mechanism, place)
    assert (lie.gain_tick_wh if lie else 0) == max(gains) - gain(book, mechanism(book), place)


@given(sealed_books(orders_max=12))
def test_truth_is_best_with_huang(book: SealedBook) -> None:
    assert_truth_is_best(huang, book)


@given(sealed_books(orders_max=12, lots=True))
def test_truth_is_best_with_mcafee(book: SealedBook) -> None:
    assert_truth_is_best(mcafee, book)


@given(sealed_books(orders_max=12), st.binary(max_size=2))
def test_truth_is_best_with_muda_whatever_the_draw(book: SealedBook, seed: bytes) -> None:
    assert_truth_is_best(partial(muda, seed=seed), book)


def assert_truth_is_best(mechanism: Mechanism, book: SealedBook) -> None:
    honest = mechanism(book)
    for place in range(len(book)):
        for tick in range(book.levels):
            lied = mechanism(restated(book, place, tick))
            assert gain(book, lied, place) <= gain(book, honest, place), (place, tick)


@given(sealed_books(orders_max=12, lots=True))
def test_mcafee_loses_at_most_one_lot(book: SealedBook) -> None:
    if len(book):
        assert uniform_price(book).volume_wh - mcafee(book).volume_wh in (0, book.orders[0].quantity_wh)


@given(sealed_books(orders_max=12))
def test_huang_leaves_out_at_most_the_two_orders_that_set_its_prices(book: SealedBook) -> None:
    volume = uniform_price(book).volume_wh
    if volume:
        largest = max(order.quantity_wh for order in book.orders)
        assert huang(book).volume_wh >= volume - largest


def restated(book: SealedBook, place: int, tick: int) -> SealedBook:
    orders = list(book.orders)
    orders[place] = SealedOrder(orders[place].side, tick, orders[place].quantity_wh, orders[place].account)
    return SealedBook(book.levels, orders)
