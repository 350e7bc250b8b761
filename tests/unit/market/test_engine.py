"""What the engine accepts and brings about; its refusals are in test_refusals."""

from dataclasses import replace

import pytest

from market.book import OrderBook, ReferenceBook
from market.commands import AdmitAccount, CloseGate, OpenInterval, ReleaseInterval
from market.config import MarketConfig
from market.engine import MarketState, apply
from market.events import (
    AccountAdmitted,
    CancelReason,
    GateClosed,
    IntervalOpened,
    IntervalReleased,
    OrderCancelled,
    OrderPlaced,
    Outcome,
    PriceBasis,
    Trade,
)
from market.orders import Side, TimeInForce
from tests.support.market import GATE, INTERVAL, accepted, address, cancel, market, order, place, rejected

BUY, SELL = Side.BUY, Side.SELL
IOC, FOK = TimeInForce.IMMEDIATE_OR_CANCEL, TimeInForce.FILL_OR_KILL


def test_admission_and_opening_tell_what_happened() -> None:
    state = MarketState(MarketConfig())
    assert accepted(apply(state, AdmitAccount(address(1), 5), 0)) == (AccountAdmitted(address(1), 5),)
    assert accepted(apply(state, AdmitAccount(address(1), 7), 0)) == (AccountAdmitted(address(1), 7),)
    assert accepted(apply(state, OpenInterval(INTERVAL), 0)) == (IntervalOpened(INTERVAL),)
    view = state.account(address(1))
    assert view is not None
    assert (view.collateral_neur, view.needed_neur, view.available_neur) == (7, 0, 7)
    assert (state.account(address(2)), state.open_intervals()) == (None, (INTERVAL,))


def test_trade_is_at_the_resting_orders_price_when_a_buyer_comes() -> None:
    ask, bid = place(order(1, SELL, 500, 120_000, 1)), place(order(2, BUY, 300, 150_000, 1))
    state = market(ask)
    assert accepted(apply(state, bid, 0)) == (
        OrderPlaced(bid.order, bid.digest, Outcome.FILLED, 300, 0),
        Trade(INTERVAL, 0, 120_000, 300, bid.digest, ask.digest, address(2), address(1), 0, 0),
    )


def test_trade_is_at_the_resting_orders_price_when_a_seller_comes() -> None:
    bid, ask = place(order(2, BUY, 300, 150_000, 1)), place(order(1, SELL, 500, 120_000, 1))
    state = market(bid)
    assert accepted(apply(state, ask, 0)) == (
        OrderPlaced(ask.order, ask.digest, Outcome.RESTING, 300, 200),
        Trade(INTERVAL, 0, 150_000, 300, bid.digest, ask.digest, address(2), address(1), 0, 0),
    )
    assert state.book_depth(INTERVAL, 5) == ([], [(120_000, 200, 1)])


def test_fills_are_adjoining_ranges_of_both_orders() -> None:
    asks = [place(order(1, SELL, 100, 100_000, n)) for n in range(2)]
    bids = [place(order(2, BUY, 70, 100_000, n)) for n in range(3)]
    state = market(*asks)
    trades = [event for bid in bids for event in accepted(apply(state, bid, 0)) if isinstance(event, Trade)]
    assert [(t.number, t.quantity_wh, t.buy_from_wh, t.sell_from_wh) for t in trades] == [
        (0, 70, 0, 0),
        (1, 30, 0, 70),
        (2, 40, 30, 0),
        (3, 60, 0, 40),
    ]


@pytest.mark.parametrize(
    ("offered_wh", "outcome", "filled_wh"),
    [(0, Outcome.CANCELLED, 0), (40, Outcome.PARTLY_FILLED_REST_CANCELLED, 40), (90, Outcome.FILLED, 90)],
)
def test_immediate_or_cancel_says_what_was_cancelled(offered_wh: int, outcome: Outcome, filled_wh: int) -> None:
    state = market(*([place(order(1, SELL, offered_wh, 100_000, 1))] if offered_wh else []))
    bid = place(order(2, BUY, 90, 100_000, 1, time_in_force=IOC))
    events = accepted(apply(state, bid, 0))
    assert events[0] == OrderPlaced(bid.order, bid.digest, outcome, filled_wh, 0)
    rest = OrderCancelled(bid.digest, address(2), INTERVAL, 90 - filled_wh, CancelReason.IMMEDIATE_REST)
    assert (rest in events) == (filled_wh < 90)
    assert state.resting_orders(address(2)) == ()


