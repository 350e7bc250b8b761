"""`cancelOnDisconnect` over a real socket: what came by it leaves with it, and with the node."""

import asyncio
import json
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect

from energy.identity import hex_text
from market.commands import DropDisconnected
from market.journal import decode
from market.orders import Order, Side
from node.app import Node
from node.orders.typed_data import order_json
from node.storage.log import replay
from tests.support.real_node import FIRST, Homes, homes_of, running, serving, signed, tick_at

BEFORE = FIRST - 1_200


def _request(node: Node, order: Order) -> dict[str, Any]:
    _, signature = signed(node.settlement_domain, order)
    params = [order_json(order), hex_text(signature)]
    return {"jsonrpc": "2.0", "id": 1, "method": "energy_placeOrder", "params": params}


def _fleeting(homes: Homes, price: int) -> Order:
    return homes.order("H01", Side.SELL, 100, price, FIRST, cancel_on_disconnect=True)


def _resting(node: Node) -> list[int]:
    return [each.order.limit_price_ueur_per_kwh for each in node.trading.state.resting_orders()]


def _shown(node: Node) -> list[int]:
    return [int(str(row["limitPrice"])) for row in node.queries.orders(status="resting")["items"]]


async def _until(node: Node, prices: list[int]) -> None:
    """Wait until these orders rest, in the market and in the tables, which are written when it is on disk."""
    for _ in range(1_000):
        if _resting(node) == _shown(node) == prices:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{_resting(node)} rest, {_shown(node)} are shown, not {prices}")


def test_orders_leave_with_their_socket_and_with_the_node(folder: Path) -> None:
    async def check(homes: Homes) -> None:
        async with running(folder, BEFORE) as node, serving(node) as (url, client):
            await tick_at(node, BEFORE)
            lasting = _request(node, homes.order("H01", Side.SELL, 100, 130_000, FIRST))
            refused = (await client.post(url, json=_request(node, _fleeting(homes, 140_000)))).json()
            assert refused["error"]["data"]["name"] == "NO_CONNECTION"
            socket_url = url.replace("http", "ws", 1)
            async with connect(socket_url) as staying:
                async with connect(socket_url) as leaving:
                    for request in (lasting, _request(node, _fleeting(homes, 120_000))):
                        await leaving.send(json.dumps(request))
                        assert "result" in json.loads(await leaving.recv())
                    await staying.send(json.dumps(_request(node, _fleeting(homes, 110_000))))
                    assert "result" in json.loads(await staying.recv())
                    assert sorted(_resting(node)) == [110_000, 120_000, 130_000]
                await _until(node, [130_000, 110_000])
            await _until(node, [130_000])
            # A node that was killed has no time to take anything out: the next start does.
            assert not hasattr(
                await node.place_order(*signed(node.settlement_domain, _fleeting(homes, 150_000))), "code"
            )
        async with running(folder, BEFORE + 1) as again:
            assert _resting(again) == [130_000]
            digest = again.trading.state.digest()
            community = again.community.digest()
        async with running(folder, BEFORE + 1) as replayed:
            assert replayed.trading.state.digest() == digest
        commands = [decode(record)[2] for record in replay(folder / "journal.log", community)[1]]
        assert sum(isinstance(command, DropDisconnected) for command in commands) == 3

    with homes_of(folder) as homes:
        asyncio.run(check(homes))
