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
    "setCollector": (STRANGER.address, True),
    "announceTerms": (b"t" * 32, 0, ""),
    "describeDevice": (b"m" * 32, (1, bytes(32), "")),
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
    rotation = {"nameGuardians", "approveRotation", "cancelRotation", "rotate"}
    assert changing == CALLS.keys() | rotation | {"acceptOwnership", "revokeOracle"}
