"""Collateral by facts: metered energy earns trust, failures cost it, wash trades and fresh names gain nothing."""

import pytest

from energy.identity import Address, MeterId
from energy.results import Accepted
from market.audit import JournalAudit
from market.audit_findings import Breach
from market.commands import AdmitAccount, Command, OpenInterval, RateAccount
from market.engine import MarketState, apply
from market.events import AccountRated
from market.journal import encode
from market.metered import Metered, Source
from market.orders import Side
from market.rejections import MarketReject
from market.settlement import Tariff, settle_interval
from market.standing import (
    FAILURES,
    FAULT_WH,
    HALF_LIFE_S,
    INTERVAL_WH_MAX,
    TRUST_WH,
    Facts,
    Standing,
    facts_of,
)
from tests.support.market import INTERVAL, SMALL, accepted, address, order, place, rejected, trade

SUPPLIER = address(99)


def metered(account: Address, import_wh: int = 0, export_wh: int = 0, *, final: bool = True) -> Metered:
    meter = MeterId(bytes(12) + account)
    return Metered(account, meter, Source.SOLAR, import_wh, export_wh, final, provisional=not final)


def rated(*runs: tuple[int, int]) -> Standing:
    standing = Standing()
    for kept_wh, failed_wh in runs:
        standing = standing.with_facts(Facts(kept_wh, failed_wh), 0)
    return standing


def test_unknown_account_needs_all_and_proof_halves_it() -> None:
    assert Standing().collateral_permille == 1_000
    assert rated((TRUST_WH, 0)).collateral_permille == 750
    assert rated((10**12, 0)).collateral_permille == 501  # never below half, whatever was kept
    assert rated((TRUST_WH, TRUST_WH)).collateral_permille == 917


