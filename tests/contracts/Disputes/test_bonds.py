"""Bonds: they stay while their owner can be proven wrong, and pay when it is."""

from dataclasses import replace

import pytest

from metering.readings import Reading
from oracles.disputes import Dispute
from oracles.typed_data import TRADE, reading_values
from tests.support.community import FIRST_INTERVAL, INTERVAL_LENGTH, ORACLES, OWNER, STRANGER, Key
from tests.support.disputes import (
    BOND,
    CHALLENGER,
    METERS,
    OPERATOR,
    WINDOW,
    Books,
    Disputed,
    changed,
    honest_books,
    reading,
)
from tests.support.evm import Receipt, reverts

ORACLE = ORACLES[0]
DELAY = 30 * 86_400
FIRST = reading(METERS[0][0], FIRST_INTERVAL, 100, 0)
OTHER = replace(FIRST, import_wh=101)


def post(disputed: Disputed, account: str, amount: int) -> None:
    disputed.give(STRANGER.address, amount, disputed.disputes)
    disputed.disputes.transact("postBond", account, amount, sender=STRANGER.address)


def equivocate(
    disputed: Disputed, first: Reading, second: Reading, *, by: Key = ORACLE, and_by: Key = ORACLE
) -> Receipt:
    arguments: list[object] = []
    for each, signer in ((first, by), (second, and_by)):
        values = reading_values(each)
        arguments += [values, signer.sign(disputed.community.readings.call("hashReading", values))]
    return disputed.disputes.transact("proveEquivocation", *arguments, sender=CHALLENGER.address)


def test_bond_without_an_allowance_is_not_posted(disputed: Disputed) -> None:
    with reverts("ERC20InsufficientAllowance", disputed.disputes.address, 0, 5):
        disputed.disputes.transact("postBond", STRANGER.address, 5, sender=STRANGER.address)
    assert disputed.disputes.call("bondOf", STRANGER.address) == 0


def test_oracle_that_signs_two_readings_loses_its_key_and_its_bond(disputed: Disputed) -> None:
    community = disputed.community
    post(disputed, ORACLE.address, 301)
    before = community.token.call("balanceOf", CHALLENGER.address)
    receipt = equivocate(disputed, FIRST, OTHER)
    assert receipt.gas_used < 500_000
    assert receipt.event("OracleEquivocated") == {
        "oracle": ORACLE.address,
        "meter": FIRST.meter,
        "interval": FIRST_INTERVAL,
        "challenger": CHALLENGER.address,
        "reward": 150,
    }
    assert receipt.event("BondSlashed") == {"account": ORACLE.address, "amount": 301}
    assert community.token.call("balanceOf", CHALLENGER.address) == before + 150
    assert community.settlement.call("guaranteeFund") == 151
    assert not community.registry.call("isOracle", ORACLE.address, community.evm.timestamp)
    assert equivocate(disputed, OTHER, FIRST).event("OracleEquivocated")["reward"] == 0


