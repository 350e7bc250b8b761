"""The rules of a simulation (`eth_simulateV1`) that no engine is needed for: which blocks it has, which logs it shows.

Units: wei, UTC epoch seconds. Refuses, before anything is executed: blocks whose heights or times do not grow, and
more than `BLOCKS_MAX` of them, those between included (`SimulationRefused`).
Source: go-ethereum `internal/ethapi/simulate.go`.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from energy.errors import EnergyNodeError
from energy.identity import Address
from energy.results import Rejected
from node.chain.header import Header
from node.chain.port import BlockPlan
from node.chain.receipts import Log
from node.chain.rejections import geth_message
from node.chain.tracer import Frame, FrameEnd, LiveState, Step, Tracer
from oracles.hashing import keccak

BLOCKS_MAX: Final = 256
BLOCK_TIME_S: Final = 12
"""From one block to the next where no time is asked for, as in geth."""
ETHER: Final = Address(b"\xee" * 20)
"""The contract that logs of transfers of ether pretend to be of."""
_TRANSFER: Final = keccak(b"Transfer(address,address,uint256)")


class SimulationRefused(EnergyNodeError):
    """Something that is to be simulated can not happen; nothing was executed, or nothing of it is shown."""

    def __init__(self, why: str, rejected: Rejected | None = None) -> None:
        super().__init__(why if rejected is None else geth_message(rejected))
        self.why = why
        """``number``, ``time``, ``blocks``, ``full`` or ``transaction``."""
        self.rejected = rejected
        """Why a transaction may not enter."""


def in_sequence(parent: Header, blocks: Sequence[BlockPlan]) -> list[BlockPlan]:
    """Return blocks with their heights and times, and the empty ones between them.

    Raises:
        SimulationRefused: a height or time does not grow, or there are too many.
    """
    number, timestamp = parent.number, parent.timestamp
    found: list[BlockPlan] = []
    for block in blocks:
        wanted = number + 1 if block.number is None else block.number
        if wanted <= number:
            raise SimulationRefused("number")
        if len(found) + wanted - number > BLOCKS_MAX:
            raise SimulationRefused("blocks")
        while number + 1 < wanted:
            number, timestamp = number + 1, timestamp + BLOCK_TIME_S
            found.append(BlockPlan(number=number, timestamp=timestamp))
        at = timestamp + BLOCK_TIME_S if block.timestamp is None else block.timestamp
        if at <= timestamp:
            raise SimulationRefused("time")
        number, timestamp = wanted, at
        found.append(replace(block, number=number, timestamp=timestamp))
    return found


class TransferTracer(Tracer):
    """Collects a transaction's logs, and one more for each amount of ether that moves."""

    wants_memory = True

    def __init__(self) -> None:
        self._logs: list[Log] = []
        self._beginnings: list[int] = []
        self._state: LiveState | None = None

    @property
    def logs(self) -> tuple[Log, ...]:
        """Return what was not undone."""
        return tuple(self._logs)

    def start(self, state: LiveState, touched: Sequence[Address]) -> None:
        """Learn where balances are."""
        self._state = state

    def begin(self, frame: Frame, caller_gas: int | None) -> None:
        """Note the money that a call takes along."""
        self._beginnings.append(len(self._logs))
        if frame.moves_value and frame.value:
            self._transfer(frame.sender, frame.to, frame.value)

    def step(self, step: Step) -> None:
        """Note a log, and what a contract leaves behind when it ends itself."""
        if step.mnemonic == "SELFDESTRUCT" and step.stack:
            assert self._state is not None
            left = self._state.balance(step.address)
            if left:
                self._transfer(step.address, Address(step.stack[-1].to_bytes(32, "big")[12:]), left)
        elif step.mnemonic.startswith("LOG") and len(step.stack) >= 2 + int(step.mnemonic[3:]):
            count = int(step.mnemonic[3:])
            at, size = step.stack[-1], step.stack[-2]
            topics = tuple(step.stack[-3 - index].to_bytes(32, "big") for index in range(count))
            if 8 * size <= step.gas:  # else it fails, and so does its frame
                self._logs.append(Log(step.address, topics, step.memory[at : at + size].ljust(size, b"\0")))

    def end(self, end: FrameEnd) -> None:
        """Undo what a failed frame did."""
        beginning = self._beginnings.pop()
        if end.error is not None:
            del self._logs[beginning:]

    def _transfer(self, sender: Address, to: Address, value: int) -> None:
        topics = (_TRANSFER, *(bytes(12) + each for each in (sender, to)))
        self._logs.append(Log(ETHER, topics, value.to_bytes(32, "big")))
