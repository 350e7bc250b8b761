"""The embedded chain beside eth-tester and anvil: `python -m benchmarks.ledger [--json]`.

Like for like: anvil and ours each behind their own HTTP port, asked by the same client over one kept-alive connection,
in turns, wall seconds; anvil as it comes, one block per transaction. What could not be measured is null.

- Transfers: 300 accounts make one transfer each, in one batch; CPU seconds of the process that executes it, ours with
  the block on disk and behind its socket. eth-tester runs in an environment of its own (``--eth-tester PYTHON``).
- Reads: balances and calls over 300 accounts, a block of 300 transactions, its logs: no request twice in a row.
- Settlement: the `settle` transactions of a community, one by one, each until its receipt is there, after everything
  that came before them. The community is ``--community FOLDER``, as `resilia demo --keep FOLDER` leaves it, or a small
  one that is made here.
- Acknowledgements: an order's, p99, while full blocks execute, over the same with the chain idle.
"""

import argparse
import json
import os
import subprocess
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from eth_account import Account

from benchmarks.http_node import HttpNode, anvil, ours
from benchmarks.order_acknowledgements import acknowledgement_ratio
from benchmarks.settled_blocks import SettledChain, selector, settle_runs, settled_chain
from energy.identity import Address, hex_text
from node.chain.genesis import Genesis
from node.chain.seal import Sealer
from node.chain.transactions import decode_transaction
from tests.support.anvil import BINARY

ROOT: Final = Path(__file__).parents[1]
ETH_TESTER: Final = ROOT / "build" / "eth-tester" / "bin" / "python"
CHAIN_ID: Final = 1_904_113_327
START: Final = 1_767_225_600
SEALER_KEY: Final = b"\x5e" * 32
SENDERS: Final = tuple(Account.from_key((10**6 + number).to_bytes(32, "big")) for number in range(300))
READS: Final = 300
ROUNDS: Final = 3
"""Times that each kind is measured on each node, in turns; the median counts."""
WARM_UP: Final = 40


def transfers() -> list[str]:
    """Return one signed transfer of each sender, to an account that does not exist yet."""
    return [
        hex_text(
            sender.sign_transaction(
                {
                    "type": 2, "chainId": CHAIN_ID, "nonce": 0, "gas": 21_000, "value": 1,
                    "to": (number * 2_654_435_761 + 2**80).to_bytes(20, "big"),
                    "maxFeePerGas": 100, "maxPriorityFeePerGas": 0,
                }
            ).raw_transaction
        )
        for number, sender in enumerate(SENDERS)
    ]  # fmt: skip


def rich_genesis() -> Genesis:
    """Return a chain on which every sender has money."""
    alloc = {Address(bytes.fromhex(sender.address[2:])): 10**20 for sender in SENDERS}
    return Genesis(CHAIN_ID, START, Sealer(SEALER_KEY).address, alloc)


def measure_transfers() -> float:
    """Return transfers per CPU second in a block of 300."""
    calls = [("eth_sendRawTransaction", [raw]) for raw in transfers()]
    with ours(rich_genesis(), SEALER_KEY) as node:
        before = node.cpu_s()
        node.ask(*calls)
        spent = node.cpu_s() - before
        assert node.ask(("eth_getBlockTransactionCountByNumber", ["0x1"])) == [hex(len(calls))]
    return len(calls) / spent


def measure_eth_tester(python: Path) -> float | None:
    """Return the same of eth-tester, or None when it is not installed."""
    if not python.exists():
        return None
    script = Path(__file__).with_name("eth_tester_transfers.py")
    keys = json.dumps({"keys": [hex_text(bytes(sender.key)) for sender in SENDERS]})
    environment = {**os.environ, "ETH_HASH_BACKEND": "pysha3"}
    done = subprocess.run(
        [str(python), str(script)], input=keys, env=environment, capture_output=True, text=True, check=True
    )
    return float(len(SENDERS) / json.loads(done.stdout)["cpu_s"])


