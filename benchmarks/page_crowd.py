"""What 200 open pages cost those who trade: a node, its readers and its traders, each in a process of its own.

A real node on a disk, behind its ports. The trader places signed orders one after the other over REST, every tenth of
which meets another, so that there are trades to show; an order counts as acknowledged when its receipt is back. The
readers do what the page's script does.
"""

import asyncio
import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from energy.identity import Address, hex_text
from market.orders import Side, TimeInForce
from node.orders.typed_data import order_json
from node.serve import ServeOptions, Servers
from oracles.typed_data import Domain
from tests.support.real_node import FIRST, Homes, found, running, signed, tick_at

MODULE: Final = "benchmarks.page_crowd"
PAGES: Final = 200
PATHS: Final = ("/", "/trades")
"""A page that is the same for all, and one that fetches itself."""
ORDERS: Final = 1_000
TRADE_EVERY: Final = 10
SPREAD_S: Final = 0.3
"""As in `live.mjs`."""


def measured_crowd(pages: int = PAGES, orders: int = ORDERS) -> dict[str, Any]:
    """Return how orders are answered with no page open and with many."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "node"
        found(folder)
        with _process("node", str(folder)) as node:
            url = _line(node)
            _trade(url, orders // 4, 0)
            figures: dict[str, Any] = {"orders_quiet": _trade(url, orders, orders)}
            for count, path in enumerate(PATHS, 2):
                with _process("readers", url, path, str(pages)) as readers:
                    _line(readers)
                    busy = _trade(url, orders, count * orders)
                    readers.terminate()
                    busy["updates_per_s"] = int(_line(readers))
                figures[f"orders_with_{pages}_times_{path}"] = busy
    return figures


@contextmanager
def _process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-m", MODULE, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate()


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _trade(url: str, orders: int, nonce: int) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", MODULE, "trader", url, str(orders), str(nonce)],
        stdout=subprocess.PIPE, check=True, text=True,
    )  # fmt: skip
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


# -- THE NODE


async def _be_node(folder: Path) -> None:
    async with running(folder, FIRST - 1_200) as node:
        await tick_at(node, FIRST - 1_200)
        servers = Servers(node, ServeOptions(rpc_port=0, web_port=0))
        await servers.start()
        print(servers.web_url, flush=True)
        await asyncio.Event().wait()


# -- THE TRADER


def _be_trader(url: str, orders: int, nonce: int) -> None:
    """Place orders; print the milliseconds until they are acknowledged."""
    homes, times = Homes(Path(), nonce=nonce), []
    with httpx.Client(timeout=60, trust_env=False) as client:
        domain = _domain(client.get(f"{url}/api/v1/domain").json()["settlement"])
        for place in range(orders):
            meets, rests = place % TRADE_EVERY == 1, place % TRADE_EVERY == 0
            side, label = (Side.BUY, "H02") if rests else (Side.SELL, "H01")
            price = 100_000 if rests or meets else 200_000
            how = TimeInForce.GOOD_TILL_GATE if rests else TimeInForce.IMMEDIATE_OR_CANCEL
            order = homes.order(label, side, 1, price, time_in_force=how)
            body = {"order": order_json(order), "signature": hex_text(signed(domain, order)[1])}
            sent = time.perf_counter()
            answer = client.post(f"{url}/api/v1/orders", json=body)
            times.append(1_000 * (time.perf_counter() - sent))
            assert answer.status_code == 201, answer.text
    ranked = sorted(times)
    p50, p99 = ranked[len(ranked) // 2], ranked[len(ranked) * 99 // 100]
    print(json.dumps({"p50_ms": round(p50, 2), "p99_ms": round(p99, 2)}))


def _domain(settlement: dict[str, Any]) -> Domain:
    contract = Address(bytes.fromhex(settlement["verifyingContract"][2:]))
    return Domain(settlement["name"], settlement["version"], settlement["chainId"], contract)


# -- THE READERS


class _Reader:
    """An open page: loads it, and is sent what changes, or is told and fetches itself again."""

    def __init__(self, url: str, path: str) -> None:
        parts = urlsplit(url)
        self._host, self._port, self._path = str(parts.hostname), int(parts.port or 80), path
        self.updates = 0
        self.open = asyncio.Event()

    async def read(self) -> None:
        await self._load()
        is_first = self._path == "/"
        reader, _ = await self._ask("/follow/now" if is_first else "/follow", "keep-alive")
        while line := await reader.readline():
            self.open.set()
            if line.startswith(b"data: "):
                if not is_first:
                    await asyncio.sleep(random.random() * SPREAD_S)
                    await self._load()
                self.updates += 1

    async def _load(self) -> None:
        reader, writer = await self._ask(self._path, "close")
        while await reader.read(65_536):
            pass
        writer.close()

    async def _ask(self, path: str, connection: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(self._host, self._port, limit=2**20)
        head = f"GET {path} HTTP/1.1\r\nhost: {self._host}:{self._port}\r\nconnection: {connection}\r\n\r\n"
        writer.write(head.encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        return reader, writer


async def _be_readers(url: str, path: str, pages: int) -> None:
    """Be open pages until told to stop; then print how many updates they had in a second."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    readers = [_Reader(url, path) for _ in range(pages)]
    tasks = []
    for reader in readers:  # people come one after the other
        tasks.append(asyncio.create_task(reader.read()))
        await reader.open.wait()
    before, begun = sum(reader.updates for reader in readers), loop.time()
    print("open", flush=True)
    await stop.wait()
    seen = sum(reader.updates for reader in readers) - before
    print(round(seen / (loop.time() - begun)), flush=True)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    role, *rest = sys.argv[1:]
    if role == "node":
        asyncio.run(_be_node(Path(rest[0])))
    elif role == "trader":
        _be_trader(rest[0], int(rest[1]), int(rest[2]))
    else:
        asyncio.run(_be_readers(rest[0], rest[1], int(rest[2])))