def test_own_order_next_in_priority_cancels_the_incoming_rest() -> None:
    other, own = place(order(1, SELL, 40, 100_000, 1)), place(order(2, SELL, 40, 100_000, 1))
    state = market(other, own)
    bid = place(order(2, BUY, 100, 100_000, 2))
    placed, trade, cancelled = accepted(apply(state, bid, 0))
    assert placed == OrderPlaced(bid.order, bid.digest, Outcome.PARTLY_FILLED_REST_CANCELLED, 40, 0)
    assert isinstance(trade, Trade)
    assert (trade.seller, trade.quantity_wh) == (address(1), 40)
    assert cancelled == OrderCancelled(bid.digest, address(2), INTERVAL, 60, CancelReason.SELF_TRADE)
    assert [(o.digest, o.open_wh) for o in state.resting_orders()] == [(own.digest, 40)]


def test_owner_cancels_what_is_left() -> None:
    ask = place(order(1, SELL, 100, 100_000, 1))
    state = market(ask, place(order(2, BUY, 30, 100_000, 1)))
    assert accepted(apply(state, cancel(ask), 0)) == (
        OrderCancelled(ask.digest, address(1), INTERVAL, 70, CancelReason.BY_OWNER),
    )
    assert state.resting_orders() == ()


def test_order_matches_in_its_last_second_and_never_after() -> None:
    ask, bid = place(order(1, SELL, 50, 100_000, 1, expiry=100)), place(order(2, BUY, 10, 100_000, 1))
    state = market(ask)
    assert isinstance(accepted(apply(state, bid, 100))[1], Trade)
    late = place(order(2, BUY, 10, 100_000, 2))
    assert accepted(apply(state, late, 101)) == (
        OrderCancelled(ask.digest, address(1), INTERVAL, 40, CancelReason.EXPIRED),
        OrderPlaced(late.order, late.digest, Outcome.RESTING, 0, 10),
    )


def test_expired_orders_leave_by_expiry_then_arrival() -> None:
    expiries = [30, 10, 20, 10]
    asks = [place(order(1, SELL, 1, 100_000, n, expiry=expiry)) for n, expiry in enumerate(expiries)]
    state = market(*asks)
    events = accepted(apply(state, place(order(2, BUY, 1, 50_000, 1)), 25))
    assert [e.digest for e in events if isinstance(e, OrderCancelled)] == [asks[n].digest for n in (1, 3, 2)]
    assert [o.digest for o in state.resting_orders(address(1))] == [asks[0].digest]


def test_refusal_counts_expired_orders_as_gone_but_leaves_them() -> None:
    ask = place(order(1, SELL, 50, 100_000, 1, expiry=100))
    state = market(ask, place(order(3, SELL, 5, 110_000, 1)))
    before = state.digest()
    refused = rejected(apply(state, place(order(2, BUY, 50, 120_000, 1, time_in_force=FOK)), 101))
    assert refused.facts == {"quantity_wh": 50, "available_wh": 5}
    assert (state.digest(), len(state.resting_orders())) == (before, 2)


def test_fill_or_kill_passes_an_expired_own_order() -> None:
    state = market(place(order(2, SELL, 5, 90_000, 1, expiry=100)), place(order(1, SELL, 5, 100_000, 1)))
    kill = place(order(2, BUY, 5, 100_000, 2, time_in_force=FOK))
    rejected(apply(state, kill, 100))
    assert isinstance(accepted(apply(state, kill, 101))[-1], Trade)


def test_expired_order_gives_its_place_in_a_full_book() -> None:
    state = market(place(order(1, SELL, 5, 100_000, 1, expiry=100)), config=replace(MarketConfig(), open_orders_max=1))
    ask = place(order(1, SELL, 5, 100_000, 2))
    rejected(apply(state, ask, 100))
    accepted(apply(state, ask, 101))


def test_gate_closure_cancels_rests_in_priority_sequence_and_adds_up() -> None:
    asks = [place(order(1, SELL, 10, price, n)) for n, price in enumerate((130_000, 120_000))]
    bids = [place(order(2, BUY, 10, price, n)) for n, price in enumerate((90_000, 100_000))]
    state = market(*asks, *bids, place(order(3, BUY, 4, 120_000, 1)))
    events = accepted(apply(state, CloseGate(INTERVAL), GATE))
    assert [(e.digest, e.cancelled_wh, e.reason) for e in events if isinstance(e, OrderCancelled)] == [
        (bids[1].digest, 10, CancelReason.GATE_CLOSED),
        (bids[0].digest, 10, CancelReason.GATE_CLOSED),
        (asks[1].digest, 6, CancelReason.GATE_CLOSED),
        (asks[0].digest, 10, CancelReason.GATE_CLOSED),
    ]
    assert events[-1] == GateClosed(INTERVAL, 1, 4, 4 * 120_000, 120_000, PriceBasis.TRADES)
    assert (state.open_intervals(), state.resting_orders()) == ((), ())


