import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from energy.identity import ZERO_DIGEST, Digest
from oracles.hashing import keccak
from oracles.merkle import MerkleTree, leaf, salt, verify

VECTORS: Mapping[str, Any] = json.loads((Path(__file__).parents[2] / "vectors" / "typed_data.json").read_text())
A, B, C = (Digest(bytes([value]) * 32) for value in (1, 2, 3))


def data(text: str) -> Digest:
    return Digest(bytes.fromhex(text[2:]))


@pytest.mark.parametrize("case", VECTORS["trees"], ids=lambda case: f"{len(case['leaves'])} leaves")
def test_roots_and_proofs_are_those_of_the_vectors(case: Mapping[str, Any]) -> None:
    tree = MerkleTree([data(text) for text in case["leaves"]])
    assert tree.root == data(case["root"])
    proofs = [tree.proof(index) for index in range(len(case["leaves"]))]
    assert proofs == [tuple(data(text) for text in proof) for proof in case["proofs"]]


@pytest.mark.parametrize("case", VECTORS["salts"], ids=lambda case: f"{len(case['parts'])} parts")
def test_salts_are_those_of_the_vectors(case: Mapping[str, Any]) -> None:
    parts = [data(part) if isinstance(part, str) else part for part in case["parts"]]
    assert salt(data(case["key"]), *parts) == data(case["salt"])


def test_root_of_nothing_is_zero() -> None:
    assert MerkleTree([]).root == ZERO_DIGEST


def test_children_are_sorted_and_an_odd_last_one_moves_up() -> None:
    pair = keccak(A + B)
    assert MerkleTree([B, A]).root == pair
    assert MerkleTree([A, B, C]).root == keccak(min(pair, C) + max(pair, C))
    assert MerkleTree([A, B, C]).proof(2) == (pair,)


@pytest.mark.parametrize("index", [-1, 3])
def test_no_proof_for_a_leaf_that_is_not_there(index: int) -> None:
    with pytest.raises(IndexError):
        MerkleTree([A, B, C]).proof(index)


def test_a_proof_holds_for_its_leaf_only() -> None:
    tree = MerkleTree([A, B, C])
    assert verify(A, tree.proof(0), tree.root)
    assert not verify(B, tree.proof(0), tree.root)
    assert not verify(A, tree.proof(0)[:1], tree.root)
    assert not verify(A, (*tree.proof(0), C), tree.root)


def test_an_inner_node_is_no_leaf() -> None:
    assert leaf(A, B) != keccak(A + B)
    assert leaf(A, B) == keccak(keccak(A + B))


def test_a_leaf_takes_words_only() -> None:
    with pytest.raises(ValueError):
        leaf(Digest(A + b"\x00"), Digest(B[1:]))


def test_a_salt_needs_a_long_key_and_64_bit_integers() -> None:
    with pytest.raises(ValueError):
        salt(bytes(31), b"reading")
    with pytest.raises(OverflowError):
        salt(bytes(32), 2**64)
    with pytest.raises(OverflowError):
        salt(bytes(32), -1)
