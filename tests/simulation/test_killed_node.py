"""Crowds of orders at a node that is killed at random moments: whatever it has acknowledged is there afterwards.

One seed is one history of crowds and kills. The auditor believes receipts only, and reads the journal for itself.
"""

import asyncio
import itertools
import json
import os
import random
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import Session, select

from energy.identity import digest_from_hex, hex_text
from market import journal
from market.commands import CancelOrder, PlaceOrder
from market.config import MarketConfig
from market.metered import Source
from market.orders import Order, Side, TimeInForce
from node.audit.auditing import AuditRequest, audit_market
from node.audit.replaying import replayed
from node.coop.community import Community, Member
from node.coop.founding import meter_pseudonym
from node.orders.typed_data import order_digest, order_json
from node.signing.keys import KeyPair
from node.storage.log import replay
from node.storage.models import OrderRow, TradeRow
from oracles.hashing import keccak
from oracles.typed_data import Domain, community_domain
from tests.support.real_node import FIRST, KEYS, LENGTH_S, found, homes_of, running, signed, signed_cancel

NOW = FIRST - 1_200
CLIENTS = 4
DAY = 96
"""Intervals of a day."""


@dataclass(frozen=True)
class Crowd:
    """Who places orders, and for how many intervals from the first on."""

    keys: Sequence[KeyPair] = tuple(KEYS.values())
    intervals: int = 3
    nonces: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def order(self, chance: random.Random) -> tuple[Order, KeyPair]:
        """Return an order of somebody."""
        key = chance.choice(self.keys)
        side, price = chance.choice([(Side.SELL, 101_000), (Side.BUY, 100_000), (Side.BUY, 102_000)])
        interval = FIRST + LENGTH_S * chance.randrange(self.intervals)
        wh, nonce = chance.randint(1, 3), next(self.nonces)
        return Order(key.address, interval, side, wh, price, TimeInForce.GOOD_TILL_GATE, nonce, 0), key


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


async def _client(url: str, domain: Domain, crowd: Crowd, auditor: Auditor, chance: random.Random) -> None:
    """Place and cancel orders until the node is gone."""
    own: list[tuple[KeyPair, str]] = []
    async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
        while True:
            if own and chance.random() < 0.3:
                key, text = own.pop(chance.randrange(len(own)))
                account, _, signature = signed_cancel(domain, key.address, digest_from_hex(text), key)
                cancel = {"account": hex_text(account), "orderDigest": text}
                method, params = "energy_cancelOrder", [cancel, hex_text(signature)]
            else:
                order, key = crowd.order(chance)
                method, params = "energy_placeOrder", [order_json(order), hex_text(signed(domain, order, key)[1])]
                own.append((key, hex_text(order_digest(domain, order))))
            try:
                answer = await client.post(url, json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
            except httpx.TransportError:
                return
            if "result" in answer.json():
                auditor.note(answer.json()["result"], method)


async def _crowd_until_killed(
    folder: Path, crowd: Crowd, auditor: Auditor, chance: random.Random, orders: tuple[int, int]
) -> None:
    """Let a crowd trade until a node has acknowledged so many more orders, at least and at most, and kill it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.node_process", str(folder), str(NOW),
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2], start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    url = json.loads(await asyncio.wait_for(process.stdout.readline(), 300))["rpcUrl"]
    community = Community.load(folder / "community.json")
    domain = community_domain(community.chain_id, community.contracts.settlement)
    clients = [
        asyncio.create_task(_client(url, domain, crowd, auditor, random.Random(chance.random())))
        for _ in range(CLIENTS)
    ]
    enough = len(auditor.receipts) + chance.randint(*orders)
    async with asyncio.timeout(600):
        while len(auditor.receipts) < enough:
            await asyncio.sleep(0.001)
    await asyncio.sleep(chance.random() / 20)
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    await asyncio.gather(*clients)


async def _told(folder: Path, auditor: Auditor) -> int:
    """Hold a killed node's folder against the receipts, and what it makes of it; return how many orders rest."""
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
    return len(resting)


@pytest.mark.parametrize("seed", [1, 2])
def test_no_acknowledged_order_is_missing_after_a_kill(folder: Path, seed: int) -> None:
    async def check() -> None:
        chance, auditor, crowd = random.Random(seed), Auditor(), Crowd()
        with homes_of(folder):
            for _ in range(2):
                await _crowd_until_killed(folder, crowd, auditor, chance, (5, 40))
                await _told(folder, auditor)

    asyncio.run(check())


@pytest.mark.long
def test_a_thousand_accounts_on_a_day_lose_nothing_to_a_kill(tmp_path: Path) -> None:
    loses_nothing(tmp_path / "node", accounts=1_000, intervals=DAY, orders=((3_000, 4_000), (1_000, 2_000)))


def loses_nothing(folder: Path, accounts: int, intervals: int, orders: Sequence[tuple[int, int]]) -> None:
    """Found a community, kill its node after so many orders each time, hold it to its receipts and the audit."""
    keys = [KeyPair.from_private(keccak(b"crowd %d" % number)) for number in range(accounts)]
    members = tuple(_member(key, number) for number, key in enumerate(keys))
    market = MarketConfig(open_orders_max=4_096, accounts_max=accounts + 1)
    found(folder, members=members, market=market, open_ahead=intervals)

    async def check() -> None:
        chance, auditor, crowd = random.Random(accounts), Auditor(), Crowd(keys, intervals)
        for more in orders:
            await _crowd_until_killed(folder, crowd, auditor, chance, more)
            assert await _told(folder, auditor)
        assert len(auditor.receipts) >= sum(least for least, _ in orders)
        assert audit_market(AuditRequest(folder)).findings == []

    asyncio.run(check())


def _member(key: KeyPair, number: int) -> Member:
    serial = f"SC-{number:06}"
    return Member(
        account=key.address,
        label=f"C{number:04}",
        kind="home",
        meter=meter_pseudonym(serial, key.address),
        meter_source="csv:meters/operator.csv",
        serial=serial,
        source=Source.SOLAR,
        power_max_import_w=36_000,
        power_max_export_w=36_000,
    )
