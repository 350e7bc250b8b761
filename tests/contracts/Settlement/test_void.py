"""Runs in a challenge window: final in time, or void and unwound as if they had never been."""

from typing import Any

import pytest
from eth_utils.crypto import keccak

from oracles.disputes import Dispute, OpenedRun
from oracles.typed_data import TRADE
from tests.support import typed_data_vectors as typed_data
from tests.support.community import MEMBERS, STRANGER, SUPPLIER, Net
from tests.support.disputes import BOND, CAPITAL, OPERATOR, WINDOW, Disputed, honest_books
from tests.support.evm import reverts

A, B, C = (member.address for member in MEMBERS)
SELLER = bytes.fromhex(A[2:])
EXIT_DELAY = 30 * 86_400


def settle_wrong(disputed: Disputed) -> OpenedRun:
    """Settle a run with a self-trade."""
    books = honest_books(disputed)
    books.change(TRADE, 0, buyer=SELLER)
    return disputed.settle(books)


def prove(disputed: Disputed, run: OpenedRun) -> None:
    disputed.send(disputed.disputes, Dispute("proveSelfTrade", run.run_id, (run.trades[0],)).calldata)


def bond(disputed: Disputed) -> None:
    disputed.give(OPERATOR.address, BOND, disputed.disputes)
    disputed.disputes.transact("postBond", OPERATOR.address, BOND, sender=OPERATOR.address)


