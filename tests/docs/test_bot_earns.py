"""The bot of the documents earns the spread on a real node, and holds nothing when the gate closes."""

import asyncio
from pathlib import Path
from typing import Any

from energy.identity import hex_text
from market.orders import Side, TimeInForce
from node.client import Client
from node.serve import ServeOptions, Servers
from tests.support.documents import blocks
from tests.support.real_node import FIRST, KEYS, found, homes_of, running, signed, tick_at
from tests.support.source_tree import ROOT


def bot() -> dict[str, Any]:
    (snippet,) = blocks(ROOT / "docs" / "BOT.md", "python")
    assert len([line for line in snippet.text.splitlines() if line.strip()]) <= 45
    names: dict[str, Any] = {"__name__": "bot"}
    exec(snippet.text, names)
    return names


def test_bot_earns_the_spread_and_ends_with_nothing_held(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    found(folder)
    step = bot()["step"]

    async def scenario() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 2_000) as node:
                servers = Servers(node, ServeOptions(rpc_port=0, web_port=0))
                await servers.start()
                client = Client(servers.web_url, KEYS["H03"].private_key)

                async def neighbour(label: str, side: Side, price: int, wh: int, **other: Any) -> None:
                    order = homes.order(label, side, wh, price, FIRST, **other)
                    answer = await node.place_order(*signed(node.settlement_domain, order))
                    assert not hasattr(answer, "code"), str(answer)

                try:
                    await tick_at(node, FIRST - 1_900)
                    await neighbour("H01", Side.SELL, 160_000, 400)
                    await neighbour("H02", Side.BUY, 90_000, 400)
                    at_once = {"time_in_force": TimeInForce.IMMEDIATE_OR_CANCEL}
                    await asyncio.to_thread(step, client)
                    await neighbour("H01", Side.SELL, 91_000, 200, **at_once)
                    await asyncio.to_thread(step, client)
                    await neighbour("H02", Side.BUY, 159_000, 200, **at_once)
                    await asyncio.to_thread(step, client)
                    await neighbour("H01", Side.SELL, 91_000, 100, **at_once)
                    await tick_at(node, FIRST - 330)
                    held = await asyncio.to_thread(client.position_wh, FIRST)
                    await asyncio.to_thread(step, client)
                    left = await asyncio.to_thread(client.position_wh, FIRST)
                    trades = await asyncio.to_thread(client.trades, account=hex_text(KEYS["H03"].address))
                finally:
                    client.__exit__(None, None, None)
                    node.events.close()
                    await servers.stop()
        assert (held, left) == (100, 0)
        earned = sum(trade["amountNeur"] * (1 if trade["seller"] == client.account else -1) for trade in trades)
        assert earned == 200 * (159_000 - 91_000) - 100 * (91_000 - 90_000)

    asyncio.run(scenario())
