"""An agent on a real broker: it tells devices, switches, status and forecast, and is told of cars and switches."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiomqtt
import httpx
import pytest

from dispatch.island.restart import SwitchedLoad
from dispatch.layers import make
from dispatch.plant import Device
from metering.registers import RegisterSample
from node.agent import running
from node.agent.files import AgentFolder
from node.agent.home_file import HomeFile
from node.agent.member_agent import MemberAgent
from node.agent.running import run_agent
from node.client import Client
from node.clock import SimulatedClock
from tests.support.brokers import LOGIN, connected, running_broker

FIRST = 1_751_371_200
LENGTH_S = 900
TOLD = {"home/set/battery", "home/set/car", "home/set/boiler", "home/status", "home/forecast"}


def node(request: httpx.Request) -> httpx.Response:
    path = request.url.path.removeprefix("/api/v1")
    items = [{"interval": FIRST + i * LENGTH_S, "importTariff": 250_000, "exportTariff": 60_000} for i in range(192)]
    answers: dict[str, Any] = {
        "/status": {"now": FIRST, "intervalLengthS": LENGTH_S, "gateLeadS": 300, "openIntervals": []},
        "/signal": {"items": items},
        "/facts": [],
    }
    return httpx.Response(200, json=answers.get(path, {"items": [], "next": None}))


def test_an_agent_tells_and_is_told_on_mqtt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "STEP_S", 0.2)
    with running_broker(tmp_path) as port, Client("http://node", b"\1" * 32, httpx.MockTransport(node)) as client:
        asyncio.run(_talk(tmp_path / "agent", port, client))


async def _talk(path: Path, port: int, client: Client) -> None:
    battery, car = Device("battery", make("lithium")), Device("car", make("car"), absent=True)
    url = f"mqtt://{':'.join(LOGIN.split())}@127.0.0.1:{port}/home"
    home = HomeFile(
        "csv:grid.csv", "", 9_000, 9_000, (battery, car), {}, {}, url, 12, loads=(SwitchedLoad("boiler", 1, 50),)
    )
    ear = await connected(port)
    await ear.subscribe("home/#")
    folder, stop = AgentFolder(path), asyncio.Event()
    agent = MemberAgent(home, folder, client, FIRST)
    for at in (FIRST - 60, FIRST):
        agent.heard("grid", RegisterSample("S", at - FIRST + 1_000, 0, at, at, False, False, True, b""))
    task = asyncio.create_task(run_agent(agent, home, folder, path, SimulatedClock(FIRST + 30), stop))
    try:
        told = await _heard(ear, TOLD)
        assert told["home/set/boiler"]["on"] is True
        assert told["home/set/boiler"]["valid_until"] == FIRST + 30 + 180
        assert {each["name"] for each in told["home/forecast"]["series"]} >= {"load", "sun", "car"}
        await ear.publish("home/stays", json.dumps({"car": {"until": FIRST + 40_000, "wanted_wh": 20_000}}))
        await ear.publish("home/switched", json.dumps({"boiler": False}))
        await ear.publish("home/switched", "nonsense")
        async with asyncio.timeout(20):
            while "car" not in agent.agent.plant.stays or agent.switches.restart.said["boiler"]:
                await asyncio.sleep(0.05)
        assert not agent.status(FIRST)["loads"][0]["acknowledged"]
    finally:
        stop.set()
        await task
        await ear.__aexit__(None, None, None)


async def _heard(ear: aiomqtt.Client, wanted: set[str]) -> dict[str, Any]:
    told: dict[str, Any] = {}
    async with asyncio.timeout(20):
        async for message in ear.messages:
            assert isinstance(message.payload, bytes)
            told[str(message.topic)] = json.loads(message.payload)
            if wanted <= told.keys() and told["home/forecast"]:
                break
    return told
