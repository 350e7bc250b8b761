"""Orders that last no longer than their connection, as the market sees them."""

from dataclasses import replace

import pytest

from market.commands import DropDisconnected, OpenInterval
from market.engine import apply
from market.events import CancelReason, OrderCancelled
from market.orders import Side
from market.rejections import MarketReject
from tests.support.market import GATE, INTERVAL, accepted, address, market, order, place, rejected

FLEETING = place(replace(order(1, Side.SELL, 10, 100_000, 1), cancel_on_disconnect=True))
LASTING = place(order(1, Side.SELL, 10, 100_000, 2))


def test_an_order_leaves_with_its_connection() -> None:
    state = market(FLEETING, LASTING)
    events = accepted(apply(state, DropDisconnected(FLEETING.digest), 5))
    assert events == (OrderCancelled(FLEETING.digest, address(1), INTERVAL, 10, CancelReason.DISCONNECTED),)
    assert [each.digest for each in state.resting_orders()] == [LASTING.digest]


def test_nobody_else_is_taken_out_so() -> None:
    state = market(FLEETING, LASTING)
    assert rejected(apply(state, DropDisconnected(LASTING.digest), 5)).code == MarketReject.OUTLIVES_CONNECTION
    accepted(apply(state, DropDisconnected(FLEETING.digest), 5))
    assert rejected(apply(state, DropDisconnected(FLEETING.digest), 5)).code == MarketReject.UNKNOWN_ORDER


def test_after_the_gate_it_is_too_late() -> None:
    state = market(FLEETING)
    assert rejected(apply(state, DropDisconnected(FLEETING.digest), GATE)).code == MarketReject.GATE_CLOSED


@pytest.mark.parametrize("place_of_leg", [0, 1])
def test_a_bundle_leaves_with_the_connection_of_one_of_its_orders(place_of_leg: int) -> None:
    fleeting = replace(FLEETING.order, bundle=1, bundle_legs=2)
    legs = [place(fleeting), place(replace(fleeting, interval=INTERVAL + 900, nonce=2))]
    state = market(OpenInterval(INTERVAL + 900), *legs)
    accepted(apply(state, DropDisconnected(legs[place_of_leg].digest), 5))
    assert state.orders == {}
