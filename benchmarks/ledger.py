"""The embedded chain beside eth-tester and anvil: `python -m benchmarks.ledger [--json]`.

Transfers: 300 accounts make one transfer each, all in one block; CPU seconds of the process that executes it.
eth-tester runs in an environment of its own (``--eth-tester PYTHON``), ours behind its socket with the block on disk.
Reads and settlement: the same requests from the same client over each node's own Unix socket, wall seconds, one node
after the other. Settlement replays the `settle` transactions of a community (``--community FOLDER``, as `resilia demo
--keep FOLDER` leaves it) after everything before them.
What could not be measured is null.
"""

import argparse
import json
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from eth_account import Account
from eth_utils.abi import function_abi_to_4byte_selector

from energy.identity import Address, hex_text
from node.chain.datadir import init_chain
from node.chain.framing import JsonSplitter
from node.chain.genesis import Genesis, read_genesis
from node.chain.header import Header
from node.chain.launcher import start_chain
from node.chain.seal import Sealer
from node.chain.store import ChainStore
from node.chain.transactions import decode_transaction

ROOT: Final = Path(__file__).parents[1]
ETH_TESTER: Final = ROOT / "build" / "eth-tester" / "bin" / "python"
ANVIL: Final = ROOT / "tests" / "clients" / "node_modules" / ".bin" / "anvil"
CHAIN_ID: Final = 1_904_113_327
START: Final = 1_767_225_600
SEALER_KEY: Final = b"\x5e" * 32
SENDERS: Final = tuple(Account.from_key((10**6 + number).to_bytes(32, "big")) for number in range(300))
READS: Final = 400
WARM_UP: Final = 20
SETTLE: Final = "settle"


