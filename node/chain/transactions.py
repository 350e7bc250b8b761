"""Signed transactions as values: decoded from the wire bytes, with the sender recovered.

Units: gas, wei. Types 0 (EIP-155 only), 1 (EIP-2930), 2 (EIP-1559) and 4 (EIP-7702); blobs (type 3) are unknown here.
Refuses: malformed bytes, foreign types and signatures that recover nobody, with `ValueError`.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from energy.identity import Address, Digest
from node.chain._trie import decode_rlp, encode_rlp
from oracles.hashing import keccak
from oracles.signatures import recover

LEGACY: Final = 0
ACCESS_LIST: Final = 1
DYNAMIC_FEE: Final = 2
SET_CODE: Final = 4

TRANSACTION_SIZE_MAX: Final = 128 * 1024
"""Bytes of one transaction on the wire, as in geth."""
REMEMBERED: Final = 1_024
"""Transactions that need not be decoded again: recovering a sender costs more than all the rest."""
_AUTHORIZATION_MAGIC: Final = b"\x05"
_FIELD_COUNT: Final = {LEGACY: 9, ACCESS_LIST: 11, DYNAMIC_FEE: 12, SET_CODE: 13}


@dataclass(frozen=True, slots=True)
class Authorization:
    """A signed permission to run a contract's code as one's own account (EIP-7702)."""

    chain_id: int
    """Chain on which it is valid, 0 for all."""
    address: Address
    """The contract whose code is delegated to."""
    nonce: int
    """Nonce of the authority."""
    y_parity: int
    """Recovery bit."""
    r: int
    """Signature, first half."""
    s: int
    """Signature, second half."""

    def authority(self) -> Address | None:
        """Return who signed, or None when nobody can have."""
        message = encode_rlp([_minimal(self.chain_id), self.address, _minimal(self.nonce)])
        try:
            signature = self.r.to_bytes(32, "big") + self.s.to_bytes(32, "big") + bytes([27 + self.y_parity])
            return recover(keccak(_AUTHORIZATION_MAGIC + message), signature)
        except (ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """One transaction, whatever its type; fields that a type lacks are empty."""

    raw: bytes
    """The wire bytes."""
    hash: Digest
    """keccak of the wire bytes."""
    kind: int
    """Type: 0, 1, 2 or 4."""
    chain_id: int | None
    """None for a legacy transaction without replay protection."""
    nonce: int
    """Number of transactions that the sender made before."""
    max_priority_fee_per_gas: int
    """Largest tip; the gas price of types 0 and 1."""
    max_fee_per_gas: int
    """Largest price; the gas price of types 0 and 1."""
    gas: int
    """Gas limit."""
    to: Address | None
    """Receiver; None creates a contract."""
    value: int
    """Wei sent along."""
    data: bytes
    """Call data, or the code that creates the contract."""
    access_list: tuple[tuple[Address, tuple[bytes, ...]], ...]
    """Accounts and 32-byte storage keys announced in advance."""
    authorizations: tuple[Authorization, ...]
    """Delegations of type 4."""
    v: int
    """Signature's v as it stands on the wire (the parity for typed transactions)."""
    r: int
    """Signature, first half."""
    s: int
    """Signature, second half; at most half of the group's order."""
    sender: Address
    """Recovered from the signature."""

    @property
    def y_parity(self) -> int:
        """Return the recovery bit of the signature."""
        return self.v if self.kind != LEGACY else (self.v - 35) % 2 if self.v >= 35 else self.v - 27

    def gas_price(self, base_fee: int) -> int:
        """Return what the sender pays per gas in a block with that base fee."""
        return min(self.max_fee_per_gas, base_fee + self.max_priority_fee_per_gas)


@lru_cache(REMEMBERED)
def decode_transaction(raw: bytes) -> SignedTransaction:
    """Return the transaction in wire bytes.

    Raises:
        ValueError: malformed, of a type that the chain does not take, or with an invalid signature.
    """
    if not 0 < len(raw) <= TRANSACTION_SIZE_MAX:
        raise ValueError(f"oversized data: transaction size {len(raw)}, limit {TRANSACTION_SIZE_MAX}")
    kind, payload = (LEGACY, raw) if raw[0] >= 0xC0 else (raw[0], raw[1:])
    if raw[0] == LEGACY or kind not in _FIELD_COUNT:
        raise ValueError("transaction type not supported")
    try:
        items = decode_rlp(payload)
    except ValueError as error:
        raise ValueError(f"rlp: {error}") from None
    if not isinstance(items, list) or len(items) != _FIELD_COUNT[kind]:
        raise ValueError(f"rlp: a type {kind} transaction has {_FIELD_COUNT[kind]} fields")
    return _legacy(raw, items) if kind == LEGACY else _typed(raw, kind, items)


