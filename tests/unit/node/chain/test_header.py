import dataclasses

import pytest
import rlp
from eth.vm.forks.london.headers import calculate_expected_base_fee_per_gas
from eth.vm.forks.prague.blocks import PragueBlockHeader
from hypothesis import given
from hypothesis import strategies as st

from node.chain.header import EMPTY_TRIE_ROOT, Header
from tests.support.chain import memory_engine

GENESIS_HEADER = memory_engine()[2]


def test_survives_its_rlp() -> None:
    header = dataclasses.replace(GENESIS_HEADER, number=7, gas_used=21_000, extra_data=b"sun")
    assert Header.from_rlp(header.encode()) == header


def test_hashes_as_py_evm_does() -> None:
    header = dataclasses.replace(GENESIS_HEADER, number=300, timestamp=2**40, logs_bloom=b"\x01" + bytes(255))
    assert header.hash() == rlp.decode(header.encode(), PragueBlockHeader).hash


def test_root_of_an_empty_trie_is_the_known_one() -> None:
    assert EMPTY_TRIE_ROOT.hex() == "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"


def _with_field(position: int, item: object) -> bytes:
    items = rlp.decode(GENESIS_HEADER.encode())
    items[position] = item
    return bytes(rlp.encode(items))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"\xff\xff", "no valid RLP"),
        (rlp.encode([b""] * 20), "21 fields"),
        (rlp.encode(b"text"), "21 fields"),
        (_with_field(0, b"short"), "parent_hash has 5 bytes"),
        (_with_field(8, b"\x00\x01"), "number starts with a zero byte"),
        (_with_field(12, [b"list"]), "extra_data is a list"),
        (_with_field(14, bytes(9)), "nonce has 9 bytes"),
    ],
)
def test_refuses_what_is_no_header(raw: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Header.from_rlp(raw)


@given(base_fee=st.integers(0, 10**12), gas_limit=st.integers(5_000, 10**9), share=st.integers(0, 1_000))
def test_next_base_fee_is_that_of_py_evm(base_fee: int, gas_limit: int, share: int) -> None:
    gas_used = gas_limit * share // 1_000
    header = dataclasses.replace(GENESIS_HEADER, base_fee_per_gas=base_fee, gas_limit=gas_limit, gas_used=gas_used)
    assert header.next_base_fee() == calculate_expected_base_fee_per_gas(rlp.decode(header.encode(), PragueBlockHeader))


def test_seven_wei_stay_seven_wei_while_blocks_are_not_half_full() -> None:
    assert GENESIS_HEADER.base_fee_per_gas == 7
    assert dataclasses.replace(GENESIS_HEADER, gas_used=0).next_base_fee() == 7
    assert dataclasses.replace(GENESIS_HEADER, gas_used=10_000_000).next_base_fee() == 7