def read_kinds(block: str) -> dict[str, list[tuple[str, list[Any]]]]:
    """Return the requests of each kind; `block` is the height of the block of 300 transfers."""
    loop = "0x61012c5b600190038060035760005500"  # counts down from 300
    return {
        "balance": [("eth_getBalance", [sender.address, "latest"]) for sender in SENDERS],
        "call": [("eth_call", [{"from": sender.address, "data": loop}, "latest"]) for sender in SENDERS],
        "block": [("eth_getBlockByNumber", [block, False]), ("eth_getBlockByNumber", ["0x0", False])],
        "logs": [("eth_getLogs", [{"fromBlock": hex(start), "toBlock": "latest"}]) for start in range(2)],
    }


def rate(node: HttpNode, requests: list[tuple[str, list[Any]]], count: int) -> float:
    """Return requests per second."""
    began = time.perf_counter()
    for number in range(count):
        node.ask(requests[number % len(requests)])
    return count / (time.perf_counter() - began)


def measure_reads() -> dict[str, dict[str, float]]:
    """Return reads per second by node and kind."""
    sends = [("eth_sendRawTransaction", [raw]) for raw in transfers()]
    with ours(rich_genesis(), SEALER_KEY) as we, anvil(rich_genesis(), "--no-mining") as they:
        we.ask(*sends)
        they.ask(*sends)
        they.ask(("evm_mine", []))
        found: dict[str, dict[str, list[float]]] = {"ours": {}, "anvil": {}}
        for kind, requests in read_kinds("0x1").items():
            for _ in range(ROUNDS):
                for name, node in (("ours", we), ("anvil", they)):
                    rate(node, requests, WARM_UP)
                    found[name].setdefault(kind, []).append(rate(node, requests, READS))
    return {name: {kind: median(rates) for kind, rates in kinds.items()} for name, kinds in found.items()}


def measure_settlement(node: HttpNode, chain: SettledChain) -> list[float]:
    """Replay a community's transactions one by one; return the seconds of each settlement, receipt included."""
    settle = selector("Settlement", "settle")
    seconds = []
    for timestamp, raws in chain.blocks:
        node.set_time(timestamp)
        for raw in raws:
            began = time.perf_counter()
            (tx_hash,) = node.ask(("eth_sendRawTransaction", [hex_text(raw)]))
            while (receipt := node.ask(("eth_getTransactionReceipt", [tx_hash]))[0]) is None:
                pass
            if decode_transaction(raw).data[:4] == settle:
                assert receipt["status"] == "0x1"
                seconds.append(time.perf_counter() - began)
    return seconds


def compare(eth_tester: Path, community: Path | None, acknowledgements: int) -> dict[str, Any]:
    """Return all figures."""
    figures: dict[str, Any] = {"transfers_per_cpu_s": measure_transfers()}
    theirs = measure_eth_tester(eth_tester)
    figures["eth_tester_transfers_per_cpu_s"] = theirs
    figures["transfers_over_eth_tester"] = None if theirs is None else figures["transfers_per_cpu_s"] / theirs
    figures["ack_p99_block_over_idle"] = acknowledgement_ratio(acknowledgements)
    figures |= dict.fromkeys(("anvil_over_ours_reads", "anvil_over_ours_settlement"))
    if not BINARY.exists():
        return figures
    reads = measure_reads()
    figures |= {"reads_per_s": reads["ours"], "anvil_reads_per_s": reads["anvil"]}
    figures["anvil_over_ours_reads"] = max(reads["anvil"][kind] / reads["ours"][kind] for kind in reads["ours"])
    with TemporaryDirectory() as name:
        if community is None:
            settle_runs(Path(name) / "node")
        chain = settled_chain(community or Path(name) / "node")
    with ours(chain.genesis, chain.sealer_key) as node:
        figures["settlement_s"] = median(measure_settlement(node, chain))
    with anvil(chain.genesis) as node:
        figures["anvil_settlement_s"] = median(measure_settlement(node, chain))
    figures["anvil_over_ours_settlement"] = figures["settlement_s"] / figures["anvil_settlement_s"]
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--eth-tester", type=Path, default=ETH_TESTER, help="Python of an environment with eth-tester")
    parser.add_argument("--community", type=Path, help="folder of a community whose settlements are replayed")
    parser.add_argument("--orders", type=int, default=200, help="orders to acknowledge in each state of the chain")
    arguments = parser.parse_args()
    figures = compare(arguments.eth_tester, arguments.community, arguments.orders)
    if arguments.json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name:32} {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
