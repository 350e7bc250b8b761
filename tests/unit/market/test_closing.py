"""What a mechanism that collects orders refuses, and what it takes."""

from dataclasses import replace

import pytest

from market.commands import CancelOrder
from market.config import MarketConfig
from market.engine import apply
from market.mechanism import Mechanism
from market.orders import Side, TimeInForce
from market.rejections import MarketReject
from tests.support.market import accepted, cancel, market, order, place, rejected

BUY, SELL = Side.BUY, Side.SELL
SEALED = [each for each in Mechanism if each.collects]


def config(mechanism: Mechanism) -> MarketConfig:
    return MarketConfig(mechanism=mechanism, lot_wh=10)


@pytest.mark.parametrize("mechanism", SEALED)
def test_orders_wait_for_the_gate_and_may_cross(mechanism: Mechanism) -> None:
    state = market(place(order(1, BUY, 10, 200_000, 1)), config=config(mechanism))
    events = accepted(apply(state, place(order(2, SELL, 10, 100_000, 1)), 0))
    assert len(events) == 1
    assert len(state.resting_orders()) == 2


@pytest.mark.parametrize("mechanism", SEALED)
@pytest.mark.parametrize("kind", [TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL])
def test_orders_that_can_not_wait_are_refused(mechanism: Mechanism, kind: TimeInForce) -> None:
    state = market(config=config(mechanism))
    refused = rejected(apply(state, place(order(1, BUY, 10, 200_000, 1, time_in_force=kind)), 0))
    assert refused.code == MarketReject.UNSUPPORTED_ATTRIBUTE
    assert refused.facts == {"field": "time_in_force", "supported": 0}


@pytest.mark.parametrize("mechanism", [Mechanism.CALL, Mechanism.PAY_AS_BID])
def test_own_orders_that_would_meet_are_refused(mechanism: Mechanism) -> None:
    resting = place(order(1, SELL, 10, 100_000, 1, expiry=50))
    state = market(resting, place(order(2, BUY, 5, 120_000, 1)), config=config(mechanism))
    meeting = place(order(1, BUY, 10, 100_000, 2))
    refused = rejected(apply(state, meeting, 50))
    assert refused.code == MarketReject.OWN_ORDERS_MEET
    assert refused.facts == {"limit_price_ueur_per_kwh": 100_000, "own_price_ueur_per_kwh": 100_000}
    accepted(apply(state, place(order(1, BUY, 10, 99_000, 3)), 50))
    accepted(apply(state, meeting, 51))  # the ask has expired


@pytest.mark.parametrize("mechanism", [Mechanism.HUANG, Mechanism.MCAFEE])
def test_one_order_of_each_account(mechanism: Mechanism) -> None:
    first = place(order(1, SELL, 10, 100_000, 1))
    state = market(first, config=config(mechanism))
    second = place(order(1, SELL, 10, 110_000, 2))
    refused = rejected(apply(state, second, 0))
    assert refused.code == MarketReject.ONE_ORDER_EACH
    assert refused.facts == {"interval": first.order.interval, "open_orders": 1}
    assert isinstance(cancel(first), CancelOrder)
    accepted(apply(state, cancel(first), 0))
    accepted(apply(state, second, 0))


def test_mcafee_takes_whole_lots_only() -> None:
    state = market(config=config(Mechanism.MCAFEE))
    refused = rejected(apply(state, place(order(1, SELL, 11, 100_000, 1)), 0))
    assert refused.code == MarketReject.NOT_ONE_LOT
    assert refused.facts == {"quantity_wh": 11, "lot_wh": 10}
    other = market(config=replace(config(Mechanism.MCAFEE), mechanism=Mechanism.HUANG))
    accepted(apply(other, place(order(1, SELL, 11, 100_000, 1)), 0))
