"""Whatever the code, the compiled machine leaves the block that py-evm's own loop leaves."""

import pytest
from hypothesis import example, given, settings

from node.chain import compiled_vm
from node.chain.compiled_vm import CompiledVM
from node.chain.engine import PyEvmEngine
from node.chain.transactions import decode_transaction
from node.chain.vm import CommunityVM
from tests.support.bytecode import PROGRAMS, push
from tests.support.chain import CHAIN_ID, SEALER, START, created, memory_engine

_, NODES, GENESIS_HEADER = memory_engine()
STOCK = PyEvmEngine(NODES, CHAIN_ID, SEALER.address, CommunityVM)
COMPILED = PyEvmEngine(NODES, CHAIN_ID, SEALER.address, CompiledVM)
LOOP = bytes.fromhex("61012c5b600190038060035760005500")
"""Counts down from 300."""


@given(PROGRAMS)
@example(LOOP)
@example(push(1) * 1023 + b"\x5f\x50\x00")  # exactly full, for a moment
@example(push(1) * 1024 + b"\x5f\x50\x00")  # too full, for a moment
@example(b"\x5b" * 2_000 + b"\x5f\x5f\x55")  # more destinations than opcodes of a block
@example((push(1) + b"\x50") * 2_000 + b"\x5f\x5f\x55")
@example(bytes.fromhex("7f" + "5b" * 31))  # a PUSH32 that the end cuts short
@settings(max_examples=300, deadline=None)
def test_compiled_and_interpreted_blocks_are_the_same(code: bytes) -> None:
    transaction = decode_transaction(created(code, 0, gas=400_000))
    expected = STOCK.build(GENESIS_HEADER, [transaction], START + 1)
    with pytest.MonkeyPatch.context() as setting:
        setting.setattr(compiled_vm, "_PROGRAMS", compiled_vm.Programs())
        interpreted_first = COMPILED.build(GENESIS_HEADER, [transaction], START + 1)
        setting.setattr(compiled_vm, "RUNS_BEFORE_COMPILING", 0)
        compiled = COMPILED.build(GENESIS_HEADER, [transaction], START + 1)
    assert compiled == expected
    assert interpreted_first == expected
