"""A double of the chain's port: twenty blocks, every second one with a transfer of the community's token."""

import json
from dataclasses import dataclass, field
from typing import Any

from node.rpc.ports import JsonObject
from tests.support.small_community import CONTRACT, FIRST, HOMES, LENGTH_S, word


@dataclass
class ChainDouble:
    """The double, with a log of what it was sent."""

    sent: list[Any] = field(default_factory=list)
    error: Exception | None = None

    async def request_bytes(self, raw: bytes) -> bytes:
        body = json.loads(raw)
        self.sent.append(body)
        if self.error:
            raise self.error
        if isinstance(body, dict):
            return json.dumps(self._answer(body)).encode() if "id" in body else b""
        # In the wrong sequence on purpose: the standard allows it.
        return json.dumps([self._answer(call) for call in reversed(body) if "id" in call]).encode()

    def _answer(self, call: JsonObject) -> JsonObject:
        method, parameters = call["method"], call.get("params", [])
        result: Any = method
        if method == "eth_blockNumber":
            result = hex(19)
        elif method in ("eth_getBlockByNumber", "eth_getBlockByHash"):
            number = int(parameters[0], 16) % 2**64
            known = number <= 19 and parameters[0] in (hex(number), word(0xF0, number))
            result = _block(number, full=parameters[1]) if known else None
        elif method in ("eth_getTransactionByHash", "eth_getTransactionReceipt"):
            number = int(parameters[0], 16) % 2**64
            known = number % 2 == 1 and parameters[0] == word(0xD6, number)
            result = (_transaction(number) if method.endswith("Hash") else _receipt(number)) if known else None
        return {"jsonrpc": "2.0", "id": call["id"], "result": result}


def _block(number: int, *, full: bool) -> JsonObject:
    return {
        "number": hex(number),
        "hash": word(0xF0, number),
        "parentHash": word(0xF0, number - 1) if number else "0x" + "00" * 32,
        "timestamp": hex(FIRST + number * LENGTH_S),
        "transactions": [_transaction(number) if full else word(0xD6, number)] if number % 2 else [],
        "gasUsed": hex(21_000),
        "stateRoot": word(0xF2, number),
        "receiptsRoot": word(0xF3, number),
    }


def _transaction(number: int) -> JsonObject:
    """Return a transfer of the community's token: `transfer(address,uint256)`."""
    receiver, amount = HOMES[2][2:].rjust(64, "0"), f"{number * 10**9:064x}"
    return {
        "hash": word(0xD6, number),
        "from": HOMES[0],
        "to": CONTRACT,
        "value": "0x0",
        "input": f"0xa9059cbb{receiver}{amount}",
    }


def _receipt(number: int) -> JsonObject:
    transfer = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
    topics = [transfer, *("0x" + home[2:].rjust(64, "0") for home in (HOMES[0], HOMES[2]))]
    return {
        "status": "0x1",
        "blockNumber": hex(number),
        "transactionIndex": "0x0",
        "gasUsed": hex(21_000),
        "logs": [{"address": CONTRACT, "topics": topics, "data": f"0x{number * 10**9:064x}"}],
    }
