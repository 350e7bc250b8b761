from market.config import MarketConfig
from market.orders import Order, Side
from node.orders.comparing import sealed, totals
from tests.support.market import order

BUY, SELL = Side.BUY, Side.SELL
CONFIG = MarketConfig()


def day() -> list[list[Order]]:
    return [
        [order(1, BUY, 10, 150_000, 1), order(2, BUY, 10, 120_000, 1), order(3, SELL, 10, 90_000, 1)],
        [order(1, BUY, 10, 150_000, 2), order(1, BUY, 5, 140_000, 3), order(3, SELL, 12, 100_000, 2)],
    ]


def test_each_mechanism_is_added_up_over_the_intervals_that_it_can_clear() -> None:
    found = {each.mechanism: each for each in totals(day(), CONFIG, with_lies=True)}
    call = found["call"]
    # 10 Wh at a gain of 60, then 10 at 50 and 2 at 40 µ€ per Wh, times a thousand.
    assert (call.intervals, call.volume_wh) == (2, 22)
    assert call.welfare_neur == call.optimum_neur == 1_000 * (10 * 60 + 10 * 50 + 2 * 40)
    assert call.welfare_neur == call.buyers_neur + call.sellers_neur + call.community_neur
    assert found["huang"].intervals == found["mcafee"].intervals == 1, "one account has two orders in the second"
    assert found["pay-as-bid"].buyers_neur == 0
    assert found["pay-as-bid"].best_lie_neur
    assert found["mcafee"].best_lie_neur == 0
    assert call.lowest_ueur_per_kwh is not None
    assert call.lowest_ueur_per_kwh <= (call.highest_ueur_per_kwh or 0)


def test_nothing_is_looked_for_that_was_not_asked() -> None:
    assert {each.best_lie_neur for each in totals(day(), CONFIG, with_lies=False)} == {None}


def test_an_order_that_meets_an_own_earlier_one_is_left_out() -> None:
    book = sealed(
        [order(1, BUY, 10, 150_000, 1), order(1, SELL, 10, 150_000, 2), order(1, SELL, 1, 151_000, 3)], CONFIG
    )
    assert [each.quantity_wh for each in book.orders] == [10, 1]
