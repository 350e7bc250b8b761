from types import SimpleNamespace
from typing import Any

import pytest
from eth.exceptions import FullStack, Halt, InsufficientStack, InvalidJumpDestination, OutOfGas

from node.chain.basic_blocks import OPCODES_MAX, STACK_MAX, compile_block, jump_destinations
from node.chain.compiled_vm import BLOCKS_MAX, Programs
from node.chain.vm import Computation


def run(code: str, stack: list[int | bytes], start: int = 0, gas: int = 10_000) -> tuple[int, list[int | bytes], int]:
    """Return where a block goes on, the stack that it leaves and the gas that it used."""
    raw = bytes.fromhex(code)
    meter: Any = SimpleNamespace(gas_remaining=gas)
    block = compile_block(raw, jump_destinations(raw), start, Computation.opcodes)
    return block(None, stack, meter, None, b""), stack, gas - meter.gas_remaining


def test_destinations_are_not_the_data_of_a_push() -> None:
    assert jump_destinations(bytes.fromhex("5b605b5b615b5b5b7f5b")) == {0, 3, 7}


def test_a_jump_goes_on_at_its_destination() -> None:
    assert run("600456005b", []) == (4, [], 11)
    assert run("56005b", [b"\x02"]) == (2, [], 8)


@pytest.mark.parametrize("destination", [1, 3, 10**30])
def test_a_jump_goes_nowhere_else(destination: int) -> None:
    with pytest.raises(InvalidJumpDestination):
        run("56005b", [destination])


def test_a_condition_decides() -> None:
    assert run("600457005b", [0]) == (3, [], 13)
    assert run("600457005b", [b"\x01"]) == (4, [], 13)


def test_gas_of_a_segment_is_charged_at_once() -> None:
    with pytest.raises(OutOfGas):
        run("600101600456" + "00" * 3, [1], gas=16)
    assert run("6001016007565b5b", [1], gas=17) == (7, [2], 17)


def test_the_stack_is_checked_before_anything_is_taken_off() -> None:
    for code, height in (("0156", 1), ("8156", 1), ("9056", 1), ("5056", 0)):
        with pytest.raises(InsufficientStack):
            run(code, [1] * height)
    full: list[int | bytes] = [0] * STACK_MAX
    with pytest.raises(FullStack):
        run("5f5056", full)


COUNTS_DOWN = "5b60019003806000575b"
"""Takes one from the top of the stack until it is zero, then goes on at its last opcode."""


def test_a_loop_goes_round_in_its_block_until_its_condition_fails() -> None:
    each = 1 + 3 + 3 + 3 + 3 + 3 + 10
    assert run(COUNTS_DOWN, [7, 300]) == (9, [7, 0], 300 * each)
    assert run(COUNTS_DOWN, [b"\x01"]) == (9, [0], each)


def test_a_loop_ends_when_its_gas_or_its_stack_does() -> None:
    stack: list[int | bytes] = [300]
    with pytest.raises(OutOfGas):
        run(COUNTS_DOWN, stack, gas=299 * 26 + 25)
    assert stack == [1]
    with pytest.raises(FullStack):
        run("5b5f600056", [], gas=100_000)
    with pytest.raises(InsufficientStack):
        run("5b50600056", [1, 2, 3])


def test_a_row_of_destinations_is_one_block() -> None:
    with pytest.raises(Halt):
        run("5b" * 100 + "00", [])


def test_a_long_block_is_cut() -> None:
    assert run("5b" * 2 * OPCODES_MAX, []) == (OPCODES_MAX, [], OPCODES_MAX)


def test_programs_are_forgotten_when_their_blocks_are_too_many() -> None:
    programs = Programs()
    first = programs.of(b"\x00")
    assert programs.of(b"\x00") is first
    for _ in range(BLOCKS_MAX + 1):
        programs._remember_block()
    assert programs.of(b"\x00") is first
    programs.of(b"\x01")
    assert programs.of(b"\x00") is not first
