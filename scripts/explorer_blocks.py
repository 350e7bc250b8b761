"""List the blocks of a community's chain, with every call and event of its contracts in words.

    python -m scripts.explorer_blocks --from 0 --to 20
    python -m scripts.explorer_blocks --tx 0x…
    python -m scripts.explorer_blocks --follow

Each block is hashed again from its raw bytes, down to its transactions and logs, and must follow from the one before.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from scripts.audit import Row, explorer_arguments, print_json, print_rows, run_explorer, utc
from scripts.block_proof import block_faults
from scripts.contract_abi import ContractAbi, Said
from scripts.node_rpc import CallFailed, NodeRpc

JsonObject = dict[str, Any]

LATEST_SHOWN: Final = 20
FOLLOW_PERIOD_S: Final = 1.0
COLUMNS: Final = (
    "block",
    "time",
    "hash",
    "holds",
    "sealer",
    "transaction",
    "contract",
    "call",
    "succeeded",
    "gas",
    "events",
)


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = explorer_arguments(__doc__)
    parser.add_argument("--from", dest="first", type=int, metavar="N", help="first block; else the last 20")
    parser.add_argument("--to", dest="last", type=int, metavar="N", help="last block; else the head")
    parser.add_argument("--tx", metavar="HASH", help="only the block of this transaction")
    parser.add_argument("--follow", action="store_true", help="go on with every new block until Ctrl-C")
    parser.add_argument("--artifacts", type=Path, metavar="DIR", help="compiled contracts, if not the installed ones")
    chosen = parser.parse_args(arguments)
    if chosen.follow and (chosen.json or chosen.csv):
        parser.error("--follow prints lines for people: leave out --json and --csv")
    if chosen.tx and (chosen.follow or chosen.first is not None or chosen.last is not None):
        parser.error("--tx already says which block")
    return run_explorer(explore, chosen)


def explore(chosen: argparse.Namespace, node: NodeRpc) -> list[str]:
    """Print the chosen blocks; return what does not hold."""
    abi = ContractAbi(node.call("energy_getStatus")["contracts"], chosen.artifacts)
    first, last = _range(chosen, node)
    audit = BlockAudit(node, abi)
    if chosen.follow:
        for block in _follow(audit, node, first):
            _print_block(block)
            sys.stdout.flush()
        return audit.faults
    blocks = [audit.block(number) for number in range(first, last + 1)]
    if chosen.json:
        print_json("explorer-blocks", {"blocks": blocks, "faults": audit.faults})
    elif chosen.csv:
        print_rows([row for block in blocks for row in _rows(block)], COLUMNS, as_csv=True)
    else:
        for block in blocks:
            _print_block(block)
    return audit.faults


class BlockAudit:
    """Reads blocks one after the other and keeps what does not hold."""

    def __init__(self, node: NodeRpc, abi: ContractAbi) -> None:
        self.faults: list[str] = []
        self._node = node
        self._abi = abi
        self._previous: tuple[int, str] | None = None

    def block(self, number: int) -> JsonObject:
        """Return a block in words, checked against its raw bytes and against the block before it, if that was read."""
        at = hex(number)
        block, receipts, raw_block, raw_receipts, seal = self._node.batch(
            [
                ("eth_getBlockByNumber", (at, True)),
                ("eth_getBlockReceipts", (at,)),
                ("debug_getRawBlock", (at,)),
                ("debug_getRawReceipts", (at,)),
                ("resilia_getSeal", (at,)),
            ]
        )
        if block is None:
            raise CallFailed(f"there is no block {number}")
        faults = block_faults(
            block, receipts, bytes.fromhex(raw_block[2:]), [bytes.fromhex(each[2:]) for each in raw_receipts]
        )
        if self._previous and self._previous[0] == number - 1 and self._previous[1] != block["parentHash"]:
            faults.append(f"block {number}: it does not follow from block {number - 1} as it was shown")
        self._previous = (number, block["hash"])
        self.faults += faults
        return {
            "number": number,
            "time": utc(int(block["timestamp"], 16)),
            "hash": block["hash"],
            "holds": not faults,
            "sealer": seal["sealer"] if seal else None,
            "transactions": [self._transaction(*pair) for pair in zip(block["transactions"], receipts, strict=False)],
        }

    def _transaction(self, transaction: JsonObject, receipt: JsonObject) -> JsonObject:
        said = self._abi.call(transaction["to"], transaction["input"])
        events = [self._abi.event(log["address"], log["topics"], log["data"]) for log in receipt["logs"]]
        return {
            "hash": transaction["hash"],
            "from": transaction["from"],
            "succeeded": receipt["status"] == "0x1",
            "gas": int(receipt["gasUsed"], 16),
            "contract": said.contract,
            "call": said.name,
            "arguments": said.arguments,
            "events": [_event_json(event) for event in events],
        }


def _range(chosen: argparse.Namespace, node: NodeRpc) -> tuple[int, int]:
    if chosen.tx:
        receipt = node.call("eth_getTransactionReceipt", chosen.tx)
        if receipt is None:
            raise CallFailed(f"there is no transaction {chosen.tx}")
        number = int(receipt["blockNumber"], 16)
        return number, number
    head = int(node.call("eth_blockNumber"), 16)
    last = head if chosen.last is None else min(head, chosen.last)
    return (max(0, last - LATEST_SHOWN + 1) if chosen.first is None else chosen.first), last


def _follow(audit: BlockAudit, node: NodeRpc, number: int) -> Iterator[JsonObject]:
    try:
        while True:
            head = int(node.call("eth_blockNumber"), 16)
            while number <= head:
                yield audit.block(number)
                number += 1
            time.sleep(FOLLOW_PERIOD_S)
    except KeyboardInterrupt:
        return


def _event_json(event: Said) -> JsonObject:
    return {"contract": event.contract, "event": event.name, "arguments": event.arguments}


def _rows(block: JsonObject) -> Iterator[Row]:
    common = {"block": block["number"], **{name: block[name] for name in ("time", "hash", "holds", "sealer")}}
    for each in block["transactions"] or [dict.fromkeys(("hash", "contract", "call", "succeeded", "gas"), None)]:
        yield {
            **common,
            "transaction": each["hash"],
            **{name: each[name] for name in ("contract", "call", "succeeded", "gas")},
            "events": " ".join(f"{event['contract']}.{event['event']}" for event in each.get("events", [])),
        }


def _print_block(block: JsonObject) -> None:
    verdict = "hash verified" if block["holds"] else "DOES NOT HOLD"
    sealer = f"sealed by {block['sealer']}" if block["sealer"] else "no seal"
    print(f"#{block['number']}  {block['time']}  {block['hash']}  {verdict}  {sealer}")
    for each in block["transactions"]:
        outcome = "" if each["succeeded"] else "  FAILED"
        print(f"  {each['hash']}  {each['contract']}.{each['call']}  {each['gas']} gas{outcome}")
        for event in each["events"]:
            print(f"    {event['contract']}.{event['event']}  {json.dumps(_brief(event['arguments']))}")


def _brief(value: Any) -> Any:
    """Shorten raw data that would fill the screen; --json has it whole."""
    if isinstance(value, dict):
        return {name: _brief(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_brief(each) for each in value]
    return value[:66] + "…" if isinstance(value, str) and len(value) > 66 else value


if __name__ == "__main__":
    sys.exit(main())
