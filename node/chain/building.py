"""Blocks made without py-evm's own objects: headers, receipts and what is charged for a transaction, as plain values.

What runs inside a transaction is the machine's (`node.chain.compiled_vm`); around it py-evm encodes, checks and copies
the same header and transaction some twenty times, which took as long as a settlement. Same bytes as py-evm's way, which
`node.chain.engine` still has: for whatever is rare (delegations, system contracts, deposits), and to be compared with.
Units: gas, wei. Source: execution-specs `forks/prague/fork.py`; the keys of stored headers: py-evm's `eth.db.schema`.
"""

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final, cast

from eth.db.chain import ChainDB
from eth.exceptions import ContractCreationCollision
from eth.vm.execution_context import ExecutionContext
from eth.vm.forks.cancun.constants import BEACON_ROOTS_ADDRESS
from eth.vm.forks.prague.constants import (
    CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
    DEPOSIT_CONTRACT_ADDRESS,
    HISTORY_STORAGE_ADDRESS,
    WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
)
from eth.vm.forks.spurious_dragon._utils import THREE
from eth.vm.message import Message
from eth_typing import Address as EvmAddress
from eth_typing import BlockNumber, Hash32

from energy.identity import Address
from energy.results import Rejected
from node.chain._trie import encode_rlp
from node.chain.accounts import Accounts
from node.chain.admission import DELEGATION_PREFIX, floor_gas, initcode_gas, intrinsic_gas, refusal
from node.chain.block_trie import trie_root_and_nodes
from node.chain.compiled_vm import CompiledComputation, CompiledState, CompiledVM
from node.chain.header import EMPTY_TRIE_ROOT, Header
from node.chain.overlay import Overlay
from node.chain.port import Account, Block, Built, IncludedTransaction
from node.chain.receipts import Log
from node.chain.transactions import SET_CODE, SignedTransaction
from oracles.hashing import keccak

EXTRA_DATA: Final = b"RESILIA-GRID"
"""Marks our blocks. Seals stand beside the header, since web3.py refuses more than 32 bytes here."""
_ZERO_HASH: Final = bytes(32)
_NO_UNCLES: Final = keccak(encode_rlp([]))
_NO_REQUESTS: Final = sha256().digest()
_SYSTEM_CONTRACTS: Final = (
    BEACON_ROOTS_ADDRESS,
    HISTORY_STORAGE_ADDRESS,
    WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
)
_REFUND_QUOTIENT: Final = 5
_THREE: Final = EvmAddress(THREE)


def contract_address(creator: Address, nonce: int) -> Address:
    """Return where a contract lands that an account creates with the transaction of that nonce."""
    return Address(keccak(encode_rlp([creator, _minimal(nonce)]))[12:])


class Builder:
    """Makes blocks; keeps the accounts of its last one, decoded, for when the next comes on top of it."""

    def __init__(self, chain_id: int, sealer: Address) -> None:
        """Take whose chain it is, and who gets the tips."""
        self._chain_id = chain_id
        self._sealer = sealer
        self._last: tuple[Header, Accounts] | None = None

    def build(
        self, overlay: Overlay, parent: Header, transactions: Sequence[SignedTransaction], timestamp: int
    ) -> Built | None:
        """Execute transactions on top of a block, in the given sequence, until the block is full.

        Args:
            overlay: Where the state is, and where everything is written.
            parent: The block before.
            transactions: In sequence.
            timestamp: Of the block.
        Returns:
            None where only py-evm's own way is right; whatever the overlay then holds is of no use.
        """
        header = _begun(parent, self._sealer, timestamp)
        state = _state(overlay, self._chain_id, parent, header)
        last, self._last = self._last, None
        if last is not None and last[0] == parent:
            state.go_on_from(last[1])
        built = _built(overlay, self._chain_id, parent, (header, state, transactions))
        if built is not None and built.block is not None:
            self._last = built.block.header, state.accounts()
        return built


