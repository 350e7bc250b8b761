"""The engine against a slow twin that shares nothing with it, command by command, with every kind of order.

After each: M1 to M5, the depth that is told, everybody's collateral, and the twin's trades, holdings and judgement.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from market.commands import (
    AdmitAccount,
    CloseGate,
    Command,
    DropDisconnected,
    HaltAccount,
    OpenInterval,
    PlaceOrder,
    RateAccount,
    ReleaseInterval,
    WakeOrders,
)
from market.orders import Side, TimeInForce
from tests.support.market import CONDITIONS, SIGNATURE, SMALL, address, cancel, order, place
from tests.support.market_machine import FIRST_SEED, run_days
from tests.support.watched_market import TwinnedMarket

INTERVALS = (1_800, 2_700, 3_600)
ACROSS: list[dict[str, Any]] = [
    {"last_interval": 2_700},
    {"last_interval": 3_600},
    {"last_interval": 3_600, "min_lot_wh": 3},
    {"bundle": 1, "bundle_legs": 2},
    {"bundle": 2, "bundle_legs": 3},
    {"cancel_on_disconnect": True, "bundle": 1, "bundle_legs": 2},
]
COMMANDS_LONG = 1_000_000

accounts = st.integers(1, 3)
intervals = st.sampled_from(INTERVALS)
whiches = st.integers(0, 50)


class MarketTwins(RuleBasedStateMachine):
    """Drives the market and everybody who watches it."""

    def __init__(self) -> None:
        super().__init__()
        self.market = TwinnedMarket(SMALL)
        self.placed: list[PlaceOrder] = []
        self.now = 0
        self.nonces = count()

    @initialize()
    def begin(self) -> None:
        for account in (1, 2, 3):
            self.do(AdmitAccount(address(account), 150_000))
        for interval in INTERVALS:
            self.do(OpenInterval(interval))

    @rule(
        account=accounts,
        side=st.sampled_from(Side),
        quantity_wh=st.integers(1, 12),
        level=st.integers(-2, 4),
        interval=intervals,
        asked=st.one_of(st.just({}), st.sampled_from(CONDITIONS), st.sampled_from(ACROSS)),
        time_in_force=st.sampled_from([TimeInForce.GOOD_TILL_GATE] * 5 + list(TimeInForce)),
        lasts_s=st.sampled_from([0, 0, 0, 5, 300]),
    )
    def place(
        self,
        account: int,
        side: Side,
        quantity_wh: int,
        level: int,
        interval: int,
        asked: dict[str, Any],
        time_in_force: TimeInForce,
        lasts_s: int,
    ) -> None:
        expiry = self.now + lasts_s if lasts_s else 0
        plain = order(account, side, quantity_wh, level * 1_000, next(self.nonces), interval=interval)
        if not {"last_interval", "bundle"} & set(asked):
            plain = replace(plain, time_in_force=time_in_force, expiry=expiry)
        self.put(replace(plain, **asked))

    @rule(which=whiches, quantity_wh=st.integers(1, 12), level=st.one_of(st.none(), st.integers(-2, 4)))
    def replace_one(self, which: int, quantity_wh: int, level: int | None) -> None:
        def like(old: PlaceOrder) -> None:
            new = replace(old.order, nonce=next(self.nonces), quantity_wh=quantity_wh, replaces=old.digest)
            self.put(new if level is None else replace(new, limit_price_ueur_per_kwh=level * 1_000))

        self.earlier(which, like)

    @rule(which=whiches, account=st.one_of(st.none(), accounts))
    def cancel(self, which: int, account: int | None) -> None:
        owner = None if account is None else address(account)
        self.earlier(which, lambda placed: self.do(cancel(placed, owner)))

    @rule(which=whiches)
    def disconnect(self, which: int) -> None:
        self.earlier(which, lambda placed: self.do(DropDisconnected(placed.digest)))

    @rule(account=st.integers(1, 4), collateral_neur=st.integers(-1, 150_000))
    def admit(self, account: int, collateral_neur: int) -> None:
        self.do(AdmitAccount(address(account), collateral_neur))

    @rule(account=st.integers(1, 4), run_id=st.integers(1, 9), kept_wh=st.integers(0, 300_000), failed=st.booleans())
    def rate(self, account: int, run_id: int, kept_wh: int, failed: bool) -> None:
        self.do(RateAccount(address(account), run_id, kept_wh, 100_000 * failed))

    @rule(account=accounts, halted=st.booleans(), by_operator=st.booleans())
    def halt(self, account: int, halted: bool, by_operator: bool) -> None:
        nonce = 0 if by_operator else next(self.nonces)
        self.do(HaltAccount(address(account), halted, by_operator, nonce, SIGNATURE))

    @rule(interval=intervals, kind=st.sampled_from([OpenInterval, CloseGate, WakeOrders, ReleaseInterval]))
    def turn(self, interval: int, kind: Callable[[int], Command]) -> None:
        self.do(kind(interval))

    @rule(seconds=st.sampled_from([1, 5, 120, 700]))
    def wait(self, seconds: int) -> None:
        self.now += seconds

    def put(self, wish: Any) -> None:
        command = place(wish)
        self.do(command)
        self.placed.append(command)

    def do(self, command: Command) -> None:
        self.market.do(command, self.now)

    def earlier(self, which: int, then: Callable[[PlaceOrder], None]) -> None:
        if self.placed:
            then(self.placed[which % len(self.placed)])


test_the_engine_does_what_its_slow_twin_does = MarketTwins.TestCase
test_the_engine_does_what_its_slow_twin_does.settings = settings(max_examples=12, stateful_step_count=40, deadline=None)


@pytest.mark.long
def test_the_engine_does_what_its_slow_twin_does_a_million_times() -> None:
    done = run_days(FIRST_SEED, COMMANDS_LONG)
    assert done.trades > COMMANDS_LONG // 20
