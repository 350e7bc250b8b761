"""What a community leaves on a chain in a year, and what the ledgers make of it: memory, room, restart, import.

`python -m benchmarks.chain_year [--blocks N]` prints it as one JSON object; `benchmarks.ledger` has it as `life`.
Each quarter of an hour the oracles attest, every two hours a run of three homes is settled, by the community's real
contracts: 39,420 transactions a year, a block each. The same signed bytes go to all ledgers. anvil imports no blocks:
it is given the transactions; eth-tester, which is slow, the first of them, and it keeps nothing to start again from.
Units: seconds, MiB.
"""

import argparse
import json
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from eth_account import Account
from web3 import Web3

from benchmarks.http_node import anvil, resident_mib
from benchmarks.ledger_work import Blocks, Work, replay_on_eth_tester
from benchmarks.settled_blocks import settled_chain
from energy.identity import ZERO_DIGEST, Address, Digest, hex_text
from market.settlement import pack_nets
from node.chain.clock import ManualClock
from node.chain.datadir import init_chain, open_chain
from node.chain.genesis import read_genesis
from node.chain.launcher import ChainProcess, start_chain
from node.chain.reading import STORE_FILE, ChainReader
from node.chain.sealed_block import SealedBlock
from node.coop.community import Community, Contracts
from node.ledger import artifact
from node.signing.keys import SEALER_FILE, KeyPair
from oracles.hashing import keccak
from oracles.records import IntervalReadings, Record, Run, history_hash, record_hash, record_values
from oracles.signatures import sign
from oracles.typed_data import Domain, community_domain, digest
from tests.support.anvil import BINARY
from tests.support.real_node import CHAIN_ID, FIRST, KEYS, LENGTH_S, found
from tests.support.source_tree import ROOT

INTERVALS_A_RUN: Final = 8
BLOCKS_A_YEAR: Final = 365 * 96 * (INTERVALS_A_RUN + 1) // INTERVALS_A_RUN
IMPORTED: Final = 10_000
"""Blocks of the import, if there are so many."""
FOR_ETH_TESTER: Final = 200
ETH_TESTER: Final = ROOT / "build" / "eth-tester" / "bin" / "python"
MIB: Final = 2**20
_OPERATOR: Final = keccak(b"operator")


def _signers(role: str) -> list[KeyPair]:
    """Return two of the three that sign, by address, as the contracts want them."""
    pairs = [KeyPair.from_private(keccak(f"{role}-{number}".encode())) for number in (1, 2, 3)]
    return sorted(pairs, key=lambda pair: pair.address)[:2]


def _signatures(signers: Sequence[KeyPair], domain: Domain, record: Record) -> list[bytes]:
    return [sign(pair.private_key, digest(domain, record_hash(record))) for pair in signers]


def _root(kind: str, step: int) -> Digest:
    return keccak(f"{kind} {step}".encode())


