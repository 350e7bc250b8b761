"""The auditor and the engine, which share no line of matching, agree on every market day: in praise and in blame."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from market.audit_findings import Breach
from market.audit_trades import PublishedTrade
from market.commands import AdmitAccount, Command, PlaceOrder
from market.config import MarketConfig
from market.mechanism import Mechanism
from tests.support.audited_market import HonestMarket, ShownMarket, published
from tests.support.market import SMALL, Move, busy_day, fitted, market_days, market_of, on_feeders, resolve

Refused = tuple[int, int, Command]
"""Place in the journal that it would have had, time, command."""


def run(day: list[Move], config: MarketConfig = SMALL) -> tuple[ShownMarket, list[Refused]]:
    """Run a day; return what is shown of it and the commands that the engine refused.

    The auditor must come to what the engine holds of every account.
    """
    market = HonestMarket(config)
    placed: list[PlaceOrder] = []
    refused: list[Refused] = []
    now = 0
    for seconds, move in day:
        now = max(0, now + seconds)
        command = resolve(move, placed)
        if command is None:
            continue
        if market.run(command, now) is None:
            refused.append((len(market.shown.records) + 1, now, command))
        if isinstance(command, PlaceOrder):
            placed.append(command)
    audit = market.shown.audit()
    for address in market.state.accounts:
        view = market.state.account(address)
        assert view is not None
        assert audit.holding.needed_neur.get(address, 0) == view.needed_neur
    return market.shown, refused


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(market_days)
def test_an_honest_day_holds(day: list[Move]) -> None:
    holds(run(day)[0])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(market_days, st.sampled_from([each for each in Mechanism if each.collects]))
def test_an_honest_day_holds_whatever_the_mechanism(day: list[Move], mechanism: Mechanism) -> None:
    holds(run(fitted(day, mechanism), market_of(mechanism))[0])


@pytest.mark.parametrize("mechanism", [each for each in Mechanism if each.collects])
def test_an_honest_busy_day_holds_in_every_mechanism(mechanism: Mechanism) -> None:
    shown = [run(fitted(busy_day(seed, accounts=8), mechanism), market_of(mechanism))[0] for seed in range(12)]
    assert sum(holds(each) for each in shown) > 5


@pytest.mark.parametrize("mechanism", [each for each in Mechanism if each.collects])
def test_whatever_a_mechanism_refuses_the_auditor_finds_in_a_journal(mechanism: Mechanism) -> None:
    shown, refused = run(fitted(busy_day(1, 120, accounts=8), mechanism), market_of(mechanism))
    assert len(refused) > 20
    for place, now, command in refused:
        if isinstance(command, AdmitAccount) and command.collateral_neur < 0:
            continue
        forged = ShownMarket(shown.config, shown.records[: place - 1])
        forged.insert(now, command)
        assert forged.audit().findings, command


@pytest.mark.parametrize("seed", range(12))
def test_an_honest_busy_day_holds(seed: int) -> None:
    assert holds(run(busy_day(seed))[0]) > 10


@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_engine_refuses_the_auditor_finds_in_a_journal(seed: int) -> None:
    shown, refused = run(busy_day(seed, 120))
    assert len(refused) > 20
    for place, now, command in refused:
        # A negative collateral can not even be written into a journal.
        if isinstance(command, AdmitAccount) and command.collateral_neur < 0:
            continue
        forged = ShownMarket(SMALL, shown.records[: place - 1])
        forged.insert(now, command)
        assert forged.audit().findings, command


@pytest.mark.parametrize("seed", range(12))
def test_an_honest_busy_day_on_feeders_holds(seed: int) -> None:
    assert holds(run(busy_day(seed, accounts=5), on_feeders())[0]) > 10


@pytest.mark.parametrize("seed", range(4))
def test_no_record_can_be_dropped_or_moved_behind_the_back_of_a_receipt(seed: int) -> None:
    shown, _ = run(busy_day(seed, 60))
    last = shown.receipts[-1].sequence
    commands = [shown.command(sequence) for sequence in range(1, len(shown.records) + 1)]
    for place in range(last - 1):
        dropped, moved = copy.deepcopy(shown), copy.deepcopy(shown)
        dropped.rewrite([*commands[:place], *commands[place + 1 :]])
        moved.rewrite([*commands[:place], commands[place + 1], commands[place], *commands[place + 2 :]])
        for forged in (dropped, moved):
            forged.trades, forged.receipts = [], shown.receipts[-1:]
            assert forged.records == shown.records or Breach.RECEIPT_OFF_CHAIN in forged.breaches()


def holds(shown: ShownMarket) -> int:
    """Check that the auditor finds nothing and sees the same trades and outcomes; return the number of trades."""
    assert shown.findings() == []
    audit = shown.audit()
    derived: list[PublishedTrade] = [
        published(each.trade, each.matched_at) for trades in audit.trades.values() for each in trades
    ]
    assert sorted(derived, key=_key) == sorted(shown.trades, key=_key)
    assert {digest: order.outcome for digest, order in audit.orders.items()} == shown.outcomes
    return len(derived)


def _key(trade: PublishedTrade) -> tuple[int, int]:
    return trade.interval, trade.number
