"""For each kind of fraud: a run that commits it is voided by one call, and its honest twin is not.

The fraud is found by `oracles.disputes`, which must find nothing in the honest run.
"""

from dataclasses import replace
from typing import Any

import pytest
from eth_utils.crypto import keccak

from energy.identity import Address
from market.entries import EntryKind
from oracles.disputes import Dispute, find_frauds
from oracles.openings import Opening
from oracles.typed_data import CERTIFICATE, ENTRY, ORDER, READING, TRADE
from tests.support.community import FIRST_INTERVAL, INTERVAL_LENGTH, MEMBERS, OWNER, SUPPLIER, meter_details
from tests.support.disputes import (
    BOND,
    CHALLENGER,
    EVERY_KIND,
    EXPIRY,
    OPERATOR,
    TERMS,
    WEDGE,
    Books,
    Disputed,
    changed,
    honest_books,
)
from tests.support.evm import Reverted, reverts
from tests.support.frauds import (
    CASES,
    FRAUDS,
    OTHER,
    SELLER,
    Case,
    beyond_readings,
    certified,
    two_on_one_ruler,
    with_all_readings,
    with_order,
    with_receipt,
)

MAX_GAS = 500_000
DEPTH = 16
"""Levels more than the few leaves of a test need: the trees of 65 536 times as many."""
NAMED = pytest.mark.parametrize("case", [pytest.param(case, id=f"{case.fraud}-{n}") for n, case in enumerate(CASES)])


