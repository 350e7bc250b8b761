"""A backup of a node that trades and settles: one moment, from which a node starts as after a power cut."""

import asyncio
import shutil
import threading
from pathlib import Path

import pytest

from energy.errors import Misconfigured
from node.backup.archive import create_backup, restore_backup, verify_backup
from node.chain.upkeep.verifying import Verified, verify_chain
from node.storage.log import replay
from tests.support.real_node import FIRST, LENGTH_S, found, hear, homes_of, running, tick_at, trade

SECOND, END = FIRST + LENGTH_S, FIRST + 2 * LENGTH_S


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found(tmp_path / "node")
    return tmp_path / "node"


def test_backups_of_a_working_node_go_on_to_the_same_money(folder: Path, tmp_path: Path) -> None:
    archives: list[Path] = []
    stop = threading.Event()

    def keep_backing_up() -> None:
        while not stop.wait(0.1):
            path = tmp_path / f"backup-{len(archives)}.tar"
            create_backup(folder, path, with_keys=True)
            archives.append(path)

    async def work() -> int:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                backups = threading.Thread(target=keep_backing_up)
                backups.start()
                try:
                    await tick_at(node, FIRST - 1_200)
                    await trade(node, homes, "H01", "H02", 400, FIRST)
                    await hear(node, homes, FIRST)
                    homes.use("H01", export_wh=500)
                    homes.use("H02", import_wh=350)
                    await hear(node, homes, SECOND)
                    assert (await hear(node, homes, END)).settled
                finally:
                    stop.set()
                    await asyncio.to_thread(backups.join)
                return int(node.status()["lastRun"]["runId"])

    assert asyncio.run(work()) == 1
    heads = [verify_backup(path).block or 0 for path in archives]
    assert heads == sorted(heads)
    seed_hash, records = replay(folder / "journal.log", _seed(folder))

    for place, path in {0: archives[0], len(archives) // 2: archives[len(archives) // 2], -1: archives[-1]}.items():
        restored = tmp_path / f"restored-{place}"
        restore_backup(path, restored)
        shutil.copytree(folder / "meters", restored / "meters", dirs_exist_ok=True, symlinks=True)

        async def resume(where: Path = restored) -> None:
            async with running(where, END) as node:
                status = node.status()
                if status["lastRun"] is not None:
                    rows = node.queries.runs(limit=1, newest_first=True)["items"]
                    assert rows[0]["netSumNeur"] == 0

        asyncio.run(resume())
        _, kept = replay(restored / "journal.log", _seed(restored))
        assert kept[: len(records)] == records[: len(kept)]
        assert isinstance(verify_chain(restored / "chain"), Verified)
    assert seed_hash


def test_a_node_that_has_never_started_is_backed_up_and_starts_elsewhere(folder: Path, tmp_path: Path) -> None:
    create_backup(folder, tmp_path / "fresh.tar", with_keys=True)
    assert verify_backup(tmp_path / "fresh.tar").journal_records == 0
    restore_backup(tmp_path / "fresh.tar", tmp_path / "again")
    (tmp_path / "again" / "meters").mkdir(exist_ok=True)

    async def start() -> None:
        with homes_of(tmp_path / "again"):
            async with running(tmp_path / "again", FIRST - 1_200) as node:
                await tick_at(node, FIRST - 1_200)

    asyncio.run(start())
    (tmp_path / "again" / "journal.log").unlink()
    with pytest.raises(Misconfigured, match=r"journal\.log is missing"):
        create_backup(tmp_path / "again", tmp_path / "lost.tar", with_keys=True)
    assert not (tmp_path / "lost.tar").exists()


def _seed(folder: Path) -> bytes:
    from node.coop.community import Community

    return Community.load(folder / "community.json").digest()
