"""The execution engine of the embedded chain: py-evm's Prague rules behind `node.chain.port.ExecutionEngine`.

Units: gas, wei, UTC epoch seconds. py-evm is subclassed, never patched, and imported only here, in `vm` and `overlay`.
Its own `MiningChain` is not used to build blocks: one bad transaction would lose the whole block, and its incremental
builder is quadratic. The blocks are nevertheless the same, and the stock class imports them (tested).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import rlp
from eth.abc import BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI, StateAPI
from eth.chains.base import MiningChain
from eth.consensus.context import ConsensusContext
from eth.constants import ZERO_HASH32
from eth.db.chain import ChainDB
from eth.rlp.accounts import Account as EvmAccount
from eth.vm.chain_context import ChainContext
from eth.vm.forks.prague.blocks import PragueBlockHeader
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth.vm.spoof import SpoofTransaction
from eth_typing import Address as EvmAddress
from eth_typing import Hash32
from eth_utils.exceptions import ValidationError
from trie.hexary import HexaryTrie

from energy.identity import Address, hex_text
from energy.results import Rejected
from node.chain.admission import floor_gas, refusal
from node.chain.building import EXTRA_DATA, Builder, contract_address
from node.chain.compiled_vm import CompiledState, CompiledVM
from node.chain.genesis import BASE_FEE_WEI, Genesis
from node.chain.header import Header
from node.chain.live_state import LiveEvmState, change
from node.chain.overlay import Overlay
from node.chain.port import (
    Account,
    AccountProof,
    Block,
    Built,
    Execution,
    IncludedTransaction,
    Message,
    Nodes,
    Plan,
    SimulatedBlock,
    StorageProof,
)
from node.chain.receipts import Receipt
from node.chain.rejections import TransactionRejection
from node.chain.simulator import Simulator
from node.chain.state_reader import StateReader
from node.chain.tracer import Tracer
from node.chain.transactions import SignedTransaction
from node.chain.vm import CommunityVM, State, error_text
from node.chain.watched_vm import WatchedState, WatchedVM
from oracles.hashing import keccak


class PyEvmEngine:
    """Executes blocks and calls; holds no state but its access to the stored nodes."""

    def __init__(
        self, nodes: Nodes, chain_id: int, sealer: Address, virtual_machine: type[CommunityVM] = CompiledVM
    ) -> None:
        """Take what earlier blocks stored.

        Args:
            nodes: What was stored.
            chain_id: Of the chain.
            sealer: Who gets the tips.
            virtual_machine: `CompiledVM`, or the slower `CommunityVM` with which it must agree.
        """
        self._nodes = nodes
        self._vm = virtual_machine
        self._chain_id = chain_id
        self._sealer = EvmAddress(sealer)
        self._builder = Builder(chain_id, sealer)
        self._decoded: dict[bytes, list[Any]] = {}
        self._reader = StateReader(nodes, self._decoded)
        self._warm: tuple[Header, CompiledState] | None = None

    def genesis(self, genesis: Genesis) -> Block:
        """Return block 0: the funded accounts, and the digest of the genesis file in `extraData`."""
        overlay = Overlay(_Nothing())  # block 0 must not depend on what is already stored
        chain_class = MiningChain.configure(
            __name__="GenesisChain", vm_configuration=((0, self._vm),), chain_id=self._chain_id
        )
        parameters: dict[str, Any] = {
            "difficulty": 0,
            "extra_data": genesis.digest(),
            "gas_limit": genesis.gas_limit,
            "timestamp": genesis.timestamp,
            "coinbase": EvmAddress(genesis.sealer),
            "base_fee_per_gas": BASE_FEE_WEI,
            "parent_beacon_block_root": ZERO_HASH32,
        }
        accounts: dict[EvmAddress, Any] = {
            EvmAddress(address): {"balance": balance, "nonce": 0, "code": b"", "storage": {}}
            for address, balance in genesis.alloc.items()
        }
        chain = chain_class.from_genesis(overlay, parameters, accounts)
        return Block(_header(chain.get_canonical_head()), (), overlay.writes)

    def build(self, parent: Header, transactions: Sequence[SignedTransaction], timestamp: int) -> Built:
        """Execute transactions on top of a block, in the given sequence, until the block is full."""
        if self._vm is CompiledVM:
            overlay = Overlay(self._nodes, self._decoded)
            built = self._builder.build(overlay, parent, transactions, timestamp)
            if built is not None:
                return built
        return self._build_as_py_evm(parent, transactions, timestamp)

    def _build_as_py_evm(self, parent: Header, transactions: Sequence[SignedTransaction], timestamp: int) -> Built:
        """Take the steps of py-evm's `VM.import_block`, with a refusal where that would raise."""
        overlay = Overlay(self._nodes, self._decoded)
        chaindb = ChainDB(overlay)
        evm_header = self._vm.create_header_from_parent(
            _evm_header(parent),
            timestamp=timestamp,
            gas_limit=parent.gas_limit,
            coinbase=self._sealer,
            extra_data=EXTRA_DATA,
            parent_beacon_block_root=ZERO_HASH32,
        )
        vm = self._vm(evm_header, chaindb, ChainContext(self._chain_id), ConsensusContext(overlay))
        vm.block_preprocessing(vm.get_block())
        outcomes: list[Rejected | None] = []
        included: list[IncludedTransaction] = []
        evm_transactions: list[SignedTransactionAPI] = []
        receipts: list[ReceiptAPI] = []
        header = evm_header
        for transaction in transactions:
            if transaction.gas <= parent.gas_limit < header.gas_used + transaction.gas:
                break
            outcome = self._include(vm, header, transaction)
            if isinstance(outcome, Rejected):
                outcomes.append(outcome)
                continue
            evm_transaction, receipt = outcome
            included.append(_included(transaction, receipt, receipt.gas_used - header.gas_used))
            header = vm.add_receipt_to_header(header, receipt)
            evm_transactions.append(evm_transaction)
            receipts.append(receipt)
            outcomes.append(None)
        if not included:
            return Built(None, tuple(outcomes))
        filled = vm.set_block_transactions_and_withdrawals(vm.get_block(), header, evm_transactions, receipts)
        block = vm.mine_block(vm.block_postprocessing(filled)).block
        chaindb.persist_block(block)
        return Built(Block(_header(block.header), tuple(included), overlay.writes), tuple(outcomes))

    def _include(
        self, vm: CommunityVM, header: BlockHeaderAPI, transaction: SignedTransaction
    ) -> tuple[SignedTransactionAPI, ReceiptAPI] | Rejected:
        rejected = refusal(
            transaction,
            _account(vm.state, transaction.sender),
            chain_id=self._chain_id,
            gas_limit=header.gas_limit,
            base_fee=header.base_fee_per_gas or 0,
        )
        if rejected:
            return rejected
        try:
            evm_transaction = PragueTransactionBuilder.decode(transaction.raw)
            vars(evm_transaction)["sender"] = EvmAddress(transaction.sender)  # else it is recovered once more
            receipt, _ = vm.apply_transaction(header, evm_transaction)
        except (ValidationError, rlp.exceptions.RLPException) as error:
            # py-evm validates before it touches the state, so there is nothing to undo.
            return Rejected(TransactionRejection.INVALID, {"reason": str(error)})
        return evm_transaction, receipt

    def call(self, header: Header, message: Message, tracer: Tracer | None = None) -> Execution:
        """Execute a message on the state after a block, in that block's context; gas costs nothing."""
        state = self._calling_state(header) if tracer is None else self._fresh_state(WatchedVM, header)
        if isinstance(state, WatchedState):
            state.tracer = tracer
        before = state.snapshot()
        try:
            execution = self._executed(state, message)
        except BaseException:
            self._warm = None  # what was interrupted in the middle is used no more
            raise
        if isinstance(state, CompiledState):
            state.revert(before)
            state.begin_again()
        return execution

    def _calling_state(self, header: Header) -> State:
        """Return a state for a call on a block; ours is left as it was, and used for the next call again."""
        if self._warm is None or self._warm[0] != header:
            state = self._fresh_state(self._vm, header)
            if not isinstance(state, CompiledState):
                return state
            self._warm = header, state
        return self._warm[1]

    def _fresh_state(self, machine: type[CommunityVM], header: Header) -> State:
        chaindb = ChainDB(Overlay(self._nodes, self._decoded))
        free = _evm_header(header).copy(base_fee_per_gas=0)
        ancestors = machine.get_prev_hashes(free.parent_hash, chaindb)
        return cast(State, machine.build_state(chaindb.db, free, ChainContext(self._chain_id), ancestors or ()))

    def _executed(self, state: StateAPI, message: Message) -> Execution:
        for address, override in message.overrides:
            change(state, EvmAddress(address), override)
        balance = state.get_balance(EvmAddress(message.sender))
        if balance < message.value:
            return _failed(
                "insufficient funds for gas * price + value: "
                f"address {hex_text(message.sender)} have {balance} want {message.value}"
            )
        transaction = self._unsigned(state, message)
        needed = max(transaction.intrinsic_gas, floor_gas(message.data))
        if message.gas < needed:
            return _failed(f"intrinsic gas too low: have {message.gas}, want {needed}")
        tracer = state.tracer if isinstance(state, WatchedState) else None
        if tracer is not None:
            to = message.to or contract_address(message.sender, transaction.nonce)
            tracer.start(LiveEvmState(state), (message.sender, to, Address(state.coinbase)))
        try:
            computation = state.costless_execute_transaction(transaction)
        except ValidationError as error:
            return _failed(str(error))
        if tracer is not None:
            tracer.finish(LiveEvmState(state))
        gas_used = self._vm.finalize_gas_used(transaction, computation)
        unrefunded = message.gas - computation.get_gas_remaining()
        return Execution(computation.output, gas_used, max(unrefunded - gas_used, 0), error_text(computation))

    def trace(
        self,
        parent: Header,
        header: Header,
        earlier: Sequence[SignedTransaction],
        transaction: SignedTransaction,
        tracer: Tracer,
    ) -> None:
        """Execute again what a block executed, with somebody watching its last transaction."""
        overlay = Overlay(self._nodes)
        again = _evm_header(header).copy(gas_used=0, bloom=0, state_root=Hash32(parent.state_root))
        vm = WatchedVM(again, ChainDB(overlay), ChainContext(self._chain_id), ConsensusContext(overlay))
        vm.block_preprocessing(vm.get_block())
        for before in earlier:
            vm.apply_transaction(again, PragueTransactionBuilder.decode(before.raw))
        cast(WatchedState, vm.state).tracer = tracer
        to = transaction.to or contract_address(transaction.sender, transaction.nonce)
        authorities = (item.authority() for item in transaction.authorizations)
        touched = (transaction.sender, to, header.coinbase, *(each for each in authorities if each is not None))
        tracer.start(LiveEvmState(vm.state), touched)
        vm.apply_transaction(again, PragueTransactionBuilder.decode(transaction.raw))
        tracer.finish(LiveEvmState(vm.state))

    def simulate(self, parent: Header, plan: Plan) -> list[SimulatedBlock]:
        """Execute blocks after a block that nobody sealed, and forget them."""
        return Simulator(self._nodes, self._chain_id, plan).run(parent, _evm_header(parent))

    def _unsigned(self, state: StateAPI, message: Message) -> SignedTransactionAPI:
        unsigned = PragueTransactionBuilder.new_unsigned_access_list_transaction(
            chain_id=self._chain_id,
            nonce=state.get_nonce(EvmAddress(message.sender)),
            gas_price=message.gas_price,
            gas=message.gas,
            to=EvmAddress(message.to or b""),
            value=message.value,
            data=message.data,
            access_list=[
                (EvmAddress(address), [int.from_bytes(key, "big") for key in keys])
                for address, keys in message.access_list
            ],
        )
        return cast(SignedTransactionAPI, SpoofTransaction(unsigned, from_=EvmAddress(message.sender)))

    def account(self, state_root: bytes, address: Address) -> Account:
        """Return an account in some state; an unknown one is empty."""
        return self._reader.account(state_root, address)

    def storage(self, state_root: bytes, address: Address, slot: int) -> int:
        """Return a word of a contract's storage."""
        return self._reader.storage(state_root, address, slot)

    def prove(self, state_root: bytes, address: Address, slots: Sequence[int]) -> AccountProof:
        """Return an account with the trie nodes that prove it, and so for some words of its storage."""
        overlay = Overlay(self._nodes)
        accounts = HexaryTrie(overlay, Hash32(state_root))
        key = keccak(address)
        raw = accounts[key]
        account = rlp.decode(raw, EvmAccount) if raw else EvmAccount()
        words = HexaryTrie(overlay, account.storage_root)
        proven = tuple(
            StorageProof(slot, _integer(words[slot_key]), _proof(words, slot_key))
            for slot in slots
            for slot_key in (keccak(slot.to_bytes(32, "big")),)
        )
        return AccountProof(
            account.nonce, account.balance, account.code_hash, account.storage_root,
            _proof(accounts, key), proven,
        )  # fmt: skip


