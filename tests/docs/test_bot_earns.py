"""The bot of the documents earns money among the demo's neighbours, and holds nothing when the gate closes."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sqlmodel import Session, col, select

from dispatch.site_plan import SitePlanner
from energy.identity import hex_text
from market.mechanism import Mechanism
from node.app import Node, TickReport
from node.client import Client
from node.clock import SimulatedClock
from node.demo.checkpoint import Checkpoint
from node.demo.client import RpcClient
from node.demo.day import Day, Meters, Stage
from node.demo.founding import DEPOSIT_NEUR, RUN_INTERVALS, found_demo, market_of
from node.demo.guest import Guest
from node.demo.residents import settle_in
from node.demo.runner import DEFAULT_DAY
from node.demo.street import load_street
from node.serve import ServeOptions, Servers
from node.storage.models import Account, EntryRow
from tests.support.documents import blocks
from tests.support.source_tree import ROOT

HOMES: Final = 4
MORNING_S: Final = 10 * 3_600
"""The street of the test begins at ten, when the sun is up."""
INTERVALS: Final = RUN_INTERVALS
"""So many are lived: one run."""


def bot() -> dict[str, Any]:
    (snippet,) = blocks(ROOT / "docs" / "BOT.md", "python")
    assert len([line for line in snippet.text.splitlines() if line.strip()]) <= 40
    names: dict[str, Any] = {"__name__": "bot"}
    exec(snippet.text, names)
    return names


class Over(Exception):
    """The test has seen enough."""


@dataclass
class Minutes:
    """Time that passes minute by minute, and a bot that looks after each."""

    look: Callable[[], None]
    end: int

    async def wait(self, now: int, until: int) -> int:
        await asyncio.to_thread(self.look)
        if now >= self.end:
            raise Over
        return min(until, now + 60)


def nobody(step: int, report: TickReport) -> None:
    pass


def test_bot_earns_settled_money_among_the_neighbours_of_the_demo(tmp_path: Path) -> None:
    street = load_street(DEFAULT_DAY, HOMES)
    street = replace(street, start=street.start + MORNING_S)
    market, planner, guest = market_of(Mechanism.CONTINUOUS), SitePlanner(900), Guest.of(1)
    residents = settle_in(street, 1, market, planner)
    step = bot()["step"]

    async def lived() -> Node:
        await found_demo(tmp_path, 1, street, residents, guest, market, lambda *_: None)
        clock, meters = SimulatedClock(street.start - 900), Meters(tmp_path, residents, [guest.serial])
        node = await Node.open(tmp_path, clock, manual_time=True)
        servers = Servers(node, ServeOptions(rpc_port=0, web_port=0))
        await servers.start()
        rpc, client = RpcClient(servers.rpc_url), Client(servers.web_url, guest.key.private_key)
        stage = Stage(node, clock, street, residents, planner, meters)
        minutes = Minutes(lambda: step(client), street.start + INTERVALS * 900 + 30)
        checkpoint = Checkpoint(1, str(DEFAULT_DAY), HOMES)
        try:
            with suppress(Over):
                await Day(stage, rpc, checkpoint, minutes, nobody).run()
        finally:
            client.__exit__(None, None, None)
            node.events.close()
            await rpc.close()
            await servers.stop()
            await node.close()
            meters.close()
        return node

    node = asyncio.run(lived())
    account = hex_text(guest.key.address)
    with Session(node.projection.engine) as session:
        row = session.exec(select(Account).where(col(Account.address) == account)).one()
        entries = session.exec(select(EntryRow).where(col(EntryRow.account) == account)).all()
    assert row.balance_neur - DEPOSIT_NEUR == sum(entry.amount_neur for entry in entries) > 0
    assert {entry.kind for entry in entries} == {"sale", "purchase"}, "nothing was left to be settled as imbalance"
