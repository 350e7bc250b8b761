"""What an order may ask beyond price and time: each condition by one example. Refusals: test_refusals."""

from dataclasses import replace
from typing import Any

import pytest

from market.audit_findings import Breach
from market.commands import AdmitAccount, Command, OpenInterval, PlaceOrder
from market.config import MarketConfig
from market.engine import MarketState, apply
from market.events import CancelReason, Event, OrderCancelled, OrderPlaced, Outcome, Trade
from market.mechanism import Mechanism
from market.orders import SelfTrade, Side, TimeInForce
from market.rejections import MarketReject
from tests.support.audited_market import HonestMarket
from tests.support.market import INTERVAL, accepted, address, digest, market, order, place, rejected

BUY, SELL = Side.BUY, Side.SELL


def ask(account: int, quantity_wh: int, price: int, nonce: int = 1, **asked: Any) -> PlaceOrder:
    return place(replace(order(account, SELL, quantity_wh, price, nonce), **asked))


def bid(account: int, quantity_wh: int, price: int, nonce: int = 1, **asked: Any) -> PlaceOrder:
    return place(replace(order(account, BUY, quantity_wh, price, nonce), **asked))


def trades(events: tuple[Event, ...]) -> list[tuple[bytes, int]]:
    """Seller's order and Wh of each trade."""
    return [(event.sell_order, event.quantity_wh) for event in events if isinstance(event, Trade)]


def left(state: MarketState) -> list[tuple[bytes, int]]:
    return [(resting.digest, resting.open_wh) for resting in state.resting_orders()]


def test_post_only_rests_where_it_meets_nobody_and_is_refused_where_it_would() -> None:
    state = market(ask(1, 10, 100_000))
    assert rejected(apply(state, bid(2, 10, 100_000, post_only=True), 0)).code == MarketReject.WOULD_MATCH
    events = accepted(apply(state, bid(2, 10, 99_000, post_only=True), 0))
    assert isinstance(events[0], OrderPlaced)
    assert events[0].outcome is Outcome.RESTING


def test_an_order_shows_a_slice_and_the_next_one_comes_behind_the_others() -> None:
    hiding, other = ask(1, 25, 100_000, display_wh=10), ask(2, 10, 100_000)
    state = market(hiding, other)
    assert state.book_depth(INTERVAL, 9) == ([], [(100_000, 20, 2)])
    events = accepted(apply(state, bid(3, 32, 100_000), 0))
    assert trades(events) == [(hiding.digest, 10), (other.digest, 10), (hiding.digest, 10), (hiding.digest, 2)]
    assert left(state) == [(hiding.digest, 3)]
    assert state.book_depth(INTERVAL, 9) == ([], [(100_000, 3, 1)])


def test_what_is_hidden_counts_for_fill_or_kill_and_is_held_in_full() -> None:
    state = market(ask(1, 25, 100_000, display_wh=10))
    view = state.account(address(1))
    assert view is not None
    assert view.needed_neur == 25 * 900_000
    whole = replace(bid(3, 25, 100_000).order, time_in_force=TimeInForce.FILL_OR_KILL)
    assert trades(accepted(apply(state, place(whole), 0)))[-1][1] == 5


@pytest.mark.parametrize(
    ("mode", "gone", "outcome", "traded_wh"),
    [
        (SelfTrade.CANCEL_INCOMING, "incoming", Outcome.PARTLY_FILLED_REST_CANCELLED, 5),
        (SelfTrade.CANCEL_RESTING, "resting", Outcome.FILLED, 12),
        (SelfTrade.CANCEL_BOTH, "both", Outcome.PARTLY_FILLED_REST_CANCELLED, 5),
    ],
)
def test_orders_of_one_account_do_not_trade_with_each_other(
    mode: SelfTrade, gone: str, outcome: Outcome, traded_wh: int
) -> None:
    before, own, behind = ask(1, 5, 90_000), ask(2, 10, 95_000), ask(3, 10, 100_000)
    state = market(before, own, behind)
    incoming = bid(2, 12, 100_000, 2, self_trade=mode)
    events = accepted(apply(state, incoming, 0))
    assert isinstance(events[0], OrderPlaced)
    assert (events[0].outcome, sum(wh for _, wh in trades(events))) == (outcome, traded_wh)
    cancelled = {event.digest: event.reason for event in events if isinstance(event, OrderCancelled)}
    expected = {own.digest} if gone in ("resting", "both") else set()
    expected |= {incoming.digest} if gone in ("incoming", "both") else set()
    assert cancelled == dict.fromkeys(expected, CancelReason.SELF_TRADE)
    view = state.account(address(2))
    assert view is not None
    resting = state.resting_orders(address(2))
    assert [each.digest for each in resting] == ([own.digest] if gone == "incoming" else [])


def test_at_one_price_partners_come_first_and_price_before_them() -> None:
    group = digest(7)
    cheap, first, partner = ask(1, 5, 90_000), ask(1, 5, 95_000, 2), ask(2, 5, 95_000, partner_group=group)
    state = market(cheap, first, partner)
    events = accepted(apply(state, bid(3, 12, 95_000, partner_group=group), 0))
    assert trades(events) == [(cheap.digest, 5), (partner.digest, 5), (first.digest, 2)]


