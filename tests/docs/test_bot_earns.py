"""The bot of the documents earns money among the demo's neighbours, and holds nothing when the gate closes."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sqlmodel import Session, col, select

from energy.identity import hex_text
from node.app import Node
from node.client import Client
from node.demo.founding import DEPOSIT_NEUR, RUN_INTERVALS
from node.demo.runner import DEFAULT_DAY
from node.demo.street import load_street
from node.storage.models import Account, EntryRow
from tests.support.documents import blocks
from tests.support.lived_street import GUEST, living
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


def test_bot_earns_settled_money_among_the_neighbours_of_the_demo(tmp_path: Path) -> None:
    street = load_street(DEFAULT_DAY, HOMES)
    street = replace(street, start=street.start + MORNING_S)
    step = bot()["step"]
    clients: list[Client] = []

    async def lived() -> Node:
        minutes = Minutes(lambda: step(clients[0]), street.start + INTERVALS * 900 + 30)
        async with living(tmp_path, street, minutes) as found:
            with Client(found.web_url, GUEST.key.private_key) as client:
                clients.append(client)
                with suppress(Over):
                    await found.day.run()
            return found.node

    node = asyncio.run(lived())
    account = hex_text(GUEST.key.address)
    with Session(node.projection.engine) as session:
        row = session.exec(select(Account).where(col(Account.address) == account)).one()
        entries = session.exec(select(EntryRow).where(col(EntryRow.account) == account)).all()
    assert row.balance_neur - DEPOSIT_NEUR == sum(entry.amount_neur for entry in entries) > 0
    assert {entry.kind for entry in entries} == {"sale", "purchase"}, "nothing was left to be settled as imbalance"
