from tests.support.community import MEMBERS, OWNER, STRANGER, Community
from tests.support.evm import reverts

ZERO = "0x" + "00" * 20


def test_admitted_account_is_a_member(community: Community) -> None:
    assert not community.registry.call("isMember", STRANGER.address)
    receipt = community.registry.transact("admitMember", STRANGER.address, sender=OWNER)
    assert receipt.event("MemberAdmitted") == {"account": STRANGER.address}
    assert community.registry.call("isMember", STRANGER.address)


def test_member_is_not_admitted_twice(community: Community) -> None:
    with reverts("AlreadyMember", MEMBERS[0].address):
        community.registry.transact("admitMember", MEMBERS[0].address, sender=OWNER)


def test_zero_account_is_never_a_member(community: Community) -> None:
    with reverts("ZeroAccount"):
        community.registry.transact("admitMember", ZERO, sender=OWNER)
