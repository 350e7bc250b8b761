"""The market on feeders: no trade ever takes one beyond its limit, on either book, and whoever congests pays for it."""

from collections import Counter

import pytest

from energy.identity import Address
from energy.results import Accepted
from market.book import OrderBook, ReferenceBook
from market.commands import PlaceOrder
from market.engine import MarketState, apply
from market.events import OrderEntered, OrderPlaced, Trade
from market.orders import Order, Side
from tests.support.market import address, busy_day, on_feeders, resolve

EAST, EAST_END, WEST = range(3)
ABOVE = {address(1): {EAST}, address(2): {EAST, EAST_END}, address(3): {WEST}}
"""Feeders between an account and the busbar, as `on_feeders` has them; 4 and 5 are on the busbar."""
LIMIT_WH = {EAST: 9, EAST_END: 6, WEST: 8}
FREE_WH = {EAST: 5, EAST_END: 6, WEST: 4}
"""Beyond it each Wh costs 1 000 µ€/kWh, but for the end of the east, which is free up to its limit."""


class Lines:
    """Loads of one interval, added up from the trades alone."""

    def __init__(self) -> None:
        self.out_wh = Counter[int]()

    def pass_trade(self, trade: Trade) -> int:
        """Take in a trade and return what its way had to cost."""
        cost = 0
        for feeder in LIMIT_WH:
            direction = (feeder in above(trade.seller)) - (feeder in above(trade.buyer))
            before_wh = direction * self.out_wh[feeder]
            self.out_wh[feeder] += direction * trade.quantity_wh
            after_wh = direction * self.out_wh[feeder]
            assert after_wh <= LIMIT_WH[feeder], "beyond the limit"
            if direction and feeder != EAST_END:
                assert after_wh <= FREE_WH[feeder] or before_wh >= FREE_WH[feeder], "two prices in one trade"
                cost += 1_000 * (after_wh > FREE_WH[feeder])
        return cost


def above(account: Address) -> set[int]:
    return ABOVE.get(account, set())


def check_trade(trade: Trade, taker: Order, lines: Lines, orders: dict[bytes, Order]) -> None:
    buy, sell = orders[trade.buy_order], orders[trade.sell_order]
    assert lines.pass_trade(trade) == trade.wedge_ueur_per_kwh
    assert buy.limit_price_ueur_per_kwh >= trade.price_ueur_per_kwh
    assert sell.limit_price_ueur_per_kwh <= trade.seller_price_ueur_per_kwh
    if taker.side == Side.BUY:
        assert trade.seller_price_ueur_per_kwh == sell.limit_price_ueur_per_kwh, "who rested does not pay for the way"
    else:
        assert trade.price_ueur_per_kwh == buy.limit_price_ueur_per_kwh, "who rested does not pay for the way"


def ways_of(seed: int) -> list[int]:
    """Run a busy day on both books, check everything after every move, and return what each trade's way cost."""
    state, twin = MarketState(on_feeders(), OrderBook), MarketState(on_feeders(), ReferenceBook)
    placed: list[PlaceOrder] = []
    orders: dict[bytes, Order] = {}
    lines: dict[int, Lines] = {}
    costs: list[int] = []
    now = 0
    for seconds, move in busy_day(seed, 300, accounts=5):
        now += seconds
        command = resolve(move, placed)
        if command is None:
            continue
        before = state.digest()
        result = apply(state, command, now)
        assert result == apply(twin, command, now)
        assert state.digest() == twin.digest()
        assert isinstance(result, Accepted) or state.digest() == before
        if isinstance(command, PlaceOrder):
            placed.append(command)
        taker = None
        for event in result.events if isinstance(result, Accepted) else ():
            if isinstance(event, OrderPlaced | OrderEntered):
                taker = event.order
                orders[event.digest] = taker
            if isinstance(event, Trade):
                assert taker is not None
                check_trade(event, taker, lines.setdefault(event.interval, Lines()), orders)
                costs.append(event.wedge_ueur_per_kwh)
    return costs


@pytest.mark.parametrize("seed", range(12))
def test_busy_days_keep_every_limit_on_either_book(seed: int) -> None:
    assert len(ways_of(seed)) > 5


def test_ways_are_free_or_cost_something() -> None:
    assert {0, 1_000} <= set(ways_of(0))
