import re
from functools import reduce
from operator import xor
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from tests.contracts.Certificates.conftest import BOILER, BUNDLE_WH, HOLDER, HOUSE, NEIGHBOUR, OTHER, Market, child_id
from tests.support.certificates import open_readings, reading
from tests.support.community import FIRST_INTERVAL, INTERVAL_LENGTH, OWNER, Community
from tests.support.evm import artifact, reverts, selector
from tests.support.source_tree import ROOT

CLAIMED = 5


def test_claim_uses_the_bundle_up(market: Market) -> None:
    receipt = market.act("claim", market.ids[0], OTHER, market.drawn[NEIGHBOUR, 0])
    assert receipt.event("ClaimSingle") == {
        "claimIssuer": market.community.certificates.address,
        "claimSubject": OTHER,
        "topic": 1,
        "id": market.ids[0],
        "value": BUNDLE_WH,
        "claimData": encode(["address", "bytes32"], [HOLDER, NEIGHBOUR]),
    }
    assert market.held_wh(HOLDER, market.ids[0]) == 0
    assert market.view("claimedBalanceOf", OTHER, market.ids[0]) == BUNDLE_WH
    assert market.view("usedWh", NEIGHBOUR, FIRST_INTERVAL) == BUNDLE_WH
    assert market.bundle(market.ids[0])["status"] == CLAIMED


def test_claims_end_with_the_attested_consumption(market: Market) -> None:
    _, rest = _split(market, market.ids[1], 51)
    market.act("claim", market.ids[0], OTHER, market.drawn[NEIGHBOUR, 0])
    beyond = BUNDLE_WH + 51
    first = child_id(market.ids[1], 0, 51)
    with reverts("BeyondConsumption", NEIGHBOUR, FIRST_INTERVAL, beyond, 150):
        market.act("claim", first, OTHER, market.drawn[NEIGHBOUR, 0])
    market.act("claim", rest, OTHER, market.drawn[NEIGHBOUR, 0])
    assert market.view("usedWh", NEIGHBOUR, FIRST_INTERVAL) == 149
    market.act("claim", first, HOLDER, market.drawn[HOUSE, 0])


def test_whole_consumption_is_claimed(market: Market) -> None:
    half, _ = _split(market, market.ids[1], 50)
    for bundle in (market.ids[0], half):
        market.act("claim", bundle, OTHER, market.drawn[NEIGHBOUR, 0])
    assert market.view("usedWh", NEIGHBOUR, FIRST_INTERVAL) == 150


def test_consumption_is_of_the_bundles_interval(market: Market) -> None:
    with reverts("OtherInterval", FIRST_INTERVAL + INTERVAL_LENGTH, FIRST_INTERVAL):
        market.act("claim", market.ids[0], OTHER, market.drawn[NEIGHBOUR, 1])


def test_consumption_is_the_beneficiarys(market: Market) -> None:
    with reverts("NotTheMeterOf", NEIGHBOUR, HOLDER):
        market.act("claim", market.ids[0], HOLDER, market.drawn[NEIGHBOUR, 0])
    stranger = keccak(text="nobody's")
    with reverts("UnknownMeter", stranger):
        market.act("claim", market.ids[0], HOLDER, open_readings([reading(stranger, 500)])[stranger])


@pytest.mark.parametrize("change", [{"importWh": 151}, {"meter": HOUSE}])
def test_consumption_is_attested(market: Market, change: dict[str, Any]) -> None:
    opening = market.drawn[BOILER, 0]
    changed = opening | {"reading": opening["reading"] | change}
    leaf = market.community.readings.call("leafOfReading", changed["reading"], changed["salt"])
    with reverts("NotUnderRoot", market.community.readings.call("rootOf", FIRST_INTERVAL), leaf):
        market.act("claim", market.ids[0], HOLDER, changed)


@pytest.mark.parametrize("change", [{"quality": 2 << 8 | 16}, {"quality": 5 << 8 | 17}, {"flags": 1 << 3}])
def test_o3_an_estimate_proves_no_consumption(market: Market, change: dict[str, int]) -> None:
    opening = open_readings([reading(HOUSE, 150, **change)])[HOUSE]
    with reverts("ReadingNotFinal", HOUSE, FIRST_INTERVAL):
        market.act("claim", market.ids[0], HOLDER, opening)


def test_c2_claimed_energy_never_moves_again(market: Market) -> None:
    claimed = market.ids[0]
    market.act("claim", claimed, OTHER, market.drawn[NEIGHBOUR, 0])
    drawn = market.drawn[HOUSE, 0]
    for account in (HOLDER, OTHER):
        with reverts("NotCirculating", claimed, CLAIMED):
            market.act("safeTransferFrom", account, HOLDER, claimed, BUNDLE_WH, b"", sender=account)
        for function, *rest in (("claim", HOLDER, drawn), ("charge", drawn), ("convert", drawn), ("split", 1)):
            with reverts("NotCirculating", claimed, CLAIMED):
                market.act(function, claimed, *rest, sender=account)
    for function in ("withdraw", "expire"):
        with reverts("NotCirculating", claimed, CLAIMED):
            market.act(function, claimed, sender=OWNER)


