"""A silent or doubtful meter holds nobody up: estimates settle provisionally, and what comes late is put right."""

import asyncio
from pathlib import Path

from sqlmodel import Session, col, select

from energy.identity import hex_text
from metering.linky.decoder import Status
from metering.readings import QualityCode, TrustClass, quality
from node.app import Node
from node.cli.main import main
from node.storage.models import CertificateRow, CorrectionRow, EntryRow, ReadingRow, RunRow
from tests.support.real_node import FIRST, KEYS, LENGTH_S, TARIFF, Homes, hear, homes_of, running, tick_at
from tests.support.tables import all_rows

SECOND, END = FIRST + LENGTH_S, FIRST + 2 * LENGTH_S
WAIT_S = 7_200
BACK = END + WAIT_S
"""When the silent meter speaks again."""
H03 = hex_text(KEYS["H03"].address)
FILE = ("H01", "H02")
CLOSED = Status(0)


async def _hear_line(node: Node, homes: Homes, instant: int, status: Status = CLOSED) -> None:
    meter = next(each.meter for each in node.community.members if each.label == "H03")
    homes.line.send(homes.line.frame(instant, *homes.registers["H03"], status=status))
    async with asyncio.timeout(60):
        while node.measuring.last_seen.get(meter) != instant:
            await asyncio.sleep(0.01)


async def _silent_for_a_run(node: Node, homes: Homes) -> None:
    """Let the Linky be silent from the second boundary on, until a run has settled without it."""
    await tick_at(node, FIRST - 1_200)
    await hear(node, homes, FIRST)
    homes.use("H01", export_wh=500)
    homes.use("H02", import_wh=300)
    homes.use("H03", export_wh=400)
    for instant in (SECOND, END):
        homes.show(instant, FILE)
        assert (await tick_at(node, instant)).attested == (), "there is time yet"
    assert (await tick_at(node, SECOND + WAIT_S)).attested == (FIRST,)
    for instant in range(END + LENGTH_S, BACK, LENGTH_S):
        homes.show(instant, FILE)
    report = await tick_at(node, BACK - 1)
    assert (report.attested, report.settled) == ((), ())
    report = await tick_at(node, BACK)
    assert report.attested == (SECOND,)
    assert len(report.settled) == 1


def _credit(node: Node, account: str) -> int:
    with Session(node.projection.engine) as session:
        return sum(row.amount_neur for row in session.exec(select(EntryRow).where(col(EntryRow.account) == account)))


