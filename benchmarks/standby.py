"""What a standby costs an order: `python -m benchmarks.standby --json` prints one JSON object.

Two real nodes in processes of their own, one alone and one that acknowledges nothing before its standby has it, a third
process on the same machine and disk. Orders come over HTTP, one after the other or eight at once, to either by turns.
The ratios are what to rely on: all of it shares one machine, and between two machines comes the way there and back.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx

from energy.identity import hex_text
from market.orders import Order, Side, TimeInForce
from node.cli.main import main as resilia
from node.coop.community import Community
from node.orders.typed_data import order_digest, order_json
from oracles.signatures import sign
from oracles.typed_data import community_domain
from tests.support.nats_servers import free_port
from tests.support.real_node import FIRST, KEYS
from tests.support.standbys import Process, node, standby
from tests.support.standing_node import found

ROUNDS: Final = 10
ORDERS: Final = 40
"""A round and node, for each way to send them."""
AT_ONCE: Final = 8
BEFORE: Final = FIRST - 3_600


def measure() -> dict[str, Any]:
    """Return all figures by name."""
    with TemporaryDirectory() as name, _both(Path(name)) as (alone, followed):
        members = {each.url: Member(each) for each in (alone, followed)}
        for member in members.values():
            member.place(ORDERS, 1)
        figures: dict[str, Any] = {"rounds": ROUNDS, "orders_a_round": ORDERS}
        for at_once in (1, AT_ONCE):
            took: dict[str, list[float]] = {url: [] for url in members}
            rates: dict[str, list[float]] = {url: [] for url in members}
            for turn in range(ROUNDS):
                for url in sorted(members, reverse=bool(turn % 2)):
                    began = time.perf_counter()
                    took[url] += members[url].place(ORDERS, at_once)
                    rates[url].append(ORDERS / (time.perf_counter() - began))
            figures |= {
                f"order_ms_{who}_{at_once}": round(1_000 * median(took[each.url]), 2)
                for who, each in (("alone", alone), ("standby", followed))
            }
            figures |= {
                f"order_ms_p99_{who}_{at_once}": round(1_000 * quantiles(took[each.url], n=100)[98], 2)
                for who, each in (("alone", alone), ("standby", followed))
            }
            pairs = zip(rates[followed.url], rates[alone.url], strict=True)
            figures[f"order_rate_standby_over_alone_{at_once}"] = round(median(one / two for one, two in pairs), 3)
        return figures


class Member:
    """Sends orders that find no counterpart and do not rest."""

    def __init__(self, served: Process) -> None:
        community = Community.load(served.folder / "community.json")
        self._domain = community_domain(community.chain_id, community.contracts.settlement)
        self._url, self._nonce = served.url, 0

    def place(self, count: int, at_once: int) -> list[float]:
        """Return the seconds until each order's receipt."""
        return asyncio.run(self._place([self._body() for _ in range(count)], at_once))

    def _body(self) -> dict[str, Any]:
        self._nonce += 1
        key = KEYS["H01"]
        order = Order(key.address, FIRST, Side.BUY, 10, 80_000, TimeInForce.IMMEDIATE_OR_CANCEL, self._nonce, 0)
        signature = sign(key.private_key, order_digest(self._domain, order))
        params = [order_json(order), hex_text(signature)]
        return {"jsonrpc": "2.0", "id": 1, "method": "energy_placeOrder", "params": params}

    async def _place(self, bodies: list[dict[str, Any]], at_once: int) -> list[float]:
        took: list[float] = []
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
            await client.post(self._url, json={"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []})

            async def member() -> None:
                while bodies:
                    body, began = bodies.pop(), time.perf_counter()
                    answer = (await client.post(self._url, json=body)).json()
                    took.append(time.perf_counter() - began)
                    if "result" not in answer:
                        raise RuntimeError(answer["error"])

            await asyncio.gather(*(member() for _ in range(at_once)))
        return took


@contextmanager
def _both(folder: Path) -> Iterator[tuple[Process, Process]]:
    """Run a node alone, and one with its standby."""
    one, first, second = folder / "one", folder / "first", folder / "second"
    found(one)
    found(first)
    with node(first, free_port(), BEFORE) as begun:
        begun.stop()
    with redirect_stdout(StringIO()):
        archive = str(folder / "first.tar")
        resilia(["backup", "create", archive, "--dir", str(first), "--with-keys"])
        resilia(["backup", "restore", archive, "--dir", str(second), "--as-standby"])
    with (
        node(one, free_port(), BEFORE) as alone,
        node(first, free_port(), BEFORE, "await") as followed,
        standby(second, followed.url),
    ):
        for served in (alone, followed):
            served.at(BEFORE + 1)
        yield alone, followed


if __name__ == "__main__":
    found_figures = measure()
    print(json.dumps(found_figures) if "--json" in sys.argv else json.dumps(found_figures, indent=1))
