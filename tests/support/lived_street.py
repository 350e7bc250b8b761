"""The demo's street on a real node for as long as a test wants: `node.demo.runner` with time in the test's hands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dispatch.site_plan import SitePlanner
from market.mechanism import Mechanism
from node.app import Node, TickReport
from node.clock import SimulatedClock
from node.coop.founding import is_founded
from node.demo.checkpoint import Checkpoint
from node.demo.client import RpcClient
from node.demo.day import Day, Meters, Pace, Stage
from node.demo.founding import found_demo, market_of
from node.demo.guest import Guest
from node.demo.residents import settle_in
from node.demo.street import Street
from node.serve import ServeOptions, Servers

SEED: Final = 1
GUEST: Final = Guest.of(SEED)


@dataclass(frozen=True, slots=True)
class Lived:
    """A street that lives."""

    node: Node
    web_url: str
    day: Day


@asynccontextmanager
async def living(folder: Path, street: Street, pace: Pace) -> AsyncIterator[Lived]:
    """Give the street's day where the folder's checkpoint stands; found it when there is none."""
    market, planner = market_of(Mechanism.CONTINUOUS), SitePlanner(900)
    residents = settle_in(street, SEED, market, planner)
    if not is_founded(folder):
        await found_demo(folder, SEED, street, residents, GUEST, market, lambda *_: None)
    checkpoint = Checkpoint.load(folder) or Checkpoint(SEED, str(street.day), len(street.homes))
    clock = SimulatedClock(max(checkpoint.now, street.start - 900))
    meters = Meters(folder, residents, [GUEST.serial])
    node = await Node.open(folder, clock, manual_time=True)
    servers = Servers(node, ServeOptions(rpc_port=0, web_port=0))
    await servers.start()
    rpc = RpcClient(servers.rpc_url)
    try:
        stage = Stage(node, clock, street, residents, planner, meters)
        yield Lived(node, servers.web_url, Day(stage, rpc, checkpoint, pace, _nobody))
    finally:
        node.events.close()
        await rpc.close()
        await servers.stop()
        await node.close()
        meters.close()


def _nobody(step: int, report: TickReport) -> None:
    pass
