"""Methods that read the state or execute something on it without leaving a trace."""

from dataclasses import replace
from typing import Any, Final

from energy.identity import ZERO_ADDRESS, Address
from node.chain.chain import Head
from node.chain.errors import EXECUTION_REVERTED, SERVER_ERROR, ChainError, invalid_params
from node.chain.methods.encoding import (
    data,
    parse_address,
    parse_data,
    parse_hash,
    parse_quantity,
    parse_slot,
    quantity,
)
from node.chain.methods.revert import revert_reason
from node.chain.methods.session import Methods, Session, require_block
from node.chain.port import Execution, Message

CALL_GAS_MAX: Final = 10_000_000
"""Gas that a call may use: half a block. An estimate may use a whole one, and three in all its runs together."""
TRANSFER_GAS: Final = 21_000
CALL_STIPEND: Final = 2_300
ESTIMATE_TOLERANCE: Final = 64
"""An estimate is at most 1/64 above the least gas that suffices."""


def eth_get_balance(session: Session, address: Any, block: Any = "latest") -> str:
    """Return the wei of an account."""
    return quantity(session.chain.account(require_block(session, block), parse_address(address)).balance)


def eth_get_code(session: Session, address: Any, block: Any = "latest") -> str:
    """Return the code of a contract."""
    return data(session.chain.account(require_block(session, block), parse_address(address)).code)


def eth_get_transaction_count(session: Session, address: Any, block: Any = "latest") -> str:
    """Return the nonce of an account; pending equals latest, since nothing waits."""
    return quantity(session.chain.account(require_block(session, block), parse_address(address)).nonce)


def eth_get_storage_at(session: Session, address: Any, slot: Any, block: Any = "latest") -> str:
    """Return a word of a contract's storage."""
    word = session.chain.storage(require_block(session, block), parse_address(address), parse_slot(slot))
    return data(word.to_bytes(32, "big"))


def eth_call(session: Session, transaction: Any, block: Any = "latest") -> str:
    """Return what a call answers."""
    head = require_block(session, block)
    message = _message(transaction, min(CALL_GAS_MAX, head.header.gas_limit))
    return data(_succeeded(session.chain.call(head, message)).output)


def eth_estimate_gas(session: Session, transaction: Any, block: Any = "latest") -> str:
    """Return a gas limit with which a call succeeds, at most 1/64 above the least unless that takes too long to find.

    The first guess is what a run with all the gas used, and what calls keep back (EIP-150).
    """
    head = require_block(session, block)
    message = _message(transaction, head.header.gas_limit)
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


def _is_transfer(session: Session, head: Head, message: Message) -> bool:
    if message.to is None or message.data or message.access_list:
        return False
    return not session.chain.account(head, message.to).code


def _suffices(session: Session, head: Head, message: Message, gas: int) -> bool:
    return session.chain.call(head, replace(message, gas=gas)).error is None


def _succeeded(execution: Execution) -> Execution:
    if execution.error is None:
        return execution
    if execution.error != "execution reverted":
        raise ChainError(SERVER_ERROR, execution.error)
    reason = revert_reason(execution.output)
    message = "execution reverted" if reason is None else f"execution reverted: {reason}"
    raise ChainError(EXECUTION_REVERTED, message, data(execution.output))


def _message(transaction: Any, gas_max: int) -> Message:
    if not isinstance(transaction, dict):
        raise invalid_params("invalid transaction: expected an object")
    get = transaction.get
    given, alias = get("input"), get("data")
    if given is not None and alias is not None and given != alias:
        raise invalid_params(
            'both "data" and "input" are set and not equal. Please use "input" to pass transaction call data'
        )
    payload = given if given is not None else alias
    price = get("maxFeePerGas") if get("maxFeePerGas") is not None else get("gasPrice")
    return Message(
        sender=ZERO_ADDRESS if get("from") is None else parse_address(get("from"), "from"),
        to=None if get("to") in (None, "") else parse_address(get("to"), "to"),
        gas=gas_max if get("gas") is None else min(parse_quantity(get("gas"), "gas", 64), gas_max),
        gas_price=0 if price is None else parse_quantity(price, "gas price"),
        value=0 if get("value") is None else parse_quantity(get("value"), "value"),
        data=b"" if payload is None else parse_data(payload, "input"),
        access_list=_access_list(get("accessList")),
    )


def _access_list(value: Any) -> tuple[tuple[Address, tuple[bytes, ...]], ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise invalid_params("invalid accessList: expected a list of objects")
    return tuple(
        (
            parse_address(entry.get("address"), "accessList address"),
            tuple(parse_hash(key, "storage key") for key in entry.get("storageKeys") or ()),
        )
        for entry in value
    )


METHODS: Final[Methods] = {
    "eth_getBalance": eth_get_balance,
    "eth_getCode": eth_get_code,
    "eth_getTransactionCount": eth_get_transaction_count,
    "eth_getStorageAt": eth_get_storage_at,
    "eth_call": eth_call,
    "eth_estimateGas": eth_estimate_gas,
}
