"""Methods that read the state or execute something on it without leaving a trace."""

from dataclasses import replace
from typing import Any, Final

from energy.identity import Address
from node.chain.chain import Head
from node.chain.errors import EXECUTION_REVERTED, SERVER_ERROR, ChainError, invalid_params
from node.chain.methods.call_object import call_message
from node.chain.methods.encoding import (
    data,
    parse_address,
    parse_slot,
    quantity,
)
from node.chain.methods.revert import revert_reason
from node.chain.methods.session import Methods, Session, require_state
from node.chain.port import Execution, Message
from node.chain.tracers import AccessTracer

CALL_GAS_MAX: Final = 10_000_000
"""Gas that a call may use: half a block. An estimate may use a whole one, and three in all its runs together."""
PROOF_SLOTS_MAX: Final = 1_024
PRECOMPILES: Final = tuple(Address(number.to_bytes(20, "big")) for number in range(1, 0x12))
"""Addresses that are warm from the start."""
TRANSFER_GAS: Final = 21_000
CALL_STIPEND: Final = 2_300
ESTIMATE_TOLERANCE: Final = 64
"""An estimate is at most 1/64 above the least gas that suffices."""


def eth_get_balance(session: Session, address: Any, block: Any = "latest") -> str:
    """Return the wei of an account."""
    return quantity(session.chain.account(require_state(session, block), parse_address(address)).balance)


def eth_get_code(session: Session, address: Any, block: Any = "latest") -> str:
    """Return the code of a contract."""
    return data(session.chain.account(require_state(session, block), parse_address(address)).code)


def eth_get_transaction_count(session: Session, address: Any, block: Any = "latest") -> str:
    """Return the nonce of an account; when pending is asked for, after what waits for the next block."""
    sender = parse_address(address)
    nonce = session.chain.account(require_state(session, block), sender).nonce
    return quantity(nonce + (session.chain.pool.ready(sender, nonce) if block == "pending" else 0))


def eth_get_storage_at(session: Session, address: Any, slot: Any, block: Any = "latest") -> str:
    """Return a word of a contract's storage."""
    word = session.chain.storage(require_state(session, block), parse_address(address), parse_slot(slot))
    return data(word.to_bytes(32, "big"))


def eth_call(session: Session, transaction: Any, block: Any = "latest", overrides: Any = None) -> str:
    """Return what a call answers."""
    head = _context(session, block)
    message = call_message(transaction, call_gas_max(head), overrides)
    return data(_succeeded(session.chain.call(head, message)).output)


