"""The engine on both books, move by move, under the eyes of an auditor; then its journal replayed."""

import pytest
from hypothesis import HealthCheck, given, settings

from energy.results import Accepted
from market.book import OrderBook, ReferenceBook
from market.commands import PlaceOrder
from market.engine import MarketState, apply
from market.journal import decode, encode
from tests.support.market import SMALL, Move, accepted, busy_day, market_days, resolve
from tests.support.market_auditor import Auditor


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(market_days)
def test_any_day_keeps_m1_to_m5_on_either_book(day: list[Move]) -> None:
    keeps_m1_to_m5(day)


@pytest.mark.parametrize("seed", range(12))
def test_busy_day_keeps_m1_to_m5_on_either_book(seed: int) -> None:
    assert keeps_m1_to_m5(busy_day(seed)) > 10


def keeps_m1_to_m5(day: list[Move]) -> int:
    """Run a day on both books, check everything after every move, and return the number of trades."""
    state, twin = MarketState(SMALL, OrderBook), MarketState(SMALL, ReferenceBook)
    auditor = Auditor(SMALL)
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
            auditor.follow(command, now, result.events)
        else:
            assert state.digest() == before, "a refusal changed the state"
        if isinstance(command, PlaceOrder):
            placed.append(command)
        assert state.digest() == twin.digest()
        for address in auditor.collateral:
            view = state.account(address)
            assert view is not None
            assert (view.needed_neur, view.collateral_neur) == (
                auditor.needed_neur(address),
                auditor.collateral[address],
            )
        resting = {(order.digest, order.open_wh) for order in state.resting_orders()}
        assert resting == {(order.digest, order.open_wh) for order in auditor.resting.values()}

    replayed = MarketState(SMALL)
    for number, record in enumerate(journal):
        sequence, when, command = decode(record)
        assert sequence == number
        accepted(apply(replayed, command, when))
    assert replayed.digest() == state.digest(), "M5"
    return len(auditor.trades)
