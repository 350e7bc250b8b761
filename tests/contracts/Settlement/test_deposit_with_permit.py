import pytest
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from tests.support.community import LONG_AFTER, MEMBERS, OWNER, Community
from tests.support.evm import Reverted, reverts

MEMBER = MEMBERS[0]


def permit(community: Community, amount: int, *, deadline: int = LONG_AFTER) -> tuple[int, int, bytes, bytes]:
    """Return (deadline, v, r, s) of the member's permit for the settlement."""
    domain = {
        "name": "RESILIA euro",
        "version": "1",
        "chainId": community.evm.chain_id,
        "verifyingContract": community.token.address,
    }
    fields = ["address owner", "address spender", "uint256 value", "uint256 nonce", "uint256 deadline"]
    types = {"Permit": [{"name": field.split()[1], "type": field.split()[0]} for field in fields]}
    values = {
        "owner": MEMBER.address,
        "spender": community.settlement.address,
        "value": amount,
        "nonce": community.token.call("nonces", MEMBER.address),
        "deadline": deadline,
    }
    message = encode_typed_data(domain, types, values)
    signature = MEMBER.sign(keccak(b"\x19\x01" + message.header + message.body))
    return deadline, signature[64], signature[:32], signature[32:64]


def test_permit_stands_in_for_an_allowance(community: Community) -> None:
    community.token.transact("mint", MEMBER.address, 500, sender=OWNER)
    signed = permit(community, 300)
    community.settlement.transact("depositWithPermit", MEMBER.address, 300, *signed, sender=MEMBER.address)
    assert community.settlement.call("balanceOf", MEMBER.address) == 300
    assert community.token.call("balanceOf", MEMBER.address) == 200


def test_permit_that_somebody_submitted_first_still_serves(community: Community) -> None:
    community.token.transact("mint", MEMBER.address, 500, sender=OWNER)
    signed = permit(community, 300)
    community.token.transact("permit", MEMBER.address, community.settlement, 300, *signed)
    community.settlement.transact("depositWithPermit", MEMBER.address, 300, *signed, sender=MEMBER.address)
    assert community.settlement.call("balanceOf", MEMBER.address) == 300


def test_permit_serves_once(community: Community) -> None:
    community.token.transact("mint", MEMBER.address, 600, sender=OWNER)
    signed = permit(community, 300)
    community.settlement.transact("depositWithPermit", MEMBER.address, 300, *signed, sender=MEMBER.address)
    with reverts("ERC20InsufficientAllowance", community.settlement.address, 0, 300):
        community.settlement.transact("depositWithPermit", MEMBER.address, 300, *signed, sender=MEMBER.address)
    assert community.token.call("nonces", MEMBER.address) == 1
    signed = permit(community, 300)
    community.settlement.transact("depositWithPermit", MEMBER.address, 300, *signed, sender=MEMBER.address)


def test_permit_of_another_amount_allows_nothing(community: Community) -> None:
    deadline, *signature = permit(community, 300)
    with pytest.raises(Reverted) as caught:
        community.token.transact("permit", MEMBER.address, community.settlement, 301, deadline, *signature)
    assert caught.value.name == "ERC2612InvalidSigner"
    assert community.token.call("allowance", MEMBER.address, community.settlement) == 0


def test_late_permit_moves_nothing(community: Community) -> None:
    community.token.transact("mint", MEMBER.address, 500, sender=OWNER)
    signed = permit(community, 300, deadline=LONG_AFTER - 1)
    with reverts("ERC20InsufficientAllowance", community.settlement.address, 0, 300):
        community.settlement.transact("depositWithPermit", MEMBER.address, 300, *signed, sender=MEMBER.address)


def test_permit_of_another_moves_nothing(community: Community) -> None:
    community.token.transact("mint", MEMBER.address, 500, sender=OWNER)
    signed = permit(community, 300)
    thief = MEMBERS[1].address
    with reverts("ERC20InsufficientAllowance", community.settlement.address, 0, 300):
        community.settlement.transact("depositWithPermit", thief, 300, *signed, sender=thief)
