"""What an order may ask beyond price and time: each condition by one example. Refusals: test_refusals."""

from dataclasses import replace
from typing import Any

import pytest

from market.audit_findings import Breach
from market.commands import AdmitAccount, CloseGate, Command, OpenInterval, PlaceOrder, WakeOrders
from market.config import MarketConfig
from market.engine import MarketState, apply
from market.events import CancelReason, Event, OrderCancelled, OrderEntered, OrderPlaced, Outcome, Trade
from market.mechanism import Mechanism
from market.orders import SelfTrade, Side, TimeInForce
from market.rejections import MarketReject
from tests.support.audited_market import HonestMarket, published
from tests.support.market import GATE, INTERVAL, accepted, address, cancel, digest, market, order, place, rejected

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


@pytest.mark.parametrize("partner_comes", ["first", "last"])
def test_a_published_case_of_preferred_partners(partner_comes: str) -> None:
    """Grid Singularity, gsy-framework, attributed matching: two offers of 30 at one price, one of them of the seller
    whom the first bid prefers, and a second bid without preference; each is filled, the first by its partner."""
    group = digest(7)
    partner, other = ask(1, 30, 150_000, partner_group=group), ask(2, 30, 150_000)
    state = market(*((partner, other) if partner_comes == "first" else (other, partner)), accounts=4)
    assert trades(accepted(apply(state, bid(3, 30, 150_000, partner_group=group), 0))) == [(partner.digest, 30)]
    assert trades(accepted(apply(state, bid(4, 30, 150_000), 0))) == [(other.digest, 30)]


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


# -- ORDERS BESIDE THE BOOK


def entered(events: tuple[Event, ...]) -> list[tuple[bytes, int, int]]:
    return [(event.digest, event.filled_wh, event.resting_wh) for event in events if isinstance(event, OrderEntered)]


def test_all_or_none_waits_unseen_until_it_is_filled_whole() -> None:
    whole = bid(1, 30, 100_000, all_or_none=True)
    state = market(ask(2, 20, 95_000))
    events = accepted(apply(state, whole, 0))
    assert events == (OrderPlaced(whole.order, whole.digest, Outcome.RESTING, 0, 30, waits=True),)
    assert state.book_depth(INTERVAL, 9) == ([], [(95_000, 20, 1)])
    view = state.account(address(1))
    assert view is not None
    assert view.needed_neur == 30 * 100_000
    assert entered(accepted(apply(state, ask(3, 9, 90_000), 0))) == []
    last = ask(3, 5, 100_000, 2)
    events = accepted(apply(state, last, 0))
    assert entered(events) == [(whole.digest, 30, 0)]
    found = [(e.price_ueur_per_kwh, e.quantity_wh, e.seller) for e in events if isinstance(e, Trade)]
    assert found == [(90_000, 9, address(3)), (95_000, 20, address(2)), (100_000, 1, address(3))]
    assert left(state) == [(last.digest, 4)]
    view = state.account(address(1))
    assert view is not None
    assert view.needed_neur == 9 * 90_000 + 20 * 95_000 + 100_000


def test_all_or_none_that_finds_enough_is_filled_at_once() -> None:
    state = market(ask(2, 20, 95_000), ask(3, 20, 96_000))
    events = accepted(apply(state, bid(1, 30, 100_000, all_or_none=True), 0))
    assert [wh for _, wh in trades(events)] == [20, 10]
    assert isinstance(events[0], OrderPlaced)
    assert events[0].outcome is Outcome.FILLED


def test_those_that_wait_are_served_by_price_then_arrival() -> None:
    low, high, later = (
        bid(1, 10, 98_000, all_or_none=True),
        bid(2, 10, 100_000, all_or_none=True),
        bid(2, 10, 98_000, 2, all_or_none=True),
    )
    state = market(low, high, later)
    events = accepted(apply(state, ask(3, 25, 97_000), 0))
    assert [digest for digest, _, _ in entered(events)] == [high.digest, low.digest]


def test_small_offers_are_passed_over_but_for_the_last_trade() -> None:
    small, large = ask(2, 5, 90_000), ask(3, 20, 95_000)
    state = market(small, large)
    wanted = bid(1, 26, 100_000, min_lot_wh=10)
    assert trades(accepted(apply(state, wanted, 0))) == [(large.digest, 20)]
    assert left(state) == [(wanted.digest, 6), (small.digest, 5)] or left(state) == [
        (small.digest, 5),
        (wanted.digest, 6),
    ]
    rest = ask(3, 30, 91_000, 2)
    events = accepted(apply(state, rest, 0))
    assert trades(events) == [(rest.digest, 6)]


