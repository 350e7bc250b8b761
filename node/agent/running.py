"""Runs a member's agent: listens to the meters, lets it work every few seconds, and carries files to and from MQTT.

On MQTT, below the home's topic: `set/NAME` gets {"power_w": …, "valid_until": …} for each device, `status` the status
and `forecast` the forecast; `weather` takes a list of rows, `stays` the cars that are there and `switched` what
switches say, all as in the files of the folder. A load with a switch of its own gets {"on": …, "valid_until": …}.
Units: W, s, UTC epoch seconds. A broker or meter that is away is tried again for ever; the agent goes on without.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import aiomqtt

from energy import strict_json
from metering.protocols import source_of
from metering.registers import RegisterSample
from metering.sources.ports import Source
from node.agent.files import STAYS, SWITCHED, AgentFolder
from node.agent.home_file import HomeFile, meters_of
from node.agent.member_agent import MemberAgent
from node.clock import Clock
from node.integrations.home_assistant import broker_of

STEP_S: Final = 10
RETRY_S: Final = 10

logger = logging.getLogger(__name__)
Sample = tuple[str, RegisterSample]


async def run_agent(
    agent: MemberAgent, home: HomeFile, folder: AgentFolder, base: Path, clock: Clock, stop: asyncio.Event
) -> None:
    """Run until told to stop, and then stop safely.

    Args:
        agent: Of the home.
        home: Its file.
        folder: The agent's.
        base: What paths of meters are relative to.
        clock: UTC epoch seconds.
        stop: Ends it.
    """
    heard: list[Sample] = []
    sources = {name: source_of(source, base, clock.now) for name, source in meters_of(home).items()}
    tasks = [asyncio.create_task(_listen(name, source, heard)) for name, source in sources.items()]
    if home.mqtt:
        tasks.append(asyncio.create_task(_bridge(home.mqtt, folder, lambda: agent.told)))
    try:
        while not stop.is_set():
            samples, heard[:] = list(heard), []
            for name, sample in samples:
                agent.heard(name, sample)
            await asyncio.to_thread(agent.step, clock.now())
            try:
                await asyncio.wait_for(stop.wait(), STEP_S)
            except TimeoutError:
                continue
    finally:
        for source in sources.values():
            source.close()
        await asyncio.to_thread(agent.stop, clock.now())
        if home.mqtt:
            await asyncio.sleep(1)  # the last command is still to reach the broker
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _listen(name: str, source: Source, heard: list[Sample]) -> None:
    async for outcome in source.samples():
        if isinstance(outcome, RegisterSample):
            heard.append((name, outcome))
        else:
            logger.info("meter %s: %s", name, outcome)


async def _bridge(url: str, folder: AgentFolder, told: Callable[[], dict[str, Any]]) -> None:
    """Publish what the agent tells whenever it changes, and put what comes into its folder."""
    broker, topic = broker_of(url), urlsplit(url).path.strip("/") or "resilia/home"
    while True:
        try:
            async with aiomqtt.Client(
                broker.host, broker.port, username=broker.user, password=broker.password
            ) as client:
                await client.subscribe([(f"{topic}/weather", 1), (f"{topic}/stays", 1), (f"{topic}/switched", 1)])
                async with asyncio.TaskGroup() as both:
                    both.create_task(_take(client, topic, folder))
                    both.create_task(_publish(client, topic, told))
        except* (aiomqtt.MqttError, OSError) as group:
            logger.warning("the MQTT broker is away: %s", group.exceptions[0])
        await asyncio.sleep(RETRY_S)


async def _take(client: aiomqtt.Client, topic: str, folder: AgentFolder) -> None:
    switched: dict[str, Any] = {}
    async for message in client.messages:
        try:
            value = (
                strict_json.loads(bytes(message.payload)) if isinstance(message.payload, bytes | bytearray) else None
            )
        except ValueError:
            value = None
        if str(message.topic) == f"{topic}/weather" and isinstance(value, list):
            folder.add_weather([row for row in value if isinstance(row, dict)])
        elif str(message.topic) == f"{topic}/stays" and isinstance(value, dict):
            folder.tell(STAYS, value)
        elif str(message.topic) == f"{topic}/switched" and isinstance(value, dict):
            folder.tell(SWITCHED, switched | value)
            switched |= value
        else:
            logger.warning("a message on %s says nothing that can be understood", message.topic)


async def _publish(client: aiomqtt.Client, topic: str, told: Callable[[], dict[str, Any]]) -> None:
    said: dict[str, Any] = {}
    while True:
        now = told()
        if now != said:
            said = now
            for device in now["commands"]["devices"]:
                command = {"power_w": device["power_w"], "valid_until": now["commands"]["valid_until"]}
                await client.publish(f"{topic}/set/{device['name']}", json.dumps(command), qos=1)
            for load in now["commands"].get("loads", ()):
                command = {"on": load["on"], "valid_until": now["commands"]["valid_until"]}
                await client.publish(f"{topic}/set/{load['name']}", json.dumps(command), qos=1)
            for name in ("status", "forecast"):
                await client.publish(f"{topic}/{name}", json.dumps(now[name]), qos=1, retain=True)
        await asyncio.sleep(0.5)