class Node:
    """A node's Unix socket."""

    def __init__(self, path: Path, pid: int) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._pid = pid

    def ask(self, *calls: tuple[str, list[Any]]) -> list[Any]:
        """Return the results of calls made as one request or batch."""
        requests = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(calls)
        ]
        self._socket.sendall(json.dumps(requests if len(calls) > 1 else requests[0]).encode() + b"\n")
        splitter = JsonSplitter(100_000_000)
        while not (values := splitter.feed(self._socket.recv(1 << 20))):
            pass
        answers = json.loads(values[0])
        return [answer["result"] for answer in (answers if isinstance(answers, list) else [answers])]

    def cpu_s(self) -> float:
        """Return the CPU time of the node's process, in steps of 10 ms."""
        fields = Path(f"/proc/{self._pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


@contextmanager
def ours(genesis: Genesis, key: bytes) -> Iterator[Node]:
    """Run a new chain of ours."""
    with tempfile.TemporaryDirectory() as name:
        key_file = Path(name) / "sealer.key"
        key_file.touch(mode=0o600)
        key_file.write_text(key.hex(), encoding="utf-8")
        init_chain(Path(name), genesis)
        with start_chain(Path(name), key_file, clock="manual") as process:
            node = Node(process.ipc_path, process.pid)
            yield node
            node.close()


@contextmanager
def anvil(binary: Path, genesis: Genesis) -> Iterator[Node]:
    """Run anvil with the same chain id and the same rich accounts."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "anvil.ipc"
        options = {
            "--ipc": path, "--chain-id": genesis.chain_id, "--hardfork": "prague", "--base-fee": 7, "--port": 0,
            "--timestamp": genesis.timestamp, "--gas-limit": genesis.gas_limit, "--accounts": 1,
        }  # fmt: skip
        command = [str(binary), "--no-mining", *(str(part) for option in options.items() for part in option)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            while not path.exists():
                time.sleep(0.05)
            node = Node(path, process.pid)
            for address, balance in genesis.alloc.items():
                node.ask(("anvil_setBalance", [hex_text(address), hex(balance)]))
            yield node
            node.close()
        finally:
            process.terminate()
            process.wait()


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
    with ours(rich_genesis(), SEALER_KEY) as node:
        calls = [("eth_sendRawTransaction", [raw]) for raw in transfers()]
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


def measure_reads(node: Node, *, mine: bool) -> dict[str, float]:
    """Return reads per second by kind, of a chain with one block of 300 transfers."""
    node.ask(*(("eth_sendRawTransaction", [raw]) for raw in transfers()))
    if mine:
        node.ask(("evm_mine", []))
    sender = SENDERS[0].address
    loop = "0x61012c5b600190038060035760005500"  # counts down from 300
    kinds: dict[str, tuple[str, list[Any]]] = {
        "balance": ("eth_getBalance", [sender, "latest"]),
        "call": ("eth_call", [{"from": sender, "data": loop}, "latest"]),
        "block": ("eth_getBlockByNumber", ["0x1", False]),
        "logs": ("eth_getLogs", [{"fromBlock": "0x0", "toBlock": "latest"}]),
    }
    rates = {}
    for name, call in kinds.items():
        for _ in range(WARM_UP):
            node.ask(call)
        began = time.perf_counter()
        for _ in range(READS):
            node.ask(call)
        rates[name] = READS / (time.perf_counter() - began)
    return rates


def measure_settlement(node: Node, blocks: Sequence[tuple[int, list[bytes]]], *, mine: bool) -> float:
    """Replay a community's blocks and return how many `settle` transactions it did in a second."""
    selector = _selector_of_settle()
    spent, settled = 0.0, 0
    for timestamp, raws in blocks:
        node.ask(("evm_setNextBlockTimestamp", [timestamp]) if mine else ("chain_setTime", [timestamp]))
        calls = [("eth_sendRawTransaction", [hex_text(raw)]) for raw in raws]
        began = time.perf_counter()
        hashes = node.ask(*calls)
        if mine:
            node.ask(("evm_mine", []))
        took = time.perf_counter() - began
        if all(decode_transaction(raw).data[:4] == selector for raw in raws):
            spent, settled = spent + took, settled + len(raws)
            receipts = node.ask(*(("eth_getTransactionReceipt", [tx]) for tx in hashes))
            assert all(receipt["status"] == "0x1" for receipt in receipts)
    return settled / spent


def _selector_of_settle() -> bytes:
    artifact = json.loads((ROOT / "contracts" / "artifacts" / "Settlement.json").read_text(encoding="utf-8"))
    (entry,) = (entry for entry in artifact["abi"] if entry.get("name") == SETTLE and entry["type"] == "function")
    return bytes(function_abi_to_4byte_selector(entry))


def blocks_of(datadir: Path) -> list[tuple[int, list[bytes]]]:
    """Return timestamp and transactions of every block of a stored chain."""
    store = ChainStore(datadir)
    try:
        head = store.head()
        assert head is not None
        found = []
        for number in range(1, head.number + 1):
            block = store.block(number)
            assert block is not None
            raws = [stored.raw for stored in store.transactions(number)]
            found.append((Header.from_rlp(block.header).timestamp, raws))
        return found
    finally:
        store.close()


def compare(eth_tester: Path, anvil_binary: Path, community: Path | None) -> dict[str, Any]:
    """Return all figures."""
    figures: dict[str, Any] = {"transfers_per_cpu_s": measure_transfers()}
    theirs = measure_eth_tester(eth_tester)
    figures["eth_tester_transfers_per_cpu_s"] = theirs
    figures["transfers_over_eth_tester"] = None if theirs is None else figures["transfers_per_cpu_s"] / theirs
    with ours(rich_genesis(), SEALER_KEY) as node:
        figures["reads_per_s"] = measure_reads(node, mine=False)
    figures |= dict.fromkeys(("anvil_reads_per_s", "anvil_over_ours_reads", "anvil_over_ours_settlement"))
    figures["ack_p99_block_over_idle"] = None
    if not anvil_binary.exists():
        return figures
    with anvil(anvil_binary, rich_genesis()) as node:
        figures["anvil_reads_per_s"] = measure_reads(node, mine=True)
    ratios = [figures["anvil_reads_per_s"][kind] / rate for kind, rate in figures["reads_per_s"].items()]
    figures["anvil_over_ours_reads"] = max(ratios)
    if community is not None:
        genesis, blocks = read_genesis(community / "chain"), blocks_of(community / "chain")
        key = bytes.fromhex((community / "keys" / "sealer.key").read_text(encoding="utf-8").strip().removeprefix("0x"))
        with ours(genesis, key) as node:
            figures["settlements_per_s"] = measure_settlement(node, blocks, mine=False)
        with anvil(anvil_binary, genesis) as node:
            figures["anvil_settlements_per_s"] = measure_settlement(node, blocks, mine=True)
        figures["anvil_over_ours_settlement"] = figures["anvil_settlements_per_s"] / figures["settlements_per_s"]
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--eth-tester", type=Path, default=ETH_TESTER, help="Python of an environment with eth-tester")
    parser.add_argument("--anvil", type=Path, default=ANVIL, help="the anvil to compare with")
    parser.add_argument("--community", type=Path, help="folder of a community whose settlements are replayed")
    arguments = parser.parse_args()
    figures = compare(arguments.eth_tester, arguments.anvil, arguments.community)
    if arguments.json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name:32} {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
