"""Blocks replayed by eth-tester over py-evm: run by `benchmarks.ledger` in an environment that has eth-tester.

Reads ``{"chain_id", "timestamp", "gas_limit", "alloc": {address: wei}, "blocks": [[timestamp or null, [raw, …]], …],
"counted": [place, …]}`` from standard input. Prints ``{"cpu_s", "wall_s", "gas", "transactions", "rss_bytes"}`` of the
blocks that count. A block of several transactions takes one of each sender, for eth-tester has no more in one; those
that do not count are blocks of one transaction each. Imports nothing of ours: eth-tester pins other versions.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eth_tester import EthereumTester, PyEVMBackend  # type: ignore[import-not-found]
from eth_tester.backends.pyevm.main import get_default_genesis_params  # type: ignore[import-not-found]


def tester_of(given: dict[str, Any]) -> Any:
    """Return an eth-tester whose chain begins as ours does."""
    rich = {
        bytes.fromhex(address[2:]): {"balance": wei, "nonce": 0, "code": b"", "storage": {}}
        for address, wei in given["alloc"].items()
    }
    parameters = get_default_genesis_params({"gas_limit": given["gas_limit"], "timestamp": given["timestamp"]})
    parameters["base_fee_per_gas"] = 7
    tester = EthereumTester(PyEVMBackend(genesis_state=rich, genesis_parameters=parameters))
    type(tester.backend.chain).chain_id = given["chain_id"]
    return tester


def mine(tester: Any, raws: Sequence[str]) -> None:
    """Put transactions in a block as eth-tester's users do."""
    if len(raws) == 1:
        tester.send_raw_transaction(raws[0])
        return
    tester.disable_auto_mine_transactions()
    for raw in raws:
        tester.send_raw_transaction(raw)
    tester.enable_auto_mine_transactions()  # which mines what waits


def main() -> None:
    """Replay and print."""
    given = json.load(sys.stdin)
    tester, counted = tester_of(given), set(given["counted"])
    chain = tester.backend.chain
    cpu = wall = gas = transactions = 0.0
    for place, (timestamp, raws) in enumerate(given["blocks"]):
        if timestamp is not None:
            chain.header = chain.header.copy(timestamp=timestamp)
        if place not in counted:
            for raw in raws:
                mine(tester, [raw])
            continue
        began = time.process_time(), time.perf_counter()
        mine(tester, raws)
        cpu += time.process_time() - began[0]
        wall += time.perf_counter() - began[1]
        block = tester.get_block_by_number("latest")
        assert len(block["transactions"]) == len(raws)
        assert tester.get_transaction_receipt(block["transactions"][-1])["status"] == 1
        gas += block["gas_used"]
        transactions += len(raws)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    print(
        json.dumps({"cpu_s": cpu, "wall_s": wall, "gas": gas, "transactions": transactions, "rss_bytes": pages * 4096})
    )


if __name__ == "__main__":
    main()
