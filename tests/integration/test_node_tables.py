"""The tables are behind the receipts, and never behind whoever asks."""

import asyncio
import sqlite3
import time
from pathlib import Path
from typing import Any

from energy.identity import hex_text
from market.orders import Side
from node.app import Node
from node.orders.typed_data import order_digest, order_json
from tests.support.real_node import FIRST, Homes, homes_of, running, serving, signed, tick_at

NOW = FIRST - 1_200
LOCKED_S = 5.0
"""How long SQLite waits for another's lock."""


def test_a_receipt_does_not_wait_for_tables_that_another_program_holds(folder: Path) -> None:
    async def check(homes: Homes, node: Node) -> None:
        await tick_at(node, NOW)
        holder = sqlite3.connect(folder / "node.sqlite", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        began = time.perf_counter()
        placed = await node.place_order(*signed(node.settlement_domain, homes.order("H01", Side.SELL, 100, 120_000)))
        assert not hasattr(placed, "code")
        assert time.perf_counter() - began < LOCKED_S
        assert holder.execute("SELECT count(*) FROM orderrow").fetchone() == (0,)
        holder.execute("ROLLBACK")
        holder.close()
        assert len(node.queries.orders()["items"]) == 1

    async def live() -> None:
        with homes_of(folder) as homes:
            async with running(folder, NOW) as node:
                await check(homes, node)

    asyncio.run(live())


def test_whoever_has_a_receipt_finds_the_order_by_every_face(folder: Path) -> None:
    async def live() -> None:
        with homes_of(folder) as homes:
            async with running(folder, NOW) as node, serving(node) as (url, client):
                await tick_at(node, NOW)
                for count in range(1, 21):
                    order, signature = signed(node.settlement_domain, homes.order("H01", Side.SELL, 1, 120_000))
                    calls: list[dict[str, Any]] = [
                        {"method": "energy_placeOrder", "params": [order_json(order), hex_text(signature)]},
                        {
                            "method": "energy_getOrder",
                            "params": [hex_text(order_digest(node.settlement_domain, order))],
                        },
                        {"method": "energy_getOrders", "params": [{}]},
                    ]
                    found = []
                    for call in calls:
                        found.append((await client.post(url, json={"jsonrpc": "2.0", "id": 1, **call})).json())
                    assert found[1]["result"]["status"] == "resting", found[1]
                    assert len(found[2]["result"]["items"]) == count

    asyncio.run(live())
