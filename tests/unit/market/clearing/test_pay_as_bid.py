from market.clearing import Deal, call_auction, pay_as_bid
from tests.support.clearing import filled, sealed


def test_each_buyer_pays_its_own_bid_to_the_seller_it_is_joined_with() -> None:
    book = sealed("buy 10 at 9", "buy 5 at 7", "buy 5 at 3", "sell 8 at 2", "sell 6 at 5", "sell 9 at 8")
    clearing = pay_as_bid(book)
    assert clearing.deals == (Deal(0, 3, 8, 9, 9), Deal(0, 4, 2, 9, 9), Deal(1, 4, 4, 7, 7))
    assert filled(clearing) == [10, 4, 0, 8, 6, 0]


def test_fills_are_those_of_the_call_auction() -> None:
    book = sealed("buy 10 at 9", "sell 6 at 9", "buy 2 at 9", "sell 8 at 1")
    assert filled(pay_as_bid(book)) == filled(call_auction(book))


def test_nothing_meets() -> None:
    assert pay_as_bid(sealed("buy 1 at 1", "sell 1 at 2")).deals == ()
