"""A node's logs and a standby's word, in this process: who is believed, and what is sent."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest

from energy.errors import Misconfigured
from node.chain.role import await_standby, is_standby, read_role
from node.chain.seal import Sealer
from node.standby.replication import Replication
from node.standby.words import BadWord, Position, Records, logs_digest, taken_over_digest
from node.storage import log as log_module
from node.storage.log import AppendLog
from node.views.concerns import Concerns
from tests.support.agreements import AGREEMENT
from tests.support.chain import SEALER

NAME = "0x" + "5a" * 16
LOGS = ("journal", "readings")


@dataclass
class Standby:
    """Asks as a standby does, and keeps what it gets."""

    replication: Replication
    name: str = NAME
    key: Sealer = SEALER
    challenge: bytes = bytes(32)
    kept: dict[str, list[bytes]] = field(default_factory=lambda: {log: [] for log in LOGS})

    def positions(self) -> dict[str, Position]:
        found = {}
        for log, records in self.kept.items():
            reached = AGREEMENT.digest()
            for record in records:
                reached = sha256(reached + record).digest()
            found[log] = Position(len(records), reached)
        return found

    async def ask(self) -> Records:
        positions = self.positions()
        word = self.key.say(logs_digest(AGREEMENT.chain_id, self.name, self.challenge, positions))
        answer = await self.replication.records(self.name, self.challenge, positions, word)
        self.challenge = answer.challenge
        for log, records in answer.records.items():
            self.kept[log] += records
        return answer


def with_node(folder: Path, check: Callable[[Replication, AppendLog], Awaitable[None]]) -> None:
    """Run a check on the logs of a node that waits for the standby NAME, with three records in the journal."""

    async def run() -> None:
        (folder / "chain").mkdir()
        await_standby(folder / "chain")
        assert is_standby(folder / "chain", NAME)
        logs = [AppendLog(folder / f"{log}.log", AGREEMENT.digest()) for log in LOGS]
        for number in range(3):
            logs[0].append(b"record %d" % number)
        await logs[0].flushed()
        await check(Replication(folder, AGREEMENT, SEALER.address, logs, Concerns()), logs[0])
        for log in logs:
            await log.close()

    asyncio.run(run())


def test_what_a_standby_has_counts_once_it_says_so(tmp_path: Path) -> None:
    async def check(replication: Replication, journal: AppendLog) -> None:
        standby = Standby(replication)
        assert (await standby.ask()).records == {}, "the challenge first"
        answer = await standby.ask()
        assert (answer.awaited, answer.counts) == (True, {"journal": 3, "readings": 0})
        assert standby.kept["journal"] == [b"record 0", b"record 1", b"record 2"]
        assert journal.acknowledged == 0
        journal.append(b"record 3")
        placing = asyncio.create_task(journal.synced())
        await asyncio.sleep(0.05)
        assert not placing.done()
        await standby.ask()
        assert (standby.kept["journal"][3:], journal.acknowledged) == ([b"record 3"], 3)
        asking = asyncio.create_task(standby.ask())
        await placing
        assert journal.acknowledged == 4
        await asking

    with_node(tmp_path, check)


def test_records_go_to_the_holder_of_the_sealing_key_alone(tmp_path: Path) -> None:
    async def check(replication: Replication, journal: AppendLog) -> None:
        stranger = Standby(replication, key=Sealer(b"\x11" * 32))
        assert (await stranger.ask()).records == {}
        with pytest.raises(BadWord, match="not signed with the sealing key"):
            await stranger.ask()
        # Nor to who repeats a word of another life of the node, or of other positions.
        standby = Standby(replication)
        word = SEALER.say(logs_digest(AGREEMENT.chain_id, NAME, bytes(32), standby.positions()))
        assert (await replication.records(NAME, bytes(32), standby.positions(), word)).records == {}
        with pytest.raises(BadWord, match="not signed"):
            await replication.records(NAME, stranger.challenge, standby.positions(), word)
        assert journal.acknowledged == 0

    with_node(tmp_path, check)


def test_another_follower_with_the_key_is_served_and_not_waited_for(tmp_path: Path) -> None:
    async def check(replication: Replication, journal: AppendLog) -> None:
        other = Standby(replication, "0x02")
        for _ in range(3):
            assert not (await other.ask()).awaited
        assert len(other.kept["journal"]) == 3
        assert journal.acknowledged == 0

    with_node(tmp_path, check)


def test_a_log_that_is_not_the_beginning_of_this_one_is_refused(tmp_path: Path) -> None:
    async def check(replication: Replication, journal: AppendLog) -> None:
        for wrong in ([b"another"], [b"record 0", b"record 1", b"record 2", b"more than there is"]):
            standby = Standby(replication)
            await standby.ask()
            standby.kept["journal"] += wrong
            with pytest.raises(BadWord, match="is not this node's"):
                await standby.ask()
        assert journal.acknowledged == 0
        standby = Standby(replication)
        for _ in range(3):
            await standby.ask()
        standby.kept["journal"].pop()
        with pytest.raises(BadWord, match="an old word"):
            await standby.ask()

    with_node(tmp_path, check)


def test_what_is_long_ago_comes_from_the_disk_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "RECENT_MAX", 5)
    monkeypatch.setattr("node.standby.replication.BYTES_MAX", 40)

    async def check(replication: Replication, journal: AppendLog) -> None:
        for number in range(3, 50):
            journal.append(b"record %d" % number)
        await journal.flushed()
        standby = Standby(replication)
        asked = 0
        while len(standby.kept["journal"]) < 50:
            await standby.ask()
            asked += 1
        assert standby.kept["journal"] == [b"record %d" % number for number in range(50)]
        assert asked > 10
        # A second one begins in the middle.
        later = Standby(replication, "0x03", kept={"journal": standby.kept["journal"][:20], "readings": []})
        for _ in range(2):
            await later.ask()
        assert later.kept["journal"][20] == b"record 20"

    with_node(tmp_path, check)


def test_the_node_ends_when_its_own_standby_has_taken_over(tmp_path: Path) -> None:
    async def check(replication: Replication, journal: AppendLog) -> None:
        def said(name: str, key: Sealer = SEALER) -> bool:
            return replication.hear_taken_over(name, key.say(taken_over_digest(AGREEMENT.chain_id, name)))

        with pytest.raises(BadWord):
            said(NAME, Sealer(b"\x11" * 32))
        assert not said("0x02")
        replication.require_not_replaced()
        assert read_role(tmp_path / "chain").role == "sealer"
        assert said(NAME)
        assert read_role(tmp_path / "chain").role == "retired"
        with pytest.raises(Misconfigured, match="has taken over"):
            replication.require_not_replaced()

    with_node(tmp_path, check)
