import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from eth_account.messages import _hash_eip191_message, encode_typed_data

from energy.identity import Address, Digest, address_from_hex
from metering.readings import Reading
from oracles import typed_data
from oracles.corrections import CORRECTION
from oracles.facts import FACTS
from oracles.hashing import keccak
from oracles.merkle import leaf
from oracles.struct_types import StructType, Value, integer_bounds
from oracles.typed_data import Domain, community_domain, digest, eip712_json, reading_hash, reading_values, seal_digest
from tests.support.evidence import METERS, make_reading

VECTORS: Mapping[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "typed_data.json").read_text())
STRUCTS = {each.name: each for each in (*vars(typed_data).values(), CORRECTION, FACTS) if isinstance(each, StructType)}
DOMAIN = Domain(
    VECTORS["domain"]["name"],
    VECTORS["domain"]["version"],
    VECTORS["domain"]["chainId"],
    address_from_hex(VECTORS["domain"]["verifyingContract"]),
)


def case_values(struct: StructType, values: Mapping[str, Any]) -> tuple[Value, ...]:
    return tuple(
        case_values(struct.nested[kind], values[name])
        if kind in struct.nested
        else values[name]
        if integer_bounds(kind) or kind == "bool"
        else values[name].encode()
        if kind == "string"
        else bytes.fromhex(values[name][2:])
        for kind, name in struct.fields
    )


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["type"])
def test_struct_hash_digest_and_leaf_are_those_of_the_vectors(case: Mapping[str, Any]) -> None:
    struct = STRUCTS[case["type"]]
    struct_hash = struct.hash(case_values(struct, case["values"]))
    assert struct_hash.hex() == case["structHash"][2:]
    assert digest(DOMAIN, struct_hash).hex() == case["digest"][2:]
    assert leaf(struct_hash, Digest(bytes.fromhex(case["salt"][2:]))).hex() == case["leaf"][2:]


def test_every_struct_has_a_vector() -> None:
    assert {case["type"] for case in VECTORS["cases"]} == STRUCTS.keys() - {"EIP712Domain"}


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: case["type"])
def test_a_wallet_signs_the_same_digest(case: Mapping[str, Any]) -> None:
    struct = STRUCTS[case["type"]]
    values = case_values(struct, case["values"])
    message = json.loads(json.dumps(eip712_json(DOMAIN, struct, values)))
    signable = encode_typed_data(full_message=message)
    assert bytes(_hash_eip191_message(signable)) == digest(DOMAIN, struct.hash(values))


def test_domains_differ_by_chain_and_contract() -> None:
    separators = {
        community_domain(chain, Address(contract * 20)).separator for chain in (1, 2) for contract in (b"\x01", b"\x02")
    }
    assert len(separators) == 4


def test_a_reading_is_hashed_in_the_sequence_of_its_struct() -> None:
    reading = make_reading(METERS[0])
    assert reading_values(reading) == tuple(getattr(reading, each.name) for each in fields(Reading))
    assert reading_hash(reading) == STRUCTS["Reading"].hash(reading_values(reading))


def test_a_reading_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Reading\.exportWh"):
        reading_hash(make_reading(METERS[0], export_wh=-1))


def test_seal_digest_binds_chain_and_block() -> None:
    block_hash = Digest(b"\x09" * 32)
    assert seal_digest(5, block_hash) == keccak(keccak(b"RESILIA-SEAL") + bytes(31) + b"\x05" + block_hash)
    assert seal_digest(6, block_hash) != seal_digest(5, block_hash)
