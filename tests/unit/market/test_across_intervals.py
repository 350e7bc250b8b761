"""Orders of several intervals, each rule by one example: bundles, and so many Wh by a deadline."""

from dataclasses import replace
from typing import Any

import pytest

from market.audit_findings import Breach
from market.commands import AdmitAccount, CloseGate, Command, HaltAccount, OpenInterval, PlaceOrder, ReleaseInterval
from market.config import MarketConfig
from market.engine import MarketState, apply
from market.events import CancelReason, Event, OrderCancelled, OrderEntered, OrderPlaced, Outcome, Trade
from market.mechanism import Mechanism
from market.orders import Side
from market.rejections import MarketReject
from tests.support.audited_market import HonestMarket
from tests.support.market import GATE, INTERVAL, SIGNATURE, accepted, address, cancel, market, order, place, rejected

NEXT, THIRD = INTERVAL + 900, INTERVAL + 1_800
OPEN = (OpenInterval(NEXT), OpenInterval(THIRD))


def ask(
    account: int, quantity_wh: int, price: int, interval: int = INTERVAL, nonce: int = 1, **asked: Any
) -> PlaceOrder:
    return place(replace(order(account, Side.SELL, quantity_wh, price, nonce, interval=interval), **asked))


def bid(
    account: int, quantity_wh: int, price: int, interval: int = INTERVAL, nonce: int = 1, **asked: Any
) -> PlaceOrder:
    return place(replace(order(account, Side.BUY, quantity_wh, price, nonce, interval=interval), **asked))


CHARGE = bid(3, 10, 100_000, INTERVAL, 1, bundle=7, bundle_legs=2)
DISCHARGE = ask(3, 8, 200_000, NEXT, 2, bundle=7, bundle_legs=2)


def traded(events: tuple[Event, ...]) -> list[tuple[int, int, int]]:
    """Interval, Wh and price of each trade."""
    return [(e.interval, e.quantity_wh, e.price_ueur_per_kwh) for e in events if isinstance(e, Trade)]


def cancelled(events: tuple[Event, ...]) -> dict[bytes, CancelReason]:
    return {event.digest: event.reason for event in events if isinstance(event, OrderCancelled)}


def needed(state: MarketState, account: int) -> int:
    view = state.account(address(account))
    assert view is not None
    return view.needed_neur


# -- BUNDLES


def test_a_discharge_is_sold_only_together_with_the_charge_that_feeds_it() -> None:
    state = market(*OPEN, CHARGE, bid(1, 8, 200_000, NEXT), DISCHARGE)
    assert state.book_depth(NEXT, 9) == ([(200_000, 8, 1)], []), "the discharge waits for the charge"
    assert traded(accepted(apply(state, ask(2, 9, 100_000), 0))) == [], "a part of the charge is no charge"
    events = accepted(apply(state, ask(2, 1, 90_000, nonce=2), 0))
    assert traded(events) == [(INTERVAL, 1, 90_000), (INTERVAL, 9, 100_000), (NEXT, 8, 200_000)]
    assert [event.digest for event in events if isinstance(event, OrderEntered)] == [CHARGE.digest, DISCHARGE.digest]
    assert state.resting_orders() == ()
    assert needed(state, 3) == 1 * 90_000 + 9 * 100_000 + 8 * 800_000


def test_a_block_trades_in_all_its_intervals_at_once_when_its_last_order_comes() -> None:
    makers = [bid(1, 5, 100_000, interval) for interval in (INTERVAL, NEXT, THIRD)]
    makers = [place(replace(maker.order, nonce=nonce)) for nonce, maker in enumerate(makers)]
    block = [ask(2, 5, 90_000, interval, interval, bundle=1, bundle_legs=3) for interval in (INTERVAL, NEXT, THIRD)]
    state = market(*OPEN, *makers, *block[:2])
    assert [each.open_wh for each in state.resting_orders(address(2))] == [5, 5]
    events = accepted(apply(state, block[2], 0))
    assert traded(events) == [(THIRD, 5, 100_000), (INTERVAL, 5, 100_000), (NEXT, 5, 100_000)]
    assert isinstance(events[0], OrderPlaced)
    assert (events[0].outcome, events[0].filled_wh) == (Outcome.FILLED, 5)