def test_facts_fade_by_half_in_a_half_life() -> None:
    standing = Standing(1_000, 401, 50)
    assert standing.at(50) == standing
    assert standing.at(50 + HALF_LIFE_S) == Standing(500, 200, 50 + HALF_LIFE_S)
    assert standing.at(50 + HALF_LIFE_S // 2) == Standing(750, 301, 50 + HALF_LIFE_S // 2)
    assert standing.at(50 + 100 * HALF_LIFE_S) == Standing(0, 0, 50 + 100 * HALF_LIFE_S)
    assert standing.at(0) == standing  # a clock that was set back


def test_one_reading_counts_only_so_much_and_a_doubtful_one_counts_against() -> None:
    one, two = address(1), address(2)
    facts = facts_of([metered(one, 10**6), metered(two, 500, final=False), metered(two, 30, 40)], [(one, 7)])
    assert facts == {one: Facts(INTERVAL_WH_MAX, 7), two: Facts(70, FAULT_WH)}


def test_wash_trader_loses_by_its_trades_and_its_second_name_too() -> None:
    """Two names of one person trade 9 kWh with each other; both draw next to nothing."""
    one, two, honest = address(1), address(2), address(3)
    readings = [metered(one, 10), metered(two, 10), metered(honest, 9_000)]
    tariff = Tariff(INTERVAL, 250_000, 60_000, 275_000, 30_000)
    outcome = settle_interval([trade(1, 2, 1, 9_000, 100_000)], readings, tariff, SUPPLIER)
    assert not hasattr(outcome, "code"), outcome
    failures = [
        (each.account, each.quantity_wh)
        for each in outcome.entries
        if each.kind in FAILURES and each.account != SUPPLIER
    ]
    facts = facts_of(readings, failures)
    washed = [Standing().with_facts(facts[each], 0) for each in (one, two)]
    quiet = Standing().with_facts(Facts(10, 0), 0)
    for standing in washed:
        assert standing.failed_wh == (9_000 if standing is washed[0] else 8_990)
        assert standing.collateral_permille >= quiet.collateral_permille
        assert standing.collateral_permille == 1_000
    assert Standing().with_facts(facts[honest], 0).collateral_permille < 1_000
    # Afterwards it takes four times the energy to be trusted as if it had not.
    assert washed[0].with_facts(Facts(50_000, 0), 0).collateral_permille > rated((50_000, 0)).collateral_permille


@pytest.mark.parametrize("runs", [[(0, 10**6)], [(10**6, 0), (0, 10**7)], [(5, 10**9)]])
def test_fresh_identity_gains_nothing(runs: list[tuple[int, int]]) -> None:
    assert rated(*runs).collateral_permille <= Standing().collateral_permille


def known(*commands: RateAccount) -> MarketState:
    state = MarketState(SMALL)
    before: list[Command] = [AdmitAccount(address(1), 30_000), OpenInterval(INTERVAL)]
    for command in (*before, *commands):
        accepted(apply(state, command, 0))
    return state


def test_the_same_money_backs_more_by_proof() -> None:
    fifteen, sixteen = (place(order(1, Side.BUY, wh, 2_000, wh)) for wh in (15, 16))
    assert isinstance(apply(known(), fifteen, 0), Accepted)
    facts = rejected(apply(known(), sixteen, 0)).facts
    assert (facts["needed_neur"], facts["available_neur"]) == (32_000, 30_000)
    trusted = known(RateAccount(address(1), 1, TRUST_WH, 0))
    view = trusted.account(address(1))
    assert view is not None
    assert (view.collateral_neur, view.available_neur, view.standing.collateral_permille) == (30_000, 40_000, 750)
    assert isinstance(apply(trusted, sixteen, 0), Accepted)
    fallen = known(RateAccount(address(1), 1, TRUST_WH, 0), RateAccount(address(1), 2, 0, 10 * TRUST_WH))
    assert rejected(apply(fallen, sixteen, 0)).code == MarketReject.INSUFFICIENT_COLLATERAL
    assert isinstance(apply(fallen, fifteen, 0), Accepted)  # never less than the money itself: no bar to access


def test_run_counts_once_and_in_sequence() -> None:
    state = known()
    (event,) = accepted(apply(state, RateAccount(address(1), 3, 7, 2), 60))
    assert event == AccountRated(address(1), 3, 7, 2, 1_000)
    before = state.digest()
    for run_id in (3, 2):
        refusal = rejected(apply(state, RateAccount(address(1), run_id, 7, 2), 60))
        assert refusal.code == MarketReject.DUPLICATE_NONCE
    assert rejected(apply(state, RateAccount(address(2), 4, 7, 2), 60)).code == MarketReject.UNKNOWN_ACCOUNT
    assert state.digest() == before
    accepted(apply(state, RateAccount(address(1), 4, 7, 2), 60))
    assert state.digest() != before


def test_auditor_finds_a_run_that_was_counted_twice_and_an_order_beyond() -> None:
    commands: list[Command] = [
        AdmitAccount(address(1), 30_000),
        OpenInterval(INTERVAL),
        RateAccount(address(1), 1, TRUST_WH, 0),
        place(order(1, Side.BUY, 16, 2_000, 16)),
    ]
    honest = [encode(number, 0, command) for number, command in enumerate(commands, start=1)]
    audit = JournalAudit(SMALL, bytes(32))
    audit.follow_all(honest)
    assert audit.findings == []
    audit.follow(encode(5, 0, RateAccount(address(1), 1, TRUST_WH, 0)))
    audit.follow(encode(6, 0, RateAccount(address(2), 2, TRUST_WH, 0)))
    assert [each.breach for each in audit.findings] == [Breach.WRONG_RATING] * 2
    unproven = JournalAudit(SMALL, bytes(32))
    unproven.follow_all([*honest[:2], encode(3, 0, commands[3])])
    assert [each.breach for each in unproven.findings] == [Breach.WITHOUT_COLLATERAL]


def test_failures_are_the_lines_of_the_contract() -> None:
    assert FAILURES == (5, 6, 15, 16)
