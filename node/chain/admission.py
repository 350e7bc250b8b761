"""Which transactions may enter a block: the checks that a pool makes before execution, as one pure function.

Units: gas, wei. A nonce gap is a refusal here; the chain lets such a transaction wait.
Source: go-ethereum `core/txpool/validation.go`, `core/state_transition.go`; EIP-155, 2681, 3607, 3860, 7623, 7702.
"""

from typing import Final

from energy.identity import hex_text
from energy.results import Rejected
from node.chain.port import Account
from node.chain.rejections import TransactionRejection as Why
from node.chain.transactions import SET_CODE, SignedTransaction

INITCODE_SIZE_MAX: Final = 49_152
"""Bytes of the code that creates a contract (EIP-3860)."""
DELEGATION_PREFIX: Final = b"\xef\x01\x00"
"""An account whose code starts so is a person's, not a contract's (EIP-7702)."""


def refusal(
    transaction: SignedTransaction, sender: Account, *, chain_id: int, gas_limit: int, base_fee: int
) -> Rejected | None:
    """Return why a transaction may not enter the next block, or None when it may.

    Args:
        transaction: Decoded, with a valid signature.
        sender: Its account before the transaction.
        chain_id: Of this chain.
        gas_limit: Gas of a whole block.
        base_fee: Wei per gas in the block.
    """
    return _form_refusal(transaction, chain_id, gas_limit, base_fee) or _state_refusal(transaction, sender)


def _form_refusal(transaction: SignedTransaction, chain_id: int, gas_limit: int, base_fee: int) -> Rejected | None:
    sender = hex_text(transaction.sender)
    fee_cap, tip = transaction.max_fee_per_gas, transaction.max_priority_fee_per_gas
    if transaction.chain_id is None:
        return Rejected(Why.NOT_REPLAY_PROTECTED)
    if transaction.chain_id != chain_id:
        return Rejected(Why.WRONG_CHAIN, {"chain_id": transaction.chain_id, "expected": chain_id})
    if transaction.to is None and len(transaction.data) > INITCODE_SIZE_MAX:
        return Rejected(Why.INITCODE_TOO_LARGE, {"size": len(transaction.data), "limit": INITCODE_SIZE_MAX})
    if transaction.gas > gas_limit:
        return Rejected(Why.GAS_LIMIT_EXCEEDED, {"gas": transaction.gas, "limit": gas_limit})
    if tip > fee_cap:
        return Rejected(Why.TIP_ABOVE_FEE_CAP, {"sender": sender, "tip": tip, "fee_cap": fee_cap})
    if fee_cap < base_fee:
        return Rejected(Why.FEE_CAP_BELOW_BASE_FEE, {"sender": sender, "fee_cap": fee_cap, "base_fee": base_fee})
    return None


def _state_refusal(transaction: SignedTransaction, sender: Account) -> Rejected | None:
    if sender.code and not sender.code.startswith(DELEGATION_PREFIX):
        return Rejected(Why.SENDER_IS_CONTRACT, {"sender": hex_text(transaction.sender)})
    if transaction.nonce < sender.nonce:
        return Rejected(Why.NONCE_TOO_LOW, {"next": sender.nonce, "nonce": transaction.nonce})
    if transaction.nonce > sender.nonce or transaction.nonce == 2**64 - 1:
        return Rejected(Why.NONCE_TOO_HIGH, {"next": sender.nonce, "nonce": transaction.nonce})
    cost = transaction.gas * transaction.max_fee_per_gas + transaction.value
    if cost > sender.balance:
        facts = {"balance": sender.balance, "cost": cost, "overshot": cost - sender.balance}
        return Rejected(Why.INSUFFICIENT_FUNDS, facts)
    if (needed := intrinsic_gas(transaction)) > transaction.gas:
        return Rejected(Why.INTRINSIC_GAS_TOO_LOW, {"gas": transaction.gas, "needed": needed})
    if (needed := floor_gas(transaction.data)) > transaction.gas:
        return Rejected(Why.FLOOR_GAS_TOO_LOW, {"gas": transaction.gas, "needed": needed})
    if transaction.kind == SET_CODE and not transaction.authorizations:
        return Rejected(Why.EMPTY_AUTHORIZATION_LIST)
    return None


def intrinsic_gas(transaction: SignedTransaction) -> int:
    """Return the gas that a transaction costs before its first opcode (EIP-2028, 2930, 3860, 7702)."""
    data = transaction.data
    gas = 21_000 + 16 * len(data) - 12 * data.count(0)
    if transaction.to is None:
        gas += 32_000 + initcode_gas(data)
    gas += sum(2_400 + 1_900 * len(keys) for _, keys in transaction.access_list)
    return gas + 25_000 * len(transaction.authorizations)


def initcode_gas(code: bytes) -> int:
    """Return what looking through code costs that creates a contract (EIP-3860)."""
    return 2 * ((len(code) + 31) // 32)


def floor_gas(data: bytes) -> int:
    """Return the least gas that a transaction with such call data is charged (EIP-7623)."""
    return 21_000 + 10 * (4 * len(data) - 3 * data.count(0))