def _legacy(raw: bytes, items: list[Any]) -> SignedTransaction:
    v = _quantity(items[6])
    if v in (27, 28):
        chain_id, parity, signed = None, v - 27, items[:6]
    elif v >= 35:
        chain_id, parity = (v - 35) // 2, (v - 35) % 2
        signed = [*items[:6], _minimal(chain_id), b"", b""]
    else:
        raise ValueError("invalid transaction v, r, s values")
    price = _quantity(items[1])
    return _transaction(
        raw, LEGACY, chain_id, items[0], (price, price), items[2:6], (), (), (v, parity), items[7:], encode_rlp(signed)
    )


def _typed(raw: bytes, kind: int, items: list[Any]) -> SignedTransaction:
    first = _quantity(items[2])
    prices = (first, first) if kind == ACCESS_LIST else (first, _quantity(items[3]))
    rest = items[3:] if kind == ACCESS_LIST else items[4:]
    authorizations = _authorizations(rest[5]) if kind == SET_CODE else ()
    parity = _quantity(items[-3])
    if parity > 1:
        raise ValueError("invalid transaction v, r, s values")
    signed = bytes([kind]) + encode_rlp(items[:-3])
    access_list = _access_list(rest[4])
    return _transaction(
        raw, kind, _quantity(items[0]), items[1], prices, rest[:4], access_list, authorizations, (parity, parity),
        items[-2:], signed,
    )  # fmt: skip


def _transaction(
    raw: bytes,
    kind: int,
    chain_id: int | None,
    nonce: Any,
    prices: tuple[int, int],
    body: list[Any],
    access_list: tuple[tuple[Address, tuple[bytes, ...]], ...],
    authorizations: tuple[Authorization, ...],
    v_and_parity: tuple[int, int],
    r_and_s: list[Any],
    signed: bytes,
) -> SignedTransaction:
    gas, to, value, data = body
    v, parity = v_and_parity
    r, s = (_quantity(item) for item in r_and_s)
    return SignedTransaction(
        raw=raw,
        hash=keccak(raw),
        kind=kind,
        chain_id=chain_id,
        nonce=_quantity(nonce, 64),
        max_priority_fee_per_gas=prices[0],
        max_fee_per_gas=prices[1],
        gas=_quantity(gas, 64),
        to=None if to == b"" else _address(to),
        value=_quantity(value),
        data=_bytes(data),
        access_list=access_list,
        authorizations=authorizations,
        v=v,
        r=r,
        s=s,
        sender=_recovered(keccak(signed), parity, r, s),
    )


def _recovered(digest: Digest, parity: int, r: int, s: int) -> Address:
    try:
        return recover(digest, r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([27 + parity]))
    except ValueError as error:
        raise ValueError(f"invalid sender: {error}") from None


def _access_list(item: Any) -> tuple[tuple[Address, tuple[bytes, ...]], ...]:
    return tuple((_address(entry[0]), tuple(_word(key) for key in _list(entry[1]))) for entry in _tuples(item, 2))


def _authorizations(item: Any) -> tuple[Authorization, ...]:
    return tuple(
        Authorization(
            _quantity(entry[0]), _address(entry[1]), _quantity(entry[2], 64),
            _quantity(entry[3], 8), _quantity(entry[4]), _quantity(entry[5]),
        )
        for entry in _tuples(item, 6)
    )  # fmt: skip


def _tuples(item: Any, length: int) -> list[list[Any]]:
    entries = [_list(entry) for entry in _list(item)]
    if any(len(entry) != length for entry in entries):
        raise ValueError(f"rlp: expected lists of {length}")
    return entries


def _list(item: Any) -> list[Any]:
    if not isinstance(item, list):
        raise ValueError("rlp: expected a list")
    return item


def _bytes(item: Any) -> bytes:
    if not isinstance(item, bytes):
        raise ValueError("rlp: expected bytes")
    return item


def _word(item: Any) -> bytes:
    if len(_bytes(item)) != 32:
        raise ValueError("rlp: expected 32 bytes")
    return _bytes(item)


def _address(item: Any) -> Address:
    if len(_bytes(item)) != 20:
        raise ValueError("rlp: expected an address of 20 bytes")
    return Address(_bytes(item))


def _quantity(item: Any, bits: int = 256) -> int:
    if _bytes(item)[:1] == b"\0" or len(item) * 8 > bits:
        raise ValueError("rlp: non-canonical or oversized integer")
    return int.from_bytes(item, "big")


def _minimal(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
