"""A member's own transaction to the community's chain, over a node's JSON-RPC: whoever has a key may call contracts."""

import time
from typing import Any, Final

from energy.identity import hex_text
from node.cli.failure import ExitCode, Failure
from node.cli.node_client import NodeClient
from node.i18n import gettext as _

RECEIPT_WAIT_S: Final = 60


def read_address(node: NodeClient, contract: str, function: str) -> str:
    """Return what a view without arguments answers that returns an address."""
    from oracles.hashing import keccak

    selector = hex_text(keccak(f"{function}()".encode())[:4])
    return "0x" + str(node.call("eth_call", {"to": contract, "data": selector}, "latest"))[-40:]


def call_data(contract: str, function: str, *arguments: object) -> bytes:
    """Return what calls a contract's function; bytes and addresses are ``0x`` text, structs tuples of their fields."""
    from eth_abi.abi import encode
    from eth_utils.abi import function_abi_to_4byte_selector

    from node.api.decoding import type_of
    from node.ledger import artifact

    (entry,) = [each for each in artifact(contract)["abi"] if each.get("name") == function]
    kinds = [type_of(each) for each in entry["inputs"]]
    return bytes(function_abi_to_4byte_selector(entry)) + encode(kinds, [_bytes_inside(each) for each in arguments])


def ask(node: NodeClient, to: str, contract: str, function: str, *arguments: object) -> str:
    """Return what a view answers, as ``0x`` text."""
    data = "0x" + call_data(contract, function, *arguments).hex()
    return str(node.call("eth_call", {"to": to, "data": data}, "latest"))


def would_pass(node: NodeClient, sender: str, to: str, data: bytes) -> bool:
    """Say whether the chain would take a call as it is now."""
    try:
        node.call("eth_call", {"from": sender, "to": to, "data": "0x" + data.hex()}, "pending")
    except Failure as failure:
        if failure.exit_code == ExitCode.UNREACHABLE:
            raise
        return False
    return True


def send(node: NodeClient, private_key: bytes, to: str, data: bytes, advice: str) -> str:
    """Sign and send a transaction, and wait until it is in a block; return its hash.

    Args:
        node: Takes it.
        private_key: Of the sender.
        to: Called contract.
        data: Of the call.
        advice: What to do if the chain does not take it after all.
    Raises:
        Failure: the chain refuses it, or it does not come into a block.
    """
    from eth_account import Account
    from eth_utils.address import to_checksum_address

    account = Account.from_key(private_key)
    call = {"from": account.address, "to": to, "data": "0x" + data.hex()}
    transaction = {
        "type": 2,
        "chainId": int(node.call("eth_chainId"), 16),
        "nonce": int(node.call("eth_getTransactionCount", account.address, "pending"), 16),
        "gas": 2 * _gas(node, call, advice),
        "maxFeePerGas": 2 * int(node.call("eth_gasPrice"), 16),
        "maxPriorityFeePerGas": 0,
        "to": str(to_checksum_address(to)),
        "value": 0,
        "data": call["data"],
    }
    signed = Account.sign_transaction(transaction, private_key)
    identity = str(node.call("eth_sendRawTransaction", signed.raw_transaction.to_0x_hex()))
    for _attempt in range(RECEIPT_WAIT_S):
        receipt = node.call("eth_getTransactionReceipt", identity)
        if receipt is not None:
            if receipt["status"] == "0x1":
                return identity
            break
        time.sleep(1)
    raise Failure(
        ExitCode.FAILED,
        _("The chain did not take the transaction {hash}.").format(hash=identity),
        advice,
    )


def _gas(node: NodeClient, call: dict[str, str], advice: str) -> int:
    """Return the gas of a call, or end with the contract's own word for why it refuses."""
    try:
        return int(node.call("eth_estimateGas", call, "pending"), 16)
    except Failure as failure:
        error = _named(str(failure.detail.get("data", "")))
        if error is None:
            raise
        raise Failure(
            ExitCode.FAILED, _("The chain refuses: {error}.").format(error=error), advice, {"error": error}
        ) from None


def _named(data: str) -> str | None:
    """Return the contract's error in revert data, such as ``NotCirculating(7, 6)``; None for what is none of ours."""
    from eth_abi.abi import decode
    from eth_utils.abi import abi_to_signature

    from node.api.decoding import type_of
    from node.ledger import CONTRACT_NAMES, artifact
    from oracles.hashing import keccak

    for name in CONTRACT_NAMES.values():
        for entry in artifact(name)["abi"]:
            if entry["type"] == "error" and data.startswith(hex_text(keccak(abi_to_signature(entry).encode())[:4])):
                values = decode([type_of(each) for each in entry["inputs"]], bytes.fromhex(data[10:]))
                shown = (hex_text(each) if isinstance(each, bytes) else str(each) for each in values)
                return f"{entry['name']}({', '.join(shown)})"
    return None


def _bytes_inside(value: Any) -> Any:
    """Return a value with its hexadecimal texts as bytes."""
    if isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    return type(value)(_bytes_inside(each) for each in value) if isinstance(value, list | tuple) else value
