"""A node whose inverter loses the grid on Modbus, and a home beside it that sheds, goes dark, starts again in the
published order with acknowledged steps, and comes back to the grid without a jump."""

import asyncio
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dispatch.island.restart import SwitchedLoad
from dispatch.layers import make
from dispatch.plant import Device
from metering.registers import RegisterSample
from metering.sources.simulators.kinds import KINDS, Registers
from metering.sources.simulators.line import TcpLine
from metering.sources.simulators.meter import MeterSimulator
from node.agent.files import SWITCHED, AgentFolder
from node.agent.home_file import HomeFile
from node.agent.member_agent import SILENT_S, MemberAgent
from node.app import Node
from node.cli.main import main
from node.client import Client
from node.readings.grid import INVERTERS_FILE, STEADY_S
from node.serve import ServeOptions, Servers
from tests.support.real_node import FIRST, KEYS, homes_of, mode_after, running, tick_at

STEP_S = 30
CAPACITY_WH, POWER_W, BASE_W, SUN_W = 4_000, 1_000, 300, 3_600
BATTERY = Device("battery", make("lithium", capacity_kwh=CAPACITY_WH / 1e3, power_kw=POWER_W / 1e3, loss_per_month=0.0))
LOADS = (
    SwitchedLoad("boiler", 2, 2_000),
    SwitchedLoad("pump", 1, 700, 3_500),
    SwitchedLoad("fridge", 0, 150, 5_000),
)
HOME = HomeFile(
    "csv:grid", "", 9_000, 9_000, (BATTERY,), {"battery/cells": 3_500_000}, {"battery": "csv:b"}, "", 12, loads=LOADS
)
ORDER = [{"fridge"}, {"fridge", "pump"}, {"fridge", "pump", "boiler"}]


class House:
    """What is on draws its power; the battery does what it is told, and without any power no meter speaks."""

    def __init__(self, agent: MemberAgent, at: int) -> None:
        self.agent, self.at = agent, at
        self.sun_w, self.power_w, self.dark = 0, 0, False
        self.drawn_ws = self.fed_ws = self.taken_ws = self.given_ws = 0
        self.content_ws = 3_500 * 3_600
        self.on = {load.name for load in LOADS}
        self.seen: list[set[str]] = []
        self.exchange_w = 0

    def live(self, seconds: int) -> None:
        for _ in range(seconds // STEP_S):
            self.at += STEP_S
            used_w = BASE_W + sum(load.power_w for load in LOADS if load.name in self.on) - self.sun_w
            self.exchange_w = used_w + self.power_w
            self.drawn_ws += max(0, self.exchange_w) * STEP_S
            self.fed_ws += max(0, -self.exchange_w) * STEP_S
            self.taken_ws += max(0, self.power_w) * STEP_S
            self.given_ws += max(0, -self.power_w) * STEP_S
            self.content_ws += self.power_w * STEP_S
            told = {"grid": (self.drawn_ws, self.fed_ws), "battery": (self.taken_ws, self.given_ws)}
            for meter, (taken, given) in {} if self.dark else told.items():
                raw = (taken // 3_600, given // 3_600, self.at, self.at)
                permille = max(0, self.content_ws // 3_600 * 1_000 // CAPACITY_WH) if meter == "battery" else None
                sample = RegisterSample("S", *raw, False, False, True, b"", charge_permille=permille)
                self.agent.heard(meter, sample)
            self.power_w = self.agent.step(self.at)["battery"]
            self.on = {name for name, on in self.agent.switches.restart.on.items() if on}
            words = {load.name: load.name in self.on for load in LOADS}
            (self.agent.folder.path / SWITCHED).write_text(json.dumps(words))
            self.seen.append(set(self.on))

    @property
    def status(self) -> dict[str, Any]:
        return self.agent.status(self.at)


async def live(node: Node, house: House, seconds: int) -> None:
    for _ in range(seconds // 150):
        await tick_at(node, house.at + 150)
        await asyncio.to_thread(house.live, 150)


def test_a_home_sheds_goes_dark_and_starts_again_in_the_published_order(folder: Path, tmp_path: Path) -> None:
    with homes_of(folder):
        asyncio.run(_through_the_dark(folder, AgentFolder(tmp_path / "agent")))
    assert main(["dispatch", "status", "--dir", str(tmp_path / "agent")]) == 0


async def _through_the_dark(folder: Path, kept: AgentFolder) -> None:
    simulator = MeterSimulator(KINDS["sunspec-inverter"], TcpLine())
    (folder / INVERTERS_FILE).write_text(f'inverters = ["{simulator.source}?every_s=1"]\n')
    shown = Registers(FIRST - 600, 1_000_000, 500_000, -900)
    plug = asyncio.create_task(simulator.run(lambda: shown))
    try:
        async with running(folder, FIRST - 600) as node:
            servers = Servers(node, ServeOptions(rpc_port=0, web_port=0))
            await servers.start()
            assert servers.web_url is not None
            try:
                with Client(servers.web_url, KEYS["H01"].private_key) as client:
                    agent = await asyncio.to_thread(MemberAgent, HOME, kept, client, FIRST - 600)
                    house = House(agent, FIRST - 600)
                    await mode_after(node, house.at + 10, there=True)
                    await live(node, house, 600)
                    assert not agent.island
                    assert house.on == ORDER[-1]
                    shown = Registers(house.at, 1_000_000, 500_001, -900, grid_there=False)
                    assert await mode_after(node, house.at + 10, there=False) == "island"
                    await sheds_and_goes_dark(node, house)
                    await starts_again(node, house)
                    shown = Registers(house.at, 1_000_000, 500_002, -900)
                    await mode_after(node, house.at + 10, there=True)
                    assert await mode_after(node, house.at + 10 + STEADY_S, there=True) == "together"
                    await comes_back(node, house)
            finally:
                node.events.close()
                await servers.stop()
    finally:
        plug.cancel()
        await asyncio.gather(plug, return_exceptions=True)
        simulator.close()


async def sheds_and_goes_dark(node: Node, house: House) -> None:
    """What is critical goes on and nothing else; then the small battery trips, and the meters fall silent."""
    house.seen.clear()
    await live(node, house, 1_800)
    changes = [on for place, on in enumerate(house.seen) if not place or on != house.seen[place - 1]]
    assert changes == [ORDER[-1], {"fridge"}]
    assert house.agent.island
    assert house.power_w == pytest.approx(-BASE_W - 150, abs=130)
    house.dark = True
    await live(node, house, SILENT_S + 300)
    assert house.on == set()


async def starts_again(node: Node, house: House) -> None:
    """The sun is there: groups follow each other, and none before the one before it has said that it is on."""
    house.dark, house.sun_w = False, SUN_W
    house.seen.clear()
    await live(node, house, 1_200)
    kinds = [on for place, on in enumerate(house.seen) if on and (not place or on != house.seen[place - 1])]
    assert kinds == ORDER
    assert all(load["acknowledged"] for load in house.status["loads"])
    assert [load["name"] for load in house.status["loads"]] == ["fridge", "pump", "boiler"]


async def comes_back(node: Node, house: House) -> None:
    """The exchange with the grid moves by no more than a tenth of the connection a minute."""
    exchanges = []
    for _ in range(8):
        await tick_at(node, house.at + 60)
        await asyncio.to_thread(house.live, 60)
        exchanges.append(house.exchange_w)
    assert not house.agent.island
    assert house.on == ORDER[-1]
    assert all(abs(after - before) <= HOME.import_max_w // 10 + 60 for before, after in pairwise(exchanges))
