"""List the transactions of a chain or of one account, decoded with the community's interfaces.

    python -m scripts.explorer_transactions --from 0 --to 20
    python -m scripts.explorer_transactions --account 0x… --csv
    python -m scripts.explorer_transactions --tx 0x… --json
    python -m scripts.explorer_transactions --follow

Checked: each receipt is of its transaction's block and place, and the gas of all adds up to their block's.
Units: wei, gas, UTC epoch seconds. A failed transaction is repeated as a call, for the words of its failure.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from scripts.audit import explorer_arguments, print_json, print_rows, run_explorer, utc
from scripts.contract_abi import ContractAbi
from scripts.node_rpc import CallFailed, JsonObject, NodeRpc

BLOCKS_SHOWN: Final = 20
PAGE_SIZE: Final = 25
FOLLOW_PERIOD_S: Final = 1.0
COLUMNS: Final = (
    "block", "position", "time", "hash", "from", "contract", "call", "arguments", "valueWei", "gasUsed", "feeWei",
    "succeeded", "events", "failure",
)  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = explorer_arguments(__doc__)
    parser.add_argument("--from", dest="first", type=int, metavar="N", help="first block; else the last 20")
    parser.add_argument("--to", dest="last", type=int, metavar="N", help="last block; else the head")
    parser.add_argument("--account", metavar="ADDRESS", help="all that an account sent, received or logged in")
    parser.add_argument("--tx", metavar="HASH", help="only this transaction")
    parser.add_argument("--follow", action="store_true", help="go on with every new block until Ctrl-C")
    parser.add_argument("--artifacts", type=Path, metavar="DIR", help="compiled contracts, if not the installed ones")
    chosen = parser.parse_args(arguments)
    if chosen.follow and (chosen.json or chosen.csv or chosen.account or chosen.tx or chosen.last is not None):
        parser.error("--follow prints lines for people, without an end: leave out the other choices")
    if sum(map(bool, (chosen.account, chosen.tx, chosen.first is not None or chosen.last is not None))) > 1:
        parser.error("choose blocks, or --account, or --tx")
    return run_explorer(explore, chosen)


def explore(chosen: argparse.Namespace, node: NodeRpc) -> list[str]:
    """Print the chosen transactions; return what does not hold."""
    reader = TransactionReader(node, ContractAbi(node.call("energy_getStatus")["contracts"], chosen.artifacts))
    if chosen.follow:
        for row in _follow(reader, node, chosen.first):
            print_rows([_flat(row)], COLUMNS, as_csv=True)
            sys.stdout.flush()
        return reader.faults
    if chosen.tx:
        rows = [reader.one(chosen.tx)]
    elif chosen.account:
        rows = list(reader.of_account(chosen.account))
    else:
        head = int(node.call("eth_blockNumber"), 16)
        last = head if chosen.last is None else min(head, chosen.last)
        first = max(0, last - BLOCKS_SHOWN + 1) if chosen.first is None else chosen.first
        rows = [row for number in range(first, last + 1) for row in reader.of_block(number)]
    if chosen.json:
        print_json("explorer-transactions", {"transactions": rows, "faults": reader.faults})
    else:
        print_rows(map(_flat, rows), COLUMNS, as_csv=chosen.csv)
    return reader.faults


class TransactionReader:
    """Reads transactions with their receipts and keeps what does not hold."""

    def __init__(self, node: NodeRpc, abi: ContractAbi) -> None:
        self.faults: list[str] = []
        self._node = node
        self._abi = abi

    def of_block(self, number: int) -> list[JsonObject]:
        """Return the transactions of a block."""
        block, receipts = self._node.batch(
            [("eth_getBlockByNumber", (hex(number), True)), ("eth_getBlockReceipts", (hex(number),))]
        )
        if block is None or receipts is None:
            raise CallFailed(f"there is no block {number}")
        if len(block["transactions"]) != len(receipts):
            self.faults.append(f"block {number}: {len(block['transactions'])} transactions, {len(receipts)} receipts")
        if (used := sum(int(receipt["gasUsed"], 16) for receipt in receipts)) != int(block["gasUsed"], 16):
            self.faults.append(f"block {number}: its transactions used {used} gas, it says {int(block['gasUsed'], 16)}")
        pairs = zip(block["transactions"], receipts, strict=False)
        return [self._row(transaction, receipt, int(block["timestamp"], 16)) for transaction, receipt in pairs]

    def of_account(self, address: str) -> Iterator[JsonObject]:
        """Yield the transactions in which an account has a part, the newest first."""
        before = 0
        while True:
            page = self._node.call("ots_searchTransactionsBefore", address, before, PAGE_SIZE)
            for transaction, receipt in zip(page["txs"], page["receipts"], strict=True):
                yield self._row(transaction, receipt, int(receipt["timestamp"]))
            if page["lastPage"] or not page["txs"]:
                return
            before = int(page["txs"][-1]["blockNumber"], 16)

    def one(self, transaction_hash: str) -> JsonObject:
        """Return one transaction."""
        transaction, receipt = self._node.batch(
            [("eth_getTransactionByHash", (transaction_hash,)), ("eth_getTransactionReceipt", (transaction_hash,))]
        )
        if transaction is None or receipt is None:
            raise CallFailed(f"there is no transaction {transaction_hash}, or it is in no block yet")
        block = self._node.call("eth_getBlockByNumber", transaction["blockNumber"], False)
        return self._row(transaction, receipt, int(block["timestamp"], 16))

    def _row(self, transaction: JsonObject, receipt: JsonObject, timestamp: int) -> JsonObject:
        name = transaction["hash"]
        places = [(each["blockHash"], each["transactionIndex"]) for each in (transaction, receipt)]
        if receipt["transactionHash"] != name or places[0] != places[1]:
            self.faults.append(f"transaction {name}: its receipt is of another place or transaction")
        said = self._abi.call(transaction["to"], transaction["input"])
        events = [self._abi.event(log["address"], log["topics"], log["data"]) for log in receipt["logs"]]
        succeeded = receipt["status"] == "0x1"
        gas_used = int(receipt["gasUsed"], 16)
        return {
            "block": int(transaction["blockNumber"], 16),
            "position": int(transaction["transactionIndex"], 16),
            "time": utc(timestamp),
            "hash": name,
            "from": transaction["from"],
            "to": transaction["to"],
            "created": receipt["contractAddress"],
            "contract": said.contract,
            "call": said.name,
            "arguments": said.arguments,
            "valueWei": int(transaction["value"], 16),
            "gasUsed": gas_used,
            "feeWei": gas_used * int(receipt["effectiveGasPrice"], 16),
            "succeeded": succeeded,
            "failure": None if succeeded else self._failure(transaction),
            "events": [{"contract": each.contract, "event": each.name, "arguments": each.arguments} for each in events],
        }

    def _failure(self, transaction: JsonObject) -> str:
        call = {name: transaction[name] for name in ("from", "to", "gas", "value", "input") if transaction.get(name)}
        try:
            self._node.call("eth_call", call, hex(int(transaction["blockNumber"], 16) - 1))
        except CallFailed as error:
            return str(error).removeprefix("eth_call: ")
        return "it fails only after what came before it in its block"


def _follow(reader: TransactionReader, node: NodeRpc, first: int | None) -> Iterator[JsonObject]:
    number = int(node.call("eth_blockNumber"), 16) if first is None else first
    try:
        while True:
            head = int(node.call("eth_blockNumber"), 16)
            while number <= head:
                yield from reader.of_block(number)
                number += 1
            time.sleep(FOLLOW_PERIOD_S)
    except KeyboardInterrupt:
        return


def _flat(row: JsonObject) -> dict[str, Any]:
    events: Sequence[JsonObject] = row["events"]
    return {
        **{name: row[name] for name in COLUMNS},
        "arguments": _brief(json.dumps(row["arguments"])) if row["arguments"] else "",
        "events": " ".join(f"{each['contract']}.{each['event']}" for each in events),
    }


def _brief(text: str) -> str:
    """Shorten what would fill the screen; --json has it whole."""
    return text if len(text) <= 100 else text[:99] + "…"


if __name__ == "__main__":
    sys.exit(main())
