"""py-evm executes blocks that nobody seals: the engine's part of `eth_simulateV1`."""

from typing import Any, Final, cast

import rlp
from eth._utils.spoof import SpoofAttributes
from eth.abc import BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI, StateAPI
from eth.consensus.context import ConsensusContext
from eth.db.chain import ChainDB
from eth.vm.chain_context import ChainContext
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth_typing import Address as EvmAddress
from eth_typing import Hash32

from energy.identity import Address
from node.chain.admission import refusal
from node.chain.compiled_vm import CompiledVM
from node.chain.header import Header
from node.chain.live_state import LiveEvmState, change
from node.chain.overlay import Overlay
from node.chain.port import (
    Account,
    BlockPlan,
    Execution,
    Message,
    Nodes,
    Plan,
    SimulatedBlock,
    SimulatedCall,
    SimulatedTransaction,
)
from node.chain.receipts import Log, Receipt
from node.chain.simulation import SimulationRefused, TransferTracer, in_sequence
from node.chain.transactions import DYNAMIC_FEE, SignedTransaction
from node.chain.vm import error_text
from node.chain.watched_vm import WatchedState
from oracles.hashing import keccak

_ZERO_HASH: Final = Hash32(bytes(32))


class _WatchedBlocks(CompiledVM):
    """The machine for blocks whose transfers are traced."""

    _state_class = WatchedState


class _Unsigned(SpoofAttributes):
    """A transaction with a sender whom no signature names."""

    def __init__(self, transaction: SignedTransactionAPI, sender: Address) -> None:
        self.spoof_target = transaction
        self.overrides = {"sender": EvmAddress(sender), "validate": lambda: None, "s": 1}


class Simulator:
    """Executes one plan."""

    def __init__(self, nodes: Nodes, chain_id: int, plan: Plan) -> None:
        self._overlay = Overlay(nodes)
        self._chain_id = chain_id
        self._plan = plan
        self._machine = _WatchedBlocks if plan.trace_transfers else CompiledVM
        self._gas_left = plan.gas_max

    def run(self, parent: Header, evm_parent: BlockHeaderAPI) -> list[SimulatedBlock]:
        """Return the blocks of the plan.

        Raises:
            SimulationRefused: a call may not enter its block, or the blocks are in no sequence.
        """
        found: list[SimulatedBlock] = []
        for block in in_sequence(parent, self._plan.blocks):
            header, transactions = self._block(evm_parent, block)
            evm_parent = header
            found.append(SimulatedBlock(Header.from_rlp(rlp.encode(header)), tuple(transactions)))
        return found

    def _block(self, parent: BlockHeaderAPI, plan: BlockPlan) -> tuple[BlockHeaderAPI, list[SimulatedTransaction]]:
        chaindb = ChainDB(self._overlay)
        given = {
            "gas_limit": parent.gas_limit if plan.gas_limit is None else plan.gas_limit,
            "coinbase": parent.coinbase if plan.coinbase is None else EvmAddress(plan.coinbase),
        }
        header = self._machine.create_header_from_parent(
            parent, timestamp=plan.timestamp, parent_beacon_block_root=_ZERO_HASH, **given
        ).copy(mix_hash=_ZERO_HASH if plan.mix_hash is None else Hash32(plan.mix_hash), extra_data=b"")
        shown_fee = plan.base_fee
        if shown_fee is None:
            shown_fee = (header.base_fee_per_gas or 0) if self._plan.validation else 0
        free = not self._plan.validation and not any(call.fee_cap for call in plan.calls)
        header = header.copy(base_fee_per_gas=0 if free else shown_fee)  # as geth: who pays nothing sees no fee
        vm = self._machine(header, chaindb, ChainContext(self._chain_id), ConsensusContext(self._overlay))
        vm.block_preprocessing(vm.get_block())
        for address, override in plan.overrides:
            change(vm.state, EvmAddress(address), override)
        done: list[SimulatedTransaction] = []
        bodies: list[SignedTransactionAPI] = []
        receipts: list[ReceiptAPI] = []
        for call in plan.calls:
            transaction = self._transaction(vm.state, header, call)
            body = PragueTransactionBuilder.decode(transaction.raw)
            receipt, simulated = self._executed(vm, header, transaction, body)
            header = vm.add_receipt_to_header(header, receipt)
            bodies.append(body)
            receipts.append(receipt)
            done.append(simulated)
        filled = vm.set_block_transactions_and_withdrawals(
            vm.get_block(), header.copy(base_fee_per_gas=shown_fee), bodies, receipts
        )
        block = vm.mine_block(vm.block_postprocessing(filled)).block
        chaindb.persist_block(block)
        return block.header, done

    def _transaction(self, state: StateAPI, header: BlockHeaderAPI, call: SimulatedCall) -> SignedTransaction:
        """Return a call as a transaction of its block.

        Raises:
            SimulationRefused: it may not enter.
        """
        message = call.message
        sender = EvmAddress(message.sender)
        in_block = header.gas_limit - header.gas_used
        if call.gas is not None and call.gas > in_block:
            raise SimulationRefused("full")
        gas = min(in_block if call.gas is None else call.gas, self._gas_left)
        nonce = state.get_nonce(sender) if call.nonce is None or not self._plan.validation else call.nonce
        transaction = unsigned(self._chain_id, message, nonce, gas, call.fee_cap, call.tip)
        code = state.get_code(sender) if self._plan.validation else b""
        rejected = refusal(
            transaction,
            Account(state.get_nonce(sender), state.get_balance(sender), code),
            chain_id=self._chain_id,
            gas_limit=header.gas_limit,
            base_fee=header.base_fee_per_gas or 0,
        )
        if rejected is not None:
            raise SimulationRefused("transaction", rejected)
        return transaction

    def _executed(
        self, vm: CompiledVM, header: BlockHeaderAPI, transaction: SignedTransaction, body: SignedTransactionAPI
    ) -> tuple[ReceiptAPI, SimulatedTransaction]:
        tracer = TransferTracer() if self._plan.trace_transfers else None
        if tracer is not None:
            cast(WatchedState, vm.state).tracer = tracer
            tracer.start(LiveEvmState(vm.state), ())
        unsigned_body = cast(SignedTransactionAPI, _Unsigned(body, transaction.sender))
        receipt, computation = vm.apply_transaction(header, unsigned_body)
        gas_used = receipt.gas_used - header.gas_used
        self._gas_left -= gas_used
        logs: tuple[Log, ...] = Receipt.decode(receipt.encode()).logs if tracer is None else tracer.logs
        execution = Execution(computation.output, gas_used, 0, error_text(computation))
        return receipt, SimulatedTransaction(transaction, execution, logs)


def unsigned(chain_id: int, message: Message, nonce: int, gas: int, fee_cap: int, tip: int) -> SignedTransaction:
    """Return a transaction of type 2 whose signature is nothing but zeros."""
    fields: list[Any] = [
        chain_id, nonce, tip, fee_cap, gas, message.to or b"", message.value, message.data,
        [[address, list(keys)] for address, keys in message.access_list], 0, 0, 0,
    ]  # fmt: skip
    raw = bytes([DYNAMIC_FEE]) + rlp.encode(fields)
    return SignedTransaction(
        raw, keccak(raw), DYNAMIC_FEE, chain_id, nonce, tip, fee_cap, gas, message.to, message.value, message.data,
        message.access_list, (), 0, 0, 0, message.sender,
    )  # fmt: skip
