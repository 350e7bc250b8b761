"""The fast virtual machine: `node.chain.vm` with compiled basic blocks, and block tries built in one pass.

Same state roots, receipts and gas as `CommunityVM`, several times faster; only the wording of an error may differ where
a frame has two reasons to fail. Only py-evm's documented seams are used: the code stream yields a single opcode of our
own, which runs the whole frame, so that everything around a frame stays py-evm's.

Compiling costs as much as interpreting a block some dozens of times. A block is therefore interpreted, with py-evm's
own opcodes, until it has run `RUNS_BEFORE_COMPILING` times: code that runs once, such as creation code, never is.
Code made to waste our time was found to run at 2.5 Mgas/s at least, where py-evm's own loop does 2.9; `node.chain.vm`
allows for worse. What is remembered is bounded by `BLOCKS_MAX`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Final, cast

from eth.abc import (
    BlockAndMetaWitness,
    BlockAPI,
    BlockHeaderAPI,
    MessageAPI,
    ReceiptAPI,
    SignedTransactionAPI,
    StateAPI,
    TransactionContextAPI,
    WithdrawalAPI,
)
from eth.vm.code_stream import CodeStream
from eth.vm.forks.prague.constants import DEPOSIT_CONTRACT_ADDRESS
from eth.vm.logic.invalid import InvalidOpcode
from eth.vm.stack import Stack
from eth_bloom.bloom import BloomFilter

from node.chain.basic_blocks import JUMP, JUMPI, Block, compile_block, jump_destinations
from node.chain.block_trie import trie_root_and_nodes
from node.chain.vm import CommunityVM, Computation, State

RUNS_BEFORE_COMPILING: Final = 32
BLOCKS_MAX: Final = 20_000
"""Blocks that are remembered over all code, compiled or counted; at most some 60 MB."""
_RUN_FRAME: Final = -1
"""Our own opcode: runs the whole frame."""


class Program:
    """The blocks of one code, compiled as they prove to be worth it."""

    def __init__(self, code: bytes, remembering: Callable[[], None]) -> None:
        self._code = code
        self._remembering = remembering
        self._destinations = jump_destinations(code)
        self._compiled: dict[int, Block] = {}
        self._runs: dict[int, int] = {}

    def run(self, computation: "CompiledComputation") -> None:
        """Run a frame from its first opcode until it halts.

        Raises:
            Halt: it ended by itself.
            VMError: it failed.
        """
        stack, meter = cast(Stack, computation._stack).values, computation._gas_meter
        memory, call_data = computation._memory, computation.msg.data_as_bytes
        position = 0
        while True:
            block = self._compiled.get(position)
            if block is not None:
                position = block(computation, stack, meter, memory, call_data)
            elif self._is_hot(position):
                self._compiled[position] = compile_block(self._code, self._destinations, position, Computation.opcodes)
            else:
                position = _interpret_block(computation, position)

    def _is_hot(self, position: int) -> bool:
        runs = self._runs.get(position, 0)
        if not runs:
            self._remembering()
        self._runs[position] = runs + 1
        return runs >= RUNS_BEFORE_COMPILING


class Programs:
    """The programs in use; forgets all of them when their blocks are too many."""

    def __init__(self) -> None:
        self._programs: dict[bytes, Program] = {}
        self._blocks = 0

    def of(self, code: bytes) -> Program:
        """Return the program of some code."""
        program = self._programs.get(code)
        if program is None:
            if self._blocks > BLOCKS_MAX:
                self._programs.clear()
                self._blocks = 0
            program = self._programs[code] = Program(code, self._remember_block)
        return program

    def _remember_block(self) -> None:
        self._blocks += 1


def _interpret_block(computation: "CompiledComputation", position: int) -> int:
    """Run one block by py-evm's own opcodes, and return where to go on."""
    code = computation.code
    code.program_counter = position
    for opcode in CodeStream.__iter__(cast(CodeStream, code)):
        function = Computation.opcodes.get(opcode) or InvalidOpcode(opcode)
        function(computation=computation)
        if opcode in (JUMP, JUMPI):
            break
    return code.program_counter


_PROGRAMS: Final = Programs()


def _run_frame(computation: "CompiledComputation") -> None:
    _PROGRAMS.of(computation.msg.code).run(computation)


class _WholeFrame(CodeStream):
    """Code that py-evm sees as the one opcode that runs all of it."""

    def __iter__(self) -> Iterator[int]:
        yield _RUN_FRAME


class CompiledComputation(Computation):
    """A frame that runs compiled blocks."""

    opcodes: ClassVar[dict[int, Any]] = {**Computation.opcodes, _RUN_FRAME: _run_frame}  # type: ignore[misc]

    def __init__(self, state: StateAPI, message: MessageAPI, transaction_context: TransactionContextAPI) -> None:
        super().__init__(state, message, transaction_context)
        self.code = _WholeFrame(message.code)


class CompiledState(State):
    """Prague's state over that computation."""

    computation_class = CompiledComputation


class CompiledVM(CommunityVM):
    """The machine that the chain runs on."""

    _state_class: type[State] = CompiledState

    def set_block_transactions_and_withdrawals(
        self,
        base_block: BlockAPI,
        new_header: BlockHeaderAPI,
        transactions: Sequence[SignedTransactionAPI],
        receipts: Sequence[ReceiptAPI],
        withdrawals: Sequence[WithdrawalAPI] | None = None,
    ) -> BlockAPI:
        """Return the block with its transactions and receipts; this chain has no withdrawals."""
        roots = []
        for items in (transactions, receipts):
            root, nodes = trie_root_and_nodes([item.encode() for item in items])
            self.chaindb.persist_trie_data_dict(nodes)
            roots.append(root)
        header = new_header.copy(transaction_root=roots[0], receipt_root=roots[1])
        return base_block.copy(transactions=transactions, header=header)

    def mine_block(self, block: BlockAPI, *args: Any, **kwargs: Any) -> BlockAndMetaWitness:
        """Finish a block that this machine has filled.

        py-evm would check it again, building the trie of its transactions one by one; that its own machine takes our
        blocks is tested.
        """
        return self.finalize_block(block)

    def process_deposit_request_data(self, block: BlockAPI) -> None:
        """Read the receipts back for deposits only when the block's bloom says that there may be one."""
        if DEPOSIT_CONTRACT_ADDRESS in BloomFilter(block.header.bloom):
            super().process_deposit_request_data(block)
