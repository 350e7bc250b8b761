"""Limits of an account, collar, pace, switches: when they refuse, and that the auditor finds what was let through."""

from dataclasses import replace
from typing import NoReturn

import pytest

from energy.identity import Digest
from market.audit_findings import Breach
from market.commands import AdmitAccount, CloseGate, Command, HaltAccount, OpenInterval, PlaceOrder, SetLimits
from market.config import MarketConfig
from market.engine import MarketState, apply
from market.events import AccountHalted, CancelReason, OrderCancelled
from market.journal import decode, encode
from market.orders import Side
from market.rejections import MarketReject
from market.state import Resting
from tests.support.audited_market import HonestMarket, ShownMarket
from tests.support.market import GATE, INTERVAL, SIGNATURE, accepted, address, market, order, place, rejected

BUY, SELL = Side.BUY, Side.SELL


def refused(state: MarketState, command: Command, now: int = 0) -> tuple[int, dict[str, int | str]]:
    before = state.digest()
    result = rejected(apply(state, command, now))
    assert state.digest() == before
    return int(result.code), dict(result.facts)


def switch(halted: bool, nonce: int = 0, *, account: int = 1, by_operator: bool = False) -> HaltAccount:
    return HaltAccount(address(account), halted, by_operator, nonce, SIGNATURE)


def test_open_orders_energy_and_money_of_an_account_are_limited() -> None:
    first = place(order(1, SELL, 10, 100_000, 1, expiry=50))
    for field, limit, code, facts in (
        ("account_orders_max", 1, MarketReject.TOO_MANY_ORDERS, {"account_orders": 2, "limit_orders": 1}),
        ("account_open_max_wh", 14, MarketReject.TOO_MUCH_ENERGY, {"account_open_wh": 15, "limit_open_wh": 14}),
        (
            "account_notional_max_neur",
            1_499_999,
            MarketReject.TOO_MUCH_MONEY,
            {"account_notional_neur": 1_500_000, "limit_notional_neur": 1_499_999},
        ),
    ):
        config = replace(MarketConfig(), **{field: limit})  # type: ignore[arg-type]
        state = market(first, config=config)
        second = place(order(1, SELL, 5, 100_000, 2))
        assert refused(state, second, 50) == (code, facts)
        accepted(apply(state, place(order(2, SELL, 5, 100_000, 1)), 50))  # another account has limits of its own
        accepted(apply(state, second, 51))  # the first has expired


def test_a_fill_and_a_cancel_free_the_limits() -> None:
    state = market(place(order(1, SELL, 10, 100_000, 1)), config=replace(MarketConfig(), account_open_max_wh=10))
    accepted(apply(state, place(order(2, BUY, 4, 100_000, 1)), 0))
    assert refused(state, place(order(1, SELL, 5, 110_000, 2)))[0] == MarketReject.TOO_MUCH_ENERGY
    accepted(apply(state, place(order(1, SELL, 4, 110_000, 3)), 0))


def test_orders_of_a_minute_are_counted_and_the_next_minute_starts_anew() -> None:
    state = market(config=replace(MarketConfig(), orders_per_minute_max=2))
    for nonce, now in ((1, 60), (2, 119)):
        accepted(apply(state, place(order(1, SELL, 1, 100_000, nonce)), now))
    third = place(order(1, SELL, 1, 100_000, 3))
    assert refused(state, third, 119) == (MarketReject.TOO_FAST, {"orders_per_minute_max": 2, "retry_at": 120})
    accepted(apply(state, place(order(2, SELL, 1, 100_000, 1)), 119))
    accepted(apply(state, third, 120))


def test_a_price_hardly_meant_is_outside_the_collar() -> None:
    config = replace(MarketConfig(), collar_ueur_per_kwh=20_000)
    state = market(place(order(1, SELL, 10, 500_000, 1)), config=config)  # nobody has traded yet: no collar
    accepted(apply(state, place(order(2, BUY, 1, 500_000, 1)), 0))
    facts = {"collar_low_ueur_per_kwh": 480_000, "collar_high_ueur_per_kwh": 520_000}
    far = place(order(2, BUY, 1, 521_000, 2))
    assert refused(state, far) == (MarketReject.OUTSIDE_COLLAR, {"limit_price_ueur_per_kwh": 521_000, **facts})
    low = place(order(2, SELL, 1, 479_000, 3))
    assert refused(state, low)[0] == MarketReject.OUTSIDE_COLLAR
    for nonce, side, price in ((4, BUY, 520_000), (5, BUY, 1_000), (6, SELL, 900_000)):
        accepted(apply(state, place(order(3, side, 1, price, nonce)), 0))


def test_the_collar_of_a_new_interval_is_around_the_last_published_price() -> None:
    config = replace(MarketConfig(), collar_ueur_per_kwh=20_000)
    state = market(place(order(1, SELL, 1, 0, 1)), place(order(2, BUY, 1, 0, 1)), config=config)
    accepted(apply(state, OpenInterval(INTERVAL + 900), 0))
    accepted(apply(state, CloseGate(INTERVAL), GATE))
    later = order(2, BUY, 1, 21_000, 2, interval=INTERVAL + 900)
    assert refused(state, place(later), GATE)[0] == MarketReject.OUTSIDE_COLLAR


