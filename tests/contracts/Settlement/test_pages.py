"""Runs whose nets come in pages: the same money as in one piece, and nothing stays half done."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.support import typed_data_vectors as typed_data
from tests.support.community import ATTESTORS, MEMBERS, SUPPLIER, Community, Net
from tests.support.evm import Receipt, reverts

A, B, C = (member.address for member in MEMBERS)
ACCOUNTS = sorted([A, B, C, SUPPLIER])
NETS = [(account, net) for account, net in zip(ACCOUNTS, (-300, 500, -100, -100), strict=True)]
PAGE_TIME, EXIT_DELAY = 86_400, 30 * 86_400


@pytest.fixture
def paid(community: Community) -> Community:
    for account in ACCOUNTS:
        community.deposit(account, 1_000)
    community.attest(0, import_wh=900, export_wh=700)
    return community


def cut(nets: Sequence[Net], *sizes: int) -> list[bytes]:
    """Return packed pages of so many nets each."""
    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    return [typed_data.pack_nets(nets[start : start + size]) for start, size in zip(starts, sizes, strict=True)]


def run_of(community: Community, pages: Sequence[bytes], **changes: Any) -> dict[str, Any]:
    return community.next_run(netsHash=typed_data.pages_hash(pages), **changes)


def settle_page(community: Community, run: dict[str, Any], pages: Sequence[bytes], place: int) -> Receipt:
    """Settle a page; only the first brings signatures."""
    signatures = [] if place else community.sign_run(run)
    rest = typed_data.pages_hash(pages[place + 1 :])
    return community.settlement.transact("settlePage", run, pages[place], rest, signatures)


def undo_page(community: Community, run: dict[str, Any], pages: Sequence[bytes], place: int) -> Receipt:
    return community.settlement.transact("undoPage", run, pages[place], typed_data.pages_hash(pages[place + 1 :]))


def balances(community: Community) -> list[int]:
    return [community.settlement.call("balanceOf", account) for account in ACCOUNTS]


AFTER = [1_000 + net for _, net in NETS]


@pytest.mark.parametrize("sizes", [(4,), (1, 3), (2, 2), (1, 1, 1, 1), (4, 0)])
def test_pages_move_what_one_piece_would(paid: Community, sizes: tuple[int, ...]) -> None:
    pages = cut(NETS, *sizes)
    run = run_of(paid, pages)
    for place in range(len(pages) - 1):
        receipt = settle_page(paid, run, pages, place)
        assert receipt.event("PageSettled")["nets"] == pages[place]
        assert paid.settlement.call("lastRun")[0] == 0
        opened_at, paging = paid.settlement.call("paging")
        assert (opened_at, paging[3], paging[4]) == (paid.evm.timestamp, place + 1, False)
    receipt = settle_page(paid, run, pages, len(pages) - 1)
    assert receipt.event("RunPublished") == {"runId": 1, "run": tuple(run.values()), "nets": pages[-1]}
    assert receipt.event("RunSettled")["runId"] == 1
    assert paid.settlement.call("lastRun")[0] == 1
    assert paid.settlement.call("isFinal", 1)
    assert paid.settlement.call("paging")[0] == 0
    assert balances(paid) == AFTER
    paid.settle_next()


def test_last_page_balances_the_books(paid: Community) -> None:
    nets = [*NETS[:3], (NETS[3][0], -99)]
    pages = cut(nets, 2, 2)
    run = run_of(paid, pages)
    settle_page(paid, run, pages, 0)
    with reverts("NetsNotZero", 1):
        settle_page(paid, run, pages, 1)


def test_page_is_the_next_one(paid: Community) -> None:
    pages = cut(NETS, 1, 1, 2)
    run = run_of(paid, pages)
    with reverts("NetsMismatch", typed_data.pages_hash(pages[1:]), run["netsHash"]):
        rest = typed_data.pages_hash(pages[2:])
        paid.settlement.transact("settlePage", run, pages[1], rest, paid.sign_run(run))
    settle_page(paid, run, pages, 0)
    for wrong in (0, 2):
        with reverts("NetsMismatch", typed_data.pages_hash(pages[wrong:]), typed_data.pages_hash(pages[1:])):
            settle_page(paid, run, pages, wrong)


def test_accounts_ascend_from_page_to_page(paid: Community) -> None:
    nets = [NETS[1], NETS[0], NETS[2], NETS[3]]
    pages = cut(nets, 1, 3)
    run = run_of(paid, pages)
    settle_page(paid, run, pages, 0)
    with reverts("AccountsNotAscending", NETS[1][0], NETS[0][0]):
        settle_page(paid, run, pages, 1)


def test_first_page_needs_the_quorum(paid: Community) -> None:
    pages = cut(NETS, 2, 2)
    run = run_of(paid, pages)
    signatures = paid.sign_run(run, ATTESTORS[:1])
    with reverts("QuorumNotMet", 1, 2):
        paid.settlement.transact("settlePage", run, pages[0], typed_data.pages_hash(pages[1:]), signatures)


def test_nothing_else_is_settled_between_two_pages(paid: Community) -> None:
    pages = cut(NETS, 2, 2)
    run = run_of(paid, pages)
    settle_page(paid, run, pages, 0)
    run_hash = paid.settlement.call("hashRun", run)
    other = run | {"tradedWh": 7}
    with reverts("RunInPages", run_hash):
        settle_page(paid, other, pages, 1)
    with reverts("RunInPages", run_hash):
        paid.settle(paid.next_run())
    settle_page(paid, run, pages, 1)


def test_debts_of_a_page_reach_the_guarantee_fund_and_no_further(paid: Community) -> None:
    nets = sorted({ACCOUNTS[0]: 1_100, ACCOUNTS[3]: -1_100}.items())
    pages = cut(nets, 1, 1)
    run = run_of(paid, pages)
    settle_page(paid, run, pages, 0)
    with reverts("InsufficientFunds", ACCOUNTS[3], 100):
        settle_page(paid, run, pages, 1)
    paid.fund_guarantee(100)
    assert settle_page(paid, run, pages, 1).event("GuaranteeUsed")["amount"] == 100


def test_overdue_pages_go_back(paid: Community) -> None:
    nets = sorted({ACCOUNTS[0]: -1_100, ACCOUNTS[1]: 900, ACCOUNTS[2]: 200}.items())
    paid.fund_guarantee(150)
    pages = cut(nets, 1, 1, 1)
    run = run_of(paid, pages)
    settle_page(paid, run, pages, 0)
    settle_page(paid, run, pages, 1)
    deadline = paid.evm.timestamp + PAGE_TIME
    paid.evm.timestamp = deadline - 1
    with reverts("PagesNotOverdue", deadline):
        undo_page(paid, run, pages, 0)
    paid.evm.timestamp = deadline
    with reverts("PagesOverdue", deadline):
        settle_page(paid, run, pages, 2)
    with reverts("UnexpectedRun", 1, 1):
        undo_page(paid, run | {"tradedWh": 7}, pages, 0)
    with reverts("NetsMismatch", typed_data.pages_hash(pages[1:]), run["netsHash"]):
        undo_page(paid, run, pages, 1)
    assert undo_page(paid, run, pages, 0).event("PageUndone")["runId"] == 1
    with reverts("PagesOverdue", deadline):
        settle_page(paid, run, pages, 2)
    assert undo_page(paid, run, pages, 1).event("RunUnwound")["runId"] == 1
    assert balances(paid) == [1_000] * 4
    assert paid.settlement.call("guaranteeFund") == 150
    assert paid.settlement.call("paging") == (0, (bytes(32), bytes(32), "0x" + "00" * 20, 0, False, 0))
    paid.settle(paid.next_run(nets=NETS), NETS)
    with reverts("NothingToUnwind"):
        undo_page(paid, run, pages, 0)


def test_nobody_leaves_with_what_an_unfinished_run_brought(paid: Community) -> None:
    """Whoever asked before the first page gets out in time; whoever asked after it waits for the run or its undoing."""
    before, credited = ACCOUNTS[3], ACCOUNTS[1]
    nets = sorted({ACCOUNTS[0]: -500, credited: 500}.items())
    paid.settlement.transact("requestWithdrawal", 1_000, sender=before)
    paid.evm.timestamp += 1
    pages = cut(nets, 2, 0)
    run = run_of(paid, pages)
    settle_page(paid, run, pages, 0)
    paid.settlement.transact("requestWithdrawal", 1_500, sender=credited)
    exit_at = paid.evm.timestamp + EXIT_DELAY
    paid.evm.timestamp = exit_at
    with reverts("WithdrawalNotReady", credited, 0, exit_at):
        paid.settlement.transact("withdraw", sender=credited)
    assert paid.settlement.transact("withdraw", sender=before).event("Withdrawn")["amount"] == 1_000
    undo_page(paid, run, pages, 0)
    assert paid.settlement.transact("withdraw", sender=credited).event("Withdrawn")["amount"] == 1_000
    assert paid.settlement.call("balanceOf", ACCOUNTS[0]) == 1_000
