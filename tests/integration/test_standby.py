"""A standby of the whole node, in real processes: nothing acknowledged is lost, no second market, no fork."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from energy.identity import hex_text
from market import journal
from market.commands import PlaceOrder
from market.orders import Order, Side, TimeInForce
from metering.files.csv_row import encode_row
from node.chain.role import read_role
from node.chain.upkeep.verifying import require_verified, verify_chain
from node.cli.main import main as resilia
from node.coop.community import Community
from node.facts.adopting import PERIOD_S
from node.orders.typed_data import order_digest
from node.rpc.codes import UNAVAILABLE
from node.storage.log import replay
from oracles.signatures import sign
from oracles.typed_data import community_domain
from tests.support.killed_facts import ask_for_facts, say
from tests.support.nats_servers import free_port
from tests.support.real_node import FIRST, KEYS, LENGTH_S, SERIALS
from tests.support.source_tree import ROOT
from tests.support.standbys import Process, node, running, standby
from tests.support.standing_node import METER, found

BEFORE = FIRST - 3_600
ORDERS = 60


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """The folder of a community, and that of its standby."""
    first, second = tmp_path / "first", tmp_path / "second"
    found(first)
    with node(first, free_port(), BEFORE) as begun:
        begun.stop()
    archive = str(tmp_path / "first.tar")
    assert resilia(["backup", "create", archive, "--dir", str(first), "--with-keys"]) == 0
    assert resilia(["backup", "restore", archive, "--dir", str(second), "--as-standby"]) == 0
    # A restored copy is nobody's second node.
    assert resilia(["node", "--dir", str(second)]) == 78
    return first, second


@dataclass
class Crowd:
    """Members who place orders at once, each from a thread of its own, and keep the receipts."""

    community: Community
    nonce: int = 0
    receipts: list[dict[str, Any]] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)

    def order(self, label: str, side: Side, price: int) -> list[Any]:
        """Return a signed order as JSON-RPC takes it."""
        self.nonce += 1
        order = Order(KEYS[label].address, FIRST, side, 10, price, TimeInForce.GOOD_TILL_GATE, self.nonce, 0)
        domain = community_domain(self.community.chain_id, self.community.contracts.settlement)
        signature = sign(KEYS[label].private_key, order_digest(domain, order))
        plain = {
            "account": hex_text(order.account), "interval": FIRST, "side": side.name.lower(), "quantityWh": 10,
            "limitPrice": price, "timeInForce": "good-till-gate", "nonce": order.nonce, "expiry": 0,
        }  # fmt: skip
        return [plain, hex_text(signature)]

    def place(self, served: Process, count: int, seed: int) -> threading.Thread:
        """Let them begin; the thread ends when all are answered, or the node is dead."""
        chance = Random(seed)
        sides = ((label, side) for label in ("H01", "H02") for side in (Side.SELL, Side.BUY))
        kinds = list(sides)
        orders = [self.order(*chance.choice(kinds), chance.randrange(80, 121) * 1_000) for _ in range(count)]
        thread = threading.Thread(target=lambda: asyncio.run(self._place(served.url, orders)))
        thread.start()
        return thread

    async def _place(self, url: str, orders: list[list[Any]]) -> None:
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:

            async def one(order: list[Any]) -> None:
                body = {"jsonrpc": "2.0", "id": 1, "method": "energy_placeOrder", "params": order}
                try:
                    answer = (await client.post(url, json=body)).json()
                except httpx.HTTPError:
                    return
                if "result" in answer:
                    self.receipts.append(answer["result"])
                else:
                    self.refused.append(answer["error"]["code"])

            waiting = list(orders)

            async def member() -> None:
                while waiting:
                    await one(waiting.pop(0))

            await asyncio.gather(*(member() for _ in range(8)))


def require_in_journal(folder: Path, community: Community, receipts: list[dict[str, Any]]) -> None:
    """Hold every receipt against a journal: the order, in its place, behind the same records."""
    seed = community.digest()
    _, records = replay(folder / "journal.log", seed)
    hashes, reached = [], seed
    for record in records:
        reached = journal.chain_hash(reached, record)
        hashes.append(reached)
    for receipt in receipts:
        _, _, command = journal.decode(records[receipt["sequence"] - 1])
        assert isinstance(command, PlaceOrder)
        assert hex_text(command.digest) == receipt["orderDigest"]
        assert hex_text(hashes[receipt["sequence"] - 1]) == receipt["journalHash"]


def settle(served: Process) -> list[int]:
    """Let the gates close and the meters tell, until the first run may be settled; return the runs that were."""
    settled = list(served.at(FIRST - 300))
    for boundary in range(FIRST, FIRST + 3 * LENGTH_S, LENGTH_S):
        with open(served.folder / METER, "ab") as file:
            for number, label in enumerate(("H01", "H02", "H03")):
                total = 1_000 * number + (boundary - FIRST) // 10
                file.write(encode_row(SERIALS[label], boundary, total, total) + b"\n")
        answer = served.at(boundary + 1)
        assert isinstance(answer, list), answer
        settled += answer
    return settled


@pytest.mark.parametrize("seed", range(3))
def test_the_standby_serves_all_that_was_acknowledged_when_the_node_is_killed(
    folders: tuple[Path, Path], seed: int
) -> None:
    first, second = folders
    community = Community.load(first / "community.json")
    crowd, port = Crowd(community), free_port()
    wanted = Random(f"kill {seed}").randrange(1, ORDERS - 10)
    with node(first, port, BEFORE, "await") as old, standby(second, old.url):
        assert old.at(BEFORE + 1) == []
        placing = crowd.place(old, ORDERS, seed)
        while len(crowd.receipts) < wanted:
            assert placing.is_alive()
            time.sleep(0.001)
        old.process.kill()
        placing.join()
    receipts = list(crowd.receipts)
    assert wanted <= len(receipts) < ORDERS, "it was killed in the middle"
    assert resilia(["chain", "take-over", "--dir", str(second), "--sealer-is-gone"]) == 0
    require_in_journal(second, community, receipts)

    # The old one comes back, not knowing: it acknowledges nothing, and ends for good once it is told.
    back = ["node.cli.main", "node", "--dir", str(first), "--rpc-port", str(port), "--web-port", "0", "--json"]
    with running(first, *back, url=old.url) as returned:
        returned.line()
        crowd.place(returned, 3, seed).join()
        assert (len(crowd.receipts), crowd.refused[-3:]) == (len(receipts), [UNAVAILABLE] * 3)
        with node(second, free_port(), BEFORE + 2) as new:
            assert new.at(BEFORE + 3) == []
            assert returned.process.wait(60) == 78
            crowd.place(new, 10, seed + 100).join()
            assert len(crowd.receipts) == len(receipts) + 10
            assert settle(new) == [1]
            new.stop()
    assert read_role(first / "chain").role == "retired"
    assert resilia(["node", "--dir", str(first)]) == 78
    require_in_journal(second, community, crowd.receipts)
    assert require_verified(verify_chain(second / "chain")).head > 0


def agreed_on(served: Process) -> list[Any]:
    """Wait until the oracles have agreed on all three series; return these."""
    deadline = time.monotonic() + 60
    while len(known := served.ask("energy_getFacts")["result"]) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return list(known)


def test_the_standby_says_again_what_oracles_had_agreed_on(folders: tuple[Path, Path]) -> None:
    """Its own thermometer says something else in the same round, and its keys do not know what the other's said."""
    first, second = folders
    for folder, temperature in ((first, 20_000), (second, 5_000)):
        ask_for_facts(folder)
        say(folder, 110_000, 33, temperature)
    at = FIRST - 1_800
    with node(first, free_port(), at, "await") as old, standby(second, old.url):
        assert old.at(at + 61) == []
        known = agreed_on(old)
        old.process.kill()
    assert resilia(["chain", "take-over", "--dir", str(second), "--sealer-is-gone"]) == 0
    with node(second, free_port(), at + 120) as new:
        assert new.at(at + 121) == []
        time.sleep(PERIOD_S + 1)
        assert agreed_on(new) == known
        # In the next round it says what it sees.
        assert new.at(at + LENGTH_S) == []
        time.sleep(PERIOD_S + 1)
        later = {each["kind"]: each for each in agreed_on(new)}
        assert later["temp_millic"]["values"][0] < 10_000
        assert later["temp_millic"]["knownAt"] == at + LENGTH_S
        new.stop()


