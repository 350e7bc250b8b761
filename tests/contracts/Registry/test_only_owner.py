import pytest

from tests.support.community import MEMBERS, STRANGER, Community, meter_details
from tests.support.evm import artifact, reverts

CALLS = {
    "admitMember": (STRANGER.address,),
    "removeMember": (MEMBERS[0].address,),
    "enrolMeter": (b"m" * 32, meter_details(MEMBERS[0].address)),
    "retireMeter": (b"m" * 32, 0),
    "addOracle": (STRANGER.address, 0),
    "retireOracle": (STRANGER.address, 0),
    "addAttestor": (STRANGER.address, 0),
    "retireAttestor": (STRANGER.address, 0),
    "setQuorums": (1, 1),
    "openDisputes": (STRANGER.address, STRANGER.address, 1),
    "transferOwnership": (STRANGER.address,),
    "renounceOwnership": (),
}
"""Everything that changes the registry."""


@pytest.mark.parametrize("function", CALLS)
def test_nobody_else_changes_the_registry(community: Community, function: str) -> None:
    with reverts("OwnableUnauthorizedAccount", MEMBERS[0].address):
        community.registry.transact(function, *CALLS[function], sender=MEMBERS[0].address)


def test_no_function_is_forgotten_here() -> None:
    changing = {
        entry["name"]
        for entry in artifact("Registry")["abi"]
        if entry["type"] == "function" and entry["stateMutability"] != "view"
    }
    assert changing == CALLS.keys() | {"acceptOwnership", "revokeOracle"}
