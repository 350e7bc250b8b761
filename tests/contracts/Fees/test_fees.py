"""Every n€ of the fees has an owner, the last one too."""

import pytest

from tests.support.community import MEMBERS, OWNER, STRANGER, Community
from tests.support.evm import Contract, reverts

PAYER = MEMBERS[0].address
GRID, COOPERATIVE, FUND = ("0x" + f"{number:02x}" * 20 for number in (0xA1, 0xA2, 0xA3))
SHARES = [(GRID, 333), (COOPERATIVE, 333), (GRID, 334)]


def found_fees(community: Community) -> Contract:
    fees = community.evm.deploy("Fees", community.settlement, SHARES, FUND)
    community.registry.transact("setCollector", fees, True, sender=OWNER)
    community.deposit(PAYER, 10_000)
    return fees


def settle_fee(community: Community, fees: Contract, amount: int) -> None:
    community.settle_next(sorted({fees.address: amount, PAYER: -amount}.items()))


@pytest.mark.parametrize("amount", [1, 2, 3, 999, 1_000, 1_001, 5_000])
def test_fees_are_shared_to_the_last_unit(community: Community, amount: int) -> None:
    fees = found_fees(community)
    settle_fee(community, fees, amount)
    fees.transact("collect", sender=STRANGER.address)
    with reverts("StillPending", amount):
        fees.transact("collect")
    community.settle_next()
    fees.transact("share", sender=STRANGER.address)
    parts = [amount * permille // 1_000 for _, permille in SHARES]
    got = [community.token.call("balanceOf", each) for each in (GRID, COOPERATIVE, FUND)]
    assert got == [parts[0] + parts[2], parts[1], amount - sum(parts)]
    assert sum(got) == amount
    assert community.token.call("balanceOf", fees) == 0
    with reverts("NothingPending", fees.address):
        fees.transact("share")


def test_fees_come_again_and_again(community: Community) -> None:
    fees = found_fees(community)
    for _ in range(2):
        settle_fee(community, fees, 1_000)
        fees.transact("collect")
        community.settle_next()
        fees.transact("share")
    assert community.token.call("balanceOf", COOPERATIVE) == 2 * 333
    assert fees.call("shares") == tuple(SHARES)
    assert fees.call("remainderOwner") == FUND


@pytest.mark.parametrize("permille", [[], [999], [500, 501]])
def test_shares_are_the_whole(community: Community, permille: list[int]) -> None:
    with reverts("SharesNotWhole", sum(permille)):
        community.evm.deploy("Fees", community.settlement, [(GRID, part) for part in permille], FUND)


def test_shares_are_few(community: Community) -> None:
    most = [(GRID, 62)] * 15 + [(COOPERATIVE, 70)]
    assert community.evm.deploy("Fees", community.settlement, most, FUND).call("shares") == tuple(most)
    with reverts("TooManyShares", 17, 16):
        community.evm.deploy("Fees", community.settlement, [(GRID, 60)] * 17, FUND)
