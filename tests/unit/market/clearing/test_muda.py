from dataclasses import replace

import pytest

from market.clearing import SealedBook, SealedOrder, muda
from market.clearing.muda import drawn
from market.clearing.report import welfare
from market.orders import Side
from tests.support.clearing import filled, sealed

BUYER, OTHER_BUYER, SELLER, OTHER_SELLER = range(4)
PUBLISHED = SealedBook(
    501,
    [
        SealedOrder(Side.BUY, 250, 5, BUYER),
        SealedOrder(Side.BUY, 150, 4, OTHER_BUYER),
        SealedOrder(Side.BUY, 350, 3, OTHER_BUYER),
        SealedOrder(Side.SELL, 200, 5, SELLER),
        SealedOrder(Side.SELL, 100, 4, OTHER_SELLER),
        SealedOrder(Side.SELL, 300, 3, OTHER_SELLER),
    ],
)
"""Four traders with several units each, as the mechanism's authors give them with their program."""


def seed_with(halves: dict[int, int], turns: list[int]) -> bytes:
    """Return a seed that draws these accounts into these halves and in this sequence."""
    for number in range(100_000):
        seed = number.to_bytes(3, "big")
        lots = {account: drawn(seed, account) for account in halves}
        if all(lots[account][0] & 1 == half for account, half in halves.items()) and turns == sorted(
            turns, key=lambda account: lots[account][1:]
        ):
            return seed
    raise AssertionError("no such seed")


@pytest.mark.parametrize(
    ("turns", "units", "gain"),
    [
        ([OTHER_BUYER, BUYER], [1, 0, 3, 0, 4, 0], 900),  # the authors' own outcome: 4 units, a gain of 900
        ([BUYER, OTHER_BUYER], [4, 0, 0, 0, 4, 0], 600),
    ],
)
def test_the_authors_example(turns: list[int], units: list[int], gain: int) -> None:
    """A seller alone in its half asks 200: so much does the other half pay, which has three of the traders."""
    seed = seed_with({BUYER: 0, OTHER_BUYER: 0, OTHER_SELLER: 0, SELLER: 1}, turns)
    clearing = muda(PUBLISHED, seed)
    assert filled(clearing) == units
    assert {(deal.buyer_tick, deal.seller_tick) for deal in clearing.deals} == {(200, 200)}
    assert welfare(PUBLISHED, clearing) == gain


def test_each_half_trades_at_the_price_of_the_other() -> None:
    """Left: 5 Wh meet at 200 to 250. Right: 3 and 1 Wh meet at 150, at which the left seller does not sell."""
    seed = seed_with({BUYER: 0, SELLER: 0, OTHER_BUYER: 1, OTHER_SELLER: 1}, [])
    clearing = muda(PUBLISHED, seed)
    assert filled(clearing) == [0, 0, 3, 0, 3, 0]
    assert {(deal.buyer_tick, deal.seller_tick) for deal in clearing.deals} == {(225, 225)}


def test_nobody_alone_trades() -> None:
    book = sealed("buy 5 at 9", "sell 5 at 1")
    assert filled(muda(book, seed_with({0: 0, 1: 0}, []))) == [0, 0], "the other half has no price"
    assert filled(muda(book, seed_with({0: 0, 1: 1}, []))) == [0, 0], "nobody to trade with"
    assert filled(muda(sealed())) == []


def test_the_same_seed_gives_the_same_and_accounts_stay_where_they_are() -> None:
    book = sealed(*(f"{side} {wh} at {50 + 10 * wh}" for wh in range(1, 5) for side in ("buy", "sell")))
    assert muda(book, b"one") == muda(book, b"one")
    assert len({tuple(muda(book, bytes([seed])).filled_wh) for seed in range(20)}) > 1
    moved = SealedBook(book.levels, [replace(order, tick=order.tick // 2) for order in reversed(book.orders)])
    assert [drawn(b"one", order.account) for order in moved.orders] == [
        drawn(b"one", order.account) for order in reversed(book.orders)
    ]
