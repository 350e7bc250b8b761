"""While the chain is away meters are read and intervals signed, up to a bound; when it is back, nothing is missing."""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlmodel import Session, select

from energy.errors import Unavailable
from energy.identity import Address
from energy.results import Accepted, Rejected
from metering.readings import Reading, is_estimate
from node.app import Node
from node.chain.reading import STORE_FILE
from node.clock import SimulatedClock
from node.readings import posting
from node.readings.rows import reading_of
from node.storage import readings_log
from node.storage.models import ReadingRow
from node.storage.readings_log import SignedInterval
from oracles.guarding import Guard
from oracles.typed_data import Domain
from tests.support.real_node import FIRST, LENGTH_S, Homes, hear, homes_of, running, tick_at

ROOM = 2


async def _hear_without_chain(node: Node, homes: Homes, instant: int) -> None:
    assert isinstance(node.clock, SimulatedClock)
    node.clock.advance_to(instant)
    homes.show(instant)
    node.measuring.read_files()
    while node.measuring.missing(instant - LENGTH_S):
        await node.measuring.heard(0.05)
    with pytest.raises(Unavailable):
        await node.measuring.attest_due(instant)


def _signed_on_disk(node: Node) -> list[int]:
    records = [readings_log.decode(data) for data in node.measuring._log.records()]
    return [each.interval for each in records if isinstance(each, SignedInterval) and each.signatures]


def _rows(node: Node) -> Sequence[ReadingRow]:
    with Session(node.projection.engine) as session:
        return session.exec(select(ReadingRow)).all()


def test_what_is_signed_waits_on_disk_while_the_chain_is_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "UNPOSTED_MAX", ROOM)

    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await tick_at(node, FIRST - 1_200)
                await hear(node, homes, FIRST)
                node._chain.kill()
                for number in range(1, 5):
                    homes.use("H02", import_wh=100 * number)
                    await _hear_without_chain(node, homes, FIRST + number * LENGTH_S)
                await node.measuring.synced()
                assert _signed_on_disk(node) == [FIRST, FIRST + LENGTH_S], "no more than there is room for"
                said = {each["code"]: each["facts"] for each in node.concerns()}
                assert said == {"chain-away": {"count": ROOM}, "queue-full": {"count": ROOM}}
            async with running(folder, FIRST + 4 * LENGTH_S) as node:
                report = await tick_at(node, FIRST + 4 * LENGTH_S)
                assert list(report.attested) == [FIRST + number * LENGTH_S for number in range(4)]
                assert node.concerns() == []
                rows = [reading_of(row, LENGTH_S) for row in _rows(node)]
                drawn = {each.interval: each.import_wh for each in rows if each.import_wh}
                assert drawn == {FIRST + number * LENGTH_S: 100 * (number + 1) for number in range(4)}
                assert not any(is_estimate(each) for each in rows)

    asyncio.run(asyncio.wait_for(check(), 120))


def test_a_chain_that_takes_nothing_for_now_is_waited_for(folder: Path) -> None:
    """Its disk is full, or its file held for writing, as here: nobody has refused anything, and the node lives on."""

    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await tick_at(node, FIRST - 1_200)
                await hear(node, homes, FIRST)
                holder = sqlite3.connect(folder / "chain" / STORE_FILE, isolation_level=None)
                holder.execute("BEGIN IMMEDIATE")
                homes.use("H02", import_wh=100)
                await _hear_without_chain(node, homes, FIRST + LENGTH_S)
                assert [each["code"] for each in node.concerns()] == ["chain-away"]
                holder.execute("ROLLBACK")
                holder.close()
                report = await tick_at(node, FIRST + LENGTH_S)
                assert list(report.attested) == [FIRST]
                assert node.concerns() == []

    asyncio.run(asyncio.wait_for(check(), 120))


class SlowGuard:
    """A key on a machine that answers only once the node's loop has run on."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self.asked = threading.Event()
        self.gone_on = threading.Event()

    @property
    def address(self) -> Address:
        return self._guard.address

    def sign_readings(self, domain: Domain, readings: Sequence[Reading]) -> Accepted[bytes] | Rejected:
        self.asked.set()
        if not self.gone_on.wait(10):
            raise Unavailable("the loop stood still")
        return self._guard.sign_readings(domain, readings)

    def __getattr__(self, name: str) -> object:
        return getattr(self._guard, name)


def test_the_loop_runs_on_while_a_key_takes_its_time(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await tick_at(node, FIRST - 1_200)
                await hear(node, homes, FIRST)
                slow = SlowGuard(node.measuring._signers[0])
                node.measuring._oracles[0]._signer = slow  # type: ignore[assignment]  # the rest is the guard's own
                homes.use("H01", import_wh=50)
                ticking = asyncio.create_task(hear(node, homes, FIRST + LENGTH_S))
                while not slow.asked.is_set():
                    await asyncio.sleep(0.01)
                slow.gone_on.set()
                assert (await ticking).attested == (FIRST,)
                signatures = [row.signatures for row in _rows(node)]
                assert all(slow.address.hex() in each for each in signatures)

    asyncio.run(asyncio.wait_for(check(), 60))
