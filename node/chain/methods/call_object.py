"""The parameters of a call: what to run, as whom, and with what changed in the state beforehand.

Source: execution-apis `GenericTransaction`; geth's state override set. Refuses: other forms, with error -32602.
"""

from typing import Any

from energy.identity import ZERO_ADDRESS, Address
from node.chain.errors import invalid_params
from node.chain.methods.encoding import parse_address, parse_data, parse_hash, parse_quantity
from node.chain.port import Message, Override


def call_message(transaction: Any, gas_max: int, overrides: Any = None) -> Message:
    """Return the message in the parameters of a call.

    Args:
        transaction: The call object.
        gas_max: What it may use; also when it names no gas itself.
        overrides: What to change in the state beforehand, by address; None for nothing.
    Raises:
        ChainError: -32602 when something has the wrong form.
    """
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
        overrides=state_overrides(overrides),
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


def state_overrides(value: Any) -> tuple[tuple[Address, Override], ...]:
    """Return the changes to accounts in a state override set; None for none."""
    if value is None:
        return ()
    if not isinstance(value, dict) or not all(isinstance(entry, dict) for entry in value.values()):
        raise invalid_params("invalid state overrides: expected an object of objects")
    return tuple((parse_address(address, "overridden address"), _override(entry)) for address, entry in value.items())


def _override(entry: dict[str, Any]) -> Override:
    get = entry.get
    unknown = set(entry) - {"balance", "nonce", "code", "state", "stateDiff"}
    if unknown:
        raise invalid_params(f"invalid state override: {min(unknown)[:40]} is not known")
    if get("state") is not None and get("stateDiff") is not None:
        raise invalid_params("invalid state override: both state and stateDiff are given")
    words = get("state") if get("state") is not None else get("stateDiff")
    if words is not None and not isinstance(words, dict):
        raise invalid_params("invalid state override: expected an object of storage words")
    return Override(
        balance=None if get("balance") is None else parse_quantity(get("balance"), "overridden balance"),
        nonce=None if get("nonce") is None else parse_quantity(get("nonce"), "overridden nonce", 64),
        code=None if get("code") is None else parse_data(get("code"), "overridden code"),
        words=tuple((_word(slot), _word(word)) for slot, word in (words or {}).items()),
        clears_storage=get("state") is not None,
    )


def _word(value: Any) -> int:
    return int.from_bytes(parse_hash(value, "storage word"), "big")
