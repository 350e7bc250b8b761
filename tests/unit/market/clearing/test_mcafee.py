import pytest

from market.clearing import SealedBook, SealedOrder, mcafee
from market.orders import Side
from tests.support.clearing import filled, sealed


def test_half_a_tick_goes_to_the_buyers() -> None:
    clearing = mcafee(sealed("buy 4 at 9", "sell 4 at 3", "buy 4 at 5", "sell 4 at 8"))
    assert [(deal.buyer_tick, deal.seller_tick) for deal in clearing.deals] == [(6, 6)]


def test_ends_of_the_ladder_stand_for_orders_that_are_not_there() -> None:
    clearing = mcafee(sealed("buy 4 at 9", "sell 4 at 3", levels=13))
    assert [(deal.quantity_wh, deal.buyer_tick) for deal in clearing.deals] == [(4, 6)]


def test_refused_offer_costs_the_last_pair_its_trade() -> None:
    """Next pair 1 and 11: the offer of 6 is above the third bid, so its pair sets the prices and is left out."""
    book = sealed(
        "buy 4 at 9",
        "buy 4 at 8",
        "buy 4 at 5",
        "buy 4 at 1",
        "sell 4 at 2",
        "sell 4 at 3",
        "sell 4 at 4",
        "sell 4 at 11",
    )
    clearing = mcafee(book)
    assert filled(clearing) == [4, 4, 0, 0, 4, 4, 0, 0]
    assert {(deal.buyer_tick, deal.seller_tick) for deal in clearing.deals} == {(5, 4)}


def test_lots_of_several_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="one size"):
        mcafee(sealed("buy 4 at 9", "sell 5 at 3"))


def test_several_orders_of_one_account_are_refused() -> None:
    with pytest.raises(ValueError, match="one order of each account"):
        mcafee(SealedBook(10, [SealedOrder(Side.BUY, 5, 1, 7), SealedOrder(Side.BUY, 4, 1, 7)]))
