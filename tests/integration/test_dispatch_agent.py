"""A member's agent beside a real node: it quotes with the member's key, drives a battery, restarts, stops safely."""

import asyncio
import json
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from dispatch.layers import make
from dispatch.plant import Device, Plant
from dispatch.prices import ExchangePrices
from dispatch.site_plan import SiteForecast, SitePlanner
from energy.errors import Misconfigured
from energy.identity import hex_text
from market.orders import Side
from metering.registers import RegisterSample
from node.agent.files import AgentFolder
from node.agent.home_file import HomeFile
from node.agent.member_agent import MemberAgent
from node.agent.page import PagePlan
from node.app import Node
from node.cli.main import main
from node.client import Client
from node.serve import ServeOptions, Servers
from tests.support.real_node import FIRST, KEYS, LENGTH_S, Homes, homes_of, running, signed, tick_at

POWER_W = 2_000
BATTERY = Device("battery", make("lithium", capacity_kwh=4.0, power_kw=POWER_W / 1e3, loss_per_month=0.0))
HOME = HomeFile("csv:grid", "", 9_000, 9_000, (BATTERY,), {"battery/cells": 2_000_000}, {"battery": "csv:b"}, "", 12)
ACCOUNT = hex_text(KEYS["H01"].address)
HOUSE_W = 1_200