def test_a_buyer_takes_what_is_promised_green_and_the_rest_only_for_less() -> None:
    grey, green, cheap = (
        ask(2, 10, 95_000),
        ask(2, 10, 99_000, 2, max_carbon_g_per_kwh=40),
        ask(3, 10, 90_000),
    )
    state = market(grey, green)
    strict = bid(1, 30, 100_000, max_carbon_g_per_kwh=50)
    assert trades(accepted(apply(state, strict, 0))) == [(green.digest, 10)]
    lenient = bid(3, 12, 100_000, 2, max_carbon_g_per_kwh=50, green_premium_ueur_per_kwh=10_000)
    assert trades(accepted(apply(state, lenient, 0))) == []
    events = accepted(apply(state, place(replace(cheap.order, account=address(2), nonce=3)), 0))
    assert [wh for _, wh in trades(events)] == [10]


def test_an_order_sleeps_until_it_is_valid_and_then_comes_as_the_latest() -> None:
    sleeper, resting = bid(1, 10, 100_000, valid_from=100), ask(2, 4, 95_000)
    state = market(sleeper, resting)
    assert state.book_depth(INTERVAL, 9) == ([], [(95_000, 4, 1)])
    assert state.sessions[INTERVAL].due(99) == []
    events = accepted(apply(state, WakeOrders(INTERVAL), 100))
    assert entered(events) == [(sleeper.digest, 4, 6)]
    assert trades(events) == [(resting.digest, 4)]
    assert state.book_depth(INTERVAL, 9) == ([(100_000, 6, 1)], [])


def test_a_sleeper_that_must_be_filled_whole_and_can_not_is_cancelled() -> None:
    sleeper = place(replace(bid(1, 10, 100_000, valid_from=100).order, time_in_force=TimeInForce.FILL_OR_KILL))
    state = market(sleeper)
    events = accepted(apply(state, WakeOrders(INTERVAL), 100))
    assert events == (OrderCancelled(sleeper.digest, address(1), INTERVAL, 10, CancelReason.IMMEDIATE_REST),)


def test_orders_beside_the_book_can_be_cancelled_and_leave_at_the_gate() -> None:
    waiting, sleeping, other = (
        bid(1, 10, 100_000, all_or_none=True),
        bid(1, 10, 100_000, 2, valid_from=100),
        bid(1, 10, 100_000, 3, min_lot_wh=5),
    )
    state = market(waiting, sleeping, other)
    (gone,) = accepted(apply(state, cancel(sleeping), 0))
    assert gone == OrderCancelled(sleeping.digest, address(1), INTERVAL, 10, CancelReason.BY_OWNER)
    events = accepted(apply(state, CloseGate(INTERVAL), GATE))
    assert [e.digest for e in events if isinstance(e, OrderCancelled)] == [waiting.digest, other.digest]
    view = state.account(address(1))
    assert view is not None
    assert view.needed_neur == 0


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


def test_a_part_of_an_order_for_all_or_nothing_is_found() -> None:
    shown = shown_with(ask(2, 20, 95_000), bid(1, 30, 100_000, all_or_none=True)).shown
    first, second = (shown.command(place)[1] for place in (5, 6))
    assert isinstance(first, PlaceOrder)
    assert isinstance(second, PlaceOrder)
    made = Trade(INTERVAL, 0, 95_000, 20, second.digest, first.digest, address(1), address(2), 0, 0)
    shown.trades = [published(made, 0)]
    assert Breach.INVENTED_TRADE in shown.breaches()


def test_trades_that_an_order_may_not_have_are_found() -> None:
    grey = ask(2, 20, 95_000)
    for asked, breach in (
        ({"max_carbon_g_per_kwh": 50}, Breach.NOT_GREEN_ENOUGH),
        ({"min_lot_wh": 25}, Breach.BELOW_MINIMUM_LOT),
        ({"valid_from": 100}, Breach.MATCHED_BEFORE_VALID),
    ):
        choosy = bid(1, 30, 100_000, **asked)
        shown = shown_with(grey, choosy).shown
        assert shown.trades == []
        made = Trade(INTERVAL, 0, 95_000, 20, choosy.digest, grey.digest, address(1), address(2), 0, 0)
        shown.trades = [published(made, 0)]
        assert breach in shown.breaches()


def test_a_replacement_of_somebody_elses_order_is_found() -> None:
    old = ask(1, 5, 95_000)
    shown = shown_with(old).shown
    shown.insert(0, ask(2, 5, 95_000, replaces=old.digest))
    assert Breach.WRONG_REPLACEMENT in shown.breaches()