def _built(
    overlay: Overlay,
    chain_id: int,
    parent: Header,
    begun: tuple[Header, CompiledState, Sequence[SignedTransaction]],
) -> Built | None:
    header, state, transactions = begun
    if any(transaction.kind == SET_CODE for transaction in transactions):
        return None
    if any(state.get_code(address) for address in _SYSTEM_CONTRACTS):
        return None
    outcomes: list[Rejected | None] = []
    included: list[IncludedTransaction] = []
    gas_used, bloom = 0, 0
    for transaction in transactions:
        if transaction.gas <= parent.gas_limit < gas_used + transaction.gas:
            break
        rejected = refusal(
            transaction,
            _account(state, transaction.sender),
            chain_id=chain_id,
            gas_limit=header.gas_limit,
            base_fee=header.base_fee_per_gas,
        )
        outcomes.append(rejected)
        if rejected is None:
            done, its_bloom = _included(state, header, transaction, gas_used)
            gas_used += done.gas_used
            bloom |= its_bloom
            included.append(done)
    if not included:
        return Built(None, tuple(outcomes))
    deposits = _bloom_of(DEPOSIT_CONTRACT_ADDRESS)
    if bloom & deposits == deposits:
        return None
    roots = []
    for items in ([each.transaction.raw for each in included], [each.receipt for each in included]):
        root, nodes = trie_root_and_nodes(items)
        overlay.writes.update(nodes.items())
        roots.append(root)
    state.persist()
    whole = replace(
        header,
        state_root=state.state_root,
        transactions_root=roots[0],
        receipts_root=roots[1],
        logs_bloom=bloom.to_bytes(256, "big"),
        gas_used=gas_used,
    )
    _note(overlay.writes, whole, included)
    return Built(Block(whole, tuple(included), overlay.writes), tuple(outcomes))


def _begun(parent: Header, sealer: Address, timestamp: int) -> Header:
    return Header(
        parent_hash=parent.hash(),
        uncles_hash=_NO_UNCLES,
        coinbase=sealer,
        state_root=parent.state_root,
        transactions_root=EMPTY_TRIE_ROOT,
        receipts_root=EMPTY_TRIE_ROOT,
        logs_bloom=bytes(256),
        difficulty=0,
        number=parent.number + 1,
        gas_limit=parent.gas_limit,
        gas_used=0,
        timestamp=timestamp,
        extra_data=EXTRA_DATA,
        mix_hash=_ZERO_HASH,
        nonce=bytes(8),
        base_fee_per_gas=parent.next_base_fee(),
        withdrawals_root=EMPTY_TRIE_ROOT,
        blob_gas_used=0,
        excess_blob_gas=0,
        parent_beacon_block_root=_ZERO_HASH,
        requests_hash=_NO_REQUESTS,
    )


def _state(overlay: Overlay, chain_id: int, parent: Header, header: Header) -> CompiledState:
    context = ExecutionContext(
        coinbase=EvmAddress(header.coinbase),
        timestamp=header.timestamp,
        block_number=BlockNumber(header.number),
        difficulty=0,
        mix_hash=Hash32(_ZERO_HASH),
        gas_limit=header.gas_limit,
        prev_hashes=CompiledVM.get_prev_hashes(Hash32(header.parent_hash), ChainDB(overlay)) or (),
        chain_id=chain_id,
        base_fee_per_gas=header.base_fee_per_gas,
        excess_blob_gas=0,
    )
    return CompiledState(overlay, context, Hash32(parent.state_root))


def _account(state: CompiledState, address: Address) -> Account:
    key = EvmAddress(address)
    return Account(state.get_nonce(key), state.get_balance(key), state.get_code(key))


def _included(
    state: CompiledState, header: Header, transaction: SignedTransaction, gas_before: int
) -> tuple[IncludedTransaction, int]:
    """Execute a transaction that may enter; return it with its receipt, and the receipt's bloom."""
    contract = None
    if transaction.to is None:
        contract = contract_address(transaction.sender, transaction.nonce)
    outcome, gas_used = _executed(state, header, transaction, contract)
    logs = tuple(
        Log(Address(address), tuple(topic.to_bytes(32, "big") for topic in topics), data)
        for _, address, topics, data in sorted(outcome.logs)
    )
    bloom = 0
    for log in logs:
        bloom |= _bloom_of(log.address)
        for topic in log.topics:
            bloom |= _bloom_of(topic)
    body = encode_rlp(
        [
            b"" if outcome.failed else b"\x01",
            _minimal(gas_before + gas_used),
            bloom.to_bytes(256, "big"),
            [[log.address, list(log.topics), log.data] for log in logs],
        ]
    )
    receipt = bytes([transaction.kind]) + body if transaction.kind else body
    return IncludedTransaction(transaction, receipt, gas_used, contract, logs), bloom


