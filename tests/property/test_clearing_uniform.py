"""The call auction: the compiled kernel against its twin, and its welfare against a linear programme."""

import random

import pytest
from hypothesis import given

from benchmarks.clearing import naive_volume
from market.clearing import SealedBook, call_auction, reference_uniform_price, uniform_price
from market.clearing.report import welfare
from market.orders import Side
from tests.support.clearing import Programme, random_book, sealed_books


@given(sealed_books())
def test_kernel_is_its_twin(book: SealedBook) -> None:
    assert uniform_price(book) == reference_uniform_price(book)


@given(sealed_books())
def test_price_leaves_nobody_envious(book: SealedBook) -> None:
    """M1 and M2; whoever is better than the price is filled whole, and at most one order is split."""
    result = uniform_price(book)
    if result.tick is None:
        assert not any(result.filled_wh)
        assert all(
            bid.tick < ask.tick
            for bid in book.orders
            for ask in book.orders
            if bid.side == Side.BUY and ask.side == Side.SELL
        )
        return
    by_side = dict.fromkeys(Side, 0)
    for order, wh in zip(book.orders, result.filled_wh, strict=True):
        by_side[order.side] += wh
        advantage = order.tick - result.tick if order.side == Side.BUY else result.tick - order.tick
        assert wh == 0 or advantage >= 0, "M2"
        assert wh == order.quantity_wh or advantage <= 0
    assert by_side[Side.BUY] == by_side[Side.SELL] == result.volume_wh > 0, "M1"
    split = [0 < wh < order.quantity_wh for order, wh in zip(book.orders, result.filled_wh, strict=True)]
    assert sum(split) <= 1


@given(sealed_books())
def test_naive_loop_trades_as_much(book: SealedBook) -> None:
    assert naive_volume(book) == uniform_price(book).volume_wh


def compare_with_programme(books: int, seed: int) -> None:
    chance = random.Random(seed)
    programme = Programme()
    for _ in range(books):
        book = random_book(chance)
        assert welfare(book, call_auction(book)) == programme.welfare(book), book


def test_welfare_is_the_optimum_of_a_linear_programme() -> None:
    compare_with_programme(1_000, seed=5)


@pytest.mark.long
def test_welfare_is_the_optimum_of_a_linear_programme_on_ten_thousand_books() -> None:
    compare_with_programme(10_000, seed=7)


@pytest.mark.long
def test_kernel_is_its_twin_on_many_books() -> None:
    chance = random.Random(11)
    for _ in range(100_000):
        book = random_book(chance)
        if book.levels <= 10:
            assert uniform_price(book) == reference_uniform_price(book), book
