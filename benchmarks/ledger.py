"""The embedded chain beside anvil and eth-tester: `python -m benchmarks.ledger [--json]`.

Like for like: anvil and ours each behind their own HTTP port, asked by the same client over kept-alive connections;
anvil as it comes, one block per transaction, but where it is said that a block holds many. eth-tester drives py-evm in
a process of its own (``make eth-tester`` installs it). What could not be measured is null. Besides the four ratios:

- `transfers`, `token_transfers` (blocks of 300, of accounts that do not exist yet) and `settlement_runs` (a community's
  `settle` transactions, each a block): transactions and Mgas per second, by the clock and by the processor of whoever
  executes; ours with every block on the disk.
- `reads_per_s`: balances and calls over 300 accounts, a block of 300 transactions, its logs, by one client.
- `clients`: what 50 clients at once see of `eth_call` (a balance in the contract) and `eth_getLogs` (ten blocks), ms.
- `settlement_s`: each settlement until its receipt is there. The community is ``--community FOLDER``, as
  `resilia demo --keep FOLDER` leaves it, or a small one that is made here.
- `life`: a community's chain of ``--blocks`` blocks: memory, room, restart and import. 10,000 blocks take some ten
  minutes; ``--blocks 39420`` is a year, and takes about three quarters of an hour.
- `ack_p99_block_over_idle`: an order's acknowledgement, p99, while full blocks execute, over that with an idle chain.
"""

import argparse
import json
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks import chain_year
from benchmarks.http_clients import latencies
from benchmarks.http_node import HttpNode, anvil, ours
from benchmarks.ledger_work import SEALER_KEY as KEY
from benchmarks.ledger_work import (
    SENDERS,
    compared,
    plain_transfers,
    rich_genesis,
    settlement_runs,
    token_transfers,
    transfers,
)
from benchmarks.order_acknowledgements import acknowledgement_ratio
from benchmarks.settled_blocks import SettledChain, selector, settle_runs, settled_chain
from energy.identity import hex_text
from node.chain.transactions import decode_transaction
from tests.support.anvil import BINARY

READS: Final = 300
ROUNDS: Final = 3
"""Times that each kind is measured on each node, in turns; the median counts."""
WARM_UP: Final = 40
CLIENTS: Final = 50
EACH: Final = 40
"""Questions of each client."""
BLOCKS: Final = 300
LEDGERS: Final = ("ours", "anvil", "eth_tester")

Figures = dict[str, dict[str, float] | None]
"""By ledger, then by kind."""


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
    sends = [("eth_sendRawTransaction", [hex_text(raw)]) for raw in transfers()]
    with ours(rich_genesis(), KEY) as we, anvil(rich_genesis(), "--no-mining") as they:
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


def replay(node: HttpNode, chain: SettledChain) -> list[float]:
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


def crowd_kinds(chain: SettledChain) -> dict[str, list[tuple[str, list[Any]]]]:
    """Return what many clients ask of a community's chain."""
    settle, balance_of = selector("Settlement", "settle"), selector("Settlement", "balanceOf")
    sent = [decode_transaction(raw) for _, raws in chain.blocks for raw in raws]
    settlement = hex_text(next(each.to for each in sent if each.data[:4] == settle and each.to is not None))
    calls: list[tuple[str, list[Any]]] = [
        ("eth_call", [{"to": settlement, "data": hex_text(balance_of + bytes(12) + account)}, "latest"])
        for account in chain.genesis.alloc
    ]
    logs: list[tuple[str, list[Any]]] = [
        ("eth_getLogs", [{"fromBlock": hex(start), "toBlock": hex(start + 9)}])
        for start in range(1, len(chain.blocks) - 9)
    ]
    return {"eth_call": calls, "eth_getLogs": logs}