def _executed(
    state: CompiledState, header: Header, transaction: SignedTransaction, contract: Address | None
) -> tuple["_Outcome", int]:
    """Execute a transaction and settle what it costs; return what came of it, and the gas that its receipt says."""
    sender, base_fee = EvmAddress(transaction.sender), header.base_fee_per_gas
    price = transaction.gas_price(base_fee)
    state.lock_changes()
    state.delta_balance(sender, -transaction.gas * price)
    state.increment_nonce(sender)
    computation = _run(state, _message(state, transaction, contract), transaction, price)
    outcome = _Outcome(computation)
    used = transaction.gas - computation.get_gas_remaining()
    refund = min(outcome.refund, used // _REFUND_QUOTIENT)
    below_floor = max(floor_gas(transaction.data) - (used - refund), 0)
    charged = used - refund + below_floor
    state.delta_balance(sender, (transaction.gas - charged) * price)
    state.delta_balance(state.coinbase, charged * (price - base_fee))
    for address in outcome.deleted:
        state.delete_account(address)
    for address in (*outcome.touched, state.coinbase):
        if state.account_exists(address) and state.account_is_empty(address):
            state.delete_account(address)
    state.clear_transient_storage()
    on_receipt = used + below_floor
    return outcome, on_receipt - min(outcome.refund, on_receipt // _REFUND_QUOTIENT)


class _Outcome:
    """What all frames of a transaction leave together, by one walk; py-evm goes through each again at every depth."""

    def __init__(self, computation: CompiledComputation) -> None:
        self.failed: bool = computation.is_error
        self.refund: int = computation.msg.refund
        self.logs: list[Any] = []
        """Number, address, topics and data of each."""
        self.deleted: set[EvmAddress] = set()
        self.touched: set[EvmAddress] = set()
        """Who goes if empty (EIP-161)."""
        waiting: list[tuple[Any, bool]] = [(computation, False)]
        while waiting:
            frame, undone = waiting.pop()
            called = frame.msg.to
            if undone or frame.is_error:
                # 3 counts as touched whatever failed: https://github.com/ethereum/EIPs/issues/716
                if called == _THREE or (_THREE in frame.beneficiaries and not frame.is_error):
                    self.touched.add(_THREE)
                undone = True
            else:
                self.refund += frame.get_gas_meter().gas_refunded
                self.logs += frame._log_entries
                self.deleted.update(frame.accounts_to_delete)
                self.touched.update(frame.beneficiaries)
                if called:
                    self.touched.add(called)
            waiting += [(child, undone) for child in frame.children]


def _message(state: CompiledState, transaction: SignedTransaction, contract: Address | None) -> Message:
    gas, delegate = transaction.gas - intrinsic_gas(transaction), None
    if transaction.to is None:
        code, data = transaction.data, b""
        gas += initcode_gas(code)  # which the machine charges
    else:
        code, data = state.get_code(EvmAddress(transaction.to)), transaction.data
        if code.startswith(DELEGATION_PREFIX) and len(code) == len(DELEGATION_PREFIX) + 20:
            delegate = EvmAddress(code[len(DELEGATION_PREFIX) :])
            state.mark_address_warm(delegate)
            code = state.get_code(delegate)
    return Message(
        gas=gas,
        to=EvmAddress(transaction.to or b""),
        sender=EvmAddress(transaction.sender),
        value=transaction.value,
        data=data,
        code=code,
        create_address=cast(EvmAddress, contract),
        is_delegation=delegate is not None,
    )


def _run(state: CompiledState, message: Message, transaction: SignedTransaction, price: int) -> CompiledComputation:
    machine: Any = CompiledComputation
    context = state.get_transaction_context_class()(gas_price=price, origin=EvmAddress(transaction.sender))
    state.mark_address_warm(EvmAddress(transaction.sender))
    state.mark_address_warm(message.storage_address)
    for address, keys in transaction.access_list:
        state.mark_address_warm(EvmAddress(address))
        for key in keys:
            state.mark_storage_warm(EvmAddress(address), int.from_bytes(key, "big"))
    if not message.is_create:
        return machine.apply_message(state, message, context)  # type: ignore[no-any-return]
    if not state.has_code_or_nonce(message.storage_address):
        return machine.apply_create_message(state, message, context)  # type: ignore[no-any-return]
    computation: CompiledComputation = machine(state, message, context)
    computation.error = ContractCreationCollision("contract address collision")
    return computation


def _note(writes: dict[bytes, bytes], header: Header, included: Sequence[IncludedTransaction]) -> None:
    """Write a header, and the ways to it and to its transactions, where py-evm looks for them."""
    encoded = header.encode()
    digest, number = keccak(encoded), header.number
    gaps = encode_rlp([[], (number + 1).to_bytes(32, "big")])
    writes[digest] = encoded
    writes[f"block-hash-to-score:{bytes(digest)!r}".encode()] = encode_rlp(_minimal(number * (number + 1) // 2))
    writes[f"block-number-to-hash:{number}".encode()] = encode_rlp(digest)
    writes[b"v1:canonical_head_hash"] = digest
    writes[b"v1:header_chain_gaps"] = writes[b"v1:chain_gaps"] = gaps
    for place, each in enumerate(included):
        key = f"transaction-hash-to-block:{bytes(each.transaction.hash)!r}".encode()
        writes[key] = encode_rlp([_minimal(number), _minimal(place)])


def _bloom_of(value: bytes) -> int:
    """Return the three bits that stand for an address or a topic (yellow paper, 4.3.1)."""
    digest = keccak(value)
    bits = 0
    for start in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[start : start + 2], "big") & 2047)
    return bits


def _minimal(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
