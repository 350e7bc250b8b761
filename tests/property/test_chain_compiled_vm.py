"""Whatever the code, the compiled machine leaves the block that py-evm's own loop leaves."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from node.chain.compiled_vm import CompiledVM
from node.chain.engine import PyEvmEngine
from node.chain.receipts import Receipt
from node.chain.transactions import decode_transaction
from node.chain.vm import CommunityVM
from tests.support.bytecode import PROGRAMS, push
from tests.support.chain import CHAIN_ID, SEALER, START, created, memory_engine

_, NODES, GENESIS_HEADER = memory_engine()
STOCK = PyEvmEngine(NODES, CHAIN_ID, SEALER.address, CommunityVM)
COMPILED = PyEvmEngine(NODES, CHAIN_ID, SEALER.address, CompiledVM)
LOOP = bytes.fromhex("61012c5b600190038060035760005500")
"""Counts down from 300."""
COMPUTING = (*range(0x01, 0x0C), *range(0x10, 0x1E), 0x81, 0x91)
WORDS = st.one_of(
    st.integers(0, 2**256 - 1),
    st.integers(0, 300),
    st.builds(lambda bit, more: (2**bit + more) % 2**256, st.integers(0, 256), st.integers(-2, 2)),
)
PLACES = st.one_of(st.integers(0, 300), st.just(0), st.sampled_from((2**16, 2**32, 2**64, 2**256 - 1)))


@given(PROGRAMS)
@example(LOOP)
@example(push(1) * 1023 + b"\x5f\x50\x00")  # exactly full, for a moment
@example(push(1) * 1024 + b"\x5f\x50\x00")  # too full, for a moment
@example(push(1) * 1025)  # and for good
@example(bytes.fromhex("5f80fd"))
@example(bytes.fromhex("7f" + "5b" * 31))  # a PUSH32 that the end cuts short
@settings(max_examples=300, deadline=None)
def test_the_compiled_loop_and_py_evms_own_are_the_same(code: bytes) -> None:
    transaction = decode_transaction(created(code, 0, gas=400_000))
    expected = STOCK.build(GENESIS_HEADER, [transaction], START + 1)
    assert COMPILED.build(GENESIS_HEADER, [transaction], START + 1) == expected


@given(first=WORDS, second=WORDS, third=WORDS)
@example(first=2**255, second=2**256 - 1, third=0)  # the one signed division that overflows
@example(first=30, second=2**247, third=2**64)
@settings(max_examples=150, deadline=None)
def test_words_are_computed_as_py_evm_does(first: int, second: int, third: int) -> None:
    code = b"".join(
        push(third) + push(second) + push(first) + bytes([opcode]) + push(slot) + b"\x55"
        for slot, opcode in enumerate(COMPUTING, 1)
    )
    transaction = decode_transaction(created(code, 0, gas=8_000_000))
    expected = STOCK.build(GENESIS_HEADER, [transaction], START + 1)
    assert COMPILED.build(GENESIS_HEADER, [transaction], START + 1) == expected
    assert expected.block is not None
    assert Receipt.decode(expected.block.transactions[0].receipt).succeeded, "or nothing was compared"


@given(st.binary(min_size=1, max_size=80), st.lists(PLACES, min_size=3, max_size=3))
@settings(max_examples=150, deadline=None)
def test_memory_is_moved_as_py_evm_does(given_bytes: bytes, places: list[int]) -> None:
    target, source, size = (push(place) for place in places)
    stored = b"".join(push(byte) + push(3 * at) + b"\x53" for at, byte in enumerate(given_bytes))
    moved = b"".join(size + source + target + bytes([opcode]) for opcode in (0x37, 0x39, 0x5E))
    read = (
        size + target + b"\x20" + push(1) + b"\x55" + source + b"\x51" + push(2) + b"\x55" + b"\x59" + push(3) + b"\x55"
    )
    transaction = decode_transaction(created(stored + moved + read, 0, gas=8_000_000))
    expected = STOCK.build(GENESIS_HEADER, [transaction], START + 1)
    assert COMPILED.build(GENESIS_HEADER, [transaction], START + 1) == expected


@given(st.integers(0, 100), st.lists(PLACES, min_size=3, max_size=3))
@example(given_size=64, places=[2**16, 0, 64])
@example(given_size=64, places=[0, 64, 0])  # just past the end, and nothing of it
@example(given_size=64, places=[0, 1, 64])
@settings(max_examples=100, deadline=None)
def test_what_a_call_returned_is_copied_as_py_evm_does(given_size: int, places: list[int]) -> None:
    target, source, size = (push(place) for place in places)
    called = push(0) * 2 + push(given_size) + push(0) * 2 + push(4) + push(50_000) + b"\xf1" + push(1) + b"\x55"
    read = b"\x3d" + push(2) + b"\x55" + size + source + target + b"\x3e\x59" + push(3) + b"\x55"
    transaction = decode_transaction(created(called + read, 0, gas=8_000_000))
    expected = STOCK.build(GENESIS_HEADER, [transaction], START + 1)
    assert COMPILED.build(GENESIS_HEADER, [transaction], START + 1) == expected
