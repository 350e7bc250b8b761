import pytest

from market.clearing import (
    LOT_MECHANISMS,
    MECHANISMS,
    Lie,
    SealedBook,
    SealedOrder,
    best_lie,
    call_auction,
    compare,
    huang,
    pay_as_bid,
)
from market.orders import Side
from tests.support.clearing import sealed

BOOK = sealed("sell 10 at 2", "buy 10 at 9", "buy 10 at 7", "sell 10 at 4", "buy 10 at 3", "sell 10 at 8", levels=11)


def test_report_adds_up_for_every_mechanism() -> None:
    for assessment in compare(BOOK, LOT_MECHANISMS).values():
        parts = assessment.buyers_tick_wh + assessment.sellers_tick_wh + assessment.community_tick_wh
        assert parts == assessment.welfare_tick_wh
        assert assessment.optimum_tick_wh == 10 * (9 - 2) + 10 * (7 - 4)


def test_report_tells_volume_prices_and_who_gains() -> None:
    report = compare(BOOK, LOT_MECHANISMS)
    shown = {
        name: (each.volume_wh, each.lowest_tick, each.highest_tick, each.buyers_tick_wh, each.sellers_tick_wh)
        for name, each in report.items()
    }
    assert shown == {
        "continuous": (20, 2, 7, 70, 30),
        "call": (20, 5, 5, 60, 40),
        "pay-as-bid": (20, 7, 9, 0, 100),
        "huang": (10, 4, 7, 20, 20),
        "mcafee": (20, 5, 5, 60, 40),
    }
    assert report["huang"].community_tick_wh == 30
    assert report["huang"].efficiency_ppm == 700_000
    assert report["call"].efficiency_ppm == 1_000_000


def test_efficiency_is_whole_where_there_is_nothing_to_gain() -> None:
    assessment = compare(sealed("buy 1 at 1", "sell 1 at 2"))["huang"]
    assert assessment.efficiency_ppm == 1_000_000
    assert (assessment.lowest_tick, assessment.highest_tick) == (None, None)


def test_lies_pay_where_the_price_can_be_moved() -> None:
    liars = range(len(BOOK.orders))
    report = compare(BOOK, LOT_MECHANISMS, liars)
    assert {name for name, each in report.items() if each.lie} == {"continuous", "call", "pay-as-bid"}
    assert report["pay-as-bid"].lie == Lie(order=1, tick=4, gain_tick_wh=50)


def test_best_lie_moves_the_price_no_further_than_pays() -> None:
    """The bid of 7 sets the upper end of the prices that balance; at 4 it still trades, at 4 instead of 5."""
    assert best_lie(BOOK, call_auction, 2) == Lie(2, 4, 10)
    assert best_lie(BOOK, huang, 2) is None


def test_sellers_lie_to_be_joined_with_the_best_bid() -> None:
    """The ask of 8, which would not trade, is joined with the bid of 9 if it is the lowest."""
    assert best_lie(BOOK, pay_as_bid, 5) == Lie(5, 0, 10)


def test_nobody_lies_unless_asked_for() -> None:
    assert all(each.lie is None for each in compare(BOOK, MECHANISMS).values())


def test_lies_that_no_book_takes_are_not_tried() -> None:
    orders = [SealedOrder(Side.BUY, 5, 10, 1), SealedOrder(Side.SELL, 8, 10, 1), SealedOrder(Side.SELL, 2, 10, 2)]
    assert best_lie(SealedBook(11, orders), call_auction, 0) == Lie(0, 2, 10)


def test_the_best_of_all_lies_is_told() -> None:
    lies = [lie for place in range(len(BOOK.orders)) if (lie := best_lie(BOOK, pay_as_bid, place))]
    assert len(lies) > 1
    told = compare(BOOK, {"pay-as-bid": pay_as_bid}, range(len(BOOK.orders)))["pay-as-bid"].lie
    assert told == max(lies, key=lambda lie: lie.gain_tick_wh)


@pytest.mark.parametrize("name", MECHANISMS)
def test_empty_book(name: str) -> None:
    assessment = compare(sealed())[name]
    assert (assessment.volume_wh, assessment.welfare_tick_wh, assessment.lie) == (0, 0, None)
