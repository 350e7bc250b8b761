import contextlib
from typing import Any

import pytest
import rlp
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from hypothesis import given
from hypothesis import strategies as st

from energy.identity import hex_text
from node.chain.transactions import (
    ACCESS_LIST,
    DYNAMIC_FEE,
    LEGACY,
    SET_CODE,
    decode_transaction,
)
from oracles.hashing import keccak
from tests.support.chain import ALICE, BOB, CHAIN_ID, STRANGER, address_of, decoded, signed

KEY = bytes(range(32))
CURVE_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
NO_FEES = {"maxFeePerGas": None, "maxPriorityFeePerGas": None}


def test_decodes_a_transfer() -> None:
    raw = signed(3, value=9, data=b"\xca\xfe")
    transaction = decode_transaction(raw)
    assert (transaction.kind, transaction.chain_id, transaction.nonce) == (DYNAMIC_FEE, CHAIN_ID, 3)
    assert (transaction.to, transaction.value, transaction.data) == (STRANGER, 9, b"\xca\xfe")
    assert (transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas) == (1_000, 1)
    assert (transaction.hash, transaction.raw) == (keccak(raw), raw)
    assert transaction.sender == address_of(ALICE)


def test_decodes_an_access_list() -> None:
    entries = [{"address": hex_text(STRANGER), "storageKeys": [hex_text(KEY), hex_text(bytes(32))]}]
    transaction = decoded(0, type=1, gasPrice=50, accessList=entries, **NO_FEES)
    assert transaction.kind == ACCESS_LIST
    assert transaction.access_list == ((STRANGER, (KEY, bytes(32))),)
    assert (transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas) == (50, 50)
    assert transaction.sender == address_of(ALICE)


def test_decodes_a_legacy_transaction_with_replay_protection() -> None:
    transaction = decoded(0, type=None, gasPrice=50, **NO_FEES)
    assert (transaction.kind, transaction.chain_id, transaction.sender) == (LEGACY, CHAIN_ID, address_of(ALICE))
    assert transaction.y_parity == (transaction.v - 35) % 2


def test_decodes_a_legacy_transaction_without_replay_protection() -> None:
    transaction = decoded(0, type=None, chainId=None, gasPrice=50, **NO_FEES)
    assert transaction.chain_id is None
    assert transaction.v in (27, 28)
    assert transaction.sender == address_of(ALICE)


def test_decodes_delegations() -> None:
    permission = BOB.sign_authorization({"chainId": CHAIN_ID, "address": STRANGER, "nonce": 5})
    transaction = decoded(0, type=4, gas=100_000, authorizationList=[permission])
    assert transaction.kind == SET_CODE
    (authorization,) = transaction.authorizations
    assert (authorization.chain_id, authorization.address, authorization.nonce) == (CHAIN_ID, STRANGER, 5)
    assert (authorization.r, authorization.s) == (permission.r, permission.s)
    assert transaction.sender == address_of(ALICE)


def test_creation_has_no_receiver() -> None:
    assert decoded(0, to=None, data=b"\x00").to is None


@given(
    nonce=st.integers(0, 2**64 - 2),
    value=st.integers(0, 2**255),
    gas=st.integers(0, 2**40),
    fee=st.integers(0, 2**128),
    payload=st.binary(max_size=100),
)
def test_agrees_with_eth_account(nonce: int, value: int, gas: int, fee: int, payload: bytes) -> None:
    raw = signed(nonce, value=value, gas=gas, maxFeePerGas=fee, maxPriorityFeePerGas=0, data=payload)
    transaction = decode_transaction(raw)
    known = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    assert (transaction.nonce, transaction.value, transaction.gas) == (known["nonce"], known["value"], known["gas"])
    assert (transaction.max_fee_per_gas, transaction.data) == (known["maxFeePerGas"], bytes(known["data"]))
    assert (transaction.v, transaction.r, transaction.s) == (known["v"], known["r"], known["s"])
    assert transaction.sender.hex() == Account.recover_transaction(raw)[2:].lower()


def test_price_is_the_base_fee_plus_the_tip_up_to_the_cap() -> None:
    transaction = decoded(0, maxFeePerGas=10, maxPriorityFeePerGas=2)
    assert [transaction.gas_price(base_fee) for base_fee in (7, 8, 9)] == [9, 10, 10]


def _items(raw: bytes) -> list[Any]:
    items: list[Any] = rlp.decode(raw[1:])
    return items


def _changed(position: int, item: object) -> bytes:
    items = _items(signed(0))
    items[position] = item
    return b"\x02" + bytes(rlp.encode(items))


def _nested(depth: int) -> bytes:
    """Return lists in lists, by hand: the library would recurse."""
    lengths, prefixes = 0, []
    for _ in range(depth):
        prefix = bytes([0xC0 + lengths]) if lengths < 56 else b"\xf9" + lengths.to_bytes(2, "big")
        prefixes.append(prefix)
        lengths += len(prefix)
        if lengths > 65_000:
            break
    return b"".join(reversed(prefixes))


def _high_s() -> bytes:
    items = _items(signed(0))
    items[-1] = (CURVE_ORDER - int.from_bytes(items[-1], "big")).to_bytes(32, "big")
    items[-3] = b"" if items[-3] else b"\x01"
    return b"\x02" + bytes(rlp.encode(items))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "size 0"),
        (b"\x02" + bytes(128 * 1024), "oversized data: transaction size 131073, limit 131072"),
        (_nested(40_000), "rlp"),
        (b"\x00" + signed(0)[1:], "type not supported"),
        (b"\x03" + signed(0)[1:], "type not supported"),
        (b"\x02\xff", "rlp"),
        (b"\x02" + rlp.encode([b""] * 11), "12 fields"),
        (_changed(1, b"\x00\x01"), "non-canonical"),
        (_changed(1, b"\x01" * 9), "oversized"),
        (_changed(1, [b""]), "expected bytes"),
        (_changed(5, b"\x22" * 19), "20 bytes"),
        (_changed(8, b""), "expected a list"),
        (_changed(8, [[b"\x22" * 20]]), "lists of 2"),
        (_changed(8, [[b"\x22" * 20, [b"\x01"]]]), "32 bytes"),
        (_changed(9, b"\x02"), "v, r, s"),
        (_changed(10, b""), "invalid sender"),
        (_changed(10, (5).to_bytes(1, "big")), "invalid sender"),
        (_high_s(), "invalid sender"),
        (rlp.encode([b""] * 6 + [b"\x1a", b"\x01", b"\x01"]), "v, r, s"),
    ],
)
def test_refuses_what_is_malformed(raw: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        decode_transaction(raw)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_transaction_or_a_value_error(raw: bytes) -> None:
    with contextlib.suppress(ValueError):
        decode_transaction(raw)


@given(st.data())
def test_a_flipped_bit_changes_the_sender_or_is_refused(data: st.DataObject) -> None:
    raw = bytearray(signed(0))
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] ^= 1 << data.draw(st.integers(0, 7))
    with contextlib.suppress(ValueError):
        assert decode_transaction(bytes(raw)).sender != address_of(ALICE)
