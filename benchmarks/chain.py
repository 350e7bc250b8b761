"""What the embedded chain does in a second, through its process and socket, every block on the disk.

`python -m benchmarks.chain [--json]`. Per second of wall time of one client, since a block's fsync is part of the
answer, and per second of CPU of the chain's process, since the machine may be busy. One transfer to a block, a hundred
to a block (a JSON-RPC batch), reads, and the time to come up again.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from eth_account import Account

from energy.identity import Address, hex_text
from node.chain.client import AsyncChainClient
from node.chain.datadir import init_chain
from node.chain.genesis import Genesis
from node.chain.launcher import ChainProcess, start_chain
from node.chain.seal import read_sealer

CHAIN_ID: Final = 1_904_113_327
PAYER: Final = Account.from_key(b"\x0a" * 32)
SINGLE: Final = 300
BATCHES: Final = 5
BATCH: Final = 100
READS: Final = 300


def transfers(first: int, count: int) -> list[str]:
    """Return signed transfers to accounts that do not exist yet."""
    return [
        hex_text(
            PAYER.sign_transaction(
                {
                    "type": 2, "chainId": CHAIN_ID, "nonce": nonce, "gas": 21_000, "value": 1,
                    "to": (nonce * 2_654_435_761 + 2**80).to_bytes(20, "big"),
                    "maxFeePerGas": 100, "maxPriorityFeePerGas": 0,
                }
            ).raw_transaction
        )
        for nonce in range(first, first + count)
    ]  # fmt: skip


async def measure(process: ChainProcess) -> dict[str, float]:
    """Return rates per second."""
    client = AsyncChainClient(process.ipc_path)
    single, batched = transfers(0, SINGLE), transfers(SINGLE, BATCHES * BATCH)
    rates: dict[str, float] = {}
    with rated(rates, "transfers_one_a_block", SINGLE, process.pid):
        for raw in single:
            await client.call("eth_sendRawTransaction", [raw])
    with rated(rates, "transfers_100_a_block", len(batched), process.pid):
        for start in range(0, len(batched), BATCH):
            requests = [_request("eth_sendRawTransaction", raw) for raw in batched[start : start + BATCH]]
            answers = json.loads(await client.request_bytes(json.dumps(requests).encode()))
            assert all("result" in answer for answer in answers)
    for name, method, params in [
        ("calls", "eth_call", [{"to": PAYER.address}, "latest"]),
        ("balances", "eth_getBalance", [PAYER.address, "latest"]),
        ("blocks", "eth_getBlockByNumber", ["0x5", True]),
    ]:
        with rated(rates, name, READS, process.pid):
            for _ in range(READS):
                await client.call(method, params)
    await client.close()
    return rates


@contextmanager
def rated(rates: dict[str, float], name: str, count: int, pid: int) -> Iterator[None]:
    """Note how many times a second the body did something, by wall time and by CPU time of a process."""
    wall, cpu = time.perf_counter(), _cpu_s(pid)
    yield
    rates[f"{name}_per_s"] = count / (time.perf_counter() - wall)
    rates[f"{name}_per_cpu_s"] = count / max(_cpu_s(pid) - cpu, 0.01)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _request(method: str, *params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    as_json = parser.parse_args().json
    with tempfile.TemporaryDirectory() as name:
        datadir = Path(name)
        key_file = datadir / "sealer.key"
        key_file.touch(mode=0o600)
        key_file.write_text("5e" * 32, encoding="utf-8")
        payer = Address(bytes.fromhex(PAYER.address[2:]))
        init_chain(datadir, Genesis(CHAIN_ID, 1_767_225_600, read_sealer(key_file).address, {payer: 10**18}))
        with start_chain(datadir, key_file) as process:
            results = asyncio.run(measure(process))
        began = time.perf_counter()
        with start_chain(datadir, key_file):
            results["restart_s"] = time.perf_counter() - began
        stored = (datadir / "chain.sqlite3").stat().st_size
        results["stored_bytes_per_transfer"] = stored / (SINGLE + BATCHES * BATCH)
    if as_json:
        print(json.dumps(results))
    else:
        print("\n".join(f"{name:32} {value:10.2f}" for name, value in results.items()))


if __name__ == "__main__":
    main()