def measure_settled(chain: SettledChain, *, with_anvil: bool) -> tuple[Figures, dict[str, float | None]]:
    """Return what crowds of clients see of a community's chain by ledger and kind, and a settlement's seconds."""
    clients: Figures = dict.fromkeys(LEDGERS)
    seconds: dict[str, float | None] = dict.fromkeys(LEDGERS)
    started = {"ours": ours(chain.genesis, chain.sealer_key)}
    if with_anvil:
        started["anvil"] = anvil(chain.genesis)
    for name, node_of in started.items():
        with node_of as node:
            seconds[name] = median(replay(node, chain))
            told: dict[str, float] = {}
            for kind, requests in crowd_kinds(chain).items():
                rounds = [latencies(node.url, CLIENTS, EACH, requests) for _ in range(ROUNDS)]
                told |= {f"{kind}_{key}": median(each[key] for each in rounds) for key in rounds[0]}
            clients[name] = told
    return clients, seconds


def compare(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return all figures."""
    eth_tester, with_anvil = arguments.eth_tester, BINARY.exists()
    work = {name: kind(ROUNDS) for name, kind in (("transfers", plain_transfers), ("token_transfers", token_transfers))}
    figures: dict[str, Any] = dict.fromkeys(
        ("transfers_over_eth_tester", "anvil_over_ours_reads", "anvil_over_ours_settlement")
    )
    figures["ack_p99_block_over_idle"] = acknowledgement_ratio(arguments.orders)
    with TemporaryDirectory() as name:
        if arguments.community is None:
            settle_runs(Path(name) / "node")
        chain = settled_chain(arguments.community or Path(name) / "node")
    for kind, what in work.items():
        figures[kind] = compared(what, eth_tester, with_anvil=with_anvil)
    settle = selector("Settlement", "settle")
    figures["settlement_runs"] = compared(settlement_runs(chain), eth_tester, with_anvil=with_anvil, only=settle)
    figures["clients"], seconds = measure_settled(chain, with_anvil=with_anvil)
    figures["settlement_s"] = seconds
    figures["life"] = chain_year.measure(arguments.blocks, eth_tester, with_anvil=with_anvil)
    if (theirs := figures["transfers"]["eth_tester"]) is not None:
        figures["transfers_over_eth_tester"] = figures["transfers"]["ours"]["per_cpu_s"] / theirs["per_cpu_s"]
    if with_anvil:
        reads = figures["reads_per_s"] = measure_reads()
        figures["anvil_over_ours_reads"] = max(reads["anvil"][kind] / reads["ours"][kind] for kind in reads["ours"])
        figures["anvil_over_ours_settlement"] = (seconds["ours"] or 0) / (seconds["anvil"] or 1)
    return figures


def table(figures: dict[str, Any]) -> str:
    """Return the figures for people: a line each, a column per ledger."""
    lines = [f"{name:44}{_shown(value)}" for name, value in figures.items() if not isinstance(value, dict)]
    lines += ["", " " * 44 + "".join(f"{name:>14}" for name in LEDGERS)]
    for what, by_ledger in figures.items():
        if not isinstance(by_ledger, dict):
            continue
        columns = [by_ledger.get(name) for name in LEDGERS]
        kinds = dict.fromkeys(kind for column in columns if isinstance(column, dict) for kind in column)
        for kind in kinds:
            cells = [column.get(kind) if isinstance(column, dict) else None for column in columns]
            lines.append(f"{f'{what} {kind}':44}" + "".join(f"{_shown(cell):>14}" for cell in cells))
        if not kinds:
            lines.append(f"{what:44}" + "".join(f"{_shown(cell):>14}" for cell in columns))
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}" if value < 10_000 else f"{value:.0f}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--eth-tester", type=Path, default=chain_year.ETH_TESTER, help="Python of an environment with eth-tester"
    )
    parser.add_argument("--community", type=Path, help="folder of a community whose settlements are replayed")
    parser.add_argument("--orders", type=int, default=200, help="orders to acknowledge in each state of the chain")
    parser.add_argument(
        "--blocks", type=int, default=BLOCKS, help=f"blocks of the long chain; a year is {chain_year.BLOCKS_A_YEAR}"
    )
    figures = compare(arguments := parser.parse_args())
    print(json.dumps(figures) if arguments.json else table(figures))


if __name__ == "__main__":
    main()
