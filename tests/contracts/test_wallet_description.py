"""A wallet shows every signed type in words: an ERC-7730 description knows every field, and says the codes' names.

No type is forgotten: what is signed is sought in the node's modules and in the sources of the deployed contracts.
"""

import importlib
import json
import os
import pkgutil
import re
from enum import IntEnum
from typing import Any

import pytest

import interconnect
import oracles
from interconnect.records import Outcome as LinkOutcome
from market.events import Outcome
from market.metered import Source
from market.orders import SelfTrade, Side, TimeInForce
from oracles.struct_types import StructType
from tests.support.source_tree import ROOT
from tests.support.typed_data_vectors import DOMAIN, LINK_DOMAIN, LINK_TYPES, TYPES

CONTRACTS = ROOT / "contracts"
VECTORS = json.loads((ROOT / "tests" / "vectors" / "typed_data.json").read_text(encoding="utf-8"))
DESCRIPTIONS = {
    name: json.loads((CONTRACTS / "erc7730" / f"eip712-{name}.json").read_text(encoding="utf-8"))
    for name in ("resilia-grid", "resilia-link", "community-token")
}
NOT_SIGNED = {"EIP712Domain", "Conditions", "SignedOrder", "Trade", "Certificate", "Entry", "Step"}
"""Parts of others, and leaves of a run: nobody is asked for a signature of those alone."""
OF_THE_LIBRARY = {"ExtendedBallot", "Permit"}
"""OpenZeppelin's, which has tests of its own for how it hashes them."""
CASES = [
    pytest.param(description, schema["primaryType"], schema["types"], id=f"{name}-{schema['primaryType']}")
    for name, description in DESCRIPTIONS.items()
    for schema in description["context"]["eip712"]["schemas"]
]
DECLARATION = re.compile(r"^(\w+)\((.*?)\)")


def python_structs() -> dict[str, StructType]:
    """Return every struct type that a module of the node hashes or signs."""
    found = {}
    for package in (oracles, interconnect):
        for each in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for value in vars(importlib.import_module(each.name)).values():
                if isinstance(value, StructType):
                    found[value.name] = value
    return found


def solidity_structs() -> dict[str, str]:
    """Return the fields of every struct type that a deployed contract hashes, the library's among them."""
    names = {
        source
        for path in sorted((CONTRACTS / "artifacts").glob("*.json"))
        for source in json.loads(json.loads(path.read_text(encoding="utf-8"))["metadata"])["sources"]
    }
    found = {}
    for name in sorted(names):
        path = CONTRACTS / name if name.startswith("src/") else CONTRACTS / "node_modules" / name
        text = re.sub(r'"\s*\n?\s*"', "", path.read_text(encoding="utf-8"))
        for declared in re.findall(r'_?TYPE_?HASH\s*=\s*keccak256\(\s*"([^"]*)"', text):
            if struct := DECLARATION.match(declared):
                found[struct[1]] = struct[2]
    return found


def leaves(types: dict[str, list[dict[str, str]]], struct: str, prefix: str = "") -> list[str]:
    """Return the path of every plain field of a struct."""
    paths = []
    for field in types[struct]:
        path = prefix + field["name"]
        paths += leaves(types, field["type"], f"{path}.") if field["type"] in types else [path]
    return paths


def test_every_type_that_the_node_signs_has_a_vector_and_a_description() -> None:
    structs = python_structs()
    assert {"Order", "Correction", "Facts", "LinkRun", "Export"} <= structs.keys()
    with_vector = {case["type"] for case in VECTORS["cases"] + VECTORS["linkCases"]}
    assert structs.keys() - {"EIP712Domain", "Step"} == with_vector
    described = {parameters.values[1] for parameters in CASES}
    assert structs.keys() - NOT_SIGNED == described - OF_THE_LIBRARY
    for struct, fields in (VECTORS["types"] | VECTORS["linkTypes"]).items():
        written = ",".join(f"{field['type']} {field['name']}" for field in fields)
        assert structs[struct].declaration == f"{struct}({written})"


