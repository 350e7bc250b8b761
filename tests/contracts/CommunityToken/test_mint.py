from tests.support.community import MEMBERS, OWNER, Community
from tests.support.evm import reverts

MEMBER = MEMBERS[0].address


def test_owner_mints(community: Community) -> None:
    receipt = community.token.transact("mint", MEMBER, 5, sender=OWNER)
    assert receipt.event("Transfer") == {"from": "0x" + "00" * 20, "to": MEMBER, "value": 5}
    assert community.token.call("balanceOf", MEMBER) == 5
    assert community.token.call("totalSupply") == 5


def test_nobody_else_mints(community: Community) -> None:
    with reverts("OwnableUnauthorizedAccount", MEMBER):
        community.token.transact("mint", MEMBER, 5, sender=MEMBER)


def test_one_unit_is_one_nano_euro(community: Community) -> None:
    assert (community.token.call("name"), community.token.call("symbol")) == ("RESILIA euro", "rEUR")
    assert community.token.call("decimals") == 9


def test_ownership_passes_in_two_steps(community: Community) -> None:
    community.token.transact("transferOwnership", MEMBER, sender=OWNER)
    assert community.token.call("owner") == OWNER
    community.token.transact("acceptOwnership", sender=MEMBER)
    assert community.token.call("owner") == MEMBER
