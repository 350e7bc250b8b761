"""Crowds of orders at a node that is killed at random moments: whatever it has acknowledged is there afterwards.

One seed is one history of crowds and kills. The auditor believes receipts only, and reads the journal for itself.
"""

import asyncio
import json
import os
import random
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import Session, select

from energy.identity import digest_from_hex, hex_text
from market import journal
from market.commands import CancelOrder, PlaceOrder
from market.orders import Side
from node.community import Community
from node.replaying import replayed
from node.storage.log import replay
from node.storage.models import OrderRow, TradeRow
from node.typed_data import order_digest, order_json
from oracles.typed_data import Domain, community_domain
from tests.support.real_node import FIRST, KEYS, LABELS, LENGTH_S, Homes, homes_of, running, signed, signed_cancel

NOW = FIRST - 1_200
CLIENTS = 4


@dataclass
class Auditor:
    """What the members know: their receipts."""

    receipts: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Hash of the journal and order, by sequence."""
    cancelled: set[str] = field(default_factory=set)
    """Orders whose cancellation was acknowledged."""

    def note(self, result: dict[str, Any], method: str) -> None:
        told = (result["journalHash"], result["orderDigest"])
        assert self.receipts.setdefault(result["sequence"], told) == told, "two receipts for one place in the journal"
        if method == "energy_cancelOrder":
            self.cancelled.add(result["orderDigest"])

    def check(self, folder: Path) -> int:
        """Hold every receipt against the journal on disk; return how many orders the journal has."""
        seed = Community.load(folder / "community.json").digest()
        chain, records = replay(folder / "journal.log", seed)
        hashes = [seed]
        for record in records:
            hashes.append(journal.chain_hash(hashes[-1], record))
        assert hashes[-1] == chain
        commands = [journal.decode(record)[2] for record in records]
        for sequence, (told, digest) in self.receipts.items():
            assert sequence <= len(records), "an acknowledged command is missing"
            assert hex_text(hashes[sequence]) == told
            command = commands[sequence - 1]
            assert isinstance(command, PlaceOrder | CancelOrder)
            assert hex_text(command.digest) == digest
        return sum(isinstance(command, PlaceOrder) for command in commands)


async def _client(url: str, domain: Domain, homes: Homes, auditor: Auditor, chance: random.Random) -> None:
    """Place and cancel orders until the node is gone."""
    own: list[str] = []
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        while True:
            label = chance.choice(LABELS)
            if own and chance.random() < 0.3:
                digest = digest_from_hex(own.pop(chance.randrange(len(own))))
                account, _, signature = signed_cancel(domain, KEYS["H01"].address, digest, KEYS["H01"])
                cancel = {"account": hex_text(account), "orderDigest": hex_text(digest)}
                method, params = "energy_cancelOrder", [cancel, hex_text(signature)]
            else:
                side, price = chance.choice([(Side.SELL, 101_000), (Side.BUY, 100_000), (Side.BUY, 102_000)])
                interval = FIRST + LENGTH_S * chance.randrange(3)
                order, signature = signed(domain, homes.order(label, side, chance.randint(1, 3), price, interval))
                method, params = "energy_placeOrder", [order_json(order), hex_text(signature)]
                if label == "H01":
                    own.append(hex_text(order_digest(domain, order)))
            try:
                answer = await client.post(url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
            except httpx.TransportError:
                return
            if "result" in answer.json():
                auditor.note(answer.json()["result"], method)


async def _crowd_until_killed(folder: Path, homes: Homes, auditor: Auditor, chance: random.Random) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.node_process", str(folder), str(NOW),
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2], start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    url = json.loads(await asyncio.wait_for(process.stdout.readline(), 120))["rpcUrl"]
    community = Community.load(folder / "community.json")
    domain = community_domain(community.chain_id, community.contracts.settlement)
    clients = [
        asyncio.create_task(_client(url, domain, homes, auditor, random.Random(chance.random())))
        for _ in range(CLIENTS)
    ]
    enough = len(auditor.receipts) + chance.randint(5, 40)
    async with asyncio.timeout(120):
        while len(auditor.receipts) < enough:
            await asyncio.sleep(0.001)
    await asyncio.sleep(chance.random() / 20)
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    await asyncio.gather(*clients)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_acknowledged_order_is_missing_after_a_kill(folder: Path, seed: int) -> None:
    async def check() -> None:
        chance, auditor = random.Random(seed), Auditor()
        with homes_of(folder) as homes:
            for _ in range(2):
                await _crowd_until_killed(folder, homes, auditor, chance)
                placed = auditor.check(folder)
                async with running(folder, NOW) as node:
                    assert replayed(folder)["state_digest"] == node.trading.state.digest().hex()
                    resting = {hex_text(each.digest) for each in node.trading.state.resting_orders()}
                    assert not resting & auditor.cancelled
                    with Session(node.projection.engine) as session:
                        rows = session.exec(select(OrderRow)).all()
                        trades = session.exec(select(TradeRow)).all()
                    assert len(rows) == placed
                    assert {row.digest for row in rows if row.status == "resting"} == resting
                    assert sum(row.filled_wh for row in rows) == 2 * sum(each.quantity_wh for each in trades)

    asyncio.run(check())
