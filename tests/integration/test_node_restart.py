"""A node cut off between any two of its writes goes on to the same end: no run twice, the same hashes, the same tables.

What a crash leaves is put together from two copies of the folder, one from before a step and one from after it, since
the step writes its files one after the other: the guards' first, then a log, the chain, the tables.
"""

import asyncio
import shutil
from pathlib import Path

import pytest
from sqlmodel import Session, select

from energy.errors import Corrupt, Misconfigured
from energy.interval import Interval
from node.app import Node
from node.storage.models import CertificateRow
from oracles.records import record_values
from tests.support.real_node import FIRST, LENGTH_S, Homes, copy_of, hear, homes_of, running, tick_at, trade
from tests.support.tables import all_rows

SECOND = FIRST + LENGTH_S
END = FIRST + 2 * LENGTH_S

ATTESTING = ("guards", "readings.log", "chain", "node.sqlite")
"""What one attestation writes, in its sequence."""
SETTLING = ("readings.log", "guards", "chain", "journal.log", "node.sqlite")
"""What one run writes after the interval before it, in its sequence."""


async def _told(node: Node) -> dict[str, object]:
    """Return everything that must come out the same."""
    with Session(node.projection.engine) as session:
        numbers = session.exec(select(CertificateRow.number)).all()
    return {
        "tables": all_rows(node.projection.engine),
        "journal": node.trading.journal_hash,
        "market": node.trading.state.digest(),
        "run": await node.ledger.last_run(),
        "history": await node.ledger.history_at(await node.ledger.last_attested()),
        "head": await node.ledger.head(),
        "evidence": [await node.evidence(number) for number in numbers],
    }


async def _before_the_first_reading(folder: Path, homes: Homes) -> None:
    async with running(folder, FIRST - 1_200) as node:
        await tick_at(node, FIRST - 1_200)
        await trade(node, homes, "H01", "H02", 400, FIRST)
        await trade(node, homes, "H03", "H02", 300, SECOND)
        await hear(node, homes, FIRST)
        await tick_at(node, SECOND)  # what opens and closes now is not part of the step


async def _deliver(homes: Homes, end: int) -> None:
    homes.use("H01", export_wh=500)
    homes.use("H02", import_wh=350)
    homes.show(end, ("H01", "H02"))


async def _step(folder: Path, homes: Homes, end: int) -> dict[str, object]:
    """Run a node at an instant, let the meters tell, and return what came out."""
    async with running(folder, end) as node:
        await hear(node, homes, end)
        return await _told(node)


def _cut_off(before: Path, after: Path, written: tuple[str, ...], to: Path) -> Path:
    """Return a folder in which only some of a step's files were written."""
    copy_of(before, to)
    for name in written:
        if (to / name).is_dir():
            shutil.rmtree(to / name)
            shutil.copytree(after / name, to / name)
        else:
            shutil.copy(after / name, to / name)
    return to


def _same_after_every_cut(before: Path, sequence: tuple[str, ...], homes: Homes, end: int, tmp_path: Path) -> None:
    """Let a step happen once whole, and once more from every point at which it can have been cut off."""
    after = copy_of(before, tmp_path / "after")
    homes.folder = after
    homes.plug_in()
    expected = asyncio.run(_step(after, homes, end))
    for count in range(len(sequence) + 1):
        folder = _cut_off(before, after, sequence[:count], tmp_path / f"cut-{count}")
        homes.folder = folder
        homes.plug_in()
        found = asyncio.run(_step(folder, homes, end))
        for name, value in expected.items():
            assert found[name] == value, f"{name} differs when only {sequence[:count]} was written"


def test_an_attestation_cut_off_anywhere_comes_to_the_same_end(folder: Path, tmp_path: Path) -> None:
    with homes_of(folder) as homes:
        asyncio.run(_before_the_first_reading(folder, homes))
        asyncio.run(_deliver(homes, SECOND))
        _same_after_every_cut(folder, ATTESTING, homes, SECOND, tmp_path)


def test_a_run_cut_off_anywhere_is_settled_once_and_the_same(folder: Path, tmp_path: Path) -> None:
    async def to_the_second_reading(homes: Homes) -> None:
        await _before_the_first_reading(folder, homes)
        await _deliver(homes, SECOND)
        await _step(folder, homes, SECOND)
        async with running(folder, END) as node:
            await node.tick()
        await _deliver(homes, END)

    with homes_of(folder) as homes:
        asyncio.run(to_the_second_reading(homes))
        _same_after_every_cut(folder, SETTLING, homes, END, tmp_path)


def test_an_attestation_whose_answer_was_lost_is_not_sent_again(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            await _before_the_first_reading(folder, homes)
            async with running(folder, SECOND) as node:
                await _deliver(homes, SECOND)
                homes.show(SECOND, ("H03",))
                node.measuring.read_files()
                while node.measuring.missing(FIRST):
                    await node.measuring.heard(0.05)
                # The steps of a tick, one by one, up to the answer that does not come back.
                assert node.measuring._make_draft(Interval(FIRST), SECOND)
                await node.measuring._sign()
                signed = node.measuring._signed[FIRST]
                attested = record_values(node.measuring._posting._commitment(signed))
                await node.ledger.send("Readings", "attest", attested, list(signed.signatures))
                head = await node.ledger.head()
                assert (await node.tick()).attested == (FIRST,)
                assert await node.ledger.head() == head

    asyncio.run(check())


def test_frames_that_were_heard_are_not_needed_again(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            await _before_the_first_reading(folder, homes)
            async with running(folder, SECOND) as node:
                await _deliver(homes, SECOND)
                homes.show(SECOND, ("H03",))
                node.measuring.read_files()
                while node.measuring.missing(FIRST):
                    await node.measuring.heard(0.05)
                await node.measuring.synced()
                # Here the node stops: heard, on disk, and not signed.
            (folder / "meters" / "operator.csv").unlink()
            async with running(folder, SECOND) as node:
                assert (await node.tick()).attested == (FIRST,)

    asyncio.run(check())


def test_one_folder_has_one_node(folder: Path) -> None:
    async def check() -> None:
        async with running(folder, FIRST) as node:
            with pytest.raises(Misconfigured):
                async with running(folder, FIRST):
                    pass
            await node.tick()

    asyncio.run(check())


def test_a_folder_of_another_agreement_is_refused_and_let_go_of(folder: Path) -> None:
    async def check() -> None:
        async with running(folder, FIRST - 1_200) as node:
            await node.tick()
        agreed = (folder / "community.json").read_text()
        (folder / "community.json").write_text(agreed.replace('"open_ahead": 3', '"open_ahead": 4'))
        with pytest.raises(Misconfigured, match="another agreement"):
            async with running(folder, FIRST - 1_200):
                pass
        (folder / "community.json").write_text(agreed)
        async with running(folder, FIRST - 1_200) as node:
            await node.tick()

    asyncio.run(check())


def test_a_chain_that_says_something_else_than_the_log_is_corrupt(folder: Path, tmp_path: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            await _before_the_first_reading(folder, homes)
            other = copy_of(folder, tmp_path / "other")
            await _deliver(homes, SECOND)
            await _step(folder, homes, SECOND)
            homes.folder = other
            homes.plug_in()
            homes.use("H01", export_wh=1)
            homes.show(SECOND, ("H01", "H02"))
            await _step(other, homes, SECOND)
            shutil.rmtree(folder / "chain")
            shutil.copytree(other / "chain", folder / "chain")
            with pytest.raises(Corrupt, match="is not the one that the readings give"):
                async with running(folder, SECOND):
                    pass

    asyncio.run(check())
