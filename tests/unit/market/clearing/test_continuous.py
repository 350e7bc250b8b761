from market.clearing import Deal, continuous
from tests.support.clearing import filled, sealed


def test_orders_match_as_they_arrive_at_the_price_that_rests() -> None:
    book = sealed("sell 5 at 4", "buy 3 at 9", "sell 2 at 3", "buy 9 at 4", "sell 4 at 1")
    clearing = continuous(book)
    assert clearing.deals == (
        Deal(1, 0, 3, 4, 4),
        Deal(3, 2, 2, 3, 3),
        Deal(3, 0, 2, 4, 4),
        Deal(3, 4, 4, 4, 4),
    )
    assert filled(clearing) == [5, 3, 2, 8, 4]


def test_places_that_are_used_again_are_told_apart() -> None:
    """The second seller rests in the slot that the first one left."""
    clearing = continuous(sealed("sell 5 at 4", "buy 5 at 4", "sell 3 at 4", "buy 3 at 5"))
    assert [(deal.buy, deal.sell) for deal in clearing.deals] == [(1, 0), (3, 2)]


def test_empty_book() -> None:
    assert continuous(sealed()).deals == ()