def test_a_silent_meter_settles_on_an_estimate_and_is_put_right_when_it_speaks(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await _silent_for_a_run(node, homes)
                with Session(node.projection.engine) as session:
                    guesses = session.exec(select(ReadingRow).where(col(ReadingRow.account) == H03)).all()
                guess = quality(TrustClass.B, QualityCode.ESTIMATED_REFERENCE_DAY)
                assert [(each.export_wh, each.quality) for each in guesses] == [(0, guess)] * 2
                assert _credit(node, H03) == 0
            async with running(folder, BACK) as node:  # a restart changes nothing
                homes.plug_in()
                homes.show(BACK, FILE)
                await _hear_line(node, homes, BACK)
                report = await node.tick()
                assert report.attested == tuple(range(END, BACK, LENGTH_S))
                assert len(report.settled) == 4
                with Session(node.projection.engine) as session:
                    corrections = session.exec(select(CorrectionRow)).all()
                    readings = session.exec(select(ReadingRow).where(col(ReadingRow.account) == H03)).all()
                    kinds = {row.kind for row in session.exec(select(EntryRow).where(col(EntryRow.run_id) == 2))}
                    runs = session.exec(select(RunRow)).all()
                    certified = session.exec(select(CertificateRow)).all()
                assert [(each.interval, each.version, each.author) for each in corrections] == [
                    (FIRST, 2, "node"), (SECOND, 2, "node")
                ]  # fmt: skip
                versions = {each.interval: each.export_wh for each in readings}
                versions |= {each.interval: each.export_wh for each in corrections}
                assert sum(versions.values()) == 400, "what the registers gained over the gap"
                assert _credit(node, H03) == 400 * TARIFF[1], "as if it had never been silent"
                assert {"correction_due", "correction_credit"} <= kinds
                assert {run.net_sum_neur for run in runs} == {0}, "S1"
                assert {each.owner for each in certified} == {hex_text(KEYS["H01"].address)}, "O3"
                before = all_rows(node.projection.engine)
                homes.use("H03", export_wh=10)
                for label in FILE:
                    homes.show(BACK + LENGTH_S, (label,))
                node.clock.advance_to(BACK + LENGTH_S)  # type: ignore[attr-defined]
                await _hear_line(node, homes, BACK + LENGTH_S)
                assert (await node.tick()).attested == (BACK,)
                assert sorted(each.export_wh for each in node.measuring.metered(BACK) if each.final) == [0, 0, 10]
            async with running(folder, BACK + LENGTH_S) as node:
                again = all_rows(node.projection.engine)
                assert all(again[name] == rows for name, rows in before.items() if name == "correctionrow")

    asyncio.run(check())


def test_an_opened_meter_counts_again_when_a_person_has_looked(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await tick_at(node, FIRST - 1_200)
                await hear(node, homes, FIRST)
                await tick_at(node, SECOND - 100)
                await _hear_line(node, homes, SECOND - 100, Status.TERMINAL_COVER_OPEN)
                assert (await hear(node, homes, SECOND)).attested == ()
                words = ["--label", "H03", "--author", "Ada", "--reason", "the cover is closed", "--dir", str(folder)]
                assert main(["meter", "clear", *words]) == 0
                await node.tick()
                assert (await hear(node, homes, END)).attested == (), "what it showed while it was open stays doubtful"
                third = END + LENGTH_S
                assert (await hear(node, homes, third)).attested == ()
                report = await tick_at(node, END + WAIT_S)
                assert report.attested == (FIRST, SECOND, END)
                assert len(report.settled) == 1
                with Session(node.projection.engine) as session:
                    codes = {
                        row.interval: row.quality & 0xFF
                        for row in session.exec(select(ReadingRow).where(col(ReadingRow.account) == H03))
                    }
                guess = QualityCode.ESTIMATED_REFERENCE_DAY
                assert codes == {FIRST: guess, SECOND: guess, END: QualityCode.VALIDATED}
            async with running(folder, END + WAIT_S) as node:
                assert not any(each.state.tampered for each in node.measuring._meters.values()), "nor after a restart"

    asyncio.run(check())


def test_a_person_corrects_a_reading_with_name_and_reason(folder: Path) -> None:
    async def check() -> None:
        with homes_of(folder) as homes:
            async with running(folder, FIRST - 1_200) as node:
                await tick_at(node, FIRST - 1_200)
                await hear(node, homes, FIRST)
                homes.use("H02", import_wh=300)
                await hear(node, homes, SECOND)
                at = "2025-07-01T14:00"  # FIRST, in Paris
                words = ["--imported", "280Wh", "--exported", "0Wh", "--author", "Ada", "--reason", "a tenant's heater"]
                words += ["--dir", str(folder), "--label", "H02", "--interval"]
                assert main(["meter", "correct", *words, at]) == 0
                assert main(["meter", "correct", *words, "2025-07-01T15:00"]) == 0, "not attested yet"
                report = await hear(node, homes, END)
                assert len(report.settled) == 1
                assert node.measuring.rejected.get("MALFORMED_ROW") == 1
                with Session(node.projection.engine) as session:
                    (row,) = session.exec(select(CorrectionRow)).all()
                    lines = session.exec(select(EntryRow).where(col(EntryRow.reference) == row.struct_hash)).all()
                assert (row.import_wh, row.author, row.reason, row.version) == (280, "Ada", "a tenant's heater", 2)
                assert len(row.signatures.split("0x")) == 7, "three oracles"
                assert {line.account: line.amount_neur for line in lines} == {
                    hex_text(KEYS["H02"].address): 20 * TARIFF[0],
                    hex_text(node.community.supplier): -20 * TARIFF[0],
                }
                before = all_rows(node.projection.engine)
            async with running(folder, END) as node:
                await node.tick()
                assert all_rows(node.projection.engine) == before

    asyncio.run(check())