@pytest.mark.skipif(
    not (CONTRACTS / "node_modules").exists() and not os.environ.get("CI"),
    reason="contracts/node_modules is not installed: make contracts-check",
)
def test_every_type_that_a_contract_checks_has_a_vector_and_a_description() -> None:
    structs = solidity_structs()
    assert structs.keys() >= OF_THE_LIBRARY | {"Order", "LinkRun"}
    assert structs.keys() - OF_THE_LIBRARY - {"EIP712Domain"} <= VECTORS["types"].keys() | VECTORS["linkTypes"].keys()
    schemas: dict[Any, Any] = {parameters.values[1]: parameters.values[2] for parameters in CASES}
    for struct in structs.keys() - NOT_SIGNED:
        written = ",".join(f"{field['type']} {field['name']}" for field in schemas[struct][struct])
        assert written == structs[struct], struct


def test_descriptions_are_of_the_domains() -> None:
    domains = {name: each["context"]["eip712"]["domain"] for name, each in DESCRIPTIONS.items()}
    assert domains == {
        "resilia-grid": {name: DOMAIN[name] for name in ("name", "version")},
        "resilia-link": LINK_DOMAIN,
        "community-token": {"name": "RESILIA euro", "version": "1"},
    }
    for description in DESCRIPTIONS.values():
        schemas = [schema["primaryType"] for schema in description["context"]["eip712"]["schemas"]]
        assert sorted(schemas) == sorted(description["display"]["formats"])


@pytest.mark.parametrize(("description", "struct", "types"), CASES)
def test_schema_is_the_type_that_is_signed(description: dict[str, Any], struct: str, types: dict[str, Any]) -> None:
    bound = LINK_DOMAIN if struct in LINK_TYPES else DOMAIN
    assert [field["name"] for field in types["EIP712Domain"]] == list(bound)
    own = {name: fields for name, fields in types.items() if name != "EIP712Domain"}
    assert struct in own
    if struct not in OF_THE_LIBRARY:
        assert own == {name: (TYPES | LINK_TYPES)[name] for name in own}
    assert {field["type"] for fields in own.values() for field in fields if field["type"] in TYPES} <= own.keys()


@pytest.mark.parametrize(("description", "struct", "types"), CASES)
def test_every_field_is_shown_with_a_label_of_its_own(
    description: dict[str, Any], struct: str, types: dict[str, Any]
) -> None:
    shown = description["display"]["formats"][struct]
    assert sorted(field["path"] for field in shown["fields"]) == sorted(leaves(types, struct))
    assert len({field["label"] for field in shown["fields"]}) == len(shown["fields"])
    assert shown["intent"]


@pytest.mark.parametrize(
    "field",
    [
        each
        for values in DESCRIPTIONS.values()
        for shown in values["display"]["formats"].values()
        for each in shown["fields"]
    ],
    ids=str,
)
def test_format_belongs_to_the_field(field: dict[str, Any]) -> None:
    unit = {
        r"Wh$": "Wh",
        r"[pP]rice$|Premium$": "€/kWh",
        r"[cC]arbon$": "g CO2e/kWh",
        r"^period$|^step$": "s",
        r"Neur$": "€",
        r"^value$": "rEUR",
    }
    decimals = {"€/kWh": 6, "€": 9, "rEUR": 9}
    for name, base in unit.items():
        if re.search(name, field["path"]):
            assert (field["format"], field["params"]["base"]) == ("unit", base)
    if field["format"] == "unit":
        assert field["params"]["decimals"] == decimals.get(field["params"]["base"], 0)
    if re.search(r"[iI]nterval$|At$|^expiry$|^validFrom$|^until$|^first$|^deadline$", field["path"]):
        assert (field["format"], field["params"]) == ("date", {"encoding": "timestamp"})


class Support(IntEnum):
    """OpenZeppelin's `GovernorCountingSimple.VoteType`."""

    AGAINST = 0
    FOR = 1
    ABSTAIN = 2


@pytest.mark.parametrize(
    ("file", "name", "codes"),
    [
        ("resilia-grid", "side", Side),
        ("resilia-grid", "timeInForce", TimeInForce),
        ("resilia-grid", "selfTrade", SelfTrade),
        ("resilia-grid", "outcome", Outcome),
        ("resilia-grid", "support", Support),
        ("resilia-link", "outcome", LinkOutcome),
        ("resilia-link", "source", Source),
    ],
)
def test_codes_have_names(file: str, name: str, codes: Any) -> None:
    description = DESCRIPTIONS[file]
    assert {int(code) for code in description["metadata"]["enums"][name]} == {int(code) for code in codes}
    used = [f for shown in description["display"]["formats"].values() for f in shown["fields"] if f["format"] == "enum"]
    assert {"$ref": f"$.metadata.enums.{name}"} in [field["params"] for field in used]