class House:
    """A house that uses a steady power, and a battery that obeys, or does nothing."""

    def __init__(self, at: int) -> None:
        self.at, self.grid_ws, self.taken_ws, self.given_ws, self.power_w = at, 0, 0, 0, 0
        self.obeys = True
        self.sees_grid: bool | None = None

    def live(self, agent: MemberAgent, until: int) -> None:
        battery_w = self.power_w if self.obeys else 0
        passed_s, self.at = until - self.at, until
        self.grid_ws += (HOUSE_W + battery_w) * passed_s
        self.taken_ws += max(0, battery_w) * passed_s
        self.given_ws += max(0, -battery_w) * passed_s
        for meter, taken, given in (("grid", self.grid_ws, 0), ("battery", self.taken_ws, self.given_ws)):
            raw = (taken // 3_600, given // 3_600, until, until)
            sees = self.sees_grid if meter == "battery" else None
            agent.heard(meter, RegisterSample("S", *raw, False, False, True, b"", grid_there=sees))
        self.power_w = agent.step(until)["battery"]


async def live(node: Node, house: House, agent: MemberAgent, until: int) -> None:
    while house.at < until:
        then = min(until, house.at + 150)
        await tick_at(node, then)
        await asyncio.to_thread(house.live, agent, then)


async def lived(folder: Path, kept: AgentFolder, homes: Homes) -> None:
    first = FIRST + LENGTH_S
    async with running(folder, FIRST - 600) as node:
        servers = Servers(node, ServeOptions(rpc_port=0, web_port=0))
        await servers.start()
        assert servers.web_url is not None
        try:
            with Client(servers.web_url, KEYS["H01"].private_key) as client:
                house = House(FIRST - 600)
                agent = await asyncio.to_thread(MemberAgent, HOME, kept, client, house.at, folder)
                await live(node, house, agent, FIRST - 150)
                await shown(servers.web_url)
                resting = await asyncio.to_thread(lambda: client.orders(account=ACCOUNT, status="resting"))
                assert {(order["interval"], order["side"]) for order in resting} == {(first, "buy")}
                # A neighbour takes it up; at delivery the battery brings the exchange to what was agreed.
                order, signature = signed(node.settlement_domain, homes.order("H02", Side.SELL, 150, 61_000, first))
                await node.place_order(order, signature)
                await live(node, house, agent, FIRST + 300)
                agent = await asyncio.to_thread(MemberAgent, HOME, kept, client, house.at, folder)
                await live(node, house, agent, first)
                agreed_wh = await asyncio.to_thread(client.position_wh, first)
                assert agreed_wh >= 150
                before = house.grid_ws
                await live(node, house, agent, first + LENGTH_S)
                assert abs((house.grid_ws - before) // 3_600 - agreed_wh) <= 25
                assert json.loads((kept.path / "status.json").read_text())["alarms"] == []
                await darkened(node, house, agent)
                await disobeyed(node, house, agent)
                await asyncio.to_thread(agent.stop, house.at)
                async with httpx.AsyncClient(base_url=servers.web_url) as page:
                    assert (await page.get("/storage.json")).json()["items"] == [], "what has stopped plans nothing"
                assert await asyncio.to_thread(lambda: client.orders(account=ACCOUNT, status="resting")) == []
        finally:
            node.events.close()
            await servers.stop()


async def darkened(node: Node, house: House, agent: MemberAgent) -> None:
    """The node's word alone makes the home an island: its battery gives what the house uses, until the grid is back."""
    before_w = house.power_w
    node.set_grid(True)
    await live(node, house, agent, house.at + 300)
    assert agent.island
    assert abs(house.power_w + HOUSE_W) <= 25
    node.set_grid(False)
    await live(node, house, agent, house.at + 300)
    assert not agent.island
    assert abs(house.power_w) <= max(POWER_W, abs(before_w))


async def shown(url: str) -> None:
    """The node's page shows the plan of the battery, and why, in both languages."""
    async with httpx.AsyncClient(base_url=url) as page:
        steps = (await page.get("/storage.json")).json()["items"]
        english, french = [(await page.get(f"/?lang={language}")).text for language in ("en", "fr")]
    assert len(steps) > 1
    assert steps[0]["start"] == FIRST + LENGTH_S
    assert "battery holds 2,000 Wh of 4,000 Wh" in english.replace("\u00a0", " ").replace("\u202f", " ")
    assert "battery: charge " in english
    assert "Plan du stockage, et pourquoi" in french
    assert "battery : charger " in french.replace("\u00a0", " ").replace("\u202f", " ")


def test_a_plan_is_shown_only_of_a_storage_and_only_in_a_folder(tmp_path: Path) -> None:
    heated = Device("pump", make("heat_pump"))
    for devices, folder in (((heated,), tmp_path), ((BATTERY,), tmp_path / "nowhere")):
        with pytest.raises(Misconfigured, match=r"no storage|no folder"):
            PagePlan(folder, Plant(devices))
    shown, both = PagePlan(tmp_path, Plant((heated, BATTERY))), Plant((heated, BATTERY))
    forecast = SiteForecast(FIRST, (500, 500), (0, 0), heat_wh=(200, 200))
    plan = SitePlanner(LENGTH_S).plan(both, forecast, [ExchangePrices(1, 1, 2, 2, 0)] * 2)
    assert plan is not None
    shown.show(FIRST, both, plan)
    document = json.loads((tmp_path / "storage-plan.json").read_text())
    assert (document["label"], document["capacityWh"], document["why"]["device"]) == ("battery", 4_000, "battery")
    assert document["steps"][0]["chargeWh"] == 0, "what the heat pump draws is not the battery's"
    shown.show(FIRST, both, None)
    assert not (tmp_path / "storage-plan.json").exists()


async def disobeyed(node: Node, house: House, agent: MemberAgent) -> None:
    house.obeys = False
    await live(node, house, agent, house.at + 3 * LENGTH_S + 150)
    status = agent.status(house.at)
    assert status["devices"][0]["withdrawn"]
    assert [alarm["alarm"] for alarm in status["alarms"]] == ["device-disobeys"]
    assert house.power_w == 0
    assert 'resilia_dispatch_alarms{alarm="device-disobeys"} 1.0' in (
        (Path(agent.folder.path) / "metrics.prom").read_text()
    )


def test_an_agent_quotes_drives_restarts_and_stops_safely(folder: Path, tmp_path: Path, capsys: object) -> None:
    kept = AgentFolder(tmp_path / "agent")
    with homes_of(folder) as homes:
        asyncio.run(lived(folder, kept, homes))
    commands = json.loads((kept.path / "commands.json").read_text())
    assert commands["devices"] == [{"name": "battery", "power_w": 0}]
    assert commands["valid_until"] == commands["at"]
    assert [lived.load_wh for lived in kept.history()] == [None, *[300] * 5]
    assert main(["dispatch", "status", "--dir", str(kept.path)]) == 0
    assert main(["dispatch", "explain", str(kept.path)]) == 0


def came_back(house: House, agent: MemberAgent) -> None:
    """The grid returns: the exchange begins at nothing and moves by at most a tenth of the connection a minute."""
    house.sees_grid = True
    exchanges: list[int] = []
    for _ in range(12):
        house.live(agent, house.at + 60)
        status = agent.status(house.at)
        assert not status["island"]
        assert status["returning"] is (len(exchanges) < 10)
        exchanges.append(HOUSE_W + house.power_w)
    assert exchanges[0] == 0
    assert all(abs(after - before) <= HOME.import_max_w // 10 + 60 for before, after in pairwise(exchanges))
    assert exchanges[-1] > 2 * HOUSE_W, "and in the end it takes what was bought"


def test_without_a_node_the_home_is_planned_for_itself(tmp_path: Path) -> None:
    away = httpx.MockTransport(lambda request: httpx.Response(503, json={"detail": "away"}))
    kept = AgentFolder(tmp_path / "agent")
    prices = [[FIRST + i * LENGTH_S, 250_000, 60_000, 250_000, 60_000] for i in range(40)]
    known = httpx.MockTransport(
        lambda request: httpx.Response(200, json={"intervalLengthS": LENGTH_S, "gateLeadS": 300})
    )
    with Client("http://node", None, known) as client:
        MemberAgent(HOME, kept, client, FIRST)
    kept.save(saved | {"trader": saved["trader"] | {"tariffs": prices}} if (saved := kept.state()) else {})
    with Client("http://node", KEYS["H01"].private_key, away) as client:
        agent = MemberAgent(HOME, kept, client, FIRST)
        house = House(FIRST)
        for step in range(1, 8):
            house.live(agent, FIRST + step * 150)
        assert house.power_w == -HOUSE_W
        # Its battery loses the grid: what was agreed binds nobody, the house is served; and back.
        agent.trader._positions |= {FIRST + place * LENGTH_S: 900 for place in (1, 2, 3)}
        for sees in (True, False, None):
            house.sees_grid = sees
            house.live(agent, house.at + 60)
            assert agent.status(house.at)["island"] is (sees in (False, None)), "no word is no news"
            assert (house.power_w == -HOUSE_W) is agent.island, "else it charges what was bought"
        came_back(house, agent)
    assert agent.agent.last_plan is not None
    assert [alarm["alarm"] for alarm in agent.status(house.at)["alarms"]] == ["node-away"]
