"""A member's own transaction to the community's chain, over a node's JSON-RPC: whoever has a key may call contracts."""

import time
from typing import Final

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
        "gas": 2 * int(node.call("eth_estimateGas", call, "pending"), 16),
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
