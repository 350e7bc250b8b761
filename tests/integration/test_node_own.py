"""What a bot asks and is told of itself, over real sockets: positions, exposure, readings; news taken up again."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from energy.identity import hex_text
from market.orders import Side
from node.app import Node
from node.client import Client, NodeRefused
from node.orders.typed_data import order_json
from node.serve import ServeOptions, Servers
from tests.support.real_node import FIRST, KEYS, Homes, homes_of, running, serving, signed, tick_at

BEFORE = FIRST - 1_200


async def _call(socket: ClientConnection, method: str, *params: Any) -> Any:
    await socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
    return json.loads(await asyncio.wait_for(socket.recv(), 10))["result"]


def _watch(url: str, heard: list[list[Any]]) -> None:
    """Follow the candles of the interval by server-sent events until its gate closes."""
    with Client(url) as visitor:
        heard.extend(visitor.follow_candles(FIRST))


async def _told_trade(socket: ClientConnection) -> dict[str, Any]:
    params = json.loads(await asyncio.wait_for(socket.recv(), 10))["params"]
    assert params["result"]["kind"] == "trade"
    return {"subscription": params["subscription"], **params["result"]}


def _look(node: Node, keys: dict[str, bytes], url: str) -> None:
    """Ask as somebody from elsewhere, whom a proxy passed on."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "page":
            return httpx.Response(200, json=node.status() if request.url.path.endswith("/status") else node.domain())
        headers = {"content-type": "application/json", "x-forwarded-for": "192.0.2.1"}
        passed_on = httpx.post(url, content=request.content, headers=headers, trust_env=False)
        return httpx.Response(200, json=passed_on.json())

    transport = httpx.MockTransport(answer)
    with Client("http://page", keys["H01"], transport, rpc_url="http://rpc") as seller:
        (position,) = seller.positions()
        assert (position["positionWh"], position["openSellWh"], position["status"]) == (-90, 10, "open")
        assert position["paidNeur"] == -90 * 120_000
        exposure = seller.exposure()
        assert (exposure["account"], exposure["openOrders"], exposure["openWh"]) == (seller.account, 1, 10)
        assert exposure["inUseNeur"] == position["worstCaseNeur"]
        assert seller.positions(start=FIRST + 900) == []
        assert seller.readings() == []
    with Client("http://page", keys["H02"], transport, rpc_url="http://rpc") as buyer:
        assert [each["positionWh"] for each in buyer.positions()] == [90]
        buyer._key = keys["H01"]
        with pytest.raises(NodeRefused, match="look"):
            buyer.positions()


def test_a_bot_sees_what_is_its_own_and_misses_nothing(folder: Path) -> None:
    async def check(homes: Homes) -> None:
        async with running(folder, BEFORE) as node, serving(node) as (url, _):
            await tick_at(node, BEFORE)
            socket_url = url.replace("http", "ws", 1)

            async def place(home: str, side: Side, wh: int) -> None:
                order, signature = signed(node.settlement_domain, homes.order(home, side, wh, 120_000, FIRST))
                async with connect(socket_url) as socket:
                    await _call(socket, "energy_placeOrder", order_json(order), hex_text(signature))

            async with connect(socket_url) as socket:
                first = await _call(socket, "energy_subscribe", {"kinds": ["trade"], "interval": FIRST})
                await place("H01", Side.SELL, 100)
                await place("H02", Side.BUY, 60)
                trade = await _told_trade(socket)
                assert (trade["subscription"], trade["data"]["quantityWh"]) == (first, 60)
            await place("H02", Side.BUY, 30)
            async with connect(socket_url) as socket:
                await _call(socket, "energy_subscribe", {"kinds": ["trade"], "after": trade["id"]})
                missed = await _told_trade(socket)
                assert (missed["data"]["quantityWh"], missed["data"]["number"]) == (30, trade["data"]["number"] + 1)
            keys = {label: KEYS[label].private_key for label in ("H01", "H02")}
            await asyncio.to_thread(_look, node, keys, url)

    with homes_of(folder) as homes:
        asyncio.run(check(homes))


def test_candles_grow_on_both_streams_and_join_the_snapshot(folder: Path) -> None:
    async def check(homes: Homes) -> None:
        async with running(folder, BEFORE) as node:
            await tick_at(node, BEFORE)
            servers = Servers(node, ServeOptions(rpc_port=0, web_port=0))
            await servers.start()
            socket_url = servers.rpc_url.replace("http", "ws", 1)
            heard: list[list[Any]] = []

            async def trade(wh: int) -> None:
                for home, side in (("H01", Side.SELL), ("H02", Side.BUY)):
                    order, signature = signed(node.settlement_domain, homes.order(home, side, wh, 120_000, FIRST))
                    async with connect(socket_url) as socket:
                        await _call(socket, "energy_placeOrder", order_json(order), hex_text(signature))

            await trade(100)
            watching = asyncio.create_task(asyncio.to_thread(_watch, servers.web_url, heard))
            async with connect(socket_url) as socket:
                await _call(socket, "energy_subscribe", {"kinds": ["candle"], "interval": FIRST})
                page = await _call(socket, "energy_getCandles", {"interval": FIRST})
                while not heard:
                    await asyncio.sleep(0.01)
                await trade(60)
                told = json.loads(await asyncio.wait_for(socket.recv(), 10))["params"]["result"]
            (before,), (after,) = page["items"], told["data"]["candles"]
            assert (told["kind"], told["data"]["interval"]) == ("candle", FIRST)
            assert told["data"]["previousSequence"] <= page["sequence"] < told["data"]["sequence"]
            assert (before["trades"], before["quantityWh"]) == (1, 100)
            assert (after["trades"], after["quantityWh"], after["start"]) == (2, 160, before["start"])
            while len(heard) < 2:
                await asyncio.sleep(0.01)
            assert heard[:2] == [[before], [after]]
            await tick_at(node, FIRST)  # the gate closes
            await asyncio.wait_for(watching, 20)
            assert heard[-1] == [after]
            node.events.close()
            await servers.stop()

    with homes_of(folder) as homes:
        asyncio.run(check(homes))
