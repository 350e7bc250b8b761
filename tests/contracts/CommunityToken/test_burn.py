from tests.support.community import MEMBERS, OWNER, Community
from tests.support.evm import reverts

MEMBER = MEMBERS[0].address


def test_holder_burns_own_tokens(community: Community) -> None:
    community.token.transact("mint", MEMBER, 5, sender=OWNER)
    community.token.transact("burn", 3, sender=MEMBER)
    assert community.token.call("balanceOf", MEMBER) == 2
    assert community.token.call("totalSupply") == 2


def test_nobody_burns_more_than_own_tokens(community: Community) -> None:
    community.token.transact("mint", MEMBER, 5, sender=OWNER)
    with reverts("ERC20InsufficientBalance", OWNER, 0, 1):
        community.token.transact("burn", 1, sender=OWNER)
