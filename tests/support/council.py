"""Members of a real node's community who propose, vote and carry out: every step a transaction of its own."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from eth_abi.abi import encode
from eth_account import Account
from web3 import Web3

from energy.identity import Address, hex_text
from node.app import Node, TickReport
from node.cli.cooperative import call_data
from node.coop.council import Council
from node.signing.keys import KeyPair
from oracles.hashing import keccak
from tests.support.real_node import KEYS, tick_at

QUICK: Final = Council(quorum_percent=50, delay_s=1, period_s=10, grace_s=1)
"""A council that decides within a minute."""
BASE_FEE: Final = 7

Wait = Callable[[Node, int], Awaitable[TickReport]]

Call = tuple[str, str, Sequence[str]]
"""Contract, function and arguments, as `resilia coop propose` takes them."""


async def sent(node: Node, key: KeyPair, to: bytes, data: bytes, fee: int = 2 * BASE_FEE, gas: int = 200_000) -> Any:
    """Send a call through the node's door for strangers; return its hash, or the error."""
    nonce = int(await node.client.call("eth_getTransactionCount", [hex_text(key.address), "latest"]), 16)
    transaction = {
        "type": 2,
        "chainId": node.community.chain_id,
        "nonce": nonce,
        "gas": gas,
        "maxFeePerGas": fee,
        "maxPriorityFeePerGas": 0,
        "to": Web3.to_checksum_address(to),
        "value": 0,
        "data": data,
    }
    raw = Account.sign_transaction(transaction, key.private_key).raw_transaction.to_0x_hex()
    body = {"jsonrpc": "2.0", "id": 0, "method": "eth_sendRawTransaction", "params": [raw]}
    answer = json.loads(await node.requests.request_bytes(json.dumps(body, separators=(",", ":")).encode()))
    return answer.get("result", answer.get("error", {}).get("message"))


async def decide(node: Node, *calls: Call, votes: Sequence[str] = ("H01", "H02"), wait: Wait = tick_at) -> TickReport:
    """Propose calls as H01, let members vote for them, wait, and carry them out; return what the node did then.

    A network has a time of its own, which `wait` has to move, too.
    """
    named = await _propose(node, calls)
    number = int.from_bytes(keccak(named))
    await wait(node, 2 + await node.ledger.read("Cooperative", "proposalSnapshot", number))
    for label in votes:
        await _do(node, label, "castVote(uint256,uint8)", encode(["uint256", "uint8"], [number, 1]))
    await wait(node, 2 + await node.ledger.read("Cooperative", "proposalDeadline", number))
    await _do(node, "H03", "queue(address[],uint256[],bytes[],bytes32)", named)
    await wait(node, 2 + await node.ledger.read("Cooperative", "proposalEta", number))
    await _do(node, "H03", "execute(address[],uint256[],bytes[],bytes32)", named)
    return await wait(node, node.clock.now() + 1)


async def propose(node: Node, *calls: Call) -> int:
    """Propose calls as H01; return the proposal's number."""
    return int.from_bytes(keccak(await _propose(node, calls)))


async def _propose(node: Node, calls: Sequence[Call]) -> bytes:
    """Propose calls as H01; return them as those who carry them out name them."""
    contracts = node.community.contracts.named()
    whole = (
        [hex_text(contracts[contract]) for contract, _, _ in calls],
        [0] * len(calls),
        [call_data(contract, function, arguments) for contract, function, arguments in calls],
    )
    why = f"{len(calls)} calls at {node.clock.now()}"
    kinds = ["address[]", "uint256[]", "bytes[]"]
    await _do(node, "H01", "propose(address[],uint256[],bytes[],string)", encode([*kinds, "string"], [*whole, why]))
    return encode([*kinds, "bytes32"], [*whole, keccak(why.encode())])


async def _do(node: Node, label: str, signature: str, arguments: bytes) -> None:
    cooperative: Address | None = node.community.contracts.cooperative
    assert cooperative is not None
    done = await sent(node, KEYS[label], cooperative, keccak(signature.encode())[:4] + arguments, gas=2_000_000)
    assert done.startswith("0x"), f"{signature}: {done}"
    assert await succeeds(node, done), signature


async def succeeds(node: Node, transaction: str) -> bool:
    """Say whether a transaction succeeded, once it is in a block: a network takes its time."""
    while (receipt := await node.client.call("eth_getTransactionReceipt", [transaction])) is None:
        await asyncio.sleep(0.05)
    return bool(receipt["status"] == "0x1")