def test_a_member_stops_its_account_and_lets_it_go_on() -> None:
    mine, other = place(order(1, SELL, 10, 100_000, 1)), place(order(2, SELL, 10, 110_000, 1))
    state = market(mine, other)
    events = accepted(apply(state, switch(True, 1), 5))
    assert [(e.digest, e.reason) for e in events if isinstance(e, OrderCancelled)] == [
        (mine.digest, CancelReason.HALTED)
    ]
    assert events[-1] == AccountHalted(address(1), True, False)
    view = state.account(address(1))
    assert view is not None
    assert view.needed_neur == 0
    again = place(order(1, SELL, 10, 100_000, 2))
    halted = {"account": "0x" + address(1).hex(), "by": "member"}
    assert refused(state, again, 5) == (MarketReject.ACCOUNT_HALTED, halted)
    assert refused(state, switch(False, 1), 5) == (MarketReject.DUPLICATE_NONCE, {"nonce": 1})
    accepted(apply(state, switch(False, 2), 5))
    accepted(apply(state, again, 5))


def test_neither_lifts_the_others_switch() -> None:
    state = market()
    accepted(apply(state, switch(True, by_operator=True), 0))
    accepted(apply(state, switch(False, 1), 0))
    refusal = refused(state, place(order(1, SELL, 10, 100_000, 1)))
    assert refusal == (MarketReject.ACCOUNT_HALTED, {"account": "0x" + address(1).hex(), "by": "operator"})
    accepted(apply(state, switch(False, by_operator=True), 0))
    accepted(apply(state, place(order(1, SELL, 10, 100_000, 1)), 0))
    assert refused(state, switch(True, 1, account=9))[0] == MarketReject.UNKNOWN_ACCOUNT


def test_orders_whose_gate_has_passed_stay_for_the_call() -> None:
    state = market(place(order(1, SELL, 10, 100_000, 1)))
    events = accepted(apply(state, switch(True, 1), GATE))
    assert events == (AccountHalted(address(1), True, False),)


@pytest.mark.parametrize("command", [switch(True, 7), switch(False, 0, by_operator=True)])
def test_a_switch_is_one_record_of_the_journal(command: HaltAccount) -> None:
    record = encode(3, 9, command)
    assert decode(record) == (3, 9, command)
    with pytest.raises(ValueError, match="switch"):
        decode(record[:38] + b"\x02" + record[39:])


def limited(*commands: Command) -> ShownMarket:
    config = replace(
        MarketConfig(),
        account_orders_max=2,
        account_open_max_wh=50,
        account_notional_max_neur=10**9,
        orders_per_minute_max=3,
        collar_ueur_per_kwh=20_000,
    )
    honest = HonestMarket(config)
    for command in (*(AdmitAccount(address(n), 10**12) for n in (1, 2, 3)), OpenInterval(INTERVAL), *commands):
        assert honest.run(command, 0) is not None, command
    return honest.shown


TRADED = (place(order(1, SELL, 10, 100_000, 1)), place(order(2, BUY, 5, 100_000, 1)))


@pytest.mark.parametrize(
    "wrong",
    [
        place(order(1, SELL, 46, 100_000, 9)),
        place(order(3, BUY, 1, 121_000, 9)),
        place(order(3, SELL, 1, 79_000, 9)),
    ],
)
def test_the_auditor_finds_an_order_beyond_a_limit(wrong: PlaceOrder) -> None:
    shown = limited(*TRADED)
    assert shown.findings() == []
    shown.insert(0, wrong)
    assert Breach.BEYOND_RISK_LIMIT in {finding.breach for finding in shown.audit().findings}


def test_the_auditor_finds_orders_that_came_too_fast_or_too_many_or_halted() -> None:
    many = [place(order(1, SELL, 1, 110_000, n)) for n in (2, 3)]
    shown = limited(TRADED[0], many[0])
    shown.insert(0, many[1])
    assert Breach.BEYOND_RISK_LIMIT in {finding.breach for finding in shown.audit().findings}
    shown = limited(switch(True, 1))
    assert shown.findings() == []
    shown.insert(0, TRADED[0])
    assert Breach.BEYOND_RISK_LIMIT in {finding.breach for finding in shown.audit().findings}
    shown = limited(switch(True, 5))
    shown.insert(0, switch(False, 5))
    assert Breach.REPEATED_NONCE in {finding.breach for finding in shown.audit().findings}


def test_the_auditor_goes_by_the_limits_that_held_when_an_order_came() -> None:
    beyond = place(order(1, SELL, 46, 100_000, 9))
    assert limited(*TRADED, SetLimits(0, 0, 0, 0, 0), beyond).findings() == []
    shown = limited(*TRADED, SetLimits(0, 0, 0, 0, 0), SetLimits(0, 50, 0, 0, 0))
    shown.insert(0, beyond)
    assert Breach.BEYOND_RISK_LIMIT in {finding.breach for finding in shown.audit().findings}


def test_without_limits_nobody_goes_through_the_open_orders_of_an_account() -> None:
    class Untouched(dict[Digest, Resting]):
        def values(self) -> NoReturn:
            raise AssertionError("an order must not cost more, the more its account has open")

    state = market(place(order(1, SELL, 10, 100_000, 1)))
    account = state.accounts[address(1)]
    account.resting = Untouched(account.resting)
    accepted(apply(state, place(order(1, SELL, 10, 100_000, 2)), 0))
    assert len(account.resting) == 2
