"""Block headers of the Prague fork, as values: RLP in, RLP out, no execution engine needed.

Units: gas, wei, UTC epoch seconds. Source: execution-specs `forks/prague/blocks.py`; EIP-1559, 4895, 4844, 4788, 7685.
Refuses: RLP that is no list of 21 fields of the right lengths, with `ValueError`.
"""

from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Final, Self

from energy.identity import Address, Digest
from node.chain._trie import decode_rlp, encode_rlp
from oracles.hashing import keccak

EMPTY_TRIE_ROOT: Final = keccak(encode_rlp(b""))
"""Root of a trie with nothing in it."""


@dataclass(frozen=True, slots=True)
class Header:
    """The 21 fields of a header, in the sequence in which they are hashed."""

    parent_hash: bytes
    """Hash of the block before; 32 zero bytes in block 0."""
    uncles_hash: bytes
    """keccak of the RLP of an empty list; there are no uncles."""
    coinbase: Address
    """The sealer, who receives the tips."""
    state_root: bytes
    """Root of the account trie after the block."""
    transactions_root: bytes
    """Root of the trie of transactions."""
    receipts_root: bytes
    """Root of the trie of receipts."""
    logs_bloom: bytes
    """256 bytes; the union of the receipts' blooms."""
    difficulty: int
    """Always 0."""
    number: int
    """Height; block 0 is the genesis."""
    gas_limit: int
    """Gas that the block may use."""
    gas_used: int
    """Gas that its transactions used."""
    timestamp: int
    """UTC epoch second, greater than the parent's."""
    extra_data: bytes
    """At most 32 bytes; in block 0 the digest of the genesis file."""
    mix_hash: bytes
    """Always 32 zero bytes: there is no randomness beacon."""
    nonce: bytes
    """Always 8 zero bytes."""
    base_fee_per_gas: int
    """Wei burnt per gas."""
    withdrawals_root: bytes
    """Root of an empty trie; there are no withdrawals."""
    blob_gas_used: int
    """Always 0: blobs are refused."""
    excess_blob_gas: int
    """Always 0."""
    parent_beacon_block_root: bytes
    """Always 32 zero bytes."""
    requests_hash: bytes
    """SHA-256 of no requests (EIP-7685)."""

    @classmethod
    def from_rlp(cls, raw: bytes) -> Self:
        """Return the header that some RLP holds.

        Raises:
            ValueError: not RLP, not 21 fields, or a field of the wrong length.
        """
        try:
            items = decode_rlp(raw)
        except ValueError as error:
            raise ValueError(f"a header is no valid RLP: {error}") from None
        if not isinstance(items, list) or len(items) != len(_FIELDS):
            raise ValueError(f"a Prague header has {len(_FIELDS)} fields")
        values: dict[str, Any] = {name: _decoded(name, item) for name, item in zip(_FIELDS, items, strict=True)}
        return cls(**values)

    def encode(self) -> bytes:
        """Return the RLP that the block hash is taken over."""
        return _encoded(self)

    def hash(self) -> Digest:
        """Return the block hash: keccak of the RLP."""
        return keccak(self.encode())

    def next_base_fee(self) -> int:
        """Return the base fee of the block after this one, in wei per gas (EIP-1559)."""
        target = self.gas_limit // 2
        if self.gas_used == target:
            return self.base_fee_per_gas
        step = self.base_fee_per_gas * abs(self.gas_used - target) // target // 8
        if self.gas_used > target:
            return self.base_fee_per_gas + max(step, 1)
        return self.base_fee_per_gas - step


_FIELDS = tuple(field.name for field in fields(Header))
_QUANTITIES = frozenset(field.name for field in fields(Header) if field.type is int)
_LENGTHS = {"coinbase": 20, "logs_bloom": 256, "nonce": 8}


@lru_cache(8)
def _encoded(header: Header) -> bytes:
    values = (getattr(header, name) for name in _FIELDS)
    return encode_rlp([_minimal(value) if isinstance(value, int) else value for value in values])


def _decoded(name: str, item: object) -> bytes | int:
    if not isinstance(item, bytes):
        raise ValueError(f"header field {name} is a list")
    if name in _QUANTITIES:
        if item[:1] == b"\0":
            raise ValueError(f"header field {name} starts with a zero byte")
        return int.from_bytes(item, "big")
    if name != "extra_data" and len(item) != _LENGTHS.get(name, 32):
        raise ValueError(f"header field {name} has {len(item)} bytes")
    return item


def _minimal(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