def test_an_order_without_partners_passes_nobody_over() -> None:
    first, partner = ask(1, 5, 95_000), ask(2, 5, 95_000, partner_group=digest(7))
    state = market(first, partner)
    assert trades(accepted(apply(state, bid(3, 5, 95_000), 0))) == [(first.digest, 5)]


def test_a_replacement_for_less_keeps_its_place_and_counts_what_was_filled() -> None:
    old, other = ask(1, 20, 100_000), ask(2, 10, 100_000)
    state = market(old, other, bid(3, 5, 100_000))
    less = ask(1, 12, 100_000, 2, replaces=old.digest)
    events = accepted(apply(state, less, 0))
    assert events == (
        OrderCancelled(old.digest, address(1), INTERVAL, 15, CancelReason.REPLACED),
        OrderPlaced(less.order, less.digest, Outcome.RESTING, 0, 7, 5),
    )
    (trade,) = [e for e in accepted(apply(state, bid(3, 3, 100_000, 2), 0)) if isinstance(e, Trade)]
    assert (trade.sell_order, trade.sell_from_wh, trade.quantity_wh) == (less.digest, 5, 3)
    view = state.account(address(1))
    assert view is not None
    assert view.needed_neur == (5 + 7) * 900_000


@pytest.mark.parametrize("change", [{"quantity_wh": 21}, {"limit_price_ueur_per_kwh": 99_000}, {"display_wh": 5}])
def test_a_replacement_that_changes_more_goes_behind_the_others(change: dict[str, Any]) -> None:
    old, other = ask(1, 20, 100_000), ask(2, 10, 100_000)
    state = market(old, other)
    new = place(replace(ask(1, 20, 100_000, 2, replaces=old.digest).order, **change))
    accepted(apply(state, new, 0))
    first = new if "limit_price_ueur_per_kwh" in change else other
    assert trades(accepted(apply(state, bid(3, 1, 100_000), 0))) == [(first.digest, 1)]


def test_a_replacement_needs_the_collateral_of_what_is_open_alone() -> None:
    old = ask(1, 20, 100_000)
    state = market(old, AdmitAccount(address(1), 20 * 900_000))
    accepted(apply(state, ask(1, 20, 100_000, 2, replaces=old.digest), 0))
    dearer = ask(1, 20, 99_000, 3, replaces=state.resting_orders()[0].digest)
    assert rejected(apply(state, dearer, 0)).code == MarketReject.INSUFFICIENT_COLLATERAL
    assert left(state) == [(dearer.order.replaces, 20)]


def test_a_call_keeps_no_preference_among_equals() -> None:
    state = market(config=MarketConfig(mechanism=Mechanism.CALL))
    for asked in ({"partner_group": digest(7)}, {"self_trade": SelfTrade.CANCEL_BOTH}):
        assert rejected(apply(state, ask(1, 5, 95_000, **asked), 0)).code == MarketReject.UNSUPPORTED_ATTRIBUTE
    shown = ask(1, 5, 95_000, display_wh=2, post_only=True)
    accepted(apply(state, shown, 0))
    assert state.book_depth(INTERVAL, 9) == ([], [(95_000, 2, 1)])
    accepted(apply(state, ask(1, 3, 95_000, 2, replaces=shown.digest), 0))
    assert [wh for _, wh in left(state)] == [3]


# -- A NODE THAT DOES NOT KEEP THEM


def shown_with(*commands: Command) -> HonestMarket:
    honest = HonestMarket(MarketConfig())
    for command in (*(AdmitAccount(address(n), 10**12) for n in (1, 2, 3)), OpenInterval(INTERVAL), *commands):
        assert honest.run(command, 0) is not None, command
    assert honest.shown.findings() == []
    return honest


def test_a_partner_that_is_passed_over_is_found() -> None:
    group = digest(7)
    first, partner = ask(1, 5, 95_000), ask(2, 5, 95_000, partner_group=group)
    shown = shown_with(first, partner, bid(3, 5, 95_000, partner_group=group)).shown
    shown.trades = [replace(shown.trades[0], sell_order=first.digest, seller=address(1))]
    assert Breach.PRIORITY_BROKEN in shown.breaches()


def test_a_hidden_slice_that_comes_before_its_turn_is_found() -> None:
    hiding, other = ask(1, 20, 100_000, display_wh=10), ask(2, 10, 100_000)
    shown = shown_with(hiding, other, bid(3, 20, 100_000)).shown
    shown.trades[1] = replace(shown.trades[1], sell_order=hiding.digest, seller=address(1))
    assert Breach.PRIORITY_BROKEN in shown.breaches()


def test_a_post_only_order_that_took_is_found() -> None:
    shown = shown_with(ask(1, 5, 95_000)).shown
    shown.insert(0, bid(3, 5, 95_000, post_only=True))
    assert Breach.POST_ONLY_MATCHED in shown.breaches()


def test_a_replacement_of_somebody_elses_order_is_found() -> None:
    old = ask(1, 5, 95_000)
    shown = shown_with(old).shown
    shown.insert(0, ask(2, 5, 95_000, replaces=old.digest))
    assert Breach.WRONG_REPLACEMENT in shown.breaches()