def test_with_one_order_of_a_bundle_the_others_leave() -> None:
    state = market(*OPEN, CHARGE, DISCHARGE)
    held = needed(state, 3)
    assert held == 10 * 100_000 + 8 * 800_000, "the worst case of each"
    events = accepted(apply(state, cancel(DISCHARGE), 0))
    assert cancelled(events) == {
        DISCHARGE.digest: CancelReason.BY_OWNER,
        CHARGE.digest: CancelReason.BUNDLE_BROKEN,
    }
    assert needed(state, 3) == 0


def test_the_first_gate_ends_a_bundle() -> None:
    state = market(*OPEN, CHARGE, DISCHARGE)
    events = accepted(apply(state, CloseGate(INTERVAL), GATE))
    assert cancelled(events) == {
        CHARGE.digest: CancelReason.GATE_CLOSED,
        DISCHARGE.digest: CancelReason.BUNDLE_BROKEN,
    }
    assert (state.orders, needed(state, 3)) == ({}, 0)


def test_a_gate_that_has_closed_and_is_not_recorded_yet_holds_a_bundle_back() -> None:
    state = market(*OPEN, CHARGE, DISCHARGE, ask(1, 10, 100_000))
    assert traded(accepted(apply(state, bid(2, 8, 200_000, NEXT), GATE))) == []


def test_an_order_past_its_expiry_fills_no_bundle() -> None:
    late = ask(1, 10, 100_000, expiry=50)
    state = market(*OPEN, CHARGE, DISCHARGE, late)
    assert traded(accepted(apply(state, bid(2, 8, 200_000, NEXT), 51))) == []
    again = bid(2, 8, 200_000, NEXT, 2)
    state = market(*OPEN, CHARGE, DISCHARGE, late)
    assert len(traded(accepted(apply(state, again, 50)))) == 2


def test_stopping_an_account_takes_all_of_its_bundle() -> None:
    state = market(*OPEN, CHARGE, DISCHARGE)
    accepted(apply(state, HaltAccount(address(3), True, True, 0, SIGNATURE), 0))
    assert (state.orders, state.bundles, needed(state, 3)) == ({}, {}, 0)


@pytest.mark.parametrize(
    ("leg", "field"),
    [
        (ask(3, 8, 200_000, NEXT, 5, bundle=7, bundle_legs=3), "bundle_legs"),
        (ask(3, 8, 200_000, INTERVAL, 5, bundle=7, bundle_legs=2), "interval"),
    ],
)
def test_an_order_that_does_not_fit_its_bundle_is_refused(leg: PlaceOrder, field: str) -> None:
    state = market(*OPEN, CHARGE)
    refusal = rejected(apply(state, leg, 0))
    assert (refusal.code, refusal.facts) == (MarketReject.WRONG_LEG, {"field": field, "bundle": 7})


def test_a_bundle_that_waits_takes_no_further_order_and_its_number_is_free_when_it_has_left() -> None:
    state = market(*OPEN, CHARGE, DISCHARGE)
    third = ask(3, 8, 200_000, THIRD, 5, bundle=7, bundle_legs=2)
    assert rejected(apply(state, third, 0)).facts["field"] == "bundle"
    accepted(apply(state, cancel(CHARGE), 0))
    accepted(apply(state, third, 0))


def test_bundles_of_two_accounts_are_strangers_to_each_other() -> None:
    other = ask(2, 8, 200_000, NEXT, 2, bundle=7, bundle_legs=2)
    state = market(*OPEN, CHARGE, other, ask(1, 10, 100_000), bid(1, 8, 200_000, NEXT, 3))
    assert len(state.resting_orders()) == 4


# -- SO MANY WH BY A DEADLINE


CAR = bid(3, 20, 100_000, INTERVAL, 1, last_interval=THIRD)


def test_a_car_takes_the_cheapest_of_all_its_intervals_and_waits_for_the_rest() -> None:
    state = market(*OPEN, ask(1, 6, 90_000, NEXT), ask(1, 6, 80_000, THIRD, 2), ask(1, 3, 90_000, nonce=3))
    events = accepted(apply(state, CAR, 0))
    assert traded(events) == [(THIRD, 6, 80_000), (INTERVAL, 3, 90_000), (NEXT, 6, 90_000)]
    assert needed(state, 3) == 6 * 80_000 + 9 * 90_000 + 5 * 100_000
    assert traded(accepted(apply(state, ask(2, 9, 70_000, NEXT), 0))) == [(NEXT, 5, 70_000)]
    assert state.resting_orders(address(3)) == ()


