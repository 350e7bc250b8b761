"""requestWithdrawal, pendingOf and withdraw: one life cycle."""

import pytest

from tests.support.community import MEMBERS, OWNER, Community
from tests.support.evm import reverts

MEMBER, OTHER = MEMBERS[0].address, MEMBERS[1].address
EXIT_DELAY = 30 * 86_400


@pytest.fixture
def funded(community: Community) -> Community:
    community.deposit(MEMBER, 500)
    community.deposit(OTHER, 500)
    return community


def request(community: Community, amount: int) -> None:
    community.settlement.transact("requestWithdrawal", amount, sender=MEMBER)


def test_request_sets_money_aside(funded: Community) -> None:
    receipt = funded.settlement.transact("requestWithdrawal", 200, sender=MEMBER)
    assert receipt.event("WithdrawalRequested") == {"account": MEMBER, "amount": 200, "afterRun": 0}
    assert funded.settlement.call("balanceOf", MEMBER) == 300
    assert funded.settlement.call("pendingOf", MEMBER) == (200, 0, funded.evm.timestamp + EXIT_DELAY)
    assert funded.settlement.call("totalHeld") == 1_000


def test_request_beyond_the_free_balance_is_refused(funded: Community) -> None:
    request(funded, 400)
    with reverts("InsufficientFunds", MEMBER, 1):
        request(funded, 101)
    with reverts("SafeCastOverflowedUintDowncast", 128, 2**128 + 100):
        request(funded, 2**128 + 100)


def test_money_leaves_after_the_next_run(funded: Community) -> None:
    request(funded, 200)
    funded.settle_next()
    receipt = funded.settlement.transact("withdraw", sender=MEMBER)
    assert receipt.event("Withdrawn") == {"account": MEMBER, "amount": 200}
    assert funded.token.call("balanceOf", MEMBER) == 200
    assert funded.settlement.call("balanceOf", MEMBER) == 300
    assert funded.settlement.call("pendingOf", MEMBER)[0] == 0
    assert funded.settlement.call("totalHeld") == 800


def test_money_waits_for_a_run_after_the_request(funded: Community) -> None:
    funded.settle_next()
    request(funded, 200)
    with reverts("WithdrawalNotReady", MEMBER, 1, funded.evm.timestamp + EXIT_DELAY):
        funded.settlement.transact("withdraw", sender=MEMBER)


def test_later_request_makes_all_wait_for_its_run(funded: Community) -> None:
    request(funded, 200)
    funded.settle_next()
    request(funded, 50)
    with reverts("WithdrawalNotReady", MEMBER, 1, funded.evm.timestamp + EXIT_DELAY):
        funded.settlement.transact("withdraw", sender=MEMBER)
    funded.settle_next()
    assert funded.settlement.transact("withdraw", sender=MEMBER).event("Withdrawn")["amount"] == 250


def test_money_is_not_locked_in_when_runs_stop(funded: Community) -> None:
    request(funded, 200)
    exit_at = funded.evm.timestamp + EXIT_DELAY
    funded.evm.timestamp = exit_at - 1
    with reverts("WithdrawalNotReady", MEMBER, 0, exit_at):
        funded.settlement.transact("withdraw", sender=MEMBER)
    funded.evm.timestamp = exit_at
    assert funded.settlement.transact("withdraw", sender=MEMBER).event("Withdrawn")["amount"] == 200


def test_removed_member_keeps_the_money(funded: Community) -> None:
    funded.registry.transact("removeMember", MEMBER, sender=OWNER)
    request(funded, 500)
    funded.settle_next()
    funded.settlement.transact("withdraw", sender=MEMBER)
    assert funded.token.call("balanceOf", MEMBER) == 500


def test_money_leaves_once(funded: Community) -> None:
    request(funded, 200)
    funded.settle_next()
    funded.settlement.transact("withdraw", sender=MEMBER)
    with reverts("NothingPending", MEMBER):
        funded.settlement.transact("withdraw", sender=MEMBER)


def test_nobody_takes_what_another_set_aside(funded: Community) -> None:
    request(funded, 200)
    funded.settle_next()
    with reverts("NothingPending", OTHER):
        funded.settlement.transact("withdraw", sender=OTHER)


def test_run_draws_on_what_is_set_aside(funded: Community) -> None:
    request(funded, 400)
    funded.settle_next([(MEMBER, -250), (OTHER, 250)])
    assert funded.settlement.call("balanceOf", MEMBER) == 0
    assert funded.settlement.transact("withdraw", sender=MEMBER).event("Withdrawn")["amount"] == 250
