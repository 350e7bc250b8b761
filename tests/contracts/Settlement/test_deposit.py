from tests.support.community import MEMBERS, STRANGER, Community
from tests.support.evm import reverts

PAYER, MEMBER = MEMBERS[0].address, MEMBERS[1].address


def test_tokens_become_free_balance(community: Community) -> None:
    receipt = community.deposit(MEMBER, 500)
    assert receipt.event("Deposited") == {"account": MEMBER, "from": MEMBER, "amount": 500}
    assert community.settlement.call("balanceOf", MEMBER) == 500
    assert community.settlement.call("totalHeld") == 500
    assert community.token.call("balanceOf", community.settlement) == 500


def test_anybody_pays_in_for_anybody(community: Community) -> None:
    community.give(PAYER, 500)
    receipt = community.settlement.transact("deposit", STRANGER.address, 200, sender=PAYER)
    assert receipt.event("Deposited") == {"account": STRANGER.address, "from": PAYER, "amount": 200}
    assert community.settlement.call("balanceOf", STRANGER.address) == 200
    assert community.settlement.call("balanceOf", PAYER) == 0
    assert community.token.call("balanceOf", PAYER) == 300


def test_deposits_add_up(community: Community) -> None:
    community.deposit(MEMBER, 500)
    community.deposit(MEMBER, 70)
    assert community.settlement.call("balanceOf", MEMBER) == 570


def test_nothing_comes_in_without_allowance(community: Community) -> None:
    community.give(MEMBER, 500)
    with reverts("ERC20InsufficientAllowance", community.settlement.address, 500, 501):
        community.settlement.transact("deposit", MEMBER, 501, sender=MEMBER)


def test_amount_fits_128_bits(community: Community) -> None:
    with reverts("SafeCastOverflowedUintDowncast", 128, 2**128):
        community.settlement.transact("deposit", MEMBER, 2**128, sender=MEMBER)
