"""The engine on both books, move by move, under the eyes of an auditor; then its journal replayed."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market.commands import PlaceOrder
from market.config import MarketConfig
from market.mechanism import Mechanism
from tests.support.market import SMALL, Move, busy_day, fitted, market_days, market_of, resolve
from tests.support.watched_market import WatchedMarket


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(market_days)
def test_any_day_keeps_m1_to_m5_on_either_book(day: list[Move]) -> None:
    keeps_m1_to_m5(day)


@pytest.mark.parametrize("seed", [*range(12), 1_016])
def test_busy_day_keeps_m1_to_m5_on_either_book(seed: int) -> None:
    assert keeps_m1_to_m5(busy_day(seed)) > 10


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(market_days, st.sampled_from([each for each in Mechanism if each.collects]))
def test_any_day_keeps_m1_to_m5_whatever_the_mechanism(day: list[Move], mechanism: Mechanism) -> None:
    keeps_m1_to_m5(fitted(day, mechanism), market_of(mechanism))


@pytest.mark.parametrize("mechanism", [each for each in Mechanism if each.collects])
def test_busy_days_keep_m1_to_m5_and_trade_in_every_mechanism(mechanism: Mechanism) -> None:
    days = [fitted(busy_day(seed, accounts=8), mechanism) for seed in range(12)]
    assert sum(keeps_m1_to_m5(day, market_of(mechanism)) for day in days) > 5


def keeps_m1_to_m5(day: list[Move], config: MarketConfig = SMALL) -> int:
    """Run a day on both books, check everything after every move, and return the number of trades."""
    market, placed, now = WatchedMarket(config), list[PlaceOrder](), 0
    for seconds, move in day:
        now += seconds
        command = resolve(move, placed)
        if command is not None:
            market.do(command, now)
        if isinstance(command, PlaceOrder):
            placed.append(command)
    market.replay()
    return len(market.auditor.trades)
