"""A pause keeps new money and runs out; no sequence of pauses keeps anybody's money in."""

import pytest

from tests.support.community import MEMBERS, OWNER, Community
from tests.support.evm import reverts

A, B = MEMBERS[0].address, MEMBERS[1].address
PAUSE_MAX, EXIT_DELAY = 7 * 86_400, 30 * 86_400


@pytest.fixture
def paused(community: Community) -> Community:
    community.deposit(A, 1_000)
    community.give(B, 1_000)
    community.attest(0)
    until = community.evm.timestamp + PAUSE_MAX
    assert community.settlement.transact("pause", sender=OWNER).event("PausedUntil") == {"instant": until}
    return community


def test_pause_refuses_deposits_and_runs_until_it_is_over(paused: Community) -> None:
    until = paused.settlement.call("pausedUntil")
    paused.evm.timestamp = until - 1
    run = paused.next_run()
    with reverts("Paused", until):
        paused.settlement.transact("deposit", B, 1_000, sender=B)
    with reverts("Paused", until):
        paused.settlement.transact("depositWithPermit", B, 1_000, until, 27, bytes(32), bytes(32), sender=B)
    with reverts("Paused", until):
        paused.settle(run)
    with reverts("Paused", until):
        paused.settlement.transact("settlePage", run, b"", bytes(32), paused.sign_run(run))
    paused.evm.timestamp = until
    paused.settlement.transact("deposit", B, 1_000, sender=B)
    paused.settle(run)


def test_pause_never_refuses_a_withdrawal(paused: Community) -> None:
    paused.settlement.transact("requestWithdrawal", 1_000, sender=A)
    exit_at = paused.evm.timestamp + EXIT_DELAY
    while paused.evm.timestamp < exit_at:
        paused.evm.timestamp += 2 * PAUSE_MAX
        paused.settlement.transact("pause", sender=OWNER)
    assert paused.settlement.call("pausedUntil") > paused.evm.timestamp
    assert paused.settlement.transact("withdraw", sender=A).event("Withdrawn")["amount"] == 1_000


def test_as_long_without_a_pause_follows_it(paused: Community) -> None:
    until = paused.settlement.call("pausedUntil")
    for instant in (until - 1, until, until + PAUSE_MAX - 1):
        paused.evm.timestamp = instant
        with reverts("Paused", until):
            paused.settlement.transact("pause", sender=OWNER)
    paused.evm.timestamp = until + PAUSE_MAX
    paused.settlement.transact("pause", sender=OWNER)


def test_pause_ends_early_and_once(paused: Community) -> None:
    paused.evm.timestamp += 60
    assert paused.settlement.transact("resume", sender=OWNER).event("PausedUntil") == {"instant": paused.evm.timestamp}
    paused.settlement.transact("deposit", B, 1_000, sender=B)
    with reverts("NotPaused"):
        paused.settlement.transact("resume", sender=OWNER)


@pytest.mark.parametrize("function", ["pause", "resume"])
def test_only_the_community_pauses(paused: Community, function: str) -> None:
    with reverts("NotTheCommunity", A, OWNER):
        paused.settlement.transact(function, sender=A)