def settle_next(disputed: Disputed, *nets: Net) -> tuple[dict[str, Any], bytes]:
    """Settle one more interval; return the run and its nets as `unwind` wants them."""
    community = disputed.community
    _, _, last = community.settlement.call("lastRun")
    length = community.readings.call("intervalLength")
    first = community.readings.call("firstInterval")
    community.attest((last + length - first) // length)
    run = community.next_run(nets=nets)
    community.settle(run, nets)
    return run, typed_data.pack_nets(nets)


def balances(disputed: Disputed) -> list[int]:
    return [disputed.community.settlement.call("balanceOf", account) for account in (A, B, C, SUPPLIER)]


def test_run_is_open_for_the_window_and_then_final(disputed: Disputed) -> None:
    settlement, evm = disputed.community.settlement, disputed.community.evm
    run = settle_wrong(disputed)
    final_at = evm.timestamp + WINDOW
    assert settlement.call("finalAt", 1) == final_at
    evm.timestamp = final_at - 1
    assert (settlement.call("isOpen", 1), settlement.call("isFinal", 1)) == (True, False)
    evm.timestamp = final_at
    assert (settlement.call("isOpen", 1), settlement.call("isFinal", 1)) == (False, True)
    with reverts("RunNotOpen", 1):
        prove(disputed, run)


@pytest.mark.parametrize("run_id", [0, 2])
def test_run_that_is_not_settled_is_neither_open_nor_final(disputed: Disputed, run_id: int) -> None:
    settle_wrong(disputed)
    settlement = disputed.community.settlement
    assert (settlement.call("isOpen", run_id), settlement.call("isFinal", run_id)) == (False, False)


def test_void_run_never_becomes_final_and_is_void_once(disputed: Disputed) -> None:
    run = settle_wrong(disputed)
    settle_next(disputed)
    prove(disputed, run)
    settlement = disputed.community.settlement
    with reverts("RunNotOpen", 1):
        prove(disputed, run)
    disputed.community.evm.timestamp += 2 * WINDOW
    for run_id in (1, 2):
        assert (settlement.call("isOpen", run_id), settlement.call("isFinal", run_id)) == (False, False)


def test_run_before_a_void_one_can_still_be_voided(disputed: Disputed) -> None:
    settle_wrong(disputed)
    later = settle_next(disputed)
    settlement, judge = disputed.community.settlement, disputed.disputes.address
    settlement.transact("voidRun", 2, sender=judge)
    assert (settlement.call("voidFrom"), settlement.call("isOpen", 1)) == (2, True)
    settlement.transact("voidRun", 1, sender=judge)
    assert settlement.call("voidFrom") == 1
    settlement.transact("unwind", *later)
    assert settlement.call("voidFrom") == 1


def test_only_the_disputes_void(disputed: Disputed) -> None:
    settle_wrong(disputed)
    with reverts("NotTheDisputes", STRANGER.address):
        disputed.community.settlement.transact("voidRun", 1, sender=STRANGER.address)
    with reverts("NotTheQuestions", STRANGER.address):
        disputed.disputes.transact("voidFor", 1, 15, STRANGER.address, sender=STRANGER.address)


def test_unwinding_takes_every_net_back(disputed: Disputed) -> None:
    run = settle_wrong(disputed)
    assert balances(disputed) != [CAPITAL] * 4
    later = settle_next(disputed, *sorted([(A, -5), (B, 5)]))
    prove(disputed, run)
    settlement = disputed.community.settlement
    receipt = settlement.transact("unwind", *later)
    assert receipt.event("RunUnwound")["runId"] == 2
    assert settlement.call("voidFrom") == 1
    settlement.transact("unwind", *disputed.published[-1])
    assert settlement.call("voidFrom") == 0
    assert balances(disputed) == [CAPITAL] * 4
    assert settlement.call("lastRun") == (0, bytes(32), 0)
    with reverts("UnknownRun", 1):
        settlement.call("runAt", 1)


def test_honest_run_takes_the_place_of_the_void_one(disputed: Disputed) -> None:
    run = settle_wrong(disputed)
    prove(disputed, run)
    disputed.community.settlement.transact("unwind", *disputed.published[-1])
    bond(disputed)
    books = honest_books(disputed)
    again = disputed.community.next_run(2, nets=books.nets)
    disputed.community.settle(again, books.nets)
    assert disputed.community.settlement.call("isOpen", 1)


def test_nothing_settles_before_void_runs_are_unwound(disputed: Disputed) -> None:
    run = settle_wrong(disputed)
    prove(disputed, run)
    bond(disputed)
    with reverts("RunIsVoid", 1):
        settle_next(disputed)


def test_nothing_settles_without_a_bond(disputed: Disputed) -> None:
    run = settle_wrong(disputed)
    prove(disputed, run)
    disputed.community.settlement.transact("unwind", *disputed.published[-1])
    with reverts("OperatorNotBonded"):
        disputed.community.settle(disputed.community.next_run(2))
    bond(disputed)
    disputed.community.settle(disputed.community.next_run(2))


def test_only_void_runs_are_unwound(disputed: Disputed) -> None:
    settle_wrong(disputed)
    with reverts("NothingToUnwind"):
        disputed.community.settlement.transact("unwind", *disputed.published[-1])


def test_last_run_is_unwound_first_and_with_its_own_nets(disputed: Disputed) -> None:
    run = settle_wrong(disputed)
    later = settle_next(disputed)
    prove(disputed, run)
    first, nets = disputed.published[-1]
    settlement = disputed.community.settlement
    with reverts("UnexpectedRun", 1, 2):
        settlement.transact("unwind", first, nets)
    settlement.transact("unwind", *later)
    with reverts("NetsMismatch", keccak(nets[32:]), first["netsHash"]):
        settlement.transact("unwind", first, nets[32:])


def test_guarantee_fund_gets_back_what_it_paid(disputed: Disputed) -> None:
    community = disputed.community
    community.fund_guarantee(100)
    run = settle_wrong(disputed)
    debt = community.settlement.call("balanceOf", B) + 60
    later = settle_next(disputed, *sorted([(B, -debt), (A, debt)]))
    assert (community.settlement.call("guaranteeFund"), community.settlement.call("balanceOf", B)) == (40, 0)
    prove(disputed, run)
    community.settlement.transact("unwind", *later)
    community.settlement.transact("unwind", *disputed.published[-1])
    assert balances(disputed) == [CAPITAL] * 4
    assert community.settlement.call("guaranteeFund") == 100 + BOND - BOND // 2


def test_money_of_an_open_run_stays_in(disputed: Disputed) -> None:
    """The run that pays must be final, and another after it."""
    community = disputed.community
    settle_wrong(disputed)
    richest = max((A, B, C), key=lambda account: community.settlement.call("balanceOf", account))
    amount = community.settlement.call("balanceOf", richest)
    assert amount > CAPITAL
    community.settlement.transact("requestWithdrawal", amount, sender=richest)
    exit_at = community.evm.timestamp + EXIT_DELAY
    community.evm.timestamp += 10
    settle_next(disputed)
    community.evm.timestamp += WINDOW - 1
    with reverts("WithdrawalNotReady", richest, 1, exit_at):
        community.settlement.transact("withdraw", sender=richest)
    community.evm.timestamp += 1
    community.settlement.transact("withdraw", sender=richest)
    assert community.token.call("balanceOf", richest) == amount


def test_no_void_run_pays_out_even_after_the_longest_wait(disputed: Disputed) -> None:
    community = disputed.community
    run = settle_wrong(disputed)
    richest = max((A, B, C), key=lambda account: community.settlement.call("balanceOf", account))
    amount = community.settlement.call("balanceOf", richest)
    community.settlement.transact("requestWithdrawal", amount, sender=richest)
    exit_at = community.evm.timestamp + EXIT_DELAY
    prove(disputed, run)
    community.evm.timestamp = exit_at
    with reverts("WithdrawalNotReady", richest, 1, exit_at):
        community.settlement.transact("withdraw", sender=richest)
    community.settlement.transact("unwind", *disputed.published[-1])
    community.settlement.transact("withdraw", sender=richest)
    assert community.token.call("balanceOf", richest) == CAPITAL


def test_who_asked_before_the_void_run_waits_for_nobody(disputed: Disputed) -> None:
    community = disputed.community
    community.settlement.transact("requestWithdrawal", CAPITAL, sender=SUPPLIER)
    community.evm.timestamp += 1
    prove(disputed, settle_wrong(disputed))
    community.evm.timestamp += EXIT_DELAY
    community.settlement.transact("withdraw", sender=SUPPLIER)
    assert community.token.call("balanceOf", SUPPLIER) > 0
    with reverts("NothingPending", SUPPLIER):
        community.settlement.transact("withdraw", sender=SUPPLIER)


def test_what_the_fund_paid_in_a_void_run_is_forgotten(disputed: Disputed) -> None:
    """The next run of the same number needs no fund: unwinding it must not credit the fund again."""
    community = disputed.community
    community.fund_guarantee(100)
    disputed.settle(honest_books(disputed))
    debt = community.settlement.call("balanceOf", B)
    before = balances(disputed)
    for amount in (debt + 60, debt):
        nets = sorted([(B, -amount), (A, amount)])
        if amount > debt:
            later = settle_next(disputed, *nets)
        else:
            run = community.next_run(nets=nets)
            community.settle(run, nets)
            later = (run, typed_data.pack_nets(nets))
        community.settlement.transact("voidRun", 2, sender=disputed.disputes.address)
        community.settlement.transact("unwind", *later)
        assert balances(disputed) == before
        assert community.settlement.call("guaranteeFund") == 100


def test_void_run_of_pages_goes_back_page_by_page(disputed: Disputed) -> None:
    run = settle_wrong(disputed)
    community, before = disputed.community, balances(disputed)
    community.attest(2)
    nets = [(account, net) for account, net in zip(sorted([A, B, C]), (-30, 10, 20), strict=True)]
    pages = [typed_data.pack_nets([net]) for net in nets]
    paged = community.next_run(netsHash=typed_data.pages_hash(pages))
    rests = [typed_data.pages_hash(pages[place + 1 :]) for place in range(3)]
    for page, rest in zip(pages, rests, strict=True):
        community.settlement.transact("settlePage", paged, page, rest, community.sign_run(paged))
    assert community.settlement.call("isOpen", 2)
    prove(disputed, run)
    with reverts("UnexpectedRun", 1, 2):
        community.settlement.transact("unwind", *disputed.published[0])
    for place in (0, 1):
        community.settlement.transact("undoPage", paged, pages[place], rests[place])
        assert community.settlement.call("lastRun")[0] == 2
        with reverts("RunIsVoid", 1):
            community.settlement.transact("settlePage", paged, pages[2], rests[2], community.sign_run(paged))
    assert community.settlement.transact("undoPage", paged, pages[2], rests[2]).event("RunUnwound")["runId"] == 2
    assert balances(disputed) == before
    community.settlement.transact("unwind", *disputed.published[0])
    assert balances(disputed) == [CAPITAL] * 4


def test_unfinished_run_on_a_void_one_goes_back_first(disputed: Disputed) -> None:
    run = settle_wrong(disputed)
    community, before = disputed.community, balances(disputed)
    community.attest(2)
    pages = [typed_data.pack_nets([net]) for net in sorted({A: -30, B: 30}.items())]
    paged = community.next_run(netsHash=typed_data.pages_hash(pages))
    rest = typed_data.pages_hash(pages[1:])
    community.settlement.transact("settlePage", paged, pages[0], rest, community.sign_run(paged))
    prove(disputed, run)
    with reverts("RunIsVoid", 1):
        community.settlement.transact("settlePage", paged, pages[1], bytes(32), [])
    with reverts("UnexpectedRun", 1, 2):
        community.settlement.transact("unwind", *disputed.published[0])
    assert community.settlement.transact("undoPage", paged, pages[0], rest).event("RunUnwound")["runId"] == 2
    assert balances(disputed) == before
    community.settlement.transact("unwind", *disputed.published[0])
    assert balances(disputed) == [CAPITAL] * 4
