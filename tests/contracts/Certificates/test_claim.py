import pytest
from eth_abi.abi import encode

from tests.support.certificates import certificate, leaf_of, plant, salt_of
from tests.support.community import MEMBERS, Community
from tests.support.evm import artifact, reverts

HOLDER, BENEFICIARY = MEMBERS[0].address, MEMBERS[1].address
CERTIFICATE = certificate(0, HOLDER)
ID = int.from_bytes(leaf_of(CERTIFICATE), "big")


@pytest.fixture
def materialised(community: Community) -> Community:
    (proof,) = plant(community, [CERTIFICATE])
    arguments = (1, CERTIFICATE, salt_of(CERTIFICATE), proof)
    community.certificates.transact("materialise", *arguments, sender=HOLDER)
    return community


def test_claim_uses_the_certificate_up(materialised: Community) -> None:
    receipt = materialised.certificates.transact("claim", ID, 30, BENEFICIARY, sender=HOLDER)
    assert receipt.event("ClaimSingle") == {
        "claimIssuer": materialised.certificates.address,
        "claimSubject": BENEFICIARY,
        "topic": 1,
        "id": ID,
        "value": 30,
        "claimData": encode(["address"], [HOLDER]),
    }
    assert materialised.certificates.call("balanceOf", HOLDER, ID) == 70
    assert materialised.certificates.call("claimedBalanceOf", BENEFICIARY, ID) == 30


def test_claims_add_up(materialised: Community) -> None:
    materialised.certificates.transact("claim", ID, 30, BENEFICIARY, sender=HOLDER)
    materialised.certificates.transact("claim", ID, 70, BENEFICIARY, sender=HOLDER)
    assert materialised.certificates.call("claimedBalanceOf", BENEFICIARY, ID) == 100


def test_c2_claimed_energy_never_moves_again(materialised: Community) -> None:
    materialised.certificates.transact("claim", ID, 100, BENEFICIARY, sender=HOLDER)
    for account in (HOLDER, BENEFICIARY):
        with reverts("ERC1155InsufficientBalance", account, 0, 1, ID):
            materialised.certificates.transact("safeTransferFrom", account, HOLDER, ID, 1, b"", sender=account)
        with reverts("ERC1155InsufficientBalance", account, 0, 1, ID):
            materialised.certificates.transact("claim", ID, 1, account, sender=account)


def test_nobody_claims_more_than_own_energy(materialised: Community) -> None:
    with reverts("ERC1155InsufficientBalance", HOLDER, 100, 101, ID):
        materialised.certificates.transact("claim", ID, 101, BENEFICIARY, sender=HOLDER)
    with reverts("ERC1155InsufficientBalance", BENEFICIARY, 0, 1, ID):
        materialised.certificates.transact("claim", ID, 1, BENEFICIARY, sender=BENEFICIARY)


def test_what_was_never_issued_is_not_claimed(materialised: Community) -> None:
    with reverts("UnknownCertificate", ID + 1):
        materialised.certificates.transact("claim", ID + 1, 0, BENEFICIARY, sender=HOLDER)


@pytest.mark.parametrize(
    ("interface", "supported"),
    [("01ffc9a7", True), ("d9b67a26", True), ("0e89341c", True), ("ffffffff", False), ("12345678", False)],
    ids=["ERC-165", "ERC-1155", "ERC-1155 metadata", "none", "unknown"],
)
def test_supported_interfaces(community: Community, interface: str, supported: bool) -> None:
    assert community.certificates.call("supportsInterface", bytes.fromhex(interface)) is supported


def test_certificates_are_made_and_unmade_in_two_ways_only() -> None:
    changing = {
        entry["name"]
        for entry in artifact("Certificates")["abi"]
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }
    transfers = {"safeTransferFrom", "safeBatchTransferFrom", "setApprovalForAll"}
    assert changing == transfers | {"materialise", "claim"}