def needed(state: MarketState, account: int) -> int:
    view = state.account(address(account))
    assert view is not None
    return view.needed_neur


def test_collateral_is_the_worst_case_until_the_interval_is_released() -> None:
    ask, bid = place(order(1, SELL, 100, 200_000, 1)), place(order(2, BUY, 60, 300_000, 1))
    state = market(ask)
    assert (needed(state, 1), needed(state, 2)) == (100 * 800_000, 0)
    accepted(apply(state, bid, 0))
    assert (needed(state, 1), needed(state, 2)) == (100 * 800_000, 60 * 200_000)
    accepted(apply(state, CloseGate(INTERVAL), GATE))
    assert (needed(state, 1), needed(state, 2)) == (60 * 800_000, 60 * 200_000)
    assert accepted(apply(state, ReleaseInterval(INTERVAL), GATE)) == (IntervalReleased(INTERVAL),)
    assert (needed(state, 1), needed(state, 2)) == (0, 0)


def test_no_collateral_is_needed_to_be_paid_for_taking_or_to_sell_above_the_shortfall_price() -> None:
    config = replace(MarketConfig(), shortfall_price_max_ueur_per_kwh=300_000)
    state = market(place(order(1, BUY, 10, -5_000, 1)), place(order(2, SELL, 10, 400_000, 1)), config=config)
    assert (needed(state, 1), needed(state, 2)) == (0, 0)


def test_time_never_goes_back() -> None:
    ask = place(order(1, SELL, 5, 100_000, 1, expiry=100))
    state = market(ask)
    accepted(apply(state, AdmitAccount(address(3), 1), 101))
    events = accepted(apply(state, place(order(2, BUY, 5, 100_000, 1)), 50))
    assert events[0] == OrderCancelled(ask.digest, address(1), INTERVAL, 5, CancelReason.EXPIRED)


def test_intervals_do_not_see_each_other() -> None:
    later = INTERVAL + 900
    state = market(place(order(1, SELL, 5, 100_000, 1)), OpenInterval(later))
    accepted(apply(state, place(order(2, BUY, 5, 100_000, 1, interval=later)), 0))
    assert state.book_depth(INTERVAL, 9) == ([], [(100_000, 5, 1)])
    assert state.book_depth(later, 9) == ([(100_000, 5, 1)], [])
    assert [o.order.interval for o in state.resting_orders()] == [INTERVAL, later]


def test_depth_of_an_interval_without_a_book_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="no book"):
        market().book_depth(INTERVAL + 900, 5)


def test_digest_tells_states_apart_by_all_that_matters() -> None:
    one, two = place(order(1, SELL, 5, 100_000, 1)), place(order(2, SELL, 5, 100_000, 1))
    states = [
        market(),
        market(accounts=2),
        market(OpenInterval(INTERVAL + 900)),
        market(one, two),
        market(two, one),
        market(one, cancel(one)),
        market(one, two, place(order(3, BUY, 1, 100_000, 1))),
        market(config=replace(MarketConfig(), gate_lead_s=600)),
    ]
    closed = market()
    accepted(apply(closed, CloseGate(INTERVAL), GATE))
    released = market()
    accepted(apply(released, CloseGate(INTERVAL), GATE))
    accepted(apply(released, ReleaseInterval(INTERVAL), GATE))
    digests = [state.digest() for state in (*states, closed, released)]
    assert len(set(digests)) == len(digests)


def test_digest_is_the_same_on_either_book_whatever_handles_they_use() -> None:
    one, two = place(order(1, SELL, 5, 100_000, 1)), place(order(2, SELL, 5, 100_000, 1))
    direct = market(two, place(order(1, SELL, 5, 100_000, 2)), book=OrderBook)
    twin = market(two, place(order(1, SELL, 5, 100_000, 2)), book=ReferenceBook)
    assert direct.digest() == twin.digest()
    assert market(one, book=OrderBook).digest() == market(one, book=ReferenceBook).digest()