def test_nothing_is_acknowledged_while_the_standby_is_away(folders: tuple[Path, Path]) -> None:
    first, second = folders
    crowd = Crowd(Community.load(first / "community.json"))
    with node(first, free_port(), BEFORE, "await") as served:
        assert "no standby" in served.at(BEFORE + 1)
        crowd.place(served, 2, 1).join()
        assert (crowd.receipts, crowd.refused) == ([], [UNAVAILABLE] * 2)
        assert [each["code"] for each in served.ask("energy_getConcerns")["result"]] == ["standby-away"]
        with standby(second, served.url):
            served.at(BEFORE + 2)
            crowd.place(served, 5, 2).join()
            assert len(crowd.receipts) == 5
            assert served.ask("energy_getConcerns")["result"] == []
        crowd.place(served, 1, 3).join()
        assert len(crowd.receipts) == 5
        served.process.kill()
    # The operator says so, and says it once: from then on the node waits for nobody.
    told = subprocess.run(
        [sys.executable, "-m", "node.cli.main", "chain", "hand-over", "--dir", str(first), "--json"],
        stdout=subprocess.PIPE, check=True, cwd=ROOT,
    )  # fmt: skip
    known = json.loads(told.stdout)
    words = ["--last-block", known["headHash"], "--records", known["records"]]
    assert resilia(["chain", "take-over", "--dir", str(second), *words]) == 78, "it has not all that is here"
    assert resilia(["chain", "take-over", "--dir", str(first), *words]) == 0
    with node(first, free_port(), BEFORE + 3) as alone:
        assert alone.at(BEFORE + 4) == []
        crowd.place(alone, 2, 4).join()
        assert len(crowd.receipts) == 7
    require_in_journal(first, crowd.community, crowd.receipts)


