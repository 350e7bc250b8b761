"""The community's chain for people to look through: a block, a transaction, and where what they search for is.

Units: gas, UTC epoch seconds. Everything comes from the chain's own JSON-RPC; nothing is kept here.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from energy import strict_json
from energy.errors import Unavailable
from node.api.decoding import Said, decoded_call, decoded_event
from node.rpc.ports import ChainRequests, JsonObject


@dataclass(frozen=True, slots=True)
class ShownTransaction:
    """One transaction in words."""

    hash: str
    index: int
    block: int
    sender: str
    to: str | None
    value: int
    ok: bool
    gas_used: int
    call: Said
    events: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class ShownBlock:
    """One block with what its transactions do."""

    number: int
    hash: str
    parent: str
    timestamp: int
    gas_used: int
    state_root: str
    receipts_root: str
    transactions: tuple[tuple[str, Said], ...]
    """Hash and call of each."""
    last: bool
    """Whether it is the head."""


async def ask(chain: ChainRequests, calls: list[tuple[str, list[Any]]]) -> list[Any]:
    """Return the results of some calls, in their sequence; None for those that failed.

    Raises:
        Unavailable: the chain does not answer.
    """
    batch = [
        {"jsonrpc": "2.0", "id": place, "method": method, "params": params}
        for place, (method, params) in enumerate(calls)
    ]
    if not batch:
        return []
    answers = json.loads(await chain.request_bytes(strict_json.dumps(batch)))
    by_place = {answer["id"]: answer.get("result") for answer in answers}
    return [by_place.get(place) for place in range(len(calls))]


async def block_times(chain: ChainRequests, numbers: Iterable[int]) -> dict[int, int]:
    """Return when some blocks were sealed; none of those that are not there, and none while the chain is away."""
    wanted = sorted(set(numbers))
    try:
        blocks = await ask(chain, [("eth_getBlockByNumber", [hex(number), False]) for number in wanted])
    except Unavailable:
        return {}
    return {number: int(block["timestamp"], 16) for number, block in zip(wanted, blocks, strict=True) if block}


async def read_block(chain: ChainRequests, contracts: JsonObject, name: str) -> ShownBlock | None:
    """Return a block by its number in decimal or its hash; None when there is none."""
    if re.fullmatch("0x[0-9a-f]{64}", name):
        wanted = ("eth_getBlockByHash", [name, True])
    elif re.fullmatch("[0-9]{1,18}", name):
        wanted = ("eth_getBlockByNumber", [hex(int(name)), True])
    else:
        return None
    block, head = await ask(chain, [wanted, ("eth_blockNumber", [])])
    if not isinstance(block, dict):
        return None
    number = int(block["number"], 16)
    return ShownBlock(
        number=number,
        hash=block["hash"],
        parent=block["parentHash"],
        timestamp=int(block["timestamp"], 16),
        gas_used=int(block["gasUsed"], 16),
        state_root=block["stateRoot"],
        receipts_root=block["receiptsRoot"],
        transactions=tuple(
            (each["hash"], decoded_call(contracts, _lower(each["to"]), each["input"])) for each in block["transactions"]
        ),
        last=number == int(head, 16),
    )


async def read_transaction(chain: ChainRequests, contracts: JsonObject, name: str) -> ShownTransaction | None:
    """Return a transaction that is in a block by its hash; None when there is none."""
    if not re.fullmatch("0x[0-9a-f]{64}", name):
        return None
    calls = [("eth_getTransactionByHash", [name]), ("eth_getTransactionReceipt", [name])]
    transaction, receipt = await ask(chain, calls)
    if not isinstance(transaction, dict) or not isinstance(receipt, dict):
        return None
    to = _lower(transaction["to"])
    return ShownTransaction(
        hash=name,
        index=int(receipt["transactionIndex"], 16),
        block=int(receipt["blockNumber"], 16),
        sender=transaction["from"].lower(),
        to=to,
        value=int(transaction["value"], 16),
        ok=receipt["status"] == "0x1",
        gas_used=int(receipt["gasUsed"], 16),
        call=decoded_call(contracts, to, transaction["input"]),
        events=tuple(decoded_event(contracts, log) for log in receipt["logs"]),
    )


async def found_at(chain: ChainRequests, text: str) -> str | None:
    """Return the address on this server of what somebody searches for; None when nothing is there.

    Args:
        chain: The chain to look in.
        text: A block's number, its hash, a transaction's hash, or an account, as people paste it.
    """
    wanted = text.strip().lower()
    if re.fullmatch("0x[0-9a-f]{40}", wanted):
        return f"/accounts/{wanted}"
    if re.fullmatch("#?[0-9]{1,18}", wanted):
        number = int(wanted.lstrip("#"))
        (block,) = await ask(chain, [("eth_getBlockByNumber", [hex(number), False])])
        return f"/blocks/{number}" if block else None
    if re.fullmatch("0x[0-9a-f]{64}", wanted):
        calls: list[tuple[str, list[Any]]] = [
            ("eth_getTransactionByHash", [wanted]),
            ("eth_getBlockByHash", [wanted, False]),
        ]
        transaction, block = await ask(chain, calls)
        return f"/transactions/{wanted}" if transaction else f"/blocks/{wanted}" if block else None
    return None


def _lower(address: str | None) -> str | None:
    return address.lower() if address else None
