"""How long an order's acknowledgement takes while strangers misbehave: `python -m benchmarks.hostile [--json]`.

A real node behind its ports. Its chain has a thousand logs to search; honest orders come one after the other over HTTP,
each acknowledged when it is on disk. Each attack runs in a process of its own, which yields the processor to the node
(`nice`), for attackers bring their own: batches of a thousand calls, calls that ask for 50 Mgas, connections that send
a byte now and then, subscribers that never read, searches of all logs; and all at once. Quiet rounds lie between, and
the ratio is to the median of theirs. Exits with 1 when a p99 is more than `--at-most` times the quiet one.
"""

import argparse
import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from eth_account import Account
from websockets.asyncio.client import connect

from benchmarks.order_acknowledgements import acknowledged, at_work
from energy.identity import hex_text
from node.app import Node
from node.short_turns import USUAL, take_turns
from node.signing.keys import KeyPair
from oracles.hashing import keccak
from tests.support.real_node import CHAIN_ID, found, homes_of

CLIENTS: Final = 8
"""Connections of an attack that asks."""
DRIPPING: Final = 300
SUBSCRIBERS: Final = 100
HASH_FOR_EVER: Final = "0x5b6180005f20505f56"
LOG_A_HUNDRED_TIMES: Final = "0x60645b5f5fa0600190038060025700"
"""Creation codes."""
RATIO_MAX: Final = 2.0


def _batch() -> bytes:
    calls = [
        {"jsonrpc": "2.0", "id": number, "method": "eth_getBlockByNumber", "params": [hex(number % 20), True]}
        for number in range(1_000)
    ]
    return json.dumps(calls).encode()


def _one(method: str, *params: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()


async def _asking(url: str, body: bytes) -> None:
    """Ask the same over several connections, each again as soon as it is answered or refused."""

    async def ask() -> None:
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    await client.post(url, content=body, headers={"content-type": "application/json"})

    await asyncio.gather(*(ask() for _ in range(CLIENTS)))


async def _dripping(url: str) -> None:
    """Open connections and send a byte of a head now and then; open another for each that is ended."""
    parts = urlsplit(url)

    async def drip() -> None:
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(parts.hostname, parts.port)
                for byte in b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: " + b"a" * 10_000:
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(1)

    await asyncio.gather(*(drip() for _ in range(DRIPPING)))


async def _subscribing(url: str) -> None:
    """Subscribe to everything, and read nothing of it."""
    held = []
    for _ in range(SUBSCRIBERS):
        connection = await connect(url.replace("http", "ws", 1), max_queue=1)
        held.append(connection)
        wishes: list[tuple[str, list[Any]]] = [
            ("eth_subscribe", ["newHeads"]),
            ("eth_subscribe", ["logs", {}]),
            ("eth_subscribe", ["newPendingTransactions", True]),
            ("energy_subscribe", [{"kinds": ["trade", "depth", "candle", "interval", "run"]}]),
        ]
        for number, (method, params) in enumerate(wishes):
            request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            await connection.send(json.dumps(request))
        connection.transport.pause_reading()
    await asyncio.Event().wait()


ATTACKS: Final[dict[str, Callable[[str], Awaitable[None]]]] = {
    "batches": lambda url: _asking(url, _batch()),
    "calls": lambda url: _asking(url, _one("eth_call", {"data": HASH_FOR_EVER, "gas": hex(50_000_000)}, "latest")),
    "slowloris": _dripping,
    "subscribers": _subscribing,
    "scans": lambda url: _asking(url, _one("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"})),
}


async def attack(name: str, url: str) -> None:
    """Misbehave in one way, or in all, until told to stop."""
    os.nice(19)
    print("begun", flush=True)
    await asyncio.gather(*(each(url) for key, each in ATTACKS.items() if name in (key, "all")))


@contextmanager
def attacked(name: str, url: str) -> Iterator[None]:
    """Let a process misbehave while the block runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.hostile", "--attack", name, url], stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        yield
    finally:
        process.kill()
        process.communicate()


async def _blocks(node: Node) -> None:
    """Let the chain grow by a block of a hundred logs a second, as while a community settles."""
    operator = KeyPair.from_private(keccak(b"operator"))
    nonce = int(await node.client.call("eth_getTransactionCount", [hex_text(operator.address), "latest"]), 16)
    while True:
        transaction = {
            "type": 2, "chainId": CHAIN_ID, "nonce": nonce, "gas": 200_000, "value": 0, "data": LOG_A_HUNDRED_TIMES,
            "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 0,
        }  # fmt: skip
        raw = Account.sign_transaction(transaction, operator.private_key).raw_transaction
        await node.client.call("eth_sendRawTransaction", [hex_text(bytes(raw))])
        nonce += 1
        await asyncio.sleep(1)


async def measured(folder: Path, orders: int, rounds: int, attacks: list[str]) -> dict[str, Any]:
    """Return the quiet p99 in seconds, and that under each attack over it."""
    with homes_of(folder) as homes:
        async with at_work(folder) as (node, url, client):
            await acknowledged(node, homes, client, url, orders // 4)
            growing = asyncio.create_task(_blocks(node))
            quiet: list[float] = []
            under: dict[str, list[float]] = {name: [] for name in attacks}
            for _ in range(rounds):
                for name in attacks:
                    quiet.append(await acknowledged(node, homes, client, url, orders))
                    with attacked(name, url):
                        await asyncio.sleep(2)  # until it has begun in earnest
                        under[name].append(await acknowledged(node, homes, client, url, orders))
                    await asyncio.sleep(1)
            growing.cancel()
            await asyncio.gather(growing, return_exceptions=True)
            middle = statistics.median(quiet)
            ratios = {f"{name}_over_quiet": statistics.median(found) / middle for name, found in under.items()}
            return {"quiet_p99_s": middle, "quiet_p99_s_most": max(quiet), **ratios}


def main() -> None:
    """Measure and print, or misbehave."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--orders", type=int, default=200, help="orders to acknowledge in each round")
    parser.add_argument("--rounds", type=int, default=3, help="times that each attack is made; the median counts")
    parser.add_argument("--only", choices=[*ATTACKS, "all"], action="append", help="make this attack only")
    parser.add_argument("--at-most", type=float, default=RATIO_MAX, help="ratio above which this fails")
    parser.add_argument("--attack", nargs=2, metavar=("NAME", "URL"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.attack:
        take_turns(USUAL)
        asyncio.run(attack(*arguments.attack))
        return
    with TemporaryDirectory() as name:
        attacks = arguments.only or [*ATTACKS, "all"]
        folder = Path(name) / "node"
        found(folder)
        figures = asyncio.run(measured(folder, arguments.orders, arguments.rounds, attacks))
    print(
        json.dumps(figures) if arguments.json else "\n".join(f"{key:24} {value:.4g}" for key, value in figures.items())
    )
    if any(value > arguments.at_most for key, value in figures.items() if key.endswith("_over_quiet")):
        sys.exit(1)


if __name__ == "__main__":
    main()