def calls(contracts: Contracts) -> Iterator[tuple[int, Address, str]]:
    """Yield the time, contract and data of each transaction of a community, without end."""
    readings = Web3().eth.contract(abi=artifact("Readings")["abi"])
    settlement = Web3().eth.contract(abi=artifact("Settlement")["abi"])
    attesting = community_domain(CHAIN_ID, contracts.readings)
    settling = community_domain(CHAIN_ID, contracts.settlement)
    oracles, attestors = _signers("oracle"), _signers("attestor")
    history = previous = ZERO_DIGEST
    step = 0
    while True:
        first, imported, exported = FIRST + step * LENGTH_S, 0, 0
        for _ in range(INTERVALS_A_RUN):
            interval = FIRST + step * LENGTH_S
            told = IntervalReadings(interval, _root("readings", step), 900 + step % 100, 800 + step % 90)
            history = history_hash(history, record_hash(told))
            imported, exported = imported + told.import_wh, exported + told.export_wh
            signed = _signatures(oracles, attesting, told)
            yield interval + LENGTH_S, contracts.readings, readings.encode_abi("attest", [record_values(told), signed])
            step += 1
        run_id = step // INTERVALS_A_RUN
        amount = (50_000 + run_id % 7) * (1 if run_id % 2 else -1)
        one, other, third = (pair.address for pair in KEYS.values())
        nets = pack_nets({one: amount, other: -(amount // 2), third: -(amount - amount // 2)})
        run = Run(
            run_id, first, interval, _root("orders", run_id), _root("trades", run_id), history,
            _root("entries", run_id), _root("certificates", run_id), keccak(nets), imported, exported, 400, exported,
            previous,
        )  # fmt: skip
        signed = _signatures(attestors, settling, run)
        previous = digest(settling, record_hash(run))
        data = settlement.encode_abi("settle", [record_values(run), nets, signed])
        yield interval + LENGTH_S + 1, contracts.settlement, data


def year_of(folder: Path, count: int, nonce: int) -> Iterator[tuple[int, bytes]]:
    """Yield the time and bytes of the first transactions of a founded community, from the operator's nonce on."""
    contracts = Community.load(folder / "community.json").contracts
    for place, (instant, to, data) in zip(range(count), calls(contracts), strict=False):
        transaction = {
            "type": 2, "chainId": CHAIN_ID, "nonce": nonce + place, "gas": 2_000_000, "value": 0, "to": to,
            "data": data, "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0,
        }  # fmt: skip
        yield instant, bytes(Account.sign_transaction(transaction, _OPERATOR).raw_transaction)


class ChainSocket:
    """Asks a chain's process over its socket, one thing after the other."""

    def __init__(self, process: ChainProcess) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(process.ipc_path))
        self._file = self._socket.makefile("rb")

    def ask(self, method: str, *params: Any) -> Any:
        """Return the result of a method."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(self._file.readline())
        if "result" not in answer:
            raise RuntimeError(answer)
        return answer["result"]

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()


def _started(folder: Path) -> ChainProcess:
    return start_chain(folder / "chain", folder / "keys" / SEALER_FILE, clock="manual")


def _lived(folder: Path, blocks: int) -> dict[str, float]:
    """Let a founded community's chain live; return what it took, and how soon it is there again."""
    with _started(folder) as process, closing(ChainSocket(process)) as chain:
        begun = resident_mib(process.pid)
        operator = hex_text(KeyPair.from_private(_OPERATOR).address)
        nonce = int(chain.ask("eth_getTransactionCount", operator, "latest"), 16)
        spent = 0.0
        for instant, raw in year_of(folder, blocks, nonce):
            began = time.perf_counter()
            chain.ask("chain_setTime", instant)
            tx_hash = chain.ask("eth_sendRawTransaction", hex_text(raw))
            spent += time.perf_counter() - began
        receipt = chain.ask("eth_getTransactionReceipt", tx_hash)
        assert receipt["status"] == "0x1", "the contracts refuse"
        figures = {
            "transactions_per_s": blocks / spent,
            "memory_begun_mib": begun,
            "memory_mib": resident_mib(process.pid),
        }
    began = time.perf_counter()
    with _started(folder) as process, closing(ChainSocket(process)) as chain:
        assert chain.ask("eth_blockNumber") == receipt["blockNumber"]
        figures["restart_s"] = time.perf_counter() - began
    return figures | {"stored_mib": (folder / "chain" / STORE_FILE).stat().st_size / MIB}


def _imported(folder: Path, target: Path, count: int) -> dict[str, float]:
    """Let another node take the first blocks of a chain as a follower does: each executed, compared, on the disk."""
    with closing(ChainReader(folder / "chain")) as store:
        blocks = []
        for number in range(1, count + 1):
            stored = store.block(number)
            assert stored is not None, "heights have no gap"
            raws = tuple(each.raw for each in store.transactions(number))
            blocks.append(SealedBlock(stored.header, raws, stored.seal))
    genesis = read_genesis(folder / "chain")
    init_chain(target, genesis)
    chain = open_chain(target, None, ManualClock(genesis.timestamp))
    try:
        cpu, wall = time.process_time(), time.perf_counter()
        for block in blocks:
            chain.adopt(block)
        wall = time.perf_counter() - wall
        return {"import_blocks": count, "import_s": wall, "import_cpu_s": time.process_time() - cpu}
    finally:
        chain.close()


def _on_anvil(work: Work, state: Path) -> dict[str, float]:
    with anvil(work.genesis, "--state", str(state)) as node:
        begun = node.resident_mib()
        spent = 0.0
        for instant, (raw,) in work.blocks:
            began = time.perf_counter()
            if instant is not None:
                node.set_time(instant)
            (tx_hash,) = node.ask(("eth_sendRawTransaction", [hex_text(raw)]))
            while (receipt := node.ask(("eth_getTransactionReceipt", [tx_hash]))[0]) is None:
                pass
            spent += time.perf_counter() - began
        assert receipt["status"] == "0x1"
        figures = {"transactions_per_s": len(work.blocks) / spent, "memory_begun_mib": begun}
        figures["memory_mib"] = node.resident_mib()
    began = time.perf_counter()
    with anvil(work.genesis, "--state", str(state), funded=False) as node:
        assert node.ask(("eth_blockNumber", [])) == [receipt["blockNumber"]]
        figures["restart_s"] = time.perf_counter() - began
    return figures | {"stored_mib": state.stat().st_size / MIB}


def measure(blocks: int, eth_tester: Path, *, with_anvil: bool) -> dict[str, dict[str, float] | None]:
    """Return what each ledger makes of so many blocks; None for one that is not there."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "node"
        found(folder)
        figures: dict[str, dict[str, float] | None] = {"ours": None, "anvil": None, "eth_tester": None}
        figures["ours"] = _lived(folder, blocks) | _imported(folder, Path(name) / "copy", min(IMPORTED, blocks))
        chain = settled_chain(folder)
        single: Blocks = [(instant, [raw]) for instant, raws in chain.blocks for raw in raws]
        work = Work(chain.genesis, chain.sealer_key, single, 0)
        if with_anvil:
            figures["anvil"] = _on_anvil(work, Path(name) / "anvil.json")
        first = len(single) - blocks
        counted = range(first, min(first + FOR_ETH_TESTER, len(single)))
        told = replay_on_eth_tester(eth_tester, work, work.blocks[: counted[-1] + 1], counted)
        if told is not None:
            rate = told["transactions"] / told["wall_s"]
            figures["eth_tester"] = {"transactions_per_s": rate, "memory_mib": told["rss_bytes"] / MIB}
        return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=BLOCKS_A_YEAR, help="blocks of the long chain (default: a year)")
    parser.add_argument("--eth-tester", type=Path, default=ETH_TESTER, help="Python of an environment with eth-tester")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.blocks, arguments.eth_tester, with_anvil=BINARY.exists())))


if __name__ == "__main__":
    main()