def eth_estimate_gas(session: Session, transaction: Any, block: Any = "pending", overrides: Any = None) -> str:
    """Return a gas limit with which a call succeeds, at most 1/64 above the least unless that takes too long to find.

    A wallet that names no block asks for the next one: where blocks are sealed only when there is something to seal,
    the head may be hours old, and what depends on the time (a vote that has begun) would be refused until then.
    The first guess is what a run with all the gas used, and what calls keep back (EIP-150).
    """
    head = _context(session, block)
    message = call_message(transaction, head.header.gas_limit, overrides)
    if _is_transfer(session, head, message) and _suffices(session, head, message, TRANSFER_GAS):
        return quantity(TRANSFER_GAS)
    full = session.chain.call(head, message)
    spent = full.gas_used
    if full.error == "out of gas":
        raise ChainError(SERVER_ERROR, f"gas required exceeds allowance ({message.gas})")
    _succeeded(full)
    failing, sufficient = full.gas_used - 1, message.gas
    tried = (full.gas_used + full.gas_refunded + CALL_STIPEND) * 64 // 63
    while sufficient - failing > max(sufficient // ESTIMATE_TOLERANCE, 1) and spent < 2 * head.header.gas_limit:
        if not failing < tried < sufficient:
            tried = (failing + sufficient) // 2
        spent += tried
        if _suffices(session, head, message, tried):
            sufficient = tried
        else:
            failing = tried
    return quantity(sufficient)


def eth_get_proof(session: Session, address: Any, slots: Any, block: Any = "latest") -> dict[str, Any]:
    """Return an account and words of its storage with Merkle proofs (EIP-1186)."""
    account = parse_address(address)
    if not isinstance(slots, list) or len(slots) > PROOF_SLOTS_MAX:
        raise invalid_params(f"invalid storage slots: expected a list of at most {PROOF_SLOTS_MAX}")
    proof = session.chain.prove(require_state(session, block), account, [parse_slot(slot) for slot in slots])
    return {
        "address": data(account),
        "balance": quantity(proof.balance),
        "nonce": quantity(proof.nonce),
        "codeHash": data(proof.code_hash),
        "storageHash": data(proof.storage_root),
        "accountProof": [data(node) for node in proof.nodes],
        "storageProof": [
            {"key": asked, "value": quantity(word.value), "proof": [data(node) for node in word.nodes]}
            for asked, word in zip(slots, proof.storage, strict=True)
        ],
    }


def eth_create_access_list(session: Session, transaction: Any, block: Any = "latest") -> dict[str, Any]:
    """Return the accounts and storage words that a call touches, and the gas that it uses when they are announced."""
    head = require_state(session, block)
    message = call_message(transaction, call_gas_max(head))
    tracer = AccessTracer()
    session.chain.watch_call(head, message, tracer)
    warm = {message.sender, message.to, *PRECOMPILES}
    touched = [
        (address, tuple(slot.to_bytes(32, "big") for slot in slots))
        for address, slots in tracer.touched.items()
        if slots or address not in warm
    ]
    execution = session.chain.call(head, replace(message, access_list=tuple(touched)))
    answer: dict[str, Any] = {
        "accessList": [
            {"address": data(address), "storageKeys": [data(slot) for slot in slots]} for address, slots in touched
        ],
        "gasUsed": quantity(execution.gas_used),
    }
    return answer if execution.error is None else {**answer, "error": execution.error}


def call_gas_max(head: Head) -> int:
    """Return the gas that a call on a block may use."""
    return min(CALL_GAS_MAX, head.header.gas_limit)


def _context(session: Session, reference: Any) -> Head:
    """Return the block in which a call is executed; a pending one has the head's state and the next block's time."""
    head = require_state(session, reference)
    if reference != "pending":
        return head
    instant = session.chain.next_timestamp()
    return replace(
        head, header=replace(head.header, number=head.header.number + 1, parent_hash=head.hash, timestamp=instant)
    )


def _is_transfer(session: Session, head: Head, message: Message) -> bool:
    if message.to is None or message.data or message.access_list or message.overrides:
        return False
    return not session.chain.account(head, message.to).code


def _suffices(session: Session, head: Head, message: Message, gas: int) -> bool:
    return session.chain.call(head, replace(message, gas=gas)).error is None


def _succeeded(execution: Execution) -> Execution:
    if execution.error is not None:
        raise execution_error(execution, SERVER_ERROR)
    return execution


def execution_error(execution: Execution, code: int) -> ChainError:
    """Return the error of an execution that failed; the code is for one that did not revert."""
    if execution.error != "execution reverted":
        return ChainError(code, str(execution.error))
    reason = revert_reason(execution.output)
    message = "execution reverted" if reason is None else f"execution reverted: {reason}"
    return ChainError(EXECUTION_REVERTED, message, data(execution.output))


METHODS: Final[Methods] = {
    "eth_getBalance": eth_get_balance,
    "eth_getCode": eth_get_code,
    "eth_getTransactionCount": eth_get_transaction_count,
    "eth_getStorageAt": eth_get_storage_at,
    "eth_call": eth_call,
    "eth_estimateGas": eth_estimate_gas,
    "eth_getProof": eth_get_proof,
    "eth_createAccessList": eth_create_access_list,
}
