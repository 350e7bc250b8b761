from tests.support.community import MEMBERS, OWNER, STRANGER, Community
from tests.support.evm import reverts

MEMBER = MEMBERS[0].address


def test_removed_account_is_no_member(community: Community) -> None:
    receipt = community.registry.transact("removeMember", MEMBER, sender=OWNER)
    assert receipt.event("MemberRemoved") == {"account": MEMBER}
    assert not community.registry.call("isMember", MEMBER)


def test_removed_account_may_come_back(community: Community) -> None:
    community.registry.transact("removeMember", MEMBER, sender=OWNER)
    community.registry.transact("admitMember", MEMBER, sender=OWNER)
    assert community.registry.call("isMember", MEMBER)


def test_stranger_cannot_be_removed(community: Community) -> None:
    with reverts("UnknownAccount", STRANGER.address):
        community.registry.transact("removeMember", STRANGER.address, sender=OWNER)


def test_runs_may_name_whoever_was_a_member_and_nobody_else(community: Community) -> None:
    community.registry.transact("removeMember", MEMBER, sender=OWNER)
    assert community.registry.call("isParty", MEMBER)
    assert not community.registry.call("isParty", STRANGER.address)
