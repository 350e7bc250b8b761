"""The fast virtual machine: `node.chain.vm` with a compiled loop, own accounts, and tries made in one pass.

Same state roots, receipts and gas as `CommunityVM`, several times faster; only the wording of an error may differ where
a frame has two reasons to fail. Only py-evm's documented seams are used: the code stream yields a single opcode of our
own, which runs the whole frame, and those that it calls, in `node.chain._frame`; creation stays py-evm's.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Final

from coincurve import PublicKey
from eth.abc import (
    BlockAndMetaWitness,
    BlockAPI,
    BlockHeaderAPI,
    ComputationAPI,
    MessageAPI,
    ReceiptAPI,
    SignedTransactionAPI,
    StateAPI,
    TransactionContextAPI,
    WithdrawalAPI,
)
from eth.constants import GAS_ECRECOVER
from eth.typing import JournalDBCheckpoint
from eth.vm.code_stream import CodeStream
from eth.vm.forks.prague.blocks import PragueBlock
from eth.vm.forks.prague.constants import DEPOSIT_CONTRACT_ADDRESS
from eth_bloom.bloom import BloomFilter
from eth_typing import Address, Hash32

from node.chain._frame import Code, Machine
from node.chain.accounts import Accounts
from node.chain.block_trie import trie_root_and_nodes
from node.chain.vm import CommunityVM, Computation, State
from oracles.hashing import keccak

CODE_BYTES_MAX: Final = 8_000_000
"""Bytes of code whose jump destinations are remembered; each takes some three in memory."""
_RUN_FRAME: Final = -1
"""Our own opcode: runs the whole frame."""


class Codes:
    """The code in use, analysed; forgets all of it when it is too much, since a stranger's call may bring its own."""

    def __init__(self) -> None:
        self._codes: dict[bytes, Code] = {}
        self.remembered_bytes = 0
        """Of code, not of memory."""

    def of(self, code: bytes) -> Code:
        """Return some code, ready to run."""
        found = self._codes.get(code)
        if found is None:
            if self.remembered_bytes + len(code) > CODE_BYTES_MAX:
                self._codes.clear()
                self.remembered_bytes = 0
            self.remembered_bytes += len(code)
            found = self._codes[code] = Code(code)
        return found


def ecrecover(computation: ComputationAPI) -> None:
    """Answer with the address that signed, or with nothing; py-evm's own takes three times as long for its layers.

    Source: yellow paper, appendix E: digest, v, r, s, a word each; unlike in a transaction, s may be in the upper half.
    """
    computation.consume_gas(GAS_ECRECOVER, reason="ECRecover Precompile")
    given = computation.msg.data_as_bytes[:128].ljust(128, b"\0")
    recovery_id = int.from_bytes(given[32:64], "big") - 27
    if recovery_id not in (0, 1):
        return
    try:
        key = PublicKey.from_signature_and_message(given[64:] + bytes([recovery_id]), given[:32], hasher=None)
    except ValueError:
        return
    computation.output = bytes(12) + keccak(key.format(compressed=False)[1:])[12:]


_PRECOMPILES: Final = Computation.get_precompiles() | {Address(bytes(19) + b"\1"): ecrecover}
_MACHINE: Final = Machine(Computation.opcodes, _PRECOMPILES, Codes().of)


def _run_frame(computation: "CompiledComputation") -> None:
    _MACHINE.run(computation)


class _WholeFrame(CodeStream):
    """Code that py-evm sees as the one opcode that runs all of it."""

    def __iter__(self) -> Iterator[int]:
        yield _RUN_FRAME


class CompiledComputation(Computation):
    """A frame that runs in the compiled loop."""

    opcodes: ClassVar[dict[int, Any]] = {**Computation.opcodes, _RUN_FRAME: _run_frame}  # type: ignore[misc]
    _precompiles = _PRECOMPILES

    def __init__(self, state: StateAPI, message: MessageAPI, transaction_context: TransactionContextAPI) -> None:
        super().__init__(state, message, transaction_context)
        self.code = _WholeFrame(message.code)


class CompiledState(State):
    """Prague's state over that computation and over accounts of our own, which hold the transient storage as well."""

    computation_class = CompiledComputation
    account_db_class = Accounts
    _account_db: Accounts

    def snapshot(self) -> tuple[Hash32, JournalDBCheckpoint]:
        """Return where to go back to."""
        return self._account_db.state_root, self._account_db.record()

    def revert(self, snapshot: tuple[Hash32, JournalDBCheckpoint]) -> None:
        """Go back."""
        self._account_db.state_root, checkpoint = snapshot
        self._account_db.discard(checkpoint)

    def commit(self, snapshot: tuple[Hash32, JournalDBCheckpoint]) -> None:
        """Do nothing: who does not go back is there."""

    def get_transient_storage(self, address: Address, slot: int) -> bytes:
        """Return a word that lives as long as the transaction."""
        return self._account_db.get_transient_storage(address, slot)

    def set_transient_storage(self, address: Address, slot: int, value: bytes) -> None:
        """Write a word that lives as long as the transaction."""
        self._account_db.set_transient_storage(address, slot, value)

    def clear_transient_storage(self) -> None:
        """End the transaction, as far as such words go."""
        self._account_db.clear_transient_storage()

    def go_on_from(self, accounts: Accounts) -> None:
        """Take over the accounts of the block before, with what is known of them."""
        accounts.go_on(self._db)
        self._account_db = accounts

    def accounts(self) -> Accounts:
        """Return the accounts, for whoever comes next."""
        return self._account_db

    def begin_again(self) -> None:
        """See `Accounts.begin_again`."""
        self._account_db.begin_again()


class _Block(PragueBlock):
    """A block whose copies share what does not change; py-evm copies every transaction each time."""

    def copy(self, *args: Any, **kwargs: Any) -> "_Block":
        return type(self)(*args, **{**self.as_dict(), **kwargs})


class CompiledVM(CommunityVM):
    """The machine that the chain runs on."""

    block_class = _Block
    _state_class: type[State] = CompiledState

    @classmethod
    def validate_receipt(cls, receipt: ReceiptAPI) -> None:
        """Do nothing: py-evm would look for a receipt's logs in the bloom that it has just made of them."""

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
