"""The engine on both books, move by move, under the eyes of an auditor; then its journal replayed."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from energy.results import Accepted
from market.book import OrderBook, ReferenceBook
from market.commands import PlaceOrder
from market.config import MarketConfig
from market.engine import MarketState, apply
from market.journal import decode, encode
from market.mechanism import Mechanism
from node.depth import Depth
from tests.support.market import SMALL, Move, accepted, busy_day, fitted, market_days, market_of, resolve
from tests.support.market_auditor import Auditor


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(market_days)
def test_any_day_keeps_m1_to_m5_on_either_book(day: list[Move]) -> None:
    keeps_m1_to_m5(day)


@pytest.mark.parametrize("seed", range(12))
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
    state, twin = MarketState(config, OrderBook), MarketState(config, ReferenceBook)
    auditor = Auditor(config)
    depth = Depth()
    journal: list[bytes] = []
    placed: list[PlaceOrder] = []
    now = 0
    for seconds, move in day:
        now += seconds
        command = resolve(move, placed)
        if command is None:
            continue
        before = state.digest()
        result = apply(state, command, now)
        assert result == apply(twin, command, now)
        if isinstance(result, Accepted):
            journal.append(encode(len(journal), max(now, 0), command))
            depth.follow(len(journal), result.events)
            auditor.follow(command, now, result.events)
        else:
            assert state.digest() == before, "a refusal changed the state"
        if isinstance(command, PlaceOrder):
            placed.append(command)
        assert state.digest() == twin.digest()
        for interval in state.open_intervals():
            shown = depth.snapshot(interval, 99)
            assert shown is not None
            sides = [[tuple(level.values()) for level in shown[side]] for side in ("bids", "asks")]
            assert tuple(sides) == state.book_depth(interval, 99), "what is told is not what is there"
        for address in auditor.collateral:
            view = state.account(address)
            assert view is not None
            assert (view.needed_neur, view.collateral_neur) == (
                auditor.needed_neur(address),
                auditor.collateral[address],
            )
        resting = {(order.digest, order.open_wh) for order in state.resting_orders()}
        assert resting == {(order.digest, order.open_wh) for order in auditor.resting.values()}

    replayed = MarketState(config)
    for number, record in enumerate(journal):
        sequence, when, command = decode(record)
        assert sequence == number
        accepted(apply(replayed, command, when))
    assert replayed.digest() == state.digest(), "M5"
    return len(auditor.trades)
