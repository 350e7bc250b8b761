import pytest

from market.clearing import SealedBook, SealedOrder, huang
from market.orders import Side
from tests.support.clearing import filled, sealed


@pytest.mark.parametrize(
    ("offered", "wanted", "sold"),
    [
        ((100, 200, 300), 540, [80, 180, 280]),  # PyMarket's examples of the rationing, in hundredths
        ((100, 50, 200), 170, [35, 0, 135]),
        ((5, 5, 5), 13, [4, 4, 5]),  # odd Wh are given up by the earliest
    ],
)
def test_long_side_gives_up_the_same_each(offered: tuple[int, ...], wanted: int, sold: list[int]) -> None:
    """The last bid and the last ask that would trade, at 6 and 5, set the prices."""
    sellers = [f"sell {quantity} at {place}" for place, quantity in enumerate(offered)]
    clearing = huang(sealed(*sellers, f"buy {wanted} at 9", "buy 1000 at 6", "sell 1000 at 5"))
    assert filled(clearing) == [*sold, wanted, 0, 0]
    assert {(deal.buyer_tick, deal.seller_tick) for deal in clearing.deals} == {(6, 5)}


def test_rationing_does_not_look_at_prices() -> None:
    """The same quantities at other prices, still better than the one that sets the price: the same fills."""
    market = ("buy 13 at 9", "buy 1000 at 6", "sell 1000 at 5")
    rising = huang(sealed("sell 5 at 0", "sell 5 at 1", "sell 5 at 2", *market))
    falling = huang(sealed("sell 5 at 2", "sell 5 at 1", "sell 5 at 0", *market))
    assert filled(rising) == filled(falling)


def test_long_demand_gives_up_as_well() -> None:
    clearing = huang(sealed("buy 8 at 9", "buy 4 at 8", "sell 6 at 1", "buy 50 at 6", "sell 90 at 5"))
    assert filled(clearing) == [5, 1, 6, 0, 0]


def test_nothing_meets() -> None:
    assert filled(huang(sealed("buy 1 at 1", "sell 1 at 2"))) == [0, 0]


def test_several_orders_of_one_account_are_refused() -> None:
    with pytest.raises(ValueError, match="one order of each account"):
        huang(SealedBook(10, [SealedOrder(Side.BUY, 5, 1, 7), SealedOrder(Side.BUY, 4, 1, 7)]))
