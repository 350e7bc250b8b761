"""Compiles basic blocks of EVM code to Python functions, so that py-evm need not look at each opcode.

A block starts where execution came from elsewhere, and ends with a jump, a halt, or after `OPCODES_MAX` opcodes. It
runs on over jump destinations: what follows one may be compiled twice, but a row of destinations is no row of blocks.
Opcodes that only compute on stack, memory and call data become Python expressions; all others (state, gas, hashing,
calls, logs, return) are calls of py-evm's own opcode objects, from which the gas of every opcode is taken as well.
A block that jumps to its own beginning goes round without coming back.
Between two such calls lies a segment, which charges its static gas and checks the height of the stack once, at its
beginning. That is exact: a frame that fails anywhere in a segment loses all its gas and effects, no opcode in a segment
can see the gas, and memory pays for itself where it grows.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from eth.exceptions import FullStack, Halt, InsufficientStack, InvalidJumpDestination, OutOfGas
from eth.vm.logic.invalid import InvalidOpcode

Block = Callable[[Any, list[int | bytes], Any, Any, bytes], int]
"""Runs one block: computation, stack values, gas meter, memory and call data in; where to go on out. Raises `Halt`."""

OPCODES_MAX: Final = 512
"""Opcodes of one block: keeps the time that Python takes to compile it short."""
STACK_MAX: Final = 1024

STOP: Final = 0x00
JUMP: Final = 0x56
JUMPI: Final = 0x57
JUMPDEST: Final = 0x5B
_POP, _MLOAD, _MSTORE, _MSTORE8, _PC, _PUSH0 = 0x50, 0x51, 0x52, 0x53, 0x58, 0x5F
_CODESIZE: Final = 0x38
_ENDINGS: Final = frozenset((0xF3, 0xFD, 0xFF))
"""RETURN, REVERT, SELFDESTRUCT: never come back."""

_WORD: Final = 2**256 - 1
_SIGN: Final = 2**255


def _signed(value: int) -> int:
    return value - 2**256 if value & _SIGN else value


def _sdiv(a: int, b: int) -> int:
    if not b:
        return 0
    x, y = _signed(a), _signed(b)
    quotient = abs(x) // abs(y)
    return (quotient if (x < 0) == (y < 0) else -quotient) & _WORD


def _smod(a: int, b: int) -> int:
    if not b:
        return 0
    x = _signed(a)
    remainder = abs(x) % abs(_signed(b))
    return (-remainder if x < 0 else remainder) & _WORD


def _sar(shift: int, value: int) -> int:
    return (_signed(value) >> min(shift, 256)) & _WORD


def _signextend(index: int, value: int) -> int:
    if index > 30:
        return value
    bits = 8 * index + 8
    low = value & (1 << bits) - 1
    return low | _WORD ^ (1 << bits) - 1 if low >> bits - 1 else low


_EXPRESSIONS: Final = {
    0x01: "({0} + {1}) & WORD",
    0x02: "({0} * {1}) & WORD",
    0x03: "({0} - {1}) & WORD",
    0x04: "{0} // {1} if {1} else 0",
    0x05: "sdiv({0}, {1})",
    0x06: "{0} % {1} if {1} else 0",
    0x07: "smod({0}, {1})",
    0x08: "({0} + {1}) % {2} if {2} else 0",
    0x09: "({0} * {1}) % {2} if {2} else 0",
    0x0B: "signextend({0}, {1})",
    0x10: "1 if {0} < {1} else 0",
    0x11: "1 if {0} > {1} else 0",
    0x12: "1 if {0} ^ SIGN < {1} ^ SIGN else 0",
    0x13: "1 if {0} ^ SIGN > {1} ^ SIGN else 0",
    0x14: "1 if {0} == {1} else 0",
    0x15: "0 if {0} else 1",
    0x16: "{0} & {1}",
    0x17: "{0} | {1}",
    0x18: "{0} ^ {1}",
    0x19: "{0} ^ WORD",
    0x1A: "{1} >> 8 * (31 - {0}) & 255 if {0} < 32 else 0",
    0x1B: "{1} << {0} & WORD if {0} < 256 else 0",
    0x1C: "{1} >> {0} if {0} < 256 else 0",
    0x1D: "sar({0}, {1})",
    0x30: "integer(computation.msg.storage_address)",
    0x33: "integer(computation.msg.sender)",
    0x34: "computation.msg.value",
    0x35: "integer(call_data[{0}:{0} + 32].ljust(32, ZERO))",
    0x36: "len(call_data)",
}
"""What an opcode pushes, {0} being the top of the stack."""
_ARITIES: Final = {opcode: len(set(re.findall(r"{(\d)}", text))) for opcode, text in _EXPRESSIONS.items()}

_NAMES: Final[dict[str, Any]] = {
    "WORD": _WORD,
    "SIGN": _SIGN,
    "ZERO": b"\0",
    "integer": lambda value: int.from_bytes(value, "big"),
    "sdiv": _sdiv,
    "smod": _smod,
    "sar": _sar,
    "signextend": _signextend,
    "FullStack": FullStack,
    "Halt": Halt,
    "InsufficientStack": InsufficientStack,
    "InvalidJumpDestination": InvalidJumpDestination,
    "OutOfGas": OutOfGas,
}
_GROW: Final = "if {0} + {1} > len(memory._bytes): computation.extend_memory({0}, {1})"


def jump_destinations(code: bytes) -> frozenset[int]:
    """Return where code may be jumped to: its JUMPDESTs that are not the data of a PUSH."""
    found, position = [], 0
    while position < len(code):
        opcode = code[position]
        if opcode == JUMPDEST:
            found.append(position)
        position += 1 + push_size(opcode)
    return frozenset(found)


def push_size(opcode: int) -> int:
    """Return how many bytes of data follow an opcode."""
    return opcode - _PUSH0 if _PUSH0 <= opcode <= 0x7F else 0


def compile_block(code: bytes, destinations: frozenset[int], start: int, opcodes: Mapping[int, Any]) -> Block:
    """Return the block that starts at a position of some code, as a Python function.

    Args:
        code: All of it.
        destinations: Its `jump_destinations`.
        start: Where the block begins; not within the data of a PUSH.
        opcodes: py-evm's opcode objects by value.
    """
    return _Compiler(code, destinations, opcodes).compile(start)


class _Compiler:
    """Writes the Python source of one block."""

    def __init__(self, code: bytes, destinations: frozenset[int], opcodes: Mapping[int, Any]) -> None:
        self._code = code
        self._destinations = destinations
        self._opcodes = opcodes
        self._names = {**_NAMES, "destinations": destinations}
        self._lines: list[str] = []
        self._temporaries = 0
        self._start = 0
        self._loops = False
        self._begin_segment()

    def compile(self, start: int) -> Block:
        self._start = start
        position, count = start, 0
        while True:
            opcode = self._code[position] if position < len(self._code) else STOP
            if count == OPCODES_MAX:
                self._end_segment(f"return {position}")
                break
            count += 1
            if self._append(opcode, position):
                break
            position += 1 + push_size(opcode)
        margin = "        " if self._loops else "    "
        body = "\n".join(margin + line for line in self._lines)
        loop = "    while True:\n" if self._loops else ""
        source = f"def block(computation, stack, meter, memory, call_data):\n{loop}{body}\n"
        exec(compile(source, f"<EVM block at {start}>", "exec"), self._names)
        block: Block = self._names["block"]
        return block

    def _append(self, opcode: int, position: int) -> bool:
        """Add an opcode, and return whether it ends the block."""
        if opcode == STOP:
            self._end_segment("raise Halt")
        elif opcode == JUMP:
            self._charge(opcode)
            self._end_segment(*self._jump(self._pop()))
        elif opcode == JUMPI:
            self._charge(opcode)
            destination, condition = self._pop(), self._pop()
            jump = [f"    {line}" for line in self._jump(destination)]
            self._end_segment(f"if {condition}:", *jump, f"return {position + 1}")
        elif not self._append_pure(opcode, position):
            return self._append_stock(opcode)
        return opcode in (STOP, JUMP, JUMPI)

    def _append_pure(self, opcode: int, position: int) -> bool:
        if _PUSH0 <= opcode <= 0x7F:
            data = self._code[position + 1 : position + 1 + push_size(opcode)].ljust(push_size(opcode), b"\0")
            self._push(str(int.from_bytes(data, "big")))
        elif 0x80 <= opcode <= 0x8F:
            self._reach(opcode - 0x7F)
            self._push(self._stack[0x7F - opcode])
        elif 0x90 <= opcode <= 0x9F:
            self._reach(opcode - 0x8E)
            deep = 0x8E - opcode
            self._stack[-1], self._stack[deep] = self._stack[deep], self._stack[-1]
        elif opcode in _EXPRESSIONS:
            arguments = [self._pop() for _ in range(_ARITIES[opcode])]
            self._push_result(_EXPRESSIONS[opcode].format(*arguments))
        elif opcode == _POP:
            self._pop()
        elif opcode == _PC:
            self._push(str(position))
        elif opcode == _CODESIZE:
            self._push(str(len(self._code)))
        elif opcode in (_MLOAD, _MSTORE, _MSTORE8):
            self._access_memory(opcode)
        elif opcode != JUMPDEST:
            return False
        self._charge(opcode)
        return True

    def _access_memory(self, opcode: int) -> None:
        place = self._pop()
        if opcode == _MLOAD:
            self._segment.append(_GROW.format(place, 32))
            self._push_result(f"integer(memory._bytes[{place}:{place} + 32])")
        elif opcode == _MSTORE:
            value = self._pop()
            self._segment.append(_GROW.format(place, 32))
            self._segment.append(f'memory._bytes[{place}:{place} + 32] = ({value}).to_bytes(32, "big")')
        else:
            value = self._pop()
            self._segment.append(_GROW.format(place, 1))
            self._segment.append(f"memory._bytes[{place}] = {value} & 255")

    def _append_stock(self, opcode: int) -> bool:
        function = self._opcodes.get(opcode)
        known = function is not None
        self._names[f"opcode_{opcode}"] = function if known else InvalidOpcode(opcode)
        self._end_segment(f"opcode_{opcode}(computation=computation)")
        return not known or opcode in _ENDINGS

    def _jump(self, destination: str) -> list[str]:
        if destination.isdigit() and int(destination) in self._destinations:
            if int(destination) == self._start:
                self._loops = True
                return ["continue"]
            return [f"return {destination}"]
        check = f"if {destination} not in destinations: raise InvalidJumpDestination('Invalid Jump Destination')"
        return [check, f"return {destination}"]

    def _begin_segment(self) -> None:
        self._segment: list[str] = []
        self._stack: list[str] = []
        """What the segment pushed and has not popped: names of variables, and literals."""
        self._taken = 0
        self._growth = 0
        self._gas = 0

    def _end_segment(self, *ending: str) -> None:
        if self._taken:
            self._lines.append(f"if len(stack) < {self._taken}: raise InsufficientStack('stack underflow')")
        if self._growth:
            self._lines.append(f"if len(stack) > {STACK_MAX - self._growth}: raise FullStack('Stack limit reached')")
        if self._gas:
            self._lines.append(f"if meter.gas_remaining < {self._gas}: raise OutOfGas('out of gas')")
            self._lines.append(f"meter.gas_remaining -= {self._gas}")
        self._lines += self._segment
        if self._stack:
            self._lines.append(f"stack += ({', '.join(self._stack)},)")
        self._lines += ending
        self._begin_segment()

    def _charge(self, opcode: int) -> None:
        self._gas += self._opcodes[opcode].gas_cost

    def _push(self, value: str) -> None:
        self._stack.append(value)
        self._growth = max(self._growth, len(self._stack) - self._taken)

    def _push_result(self, expression: str) -> None:
        name = self._temporary()
        self._segment.append(f"{name} = {expression}")
        self._push(name)

    def _pop(self) -> str:
        self._reach(1)
        return self._stack.pop()

    def _reach(self, depth: int) -> None:
        """Take values off the machine's stack until the segment's own holds that many."""
        while len(self._stack) < depth:
            name = self._temporary()
            self._segment.append(f"{name} = stack.pop()")
            self._segment.append(f"if {name}.__class__ is bytes: {name} = integer({name})")
            self._stack.insert(0, name)
            self._taken += 1

    def _temporary(self) -> str:
        self._temporaries += 1
        return f"t{self._temporaries}"