def test_operator_loses_no_more_than_its_bond(disputed: Disputed) -> None:
    """The last run takes all of it; the one before is void all the same, for nothing."""
    books = honest_books(disputed)
    sold_to_itself = changed(TRADE, books.trades[0], seller=books.trades[0][6])
    runs = [disputed.settle(Books(disputed.domain, [step], trades=[sold_to_itself])) for step in (0, 1)]
    for run_id, reward in ((2, BOND // 2), (1, 0)):
        calldata = Dispute("proveSelfTrade", run_id, (runs[run_id - 1].trades[0],)).calldata
        assert disputed.send(disputed.disputes, calldata).event("FraudProven")["reward"] == reward
        assert disputed.community.settlement.call("voidFrom") == run_id
    assert disputed.disputes.call("bondOf", OPERATOR.address) == 0


def test_oracle_without_a_bond_loses_its_key(disputed: Disputed) -> None:
    assert [event.name for event in equivocate(disputed, FIRST, OTHER).events] == ["OracleRetired", "OracleEquivocated"]


def test_signing_one_reading_twice_is_honest(disputed: Disputed) -> None:
    digest = disputed.community.readings.call("hashReading", reading_values(FIRST))
    with reverts("SameLeaf", digest):
        equivocate(disputed, FIRST, FIRST)


@pytest.mark.parametrize(
    "second", [replace(OTHER, interval=FIRST_INTERVAL + INTERVAL_LENGTH), replace(OTHER, meter=METERS[1][0])]
)
def test_readings_of_other_meters_and_intervals_are_honest(disputed: Disputed, second: Reading) -> None:
    with reverts("Unrelated"):
        equivocate(disputed, FIRST, second)


def test_two_oracles_may_differ(disputed: Disputed) -> None:
    with reverts("Unrelated"):
        equivocate(disputed, FIRST, OTHER, and_by=ORACLES[1])


def test_strangers_signatures_say_nothing(disputed: Disputed) -> None:
    with reverts("NotAnOracle", STRANGER.address):
        equivocate(disputed, FIRST, OTHER, by=STRANGER, and_by=STRANGER)


def test_revoked_oracle_does_not_make_an_honest_run_disputable(disputed: Disputed) -> None:
    run = disputed.settle(honest_books(disputed))
    first = run.readings[0]
    arguments = (first.values, first.salt, first.proof)
    equivocate(disputed, FIRST, OTHER)
    disputed.questions.transact("askSignatures", 1, arguments, sender=CHALLENGER.address)
    digest = disputed.community.readings.call("hashReading", first.values)
    signatures = [signer.sign(digest) for signer in ORACLES[:2]]
    disputed.questions.transact("answerSignatures", 1, first.values, signatures).event("Answered")


def test_operators_bond_stays_while_a_run_is_open(disputed: Disputed) -> None:
    disputed.settle(honest_books(disputed))
    with reverts("StillBound", OPERATOR.address):
        disputed.disputes.transact("announceBondWithdrawal", sender=OPERATOR.address)
    disputed.community.evm.timestamp += WINDOW
    _withdraw(disputed, OPERATOR.address, BOND)
    assert not disputed.disputes.call("isBonded")


def test_operator_that_settles_after_announcing_is_bound_again(disputed: Disputed) -> None:
    disputed.disputes.transact("announceBondWithdrawal", sender=OPERATOR.address)
    disputed.community.evm.timestamp += DELAY
    disputed.settle(honest_books(disputed))
    with reverts("StillBound", OPERATOR.address):
        disputed.disputes.transact("withdrawBond", sender=OPERATOR.address)


def test_bond_that_is_announced_again_waits_anew(disputed: Disputed) -> None:
    disputes, evm = disputed.disputes, disputed.community.evm
    disputes.transact("announceBondWithdrawal", sender=OPERATOR.address)
    evm.timestamp += DELAY // 2
    again = disputes.transact("announceBondWithdrawal", sender=OPERATOR.address).event("BondWithdrawalAnnounced")
    assert again["readyAt"] == evm.timestamp + DELAY
    evm.timestamp += DELAY - 1
    with reverts("BondNotReady", OPERATOR.address, again["readyAt"]):
        disputes.transact("withdrawBond", sender=OPERATOR.address)
    evm.timestamp += 1
    disputes.transact("withdrawBond", sender=OPERATOR.address)


def test_oracles_bond_stays_while_its_key_is_valid(disputed: Disputed) -> None:
    post(disputed, ORACLE.address, 70)
    for function in ("announceBondWithdrawal", "withdrawBond"):
        with reverts("StillBound", ORACLE.address):
            disputed.disputes.transact(function, sender=ORACLE.address)
    retired = disputed.community.evm.timestamp
    disputed.community.registry.transact("retireOracle", ORACLE.address, retired, sender=OWNER)
    _withdraw(disputed, ORACLE.address, 70)


def test_bonds_of_several_payers_add_up(disputed: Disputed) -> None:
    post(disputed, OPERATOR.address, 5)
    post(disputed, OPERATOR.address, 6)
    assert disputed.disputes.call("bondOf", OPERATOR.address) == BOND + 11


def _withdraw(disputed: Disputed, account: str, amount: int) -> None:
    disputes, evm = disputed.disputes, disputed.community.evm
    with reverts("BondNotReady", account, 0):
        disputes.transact("withdrawBond", sender=account)
    disputes.transact("announceBondWithdrawal", sender=account)
    ready_at = evm.timestamp + DELAY
    evm.timestamp = ready_at - 1
    with reverts("BondNotReady", account, ready_at):
        disputes.transact("withdrawBond", sender=account)
    evm.timestamp = ready_at
    disputes.transact("withdrawBond", sender=account)
    assert disputed.community.token.call("balanceOf", account) == amount
    assert disputes.call("bondOf", account) == 0
    with reverts("BondNotReady", account, 0):
        disputes.transact("withdrawBond", sender=account)
