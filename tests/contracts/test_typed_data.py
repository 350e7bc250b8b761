"""The contracts hash as the committed vectors say, and the vectors are what their generator makes."""

import json
from typing import Any

import pytest
from eth_utils.crypto import keccak

from tests.support import typed_data_vectors as typed_data
from tests.support.community import Community
from tests.support.evm import Contract

VECTORS = json.loads(typed_data.PATH.read_text(encoding="utf-8"))

DIGEST_VIEWS = {
    "Order": ("settlement", "hashOrder"),
    "Cancel": ("settlement", "hashCancel"),
    "Receipt": ("settlement", "hashReceipt"),
    "Run": ("settlement", "hashRun"),
    "Reading": ("readings", "hashReading"),
    "IntervalReadings": ("readings", "hashIntervalReadings"),
}
LINK_VIEWS = {"LinkRun": "hashRun", "Export": "hashExport"}
LEAF_VIEWS = {
    "SignedOrder": ("settlement", "leafOfOrder"),
    "Trade": ("settlement", "leafOfTrade"),
    "Entry": ("settlement", "leafOfEntry"),
    "Reading": ("readings", "leafOfReading"),
    "Certificate": ("certificates", "leafOfCertificate"),
}


def on_chain(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as the contracts take them: of an order's conditions they know the hash."""
    if "order" in values:
        return values | {"order": on_chain(values["order"])}
    if "conditions" in values:
        return values | {"conditions": typed_data.struct_hash("Conditions", values["conditions"])}
    return values


def cases(views: dict[str, tuple[str, str]]) -> list[Any]:
    chosen = [case for case in VECTORS["cases"] if case["type"] in views]
    return [pytest.param(case, id=f"{case['type']}-{number}") for number, case in enumerate(chosen)]


def test_committed_vectors_are_what_the_generator_makes() -> None:
    assert typed_data.PATH.read_text(encoding="utf-8") == typed_data.render()


def test_every_struct_is_checked_here() -> None:
    assert {case["type"] for case in VECTORS["cases"]} == typed_data.TYPES.keys()
    # Of conditions the contracts know the hash, of ballots the library; of the rest nothing: it is for nodes alone.
    elsewhere = {"Conditions", "Ballot", "Halt", "Look", "Correction", "Facts", "Rule"}
    assert typed_data.TYPES.keys() == DIGEST_VIEWS.keys() | LEAF_VIEWS | elsewhere


@pytest.mark.parametrize("case", cases(DIGEST_VIEWS))
def test_digest_view_agrees(community: Community, case: dict[str, Any]) -> None:
    contract, view = DIGEST_VIEWS[case["type"]]
    separator = typed_data.separator(community.domain(getattr(community, contract)))
    expected = keccak(b"\x19\x01" + separator + bytes.fromhex(case["structHash"][2:]))
    assert getattr(community, contract).call(view, on_chain(case["values"])) == expected


@pytest.mark.parametrize("case", cases(LEAF_VIEWS))
def test_leaf_view_agrees(community: Community, case: dict[str, Any]) -> None:
    contract, view = LEAF_VIEWS[case["type"]]
    assert "0x" + getattr(community, contract).call(view, on_chain(case["values"]), case["salt"]).hex() == case["leaf"]


@pytest.mark.parametrize(
    "case", [case for case in VECTORS["linkCases"] if case["type"] in LINK_VIEWS], ids=lambda case: case["type"]
)
def test_digest_of_what_two_communities_sign_agrees(community: Community, case: dict[str, Any]) -> None:
    gateway = community.evm.deploy("Gateway", community.settlement, community.certificates)
    assert "0x" + gateway.call(LINK_VIEWS[case["type"]], case["values"]).hex() == case["digest"]


def test_every_struct_between_communities_is_checked_here() -> None:
    assert [case["type"] for case in VECTORS["linkCases"]] == [*typed_data.LINK_TYPES] * 3
    # What the nodes at both ends sign for each other comes to a contract as a run alone.
    assert typed_data.LINK_TYPES.keys() == LINK_VIEWS.keys() | {"Lease", "Offer", "Award", "Decision"}


@pytest.mark.parametrize("name", ["readings", "settlement"])
def test_contract_states_its_domain(community: Community, name: str) -> None:
    contract: Contract = getattr(community, name)
    fields, *domain, salt, extensions = contract.call("eip712Domain")
    assert domain == list(community.domain(contract).values())
    assert (fields, salt, extensions) == (b"\x0f", bytes(32), ())
