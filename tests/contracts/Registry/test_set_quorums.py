import pytest

from tests.support.community import OWNER, Community
from tests.support.evm import reverts


def test_quorums_are_set(community: Community) -> None:
    receipt = community.registry.transact("setQuorums", 3, 1, sender=OWNER)
    assert receipt.event("QuorumsSet") == {"oracleQuorum": 3, "attestorQuorum": 1}
    assert community.registry.call("oracleQuorum") == 3
    assert community.registry.call("attestorQuorum") == 1


@pytest.mark.parametrize("quorums", [(0, 2), (2, 0)])
def test_quorum_is_at_least_one(community: Community, quorums: tuple[int, int]) -> None:
    with reverts("ZeroQuorum"):
        community.registry.transact("setQuorums", *quorums, sender=OWNER)
    with reverts("ZeroQuorum"):
        community.evm.deploy("Registry", OWNER, *quorums)