def test_a_standby_that_was_not_level_does_not_take_over(folders: tuple[Path, Path]) -> None:
    first, second = folders
    with node(first, free_port(), BEFORE) as served, running(second) as _:
        assert served.at(BEFORE + 1) == []
        key = str(second / "keys" / "sealer.key")
        words = ["chain", "follow", str(second), "--from", served.url, "--standby", key, "--rpc-port", "0", "--json"]
        with running(second, "node.cli.main", *words) as follower:
            follower.line()
            time.sleep(1)
    assert resilia(["chain", "take-over", "--dir", str(second), "--sealer-is-gone"]) == 78


def test_nodes_are_upgraded_one_after_the_other(folders: tuple[Path, Path]) -> None:
    """The market moves to the other machine and back, while members go on trading; it is one journal and one chain."""
    first, second = folders
    crowd = Crowd(Community.load(first / "community.json"))
    now, ports = BEFORE, (free_port(), free_port())
    for turn in range(2):
        serving, other = (first, second) if turn == 0 else (second, first)
        with node(serving, ports[turn], now, "await") as served, standby(other, served.url):
            assert served.at(now + 1) == []
            crowd.place(served, 10, turn).join()
            served.stop()
        told = json.loads(_said("chain", "hand-over", "--dir", str(serving), "--json"))
        words = ["--last-block", told["headHash"], "--records", told["records"]]
        assert resilia(["chain", "take-over", "--dir", str(other), *words]) == 0
        assert resilia(["node", "--dir", str(serving)]) == 78
        now += 10
    assert len(crowd.receipts) == 20
    with node(first, ports[0], now) as served:
        assert settle(served) == [1]
        served.stop()
    require_in_journal(first, crowd.community, crowd.receipts)
    require_verified(verify_chain(first / "chain"))


def _said(*words: str) -> bytes:
    command = [sys.executable, "-m", "node.cli.main", *words]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=ROOT).stdout