class _Nothing:
    """Nodes of a chain that does not exist yet."""

    def node(self, key: bytes) -> bytes | None:
        """Return None."""
        return None


def _proof(trie: HexaryTrie, key: bytes) -> tuple[bytes, ...]:
    nodes: Sequence[Any] = trie.get_proof(key)  # type: ignore[no-untyped-call]
    return tuple(rlp.encode(node) for node in nodes)


def _integer(raw: bytes) -> int:
    return int.from_bytes(rlp.decode(raw), "big") if raw else 0


def _header(header: BlockHeaderAPI) -> Header:
    return Header.from_rlp(rlp.encode(header))


@lru_cache(16)
def _evm_header(header: Header) -> BlockHeaderAPI:
    return cast(BlockHeaderAPI, rlp.decode(header.encode(), PragueBlockHeader))


def _account(state: StateAPI, address: Address) -> Account:
    key = EvmAddress(address)
    return Account(state.get_nonce(key), state.get_balance(key), state.get_code(key))


def _included(transaction: SignedTransaction, receipt: ReceiptAPI, gas_used: int) -> IncludedTransaction:
    raw = receipt.encode()
    contract = None
    if transaction.to is None:
        contract = contract_address(transaction.sender, transaction.nonce)
    return IncludedTransaction(transaction, raw, gas_used, contract, Receipt.decode(raw).logs)


def _failed(error: str) -> Execution:
    return Execution(b"", 0, 0, error)