@NAMED
def test_fraud_is_found_and_voids_the_run(disputed: Disputed, case: Case) -> None:
    books = case.books(disputed)
    case.falsify(books)
    run = disputed.settle(books, depth=DEPTH)
    openings = case.pick(run)
    found = [dispute for dispute in find_frauds(run) if dispute.function == case.function]
    assert any(set(_leaves(dispute.arguments)) & set(_leaves(openings)) for dispute in found)

    token, settlement = disputed.community.token, disputed.community.settlement
    before = token.call("balanceOf", CHALLENGER.address)
    fund = settlement.call("guaranteeFund")
    receipt = disputed.send(disputed.disputes, Dispute(case.function, 1, openings).calldata)
    assert receipt.gas_used < MAX_GAS
    proven = receipt.event("FraudProven")
    assert (proven["runId"], FRAUDS[proven["kind"]], proven["reward"]) == (1, case.fraud, BOND // 2)
    assert proven["challenger"] == CHALLENGER.address
    assert settlement.call("voidFrom") == 1
    assert token.call("balanceOf", CHALLENGER.address) == before + BOND // 2
    assert settlement.call("guaranteeFund") == fund + BOND - BOND // 2
    assert disputed.disputes.call("bondOf", OPERATOR.address) == 0


@NAMED
def test_honest_twin_stands(disputed: Disputed, case: Case) -> None:
    run = disputed.settle(case.books(disputed))
    assert list(find_frauds(run)) == []
    with pytest.raises(Reverted) as caught:
        disputed.send(disputed.disputes, Dispute(case.function, 1, case.pick(run)).calldata)
    assert caught.value.name == "NothingWrong"
    assert FRAUDS[caught.value.arguments[0]] == case.fraud


@NAMED
def test_every_dispute_that_is_found_is_believed(disputed: Disputed, case: Case) -> None:
    books = case.books(disputed)
    case.falsify(books)
    run = disputed.settle(books)
    settled = disputed.community.evm.snapshot()
    for dispute in find_frauds(run):
        disputed.send(disputed.disputes, dispute.calldata).event("FraudProven")
        disputed.community.evm.restore(settled)


def test_lines_of_every_kind_are_right_and_one_changed_digit_is_not(disputed: Disputed) -> None:
    honest = with_corrections(honest_books(disputed, energies=EVERY_KIND, terms=TERMS, wedge=WEDGE))
    founded = disputed.community.evm.snapshot()
    run = disputed.settle(honest)
    kinds = {line.integer("kind") for line in run.entries}
    assert kinds == set(EntryKind)
    assert list(find_frauds(run)) == []
    for line in run.entries:
        with reverts("NothingWrong", FRAUDS.index("WRONG_LINE")):
            disputed.send(disputed.disputes, Dispute("proveWrongLine", 1, (line,)).calldata)
    disputed.community.evm.restore(founded)
    for place, values in enumerate(honest.entries):
        honest.change(ENTRY, place, amount=int(str(values[6])) + 1)
    run = disputed.settle(honest)
    wrong = {dispute.arguments[0] for dispute in find_frauds(run) if dispute.function == "proveWrongLine"}
    assert wrong == set(run.entries)
    settled = disputed.community.evm.snapshot()
    for line in run.entries:
        disputed.send(disputed.disputes, Dispute("proveWrongLine", 1, (line,)).calldata).event("FraudProven")
        disputed.community.evm.restore(settled)


def with_corrections(books: Books) -> Books:
    """One reading corrects two lines of the buyer, in an interval that came before; another account owes the same."""
    for account, kind, sign in ((books.entries[0][0], 14, 1), (books.entries[0][0], 14, 1), (OTHER, 13, -1)):
        last = max((line for line in books.entries if line[0] == account), key=lambda line: int(str(line[1])))
        sequence, before = int(str(last[1])) + 1, int(str(last[8]))
        amount = sign * 3 * 200_000
        interval = FIRST_INTERVAL - INTERVAL_LENGTH
        values = (account, sequence, kind, interval, 3, 200_000, amount, before, before + amount, b"r" * 32)
        books.entries.append(values)
    return books


def test_leaf_of_nowhere_proves_nothing(disputed: Disputed) -> None:
    run = disputed.settle(honest_books(disputed))
    trade = run.trades[0]
    invented = Opening(TRADE, changed(TRADE, trade.values, buyer=SELLER), trade.salt, trade.proof)
    trades_root = disputed.community.settlement.call("runAt", 1)[2]
    with reverts("NotUnderRoot", trades_root, invented.leaf):
        disputed.send(disputed.disputes, Dispute("proveSelfTrade", 1, (invented,)).calldata)


def test_order_of_another_trade_proves_nothing(disputed: Disputed) -> None:
    run = disputed.settle(honest_books(disputed))
    arguments = with_order(0, 2)(run)
    digest = disputed.community.settlement.call("hashOrder", arguments[1])
    with reverts("OrderNotOfTrade", digest):
        disputed.send(disputed.disputes, Dispute("proveLimitPrice", 1, arguments).calldata)


@pytest.mark.parametrize("offset", [-INTERVAL_LENGTH, 1, 2 * INTERVAL_LENGTH])
def test_trade_of_an_interval_that_is_not_the_runs_voids_it(disputed: Disputed, offset: int) -> None:
    """Its order is for the very same interval: another run may hold the trade, this one must not."""
    books = honest_books(disputed)
    signed_for, _ = books.orders[0]
    assert isinstance(signed_for, tuple)
    order = changed(ORDER, signed_for, interval=FIRST_INTERVAL + offset)
    digest = disputed.community.settlement.call("hashOrder", order)
    books.change(TRADE, 0, interval=FIRST_INTERVAL + offset, buyOrder=digest)
    run = disputed.settle(books)
    disputed.send(disputed.disputes, Dispute("proveWrongInterval", 1, (run.trades[0], order)).calldata)
    assert disputed.community.settlement.call("voidFrom") == 1


def test_order_without_a_last_second_never_expires(disputed: Disputed) -> None:
    books = honest_books(disputed)
    books.sign_anew(0, expiry=0)
    run = disputed.settle(books)
    with reverts("NothingWrong", FRAUDS.index("EXPIRED_ORDER")):
        disputed.send(disputed.disputes, Dispute("proveExpiredOrder", 1, with_order(0, 0)(run)).calldata)


def test_order_is_filled_until_its_last_second(disputed: Disputed) -> None:
    books = honest_books(disputed)
    books.change(TRADE, 0, matchedAt=EXPIRY)
    run = disputed.settle(books)
    with reverts("NothingWrong", FRAUDS.index("EXPIRED_ORDER")):
        disputed.send(disputed.disputes, Dispute("proveExpiredOrder", 1, with_order(0, 0)(run)).calldata)


def test_order_that_rests_is_filled_later(disputed: Disputed) -> None:
    """The seller's order is filled in part when it comes, and by a later one again."""
    run = disputed.settle(honest_books(disputed))
    trade, receipt = with_receipt(1, 1)(run)
    assert trade.value("sellOrder") == receipt.value("orderDigest")
    assert trade.integer("sequence") > receipt.integer("sequence")
    with reverts("NothingWrong", FRAUDS.index("ENDED_ORDER")):
        disputed.send(disputed.disputes, Dispute("proveEndedOrder", 1, (trade, receipt)).calldata)


def test_wh_that_an_earlier_run_has_certified_is_claimed_twice(disputed: Disputed) -> None:
    earlier = disputed.settle(honest_books(disputed))
    taken = earlier.certificates[0].values
    books = Books(disputed.domain, [2])
    books.readings = []
    books.certificates = [taken]
    run = replace(disputed.settle(books, depth=DEPTH), earlier=[(1, earlier.certificates[0])])
    wanted = Dispute("proveDoubleClaim", 2, (run.certificates[0], 1, earlier.certificates[0]))
    assert wanted in list(find_frauds(run))
    with reverts("Unrelated"):
        backwards = (earlier.certificates[0], 2, run.certificates[0])
        disputed.send(disputed.disputes, Dispute("proveDoubleClaim", 1, backwards).calldata)
    receipt = disputed.send(disputed.disputes, wanted.calldata)
    assert receipt.gas_used < MAX_GAS
    assert FRAUDS[receipt.event("FraudProven")["kind"]] == "DOUBLE_CLAIM"
    assert disputed.community.settlement.call("voidFrom") == 2


def test_next_range_on_the_same_ruler_is_claimed_once(disputed: Disputed) -> None:
    earlier = disputed.settle(honest_books(disputed))
    first = earlier.certificates[0]
    books = Books(
        disputed.domain, [2], certificates=[changed(CERTIFICATE, first.values, fromWh=first.value("toWh"), toWh=10_000)]
    )
    run = disputed.settle(books)
    with reverts("NothingWrong", FRAUDS.index("DOUBLE_CLAIM")):
        arguments = (run.certificates[0], 1, first)
        disputed.send(disputed.disputes, Dispute("proveDoubleClaim", 2, arguments).calldata)


@pytest.mark.parametrize(
    "function",
    [
        "proveDoubleFill",
        "proveForkedTrade",
        "proveForkedStatement",
        "proveRepeatedLine",
        "proveOverlappingCertificates",
    ],
)
def test_one_leaf_does_not_contradict_itself(disputed: Disputed, function: str) -> None:
    run = disputed.settle(honest_books(disputed))
    leaves = {"DoubleFill": run.trades, "ForkedTrade": run.trades, "ForkedStatement": run.entries}
    leaves |= {"RepeatedLine": run.entries, "OverlappingCertificates": run.certificates}
    twice = leaves[function.removeprefix("prove")][0]
    with reverts("SameLeaf", twice.leaf):
        disputed.send(disputed.disputes, Dispute(function, 1, (twice, twice)).calldata)


@pytest.mark.parametrize("backwards", [False, True])
def test_ranges_side_by_side_share_no_wh(disputed: Disputed, backwards: bool) -> None:
    run = disputed.settle(honest_books(disputed))
    fills = run.trades[:2]
    assert fills[0].value("sellOrder") == fills[1].value("sellOrder")
    for function, pair in (("DoubleFill", (fills[0], fills[1])), ("OverlappingCertificates", two_on_one_ruler(run))):
        openings = pair[::-1] if backwards else pair
        with pytest.raises(Reverted) as caught:
            disputed.send(disputed.disputes, Dispute(f"prove{function}", 1, openings).calldata)
        assert caught.value.name == "NothingWrong"


@pytest.mark.parametrize("function", ["proveBalanceStep", "proveOverlappingCertificates"])
def test_leaves_of_different_things_do_not_contradict_each_other(disputed: Disputed, function: str) -> None:
    run = disputed.settle(honest_books(disputed))
    leaves = run.entries if function == "proveBalanceStep" else run.certificates
    with reverts("Unrelated"):
        disputed.send(disputed.disputes, Dispute(function, 1, (leaves[0], leaves[-1])).calldata)


def test_certificate_is_held_against_the_reading_of_its_own_device(disputed: Disputed) -> None:
    run = disputed.settle(honest_books(disputed))
    certificate, own = certified(run)
    for reading in run.readings:
        if reading != own:
            with reverts("Unrelated"):
                arguments = (certificate, reading)
                disputed.send(disputed.disputes, Dispute("proveCertificateBeyondExport", 1, arguments).calldata)


@pytest.mark.parametrize("function", ["proveEndedOrder", "proveWrongTime"])
def test_receipt_of_somebody_else_proves_nothing(disputed: Disputed, function: str) -> None:
    run = disputed.settle(honest_books(disputed))
    forged = replace(run.receipts[0], signature=CHALLENGER.sign(b"\x01" * 32))
    with pytest.raises(Reverted) as caught:
        disputed.send(disputed.disputes, Dispute(function, 1, (run.trades[0], forged)).calldata)
    assert caught.value.name == "ReceiptNotTheOperators"


def test_line_is_held_against_its_own_trade(disputed: Disputed) -> None:
    run = disputed.settle(honest_books(disputed))
    for trade in run.trades[1:]:
        with reverts("Unrelated"):
            arguments = (run.entries[0], trade)
            disputed.send(disputed.disputes, Dispute("proveEntryAgainstTrade", 1, arguments).calldata)


def test_line_is_held_against_all_meters_of_its_account(disputed: Disputed) -> None:
    run = disputed.settle(honest_books(disputed))
    line = next(e for e in run.entries if e.integer("kind") == 3 and e.data("account") == SELLER)
    meters = run.meters[Address(SELLER)]
    own = [r for r in run.readings if r.data("meter") in meters and r.value("interval") == line.value("interval")]
    ascending = tuple(sorted(own, key=lambda each: each.data("meter")))
    foreign = next(r for r in run.readings if r.data("meter") not in meters)

    def prove(*readings: Opening) -> None:
        arguments = (line, readings)
        disputed.send(disputed.disputes, Dispute("proveEntryBeyondReadings", 1, arguments).calldata)

    account = MEMBERS[0].address
    with reverts("ReadingsIncomplete", account, 1, 2):
        prove(ascending[0])
    with reverts("ReadingsIncomplete", account, 1, 2):
        prove(ascending[0], ascending[0])
    with reverts("ReadingsIncomplete", account, 1, 2):
        prove(*reversed(ascending))
    with reverts("Unrelated"):
        prove(foreign, ascending[1])


def test_what_was_traded_is_bound_by_no_reading(disputed: Disputed) -> None:
    books = honest_books(disputed)
    beyond_readings(EntryKind.PURCHASE)(books)
    arguments = with_all_readings(EntryKind.PURCHASE)(disputed.settle(books))
    with reverts("NothingWrong", FRAUDS.index("ENTRY_BEYOND_READINGS")):
        disputed.send(disputed.disputes, Dispute("proveEntryBeyondReadings", 1, arguments).calldata)


def test_sums_of_the_supplier_are_no_meters(disputed: Disputed) -> None:
    """What it delivers to all is beyond what its own office draws."""
    office = keccak(text="office")
    registry = disputed.community.registry
    registry.transact("admitMember", SUPPLIER, sender=OWNER)
    registry.transact("enrolMeter", office, meter_details(SUPPLIER), sender=OWNER)
    books = honest_books(disputed)
    drawn = changed(READING, books.readings[0], meter=office, importWh=0, exportWh=0)
    books.readings.append(drawn)
    run = disputed.settle(books)
    line = next(
        e for e in run.entries if e.data("account") == bytes.fromhex(SUPPLIER[2:]) and e.integer("kind") in (3, 4)
    )
    own = next(each for each in run.readings if each.values == drawn)
    assert line.value("interval") == own.value("interval")
    assert line.integer("quantityWh") > 0
    with reverts("NothingWrong", FRAUDS.index("ENTRY_BEYOND_READINGS")):
        disputed.send(disputed.disputes, Dispute("proveEntryBeyondReadings", 1, (line, (own,))).calldata)


def _leaves(arguments: Any) -> list[bytes]:
    if isinstance(arguments, Opening):
        return [arguments.leaf]
    if isinstance(arguments, tuple) and arguments and not isinstance(arguments[0], int | bytes):
        return [leaf for argument in arguments for leaf in _leaves(argument)]
    return []
