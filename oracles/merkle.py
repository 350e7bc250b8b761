"""Salted Merkle commitments: one root on the chain stands for many records, any of which can be shown alone.

A leaf hides its record behind a secret salt: without it, a household's few thousand possible Wh could be tried out.
Leaves stand in the given sequence; a parent is the keccak-256 of its two children, the smaller first; an odd last
node moves up unchanged; the root of no leaves is zero. Leaves are hashed twice, nodes once: none passes for the other.
Source: OpenZeppelin `MerkleProof` (commutative hashing) and its standard leaf.
"""

import hmac
from collections.abc import Sequence
from hashlib import sha256

from energy.identity import ZERO_DIGEST, Digest
from oracles.hashing import keccak


def salt(key: bytes, *parts: bytes | int) -> Digest:
    """Return the salt of one record: HMAC-SHA256 of its name under a secret key. Destroying the key erases the record.

    Args:
        key: Secret, 32 bytes or more.
        parts: The record's name. Parts are joined without a mark between them, integers as 8 bytes big endian: give
            the parts of one label a fixed length.

    Raises:
        ValueError: a short key.
        OverflowError: an integer below 0 or above 64 bits.
    """
    if len(key) < 32:
        raise ValueError("a salt key has 32 bytes or more")
    message = b"".join(part if isinstance(part, bytes) else part.to_bytes(8, "big") for part in parts)
    return Digest(hmac.digest(key, message, sha256))


def leaf(struct_hash: Digest, salt: Digest) -> Digest:
    """Return the leaf of a record: ``keccak256(bytes.concat(keccak256(abi.encode(structHash, salt))))``.

    Raises:
        ValueError: either one is not 32 bytes.
    """
    if len(struct_hash) != 32 or len(salt) != 32:
        raise ValueError("a struct hash and a salt have 32 bytes each")
    return keccak(keccak(struct_hash + salt))


class MerkleTree:
    """The tree over some leaves: its root, and a proof for each leaf."""

    def __init__(self, leaves: Sequence[Digest]) -> None:
        self._levels: list[list[Digest]] = [list(leaves)]
        while len(self._levels[-1]) > 1:
            self._levels.append(_parents(self._levels[-1]))

    @property
    def root(self) -> Digest:
        """The root; zero when there are no leaves."""
        return self._levels[-1][0] if self._levels[-1] else ZERO_DIGEST

    def proof(self, index: int) -> tuple[Digest, ...]:
        """Return the siblings from the leaf at an index up to the root.

        Raises:
            IndexError: no such leaf.
        """
        if not 0 <= index < len(self._levels[0]):
            raise IndexError(f"leaf {index} of {len(self._levels[0])}")
        siblings = []
        for level in self._levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                siblings.append(level[sibling])
            index >>= 1
        return tuple(siblings)


def verify(leaf: Digest, proof: Sequence[Digest], root: Digest) -> bool:
    """Say whether a proof leads from a leaf to a root. A leaf is proven alone, not its place among the others."""
    node = leaf
    for sibling in proof:
        node = _parent(node, sibling)
    return node == root


def _parents(level: Sequence[Digest]) -> list[Digest]:
    parents = [_parent(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return parents + list(level[2 * len(parents) :])


def _parent(left: Digest, right: Digest) -> Digest:
    return keccak(left + right if left < right else right + left)