def test_no_more_than_the_quantity_is_bought_over_all_intervals() -> None:
    offers = [ask(1, 15, 90_000, interval, interval) for interval in (INTERVAL, NEXT, THIRD)]
    state = market(*OPEN, CAR)
    bought = [wh for offer in offers for _, wh, _ in traded(accepted(apply(state, offer, 0)))]
    assert bought == [15, 5]


def test_the_deadline_is_the_gate_of_the_last_interval() -> None:
    state = market(*OPEN, CAR)
    assert cancelled(accepted(apply(state, CloseGate(INTERVAL), GATE))) == {}
    assert traded(accepted(apply(state, ask(1, 5, 90_000, NEXT), GATE))) == [(NEXT, 5, 90_000)]
    accepted(apply(state, CloseGate(NEXT), GATE + 900))
    accepted(apply(state, ReleaseInterval(NEXT), GATE + 900))
    assert needed(state, 3) == 15 * 100_000, "what was bought is settled, what is open is held"
    events = accepted(apply(state, CloseGate(THIRD), GATE + 1_800))
    assert cancelled(events) == {CAR.digest: CancelReason.GATE_CLOSED}
    assert needed(state, 3) == 0


def test_a_car_is_cancelled_and_expires_as_other_orders() -> None:
    state = market(*OPEN, CAR, ask(1, 5, 90_000))
    events = accepted(apply(state, cancel(CAR), GATE))
    assert [event.cancelled_wh for event in events if isinstance(event, OrderCancelled)] == [15]
    brief = bid(3, 20, 100_000, INTERVAL, 1, last_interval=THIRD, expiry=50)
    state = market(*OPEN, brief)
    assert traded(accepted(apply(state, ask(1, 5, 90_000, NEXT), 51))) == []


def test_all_or_none_counts_over_all_intervals() -> None:
    whole = bid(3, 20, 100_000, INTERVAL, 1, last_interval=THIRD, all_or_none=True)
    state = market(*OPEN, ask(1, 15, 90_000, THIRD), whole)
    assert traded(accepted(apply(state, ask(2, 5, 90_000, NEXT), 0))) == [(NEXT, 5, 90_000), (THIRD, 15, 90_000)]


def test_where_orders_are_collected_none_of_this_can_be_kept() -> None:
    config = replace(MarketConfig(), mechanism=Mechanism.CALL)
    state = market(*OPEN, config=config)
    for asking, field in ((CAR, "last_interval"), (CHARGE, "bundle")):
        refusal = rejected(apply(state, asking, 0))
        assert (refusal.code, refusal.facts["field"]) == (MarketReject.UNSUPPORTED_ATTRIBUTE, field)


# -- THE AUDIT


def test_the_auditor_follows_a_day_of_cars_and_bundles_and_finds_who_lies_about_it() -> None:
    shown = HonestMarket(MarketConfig())
    day: list[Command] = [AdmitAccount(address(account), 10**12) for account in (1, 2, 3)]
    day += [OpenInterval(INTERVAL), *OPEN, CHARGE, DISCHARGE, place(replace(CAR.order, nonce=9))]
    day += [bid(1, 8, 200_000, NEXT), ask(2, 30, 100_000, nonce=4), ask(2, 4, 80_000, THIRD, 5)]
    for command in day:
        assert shown.run(command, 10) is not None
    assert [trade.interval for trade in shown.shown.trades] == [INTERVAL, NEXT, INTERVAL]
    assert shown.shown.findings() == []
    third_leg = ask(3, 8, 200_000, THIRD, 12, bundle=7, bundle_legs=3)
    lone = [
        ask(3, 8, 200_000, NEXT, 13, bundle=8, bundle_legs=2),
        ask(3, 8, 200_000, NEXT, 14, bundle=8, bundle_legs=2),
    ]
    assert shown.run(third_leg, 11)
    assert shown.run(lone[0], 11)
    shown.shown.insert(12, lone[1])
    shown.shown.receipts = []
    assert Breach.WRONG_BUNDLE in shown.shown.breaches()
    shown.shown.trades = [trade for trade in shown.shown.trades if trade.interval != NEXT]
    assert Breach.MISSING_TRADE in shown.shown.breaches(), "a bundle was filled in part"