def test_only_the_holder_claims(market: Market) -> None:
    with reverts("NotTheHolder", OTHER, HOLDER):
        market.act("claim", market.ids[0], OTHER, market.drawn[NEIGHBOUR, 0], sender=OTHER)


def test_what_was_never_issued_is_not_claimed(market: Market) -> None:
    with reverts("UnknownCertificate", 7):
        market.act("claim", 7, OTHER, market.drawn[NEIGHBOUR, 0])


def test_electricity_is_not_claimed_without_consumption(market: Market) -> None:
    with reverts("WrongCarrier", market.ids[0], 0):
        market.act("claimConverted", market.ids[0], OTHER)


@pytest.mark.parametrize(
    ("interface", "supported"),
    [("01ffc9a7", True), ("d9b67a26", True), ("0e89341c", True), ("ffffffff", False), ("12345678", False)],
    ids=["ERC-165", "ERC-1155", "ERC-1155 metadata", "none", "unknown"],
)
def test_supported_interfaces(community: Community, interface: str, supported: bool) -> None:
    assert community.certificates.call("supportsInterface", bytes.fromhex(interface)) is supported


def test_own_interface_is_supported(community: Community) -> None:
    """Its identifier is that of ERC-165: of all functions that the interface itself declares."""
    source = (ROOT / "contracts" / "src" / "interfaces" / "ICertificates.sol").read_text(encoding="utf-8")
    declared = set(re.findall(r"^    function (\w+)\(", source, re.MULTILINE))
    entries = [entry for entry in artifact("Certificates")["abi"] if entry.get("name") in declared]
    assert len(entries) == len(declared)
    selectors = [int.from_bytes(selector(entry)[:4], "big") for entry in entries]
    identifier = reduce(xor, selectors).to_bytes(4, "big")
    assert community.certificates.call("supportsInterface", identifier) is True


def test_nothing_else_changes_certificates() -> None:
    changing = {
        entry["name"]
        for entry in artifact("Certificates")["abi"]
        if entry["type"] == "function" and entry["stateMutability"] not in ("view", "pure")
    }
    transfers = {"safeTransferFrom", "safeBatchTransferFrom", "setApprovalForAll"}
    ends = {"split", "lock", "unlock", "withdraw", "expire", "inherit", "claim", "claimBatch", "claimConverted"}
    assert changing == transfers | ends | {
        "materialise",
        "enrolStore",
        "enrolConverter",
        "charge",
        "discharge",
        "convert",
    }


def _split(market: Market, token_id: int, wh: int) -> tuple[int, int]:
    event = market.act("split", token_id, wh).event("Split")
    return event["first"], event["second"]


def test_batch_claims_what_single_claims_would(market: Market) -> None:
    claimed = [market.ids[0], market.ids[2]]
    readings = [market.drawn[NEIGHBOUR, 0], market.drawn[NEIGHBOUR, 1]]
    receipt = market.act("claimBatch", claimed, OTHER, readings)
    assert [event.arguments["id"] for event in receipt.events if event.name == "ClaimSingle"] == claimed
    for step, token_id in enumerate(claimed):
        assert market.view("claimedBalanceOf", OTHER, token_id) == BUNDLE_WH
        assert market.view("usedWh", NEIGHBOUR, FIRST_INTERVAL + step * INTERVAL_LENGTH) == BUNDLE_WH
        assert market.bundle(token_id)["status"] == CLAIMED


def test_batch_is_whole_or_not_at_all(market: Market) -> None:
    both = [market.ids[0], market.ids[1]]
    reading_twice = [market.drawn[NEIGHBOUR, 0]] * 2
    with reverts("BeyondConsumption", NEIGHBOUR, FIRST_INTERVAL, 2 * BUNDLE_WH, 150):
        market.act("claimBatch", both, OTHER, reading_twice)
    assert market.held_wh(HOLDER, *both) == 2 * BUNDLE_WH
    assert market.view("usedWh", NEIGHBOUR, FIRST_INTERVAL) == 0
    with reverts("NotCirculating", market.ids[0], CLAIMED):
        market.act("claimBatch", [market.ids[0]] * 2, OTHER, reading_twice)
    with reverts("LengthsDiffer", 2, 1):
        market.act("claimBatch", both, OTHER, reading_twice[:1])
    with reverts("NotTheHolder", OTHER, HOLDER):
        market.act("claimBatch", both[:1], OTHER, reading_twice[:1], sender=OTHER)
